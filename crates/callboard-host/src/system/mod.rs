//! What is asked of the kernel beyond files.
//!
//! | file | what it does |
//! |---|---|
//! | `raw` | the calls that have no safe name: `fork` and some few more |
//! | `process` | who a process is: its parent, its kernel session, its terminal |
//! | `shown` | what the kernel shows of this process to others, and how to show something else |
//! | `signals` | signals as bytes on a socket |
//! | `tree` | the descendants of a process, each held so that it cannot become another |

mod process;
mod raw;
mod shown;
mod signals;
mod tree;

use std::time::SystemTime;

pub(crate) use process::{Standing, ignores, process_id, standing};
pub(crate) use raw::{
    Forked, close_inherited, default_signals, end_now, fork, give_memory_back, give_up_terminal,
    keep_of_environment, last_before_executing, open_signals, peer,
};
pub(crate) use shown::Shown;
pub(crate) use signals::{drain, heard_on_a_stream};
pub(crate) use tree::{descendants, of_session};

/// Now, in ms since the epoch.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A pid as the kernel takes it; `None` for what is none.
pub(crate) fn pid(number: u32) -> Option<rustix::process::Pid> {
    i32::try_from(number).ok().and_then(rustix::process::Pid::from_raw)
}

/// A pid as it stands in files and messages.
pub(crate) fn number(pid: rustix::process::Pid) -> u32 {
    pid.as_raw_nonzero().get().unsigned_abs()
}
