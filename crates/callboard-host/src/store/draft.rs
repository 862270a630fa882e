//! A session's directory in the making.
//!
//! It is complete before it has its name, and it gets that in one step: nobody sees half of a
//! session, and of two that want one id, one fails.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{CWD, FlockOperation, RenameFlags, flock, renameat_with};
use rustix::io::Errno;

use super::files::SpecFile;
use super::session::{SessionDir, is_locked};
use super::{ENVIRONMENT, RESTART, Store, create_new, trust};
use crate::error::{Error, Result, SpawnError};
use crate::id::HostedId;

/// What is left of a start that was killed is removed by a later one after this time.
const LITTER_AGE: Duration = Duration::from_secs(3600);

/// How often a lock is tried that a listing may hold for a moment.
const ATTEMPTS: u32 = 20;

/// The same where a host may hold it: one that has written down the end says farewell to its
/// clients, for a second at most, and lets go then. Some 1.3 s.
const ATTEMPTS_AT_AN_END: u32 = 400;

/// A directory under a hidden name, with its lock held. Removed when it is dropped.
#[derive(Debug)]
pub struct Draft {
    store: Store,
    id: HostedId,
    path: PathBuf,
    lock: Option<File>,
}

/// A session's directory under its own name. Its lock is held until this is dropped, and by every
/// child that was forked with it.
#[derive(Debug)]
pub struct Claimed {
    session: SessionDir,
    /// The ended session whose place was taken, under a hidden name, and its lock.
    replaced: Option<(PathBuf, File)>,
    _lock: File,
}

impl Store {
    /// Makes the directory of a new session, with its lock taken and its `spec.json` written.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`] if the home is another user's, or what the system said.
    pub fn draft(&self, id: HostedId, spec: &SpecFile) -> Result<Draft> {
        trust::make_directory(&self.dir)?;
        let path = self.dir.join(format!(".{id}.{:08x}.new", crate::random::word()));
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| Error::io("make the directory", &path, error))?;
        let mut draft = Draft { store: self.clone(), id, path, lock: None };
        let lock = create_new(&draft.path.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| Error::io("lock", draft.path.join("lock"), error))?;
        draft.lock = Some(lock);
        let text = serde_json::to_vec(spec).unwrap_or_default();
        let file = draft.path.join("spec.json");
        create_new(&file)?.write_all(&text).map_err(|e| Error::io("write", &file, e))?;
        Ok(draft)
    }

    /// Removes what starts and removals have left that were killed. Nobody needs it to be gone.
    pub(crate) fn remove_litter(&self) {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let is_hidden = name.starts_with('.');
            if !is_hidden || !(name.ends_with(".new") || name.ends_with(".old")) {
                continue;
            }
            let written = entry.metadata().and_then(|found| found.modified());
            let age = written.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            let path = entry.path();
            let is_old = age.is_some_and(|age| age > LITTER_AGE);
            if is_old && is_locked(&path.join("lock")).is_ok_and(|held| !held) {
                _ = std::fs::remove_dir_all(path);
            }
        }
    }
}

impl Draft {
    /// The directory, as long as it has no name of its own.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives the session its name. With `replace`, one of that name that has ended makes way, and
    /// its log is kept.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Taken`], or what the system said.
    pub fn claim(mut self, replace: bool) -> Result<Claimed, SpawnError> {
        let to = self.store.dir.join(&self.id);
        let mut replaced = None;
        match renameat_with(CWD, &self.path, CWD, &to, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(Errno::EXIST) if replace => {
                replaced = Some((self.path.clone(), self.take_the_place_of(&to)?));
            }
            Err(Errno::EXIST) => return Err(SpawnError::Taken { id: self.id.clone() }),
            Err(error) => return Err(Error::io("give its name to", &self.path, error).into()),
        }
        // What is under the hidden name now is not this draft's to remove.
        self.path = PathBuf::new();
        let Some(lock) = self.lock.take() else {
            unreachable!("a draft is locked from its first moment")
        };
        let session = SessionDir::new(self.id.clone(), to);
        Ok(Claimed { session, replaced, _lock: lock })
    }

    /// Exchanges the two directories while the lock of the old session is held: it has ended, and
    /// nobody else is replacing it. Returns that lock.
    fn take_the_place_of(&self, old: &Path) -> Result<File, SpawnError> {
        let taken = || SpawnError::Taken { id: self.id.clone() };
        let lock = lock_ended(old)?.ok_or_else(taken)?;
        // Before the exchange, so that no moment is without them: a supervisor that is killed must
        // find its policy in whichever of the two has the name.
        for file in [ENVIRONMENT, RESTART] {
            link_if_there(&old.join(file), &self.path.join(file))?;
        }
        renameat_with(CWD, &self.path, CWD, old, RenameFlags::EXCHANGE)
            .map_err(|error| SpawnError::from(Error::io("replace", old, error)))?;
        Ok(lock)
    }
}

impl Claimed {
    /// The directory.
    #[must_use]
    pub const fn session(&self) -> &SessionDir {
        &self.session
    }

    /// The session has been started: the one that it replaces is gone, but for its log.
    pub fn settle(&mut self) {
        if let Some((old, _lock)) = self.replaced.take() {
            keep_logs(&old, self.session.path());
            _ = std::fs::remove_dir_all(old);
        }
    }

    /// The session could not be started: the one that it was to replace has its place back.
    pub fn discard(mut self) {
        let path = self.session.path();
        let hidden = match self.replaced.take() {
            Some((old, _lock)) => {
                _ = renameat_with(CWD, &old, CWD, path, RenameFlags::EXCHANGE);
                old
            }
            None => {
                let hidden = hidden_name(&self.session, "old");
                _ = std::fs::rename(path, &hidden);
                hidden
            }
        };
        _ = std::fs::remove_dir_all(hidden);
    }
}

/// A name for a session's directory that is no id.
pub(super) fn hidden_name(session: &SessionDir, end: &str) -> PathBuf {
    let name = format!(".{}.{:08x}.{end}", session.id(), crate::random::word());
    session.path().with_file_name(name)
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.path.as_os_str().is_empty() {
            _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Takes the lock of a session that has ended; `None` if it runs, or somebody else was faster.
pub(super) fn lock_ended(session: &Path) -> Result<Option<File>> {
    let path = session.join("lock");
    let failed = |error| Error::io("lock", &path, error);
    let is_over = session.join("exit").exists();
    for attempt in 0..if is_over { ATTEMPTS_AT_AN_END } else { ATTEMPTS } {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            // A listing holds it for some µs; a host for its life.
            Err(Errno::WOULDBLOCK) => {
                std::thread::sleep(Duration::from_micros(50 << attempt.min(6)));
                continue;
            }
            Err(error) => return Err(failed(error.into())),
        }
        // Whoever was faster has put another directory in its place.
        let ours = file.metadata().map_err(failed)?.ino();
        return Ok(std::fs::metadata(&path).is_ok_and(|now| now.ino() == ours).then_some(file));
    }
    Ok(None)
}

/// Gives a file that is never written into a second name.
fn link_if_there(file: &Path, name: &Path) -> Result<()> {
    match std::fs::hard_link(file, name) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::io("link", file, error)),
        _ => Ok(()),
    }
}

/// The log of a session goes on where it is started again.
fn keep_logs(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_log = name == "log" || name.to_str().is_some_and(|name| name.starts_with("log."));
        if is_log {
            // Without it, the old rows are not shown; the session runs all the same.
            _ = std::fs::rename(entry.path(), to.join(name));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `rm` and `restart` right after an end were told that the session still runs: its host had
    /// said so to all others, and had not let go of its lock.
    #[test]
    fn a_host_that_says_farewell_is_waited_for() {
        let dir = tempfile::tempdir().unwrap();
        let lock = File::create(dir.path().join("lock")).unwrap();
        flock(&lock, FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(lock_ended(dir.path()).unwrap().is_none(), "it runs");
        std::fs::write(dir.path().join("exit"), "").unwrap();
        let farewell = std::thread::spawn(move || {
            // Longer than a listing holds it, and shorter than a host may.
            std::thread::sleep(Duration::from_millis(150));
            drop(lock);
        });
        assert!(lock_ended(dir.path()).unwrap().is_some(), "it has ended");
        farewell.join().unwrap();
    }
}
