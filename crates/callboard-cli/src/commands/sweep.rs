//! `callboard sweep`.

use callboard::{SweepItem, SweepReason};

use crate::context::{Context, tell_problems};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;

const AFTER_HELP: &str = "\
Only what is proven dead goes, and only from our own registry: another program's is never touched,
and a session of which nobody knows is left alone. Nothing needs this; it only tidies up.

Examples:
  callboard sweep --dry-run";

/// remove the records of sessions that are proven dead
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Sweep {
    /// only say what would be removed, and why
    #[arg(long, short = 'n')]
    dry_run: bool,
    /// exit with 3 if anything stood in the way
    #[arg(long)]
    strict: bool,
}

impl Sweep {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let registry = context.registry()?;
        let mut plan = registry.plan_sweep()?;
        let mut problems = std::mem::take(&mut plan.problems);
        let mut out = Out::new();
        if self.dry_run {
            for item in &plan.items {
                let verb = if goes_back(item) { "would put back" } else { "would remove" };
                out.line(&told(verb, item))?;
            }
        } else {
            let report = registry.sweep(&plan)?;
            problems.extend(report.problems);
            for item in &report.done {
                out.line(&told(if goes_back(item) { "put back" } else { "removed" }, item))?;
            }
            for item in &report.kept {
                out.line(&told("left alone, it has changed since:", item))?;
            }
        }
        if plan.items.is_empty() && context.page().for_people {
            out.line("nothing to sweep")?;
        }
        out.finish()?;
        Ok(tell_problems(&problems, self.strict))
    }
}

fn goes_back(item: &SweepItem) -> bool {
    item.reason == SweepReason::PutBack
}

fn told(what: &str, item: &SweepItem) -> String {
    format!("{what} {}: {}", sanitize(&item.path.to_string_lossy()), item.reason)
}
