//! The object that an agent writes to its hook: the keys that the board needs, of all agents. No
//! field here may hold a prompt, an answer, a message or what a tool was given.

use serde::Deserialize;

use crate::transcript::json::{Content, Text, Time};

/// Longer than any id; what is longer is none.
const MAX_ID: usize = 128;

/// The longest path of Linux (`PATH_MAX`).
const MAX_PATH: usize = 4096;

/// One call. Codex, Qwen and Gemini use Claude Code's keys; Copilot writes them in camel case,
/// but for some events; Cursor speaks of conversations.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Payload<'p> {
    #[serde(borrow)]
    session_id: Text<'p>,
    #[serde(borrow, rename = "sessionId")]
    session_id_in_camel_case: Text<'p>,
    #[serde(borrow)]
    conversation_id: Text<'p>,
    #[serde(borrow)]
    agent_id: Text<'p>,
    #[serde(borrow)]
    hook_event_name: Text<'p>,
    #[serde(borrow)]
    cwd: Text<'p>,
    #[serde(borrow)]
    new_cwd: Text<'p>,
    #[serde(borrow)]
    transcript_path: Text<'p>,
    #[serde(borrow, rename = "transcriptPath")]
    transcript_path_in_camel_case: Text<'p>,
    timestamp: Time,
    #[serde(borrow)]
    source: Text<'p>,
    #[serde(borrow)]
    reason: Text<'p>,
    #[serde(borrow)]
    trigger: Text<'p>,
    #[serde(borrow)]
    notification_type: Text<'p>,
    #[serde(borrow)]
    tool_name: Text<'p>,
    #[serde(borrow)]
    status: Text<'p>,
    background_tasks: Content<Task>,
}

/// Something that goes on after the turn has ended.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Task {
    #[serde(rename = "type")]
    kind: Word,
    status: Word,
}

/// A short word, of an object whose texts are not kept.
#[derive(Default)]
struct Word(Box<str>);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Text::deserialize(deserializer).map(|text| Self(text.or_empty().into()))
    }
}

/// What goes on after the turn has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    Nothing,
    /// Shell commands and nothing else.
    Shells,
    /// Agents.
    Work,
}

impl Payload<'_> {
    /// The event, where the payload says.
    pub(super) fn name(&self) -> Option<&str> {
        self.hook_event_name.get()
    }

    pub(super) fn session_id(&self) -> Option<Box<str>> {
        let ids = [&self.session_id, &self.session_id_in_camel_case, &self.conversation_id];
        first(ids, is_id)
    }

    pub(super) fn is_of_sub_agent(&self) -> bool {
        !self.agent_id.or_empty().is_empty()
    }

    pub(super) fn cwd(&self) -> Option<Box<str>> {
        first([&self.new_cwd, &self.cwd], is_path)
    }

    pub(super) fn transcript_path(&self) -> Option<Box<str>> {
        first([&self.transcript_path, &self.transcript_path_in_camel_case], is_path)
    }

    pub(super) fn at(&self) -> Option<u64> {
        self.timestamp.0
    }

    pub(super) fn source(&self) -> &str {
        self.source.or_empty()
    }

    pub(super) fn reason(&self) -> &str {
        self.reason.or_empty()
    }

    pub(super) fn trigger(&self) -> &str {
        self.trigger.or_empty()
    }

    pub(super) fn notification_type(&self) -> &str {
        self.notification_type.or_empty()
    }

    pub(super) fn tool_name(&self) -> &str {
        self.tool_name.or_empty()
    }

    pub(super) fn status(&self) -> &str {
        self.status.or_empty()
    }

    pub(super) fn behind(&self) -> Behind {
        let live = || self.background_tasks.parts().iter().filter(|task| task.is_live());
        if live().next().is_none() {
            Behind::Nothing
        } else if live().all(Task::is_shell) {
            Behind::Shells
        } else {
            Behind::Work
        }
    }
}

impl Task {
    /// A word that is not known is not taken for an end: work would be shown as rest.
    fn is_live(&self) -> bool {
        const OVER: [&str; 8] =
            ["completed", "complete", "done", "failed", "killed", "stopped", "cancelled", "error"];
        !OVER.contains(&&*self.status.0)
    }

    fn is_shell(&self) -> bool {
        ["shell", "bash"].iter().any(|word| self.kind.0.contains(word))
    }
}

/// Ids go into records and are compared; they are never paths, and have nothing in them that acts.
fn is_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    (1..=MAX_ID).contains(&id.len()) && id.chars().all(plain)
}

fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= MAX_PATH && !path.contains('\0')
}

fn first<'t, const N: usize>(of: [&'t Text<'_>; N], fits: fn(&str) -> bool) -> Option<Box<str>> {
    of.into_iter().filter_map(Text::get).find(|text| fits(text)).map(Into::into)
}
