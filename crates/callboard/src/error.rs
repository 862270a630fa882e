//! What can go wrong when something is *done*. Listing has no errors, only
//! [`Problem`](crate::Problem)s.

use std::io;
use std::path::{Path, PathBuf};

/// What went wrong, with the path it was tried on. Lower-case; the command adds the next step.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Neither `$CALLBOARD_HOME` nor `$XDG_STATE_HOME` nor `$HOME` names a directory.
    #[error(
        "no home for the registry: none of CALLBOARD_HOME, XDG_STATE_HOME and HOME is an absolute path"
    )]
    NoHome,
    /// A system call on a path failed.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, as a verb: `open`, `write`, ...
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The directory is not one that this user may trust with records.
    #[error("will not use {}: {reason}", path.display())]
    Untrusted {
        /// The directory.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The registry belongs to another program: it is read, never written.
    #[error("{} belongs to another program and is only read", path.display())]
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
    /// No running process of this PID namespace has this pid.
    #[error("no process {pid} runs here")]
    NoProcess {
        /// The pid that was given.
        pid: u32,
    },
    /// No record of a running process has this pid.
    #[error("no session with pid {pid} in {}", path.display())]
    NoSession {
        /// The pid that was given.
        pid: u32,
        /// The directory.
        path: PathBuf,
    },
    /// The record was written by a newer version, in a format that this one does not know.
    #[error("{} has format {version}, newer than this program understands; it is not rewritten", path.display())]
    NewerFormat {
        /// The record.
        path: PathBuf,
        /// Its `schemaVersion`.
        version: u64,
    },
    /// Another process has held the record's lock for too long; it may be stopped.
    #[error("gave up waiting for another program to finish writing {}", path.display())]
    Contended {
        /// The record.
        path: PathBuf,
    },
    /// The session has signed out, or another registration of the same process took over.
    #[error("this registration has ended: {reason}")]
    Ended {
        /// Which of the two.
        reason: &'static str,
    },
    /// The change would make the record longer than [`MAX_RECORD_BYTES`](crate::record::MAX_RECORD_BYTES).
    #[error("the record {} would have {bytes} bytes, more than {} are never read back", path.display(), crate::record::MAX_RECORD_BYTES)]
    TooLarge {
        /// The record.
        path: PathBuf,
        /// How long it would be.
        bytes: usize,
    },
}

/// The library's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    pub(crate) fn io(
        doing: &'static str,
        path: impl AsRef<Path>,
        source: impl Into<io::Error>,
    ) -> Self {
        Self::Io { doing, path: path.as_ref().to_owned(), source: source.into() }
    }
}
