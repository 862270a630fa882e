//! A terminal of ours with a program on it: what appears there, and when.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::termios::Winsize;

/// Of every terminal here, so that no host has to fit a session into another one's.
pub(in crate::bench) const COLUMNS: u16 = 80;
pub(in crate::bench) const ROWS: u16 = 24;

/// A program on a terminal; it is killed when this is dropped.
pub(in crate::bench) struct Terminal {
    pub(in crate::bench) controller: File,
    /// Every byte that has appeared.
    pub(in crate::bench) bytes: Vec<u8>,
    child: Option<Pid>,
}

/// The two ends of a new terminal.
pub(in crate::bench) fn open() -> Result<(File, OwnedFd)> {
    open_sized(COLUMNS, ROWS)
}

fn open_sized(columns: u16, rows: u16) -> Result<(File, OwnedFd)> {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = rustix_openpty::openpty(None, Some(&size)).context("cannot open a terminal")?;
    Ok((pty.controller.into(), pty.user))
}

impl Terminal {
    /// Starts a program on a new terminal, as the leader of a session of its own.
    pub(in crate::bench) fn start(command: Command) -> Result<Self> {
        Self::start_sized(command, COLUMNS, ROWS)
    }

    /// The same on a terminal of another size.
    pub(in crate::bench) fn start_sized(
        mut command: Command,
        columns: u16,
        rows: u16,
    ) -> Result<Self> {
        let (controller, user) = open_sized(columns, rows)?;
        let child = testkit::fork(|| {
            let error = become_program(&mut command, &user);
            eprintln!("cannot start {:?}: {error}", command.get_program());
            127
        });
        let child = i32::try_from(child).ok().and_then(Pid::from_raw);
        Ok(Self { controller, bytes: Vec::new(), child })
    }

    /// Reads until the bytes are as they should be; false if they are not by then.
    pub(in crate::bench) fn read_until(
        &mut self,
        limit: Duration,
        is_so: impl Fn(&[u8]) -> bool,
    ) -> Result<bool> {
        let until = Instant::now() + limit;
        while !is_so(&self.bytes) {
            let left = until.saturating_duration_since(Instant::now());
            if !self.read(left)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads until this has appeared.
    pub(in crate::bench) fn wait_for(&mut self, text: &[u8]) -> Result<()> {
        if !self.read_until(super::LIMIT, |bytes| contains(bytes, text))? {
            let last = &self.bytes[self.bytes.len().saturating_sub(200)..];
            bail!("`{}` never came, but `{}`", text.escape_ascii(), last.escape_ascii());
        }
        Ok(())
    }

    /// Reads until nothing has come for so long.
    pub(in crate::bench) fn read_until_quiet(&mut self, quiet: Duration) -> Result<()> {
        while self.read(quiet)? {}
        Ok(())
    }

    /// Reads for so long, whatever comes.
    pub(in crate::bench) fn read_for(&mut self, time: Duration) -> Result<()> {
        self.read_until(time, |_| false).map(|_| ())
    }

    /// The program's process, which is what was forked.
    pub(in crate::bench) const fn pid(&self) -> Option<Pid> {
        self.child
    }

    /// Reads what is there, or waits for it; false if nothing comes, or nothing more will.
    pub(in crate::bench) fn read(&mut self, limit: Duration) -> Result<bool> {
        let limit = Timespec::try_from(limit)?;
        let mut fds = [PollFd::new(&self.controller, PollFlags::IN)];
        if poll(&mut fds, Some(&limit))? == 0 {
            return Ok(false);
        }
        let mut part = [0; 1 << 16];
        // When nobody has the other end any more, the kernel says EIO.
        let read = self.controller.read(&mut part).unwrap_or(0);
        self.bytes.extend_from_slice(&part[..read]);
        Ok(read > 0)
    }

    pub(in crate::bench) fn type_in(&mut self, keys: &[u8]) -> Result<()> {
        self.controller.write_all(keys).context("cannot type")
    }

    pub(in crate::bench) fn signal(&self, signal: Signal) -> Result<()> {
        self.child.map_or(Ok(()), |child| kill_process(child, signal)).context("cannot signal")
    }

    /// Types the keys that detach, and waits for the client's end. Some throw away what is typed
    /// while they come up: then it is typed again.
    pub(in crate::bench) fn leave(&mut self, keys: &[u8]) -> Result<()> {
        let until = Instant::now() + super::LIMIT;
        while Instant::now() < until {
            // It may have ended by now.
            _ = self.type_in(keys);
            self.read_until_quiet(super::QUIET / 4)?;
            if self.has_ended()? {
                return Ok(());
            }
        }
        bail!("the client does not detach")
    }

    /// Whether nobody has the other end any more.
    fn has_ended(&self) -> Result<bool> {
        let mut fds = [PollFd::new(&self.controller, PollFlags::empty())];
        Ok(poll(&mut fds, Some(&Timespec::default()))? > 0)
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            _ = kill_process(child, Signal::KILL);
            _ = waitpid(Some(child), WaitOptions::empty());
        }
    }
}

/// In a forked process: the program on this terminal, which becomes its controlling one. Returns
/// only if that fails.
pub(in crate::bench) fn become_program(command: &mut Command, user: &OwnedFd) -> std::io::Error {
    let ends = || {
        rustix::process::setsid()?;
        rustix::process::ioctl_tiocsctty(user)?;
        Ok([user.try_clone()?, user.try_clone()?, user.try_clone()?].map(Stdio::from))
    };
    match ends() {
        Ok([stdin, stdout, stderr]) => command.stdin(stdin).stdout(stdout).stderr(stderr).exec(),
        Err(error) => error,
    }
}

pub(in crate::bench) fn contains(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|part| part == text)
}
