//! `callboard update`.

use std::path::PathBuf;

use callboard::{Key, Patch, Status};

use super::completions::live_sessions;
use super::target::ours;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
Without S and --pid it is the script or shell that calls. Only what is given changes.

Examples:
  callboard update --status busy
  callboard update --status waiting --waiting-for \"review of the plan\"
  callboard update billing --session-id \"$NEW_ID\"
  callboard update --pid \"$PID\" --clear-status";

/// change what a session says: its status, its name, its conversation
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Update {
    /// a name, a pid or the first characters of a session id
    #[arg(value_name = "S", conflicts_with = "pid", add = live_sessions())]
    session: Option<String>,
    /// the process; without it and S, the one that calls
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pid: Option<u32>,
    #[command(flatten)]
    change: Change,
}

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct Change {
    /// what it is doing: busy, idle, waiting, shell, or any other word
    #[arg(long, conflicts_with = "clear_status",
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    status: Option<String>,
    /// what it waits for
    #[arg(long, value_name = "TEXT", requires = "status")]
    waiting_for: Option<String>,
    /// it no longer says what it is doing
    #[arg(long)]
    clear_status: bool,
    /// what people call it; an empty name changes nothing
    #[arg(long)]
    name: Option<String>,
    /// another conversation under the same process
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    session_id: Option<String>,
    /// its id on a remote bridge
    #[arg(long, value_name = "ID", conflicts_with = "no_bridge")]
    bridge_session_id: Option<String>,
    /// the bridge is gone
    #[arg(long)]
    no_bridge: bool,
    /// its directory
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// where its output goes
    #[arg(long, value_name = "FILE")]
    log_path: Option<String>,
}

impl Update {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let registry = context.registry()?;
        let patch = self.change.patch()?;
        let pid = ours(context, &registry, self.session.as_deref(), self.pid)?;
        registry.update(pid, &patch)?;
        Ok(Exit::Yes)
    }
}

impl Change {
    fn patch(self) -> Result<Patch, Failure> {
        let mut patch = Patch::new();
        if let Some(status) = self.status {
            patch = patch.status(Status::from(&*status), self.waiting_for.as_deref());
        }
        if self.clear_status {
            patch = patch.clear_status();
        }
        if let Some(name) = self.name {
            patch = patch.name(&name);
        }
        if let Some(id) = self.session_id {
            patch = patch.session_id(&id);
        }
        if self.bridge_session_id.is_some() || self.no_bridge {
            patch = patch.bridge_session_id(self.bridge_session_id.as_deref());
        }
        if let Some(cwd) = self.cwd {
            let absolute = std::path::absolute(&cwd).map_err(|error| {
                Failure::usage(format!("cannot use {}: {error}; give a directory", cwd.display()))
            })?;
            patch = patch.cwd(&absolute.to_string_lossy());
        }
        if let Some(path) = self.log_path {
            patch = patch.text(Key::LogPath, Some(&path));
        }
        Ok(patch)
    }
}
