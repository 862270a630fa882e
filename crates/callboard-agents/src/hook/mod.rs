//! What one hook call of an agent tells about its session. Pure.
//!
//! An agent runs a command at certain events and writes a JSON object to its standard input.
//! [`read`] takes from it what the board needs and nothing else: prompts, answers, the input of
//! tools and messages are in most of these objects, and there is no field here that could hold
//! one. [`step`] says what the event means for the record that is there.
//!
//! | event tells | from |
//! |---|---|
//! | the session is there | its start, a change of its directory |
//! | busy | a prompt, a tool that begins or ends, an answered question |
//! | waiting | a request for permission, a question |
//! | idle | the end of a turn, an interrupt where it is told |
//! | another conversation follows | an end that is `/clear` or a resume |
//! | the session has ended | any other end |
//!
//! Each agent's file says which of its events is which; its test is a table of every event that was
//! recorded of it.

mod agent;
mod claude;
mod codex;
mod copilot;
mod cursor;
mod extent;
mod gemini;
mod opencode;
mod payload;
mod pi;
mod qwen;
mod step;
#[cfg(test)]
mod tests;

use callboard::Status;

pub use agent::{AGENTS, HookAgent};
pub use claude::{config_dir, speaks_for_itself};
pub use extent::Extent;
pub use step::{Nothing, Recorded, Step, step};

use payload::Payload;

/// The user is asked whether something may be done.
pub const PERMISSION: &str = "permission prompt";

/// The user is asked something.
pub const QUESTION: &str = "input needed";

/// An event, as far as the board is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its name, where it is one that is known.
    pub name: Option<Box<str>>,
    /// The conversation that it is about; `None` before the first one of a process.
    pub session_id: Option<Box<str>>,
    /// Whether it happened in a sub-agent of that conversation, which is no session of its own.
    pub is_of_sub_agent: bool,
    /// The working directory.
    pub cwd: Option<Box<str>>,
    /// The conversation file.
    pub transcript_path: Option<Box<str>>,
    /// When it happened, in ms since the epoch, where the agent says.
    pub at: Option<u64>,
    /// What it tells.
    pub what: What,
}

/// What an event tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// The session is there.
    SignIn,
    /// The session begins, at rest.
    Starts,
    /// The session is there, and does this; while it waits, in these words.
    Says(Status, Option<&'static str>),
    /// The conversation ends and another one follows under the same process.
    Switch,
    /// The session ends.
    SignOut,
    /// Nothing that the board shows.
    Ignored,
}

impl Event {
    /// What the session does from now on, and what it waits for.
    #[must_use]
    pub fn says(&self) -> Option<(Status, Option<&'static str>)> {
        match &self.what {
            What::Starts => Some((Status::Idle, None)),
            What::Says(status, waiting_for) => Some((status.clone(), *waiting_for)),
            What::SignIn | What::Switch | What::SignOut | What::Ignored => None,
        }
    }
}

impl What {
    const BUSY: Self = Self::Says(Status::Busy, None);
    const IDLE: Self = Self::Says(Status::Idle, None);
    const ASKS_PERMISSION: Self = Self::Says(Status::Waiting, Some(PERMISSION));
    const ASKS: Self = Self::Says(Status::Waiting, Some(QUESTION));

    /// The end of a conversation, for the reason that most agents give it.
    fn end(reason: &str) -> Self {
        match reason {
            "clear" | "resume" => Self::Switch,
            _ => Self::SignOut,
        }
    }
}

/// What a hook call tells. `named` is the event that the command was installed for, where the
/// payload may not say.
///
/// `None` for what is no event of a session: not JSON, another kind of call, no session id where
/// only a process that begins has none.
#[must_use]
pub fn read(agent: HookAgent, named: Option<&str>, payload: &[u8]) -> Option<Event> {
    let payload: Payload<'_> = serde_json::from_slice(payload).ok()?;
    let name = payload.name().or(named)?;
    let what = agent.what(name, &payload);
    let is_of_sub_agent = payload.is_of_sub_agent();
    let session_id = payload.session_id();
    if session_id.is_none() && (what != What::Starts || is_of_sub_agent) {
        return None;
    }
    Some(Event {
        name: (what != What::Ignored).then(|| name.into()),
        session_id,
        is_of_sub_agent,
        cwd: payload.cwd(),
        transcript_path: payload.transcript_path(),
        at: payload.at(),
        what: if is_of_sub_agent { seen_from_outside(what) } else { what },
    })
}

/// What an event of a sub-agent is for the session that it belongs to: work, or a question on the
/// session's own terminal. Its start and its end are not those of the session.
fn seen_from_outside(what: What) -> What {
    match what {
        What::Says(Status::Busy | Status::Waiting, _) => what,
        _ => What::Ignored,
    }
}
