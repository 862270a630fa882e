//! Pi: JSON lines, one for each message. Seen of 0.73.1.
//!
//! Every answer says why it ended, an interrupted one too, and there are no permissions: the file
//! tells all, except before its first answer, when there is none.

use serde::Deserialize;

use super::Tokens;
use super::json::{self, Content, Count, Object, Text, Time};
use super::moment::{Id, Moment, What};

/// What a line tells.
pub(super) fn moment(line: &[u8]) -> Option<Moment> {
    json::read(line, |line| serde_json::from_slice::<Line<'_>>(line).ok().map(|line| line.tell()))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    timestamp: Time,
    #[serde(borrow)]
    message: Object<Message<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Message<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow)]
    content: Content<Part<'a>>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    stop_reason: Text<'a>,
    #[serde(borrow)]
    tool_call_id: Text<'a>,
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
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Usage {
    input: Count,
    output: Count,
    cache_read: Count,
    cache_write: Count,
}

impl Line<'_> {
    fn tell(&self) -> Moment {
        let message = self.message.0.as_ref().filter(|_| self.kind.get() == Some("message"));
        let Some(message) = message else { return Moment::default() };
        let at = self.timestamp.0;
        match message.role.or_empty() {
            "user" => Moment::new(at, [What::Prompt]),
            "toolResult" => {
                Moment::new(at, [What::Result { id: Id::of(message.tool_call_id.or_empty()) }])
            }
            "assistant" => Moment { at, ..message.answer() },
            // A command that the user ran at Pi's own prompt.
            "bashExecution" => Moment::new(at, [What::Aside]),
            _ => Moment::default(),
        }
    }
}

impl Message<'_> {
    fn answer(&self) -> Moment {
        let parts = self.content.parts();
        let calls = || parts.iter().filter(|part| part.kind.get() == Some("toolCall"));
        let has_text = parts.iter().any(|part| part.kind.get() == Some("text"));
        let mut what: Vec<_> = has_text.then_some(What::Output).into_iter().collect();
        match self.stop_reason.or_empty() {
            // Interrupted before it said anything: there is no answer.
            "aborted" | "error" if parts.is_empty() => what.push(What::Over),
            "stop" | "length" | "error" | "aborted" => what = vec![What::Answer],
            _ => what.extend(
                calls().map(|call| What::Call { id: Id::of(call.id.or_empty()), asks: None }),
            ),
        }
        let tokens = self.usage.0.as_ref().map(Usage::tokens);
        Moment {
            tool: calls().filter_map(|call| call.name.get()).next_back().map(Into::into),
            model: self.model.get().map(Into::into),
            // An interrupted answer is noted with none.
            tokens: tokens.filter(|tokens| *tokens != Tokens::default()),
            ..Moment::new(None, what)
        }
    }
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let cached = self.cache_read.or_zero().saturating_add(self.cache_write.or_zero());
        Tokens {
            context: self.input.or_zero().saturating_add(cached),
            output: self.output.or_zero(),
        }
    }
}

#[cfg(test)]
mod tests;
