//! `callboard deregister`.

use super::completions::live_sessions;
use super::target::ours;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Without S and --pid it is the script or shell that calls. The process runs on; it is only no longer
on the board.

Examples:
  trap 'callboard deregister' EXIT           in a script that has registered
  callboard deregister --pid \"$PID\"";

/// sign out the script or shell that calls this, or any session of our own
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Deregister {
    /// a name, a pid or the first characters of a session id
    #[arg(value_name = "S", conflicts_with = "pid", add = live_sessions())]
    session: Option<String>,
    /// the process; without it and S, the one that calls
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pid: Option<u32>,
}

impl Deregister {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let registry = context.registry()?;
        let pid = ours(context, &registry, self.session.as_deref(), self.pid)?;
        registry.remove(pid)?;
        Ok(Exit::Yes)
    }
}
