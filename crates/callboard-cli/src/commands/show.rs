//! `callboard show S`.

use callboard_agents::Board;

use crate::context::{Context, tell_problems};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::stream::Out;
use crate::view::detail::detail;
use crate::view::json::push_row;
use crate::view::table::Drawing;

const AFTER_HELP: &str = "\
Examples:
  callboard show billing
  callboard show 4711 --json
  callboard show $$                          the shell that you type in";

/// show everything about one session, and which registry says what
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Show {
    /// a name, a pid or the first characters of a session id
    #[arg(value_name = "S")]
    session: String,
    /// the object of this session, as in `ps --json`
    #[arg(long)]
    json: bool,
    /// exit with 3 if anything could not be read
    #[arg(long)]
    strict: bool,
}

impl Show {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let sources = context.sources()?;
        let mut board = Board::read(&sources);
        let told = tell_problems(&std::mem::take(&mut board.problems), self.strict);
        let mut row = context.find(board, &self.session, true)?;
        row.transcript_path = sources.transcript(&row);
        let mut out = Out::new();
        if self.json {
            let mut json = String::new();
            push_row(&mut json, &row, row.transcript_path.as_deref());
            out.line(&json)?;
        } else {
            let page = context.page();
            let home = std::env::var("HOME").ok();
            let (columns, palette) = (page.columns, page.palette);
            let drawing = Drawing { now: now(), home: home.as_deref(), columns, palette };
            for line in detail(&row, drawing, local_time) {
                out.line(&line)?;
            }
        }
        out.finish()?;
        Ok(told)
    }
}

/// A time as the clock on the wall shows it.
fn local_time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    match time {
        Some(time) => {
            let local = time.to_zoned(jiff::tz::TimeZone::system());
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        None => format!("{ms} ms"),
    }
}
