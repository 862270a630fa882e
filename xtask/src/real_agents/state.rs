//! The states that an agent is taken through, and the time in which everything is told.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A state, in the order in which an agent goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    /// Started, and nothing said to it yet.
    Started,
    /// The first prompt is with the model. Some agents begin to write only now, or later.
    FirstBusy,
    /// Another prompt is with the model.
    Busy,
    /// It asks its user whether a command may run.
    Waiting,
    /// The user allowed it and the command runs.
    Allowed,
    /// The turn has come to its end.
    Done,
    /// Interrupted before anything was said.
    CutEarly,
    /// Interrupted in the middle of an answer.
    CutLate,
    /// A new conversation in the same process.
    Cleared,
    /// The program has ended, as its user told it to.
    Ended,
    /// Started again, and killed.
    Killed,
}

impl State {
    pub(super) const ALL: [Self; 11] = [
        Self::Started,
        Self::FirstBusy,
        Self::Busy,
        Self::Waiting,
        Self::Allowed,
        Self::Done,
        Self::CutEarly,
        Self::CutLate,
        Self::Cleared,
        Self::Ended,
        Self::Killed,
    ];

    /// The column of the table.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Started => "started: idle",
            Self::FirstBusy => "first prompt: busy",
            Self::Busy => "busy",
            Self::Waiting => "waiting",
            Self::Allowed => "allowed: busy",
            Self::Done => "done: idle",
            Self::CutEarly => "interrupted before output: idle",
            Self::CutLate => "interrupted after output: idle",
            Self::Cleared => "cleared: idle, new id",
            Self::Ended => "ended: gone",
            Self::Killed => "killed: gone",
        }
    }

    /// What counts as its beginning.
    pub(super) const fn edge(self) -> &'static str {
        match self {
            Self::Started => "the input line is on the screen",
            Self::FirstBusy | Self::Busy => "the prompt reaches the model",
            Self::Waiting => "the question is on the screen",
            Self::Allowed => "the command runs",
            Self::Done => "the answer was complete and the screen shows no more work",
            Self::CutEarly | Self::CutLate => "the first screen after Esc that shows no work",
            Self::Cleared => "the first screen without the old conversation",
            Self::Ended | Self::Killed => "the session's process has ended",
        }
    }

    /// The status that the board has to show; `None` for the end, when there is no session.
    pub(super) const fn status(self) -> Option<&'static str> {
        match self {
            Self::FirstBusy | Self::Busy | Self::Allowed => Some("busy"),
            Self::Waiting => Some("waiting"),
            Self::Ended | Self::Killed => None,
            _ => Some("idle"),
        }
    }
}

/// Now, in ms since the epoch: agents write their times so.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A number that this process has not used.
pub(super) fn serial() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
