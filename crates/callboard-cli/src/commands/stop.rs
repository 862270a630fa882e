//! `callboard stop S...`.

use std::time::Duration;

use callboard_host::{Exit as HowItEnded, Hosted, StopPolicy, supervisor};

use super::completions::live_sessions;
use super::length_of_time;
use crate::background::{Background, First, refused};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::{Out, complain};
use crate::view::hosted::{hosted_name, is_due};

const AFTER_HELP: &str = "\
The host of the session asks everything that it has started to end, and after the grace insists.
Only sessions that a host of ours has: what is on the board otherwise ends by its own means. What
was stopped stays so, whatever its policy: also a session that waits for its next start.
Prints a line for each, its name and how it ended, separated by a tab.

Examples:
  callboard stop build
  callboard stop build --grace 1m             let it finish what it does
  callboard stop --all --grace 0              at once";

/// end background sessions, with everything that they have started
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Stop {
    /// names, pids, or first characters of ids
    #[arg(value_name = "S", required_unless_present = "all", conflicts_with = "all",
        add = live_sessions())]
    sessions: Vec<String>,
    /// every background session of this home that runs, or waits for its next start
    #[arg(long)]
    all: bool,
    /// how long they have to end by themselves; without it, what each was started with, or 10s
    #[arg(long, value_name = "DURATION", value_parser = length_of_time)]
    grace: Option<Duration>,
}

impl Stop {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let background = Background::open(context)?;
        // Every name is looked up before anything is ended.
        let sessions = if self.all {
            let mut all = background.list();
            all.retain(|session| session.state.is_live() || is_due(session));
            all
        } else {
            let find = |text: &String| background.find(context, text, First::Live);
            self.sessions.iter().map(find).collect::<Result<Vec<_>, _>>()?
        };
        let policy = StopPolicy { grace: self.grace };
        let mut out = Out::new();
        let mut told = Exit::Yes;
        // At the same time: the graces of a dozen would add up.
        std::thread::scope(|scope| {
            let stop = |session: &Hosted| stop(&background, session, policy);
            let stops: Vec<_> = sessions
                .iter()
                .map(|session| (session, scope.spawn(move || stop(session))))
                .collect();
            for (session, stop) in stops {
                let Ok(ended) = stop.join() else { return Ok(()) };
                match ended {
                    Ok(how) => {
                        let name = hosted_name(session);
                        out.line(&format!("{}\t{how}", sanitize(&name)))?;
                        out.flush()?;
                    }
                    Err(Failure::Told { exit, message }) => {
                        complain(message);
                        told = exit;
                    }
                    Err(failure) => return Err(failure),
                }
            }
            Ok(())
        })?;
        Ok(told)
    }
}

/// Ends a session, however long that takes.
pub(crate) fn stop(
    background: &Background,
    session: &Hosted,
    policy: StopPolicy,
) -> Result<HowItEnded, Failure> {
    let stopped = supervisor::stop(&background.hosts, &session.id, policy);
    stopped.map_err(|error| refused(&error))
}
