//! `callboard daemon run`.

use std::time::Duration;

use callboard_host::supervisor::{ClaimError, Event, Instance, Options, Supervisor, Transition};

use super::log::Log;
use super::notify::notify;
use crate::background::{Background, refused};
use crate::commands::length_of_time;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;

const AFTER_HELP: &str = "\
One line on standard error for everything that happens, as `key=value`. Exits with 1 if there is
one for this home already. SIGTERM, SIGINT and `callboard daemon stop` end it, and no session.

Examples:
  callboard daemon run
  callboard daemon run --keep-ended 7d";

/// be the supervisor of this home, until told to end
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Run {
    /// remove sessions that have ended after so long; without it, as configured: never
    #[arg(long, value_name = "DURATION", value_parser = length_of_time)]
    keep_ended: Option<Duration>,
}

impl Run {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let hosts = Background::open(context)?.hosts;
        let instance = Instance::claim(&context.home()?).map_err(|error| not_claimed(&error))?;
        let mut options = Options::default();
        options.keep_ended = self.keep_ended.or(context.config().background.keep_ended);
        let mut log = Log::on_standard_error();
        let tell = |transition: &Transition| {
            log.tell(transition);
            match transition.event {
                Event::Ready => notify("READY=1"),
                Event::Leaving => notify("STOPPING=1"),
                _ => {}
            }
        };
        let supervisor = Supervisor::new(hosts, instance, options, tell);
        supervisor.and_then(Supervisor::run).map_err(|error| refused(&error))?;
        Ok(Exit::Yes)
    }
}

fn not_claimed(error: &ClaimError) -> Failure {
    match error {
        ClaimError::Files(error) => refused(error),
        error => {
            let message = sanitize(&error.to_string()).into_owned();
            Failure::no(format!("{message}; `callboard daemon status` says how it is"))
        }
    }
}
