//! What one line of a conversation tells, whatever its format. Pure.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::Tokens;

/// One line, as far as it tells anything.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Moment {
    /// When, in ms since the epoch.
    pub(super) at: Option<u64>,
    /// What happened, in this order.
    pub(super) what: Vec<What>,
    /// The last tool that was called.
    pub(super) tool: Option<Box<str>>,
    /// The model that answered.
    pub(super) model: Option<Box<str>>,
    /// What the answer took.
    pub(super) tokens: Option<Tokens>,
}

impl Moment {
    pub(super) fn new(at: Option<u64>, what: impl Into<Vec<What>>) -> Self {
        Self { at, what: what.into(), ..Self::default() }
    }
}

/// What happens in a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Somebody prompted: a turn begins.
    Prompt,
    /// The agent wrote something, and will go on.
    Output,
    /// The agent wrote the last of its turn.
    Answer,
    /// A tool was called. `asks`: the call is a question to the user, and this is what it waits
    /// for.
    Call { id: Id, asks: Option<&'static str> },
    /// The call has its result.
    Result { id: Id },
    /// The user is asked for something, in words of the agent's file.
    Asked { id: Id, asks: &'static str },
    /// They answered.
    Answered { id: Id },
    /// A note that a turn goes on.
    Going,
    /// A note that the turn is over.
    Over,
    /// Something was done that is no part of a conversation, such as a command of the agent's own.
    /// It tells of the state only where nothing else ever happened.
    Aside,
    /// A sub-agent, whose conversation is kept among the lines of the main one, did something.
    Beside,
}

impl What {
    /// Whether it is an event of the sparkline.
    pub(super) fn is_counted(self) -> bool {
        match self {
            Self::Prompt
            | Self::Output
            | Self::Answer
            | Self::Call { .. }
            | Self::Result { .. }
            | Self::Beside => true,
            Self::Asked { .. } | Self::Answered { .. } | Self::Going | Self::Over | Self::Aside => {
                false
            }
        }
    }
}

/// An id of the agent's, to find the same again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Id(u64);

impl Id {
    /// Two ids with one hash would make an open call look answered, which shows the same status.
    pub(super) fn of(id: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        Self(hasher.finish())
    }
}
