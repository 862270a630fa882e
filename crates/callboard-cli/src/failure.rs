//! What a command says when it cannot do what it was asked: one message, which ends with the next
//! step.

use std::error::Error as _;
use std::fmt::Write as _;

use callboard::Error;

use crate::exit::Exit;
use crate::output::stream::Stop;

/// Why a command ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// With a message.
    Told {
        /// The exit code.
        exit: Exit,
        /// What was tried, on which path, and what to do next.
        message: String,
    },
    /// Standard output took no more.
    Output(Stop),
}

impl Failure {
    /// It could not be done.
    pub(crate) fn no(message: impl Into<String>) -> Self {
        Self::Told { exit: Exit::No, message: message.into() }
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::Told { exit: Exit::Usage, message: message.into() }
    }
}

impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        Self::Output(stop)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::no(tell(&error))
    }
}

/// The library's message with what the system said and what to do about it.
pub(crate) fn tell(error: &Error) -> String {
    let mut message = error.to_string();
    if let Some(source) = error.source() {
        // Writing to a String does not fail.
        _ = write!(message, ": {source}");
    }
    let next = match error {
        Error::NoHome => "set HOME or CALLBOARD_HOME",
        Error::Io { .. } => "`callboard doctor` looks at the directory and its file system",
        Error::Untrusted { .. } => {
            "make it yours alone, or set CALLBOARD_HOME to another directory"
        }
        Error::ReadOnly { .. } => "use that program's own command",
        Error::NoProcess { .. } => "give the pid of a running process of this pid namespace",
        Error::NoSession { .. } => "`callboard ps` lists who is on; `callboard register` signs in",
        Error::NewerFormat { .. } => "update this callboard",
        Error::Contended { .. } => {
            "find the stopped program that holds its lock, and continue or end it"
        }
        Error::Ended { .. } => "sign in again",
        Error::TooLarge { .. } => "shorten the texts",
        _ => "`callboard doctor` says more",
    };
    _ = write!(message, "; {next}");
    message
}
