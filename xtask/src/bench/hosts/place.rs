//! Where a host is tried: a directory, an environment and nothing of whoever runs the benchmark.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, mknodat, open};
use tempfile::TempDir;

use super::terminal;

/// One host's sessions and files; everything that was started ends when it is dropped or left.
pub(super) struct Place {
    /// Ended before the files go.
    _processes: Processes,
    dir: TempDir,
    path: OsString,
    pub(super) callboard: PathBuf,
    /// A terminal that nothing happens on: there are hosts that start nothing without one.
    terminal: (File, OwnedFd),
}

impl Place {
    pub(super) fn new(callboard: &Path, path: &OsString) -> Result<Self> {
        // Short, whatever cargo's target directory is: a socket's path has little room.
        let dir = tempfile::Builder::new().prefix("cbb-").tempdir().context("no directory")?;
        let terminal = terminal::open()?;
        let callboard = callboard.to_owned();
        Ok(Self { dir, _processes: Processes, path: path.clone(), callboard, terminal })
    }

    /// Its files, which stay until they are dropped.
    pub(super) fn leave(self) -> TempDir {
        self.dir
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A command with the environment that all of them get.
    pub(super) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.dir.path());
        command.envs(self.environment());
        command
    }

    pub(super) fn environment(&self) -> Vec<(&'static str, OsString)> {
        let dir = || self.dir.path().as_os_str().to_owned();
        vec![
            ("PATH", self.path.clone()),
            ("HOME", dir()),
            ("XDG_RUNTIME_DIR", dir()),
            ("CALLBOARD_HOME", self.file("home").into()),
            ("SCREENDIR", self.file("screens").into()),
            ("ABDUCO_SOCKET_DIR", dir()),
            ("TERM", "xterm-256color".into()),
            ("LANG", "C.UTF-8".into()),
            ("SHELL", "/bin/sh".into()),
        ]
    }

    /// Runs what starts a session.
    pub(super) fn run(&self, mut command: Command) -> Result<()> {
        // Into a file and not a pipe: what goes on in the background may keep it open.
        let said = File::options().read(true).append(true).create(true).open(self.file("said"))?;
        command.stdin(self.terminal.1.try_clone()?).stdout(Stdio::null()).stderr(said);
        let status = command.status();
        let status = status.with_context(|| format!("no {:?}", command.get_program()))?;
        let said = || std::fs::read_to_string(self.file("said")).unwrap_or_default();
        let line = || crate::workspace::shown(&command);
        ensure!(status.success(), "{} failed ({status}): {}", line(), said().trim());
        Ok(())
    }

    /// A pipe with a name, held open at both ends, so that nobody waits for the other to open it.
    pub(super) fn signal(&self, name: &str) -> Result<SignalPipe> {
        let path = self.file(name);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
        let flags = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(SignalPipe { end: open(&path, flags, Mode::empty())?, path })
    }
}

/// Everything that this process has started.
struct Processes;

impl Drop for Processes {
    fn drop(&mut self) {
        super::processes::end_all();
    }
}

/// By which a session's program is told to go on, or tells that it is done.
pub(super) struct SignalPipe {
    end: OwnedFd,
    pub(super) path: PathBuf,
}

impl SignalPipe {
    pub(super) fn give(&self) -> Result<()> {
        rustix::io::write(&self.end, b"go\n").context("cannot open the gate")?;
        Ok(())
    }

    /// Whether it came in time.
    pub(super) fn take(&self, limit: Duration) -> Result<bool> {
        let mut fds = [PollFd::new(&self.end, PollFlags::IN)];
        let came = poll(&mut fds, Some(&Timespec::try_from(limit)?))? > 0;
        if came {
            rustix::io::read(&self.end, &mut [0; 64])?;
        }
        Ok(came)
    }
}
