//! How the program ends.

use std::process::ExitCode;

/// What an exit code means, the same in every command. `run` alone ends with what its command
/// ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Yes, or done. A reader that closed its end of the pipe has what it wanted.
    Yes = 0,
    /// No: nothing matched, or it could not be done.
    No = 1,
    /// The command line makes no sense, or could mean several sessions.
    Usage = 2,
    /// With `--strict`: done, but something could not be read.
    Partial = 3,
    /// Another part of Callboard could not be reached.
    Unreachable = 4,
    /// A bug in Callboard.
    Bug = 70,
    /// The time that was given ran out.
    TimedOut = 124,
}

impl Exit {
    /// Every code, for the manual.
    pub const ALL: &'static [Self] = &[
        Self::Yes,
        Self::No,
        Self::Usage,
        Self::Partial,
        Self::Unreachable,
        Self::Bug,
        Self::TimedOut,
    ];

    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The line in the manual.
    #[must_use]
    pub const fn explain(self) -> &'static str {
        match self {
            Self::Yes => "yes, or done; also when the reader of a pipe has gone",
            Self::No => "no: nothing matched, or it could not be done",
            Self::Usage => "a wrong command line, or a name that means several sessions",
            Self::Partial => "with --strict: done, but something could not be read",
            Self::Unreachable => "another part of callboard could not be reached",
            Self::Bug => "a bug in callboard",
            Self::TimedOut => "the time that was given ran out",
        }
    }
}

/// What a command ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// By the table above.
    With(Exit),
    /// As the command that was run for the user ended: its code, or 128 and the signal's number.
    AsTheirs(u8),
}

impl From<Exit> for Ended {
    fn from(exit: Exit) -> Self {
        Self::With(exit)
    }
}

impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::With(exit) => exit.code().into(),
            Ended::AsTheirs(code) => code.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_manual() {
        let codes: Vec<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 70, 124]);
    }
}
