//! A watch of one registry: every change as it happens. See `docs/design/watch.md`.
//!
//! What the doorbell says is only where to look. What is true is read from the records and the
//! processes then, so that an event that comes late, twice or out of order does no harm.

#[cfg(all(target_os = "linux", not(callboard_portable)))]
mod doorbell;
#[cfg(any(not(target_os = "linux"), callboard_portable))]
#[path = "polling.rs"]
mod doorbell;
mod event;
mod known;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

pub use event::{Event, Gone};

use self::doorbell::{Doorbell, Rung};
use self::known::{Known, Sight};
use super::directory::Directory;
use super::{Registry, Snapshot, Visit};
use crate::error::{Error, Result};
use crate::process::Incarnation;
use crate::record::{EntryName, RecordName};

/// How often to look where nothing rings.
const SLOW: Duration = Duration::from_secs(2);

/// How soon to look again at a record that was caught in the middle of being rewritten.
const SOON: Duration = Duration::from_millis(50);

/// Tells what happens in a registry: an iterator of [`Event`]s that waits for the next one, and on
/// Linux a file descriptor that is readable when there may be one.
///
/// Costs nothing while nothing happens, however many sessions there are: one inotify instance, one
/// descriptor for each living session (to be told of its death), no thread. Where something cannot
/// ring (a file system without events, a session in another PID namespace, no descriptors left),
/// the registry is read again every two seconds, for as long as that is so.
///
/// Not told: that a directory *above* the registry was renamed.
///
/// ```
/// # let scratch = tempfile::tempdir().unwrap();
/// # let registry = callboard::Registry::at(scratch.path().join("sessions"));
/// use callboard::{Event, SignIn, SignedIn, Status, Watch};
///
/// let (board, mut watch) = Watch::start(&registry)?;
/// assert_eq!(board.sessions.len(), 0);
///
/// let SignedIn::In(me) = registry.register(SignIn::new().name("billing"))? else { return Ok(()) };
/// let Some(Event::Appeared(session)) = watch.next() else { panic!() };
/// assert_eq!(session.record.name().as_deref(), Some("billing"));
///
/// me.set_status(Status::Waiting, Some("review"))?;
/// let Some(Event::Changed { keys, .. }) = watch.next() else { panic!() };
/// assert!(keys.iter().any(|key| key == "status"));
/// # Ok::<(), callboard::Error>(())
/// ```
#[derive(Debug)]
pub struct Watch {
    registry: Registry,
    bell: Doorbell,
    /// Whether the directory, if there is one, is on a file system that tells of all changes. Found
    /// out when the bell looks for it: another directory in its place rings.
    is_local: bool,
    known: Known,
    events: VecDeque<Event>,
}

impl Watch {
    /// Starts to watch, and lists what there is: the events are what happens after that, none is
    /// lost in between and none comes twice.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system has no inotify instance or no descriptor left.
    pub fn start(registry: &Registry) -> Result<(Snapshot, Self)> {
        let bell = Doorbell::on(registry.dir(), registry.is_foreign())
            .map_err(|e| Error::io("watch", registry.dir(), e))?;
        let mut watch = Self {
            registry: registry.clone(),
            bell,
            is_local: is_local(registry),
            known: Known::default(),
            events: VecDeque::new(),
        };
        let snapshot = registry.list();
        for session in snapshot.sessions.iter().cloned() {
            watch.see(session, Sight::First);
        }
        watch.known.expect_problems(&snapshot.problems);
        watch.events.clear();
        watch.set_the_timer()?;
        Ok((snapshot, watch))
    }

    /// The registry.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The next event, if one comes within `timeout`; `None` for the timeout waits for ever, zero
    /// does not wait.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system cannot wait or look.
    pub fn next_within(&mut self, timeout: Option<Duration>) -> Result<Option<Event>> {
        let end = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let rung = self.bell.wait(left).map_err(|e| self.failed(e))?;
            self.take_in(rung)?;
            if self.events.is_empty() && left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
        }
    }

    /// What has happened up to now, without waiting. More may have happened by the time that it
    /// returns: where events come faster than they are read, this still ends.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system cannot look.
    pub fn ready(&mut self) -> Result<impl Iterator<Item = Event>> {
        let rung = self.bell.wait(Some(Duration::ZERO)).map_err(|e| self.failed(e))?;
        self.take_in(rung)?;
        Ok(self.events.drain(..))
    }

    /// Looks where it rang.
    fn take_in(&mut self, rung: Rung) -> Result<()> {
        if self.bell.is_lost() {
            self.bell.look_for_the_directory().map_err(|e| self.failed(e))?;
            self.is_local = is_local(&self.registry);
        }
        let names: Vec<_> =
            rung.names.iter().map(|name| EntryName::parse(name.as_encoded_bytes())).collect();
        // A sweep renames a record aside before it removes it; a sign-out does not.
        for name in &names {
            if let EntryName::Swept(file) = name {
                self.known.is_being_swept(*file);
            }
        }
        // First, so that nobody who has ended is taken for running below.
        let ended: Vec<_> =
            rung.exited.into_iter().filter_map(|token| self.known.of_process(token)).collect();
        if rung.everything {
            self.look_at_everything();
        } else {
            // However often it rang for a record, it is looked at once, after the last ring.
            let mut looked_at = BTreeSet::new();
            for name in names {
                if let EntryName::Record(file) = name
                    && looked_at.insert(file)
                {
                    self.look_at(file, Sight::OfItsFile);
                }
            }
            for file in ended {
                self.look_at(file, Sight::OfItsEnd);
            }
        }
        self.known.forget_sweeps();
        self.set_the_timer()
    }

    fn look_at_everything(&mut self) {
        let snapshot = self.registry.list();
        for file in self.known.missing_in(&snapshot) {
            self.miss(file, Sight::InAList);
        }
        for session in snapshot.sessions {
            self.see(session, Sight::InAList);
        }
        self.events.extend(self.known.new_problems(snapshot.problems).map(Event::Problem));
    }

    fn look_at(&mut self, file: RecordName, sight: Sight) {
        let mut seen = None;
        let mut problems = Vec::new();
        let known = |claim: &Incarnation<'_>| self.known.would_ring(file, claim);
        let torn = self.registry.visit_one(file, known, |visit| match visit {
            Visit::Session(session) => seen = Some(session),
            Visit::Problem(problem) => problems.push(problem),
        });
        if torn {
            // Its writer is at it, and rings when it closes the file.
            return self.known.look_again_soon();
        }
        match seen {
            Some(session) => self.see(session, sight),
            // A record that cannot be read is not a session that has gone.
            None if problems.is_empty() => self.miss(file, sight),
            None => {}
        }
        self.events.extend(self.known.new_problems(problems).map(Event::Problem));
    }

    fn see(&mut self, session: super::Session, sight: Sight) {
        let file = session.file;
        self.events.extend(self.known.see(session, sight));
        for token in self.known.let_go() {
            self.bell.remove_process(token);
        }
        self.ring_at_its_end(file);
    }

    fn miss(&mut self, file: RecordName, sight: Sight) {
        self.events.extend(self.known.miss(file, sight, self.registry.is_foreign()));
        for token in self.known.let_go() {
            self.bell.remove_process(token);
        }
    }

    /// Has the death of a session ring, where it can.
    fn ring_at_its_end(&mut self, file: RecordName) {
        let Some(pid) = self.known.wants_a_bell(file) else { return };
        let Ok(pidfd) = doorbell::pidfd(pid) else { return };
        // The process that was judged may have ended before the descriptor was opened, and another
        // may have its pid: what is judged once more now is what the descriptor is of.
        let mut still = None;
        self.registry.visit_one(
            file,
            |_| None,
            |visit| {
                if let Visit::Session(session) = visit {
                    still = Some(session);
                }
            },
        );
        let Some(session) = still.filter(|session| self.known.is_the_same(session)) else { return };
        let token = self.known.new_token(file);
        if self.bell.add_process(token, pidfd).is_err() {
            self.known.has_no_bell(file);
        }
        self.events.extend(self.known.see(session, Sight::OfItsEnd));
    }

    /// Ticks only while something cannot ring.
    fn set_the_timer(&mut self) -> Result<()> {
        let every = if self.known.is_to_look_again_soon() {
            Some(SOON)
        } else if !self.bell.hears_everything_of(self.is_local) || self.known.has_silent_ones() {
            Some(SLOW)
        } else {
            None
        };
        self.bell.tick_every(every).map_err(|e| self.failed(e))
    }

    fn failed(&self, error: std::io::Error) -> Error {
        Error::io("watch", self.registry.dir(), error)
    }
}

fn is_local(registry: &Registry) -> bool {
    Directory::open(registry.dir()).map_or(true, |directory| directory.is_local())
}

impl Iterator for Watch {
    type Item = Event;

    /// Waits for the next event; `None` only when the system cannot wait any more.
    fn next(&mut self) -> Option<Event> {
        self.next_within(None).ok().flatten()
    }
}

#[cfg(all(target_os = "linux", not(callboard_portable)))]
impl std::os::fd::AsFd for Watch {
    /// Readable when [`Watch::next_within`] has something to look at; it may then still find that
    /// nothing has changed. An event that was found together with others does not make it readable
    /// again: call with a timeout of zero until there is none.
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
