//! Claude Code: JSON lines, one for each part of a message, between lines that are no part of the
//! conversation. Seen of 2.1.197 and 2.1.329.
//!
//! What cannot be known from the file: a prompt that is interrupted before the first output leaves
//! it as if the turn went on; a permission that is asked for looks like a tool that runs.

mod subagents;

use std::io;
use std::path::Path;

use serde::Deserialize;

use super::json::{self, Content, Count, Flag, Object, Opening, Text, Time};
use super::lines::{self, Alone};
use super::moment::{Id, Moment, What};
use super::{Depth, Reading, Tokens};
use crate::activity::{Sparkline, TailState};

/// Reads the end of a conversation, and of those of its sub-agents where they may go on.
pub(super) fn read(path: &Path, depth: Depth, sparkline: Sparkline) -> io::Result<Reading> {
    let mut reading = lines::read(path, depth, sparkline, || Alone(moment))?;
    if let Some(tail) = &mut reading.tail
        && tail.state == TailState::Idle
        && let Some(at) = subagents::newest_at_work(path, tail.at)
    {
        (tail.state, tail.at, tail.moved_at) = (TailState::Busy, Some(at), Some(at));
    }
    Ok(reading)
}

/// What a line tells of the main thread.
fn moment(line: &[u8]) -> Option<Moment> {
    json::read(line, |line| Some(serde_json::from_slice::<Line<'_>>(line).ok()?.of_main_thread()))
}

/// What a line of a sub-agent's own file tells of the sub-agent.
fn moment_of_agent(line: &[u8]) -> Option<Moment> {
    json::read(line, |line| Some(serde_json::from_slice::<Line<'_>>(line).ok()?.tell()))
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    subtype: Text<'a>,
    timestamp: Time,
    is_sidechain: Flag,
    is_meta: Flag,
    is_compact_summary: Flag,
    is_api_error_message: Flag,
    #[serde(borrow)]
    agent_id: Text<'a>,
    #[serde(borrow)]
    origin: Object<Origin<'a>>,
    #[serde(borrow)]
    message: Object<Message<'a>>,
    pending_background_agent_count: Count,
    #[serde(borrow)]
    compact_metadata: Object<CompactMetadata<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Origin<'a> {
    #[serde(borrow)]
    kind: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CompactMetadata<'a> {
    #[serde(borrow)]
    trigger: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    content: Content<Part<'a>>,
    #[serde(borrow)]
    stop_reason: Text<'a>,
    usage: Object<Usage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    text: Opening,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    input_tokens: Count,
    cache_creation_input_tokens: Count,
    cache_read_input_tokens: Count,
    output_tokens: Count,
}

impl Line<'_> {
    fn of_main_thread(&self) -> Moment {
        let moment = self.tell();
        if !self.is_sidechain.0 && self.agent_id.get().is_none() {
            return moment;
        }
        let happened = moment.what.iter().any(|what| what.is_counted());
        Moment::new(moment.at, if happened { vec![What::Beside] } else { Vec::new() })
    }

    fn tell(&self) -> Moment {
        let at = self.timestamp.0;
        match self.kind.or_empty() {
            "user" => Moment::new(at, self.user()),
            "assistant" => Moment { at, ..self.assistant() },
            "system" => Moment::new(at, self.system().into_iter().collect::<Vec<_>>()),
            // Everything else is about the session or the requests, not the conversation.
            _ => Moment::default(),
        }
    }

    fn user(&self) -> Vec<What> {
        let origin = self.origin.0.as_ref().map_or("", |origin| origin.kind.or_empty());
        // What another session sends is marked as not typed, and is a prompt all the same.
        let is_note = self.is_meta.0 && origin != "peer";
        if is_note || self.is_compact_summary.0 || origin == "task-notification" {
            return Vec::new();
        }
        match self.message.0.as_ref().map(|message| &message.content) {
            Some(Content::Text(opening)) => vec![prompt(*opening)],
            Some(Content::Parts(parts)) => {
                let mut what: Vec<_> = parts.iter().filter_map(Part::of_user).collect();
                // A text with pictures is one prompt.
                what.dedup();
                what
            }
            None => Vec::new(),
        }
    }

    fn assistant(&self) -> Moment {
        let Some(message) = &self.message.0 else { return Moment::default() };
        let parts = message.content.parts();
        let mut what: Vec<_> = parts.iter().filter_map(Part::of_assistant).collect();
        let is_over =
            matches!(message.stop_reason.or_empty(), "end_turn" | "stop_sequence" | "refusal");
        let calls = what.iter().any(|what| matches!(what, What::Call { .. }));
        if self.is_api_error_message.0 || is_over && !calls {
            what.retain(|what| *what != What::Output);
            what.push(What::Answer);
        }
        let is_real = |model: &&str| *model != "<synthetic>";
        let model = message.model.get().filter(is_real);
        Moment {
            tool: parts.iter().rev().find_map(Part::tool),
            tokens: message.usage.0.as_ref().filter(|_| model.is_some()).map(Usage::tokens),
            model: model.map(Into::into),
            ..Moment::new(None, what)
        }
    }

    fn system(&self) -> Option<What> {
        let trigger =
            || self.compact_metadata.0.as_ref().map(|metadata| metadata.trigger.or_empty());
        match self.subtype.or_empty() {
            // Written when the main thread is done; agents that it started may not be.
            "turn_duration" | "stop_hook_summary"
                if self.pending_background_agent_count.or_zero() > 0 =>
            {
                Some(What::Going)
            }
            "turn_duration" | "stop_hook_summary" => Some(What::Over),
            // One of its own is in the middle of a turn.
            "compact_boundary" if trigger() == Some("manual") => Some(What::Over),
            "local_command" => Some(What::Aside),
            _ => None,
        }
    }
}

/// What a text of the user's is, by how it begins.
fn prompt(opening: Opening) -> What {
    // Also "... for tool use]": a call that was refused.
    if opening.starts_with("[Request interrupted by user") {
        return What::Over;
    }
    // Commands of its own and of the shell. One that makes a prompt begins with its message.
    let asides = ["<command-name>", "<local-command-", "<bash-input>", "<bash-std"];
    match asides.iter().any(|start| opening.starts_with(start)) {
        true => What::Aside,
        false => What::Prompt,
    }
}

impl Part<'_> {
    fn of_user(&self) -> Option<What> {
        match self.kind.or_empty() {
            "tool_result" => Some(What::Result { id: Id::of(self.tool_use_id.or_empty()) }),
            "text" => Some(prompt(self.text)),
            "image" | "document" => Some(What::Prompt),
            _ => None,
        }
    }

    fn of_assistant(&self) -> Option<What> {
        match self.kind.or_empty() {
            "tool_use" => {
                let asks = match self.name.or_empty() {
                    "AskUserQuestion" => Some("input needed"),
                    "ExitPlanMode" => Some("approve plan"),
                    _ => None,
                };
                Some(What::Call { id: Id::of(self.id.or_empty()), asks })
            }
            "text" => Some(What::Output),
            "thinking" | "redacted_thinking" => Some(What::Going),
            _ => None,
        }
    }

    fn tool(&self) -> Option<Box<str>> {
        self.name.get().filter(|_| self.kind.get() == Some("tool_use")).map(Into::into)
    }
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let cached = self.cache_creation_input_tokens.or_zero();
        let context = self.input_tokens.or_zero().saturating_add(cached);
        Tokens {
            context: context.saturating_add(self.cache_read_input_tokens.or_zero()),
            output: self.output_tokens.or_zero(),
        }
    }
}

#[cfg(test)]
mod tests;
