//! One item that could not be read. The listing goes on.

use std::fmt;
use std::io;
use std::path::PathBuf;

use crate::record::{Fault, Malformed};

/// One thing in a registry that is not as it should be.
#[derive(Debug)]
pub struct Problem {
    /// Where.
    pub path: PathBuf,
    /// What.
    pub kind: ProblemKind,
}

/// What is wrong with it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The registry itself cannot be read, so nothing is known of what is in it.
    Directory(io::Error),
    /// The registry belongs to another user.
    DirectoryOfAnotherUser {
        /// Its owner.
        uid: u32,
    },
    /// The way to the registry leads through a symlink of another user, and is not taken: who put
    /// it there could send us to any directory of this user's.
    DirectoryBehindALink {
        /// The symlink.
        link: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Others may write to the registry; what they put there is not listed.
    DirectoryWritableByOthers,
    /// A name that no record has; never opened, never touched.
    StrayName,
    /// More of them than are worth naming.
    MoreStrayNames(usize),
    /// A symlink, FIFO, socket, device or directory in the place of a record.
    NotAFile(&'static str),
    /// Somebody else's file.
    OfAnotherUser {
        /// Its owner.
        uid: u32,
    },
    /// More in the places of records that are no files of this user's than are worth naming.
    MoreNotOurs(usize),
    /// Longer than a record may be.
    TooLarge {
        /// Its length.
        bytes: u64,
    },
    /// It cannot be opened or read.
    Unreadable(io::Error),
    /// Not a record.
    Malformed(Malformed),
    /// The pid inside is not the one in the name.
    PidMismatch {
        /// The one inside.
        inside: u32,
    },
    /// The session is listed, and something in its record is not.
    Fault(Fault),
    /// The session is listed, and its conversation file cannot be read.
    Conversation(io::Error),
}

impl Problem {
    /// Whether a session may be behind it that is not listed: an unreadable record, or a whole
    /// registry. Such a problem makes a count "at least".
    #[must_use]
    pub fn hides_a_session(&self) -> bool {
        self.may_hide() > 0
    }

    /// How many unreadable things it stands for that may hide a session each.
    #[must_use]
    pub fn may_hide(&self) -> usize {
        use ProblemKind as K;
        match self.kind {
            K::Directory(_) | K::DirectoryOfAnotherUser { .. } | K::DirectoryBehindALink { .. } => {
                1
            }
            K::NotAFile(_) | K::OfAnotherUser { .. } | K::TooLarge { .. } => 1,
            K::Unreadable(_) | K::Malformed(_) | K::PidMismatch { .. } => 1,
            K::MoreNotOurs(more) => more,
            K::DirectoryWritableByOthers | K::StrayName | K::MoreStrayNames(_) => 0,
            K::Fault(_) | K::Conversation(_) => 0,
        }
    }
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory(error) => write!(f, "the registry cannot be read: {error}"),
            Self::DirectoryOfAnotherUser { uid } => {
                write!(f, "the registry belongs to another user (uid {uid}) and is not read")
            }
            Self::DirectoryBehindALink { link, uid } => write!(
                f,
                "the way to the registry leads through {}, a symlink of another user (uid {uid}), \
                 and is not taken",
                link.display()
            ),
            Self::DirectoryWritableByOthers => {
                f.write_str("others may write to the registry; make it yours alone with chmod 700")
            }
            Self::StrayName => f.write_str("not the name of a record; left alone"),
            Self::MoreStrayNames(more) => {
                write!(f, "and {more} more names that are not those of records")
            }
            Self::NotAFile(what) => write!(f, "a {what}, not a record; left alone"),
            Self::OfAnotherUser { uid } => {
                write!(f, "belongs to another user (uid {uid}) and is not believed")
            }
            Self::MoreNotOurs(more) => {
                write!(f, "and {more} more in the places of records that are no files of yours")
            }
            Self::TooLarge { bytes } => write!(f, "too long for a record ({bytes} bytes)"),
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::Malformed(why) => write!(f, "not a record: {why}"),
            Self::PidMismatch { inside } => {
                write!(f, "the record in it is about pid {inside}; not believed")
            }
            Self::Fault(fault) => fault.fmt(f),
            Self::Conversation(error) => {
                write!(f, "the conversation cannot be read: {error}; its session is listed without")
            }
        }
    }
}

/// `<path>: <what is wrong>`. The path may hold anything: it is for the printer to escape.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind)
    }
}
