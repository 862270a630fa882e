//! Removing what is proven dead, and nothing else ever: planned first, then done.

use std::collections::HashSet;
use std::path::PathBuf;

use rustix::fs::{FileType, FlockOperation, OFlags, Stat, flock};
use rustix::io::Errno;

use super::directory::{Directory, NotRead, is_our_file, now, retry, stat_of};
use super::list::{Visit, entries, seconds};
use super::lock::{Locked, WriteLock, lock_to_write};
use super::publish::{Written, rename_noreplace};
use super::read::{Reader, open_record};
use super::snapshot::FileIdentity;
use super::spare::{remove_spare, spare_of};
use super::token::next_token;
use super::update::{Held, Hold, hold};
use super::{Problem, ProblemKind, Registry};
use crate::error::{Error, Result};
use crate::process::{Evidence, Verdict, signal_zero};
use crate::record::{EntryName, MAX_RECORD_BYTES, RecordName, SessionRecord};

/// Files that a writer leaves for microseconds, and only a killed one for longer.
const LITTER_AGE: u64 = 60 * 60;
/// A record that is moved aside is judged and gone, or back, within microseconds.
const ASIDE_AGE: u64 = 10;
/// What was never a record says nothing about its process; a day without one of that pid does.
const JUNK_AGE: u64 = 24 * 60 * 60;

/// What a sweep would do.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SweepPlan {
    /// What would be removed, or put back.
    pub items: Vec<SweepItem>,
    /// What stood in the way of looking.
    pub problems: Vec<Problem>,
}

/// One file that a sweep would remove.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SweepItem {
    /// Its path.
    pub path: PathBuf,
    /// Why.
    pub reason: SweepReason,
    name: String,
    record: Option<RecordName>,
    identity: FileIdentity,
    /// The length and the time of the last write: an inode number is given out again at once.
    written: Option<Written>,
}

/// Why a file would be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SweepReason {
    /// The record of a process that is proven dead.
    Stale(Evidence),
    /// Left behind by a program that was killed while it wrote, over an hour ago.
    Litter,
    /// The lock file of a session that is gone, with its record gone too.
    OrphanedLock,
    /// In the place of a record, never readable as one, no process of that pid, over a day old.
    Junk,
    /// A live record that a sweep was killed over: it will be put back, not removed.
    PutBack,
}

impl std::fmt::Display for SweepReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Stale(evidence) => evidence.explain(),
            Self::Litter => "left behind by a program that was killed while it wrote",
            Self::OrphanedLock => "the lock of a session that is gone",
            Self::Junk => "no record, no such process, and over a day old",
            Self::PutBack => "a live record that a sweep was killed over; it goes back",
        })
    }
}

/// What a sweep did.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SweepReport {
    /// Removed, or put back.
    pub done: Vec<SweepItem>,
    /// Left alone after all: somebody was writing it, or it is another file by now.
    pub kept: Vec<SweepItem>,
    /// What could not be done.
    pub problems: Vec<Problem>,
}

impl Registry {
    /// What a sweep would remove. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`crate::Error::ReadOnly`] for another program's registry, which is never swept.
    pub fn plan_sweep(&self) -> Result<SweepPlan> {
        self.require_ours()?;
        let mut plan = SweepPlan::default();
        let directory = match Directory::open(self.dir()) {
            Ok(directory) => directory,
            Err(NotRead::Missing) => return Ok(plan),
            Err(NotRead::Problem(kind)) => {
                plan.problems.push(Problem { path: self.dir().to_owned(), kind });
                return Ok(plan);
            }
        };
        let mut malformed = Vec::new();
        let mut spares = HashSet::new();
        self.visit(|item| match item {
            Visit::Session(session) if session.verdict() != Verdict::Dead => {
                spares.extend(spare_of(session.file, &session.record));
            }
            Visit::Session(session) => {
                plan.items.push(SweepItem {
                    path: directory.join(session.file),
                    reason: SweepReason::Stale(session.evidence()),
                    name: session.file.to_string(),
                    record: Some(session.file),
                    identity: session.identity,
                    written: None,
                });
            }
            Visit::Problem(Problem { path, kind: ProblemKind::Malformed(_) }) => {
                malformed.push(path);
            }
            _ => {}
        });
        for path in malformed {
            let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
            if let Some(record) = RecordName::parse(name.as_bytes())
                && directory.is_local()
                && !signal_zero(record.pid)
                && was_ours(&directory, name)
            {
                plan.consider(&directory, name, Some(record), SweepReason::Junk, JUNK_AGE);
            }
        }
        self.plan_litter(&directory, &spares, &mut plan);
        Ok(plan)
    }

    /// `spares` are the names of those that sessions still have a use for.
    fn plan_litter(&self, directory: &Directory, spares: &HashSet<String>, plan: &mut SweepPlan) {
        let read = entries(directory, |name, kind| {
            if !matches!(kind, FileType::RegularFile | FileType::Unknown) {
                return;
            }
            let Ok(text) = name.to_str() else { return };
            match EntryName::parse(name.to_bytes()) {
                EntryName::Temporary | EntryName::Spare if !spares.contains(text) => {
                    plan.consider(directory, text, None, SweepReason::Litter, LITTER_AGE);
                }
                EntryName::Lock(record)
                    if directory.identity_of(&record.to_string()) == Err(Errno::NOENT) =>
                {
                    plan.consider(directory, text, None, SweepReason::OrphanedLock, LITTER_AGE);
                }
                EntryName::Swept(record) => {
                    let reason = match self.judge_aside(directory, text, record) {
                        Some(evidence) if evidence.verdict() == Verdict::Dead => {
                            SweepReason::Stale(evidence)
                        }
                        _ => SweepReason::PutBack,
                    };
                    plan.consider(directory, text, Some(record), reason, ASIDE_AGE);
                }
                EntryName::Record(_)
                | EntryName::Lock(_)
                | EntryName::Spare
                | EntryName::Temporary
                | EntryName::Stray => {}
            }
        });
        if let Err(errno) = read {
            let kind = ProblemKind::Directory(errno.into());
            plan.problems.push(Problem { path: directory.path.clone(), kind });
        }
    }

    /// The verdict on a record that a sweep moved aside and did not come back to.
    fn judge_aside(&self, directory: &Directory, name: &str, file: RecordName) -> Option<Evidence> {
        let (bytes, stat) = read_now(directory, name)?;
        let record = SessionRecord::parse(&bytes).ok().filter(|r| r.pid() == file.pid)?;
        Some(self.judge_read(directory, file, &record, &stat, None).evidence)
    }

    /// Removes the records with this pid whose process is proven dead, and says how many: for a
    /// program that signed another one in and has seen it end.
    ///
    /// # Errors
    ///
    /// As [`Registry::sweep`].
    pub fn sweep_process(&self, pid: u32) -> Result<usize> {
        self.require_ours()?;
        let Some(directory) = Directory::open_to_write_if_there(self.dir())? else { return Ok(0) };
        let mut removed = 0;
        let is_dead = |name, held: &Held| {
            self.judge_held(&directory, name, held, None).verdict == Verdict::Dead
        };
        while let Some((name, held)) = self.hold_with_pid(&directory, pid, is_dead)? {
            let done = remove_judged(&directory, name, &held)
                .map_err(|e| Error::io("remove the stale record", directory.join(name), e))?;
            if !done {
                break;
            }
            removed += 1;
        }
        Ok(removed)
    }

    /// Does what was planned, each item only if it is still the very file that was judged.
    ///
    /// # Errors
    ///
    /// [`crate::Error::ReadOnly`], [`crate::Error::Untrusted`], or what the system said of the directory;
    /// what could not be removed is a problem in the report.
    pub fn sweep(&self, plan: &SweepPlan) -> Result<SweepReport> {
        self.require_ours()?;
        let mut report = SweepReport::default();
        if plan.items.is_empty() {
            return Ok(report);
        }
        let directory = Directory::open_to_write(self.dir())?;
        for item in &plan.items {
            let done = match item.reason {
                SweepReason::PutBack => put_back(&directory, item),
                SweepReason::Litter => item.remove_if_untouched(&directory),
                SweepReason::OrphanedLock => remove_lock(&directory, &item.name, item.identity),
                SweepReason::Junk => sweep_junk(&directory, item),
                SweepReason::Stale(_) => self.sweep_stale(&directory, item),
            };
            match done {
                Ok(true) => report.done.push(item.clone()),
                Ok(false) => report.kept.push(item.clone()),
                Err(errno) => {
                    let kind = ProblemKind::Unreadable(errno.into());
                    report.problems.push(Problem { path: item.path.clone(), kind });
                }
            }
        }
        Ok(report)
    }
}

impl SweepPlan {
    /// Adds a file of ours if it is old enough.
    fn consider(
        &mut self,
        directory: &Directory,
        name: &str,
        record: Option<RecordName>,
        reason: SweepReason,
        min_age: u64,
    ) {
        let Ok(stat) = directory.stat(name) else { return };
        let written = u64::try_from(seconds(&stat)).unwrap_or(0);
        if is_our_file(&stat) && written.saturating_add(min_age) <= now() / 1000 {
            self.items.push(SweepItem {
                path: directory.join(name),
                reason,
                name: name.to_owned(),
                record,
                identity: FileIdentity::of(&stat),
                written: Some(Written::of(&stat)),
            });
        }
    }
}

impl Registry {
    /// Removes a stale record, if it still is one. It is read and judged again under its lock:
    /// the plan may be old, and the same pid may have signed in meanwhile, even in a file with
    /// the same inode number.
    fn sweep_stale(&self, directory: &Directory, item: &SweepItem) -> rustix::io::Result<bool> {
        let Some(record) = item.record else { return Ok(false) };
        if item.name.starts_with('.') {
            let evidence = self.judge_aside(directory, &item.name, record);
            let dead = evidence.is_some_and(|evidence| evidence.verdict() == Verdict::Dead);
            return if dead { item.remove_if_untouched(directory) } else { Ok(false) };
        }
        match hold(directory, record) {
            Ok(Hold::Held(held)) => {
                let judgement = self.judge_held(directory, record, &held, None);
                if held.identity != item.identity || judgement.verdict != Verdict::Dead {
                    return Ok(false);
                }
                remove_judged(directory, record, &held)
            }
            Err(Error::Io { source, .. }) => {
                Err(Errno::from_io_error(&source).unwrap_or(Errno::IO))
            }
            // Another sweep was first, or somebody is writing it.
            _ => Ok(false),
        }
    }
}

impl SweepItem {
    /// Removes a file that is no record, if nobody has touched it since it was looked at.
    fn remove_if_untouched(&self, directory: &Directory) -> rustix::io::Result<bool> {
        match directory.stat(&self.name) {
            Ok(stat)
                if FileIdentity::of(&stat) == self.identity
                    && Some(Written::of(&stat)) == self.written =>
            {
                directory.unlink(&self.name).map(|()| true)
            }
            Ok(_) | Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(errno),
        }
    }
}

/// Removes what was never a record, under the lock that a writer of ours would take.
fn sweep_junk(directory: &Directory, item: &SweepItem) -> rustix::io::Result<bool> {
    let fd = match open_record(directory, &*item.name, OFlags::RDONLY) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno),
    };
    let locked = lock_to_write(directory, &item.name, &fd, item.identity)?;
    let _lock = WriteLock::of(fd);
    match locked {
        Locked::Yes(stat) if Some(Written::of(&stat)) == item.written => {
            move_aside_and_remove(directory, &item.name, item.record, item.identity)
        }
        _ => Ok(false),
    }
}

/// Whether a file that is no record can have been one of ours before a power cut: empty, all
/// NULs, or the beginning of one. `2024.json` with somebody's notes in it is not.
fn was_ours(directory: &Directory, name: &str) -> bool {
    let Some((bytes, _)) = read_now(directory, name) else { return false };
    bytes.iter().all(|b| *b == 0) || bytes.starts_with(b"{\"pid\":")
}

fn read_now(directory: &Directory, name: &str) -> Option<(Vec<u8>, Stat)> {
    let name = std::ffi::CString::new(name).ok()?;
    let mut reader = Reader::new(MAX_RECORD_BYTES);
    let (bytes, stat) = reader.read(directory, &name, FileType::Unknown).ok()?;
    Some((bytes.to_vec(), stat))
}

/// Removes a stale record whose write lock is held: its name is wanted for a new one.
pub(super) fn remove_judged(
    directory: &Directory,
    name: RecordName,
    held: &Held,
) -> rustix::io::Result<bool> {
    let removed = move_aside_and_remove(directory, &name.to_string(), Some(name), held.identity)?;
    if removed {
        remove_spare(directory, name, &held.record);
    }
    Ok(removed)
}

/// Moves the name aside, looks whether it was the file that was judged, and removes that; puts it
/// back if it was not. A plain `unlink` would remove the record of whoever signed in under the
/// same number in between, without taking our locks.
fn move_aside_and_remove(
    directory: &Directory,
    name: &str,
    record: Option<RecordName>,
    judged: FileIdentity,
) -> rustix::io::Result<bool> {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let aside = format!(".{stem}.{:016x}.swept", next_token());
    match rename_noreplace(directory, name, &aside) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno),
    }
    if directory.identity_of(&aside) != Ok(judged) {
        rename_noreplace(directory, &aside, name)?;
        return Ok(false);
    }
    directory.unlink(&aside)?;
    if let Some(record) = record {
        let lock = record.lock_name();
        // Something that another user put in its place is no reason to fail.
        if let Ok(stat) = directory.stat(&lock)
            && is_our_file(&stat)
        {
            remove_lock(directory, &lock, FileIdentity::of(&stat))?;
        }
    }
    Ok(true)
}

/// Removes a lock file if nobody holds it, while holding it: who wants to take it meanwhile finds
/// it taken, and looks again.
fn remove_lock(
    directory: &Directory,
    name: &str,
    identity: FileIdentity,
) -> rustix::io::Result<bool> {
    let fd = match open_record(directory, name, OFlags::RDONLY) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(false),
        Err(errno) => return Err(errno),
    };
    if FileIdentity::of(&stat_of(&fd)?) != identity {
        return Ok(false);
    }
    match retry(|| flock(&fd, FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(false),
        Err(errno) => return Err(errno),
    }
    if directory.identity_of(name) != Ok(identity) {
        return Ok(false);
    }
    directory.unlink(name).map(|()| true)
}

fn put_back(directory: &Directory, item: &SweepItem) -> rustix::io::Result<bool> {
    let Some(record) = item.record else { return Ok(false) };
    match rename_noreplace(directory, &item.name, &record.to_string()) {
        Ok(()) => Ok(true),
        // The session has brought its record back itself: the one aside is the older.
        Err(Errno::EXIST) => directory.unlink(&item.name).map(|()| true),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}
