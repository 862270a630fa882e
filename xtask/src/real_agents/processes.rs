//! Which processes are the agent's, and their end.

use std::fs;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

use super::state::now;

/// Whether a process was started by another, or by one that it started.
pub(super) fn descends(pid: u32, from: u32) -> bool {
    let mut at = pid;
    // No chain of parents is longer; one that goes in a circle was read while it changed.
    for _ in 0..64 {
        if at == from {
            return true;
        }
        match parent(at) {
            Some(next) if next > 0 => at = next,
            _ => return false,
        }
    }
    false
}

/// The processes that a process has started and that run.
pub(super) fn children(of: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| parent(*pid) == Some(of)).collect()
}

/// The second field after the name, which may have spaces and brackets in it.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
}

/// A process whose end is waited for.
pub(super) struct Watched(OwnedFd);

impl Watched {
    pub(super) fn new(pid: u32) -> Result<Self> {
        let id = i32::try_from(pid).ok().and_then(Pid::from_raw).context("not a pid")?;
        let what = || format!("cannot watch process {pid}");
        Ok(Self(pidfd_open(id, PidfdFlags::empty()).with_context(what)?))
    }

    /// Ends it without giving it a chance to clean up.
    pub(super) fn kill(&self) -> Result<()> {
        pidfd_send_signal(&self.0, Signal::KILL).context("cannot kill the agent")
    }

    /// Waits for its end; when it was.
    pub(super) fn ended(&self, limit: Duration) -> Result<u64> {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        if poll(&mut fds, Some(&Timespec::try_from(limit)?))? == 0 {
            bail!("the agent did not end");
        }
        Ok(now())
    }
}

/// Ends whatever still runs with this home: agents leave servers behind. The home was made for
/// this run, so nobody else's process has it.
pub(super) fn end_all_of(home: &Path) {
    let wanted = format!("HOME={}", home.display());
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        let has = environment.split(|byte| *byte == 0).any(|one| one == wanted.as_bytes());
        if has && let Some(pid) = Pid::from_raw(pid) {
            // It may have ended since it was looked at.
            _ = kill_process(pid, Signal::KILL);
        }
    }
}
