//! What a supervisor tells of: one line of a log for each.

use crate::id::HostedId;

/// Something happened. What is said of it is made of numbers, words of ours, and texts that may
/// quote the session's names and paths: escape them before they reach a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transition {
    /// What.
    pub event: Event,
    /// To which session.
    pub session: Option<HostedId>,
    /// What is to be said of it, in this order.
    pub fields: Vec<(&'static str, String)>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// It runs, and has looked at every session: `pid`, `adopted`, `due`, `failed`.
    Ready,
    /// A session with a policy runs, and was there before: `policy`, `restarts`.
    Adopted,
    /// The same of one that a person has started: `policy`.
    Watching,
    /// A session has ended, and is started again: `exit`, `in_ms`.
    Due,
    /// A process was made that starts it: `pid`.
    Starting,
    /// It runs again: `restarts`.
    Restarted,
    /// It has ended, and its policy is content: `exit`.
    Done,
    /// A person has stopped it.
    Stopped,
    /// It is not started again: `reason`, `text`.
    Failed,
    /// It was removed.
    Removed,
    /// Ended sessions whose time was over were removed: `count`.
    Expired,
    /// Something did not work, and is tried again where that makes sense: `text`.
    Problem,
    /// It ends, and no session with it: `reason`.
    Leaving,
}

impl Event {
    /// The word for a log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Adopted => "adopted",
            Self::Watching => "watching",
            Self::Due => "due",
            Self::Starting => "starting",
            Self::Restarted => "restarted",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Removed => "removed",
            Self::Expired => "expired",
            Self::Problem => "problem",
            Self::Leaving => "leaving",
        }
    }

    /// Whether somebody may have to do something.
    #[must_use]
    pub const fn is_trouble(self) -> bool {
        matches!(self, Self::Failed | Self::Problem)
    }
}
