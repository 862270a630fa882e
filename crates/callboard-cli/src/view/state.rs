//! The state of a session: one word, one sign, one colour.

use callboard::{Status, Verdict};
use callboard_agents::Row;

use crate::output::paint::Paint;

/// What a session is, in the order in which it wants the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum State<'a> {
    /// For the user.
    Waiting,
    /// At work.
    Busy,
    /// A status that this version does not know.
    Other(&'a str),
    /// Idle, with commands still running.
    Shell,
    /// At rest.
    Idle,
    /// It does not say.
    None,
    /// It may or may not run.
    Unknown,
    /// It is gone.
    Dead,
}

impl<'a> State<'a> {
    /// What a row is. Whether it runs outranks what it says: a session that may be gone is not
    /// waiting for anybody.
    pub(crate) fn of(row: &'a Row) -> Self {
        match (row.verdict, &row.status) {
            (Verdict::Dead, _) => Self::Dead,
            (Verdict::Unknown, _) => Self::Unknown,
            (Verdict::Alive, Some(Status::Waiting)) => Self::Waiting,
            (Verdict::Alive, Some(Status::Busy)) => Self::Busy,
            (Verdict::Alive, Some(Status::Shell)) => Self::Shell,
            (Verdict::Alive, Some(Status::Idle)) => Self::Idle,
            (Verdict::Alive, Some(other)) => Self::Other(other.as_str()),
            (Verdict::Alive, None) => Self::None,
        }
    }

    /// The word for it in a summary.
    pub(crate) fn word(self) -> &'a str {
        match self {
            Self::Waiting => "waiting",
            Self::Busy => "busy",
            Self::Other(word) => word,
            Self::Shell => "shell",
            Self::Idle => "idle",
            Self::None => "without a status",
            Self::Unknown => "unknown",
            Self::Dead => "dead",
        }
    }

    /// The sign before its status: told apart without colour, one column wide.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Waiting => "◆",
            Self::Busy => "●",
            Self::Other(_) => "•",
            Self::Shell => "◐",
            Self::Idle => "○",
            Self::None => "·",
            Self::Unknown => "?",
            Self::Dead => "✕",
        }
    }

    /// The colour of its status.
    pub(crate) fn paint(self) -> Paint {
        match self {
            Self::Waiting => Paint::Calling,
            Self::Busy => Paint::Working,
            Self::Shell => Paint::Behind,
            Self::Idle => Paint::Resting,
            Self::Other(_) => Paint::Plain,
            Self::None | Self::Unknown | Self::Dead => Paint::Dim,
        }
    }

    /// Whether the row as a whole steps back.
    pub(crate) fn is_dim(self) -> bool {
        matches!(self, Self::Unknown | Self::Dead)
    }
}

/// What the session last said that it does; `-` where it does not say.
pub(crate) fn status_word(row: &Row) -> &str {
    row.status.as_ref().map_or("-", Status::as_str)
}
