//! Starting a session again, in a process of its own: a directory on a network that is gone, or a
//! host that hangs, keeps nobody else waiting. It may outlive the supervisor.

use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::look::hold;
use super::policy::{Pace, Standing, after_failed_start, without_environment};
use super::record::{Held, Supervision};
use crate::error::{Error, Result, SpawnError};
use crate::host::StopPolicy;
use crate::hosts::Hosts;
use crate::id::HostedId;
use crate::system::{self, Forked, now_ms};

/// For how long a host that is about to end is waited for. One that hangs in the middle of that
/// keeps its lock, and the start fails.
const FAREWELL: Duration = Duration::from_secs(5);

/// Forks, and starts the session again whose run `about` has ended. The caller has one thread.
/// The process ends with 0 unless it could not even say what went wrong.
pub(super) fn fork(
    hosts: &Hosts,
    id: &HostedId,
    about: u64,
    pace: &Pace,
) -> std::io::Result<rustix::process::Pid> {
    match system::fork()? {
        Forked::Parent(child) => Ok(child),
        Forked::Child => {
            // What is sent to this process ends it, and the lock of the supervisor is not its.
            system::default_signals();
            system::close_inherited();
            let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                again(hosts, id, about, pace).is_ok()
            }));
            system::end_now(i32::from(!done.unwrap_or(false)))
        }
    }
}

/// Starts it, unless that has been done, or somebody has changed their mind, since it was decided.
fn again(hosts: &Hosts, id: &HostedId, about: u64, pace: &Pace) -> Result<()> {
    let held = match Held::wait(hosts.store(), id) {
        Err(Error::NoSession { .. }) => return Ok(()),
        held => held?,
    };
    let (Some(supervision), spec) = (held.read()?, held.session().spec()?) else { return Ok(()) };
    let is_due = matches!(supervision.standing(about), Standing::Due { .. });
    if spec.started_at != about || !is_due {
        return Ok(());
    }
    let host = hosts.host(spec.host)?;
    // What is left of one whose host was killed would be a second one beside the new.
    host.stop(id, StopPolicy::default())?;
    let Some(env) = held.environment()? else {
        let tally = supervision.tally(about);
        return held.write(&supervision.decided(about, without_environment(), tally));
    };
    // A host that has written down the end says farewell to its clients first.
    if let Some(process) = held.session().run()?.and_then(|run| hold(run.host?)) {
        wait(&process, FAREWELL);
    }
    match host.spawn(&spec.again(id.clone(), env)) {
        Ok(_) => Ok(()),
        // By somebody who did not ask whether it is held.
        Err(SpawnError::Taken { .. }) if is_another_run(&held, about) => Ok(()),
        Err(error) => write_failed(&held, &supervision, about, &error, pace),
    }
}

/// Waits until the process has ended.
fn wait(process: &OwnedFd, patience: Duration) {
    let patience = Timespec::try_from(patience).ok();
    let mut fds = [PollFd::new(process, PollFlags::IN)];
    // A signal that could interrupt this ends the process.
    _ = poll(&mut fds, patience.as_ref());
}

fn is_another_run(held: &Held, about: u64) -> bool {
    held.session().spec().is_ok_and(|spec| spec.started_at != about)
}

fn write_failed(
    held: &Held,
    supervision: &Supervision,
    about: u64,
    error: &SpawnError,
    pace: &Pace,
) -> Result<()> {
    let tally = supervision.tally(about);
    let (standing, tally) = after_failed_start(pace, tally, error, now_ms(), chance());
    held.write(&supervision.decided(about, standing, tally))
}

/// The process that was to start it has ended without a word: that counts as a start that failed.
/// Whether it could be written down; else somebody else holds the session.
pub(super) fn count_as_failed(
    hosts: &Hosts,
    id: &HostedId,
    about: u64,
    pace: &Pace,
) -> Result<bool> {
    let Some(held) = Held::try_now(hosts.store(), id)? else { return Ok(false) };
    let Some(supervision) = held.read()? else { return Ok(true) };
    if is_another_run(&held, about) || !matches!(supervision.standing(about), Standing::Due { .. })
    {
        return Ok(true);
    }
    let error = SpawnError::Failed("the process that was to start it ended without a word".into());
    write_failed(&held, &supervision, about, &error, pace).map(|()| true)
}

/// A number in 0..1.
pub(super) fn chance() -> f64 {
    f64::from(crate::random::word()) / (f64::from(u32::MAX) + 1.0)
}
