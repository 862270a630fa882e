//! Systems without a backend of their own yet: signal 0 and nothing else.
//!
//! A pid without an identity proves little, so the only verdicts from here are dead for a pid
//! that does not run in the place that wrote the record, and unknown. Untested but for being
//! compiled and run on Linux with `--cfg callboard_portable`; `docs/PLATFORM.md` says what a
//! macOS backend would use (`proc_pidinfo` with `PROC_PIDUNIQIDENTIFIERINFO`, kqueue).

use std::io;
use std::marker::PhantomData;

use rustix::io::Errno;
use rustix::process::{Pid, getpid, test_kill_process};

use super::here::Here;
use super::incarnation::{Incarnation, System};
use super::rule::{InsideSight, PidfdSight, StatSight};

pub(super) fn detect() -> Here {
    let pid = getpid().as_raw_nonzero().get() as u32;
    Here { pid, is_complete: true, ..Here::default() }
}

pub(super) fn pid_domain(_: &Here) -> String {
    match System::here() {
        System::MacOs => "darwin".to_owned(),
        _ => String::new(),
    }
}

/// The incarnation of a running process: here, its pid alone.
///
/// # Errors
///
/// `NotFound` when no such process runs.
pub fn identify(pid: u32, _: &Here) -> io::Result<Incarnation<'static>> {
    if !signal_zero(pid) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "no such process"));
    }
    Ok(Incarnation {
        pid,
        system: System::here(),
        machine_id: None,
        boot_id: None,
        pid_ns: None,
        time_ns: None,
        start_ticks: None,
        pidfd_ino: None,
        lock_ino: None,
        started_at: None,
    })
}

/// Whether a signal could be sent to this pid; see the Linux backend.
#[must_use]
pub fn signal_zero(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

/// Looks at processes.
pub struct Processes<'h>(PhantomData<&'h Here>);

impl<'h> Processes<'h> {
    /// For one listing, from here.
    #[must_use]
    pub fn new(_: &'h Here) -> Self {
        Self(PhantomData)
    }

    /// There are no pidfds.
    pub fn pidfd(&mut self, _: u32) -> PidfdSight {
        PidfdSight::Unusable
    }

    /// Whether the pid runs; never since when.
    pub fn stat(&mut self, pid: u32) -> StatSight {
        if signal_zero(pid) { StatSight::Hidden } else { StatSight::Gone }
    }

    /// Start times are not known.
    pub fn started_by(&mut self, _: u64, _: u64) -> bool {
        false
    }

    /// There are no namespaces to look into.
    pub fn inside(&mut self, _: &Incarnation<'_>, _: i64) -> InsideSight {
        InsideSight::NotSeen
    }
}
