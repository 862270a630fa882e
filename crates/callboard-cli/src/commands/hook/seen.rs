//! When an agent last called: an empty file for each, below the home, whose time of change says
//! it. Without it nobody could tell hooks that are silent from hooks that are not called.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use callboard::Home;
use callboard_agents::hook::HookAgent;
use rustix::fs::{CWD, Mode, OFlags, Timestamps, UTIME_NOW, futimens, openat};
use rustix::io::Errno;
use rustix::time::Timespec;

fn path(home: &Home, agent: HookAgent) -> PathBuf {
    home.path().join("hooks").join(agent.name())
}

/// Says that the agent has just called. Where it cannot, nothing is lost but this.
pub(super) fn note(home: &Home, agent: HookAgent) {
    let path = path(home, agent);
    let flags = OFlags::WRONLY
        | OFlags::CREATE
        | OFlags::NOFOLLOW
        | OFlags::NONBLOCK
        | OFlags::CLOEXEC
        | OFlags::NOCTTY;
    let open = || openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR);
    let file = match open() {
        Err(Errno::NOENT) => {
            let mut builder = std::fs::DirBuilder::new();
            let made = path.parent().map(|dir| builder.recursive(true).mode(0o700).create(dir));
            made.map_or(Err(Errno::NOENT), |_| open())
        }
        opened => opened,
    };
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    let times = Timestamps { last_access: now, last_modification: now };
    _ = file.map(|file| futimens(&file, &times));
}

/// When the agent last called, in ms since the epoch.
pub(crate) fn last_seen(home: &Home, agent: HookAgent) -> Option<u64> {
    let at = std::fs::symlink_metadata(path(home, agent)).ok()?.modified().ok()?;
    u64::try_from(at.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
}
