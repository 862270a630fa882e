//! `callboard rm S...`.

use callboard_host::State;

use super::completions::live_sessions;
use crate::background::{Background, First, refused};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::stream::complain;
use crate::view::hosted::is_due;

const AFTER_HELP: &str = "\
Examples:
  callboard rm build
  callboard rm --all                          whatever has ended

Exits with 1 if one of them still runs; the others are forgotten all the same.";

/// forget background sessions that have ended, with their logs
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Rm {
    /// names, or first characters of ids
    #[arg(value_name = "S", required_unless_present = "all", conflicts_with = "all",
        add = live_sessions())]
    sessions: Vec<String>,
    /// every one that has ended, not those that are lost or wait for their next start
    #[arg(long)]
    all: bool,
}

impl Rm {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let background = Background::open(context)?;
        let sessions = if self.all {
            let mut all = background.list();
            // Of a lost one something may still run, and its directory says what.
            // One that is due is about to run again.
            all.retain(|session| matches!(session.state, State::Ended(_)) && !is_due(session));
            all
        } else {
            let find = |text: &String| background.find(context, text, First::Over);
            self.sessions.iter().map(find).collect::<Result<Vec<_>, _>>()?
        };
        let mut told = Exit::Yes;
        for session in sessions {
            let host = background.hosts.host(session.host);
            let removed = host.and_then(|host| host.remove(&session.id));
            match removed.map_err(|error| refused(&error)) {
                Ok(()) => {}
                Err(Failure::Told { exit, message }) => {
                    complain(message);
                    told = exit;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(told)
    }
}
