//! `callboard rename S NAME`.

use callboard::{Patch, Registry, SignIn, Spawner, Verdict};
use callboard_agents::Row;

use super::completions::live_sessions;
use super::target::with_program;
use crate::address::rows::find;
use crate::context::{Context, is_ours, pid_here};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::view::naming::shown_name;

const AFTER_HELP: &str = "\
A session of another program's registry keeps its name there; here it is signed in under the new
one besides, and here that name counts.

Examples:
  callboard rename 4711 billing
  callboard rename billing 'billing, second try'";

/// give a session another name
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Rename {
    /// a name, a pid or the first characters of a session id
    #[arg(value_name = "S", add = live_sessions())]
    session: String,
    /// the new name
    name: String,
}

impl Rename {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        check(&self.name)?;
        let registry = context.registry()?;
        let row = find([context.listed()?], &self.session)?;
        rename(&registry, &row, &self.name)?;
        Ok(Exit::Yes)
    }
}

/// Whether it can be a name.
fn check(name: &str) -> Result<(), Failure> {
    if name.trim().is_empty() {
        return Err(Failure::usage("an empty name names nobody; give one with letters in it"));
    }
    Ok(())
}

/// Gives a session another name, in our own registry.
pub(crate) fn rename(registry: &Registry, row: &Row, name: &str) -> Result<(), Failure> {
    check(name)?;
    let pid = pid_here(registry, row)?;
    if is_ours(row) {
        registry.update(pid, &Patch::new().name(name))?;
    } else {
        sign_in_besides(registry, row, name)?;
    }
    Ok(())
}

/// Signs a session of another program's registry in with us, as what it says there, under the
/// new name.
fn sign_in_besides(registry: &Registry, row: &Row, name: &str) -> Result<(), Failure> {
    if row.verdict != Verdict::Alive {
        return Err(Failure::no(format!(
            "`{}` may or may not run ({}), so it cannot be signed in under another name; rename \
             it where it runs",
            sanitize(&shown_name(row)),
            row.evidence.explain()
        )));
    }
    let mut sign_in = SignIn::spawned_by(Spawner::default()).name(name);
    if let Some(id) = row.session_id.as_deref() {
        sign_in = sign_in.session_id(id);
    }
    if let Some(kind) = &row.kind {
        sign_in = sign_in.kind(kind.clone());
    }
    if let Some(cwd) = row.cwd.as_deref() {
        sign_in = sign_in.cwd(cwd);
    }
    if let Some(started_at) = row.started_at {
        sign_in = sign_in.started_at(started_at);
    }
    if let Some(tool) = row.tool.as_deref() {
        sign_in = with_program(sign_in, tool, row.version.as_deref());
    }
    registry.register_process(row.pid, sign_in)?;
    Ok(())
}
