//! `callboard watch`.

use crate::board::{Options, Sort, SortBy, show};
use crate::context::Context;
use crate::exit::Ended;
use crate::failure::Failure;
use crate::view::filter::Filter;

const AFTER_HELP: &str = "\
The columns are those of `ps`. What begins to wait for you moves to the top, and for five seconds
has a `!` before it and its status in reverse. The keys stand in the last line, ? has all of them:
enter shows details and the log, a attaches, x ends, r renames, t goes to the tmux pane, f filters
as the options below do (status:busy tool:claude part of the name), / searches, s sorts.

Nothing of what is said in a conversation is shown. While nothing changes, nothing runs.

Examples:
  callboard watch
  callboard watch --status waiting,busy
  callboard watch --sort age --no-mouse      leave the mouse to the terminal, to select text

Exits with 0 when it is left, with 1 where there is no terminal.";

/// show the board as a live table: details, attach, stop, rename, go there
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Watch {
    /// by what to sort at first
    #[arg(long, value_enum, default_value_t, value_name = "COLUMN")]
    sort: SortBy,
    /// the other way round
    #[arg(long)]
    reverse: bool,
    /// leave the mouse to the terminal
    #[arg(long)]
    no_mouse: bool,
    #[command(flatten)]
    filter: Filter,
}

impl Watch {
    pub(crate) fn run(self, context: &Context) -> Result<Ended, Failure> {
        let sort = Sort { by: self.sort, reversed: self.reverse };
        show(context, Options { filter: self.filter, sort, mouse: !self.no_mouse })
    }
}
