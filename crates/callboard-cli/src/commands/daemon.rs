//! `callboard daemon run|status|stop|install`: the supervisor of background sessions.

mod install;
mod log;
mod notify;
mod run;
mod status;
mod stop;

use callboard_host::Error;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Background sessions need no supervisor. It starts those again that were started with a policy:
`callboard run -d --restart on-failure -- CMD`. It ends no session when it ends, or is killed.

Examples:
  callboard daemon run                        in a terminal, or in a unit
  callboard daemon status
  callboard daemon install --print systemd > ~/.config/systemd/user/callboard-daemon.service";

/// start background sessions again that have a policy that says so
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Daemon {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Run(run::Run),
    Status(status::Status),
    Stop(stop::Stop),
    Install(install::Install),
}

impl Daemon {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self.command {
            Command::Run(run) => run.run(context),
            Command::Status(status) => status.run(context),
            Command::Stop(stop) => stop.run(context),
            Command::Install(install) => install.run(),
        }
    }
}

/// One that has the lock or the socket, and does not answer.
fn unreachable(error: &Error) -> Failure {
    let next = "if it is stopped, continue it; `kill -9` of a supervisor ends no session";
    Failure::Told { exit: Exit::Unreachable, message: format!("{error}; {next}") }
}
