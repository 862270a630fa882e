//! Changing a record: find it, lock it, read it, replace it, in a loop until nobody was faster.

use std::time::{Duration, Instant};

use rustix::fs::{OFlags, Stat};
use rustix::io::Errno;

use super::directory::{Directory, is_our_file, now, stat_of};
use super::list::{Look, entries, seconds};
use super::lock::{Locked, WriteLock, lock_to_write};
use super::publish::{Published, replace};
use super::read::{NotRead, Reader, open_record};
use super::snapshot::FileIdentity;
use super::spare::remove_spare;
use super::{ProblemKind, Registry};
use crate::error::{Error, Result};
use crate::process::{Incarnation, Judgement, Processes, Verdict, judge};
use crate::record::{EntryName, Patch, RecordName, SessionRecord};

/// How long an update goes on trying against others that are always faster.
const PERSISTENCE: Duration = Duration::from_secs(10);

/// A record whose write lock is held.
pub(super) struct Held {
    pub(super) lock: WriteLock,
    pub(super) identity: FileIdentity,
    pub(super) record: SessionRecord,
    pub(super) stat: Stat,
}

/// What a look at a name under its lock shows.
pub(super) enum Hold {
    Held(Box<Held>),
    /// Nobody has the name.
    Missing,
    /// Something is there that is not a record of ours.
    NotARecord,
}

/// Opens, locks and reads the record of this name.
pub(super) fn hold(directory: &Directory, name: RecordName) -> Result<Hold> {
    let path = || directory.join(name);
    let text = name.to_string();
    let until = Instant::now() + PERSISTENCE;
    while Instant::now() < until {
        let fd = match open_record(directory, &*text, OFlags::RDWR) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(Hold::Missing),
            Err(Errno::LOOP | Errno::NXIO | Errno::ISDIR) => return Ok(Hold::NotARecord),
            // Somebody else's, or a file of ours that something keeps us from: not the same.
            Err(Errno::ACCESS | Errno::PERM) if !stands_our_file(directory, &text) => {
                return Ok(Hold::NotARecord);
            }
            Err(errno) => return Err(Error::io("open", path(), errno)),
        };
        let stat = stat_of(&fd).map_err(|e| Error::io("look at", path(), e))?;
        // Before its lock is waited for.
        if !is_our_file(&stat) {
            return Ok(Hold::NotARecord);
        }
        let identity = FileIdentity::of(&stat);
        let locked = lock_to_write(directory, &text, &fd, identity);
        let lock = WriteLock::of(fd);
        let stat = match locked {
            Ok(Locked::Yes(stat)) => stat,
            Ok(Locked::Replaced) => continue,
            Ok(Locked::GaveUp) => return Err(Error::Contended { path: path() }),
            Err(errno) => return Err(Error::io("lock", path(), errno)),
        };
        let mut reader = Reader::new(crate::record::MAX_RECORD_BYTES);
        return Ok(match reader.read_seen(lock.fd(), &stat) {
            Ok(bytes) => match SessionRecord::parse(bytes) {
                Ok(record) if record.pid() == name.pid => {
                    Hold::Held(Box::new(Held { lock, identity, record, stat }))
                }
                _ => Hold::NotARecord,
            },
            // What could not be read may well be a record; only what it is makes it none.
            Err(NotRead::Problem(ProblemKind::Unreadable(error))) => {
                return Err(Error::io("read", path(), error));
            }
            Err(NotRead::Gone) => Hold::Missing,
            Err(NotRead::Problem(_)) => Hold::NotARecord,
        });
    }
    Err(Error::Contended { path: path() })
}

fn stands_our_file(directory: &Directory, name: &str) -> bool {
    directory.stat(name).is_ok_and(|stat| is_our_file(&stat))
}

/// Writes a changed record in the place of a held one.
pub(super) fn replace_held(
    directory: &Directory,
    name: RecordName,
    held: &Held,
    record: &SessionRecord,
) -> Result<Option<Published>> {
    if !held.record.is_writable() {
        let version = held.record.schema_version();
        return Err(Error::NewerFormat { path: directory.join(name), version });
    }
    replace(directory, name, record, held.identity)
}

/// The first of these records that is the right one, locked.
pub(super) fn hold_first(
    directory: &Directory,
    names: impl IntoIterator<Item = RecordName>,
    is_right: impl Fn(RecordName, &Held) -> bool,
) -> Result<Option<(RecordName, Box<Held>)>> {
    for name in names {
        if let Hold::Held(held) = hold(directory, name)?
            && is_right(name, &held)
        {
            return Ok(Some((name, held)));
        }
    }
    Ok(None)
}

/// The names with a suffix that stand for this pid and are files of ours: a look at all names, and
/// at no file but these.
pub(super) fn suffixed_names(directory: &Directory, pid: u32) -> Result<Vec<RecordName>> {
    let mut names = Vec::new();
    directory
        .rewind()
        .and_then(|()| {
            entries(directory, |name, _| match EntryName::parse(name.to_bytes()) {
                EntryName::Record(record)
                    if record.pid == pid
                        && record.suffix.is_some()
                        // There may be any number of others' files.
                        && stands_our_file(directory, &record.to_string()) =>
                {
                    names.push(record);
                }
                _ => {}
            })
        })
        .map_err(|e| Error::io("list", &directory.path, e))?;
    Ok(names)
}

impl Registry {
    /// Changes the record of the running process `pid` on its behalf: a hook does this, or a
    /// script. Any number of writers at once, nothing is lost, and a record that was removed is
    /// never brought back. Returns the record as it then is.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`] if no record in this registry is that of the process that now has
    /// this pid; [`Error::NewerFormat`], [`Error::Contended`], [`Error::TooLarge`], or what the
    /// system said.
    pub fn update(&self, pid: u32, patch: &Patch) -> Result<SessionRecord> {
        self.with_record_of(pid, |directory, name, held| {
            let Some(record) = held.record.with(patch, now()) else {
                return Ok(Some(held.record.clone()));
            };
            Ok(replace_held(directory, name, held, &record)?.map(|_| record))
        })
    }

    /// Signs the running process `pid` out on its behalf.
    ///
    /// # Errors
    ///
    /// As [`Registry::update`].
    pub fn remove(&self, pid: u32) -> Result<()> {
        self.with_record_of(pid, |directory, name, held| {
            // The write lock is held, and under it the name still meant this file: no writer of
            // ours can have put another there.
            remove_spare(directory, name, &held.record);
            let result = directory.unlink(&name.to_string());
            result.map(|()| Some(())).map_err(|e| Error::io("remove", directory.join(name), e))
        })
    }

    /// Calls `change` with the locked record of the process that has this pid here; again, if
    /// somebody was faster (`Ok(None)`).
    fn with_record_of<T>(
        &self,
        pid: u32,
        mut change: impl FnMut(&Directory, RecordName, &Held) -> Result<Option<T>>,
    ) -> Result<T> {
        self.require_ours()?;
        let not_here = || Error::NoSession { pid, path: self.dir().to_owned() };
        let directory = Directory::open_to_write_if_there(self.dir())?.ok_or_else(not_here)?;
        let until = Instant::now() + PERSISTENCE;
        while Instant::now() < until {
            let Some((name, held)) = self.hold_record_of(&directory, pid)? else {
                return Err(not_here());
            };
            if let Some(result) = change(&directory, name, &held)? {
                return Ok(result);
            }
        }
        Err(Error::Contended { path: directory.join(RecordName::new(pid)) })
    }

    /// The record of the process that has this pid here, locked.
    fn hold_record_of(
        &self,
        directory: &Directory,
        pid: u32,
    ) -> Result<Option<(RecordName, Box<Held>)>> {
        self.hold_with_pid(directory, pid, |name, held| {
            self.is_of_this_namespace(&held.record)
                && self.judge_held(directory, name, held, None).verdict == Verdict::Alive
        })
    }

    /// The first record with this pid in its name that is the right one, locked: nearly always
    /// `<pid>.json`, and if that is another namespace's, the one with a suffix.
    pub(super) fn hold_with_pid(
        &self,
        directory: &Directory,
        pid: u32,
        is_right: impl Fn(RecordName, &Held) -> bool,
    ) -> Result<Option<(RecordName, Box<Held>)>> {
        if let Some(found) = hold_first(directory, [RecordName::new(pid)], &is_right)? {
            return Ok(Some(found));
        }
        // Only now, and rarely: the plain name is another's, or nobody's.
        hold_first(directory, suffixed_names(directory, pid)?, &is_right)
    }

    /// Whether the process that a held record names is running.
    pub(super) fn judge_held(
        &self,
        directory: &Directory,
        file: RecordName,
        held: &Held,
        own_lock: Option<u64>,
    ) -> Judgement {
        self.judge_read(directory, file, &held.record, &held.stat, own_lock)
    }

    /// The same for a record that was read without its lock.
    pub(super) fn judge_read(
        &self,
        directory: &Directory,
        file: RecordName,
        record: &SessionRecord,
        stat: &Stat,
        own_lock: Option<u64>,
    ) -> Judgement {
        let here = self.here();
        let mut processes = Processes::new(&here);
        let written_at = seconds(stat);
        let mut look =
            Look { processes: &mut processes, directory, here: &here, file, written_at, own_lock };
        judge(&Incarnation::of(record), &here, &mut look)
    }

    /// Whether the pid in the record is one of this PID namespace: "42" inside a container is not
    /// our 42, however alive it is.
    pub(super) fn is_of_this_namespace(&self, record: &SessionRecord) -> bool {
        let ours = self.here().pid_ns;
        match (Incarnation::of(record).pid_ns, ours) {
            (Some(theirs), Some(ours)) => theirs == ours,
            _ => true,
        }
    }
}
