//! The kernel's sessions and process groups (job control): what a terminal belongs to, not what
//! Callboard lists.
//!
//! Not by rustix, which has no value for a leader of 0: it panics, or breaks the promise of its
//! type. And not from the libc crate, which the library otherwise does without.

use std::ffi::c_int;

// SAFETY: both are in the C library of every Unix, with these prototypes (POSIX.1-2001; `pid_t` is
// an `int` on all that Rust knows), and take and give numbers alone.
#[allow(unsafe_code)]
unsafe extern "C" {
    safe fn getsid(pid: c_int) -> c_int;
    safe fn getpgrp() -> c_int;
}

/// The kernel session of a process: the pid of its leader, here. `None` if the process cannot be
/// asked, and where the leader has no number here: it is outside of this PID namespace (`unshare`
/// and `docker exec` start such programs), or there has never been one, as for what a machine's
/// first process starts without `setsid`. The system call answers 0 then (`pid_vnr` in the
/// kernel's `kernel/pid.c`).
#[must_use]
pub fn session_leader(pid: u32) -> Option<u32> {
    let pid = c_int::try_from(pid).ok().filter(|pid| *pid > 0)?;
    seen(getsid(pid))
}

/// The process group of this process: the pid of its leader. `None` where that has no number
/// here, as above.
#[must_use]
pub fn process_group() -> Option<u32> {
    seen(getpgrp())
}

fn seen(leader: c_int) -> Option<u32> {
    u32::try_from(leader).ok().filter(|leader| *leader > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaders_by_case() {
        assert_eq!([0, u32::MAX, i32::MAX as u32].map(session_leader), [None; 3]);
        assert_eq!([-1, 0, 7].map(seen), [None, None, Some(7)]);
        // Whoever runs this may itself have no leader that can be seen, or one that has ended.
        let own = session_leader(std::process::id());
        let of_leader = own.and_then(session_leader);
        let is_there = own.is_some_and(crate::process::signal_zero);
        assert!(of_leader == own || !is_there, "{own:?} {of_leader:?}");
    }
}
