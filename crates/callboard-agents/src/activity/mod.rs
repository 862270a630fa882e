//! What a session is doing: who may say so, and who of them is believed. Pure.

mod decide;
mod sparkline;

use callboard::Status;

pub use decide::{decide, goes_on, wants_tail};
pub use sparkline::{INTERVALS, Sparkline};

use crate::row::StatusFrom;

/// What one source says that a session is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The status.
    pub status: Status,
    /// What it waits for, free text.
    pub waiting_for: Option<Box<str>>,
    /// Since when, in ms since the epoch.
    pub since: Option<u64>,
}

/// What a record or a hook said, and when it was last heard of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What was said.
    pub claim: Claim,
    /// [`StatusFrom::Record`] or [`StatusFrom::Hook`].
    pub from: StatusFrom,
    /// When the source last said anything of the activity, in ms since the epoch. Later than
    /// `since` where it said the same again.
    pub heard: Option<u64>,
}

/// How a conversation file ends: what its last line that tells anything tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// What was going on.
    pub state: TailState,
    /// The time of the line that tells, in ms since the epoch.
    pub at: Option<u64>,
    /// When the conversation last moved, in ms since the epoch: the newest line that somebody's
    /// answer, output or prompt wrote. A call of a tool that has no result yet is no such line.
    /// Later than `at` never; earlier where the last line is an open call.
    pub moved_at: Option<u64>,
    /// What is waited for, where the file says so.
    pub waiting_for: Option<Box<str>>,
}

/// What the end of a conversation file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TailState {
    /// The turn is over: it ended, failed or was interrupted.
    Idle,
    /// A turn is going on.
    Busy,
    /// A tool was called and has no result yet: it runs, or it waits for permission, which most
    /// agents do not write down.
    OpenCall,
    /// A question is open, and the file says that it is.
    Waiting,
}

/// What is believed in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The status, what it waits for, since when.
    pub claim: Claim,
    /// Who knew it.
    pub from: StatusFrom,
}
