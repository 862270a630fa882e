//! `callboard show S`.

use callboard_agents::transcript::Depth;
use callboard_agents::{Board, Row};

use super::completions::live_sessions;
use crate::address::rows::find;
use crate::background::{Background, First};
use crate::context::{Context, tell_problems};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::stream::Out;
use crate::view::detail::detail;
use crate::view::hosted::{fact, facts, hosted_detail, push_hosted};
use crate::view::json::push_row;
use crate::view::table::Drawing;

const AFTER_HELP: &str = "\
Examples:
  callboard show billing
  callboard show 4711 --json
  callboard show build                       in the background: its host, and how it ended
  callboard show $$                          the shell that you type in";

/// show everything about one session, and which registry says what
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Show {
    /// a name, a pid or the first characters of a session id
    #[arg(value_name = "S", add = live_sessions())]
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
        let Board { rows, problems, .. } = Board::read(&sources);
        let (listed, gone) = rows.into_iter().partition(Row::is_listed);
        let row = match find([listed, gone], &self.session) {
            Ok(row) => row,
            Err(failure) => return self.off_the_board(context, failure),
        };
        let mut board = Board::of(row);
        board.consult(&sources, Depth::Activity, now());
        board.problems.extend(problems);
        let told = tell_problems(&board.problems, self.strict);
        let row = &board.rows[0];
        let (hosted, _) = Background::beside(context, &board.rows, false);
        let hosted = hosted.into_iter().flatten().next();
        let mut out = Out::new();
        if self.json {
            let mut json = String::new();
            push_row(&mut json, row, hosted.as_ref());
            out.line(&json)?;
        } else {
            let page = context.page();
            let home = std::env::var("HOME").ok();
            let (columns, palette) = (page.columns, page.palette);
            let drawing = Drawing { now: now(), home: home.as_deref(), columns, palette };
            for line in detail(row, drawing, local_time) {
                out.line(&line)?;
            }
            for (key, text) in hosted.iter().flat_map(|session| facts(session, local_time)) {
                out.line(&fact(key, &text, drawing))?;
            }
        }
        out.finish()?;
        Ok(told)
    }

    /// A background session that has ended has no record, and its host's files instead.
    fn off_the_board(self, context: &Context, failure: Failure) -> Result<Exit, Failure> {
        let is_nobody = matches!(failure, Failure::Told { exit: Exit::No, .. });
        let background = Background::open(context).ok().filter(|_| is_nobody);
        let Some(background) = background else { return Err(failure) };
        let session = match background.find(context, &self.session, First::Live) {
            Ok(session) => session,
            Err(several @ Failure::Told { exit: Exit::Usage, .. }) => return Err(several),
            Err(_) => return Err(failure),
        };
        let mut out = Out::new();
        if self.json {
            let mut json = String::new();
            push_hosted(&mut json, &session);
            out.line(&json)?;
        } else {
            let page = context.page();
            let (columns, palette) = (page.columns, page.palette);
            let drawing = Drawing { now: now(), home: None, columns, palette };
            for line in hosted_detail(&session, drawing, local_time) {
                out.line(&line)?;
            }
        }
        out.finish()?;
        Ok(Exit::Yes)
    }
}

/// A time as the clock on the wall shows it.
pub(crate) fn local_time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok());
    match time {
        Some(time) => {
            let local = time.to_zoned(jiff::tz::TimeZone::system());
            local.strftime("%Y-%m-%d %H:%M:%S").to_string()
        }
        None => format!("{ms} ms"),
    }
}
