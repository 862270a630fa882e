//! Conversation files: where one is, and what its end tells.
//!
//! A file is read backwards from its end, in bounded memory, by whatever format its agent writes:
//! pure readers of lines, one file for each format.

mod backwards;
mod claude;
mod codex;
mod copilot;
mod find;
mod fold;
mod gemini;
pub(crate) mod json;
mod lines;
mod moment;
#[cfg(feature = "opencode")]
mod opencode;
mod pi;
mod qwen;
mod shorten;

use std::io;
use std::path::PathBuf;

pub(crate) use find::{find_in_projects, is_plain_id, opencode_sessions};

use crate::activity::{Sparkline, Tail, TailState};

/// A conversation, as its agent keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// How it is written.
    pub format: Format,
    /// The file; for a database, the database.
    pub path: PathBuf,
    /// The conversation's id, for a file that holds several.
    pub session_id: Box<str>,
}

/// How an agent writes its conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// Claude Code: JSON lines.
    Claude,
    /// Qwen Code: JSON lines in Claude Code's envelope, messages in Google's form.
    Qwen,
    /// Codex: rollouts, JSON lines; old ones compressed (`.jsonl.zst`).
    Codex,
    /// Gemini CLI: JSON lines with patches, or one JSON document.
    Gemini,
    /// opencode: rows of its SQLite database.
    Opencode,
    /// GitHub Copilot CLI: events, JSON lines.
    Copilot,
    /// Pi: JSON lines.
    Pi,
    /// Lines of text, told apart as somebody's description of the agent says.
    Described,
}

/// How much of a conversation is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Only back to the line that tells what is going on.
    Status,
    /// Back to the beginning of the sparkline, and to the last tool, model and count of tokens,
    /// as far as the bound on what is read allows.
    Activity,
}

/// What was read off the end of a conversation.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// What was going on; `None` where nothing within the bound tells.
    pub tail: Option<Tail>,
    /// Recent activity; `None` with [`Depth::Status`].
    pub recent: Option<Recent>,
}

impl Reading {
    /// Of a conversation that nobody has begun, in a session that is there since then.
    pub(crate) fn not_begun(since: Option<u64>) -> Self {
        let tail = Tail { state: TailState::Idle, at: since, moved_at: since, waiting_for: None };
        Self { tail: Some(tail), recent: None }
    }
}

/// What happened lately in a conversation. No text of it: no prompt, no answer, no input of a tool.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recent {
    /// Events (prompts, answers, calls of tools and their results) for each interval.
    pub sparkline: Sparkline,
    /// The name of the tool that was called last.
    pub last_tool: Option<Box<str>>,
    /// The model that answered last.
    pub model: Option<Box<str>>,
    /// What the last answer took.
    pub tokens: Option<Tokens>,
    /// The newest event, in ms since the epoch.
    pub last_event_at: Option<u64>,
    /// Where there is too much to be read back to the beginning of the sparkline: how far it was,
    /// in ms since the epoch. Intervals before that count nothing, whatever happened in them.
    pub known_since: Option<u64>,
}

impl Recent {
    /// Of a conversation of which nothing is known yet but these counts.
    #[must_use]
    pub const fn new(sparkline: Sparkline) -> Self {
        Self {
            sparkline,
            last_tool: None,
            model: None,
            tokens: None,
            last_event_at: None,
            known_since: None,
        }
    }
}

/// Tokens of one answer, as the agent noted them. Sums over a whole conversation would need the
/// whole file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// What the model was given, cached parts included: how full its context is.
    pub context: u64,
    /// What it wrote.
    pub output: u64,
}

impl Transcript {
    /// Reads the end of it. `sparkline` says which times are of interest.
    ///
    /// # Errors
    /// If the file cannot be opened or read, or is no regular file.
    pub fn read(&self, depth: Depth, sparkline: Sparkline) -> io::Result<Reading> {
        let alone = |moment| lines::read(&self.path, depth, sparkline, || lines::Alone(moment));
        match self.format {
            Format::Claude => claude::read(&self.path, depth, sparkline),
            Format::Qwen => alone(qwen::moment),
            // Compressed when nothing has been written to it for a week: nothing goes on in it.
            Format::Codex if self.path.extension().is_some_and(|end| end == "zst") => {
                backwards::check(&self.path).map(|()| Reading::default())
            }
            Format::Codex => alone(codex::moment),
            Format::Copilot => alone(copilot::moment),
            Format::Pi => alone(pi::moment),
            Format::Gemini if self.path.extension().is_some_and(|end| end == "json") => {
                gemini::read_document(&self.path, depth, sparkline)
            }
            Format::Gemini => lines::read(&self.path, depth, sparkline, gemini::Messages::default),
            #[cfg(feature = "opencode")]
            Format::Opencode => opencode::read(&self.path, &self.session_id, depth, sparkline),
            #[cfg(not(feature = "opencode"))]
            Format::Opencode => Ok(Reading::default()),
            // Its adapter reads it, see `Adapter::read`.
            Format::Described => Ok(Reading::default()),
        }
    }
}
