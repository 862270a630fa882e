//! What a watch tells.

use std::fmt;

use crate::registry::{Problem, Session};

/// Something happened in a registry.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A session signed in, or was found.
    Appeared(Session),
    /// A session said something new, or its verdict is another.
    Changed {
        /// The session as it is now.
        session: Session,
        /// As it was.
        before: Box<Session>,
        /// The keys of its record with another value than before, in the order of the record;
        /// those that are gone last. Never empty but where only the verdict changed. Those that
        /// change with others (`updatedAt`, `statusUpdatedAt`, `seq`, `reached`, `hookAt`) are not
        /// named; `status` is, first, where it is the same as before and was another in between.
        keys: Vec<String>,
    },
    /// A session is over, or not known any more.
    Gone {
        /// As it last was, its verdict as it is now where that is known.
        session: Session,
        /// Why.
        why: Gone,
    },
    /// Something cannot be read. Told once, until it says something else.
    Problem(Problem),
}

/// Why a session is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Gone {
    /// Its record was removed by itself, or on its behalf.
    SignedOut,
    /// It ended and left its record behind.
    Died,
    /// It had ended, and a sweep removed its record before that was seen.
    Swept,
    /// Its record is gone and so is its process, and which went first was not seen.
    Unknown,
}

impl Gone {
    /// The word for it, stable.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SignedOut => "signed-out",
            Self::Died => "died",
            Self::Swept => "swept",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
