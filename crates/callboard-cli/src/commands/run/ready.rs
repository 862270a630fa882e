//! `callboard run -d --wait-ready`: waits until a session can be used.
//!
//! A session says so itself: by its first status `idle` or `waiting` on the board, or, where it
//! knows nothing of a board, by a line. That it ends before is an answer, too.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use callboard::process::session_leader;
use callboard::{Registry, Status};
use callboard_agents::Row;
use callboard_host::log::LogQuery;
use callboard_host::{Hosted, HostedId, Hosts, OnBoard, SpawnSpec};
use regex_lite::Regex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use crate::background::refused;
use crate::commands::length_of_time;
use crate::commands::watching::start_silently;
use crate::context::{Context, pid_here};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::complain;
use crate::view::hosted::{handle, hosted_name, standing};

/// What is waited for, and for how long.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "In the background")]
pub(super) struct Ready {
    /// return when it is ready: its first status idle or waiting on the board. Exits with 1 if it
    /// ends before that
    #[arg(long, requires = "detach")]
    wait_ready: bool,
    /// ready is when it prints a line that fits this regular expression
    #[arg(long, value_name = "REGEX", requires = "wait_ready")]
    ready_line: Option<Regex>,
    /// wait for at most so long; then it runs on, and this exits with 124
    #[arg(long, value_name = "DURATION", requires = "wait_ready", value_parser = length_of_time)]
    timeout: Option<Duration>,
}

/// What came of waiting.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Ready,
    Ended,
    Nothing,
}

impl Ready {
    /// Refuses to wait for what cannot come.
    pub(super) fn check(&self, spec: &SpawnSpec) -> Result<(), Failure> {
        if self.wait_ready && self.ready_line.is_none() && spec.board == OnBoard::No {
            return Err(Failure::usage(
                "a sub-agent has no status on the board to wait for; give --ready-line",
            ));
        }
        Ok(())
    }

    /// Waits, if that was asked for.
    pub(super) fn wait(
        &self,
        context: &Context,
        hosts: &Hosts,
        session: &Hosted,
    ) -> Result<Exit, Failure> {
        if !self.wait_ready {
            return Ok(Exit::Yes);
        }
        let end = self.timeout.map(|timeout| Instant::now() + timeout);
        let came = match &self.ready_line {
            Some(line) => print_a_line(hosts, session, line, end)?,
            None => be_idle(context, hosts, session, end)?,
        };
        let name = hosted_name(session);
        let name = sanitize(&name);
        match came {
            Came::Ready => Ok(Exit::Yes),
            Came::Nothing => {
                complain(format_args!("`{name}` is not ready yet, and runs on"));
                Ok(Exit::TimedOut)
            }
            Came::Ended => {
                let now =
                    hosts.look(&session.id).map_or_else(|_| "gone".into(), |it| standing(&it));
                let handle = handle(session);
                complain(format_args!(
                    "`{name}` ended before it was ready: {now}; `callboard logs {handle}` shows \
                     what it said"
                ));
                Ok(Exit::No)
            }
        }
    }
}

fn left(end: Option<Instant>) -> Option<Duration> {
    end.map(|end| end.saturating_duration_since(Instant::now()))
}

/// Its first status of somebody who waits for input. One that came and went before the board was
/// looked at is in the record.
fn be_idle(
    context: &Context,
    hosts: &Hosts,
    session: &Hosted,
    end: Option<Instant>,
) -> Result<Came, Failure> {
    let (_, mut watch) = start_silently(context)?;
    let registry = context.registry()?;
    let process = end_of(session);
    loop {
        if watch.rows().any(|row| is_of(&registry, row, session) && is_ready(row)) {
            return Ok(Came::Ready);
        }
        if !hosts.look(&session.id).is_ok_and(|now| now.state.is_live()) {
            return Ok(Came::Ended);
        }
        let left = left(end);
        if left.is_some_and(|left| left.is_zero()) {
            return Ok(Came::Nothing);
        }
        let mut fds = vec![PollFd::new(&watch, PollFlags::IN)];
        fds.extend(process.iter().map(|process| PollFd::new(process, PollFlags::IN)));
        let timeout = left.and_then(|left| Timespec::try_from(left).ok());
        _ = poll(&mut fds, timeout.as_ref());
        drop(fds);
        while watch.next_within(Some(Duration::ZERO))?.is_some() {}
    }
}

/// Whether a row is that of the session, or of a program that it has started in its terminal.
fn is_of(registry: &Registry, row: &Row, session: &Hosted) -> bool {
    let program = session.program.map(|program| program.pid);
    pid_here(registry, row).is_ok()
        && (Some(row.pid) == program || session_leader(row.pid).is_some_and(|l| Some(l) == program))
}

fn is_ready(row: &Row) -> bool {
    [Status::Idle, Status::Waiting]
        .iter()
        .any(|status| row.status.as_ref() == Some(status) || row.reached(status).is_some())
}

/// Readable when the session has ended.
fn end_of(session: &Hosted) -> Option<OwnedFd> {
    let process = session.host_process.or(session.program)?;
    let pid = Pid::from_raw(i32::try_from(process.pid).ok()?)?;
    pidfd_open(pid, PidfdFlags::empty()).ok()
}

/// A line that fits, from its first one on.
fn print_a_line(
    hosts: &Hosts,
    session: &Hosted,
    line: &Regex,
    end: Option<Instant>,
) -> Result<Came, Failure> {
    let parts = follow(hosts.clone(), session.id.clone());
    let mut text = String::new();
    loop {
        let part = match left(end) {
            Some(left) => parts.recv_timeout(left),
            None => parts.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match part {
            Ok(part) => text.push_str(&String::from_utf8_lossy(&part.map_err(|e| refused(&e))?)),
            Err(RecvTimeoutError::Timeout) => return Ok(Came::Nothing),
            Err(RecvTimeoutError::Disconnected) => {
                let fits = text.lines().any(|last| line.is_match(last));
                return Ok(if fits { Came::Ready } else { Came::Ended });
            }
        }
        while let Some(at) = text.find('\n') {
            if line.is_match(text[..at].trim_end_matches('\r')) {
                return Ok(Came::Ready);
            }
            text.drain(..=at);
        }
    }
}

/// What a session prints, from a thread of its own: who follows a log cannot look at a clock. It
/// ends with this process at the latest.
fn follow(hosts: Hosts, id: HostedId) -> Receiver<callboard_host::Result<Vec<u8>>> {
    let (say, hear) = channel();
    std::thread::spawn(move || {
        let query = LogQuery { follow: true, ..LogQuery::default() };
        let mut logs = match hosts.host_of(&id).and_then(|host| host.logs(&id, &query)) {
            Ok(logs) => logs,
            Err(error) => {
                // Who has stopped waiting does not hear it.
                _ = say.send(Err(error));
                return;
            }
        };
        loop {
            // A host that was killed has said no more than this.
            let Ok(Some(part)) = logs.next_part() else { return };
            if say.send(Ok(part)).is_err() {
                return;
            }
        }
    });
    hear
}
