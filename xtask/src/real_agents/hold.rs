//! A command that says when it runs, and runs until it is let go.

use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::state::now;

/// Both ends of its two pipes are open here, so neither side ever waits to open one.
pub(super) struct Hold {
    started: File,
    go: File,
}

impl Hold {
    /// Puts the script into the project, and its pipes where no agent looks for files to read.
    pub(super) fn make(project: &Path, pipes: &Path) -> Result<Self> {
        let (started, go) = (pipes.join("started"), pipes.join("go"));
        crate::workspace::run({
            let mut command = Command::new("mkfifo");
            command.arg(&started).arg(&go);
            command
        })?;
        let script =
            format!("echo started >'{}'\nread -r _ <'{}'\n", started.display(), go.display());
        fs::write(project.join("hold.sh"), script).context("cannot write hold.sh")?;
        let open = |path: &Path| OpenOptions::new().read(true).write(true).open(path);
        Ok(Self { started: open(&started)?, go: open(&go)? })
    }

    /// Waits until the command runs; when it said so.
    pub(super) fn started(&mut self, limit: Duration) -> Result<u64> {
        let mut fds = [PollFd::new(&self.started, PollFlags::IN)];
        if poll(&mut fds, Some(&Timespec::try_from(limit)?))? == 0 {
            bail!("the command did not start");
        }
        let at = now();
        let mut word = [0; 64];
        _ = self.started.read(&mut word)?;
        Ok(at)
    }

    /// Lets it come to its end.
    pub(super) fn let_go(&mut self) -> Result<()> {
        self.go.write_all(b"\n").context("cannot let the command go on")
    }
}
