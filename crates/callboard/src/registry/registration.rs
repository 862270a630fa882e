//! The guard: a process that has signed in.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::Registry;
use super::directory::{Directory, now};
use super::lock::{LifeLock, Locked, lock_to_write};
use super::publish::{Published, Written, publish_new};
use super::register::Standing;
use super::spare::{Spare, remove_spare, replace_keeping};
use super::token::random_suffix;
use super::update::{Hold, hold};
use crate::error::{Error, Result};
use crate::exit::{self, Covered, ExitPaths};
use crate::record::{Key, Patch, RecordName, SessionRecord, Status};

/// How often the path of the directory is looked at: the home may be moved or deleted under a
/// session, and its next update after that brings the record back at the path.
const LOOK_AT_PATH_EVERY: Duration = Duration::from_secs(1);

/// This process, signed in. Signs out when it is dropped.
///
/// Every method may be called from any thread. Each writes a new record in the place of the old
/// one; what others (a hook, `callboard update`) changed meanwhile is kept. If the record has
/// disappeared while the process lives, the next call brings it back; after signing out, nothing
/// does.
///
/// A child that was forked with the guard in its memory never signs its parent out and never
/// writes: all its calls are [`Error::Ended`]. `std::process::exit`, an aborting panic and signals skip
/// `drop`; [`Registration::cover`] is for those. A crash needs nothing: the record is then found
/// stale by everybody, and the next sweep removes it.
#[derive(Debug)]
pub struct Registration {
    registry: Registry,
    pid: u32,
    instance: String,
    /// The record and its path at signing in, for a forked child that cannot get at the state.
    first: (SessionRecord, PathBuf),
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    directory: Directory,
    looked_at_path: Instant,
    standing: Standing,
    /// What the record was before the last change, to be the next one.
    spare: Option<Spare>,
    ended: Option<&'static str>,
    /// What `standing` says of our identity is not what is in the file: it has to be written.
    is_restored: bool,
    covered: Option<exit::Slot>,
}

const SIGNED_OUT: &str = "it has signed out";
const TAKEN_OVER: &str = "a later registration of the same process has taken over";
const FORKED: &str = "this is a forked child of the process that signed in";

impl Registration {
    pub(super) fn new(registry: Registry, directory: Directory, standing: Standing) -> Self {
        let instance = standing.record.instance().unwrap_or_default().into_owned();
        let first = (standing.record.clone(), directory.join(standing.name));
        let state = State {
            directory,
            looked_at_path: Instant::now(),
            standing,
            spare: None,
            ended: None,
            is_restored: false,
            covered: None,
        };
        Self { registry, pid: std::process::id(), instance, first, state: Mutex::new(state) }
    }

    /// The record, as this process last wrote or read it.
    #[must_use]
    pub fn record(&self) -> SessionRecord {
        self.look(|state| state.standing.record.clone()).unwrap_or_else(|| self.first.0.clone())
    }

    /// Where the record is.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.look(|state| state.directory.join(state.standing.name))
            .unwrap_or_else(|| self.first.1.clone())
    }

    /// The registry that it is in.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Switches to another conversation (resume, clear).
    ///
    /// # Errors
    ///
    /// As [`Registration::patch`].
    pub fn set_session_id(&self, id: &str) -> Result<()> {
        self.patch(&Patch::new().session_id(id))
    }

    /// Renames the session; an empty name changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Registration::patch`].
    pub fn rename(&self, name: &str) -> Result<()> {
        self.patch(&Patch::new().name(name))
    }

    /// Sets the id on a remote bridge, or clears it when the bridge goes.
    ///
    /// # Errors
    ///
    /// As [`Registration::patch`].
    pub fn set_bridge(&self, id: Option<&str>) -> Result<()> {
        self.patch(&Patch::new().bridge_session_id(id))
    }

    /// Says what the session is doing, and what it waits for.
    ///
    /// # Errors
    ///
    /// As [`Registration::patch`].
    pub fn set_status(&self, status: Status, waiting_for: Option<&str>) -> Result<()> {
        self.patch(&Patch::new().status(status, waiting_for))
    }

    /// Takes the status back.
    ///
    /// # Errors
    ///
    /// As [`Registration::patch`].
    pub fn clear_status(&self) -> Result<()> {
        self.patch(&Patch::new().clear_status())
    }

    /// Changes the record. A patch that changes nothing writes nothing, but still brings the
    /// record back if it has disappeared.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] after signing out, in a forked child, or when a later registration of the
    /// same process took over; [`Error::Contended`], [`Error::TooLarge`], or what the system
    /// said: then the old record stands.
    pub fn patch(&self, patch: &Patch) -> Result<()> {
        self.change(&|record, now| record.with(patch, now))
    }

    /// Says "still here": writes the record anew, and brings it back if it has disappeared.
    ///
    /// # Errors
    ///
    /// As [`Registration::patch`].
    pub fn reassert(&self) -> Result<()> {
        self.change(&|record, now| Some(record.touched(now)))
    }

    /// Signs out. Dropping the guard does the same and keeps quiet about what went wrong.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`] as in [`Registration::patch`], or what the system said: then the record
    /// stays until a sweep finds it stale.
    pub fn sign_out(self) -> Result<()> {
        self.end()
    }

    /// Also signs out on exit paths that skip `drop`. See [`ExitPaths`] for what each does to the
    /// host program.
    ///
    /// # Errors
    ///
    /// [`Error::Ended`], or what the system said when a handler was installed.
    pub fn cover(&self, paths: ExitPaths) -> Result<Covered> {
        let mut state = self.lock_if_mine()?;
        let covered =
            exit::install(paths).map_err(|e| Error::io("cover the exits of", "this process", e))?;
        state.cover(&self.instance);
        Ok(covered)
    }

    /// Leaves the record in place for the program that is about to replace this one with `exec`,
    /// which keeps pid and identity, and hands it the life lock. If `exec` fails, sign in again.
    pub fn hand_over_to_exec(self) {
        if let Ok(mut state) = self.lock_if_mine() {
            if let Some(life) = &state.standing.life {
                _ = rustix::io::fcntl_setfd(&life.fd, rustix::io::FdFlags::empty());
            }
            state.ended = Some(SIGNED_OUT);
            // Dropping the state would close the lock.
            std::mem::forget(state.standing.life.take());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads the state, but never waits for it in a forked child: the thread that holds the lock
    /// may not exist there.
    fn look<T>(&self, read: impl FnOnce(&State) -> T) -> Option<T> {
        if std::process::id() == self.pid {
            return Some(read(&self.lock()));
        }
        self.state.try_lock().ok().map(|state| read(&state))
    }

    /// In a forked child the lock may be held by a thread that does not exist there, so the
    /// question whose process this is comes first.
    fn lock_if_mine(&self) -> Result<MutexGuard<'_, State>> {
        if std::process::id() != self.pid {
            return Err(Error::Ended { reason: FORKED });
        }
        let state = self.lock();
        match state.ended {
            // The process is on its way out and its exit path was faster than this thread.
            None if state.covered.as_ref().is_some_and(exit::Slot::is_spent) => {
                Err(Error::Ended { reason: SIGNED_OUT })
            }
            Some(reason) => Err(Error::Ended { reason }),
            None => Ok(state),
        }
    }

    fn change(&self, change: &dyn Fn(&SessionRecord, u64) -> Option<SessionRecord>) -> Result<()> {
        let mut state = self.lock_if_mine()?;
        state.follow_path()?;
        // Each turn ends in success, in an error, or with another writer having been faster; ten
        // thousand of those in a row are a storm that is not ours to wait out.
        for _ in 0..10_000 {
            match state.hold_own(&self.instance)? {
                Own::Held => {}
                Own::TakenOver => {
                    state.ended = Some(TAKEN_OVER);
                    return Err(Error::Ended { reason: TAKEN_OVER });
                }
                Own::Lost => {
                    let record = state.standing.record.touched(now());
                    state.publish_again(&record)?;
                    continue;
                }
            }
            let record = match change(&state.standing.record, now()) {
                Some(record) => record,
                None if state.is_restored => state.standing.record.clone(),
                None => {
                    state.let_go();
                    return Ok(());
                }
            };
            if state.replace_own(record)? {
                return Ok(());
            }
        }
        Err(Error::Contended { path: state.directory.join(state.standing.name) })
    }

    fn end(&self) -> Result<()> {
        let mut state = self.lock_if_mine()?;
        state.ended = Some(SIGNED_OUT);
        state.uncover();
        remove_spare(&state.directory, state.standing.name, &state.standing.record);
        // Whoever has the name now under another instance is left alone.
        let result = match state.hold_own(&self.instance) {
            Ok(Own::Held) => {
                let name = state.standing.name.to_string();
                state
                    .directory
                    .unlink(&name)
                    .map_err(|e| Error::io("remove", state.directory.join(&name), e))
            }
            Ok(Own::TakenOver | Own::Lost) => Ok(()),
            Err(error) => Err(error),
        };
        if let Some(life) = state.standing.life.take() {
            life.give_back(&state.directory);
        }
        result
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Err(error) = self.end()
            && !matches!(error, Error::Ended { .. })
        {
            tracing::debug!(%error, "could not sign out; the record will be found stale");
        }
    }
}

/// What became of our record since the last look.
enum Own {
    /// It stands, its write lock is held, and `standing` is what is in it.
    Held,
    /// It is gone, or something that is not ours has its name.
    Lost,
    /// Another registration of this process has it.
    TakenOver,
}

impl State {
    /// Opens the directory anew if its path leads elsewhere by now.
    fn follow_path(&mut self) -> Result<()> {
        if self.looked_at_path.elapsed() < LOOK_AT_PATH_EVERY {
            return Ok(());
        }
        if !self.directory.is_still_at_its_path() {
            self.directory = Directory::open_to_write(&self.directory.path)?;
        }
        self.looked_at_path = Instant::now();
        Ok(())
    }

    fn hold_own(&mut self, instance: &str) -> Result<Own> {
        let name = self.standing.name;
        let published = &self.standing.published;
        let locked =
            lock_to_write(&self.directory, &name.to_string(), &published.fd, published.identity);
        match locked {
            Ok(Locked::Yes(stat)) if Written::of(&stat) == published.written => Ok(Own::Held),
            Ok(Locked::GaveUp) => Err(Error::Contended { path: self.directory.join(name) }),
            // Replaced by a hook that updated it, removed, or written into by somebody.
            Ok(_) => {
                self.let_go();
                self.read_own(instance)
            }
            Err(errno) => {
                // The lock may have been taken before the look at the name failed.
                self.let_go();
                Err(Error::io("lock", self.directory.join(name), errno))
            }
        }
    }

    fn read_own(&mut self, instance: &str) -> Result<Own> {
        let name = self.standing.name;
        let held = match hold(&self.directory, name)? {
            Hold::Held(held) => *held,
            Hold::Missing | Hold::NotARecord => return Ok(Own::Lost),
        };
        if held.record.instance().as_deref() != Some(instance) {
            let ours = &self.standing.record;
            let same_process = held.record.number(Key::PidfdIno) == ours.number(Key::PidfdIno)
                && [Key::ProcStart, Key::BootId, Key::PidDomain]
                    .iter()
                    .all(|key| held.record.text(*key) == ours.text(*key));
            return Ok(if same_process { Own::TakenOver } else { Own::Lost });
        }
        // Whoever wrote into it had no business with who we are.
        let ours = self.identity();
        let restored = held.record.with(&ours, now());
        self.is_restored = restored.is_some();
        self.standing.record = restored.unwrap_or(held.record);
        self.standing.published = Published {
            fd: held.lock.into_fd(),
            identity: held.identity,
            written: Written::of(&held.stat),
        };
        Ok(Own::Held)
    }

    /// What only this process can know of itself.
    fn identity(&self) -> Patch {
        let record = &self.standing.record;
        let texts = [Key::ProcStart, Key::PidDomain, Key::BootId];
        let numbers = [Key::TimeNs, Key::PidfdIno, Key::LockIno];
        let patch = texts
            .iter()
            .fold(Patch::new(), |patch, key| patch.text(*key, record.text(*key).as_deref()));
        numbers.iter().fold(patch, |patch, key| patch.number(*key, record.number(*key)))
    }

    fn replace_own(&mut self, record: SessionRecord) -> Result<bool> {
        // A newer version of a hook may have rewritten it meanwhile.
        if !self.standing.record.is_writable() {
            self.let_go();
            let version = self.standing.record.schema_version();
            let path = self.directory.join(self.standing.name);
            return Err(Error::NewerFormat { path, version });
        }
        let standing = &mut self.standing;
        let replaced = replace_keeping(
            &self.directory,
            standing.name,
            &record,
            &mut standing.published,
            &mut self.spare,
        );
        if let Ok(true) = replaced {
            standing.record = record;
            self.is_restored = false;
        } else {
            self.let_go();
        }
        replaced
    }

    /// Publishes our record anew: under its name if that is free, else under one with a suffix.
    fn publish_again(&mut self, record: &SessionRecord) -> Result<()> {
        // Its directory or its name may be another one from here on.
        if self.spare.take().is_some() {
            remove_spare(&self.directory, self.standing.name, &self.standing.record);
        }
        for attempt in 0..16 {
            let name = self.standing.name;
            let (record, life) = match self.life_lock_for(name)? {
                Some((ino, life)) => {
                    let patch = Patch::new().number(Key::LockIno, ino);
                    (record.with(&patch, now()).unwrap_or_else(|| record.clone()), life)
                }
                None => (record.clone(), None),
            };
            match publish_new(&self.directory, name, &record) {
                Ok(Some(published)) => {
                    self.standing.published = published;
                    self.standing.record = record;
                    if let Some(life) = life
                        && let Some(former) = self.standing.life.replace(life)
                    {
                        former.give_back(&self.directory);
                    }
                    self.recover();
                    return Ok(());
                }
                Ok(None) => {
                    if let Some(life) = life {
                        life.give_back(&self.directory);
                    }
                    self.standing.name =
                        RecordName { pid: name.pid, suffix: Some(random_suffix()) };
                }
                // The directory itself is gone.
                Err(Error::Io { source, .. })
                    if attempt == 0
                        && source.raw_os_error() == Some(Errno::NOENT.raw_os_error()) =>
                {
                    self.directory = Directory::open_to_write(&self.directory.path)?;
                }
                Err(error) => {
                    if let Some(life) = life {
                        life.give_back(&self.directory);
                    }
                    return Err(error);
                }
            }
        }
        Err(Error::Contended { path: self.directory.join(self.standing.name) })
    }

    /// The life lock for a name: the one that we hold, if its file still stands there, or a new
    /// one. `None` where this session holds none.
    #[allow(clippy::type_complexity)]
    fn life_lock_for(&self, name: RecordName) -> Result<Option<(Option<u64>, Option<LifeLock>)>> {
        let Some(held) = &self.standing.life else { return Ok(None) };
        let stands = self.directory.identity_of(&name.lock_name()).map(|found| found.ino);
        if stands == Ok(held.ino) {
            return Ok(Some((Some(held.ino), None)));
        }
        match LifeLock::take(&self.directory, name) {
            Ok(life) => Ok(Some((life.as_ref().map(|l| l.ino), life))),
            // Publishing will meet the same trouble and say so.
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(Error::io("lock", self.directory.join(name.lock_name()), errno)),
        }
    }

    fn let_go(&self) {
        _ = flock(&self.standing.published.fd, FlockOperation::Unlock);
    }

    fn cover(&mut self, instance: &str) {
        self.covered = exit::Slot::new(&self.directory.path, self.standing.name, instance);
    }

    fn uncover(&mut self) {
        self.covered = None;
    }

    /// After the name changed, the exit paths have to know.
    fn recover(&mut self) {
        if self.covered.is_some() {
            let instance = self.standing.record.instance().unwrap_or_default().into_owned();
            self.cover(&instance);
        }
    }
}

impl Registration {
    /// The status that it last said.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.record().status()
    }
}
