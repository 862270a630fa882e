//! A look at one session, and what is done about it. Every look begins with what the files and
//! the kernel say now, so that an event that is late, double or about nothing does no harm.

use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{PidfdFlags, pidfd_open};

use super::policy::{Run, Standing, after_run, ms};
use super::record::{Held, Supervision};
use super::serve::Supervisor;
use super::start::chance;
use super::transition::{Event, Transition};
use crate::error::{Error, Result};
use crate::hosted::{Ended, Exit, ProcessId, State};
use crate::id::HostedId;
use crate::store::{SessionDir, SpecFile};
use crate::system::{self, now_ms, standing};

/// How soon a session is looked at again that somebody else holds, or that stands between two
/// states: doubled each time, up to a minute.
const SOON: Duration = Duration::from_millis(50);
const AT_LAST: Duration = Duration::from_secs(60);

/// What a supervisor knows of a session, all of which it could find again.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// What was last seen, if it has a policy.
    pub(super) seen: Option<Seen>,
    /// Whether anything was told of it: then it is told, too, when it is gone. Also where the last
    /// look found no policy, since a removal was under way.
    told: bool,
    /// Readable when its host, or its program, has ended.
    pub(super) process: Option<OwnedFd>,
    /// What has its time.
    pub(super) next: Next,
    /// How long to wait before it is looked at again.
    patience: Option<Duration>,
}

/// Where a session stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    run: u64,
    pub(super) standing: Standing,
}

/// What is done about a session without an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing.
    #[default]
    Nothing,
    /// Another look.
    Look { at: Instant },
    /// Its run `about` has a successor, at this time in ms since the epoch.
    Start { at: u64, about: u64 },
    /// It has been kept long enough, at this time in ms since the epoch.
    Remove { at: u64 },
}

/// What has become of a run.
enum Found {
    /// It goes on, and this says when it has ended.
    Runs(OwnedFd),
    /// It has ended, or is lost.
    Over(Exit, u64),
    /// It is being set up, or its host does not answer.
    Unsure,
}

impl<T: FnMut(&Transition)> Supervisor<T> {
    /// Looks at a session, and does what is to be done.
    pub(super) fn look(&mut self, id: &HostedId) {
        match self.examine(id) {
            Ok(true) => {
                if let Some(watched) = self.sessions.get_mut(id) {
                    watched.patience = None;
                }
            }
            Ok(false) => self.look_later(id),
            Err(Error::NoSession { .. }) => {
                let known = self.sessions.remove(id);
                if known.is_some_and(|watched| watched.told) {
                    self.tell(Event::Removed, Some(id), Vec::new());
                }
            }
            Err(error) => {
                self.problem(Some(id), error.to_string());
                // What is not ours to understand stays as it is until somebody writes it anew.
                match error {
                    Error::Io { .. } => self.look_later(id),
                    _ => self.set(id, Next::Nothing),
                }
            }
        }
    }

    pub(super) fn set(&mut self, id: &HostedId, next: Next) {
        self.sessions.entry(id.clone()).or_default().next = next;
    }

    pub(super) fn look_later(&mut self, id: &HostedId) {
        let watched = self.sessions.entry(id.clone()).or_default();
        let wait = watched.patience.map_or(SOON, |before| (before * 2).min(AT_LAST));
        watched.patience = Some(wait);
        watched.next = Next::Look { at: Instant::now() + wait };
    }

    /// Whether nothing more has to be looked at before the next event.
    fn examine(&mut self, id: &HostedId) -> Result<bool> {
        let session = self.hosts.store().session(id)?;
        match self.bell.watch(&session) {
            // Removed since it was found: what is read next says so.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // No watches are left. What runs is held by its pidfd all the same.
            Err(error) => self.problem(Some(id), format!("cannot watch its files: {error}")),
            Ok(()) => {}
        }
        let spec = session.spec()?;
        let watched = self.sessions.entry(id.clone()).or_default();
        (watched.process, watched.next) = (None, Next::Nothing);
        let Some(supervision) = Supervision::read(session.path())? else {
            watched.seen = None;
            self.keep_for_its_time(&session)?;
            return Ok(true);
        };
        match supervision.standing(spec.started_at) {
            Standing::Watched => self.follow(&session, &spec, &supervision),
            Standing::Due { at } => {
                let at = *at.min(&(now_ms() + self.options.pace.longest_ms()));
                self.see(&session, &spec, &supervision);
                if !self.starts.iter().any(|start| start.id == *id) {
                    self.set(id, Next::Start { at, about: spec.started_at });
                }
                Ok(true)
            }
            _ => {
                self.see(&session, &spec, &supervision);
                self.keep_for_its_time(&session)?;
                Ok(true)
            }
        }
    }

    /// One that has ended is removed when it has been kept for as long as was asked for.
    fn keep_for_its_time(&mut self, session: &SessionDir) -> Result<()> {
        if let (Some(keep), Some(ended)) = (self.options.keep_ended, session.ended()?) {
            self.set(session.id(), Next::Remove { at: ended.at.saturating_add(ms(keep)) });
        }
        Ok(())
    }

    /// One about whose present run nothing was decided.
    fn follow(
        &mut self,
        session: &SessionDir,
        spec: &SpecFile,
        supervision: &Supervision,
    ) -> Result<bool> {
        match self.judge(session, spec)? {
            Found::Runs(process) => {
                self.see(session, spec, supervision);
                self.sessions.entry(session.id().clone()).or_default().process = Some(process);
                Ok(true)
            }
            Found::Over(exit, ended_at) => {
                // It may have run for so short a time that nobody saw it run.
                if !self.arrives {
                    self.see(session, spec, supervision);
                }
                let run = Run { started_at: spec.started_at, ended_at, exit };
                // What was decided rings, too; then it has been seen already.
                Ok(self.decide(session.id(), run)? && self.examine(session.id())?)
            }
            Found::Unsure => {
                self.see(session, spec, supervision);
                Ok(false)
            }
        }
    }

    /// The end of a run is what its host wrote down; that it goes on, what the kernel says of its
    /// host. Only where neither knows, the host is asked.
    fn judge(&self, session: &SessionDir, spec: &SpecFile) -> Result<Found> {
        let over = |ended: Ended| Found::Over(ended.exit, ended.at);
        if let Some(ended) = session.ended()? {
            return Ok(over(ended));
        }
        if let Some(run) = session.run()?.filter(|run| run.is_of(&self.here))
            && let Some(process) = hold(run.host.unwrap_or(run.program))
        {
            return Ok(Found::Runs(process));
        }
        Ok(match self.hosts.host(spec.host)?.look(session.id())?.state {
            State::Ended(ended) => over(ended),
            State::Lost => Found::Over(Exit::Lost, now_ms()),
            _ => Found::Unsure,
        })
    }

    /// Decides what becomes of a session after this run. Not if somebody else holds it: who does
    /// may have decided otherwise.
    fn decide(&mut self, id: &HostedId, run: Run) -> Result<bool> {
        let Some(held) = Held::try_now(self.hosts.store(), id)? else { return Ok(false) };
        let Some(supervision) = held.read()? else { return Ok(true) };
        let started_at = held.session().spec()?.started_at;
        let is_open = *supervision.standing(started_at) == Standing::Watched;
        if started_at != run.started_at || !is_open {
            return Ok(true);
        }
        let (policy, tally) = (supervision.policy(), supervision.tally(started_at));
        let (standing, tally) = after_run(policy, &self.options.pace, tally, run, chance());
        held.write(&supervision.decided(started_at, standing, tally))?;
        Ok(true)
    }

    /// Tells where a session stands, if that is news.
    fn see(&mut self, session: &SessionDir, spec: &SpecFile, supervision: &Supervision) {
        let now =
            Seen { run: spec.started_at, standing: supervision.standing(spec.started_at).clone() };
        let watched = self.sessions.entry(session.id().clone()).or_default();
        watched.told = true;
        let before = watched.seen.replace(now.clone());
        if before.as_ref() == Some(&now) {
            return;
        }
        let was_due = before.is_some_and(|seen| matches!(seen.standing, Standing::Due { .. }));
        let restarts = ("restarts", supervision.restarts(spec.started_at).to_string());
        let policy = ("policy", supervision.policy().as_str().to_owned());
        let exit = || {
            let ended = session.ended().ok().flatten();
            ("exit", ended.map_or(Exit::Lost, |ended| ended.exit).to_string())
        };
        let (event, mut fields) = match &now.standing {
            Standing::Watched if self.arrives => (Event::Adopted, vec![policy, restarts]),
            Standing::Watched if was_due => (Event::Restarted, vec![restarts]),
            Standing::Watched => (Event::Watching, vec![policy]),
            Standing::Due { at } => {
                (Event::Due, vec![exit(), ("in_ms", at.saturating_sub(now_ms()).to_string())])
            }
            Standing::Done => (Event::Done, vec![exit()]),
            Standing::Failed { reason, text } => {
                let reason = ("reason", reason.as_str().to_owned());
                (Event::Failed, vec![reason, ("text", text.clone()), exit()])
            }
            Standing::Stopped | Standing::Unknown => (Event::Stopped, Vec::new()),
        };
        self.restarts += u64::from(event == Event::Restarted);
        if let Some(name) = &spec.name {
            fields.insert(0, ("name", name.clone()));
        }
        self.tell(event, Some(session.id()), fields);
    }
}

/// A descriptor that becomes readable when this process has ended; `None` if it has, or the number
/// is another's.
pub(super) fn hold(process: ProcessId) -> Option<OwnedFd> {
    let fd = pidfd_open(system::pid(process.pid)?, PidfdFlags::empty()).ok()?;
    // Looked at once it is held: what is there now is what the descriptor means.
    let found = standing(process.pid).filter(|found| !found.is_zombie())?;
    (Some(found.start_ticks) == process.start_ticks).then_some(fd)
}
