//! One pass over the directory.

use std::ffi::CStr;
use std::time::Duration;

use rustix::fs::{FileType, Stat};

use super::directory::{Directory, NotRead as DirectoryNotRead, now};
use super::problem::{Problem, ProblemKind};
use super::read::{NotRead, Reader};
use super::snapshot::{Count, FileIdentity, Session, Snapshot};
use super::{Registry, lock};
use crate::process::{
    Here, Incarnation, InsideSight, Judgement, LockSight, PidfdSight, Processes, StatSight,
    Witness, judge, signal_zero,
};
use crate::record::{EntryName, MAX_RECORD_BYTES, RecordName, SessionRecord};

/// How many stray names, and how many things of others, are worth a line each: where others may
/// write there may be a million.
const NAMED: usize = 100;

/// How long a record of another program that was caught in the middle of a write is given.
const TORN_PATIENCE: Duration = Duration::from_millis(20);

/// One thing that a pass over a registry comes by.
#[derive(Debug)]
pub enum Visit {
    /// A record, with its verdict.
    Session(Session),
    /// Something that is not as it should be. A session with an odd record comes by as both.
    Problem(Problem),
}

impl Registry {
    /// Every session, with its verdict, and every problem. Never fails, and nothing in the
    /// directory can stop it; a directory that is not there has no sessions and no problem.
    #[must_use]
    pub fn list(&self) -> Snapshot {
        let mut snapshot = Snapshot { dir: self.dir().to_owned(), ..Snapshot::default() };
        self.visit(|item| match item {
            Visit::Session(session) => snapshot.sessions.push(session),
            Visit::Problem(problem) => snapshot.problems.push(problem),
        });
        snapshot
    }

    /// The same one by one, for callers that keep less of each than a whole record.
    pub fn visit(&self, mut visit: impl FnMut(Visit)) {
        let directory = match Directory::open(self.dir()) {
            Ok(directory) => directory,
            Err(DirectoryNotRead::Missing) => return,
            Err(DirectoryNotRead::Problem(kind)) => {
                return visit(Visit::Problem(Problem { path: self.dir().to_owned(), kind }));
            }
        };
        if directory.is_writable_by_others() {
            let kind = ProblemKind::DirectoryWritableByOthers;
            visit(Visit::Problem(Problem { path: self.dir().to_owned(), kind }));
        }
        let here = self.here();
        let mut pass = Pass::new(&directory, &here, &mut visit);
        let mut strays = 0;
        let mut torn = Vec::new();
        let read = entries(&directory, |name, kind| match EntryName::parse(name.to_bytes()) {
            EntryName::Record(file) => {
                if pass.record(file, name, kind, self.is_foreign()) == Outcome::PerhapsTorn {
                    torn.push(file);
                }
            }
            EntryName::Stray => {
                strays += 1;
                if strays <= NAMED {
                    let name = String::from_utf8_lossy(name.to_bytes()).into_owned();
                    pass.problem(name, ProblemKind::StrayName);
                }
            }
            EntryName::Lock(_) | EntryName::Spare | EntryName::Temporary | EntryName::Swept(_) => {}
        });
        if let Err(errno) = read {
            pass.problem(String::new(), ProblemKind::Directory(errno.into()));
        }
        if strays > NAMED {
            let kind = ProblemKind::MoreStrayNames(strays - NAMED);
            pass.problem(String::new(), kind);
        }
        if pass.not_ours > NAMED {
            let kind = ProblemKind::MoreNotOurs(pass.not_ours - NAMED);
            pass.problem(String::new(), kind);
        }
        if !torn.is_empty() {
            std::thread::sleep(TORN_PATIENCE);
            for file in torn {
                if let Ok(name) = std::ffi::CString::new(file.to_string()) {
                    pass.record(file, &name, FileType::Unknown, false);
                }
            }
        }
    }

    /// One record, and what is wrong with it. Nothing is visited where there is none. Whether it
    /// may have been caught in the middle of being rewritten: then nothing is visited either.
    /// `known` answers for a process whose end it would have been told of: that one is not looked
    /// for.
    pub(super) fn visit_one(
        &self,
        file: RecordName,
        known: impl Fn(&Incarnation<'_>) -> Option<Judgement>,
        mut visit: impl FnMut(Visit),
    ) -> bool {
        let Ok(directory) = Directory::open(self.dir()) else { return false };
        let Ok(name) = std::ffi::CString::new(file.to_string()) else { return false };
        let here = self.here();
        let mut pass = Pass { known: &known, ..Pass::new(&directory, &here, &mut visit) };
        pass.record(file, &name, FileType::Unknown, self.is_foreign()) == Outcome::PerhapsTorn
    }

    /// How many sessions there are, each by its identity.
    #[must_use]
    pub fn count(&self) -> Count {
        let mut count = Count::default();
        self.visit(|item| match item {
            Visit::Session(session) => match session.verdict() {
                crate::Verdict::Alive => count.alive += 1,
                crate::Verdict::Unknown => count.unknown += 1,
                crate::Verdict::Dead => {}
            },
            Visit::Problem(problem) => count.unreadable += problem.may_hide(),
        });
        count
    }

    /// How many records have a name whose pid could be sent a signal: one system call each and no
    /// file opened, three times as fast as [`Registry::count`] and wrong wherever a pid is no
    /// identity (reused, a zombie, a thread, another namespace). For gauges that may be off.
    #[must_use]
    pub fn count_pids(&self) -> usize {
        let Ok(directory) = Directory::open(self.dir()) else { return 0 };
        let mut alive = 0;
        _ = entries(&directory, |name, _| {
            let pid = RecordName::parse(name.to_bytes()).map(|name| name.pid);
            alive += usize::from(pid.is_some_and(signal_zero));
        });
        alive
    }
}

#[derive(PartialEq)]
enum Outcome {
    Done,
    PerhapsTorn,
}

/// What one pass needs for every record.
struct Pass<'a, F: FnMut(Visit)> {
    directory: &'a Directory,
    here: &'a Here,
    processes: Processes<'a>,
    reader: Reader,
    now: u64,
    /// How many entries in the place of records were none of our files.
    not_ours: usize,
    /// Of whom it is known without a look whether they run.
    known: &'a dyn Fn(&Incarnation<'_>) -> Option<Judgement>,
    visit: &'a mut F,
}

impl<'a, F: FnMut(Visit)> Pass<'a, F> {
    fn new(directory: &'a Directory, here: &'a Here, visit: &'a mut F) -> Self {
        let processes = Processes::new(here);
        let reader = Reader::new(MAX_RECORD_BYTES);
        let known = &|_: &Incarnation<'_>| None;
        Self { directory, here, processes, reader, now: now(), not_ours: 0, known, visit }
    }

    fn record(
        &mut self,
        file: RecordName,
        name: &CStr,
        kind: FileType,
        may_be_torn: bool,
    ) -> Outcome {
        let (bytes, stat) = match self.reader.read(self.directory, name, kind) {
            Ok(read) => read,
            // Its session signed out between the listing of the directory and now.
            Err(NotRead::Gone) => return Outcome::Done,
            Err(NotRead::Problem(kind)) => {
                self.not_read(file, kind);
                return Outcome::Done;
            }
        };
        let record = match SessionRecord::parse(bytes) {
            Ok(record) => record,
            Err(why) => {
                if may_be_torn && is_fresh(&stat, self.now) {
                    return Outcome::PerhapsTorn;
                }
                self.problem(file.to_string(), ProblemKind::Malformed(why));
                return Outcome::Done;
            }
        };
        if record.pid() != file.pid {
            self.problem(file.to_string(), ProblemKind::PidMismatch { inside: record.pid() });
            return Outcome::Done;
        }
        for fault in record.faults(self.now) {
            self.problem(file.to_string(), ProblemKind::Fault(fault));
        }
        let mut look = Look {
            processes: &mut self.processes,
            directory: self.directory,
            here: self.here,
            file,
            written_at: seconds(&stat),
            own_lock: None,
        };
        let claim = Incarnation::of(&record);
        let known = (self.known)(&claim);
        let judgement = known.unwrap_or_else(|| judge(&claim, self.here, &mut look));
        let identity = FileIdentity::of(&stat);
        (self.visit)(Visit::Session(Session { record, judgement, file, identity }));
        Outcome::Done
    }

    fn not_read(&mut self, file: RecordName, kind: ProblemKind) {
        if matches!(kind, ProblemKind::NotAFile(_) | ProblemKind::OfAnotherUser { .. }) {
            self.not_ours += 1;
            if self.not_ours > NAMED {
                return;
            }
        }
        self.problem(file.to_string(), kind);
    }

    fn problem(&mut self, name: String, kind: ProblemKind) {
        let path =
            if name.is_empty() { self.directory.path.clone() } else { self.directory.join(name) };
        (self.visit)(Visit::Problem(Problem { path, kind }));
    }
}

/// Answers the rule's questions about one record.
pub(super) struct Look<'l, 'h> {
    pub(super) processes: &'l mut Processes<'h>,
    pub(super) directory: &'l Directory,
    pub(super) here: &'l Here,
    pub(super) file: RecordName,
    /// When the record was written, in seconds since the epoch.
    pub(super) written_at: i64,
    /// A lock file that this process holds right now: whoever a record says holds it does not.
    pub(super) own_lock: Option<u64>,
}

impl Witness for Look<'_, '_> {
    fn pidfd(&mut self, pid: u32) -> PidfdSight {
        self.processes.pidfd(pid)
    }

    fn stat(&mut self, pid: u32) -> StatSight {
        self.processes.stat(pid)
    }

    fn started_by(&mut self, ticks: u64, time: u64) -> bool {
        self.processes.started_by(ticks, time)
    }

    fn lock(&mut self, claim: &Incarnation<'_>) -> LockSight {
        match claim.lock_ino {
            Some(ino) if Some(ino) == self.own_lock => LockSight::Free,
            Some(ino) if self.directory.is_local() => lock::look(self.directory, self.file, ino),
            _ => LockSight::NoEvidence,
        }
    }

    fn inside(&mut self, claim: &Incarnation<'_>) -> InsideSight {
        self.processes.inside(claim, self.written_at)
    }

    fn written_before_boot(&mut self) -> bool {
        self.here.booted_at.is_some_and(|boot| self.written_at < boot) && self.directory.is_local()
    }
}

/// Calls `visit` for every entry but `.` and `..`, in the directory's order.
#[cfg(all(target_os = "linux", not(callboard_portable)))]
pub(super) fn entries(
    directory: &Directory,
    mut visit: impl FnMut(&CStr, FileType),
) -> rustix::io::Result<()> {
    let mut buffer = Vec::with_capacity(32 * 1024);
    let mut raw = rustix::fs::RawDir::new(directory, buffer.spare_capacity_mut());
    while let Some(entry) = raw.next() {
        match entry {
            Ok(entry) => {
                let name = entry.file_name();
                if name != c"." && name != c".." {
                    visit(name, entry.file_type());
                }
            }
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// The same where there is no `getdents64`.
#[cfg(any(not(target_os = "linux"), callboard_portable))]
pub(super) fn entries(
    directory: &Directory,
    mut visit: impl FnMut(&CStr, FileType),
) -> rustix::io::Result<()> {
    for entry in rustix::fs::Dir::read_from(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        if name != c"." && name != c".." {
            visit(name, entry.file_type());
        }
    }
    Ok(())
}

/// Whether the file was written within the last second, so that its writer may still be at it.
fn is_fresh(stat: &Stat, now: u64) -> bool {
    seconds(stat) >= i64::try_from(now / 1000).unwrap_or(i64::MAX) - 1
}

#[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // its width differs
pub(super) fn seconds(stat: &Stat) -> i64 {
    stat.st_mtime as i64
}
