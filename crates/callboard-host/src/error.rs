//! What can go wrong, with the path or the session it went wrong on. Lower-case; the command adds
//! the next step.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::host::{HostKind, Unavailable};
use crate::id::HostedId;

/// What went wrong with a session that is there, or is not.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A system call on a path failed.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file or directory is not one that this user may trust.
    #[error("will not use {}: {reason}", path.display())]
    Untrusted {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// There is no such session.
    #[error("no background session {id} in {}", path.display())]
    NoSession {
        /// The id.
        id: HostedId,
        /// The directory of all.
        path: PathBuf,
    },
    /// It has ended, or is lost.
    #[error("background session {id} does not run: {state}")]
    NotRunning {
        /// The id.
        id: HostedId,
        /// What it is instead.
        state: &'static str,
    },
    /// It has not ended.
    #[error("background session {id} still runs")]
    StillRunning {
        /// The id.
        id: HostedId,
    },
    /// Its host lives and did not answer in time.
    #[error("the host of background session {id} does not answer")]
    NoAnswer {
        /// The id.
        id: HostedId,
    },
    /// Its host answered that it would not, or could not.
    #[error("the host of background session {id} refused: {reason}")]
    Refused {
        /// The id.
        id: HostedId,
        /// In its own words, without control characters.
        reason: String,
    },
    /// Host and client are too many versions apart.
    #[error(
        "the host of background session {id} speaks protocol {theirs}, this program {ours}, and no common one"
    )]
    Incompatible {
        /// The id.
        id: HostedId,
        /// Ours.
        ours: u32,
        /// Theirs.
        theirs: u32,
    },
    /// The other end said something that is not the protocol.
    #[error("the host of background session {id} said something else than the protocol: {reason}")]
    Protocol {
        /// The id.
        id: HostedId,
        /// What.
        reason: &'static str,
    },
    /// This host cannot do that.
    #[error("the {host} host cannot {what}")]
    Unsupported {
        /// Which host.
        host: HostKind,
        /// What, as a verb.
        what: &'static str,
    },
    /// Standard input or output is no terminal.
    #[error("standard input and output must be a terminal to attach")]
    NoTerminal,
    /// A session's file was written by a newer version.
    #[error("{} has format {format}, newer than this program understands", path.display())]
    NewerFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
}

/// The result of everything but a start.
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

/// Why a session was not started. Nothing was left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// There is no such program.
    #[error("cannot run `{}`: no such program", program.to_string_lossy())]
    NotFound {
        /// As it was given.
        program: OsString,
    },
    /// It cannot be executed.
    #[error("cannot run `{}`: {source}", program.to_string_lossy())]
    NotExecutable {
        /// As it was given.
        program: OsString,
        /// What the system said.
        source: io::Error,
    },
    /// The directory that it was to start in cannot be used.
    #[error("cannot start in {}: {source}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A session with this id runs, or is there and may not be replaced.
    #[error("there is a background session {id} already")]
    Taken {
        /// The id.
        id: HostedId,
    },
    /// What was asked for makes no sense.
    #[error("cannot start such a session: {0}")]
    Spec(String),
    /// The host cannot be used here.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The host could not be started, or ended before it said how it went.
    #[error("cannot start a host for the session: {doing}: {source}")]
    Host {
        /// What was tried.
        doing: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The host could not set the session up.
    #[error("cannot start the session: {0}")]
    Failed(String),
    /// Something on disk went wrong.
    #[error(transparent)]
    Files(#[from] Error),
}

impl SpawnError {
    /// What a shell's exit code says about it: 127 for a program that is not there, 126 for one
    /// that cannot be executed, 1 otherwise.
    #[must_use]
    pub const fn shell_code(&self) -> u8 {
        match self {
            Self::NotFound { .. } => 127,
            Self::NotExecutable { .. } => 126,
            _ => 1,
        }
    }

    /// Whether another attempt would fail in the same way: a supervisor need not repeat it.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        matches!(
            self,
            Self::NotFound { .. }
                | Self::NotExecutable { .. }
                | Self::Directory { .. }
                | Self::Spec(_)
                | Self::Unavailable(_)
        )
    }
}
