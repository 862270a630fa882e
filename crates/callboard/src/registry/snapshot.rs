//! What a listing saw.

use std::path::PathBuf;

use super::problem::Problem;
use crate::process::{Evidence, Judgement, Verdict};
use crate::record::{RecordName, SessionRecord};

/// One record, and whether what it speaks of runs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Session {
    /// What the session says.
    pub record: SessionRecord,
    /// Whether it runs, and how that is known.
    pub judgement: Judgement,
    /// The name of its file in the registry.
    pub file: RecordName,
    /// Device and inode number of the file that was read, to know it again.
    pub(crate) identity: FileIdentity,
}

/// Which file was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    pub(crate) dev: u64,
    pub(crate) ino: u64,
}

impl Session {
    /// Whether it runs.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.judgement.verdict
    }

    /// How that is known.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        self.judgement.evidence
    }

    /// Whether it is listed without `--all`: everything but the proven dead.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.verdict() != Verdict::Dead
    }
}

/// What one pass over a registry saw. Not a transaction: each record is read whole at one moment,
/// two records at two moments.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The directory that was read.
    pub dir: PathBuf,
    /// Every record that could be read, the dead ones too, in the directory's order.
    pub sessions: Vec<Session>,
    /// What could not be read, and what was odd in what could.
    pub problems: Vec<Problem>,
}

impl Snapshot {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> Count {
        let of = |verdict| self.sessions.iter().filter(|s| s.verdict() == verdict).count();
        Count {
            alive: of(Verdict::Alive),
            unknown: of(Verdict::Unknown),
            unreadable: self.problems.iter().map(Problem::may_hide).sum(),
        }
    }
}

/// How many sessions there are. `alive` is exact only while the other two are 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// Running, this process included if it signed in.
    pub alive: usize,
    /// Perhaps running.
    pub unknown: usize,
    /// Things that could not be read and may hide a session each.
    pub unreadable: usize,
}
