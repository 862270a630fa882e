//! `callboard count`.

use callboard::Verdict;
use callboard_agents::Board;
use callboard_agents::transcript::Depth;

use crate::context::{Context, tell_problems};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::json::Object;
use crate::output::stream::{Out, complain};
use crate::view::filter::Filter;

const AFTER_HELP: &str = "\
Prints one number: the sessions that are known to run. How many more may run, or could not be
read, goes to standard error (in --json: into the object).

Examples:
  callboard count
  callboard count --status waiting           for a prompt or a status bar
  callboard count --json";

/// print how many sessions are on
#[derive(Debug, Default, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Count {
    /// an object with alive, unknown and unreadable
    #[arg(long)]
    json: bool,
    /// exit with 3 if anything could not be read
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Count {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let sources = context.sources()?;
        let mut board = Board::read(&sources);
        let filter = self.filter.resolved();
        if !filter.status.is_empty() {
            board.consult(&sources, Depth::Status, now());
        }
        let of = |verdict: Verdict| {
            board.rows.iter().filter(|row| row.verdict == verdict && filter.fits(row)).count()
        };
        let (alive, unknown) = (of(Verdict::Alive), of(Verdict::Unknown));
        let unreadable: usize = board.problems.iter().map(callboard::Problem::may_hide).sum();
        let mut out = Out::new();
        if self.json {
            let mut json = String::new();
            let mut object = Object::begin(&mut json);
            object.number("alive", Some(alive as u64));
            object.number("unknown", Some(unknown as u64));
            object.number("unreadable", Some(unreadable as u64));
            object.end();
            out.line(&json)?;
        } else {
            out.line(&alive.to_string())?;
        }
        out.finish()?;
        let told = tell_problems(&board.problems, self.strict);
        if unknown > 0 && !self.json {
            complain(format_args!("and {unknown} that may run, see `callboard ps`"));
        }
        Ok(told)
    }
}
