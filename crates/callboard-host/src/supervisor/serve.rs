//! The supervisor itself: one thread that sleeps until something rings or has its time.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use callboard::process::Here;
use callboard::{Kind, Registration, Registry, SignIn, Spawner};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, WaitOptions, pidfd_open, waitpid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::bell::{Bell, Rung};
use super::control::{Askers, Reply, Report, Request};
use super::instance::Instance;
use super::look::{Next, Watched};
use super::policy::{Pace, Standing, ms};
use super::start;
use super::transition::{Event, Transition};
use crate::error::{Error, Result};
use crate::hosts::Hosts;
use crate::id::HostedId;
use crate::store::make_directory;
use crate::system::{self, now_ms};

/// How many sessions are started at a time: after a reboot all of them are due at once.
const MOST_STARTS: usize = 8;

/// What is removed when it is time may be held by somebody for a moment.
const ONCE_MORE: Duration = Duration::from_secs(60);

/// How a supervisor does its work.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Options {
    /// How fast sessions are started again.
    pub pace: Pace,
    /// For how long sessions that have ended are kept; `None`: until somebody removes them.
    pub keep_ended: Option<Duration>,
}

/// The supervisor of a home.
pub struct Supervisor<T> {
    pub(super) hosts: Hosts,
    pub(super) options: Options,
    pub(super) here: Here,
    pub(super) bell: Bell,
    pub(super) sessions: BTreeMap<HostedId, Watched>,
    pub(super) starts: Vec<Starting>,
    /// Whether this is the first look at everything.
    pub(super) arrives: bool,
    pub(super) restarts: u64,
    tell: T,
    instance: Instance,
    askers: Askers,
    signals: UnixStream,
    since: u64,
    leaving: Option<&'static str>,
}

/// A process that starts a session again.
#[derive(Debug)]
pub(super) struct Starting {
    pub(super) id: HostedId,
    about: u64,
    pid: Pid,
    end: OwnedFd,
}

/// What was heard while it slept.
#[derive(Debug, Default)]
struct Heard {
    files: bool,
    signal: bool,
    /// Sessions whose process has ended.
    ended: Vec<HostedId>,
    /// Starts that are over, by their place.
    started: Vec<usize>,
}

impl<T: FnMut(&Transition)> Supervisor<T> {
    /// For the sessions of a home, in a process that has one thread. From here on, SIGTERM, SIGINT
    /// and SIGHUP are heard by it.
    ///
    /// # Errors
    ///
    /// What the system said, or that there is a second thread.
    pub fn new(hosts: Hosts, instance: Instance, options: Options, tell: T) -> Result<Self> {
        if !has_one_thread() {
            let why = io::Error::from(ErrorKind::Unsupported);
            return Err(Error::io("supervise from several threads", instance.home().path(), why));
        }
        let failed = |error| Error::io("watch", hosts.store().dir(), error);
        let bell = Bell::new().map_err(failed)?;
        let (signals, _) = system::heard_on_a_stream(&[SIGTERM, SIGINT, SIGHUP]).map_err(failed)?;
        Ok(Self {
            options,
            here: Here::detect(),
            bell,
            sessions: BTreeMap::new(),
            starts: Vec::new(),
            arrives: true,
            restarts: 0,
            tell,
            instance,
            askers: Askers::default(),
            signals,
            since: now_ms(),
            leaving: None,
            hosts,
        })
    }

    /// Supervises until it is told to end, by a signal or over its socket; no session ends with
    /// it. The process signs in as a `daemon`, and stays with its one thread: it forks.
    ///
    /// # Errors
    ///
    /// What the system said when it began.
    pub fn run(mut self) -> Result<()> {
        let on_the_board = self.sign_in();
        self.look_at_everything()?;
        self.arrives = false;
        self.tell_ready();
        loop {
            self.start_what_is_due();
            self.remove_what_is_over();
            if let Some(reason) = self.leaving {
                self.tell(Event::Leaving, None, vec![("reason", reason.to_owned())]);
                drop(on_the_board);
                return Ok(());
            }
            let heard = self.sleep();
            self.go_on(heard)?;
        }
    }

    fn go_on(&mut self, heard: Heard) -> Result<()> {
        if heard.signal {
            system::drain(&self.signals);
            self.leaving = Some("signal");
        }
        for id in heard.ended {
            self.look(&id);
        }
        for at in heard.started.into_iter().rev() {
            let start = self.starts.swap_remove(at);
            self.collect(&start);
        }
        self.answer();
        let rung = match heard.files {
            true => {
                self.bell.read().map_err(|e| Error::io("watch", self.hosts.store().dir(), e))?
            }
            false => Rung::default(),
        };
        if rung.everything {
            return self.look_at_everything();
        }
        for id in rung.sessions.iter().chain(&self.to_be_looked_at()) {
            self.look(id);
        }
        Ok(())
    }

    /// The board shows it as a session of its own. One that cannot be written to is no reason.
    fn sign_in(&mut self) -> Option<Registration> {
        let sign_in = SignIn::spawned_by(Spawner::default())
            .kind(Kind::Daemon)
            .name("supervisor")
            .tool("callboard", env!("CARGO_PKG_VERSION"));
        match Registry::at(self.instance.home().sessions()).register(sign_in) {
            Ok(signed_in) => signed_in.registration(),
            Err(error) => {
                self.problem(None, format!("not on the board: {error}"));
                None
            }
        }
    }

    /// All sessions that there are, also those that no event has told of.
    fn look_at_everything(&mut self) -> Result<()> {
        let directory = self.hosts.store().dir().to_owned();
        // Before the first session, there is none to watch.
        make_directory(&directory)?;
        let watched = self.bell.watch_all(&directory);
        watched.map_err(|error| Error::io("watch", &directory, error))?;
        let (there, problems) = self.hosts.store().sessions();
        for problem in problems {
            self.problem(None, problem.to_string());
        }
        let mut ids: Vec<HostedId> = self.sessions.keys().cloned().collect();
        ids.extend(there.iter().map(|session| session.id().clone()));
        ids.sort();
        ids.dedup();
        for id in ids {
            self.look(&id);
        }
        Ok(())
    }

    /// Sleeps until something is heard, or has its time.
    fn sleep(&mut self) -> Heard {
        let mut fds = vec![
            PollFd::new(&self.bell, PollFlags::IN),
            PollFd::new(&self.signals, PollFlags::IN),
            PollFd::new(self.instance.listener(), PollFlags::IN),
        ];
        let fixed = fds.len();
        let held: Vec<(&HostedId, &OwnedFd)> = self
            .sessions
            .iter()
            .filter_map(|(id, watched)| Some((id, watched.process.as_ref()?)))
            .collect();
        fds.extend(held.iter().map(|(_, process)| PollFd::new(*process, PollFlags::IN)));
        fds.extend(self.starts.iter().map(|start| PollFd::new(&start.end, PollFlags::IN)));
        fds.extend(self.askers.streams().map(|asker| PollFd::new(asker, PollFlags::IN)));
        let timeout = self.until_next().and_then(|left| Timespec::try_from(left).ok());
        // Interrupted by a signal: what it means stands on its socket.
        _ = poll(&mut fds, timeout.as_ref());
        let is_ready = |at: usize| !fds[at].revents().is_empty();
        let after = fixed + held.len();
        Heard {
            files: is_ready(0),
            signal: is_ready(1),
            ended: (0..held.len())
                .filter(|at| is_ready(fixed + at))
                .map(|at| held[at].0.clone())
                .collect(),
            started: (0..self.starts.len()).filter(|at| is_ready(after + at)).collect(),
        }
    }

    /// How long until something has its time; `None`: for ever.
    fn until_next(&self) -> Option<Duration> {
        let (now, wall) = (Instant::now(), now_ms());
        // One that is due and waits for others to be started is woken for by their ends.
        let may_start = self.starts.len() < MOST_STARTS;
        let left = |watched: &Watched| match watched.next {
            Next::Nothing => None,
            Next::Look { at } => Some(at.saturating_duration_since(now)),
            Next::Start { .. } if !may_start => None,
            Next::Start { at, .. } | Next::Remove { at } => {
                Some(Duration::from_millis(at.saturating_sub(wall)))
            }
        };
        self.sessions.values().filter_map(left).min()
    }

    fn to_be_looked_at(&self) -> Vec<HostedId> {
        let now = Instant::now();
        let is_time = |watched: &Watched| matches!(watched.next, Next::Look { at } if at <= now);
        let found = self.sessions.iter().filter(|(_, watched)| is_time(watched));
        found.map(|(id, _)| id.clone()).collect()
    }

    fn start_what_is_due(&mut self) {
        let now = now_ms();
        let mut due: Vec<(u64, u64, HostedId)> = Vec::new();
        for (id, watched) in &self.sessions {
            if let Next::Start { at, about } = watched.next
                && at <= now
            {
                due.push((at, about, id.clone()));
            }
        }
        due.sort();
        let free = MOST_STARTS.saturating_sub(self.starts.len());
        for (_, about, id) in due.into_iter().take(free) {
            self.start(&id, about);
        }
    }

    fn start(&mut self, id: &HostedId, about: u64) {
        let started = start::fork(&self.hosts, id, about, &self.options.pace).and_then(|pid| {
            // A child of ours: until it is collected, the number is its.
            Ok((pid, pidfd_open(pid, PidfdFlags::empty())?))
        });
        match started {
            Ok((pid, end)) => {
                let field = ("pid", pid.as_raw_nonzero().to_string());
                self.starts.push(Starting { id: id.clone(), about, pid, end });
                self.set(id, Next::Nothing);
                self.tell(Event::Starting, Some(id), vec![field]);
            }
            Err(error) => {
                self.problem(Some(id), format!("cannot fork: {error}"));
                self.look_later(id);
            }
        }
    }

    /// A start is over: the session's files say how it went, unless it was killed.
    fn collect(&mut self, start: &Starting) {
        let status = waitpid(Some(start.pid), WaitOptions::empty()).ok().flatten();
        let is_good = status.is_some_and(|(_, status)| status.exit_status() == Some(0));
        let pace = self.options.pace;
        let counted = match is_good {
            true => Ok(true),
            false => start::count_as_failed(&self.hosts, &start.id, start.about, &pace),
        };
        match counted {
            Ok(true) => return self.look(&start.id),
            Ok(false) | Err(Error::NoSession { .. }) => {}
            Err(error) => self.problem(Some(&start.id), error.to_string()),
        }
        self.look_later(&start.id);
    }

    /// Removes sessions that have ended when their time is over.
    fn remove_what_is_over(&mut self) {
        let now = now_ms();
        let is_over = |watched: &Watched| matches!(watched.next, Next::Remove { at } if at <= now);
        let over: Vec<HostedId> =
            self.sessions.iter().filter(|(_, it)| is_over(it)).map(|(id, _)| id.clone()).collect();
        let Some(keep) = self.options.keep_ended.filter(|_| !over.is_empty()) else { return };
        let before = now.saturating_sub(ms(keep)).saturating_add(1);
        let count = self.hosts.remove_ended_before(before);
        if count > 0 {
            self.tell(Event::Expired, None, vec![("count", count.to_string())]);
        }
        for id in over {
            self.set(&id, Next::Remove { at: now + ms(ONCE_MORE) });
        }
    }

    fn answer(&mut self) {
        self.askers.take_in(self.instance.listener());
        let (report, mut leaving) = (self.report(), self.leaving);
        self.askers.hear(|request| match request {
            Request::Status => Reply::Status(report.clone()),
            Request::Stop => {
                leaving = Some("asked");
                Reply::Stopping
            }
            Request::Unknown => Reply::Error { reason: "unknown request".to_owned() },
        });
        self.leaving = leaving;
    }

    fn report(&self) -> Report {
        let count = |fits: fn(&Standing) -> bool| {
            let seen = self.sessions.values().filter_map(|watched| watched.seen.as_ref());
            seen.filter(|seen| fits(&seen.standing)).count()
        };
        Report {
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: self.since,
            running: count(|standing| *standing == Standing::Watched),
            due: count(|standing| matches!(standing, Standing::Due { .. })),
            failed: count(|standing| matches!(standing, Standing::Failed { .. })),
            restarts: self.restarts,
            keep_ended_ms: self.options.keep_ended.map(ms),
        }
    }

    fn tell_ready(&mut self) {
        let Report { pid, running, due, failed, .. } = self.report();
        let pid = ("pid", pid.to_string());
        let counts = [("adopted", running), ("due", due), ("failed", failed)];
        let counts = counts.into_iter().map(|(key, count)| (key, count.to_string()));
        self.tell(Event::Ready, None, std::iter::once(pid).chain(counts).collect());
    }

    pub(super) fn tell(
        &mut self,
        event: Event,
        session: Option<&HostedId>,
        fields: Vec<(&'static str, String)>,
    ) {
        (self.tell)(&Transition { event, session: session.cloned(), fields });
    }

    pub(super) fn problem(&mut self, session: Option<&HostedId>, text: String) {
        self.tell(Event::Problem, session, vec![("text", text)]);
    }
}

impl<T> std::fmt::Debug for Supervisor<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Supervisor").field("sessions", &self.sessions).finish_non_exhaustive()
    }
}

fn has_one_thread() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}
