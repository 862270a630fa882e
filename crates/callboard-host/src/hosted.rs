//! A background session as others see it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use callboard::Kind;
use serde::{Deserialize, Serialize};

use crate::host::HostKind;
use crate::id::HostedId;
use crate::size::Size;

/// A background session, running or not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Hosted {
    /// Its id.
    pub id: HostedId,
    /// Which kind of host has it.
    pub host: HostKind,
    /// What people call it.
    pub name: Option<String>,
    /// Its command.
    pub argv: Vec<OsString>,
    /// The directory it was started in.
    pub cwd: PathBuf,
    /// How it stands on the board.
    pub kind: Kind,
    /// When it was started, in ms since the epoch.
    pub started_at: u64,
    /// Its program, once there was one. The number means this process only while `state` is
    /// running; `start_ticks` tells it from a later one.
    pub program: Option<ProcessId>,
    /// The process that hosts it, where it has one to itself.
    pub host_process: Option<ProcessId>,
    /// What its starter wants to find again.
    pub labels: BTreeMap<String, String>,
    /// The directory of its files.
    pub directory: PathBuf,
    /// Where it stands.
    pub state: State,
    /// After a start: what did not work and was no reason not to start it (it is not on the
    /// board, say).
    pub warning: Option<String>,
}

/// A process: its number, and what tells it from a later one with the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProcessId {
    /// The pid, in the PID namespace of the host.
    pub pid: u32,
    /// When it was started, in clock ticks since boot; `None` where the system does not say.
    pub start_ticks: Option<u64>,
}

/// Where a session stands.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Its host lives, and is not ready to answer yet.
    Starting,
    /// It runs, and its host answers.
    Running(Running),
    /// Its host lives and does not answer: it is stopped, or very busy.
    Silent,
    /// Its program has ended, and this is how.
    Ended(Ended),
    /// Its host was killed. How the program ended is not known, and whether it has.
    Lost,
}

impl State {
    /// Whether its host lives: the session can be asked, attached to, stopped.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        matches!(self, Self::Starting | Self::Running(_) | Self::Silent)
    }

    /// How it ended; `None` while it lives.
    #[must_use]
    pub const fn exit(&self) -> Option<Exit> {
        match self {
            Self::Ended(ended) => Some(ended.exit),
            Self::Lost => Some(Exit::Lost),
            _ => None,
        }
    }

    /// The word for people and for `--json`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running(_) => "running",
            Self::Silent => "silent",
            Self::Ended(_) => "ended",
            Self::Lost => "lost",
        }
    }
}

/// What a host says of a session that runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Running {
    /// The size of its terminal.
    pub size: Size,
    /// How many clients are attached.
    pub clients: usize,
    /// The title that the program gave its terminal, as it gave it: escape it before it reaches
    /// one.
    pub title: Option<String>,
    /// When the program last wrote something, in ms since the epoch.
    pub output_at: Option<u64>,
}

/// How a session ended, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub exit: Exit,
    /// When, in ms since the epoch.
    pub at: u64,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Nobody knows: its host was killed before it.
    Lost,
}

impl Exit {
    /// As a shell would say it: the code, or 128 and the signal. `None` where nobody knows; never
    /// 0 by default.
    #[must_use]
    pub fn shell_code(self) -> Option<u8> {
        match self {
            Self::Code(code) => Some(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
            Self::Signal(signal) => Some(u8::try_from((128 + signal) & 0xff).unwrap_or(u8::MAX)),
            Self::Lost => None,
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Lost => f.write_str("lost"),
        }
    }
}

/// All background sessions of a host, and what could not be read. Listing has no errors.
#[derive(Debug, Default)]
pub struct Listing {
    /// The sessions, oldest first.
    pub sessions: Vec<Hosted>,
    /// What is there and could not be read.
    pub problems: Vec<Problem>,
}

/// One thing that could not be read; the listing goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub path: PathBuf,
    /// What is wrong with it, lower-case.
    pub reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_session_has_no_code() {
        for (exit, code) in [
            (Exit::Code(0), Some(0)),
            (Exit::Code(3), Some(3)),
            (Exit::Code(255), Some(255)),
            (Exit::Signal(9), Some(137)),
            (Exit::Lost, None),
        ] {
            assert_eq!(exit.shell_code(), code, "{exit}");
        }
        assert_eq!(State::Lost.exit(), Some(Exit::Lost));
        assert_eq!(State::Silent.exit(), None);
        assert!(State::Silent.is_live() && !State::Lost.is_live());
    }
}
