//! Two locks, both `flock(2)`, both gone with their holder.
//!
//! The *life lock*, `.<stem>.lock`, is held by a session from signing in to its end: it is how
//! somebody in another PID namespace of this kernel knows that the session lives. It has a file
//! of its own because records are replaced, and a lock stays with the file that was replaced.
//!
//! The *write lock* is on the record itself, for the moment of an update: it saves the updates
//! of several writers from each other. Readers take neither. Since a record is replaced by its
//! update, who gets the lock has to look whether the name still means the file that it locked.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, Mode, OFlags, Stat, flock, openat};
use rustix::io::Errno;

use super::directory::{Directory, is_our_file, retry, stat_of};
use super::read::open_record;
use super::snapshot::FileIdentity;
use crate::error::{Error, Result};
use crate::process::LockSight;
use crate::record::RecordName;

/// How long an update waits for another writer. A write takes 10 µs; who holds the lock for two
/// seconds is stopped, and the host program must not wait for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The life lock, held.
#[derive(Debug)]
pub(super) struct LifeLock {
    pub(super) fd: OwnedFd,
    pub(super) ino: u64,
    /// The record that it is beside.
    name: RecordName,
}

impl LifeLock {
    /// Takes it. `Ok(None)` when the name is not to be had: a session of another namespace with
    /// the same pid number, whose record somebody removed, holds it.
    pub(super) fn take(
        directory: &Directory,
        name: RecordName,
    ) -> rustix::io::Result<Option<Self>> {
        let lock_name = name.lock_name();
        let flags = OFlags::RDWR
            | OFlags::CREATE
            | OFlags::NOFOLLOW
            | OFlags::NONBLOCK
            | OFlags::CLOEXEC
            | OFlags::NOCTTY;
        // A sweep removes the lock file of a dead session while it holds it: then the name is
        // free and the next turn makes a new one.
        for _ in 0..16 {
            let mode = Mode::RUSR | Mode::WUSR;
            let fd = match retry(|| openat(directory, &*lock_name, flags, mode)) {
                Ok(fd) => fd,
                // Something else has the name: a directory, a symlink, somebody else's file.
                Err(Errno::ISDIR | Errno::LOOP | Errno::NXIO | Errno::ACCESS | Errno::PERM) => {
                    return Ok(None);
                }
                Err(errno) => return Err(errno),
            };
            let stat = stat_of(&fd)?;
            // Put there by another user, who could take the lock when we are gone and would pass
            // for this session.
            if !is_our_file(&stat) {
                return Ok(None);
            }
            match retry(|| flock(&fd, FlockOperation::NonBlockingLockExclusive)) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) => return Ok(None),
                Err(errno) => return Err(errno),
            }
            let ours = FileIdentity::of(&stat);
            if directory.identity_of(&lock_name) == Ok(ours) {
                return Ok(Some(Self { fd, ino: ours.ino, name }));
            }
        }
        Ok(None)
    }
}

impl LifeLock {
    /// Gives it back, and removes its file if that still stands there. Removed while it is held,
    /// so that nobody can have taken it over.
    pub(super) fn give_back(self, directory: &Directory) {
        let name = self.name.lock_name();
        if directory.identity_of(&name).is_ok_and(|found| found.ino == self.ino) {
            _ = directory.unlink(&name);
        }
    }
}

/// A life lock that was taken and is not yet anybody's: dropped, it is given back and its file
/// removed, so that a sign-in that fails (a full disk, say) leaves nothing.
pub(super) struct TakenLock<'d> {
    directory: &'d Directory,
    lock: Option<LifeLock>,
}

impl<'d> TakenLock<'d> {
    pub(super) fn take(directory: &'d Directory, name: RecordName) -> Result<Option<Self>> {
        let lock = LifeLock::take(directory, name)
            .map_err(|e| Error::io("lock", directory.join(name.lock_name()), e))?;
        Ok(lock.map(|lock| Self { directory, lock: Some(lock) }))
    }

    pub(super) fn ino(&self) -> u64 {
        self.lock.as_ref().map_or(0, |lock| lock.ino)
    }

    pub(super) fn keep(mut self) -> LifeLock {
        self.lock.take().expect("taken once, by value")
    }
}

impl Drop for TakenLock<'_> {
    fn drop(&mut self) {
        if let Some(lock) = self.lock.take() {
            lock.give_back(self.directory);
        }
    }
}

/// An open record whose write lock is held; released when dropped, also where a child that
/// another thread forked at this moment has a copy of the descriptor.
#[derive(Debug)]
pub(super) struct WriteLock(Option<OwnedFd>);

impl WriteLock {
    pub(super) fn of(fd: OwnedFd) -> Self {
        Self(Some(fd))
    }

    /// The file.
    pub(super) fn fd(&self) -> &OwnedFd {
        self.0.as_ref().expect("taken only by value")
    }

    /// The file, still locked.
    pub(super) fn into_fd(mut self) -> OwnedFd {
        self.0.take().expect("taken once, by value")
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        if let Some(fd) = &self.0 {
            _ = flock(fd, FlockOperation::Unlock);
        }
    }
}

/// Looks at the life lock of a record without keeping it. The shared lock that is taken for an
/// instant can make a session of another namespace that signs in under this very name at that
/// instant think the name is taken, and choose another: harmless.
pub(super) fn look(directory: &Directory, name: RecordName, ino: u64) -> LockSight {
    let Ok(fd) = open_record(directory, &*name.lock_name(), OFlags::RDONLY) else {
        return LockSight::NoEvidence;
    };
    // Somebody removed the file and somebody made a new one: that says nothing about the lock on
    // the first. Nor does the lock of another user, whatever the record says.
    if !stat_of(&fd).is_ok_and(|stat| FileIdentity::of(&stat).ino == ino && is_our_file(&stat)) {
        return LockSight::NoEvidence;
    }
    match retry(|| flock(&fd, FlockOperation::NonBlockingLockShared)) {
        Err(Errno::WOULDBLOCK) => LockSight::Held,
        Ok(()) => LockSight::Free,
        Err(_) => LockSight::NoEvidence,
    }
}

/// What came of waiting for the write lock.
pub(super) enum Locked {
    /// Held, and the name means this file, which looks like this now.
    Yes(Stat),
    /// The name means another file by now, or none.
    Replaced,
    /// Nobody let go in time.
    GaveUp,
}

/// Takes the write lock on an open record.
pub(super) fn lock_to_write(
    directory: &Directory,
    name: &str,
    fd: &OwnedFd,
    identity: FileIdentity,
) -> rustix::io::Result<Locked> {
    let mut patience: Option<Instant> = None;
    loop {
        match retry(|| flock(fd, FlockOperation::NonBlockingLockExclusive)) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                let now = Instant::now();
                if now >= *patience.get_or_insert(now + PATIENCE) {
                    return Ok(Locked::GaveUp);
                }
                // The holder is done in some 10 µs, and flock has no time-out; a blocked wait
                // could only be ended by a signal, and signals are the host program's.
                std::thread::sleep(Duration::from_micros(20));
                // Who waits on a file that was replaced meanwhile waits for nothing.
                if directory.identity_of(name) != Ok(identity) {
                    return Ok(Locked::Replaced);
                }
                continue;
            }
            // A file system without locks: writers are then on their own, see docs/PLATFORM.md.
            Err(Errno::NOSYS | Errno::NOTSUP | Errno::NOLCK | Errno::INVAL) => {}
            Err(errno) => return Err(errno),
        }
        return Ok(match directory.stat(name) {
            Ok(found) if FileIdentity::of(&found) == identity => Locked::Yes(found),
            Ok(_) | Err(Errno::NOENT) => Locked::Replaced,
            Err(errno) => return Err(errno),
        });
    }
}
