//! `callboard daemon stop`.

use std::time::Duration;

use callboard_host::supervisor;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::unreachable;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// It has nothing to wait for.
const PATIENCE: Duration = Duration::from_secs(10);

/// end the supervisor, and no session: those run on, and are not started again meanwhile
#[derive(Debug, clap::Args)]
pub(super) struct Stop {}

impl Stop {
    pub(super) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let home = context.home()?;
        let none = || Failure::no("no supervisor runs here; `callboard daemon run` starts one");
        let report = supervisor::status(&home).map_err(|error| unreachable(&error))?;
        let report = report.ok_or_else(none)?;
        // Held before it is asked, so that its number is not another's when it has ended.
        let process = i32::try_from(report.pid).ok().and_then(Pid::from_raw);
        let process = process.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        supervisor::stop_supervisor(&home).map_err(|error| unreachable(&error))?;
        // In another PID namespace it cannot be waited for.
        let Some(process) = process else { return Ok(Exit::Yes) };
        let patience = Timespec::try_from(PATIENCE).ok();
        let mut fds = [PollFd::new(&process, PollFlags::IN)];
        let ended = retry_on_intr(|| poll(&mut fds, patience.as_ref()));
        if ended == Ok(1) {
            return Ok(Exit::Yes);
        }
        let message = format!("the supervisor (pid {}) has not ended; see its log", report.pid);
        Err(Failure::Told { exit: Exit::TimedOut, message })
    }
}
