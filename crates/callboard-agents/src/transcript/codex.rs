//! Codex: rollouts, JSON lines. Seen of 0.169.0; the keys since 0.159.
//!
//! A turn begins and ends with an event of its own. What cannot be known from the file: an approval
//! that is asked for looks like a tool that runs.

use serde::Deserialize;

use super::Tokens;
use super::json::{self, Count, Object, Text, Time};
use super::moment::{Id, Moment, What};

/// What a line tells.
pub(super) fn moment(line: &[u8]) -> Option<Moment> {
    json::read(line, |line| serde_json::from_slice::<Line<'_>>(line).ok().map(|line| line.tell()))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Line<'a> {
    timestamp: Time,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    payload: Object<Payload<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Payload<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    call_id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    item: Object<Item<'a>>,
    info: Object<TokenInfo>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Item<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct TokenInfo {
    last_token_usage: Object<Usage>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    input_tokens: Count,
    output_tokens: Count,
}

impl Line<'_> {
    fn tell(&self) -> Moment {
        let Some(payload) = &self.payload.0 else { return Moment::default() };
        let (what, tool) = match self.kind.or_empty() {
            "event_msg" => (payload.event(), None),
            "response_item" => payload.item(),
            _ => (None, None),
        };
        let is_context = self.kind.get() == Some("turn_context");
        Moment {
            tool: tool.map(Into::into),
            model: payload.model.get().filter(|_| is_context).map(Into::into),
            tokens: payload.tokens(),
            ..Moment::new(self.timestamp.0, what.into_iter().collect::<Vec<_>>())
        }
    }
}

impl Payload<'_> {
    /// What is shown to the user.
    fn event(&self) -> Option<What> {
        let item = || self.item.0.as_ref().map_or("", |item| item.kind.or_empty());
        match self.kind.or_empty() {
            "task_started" | "turn_started" => Some(What::Going),
            "task_complete" | "turn_complete" | "turn_aborted" => Some(What::Over),
            "user_message" => Some(What::Prompt),
            "agent_message" => Some(What::Output),
            // With a paginated history; calls and their results are there as response items too.
            "item_completed" => match item() {
                "UserMessage" => Some(What::Prompt),
                "AgentMessage" => Some(What::Output),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is sent to the model. Messages are there as events too, without what the program says
    /// to the model in the user's name.
    fn item(&self) -> (Option<What>, Option<&str>) {
        let kind = self.kind.or_empty();
        let id = || Id::of(self.call_id.get().unwrap_or(self.id.or_empty()));
        // Calls that the model's service runs itself have no result in the file.
        if matches!(kind, "web_search_call" | "image_generation_call") {
            return (Some(What::Output), Some(kind.trim_end_matches("_call")));
        }
        if kind.ends_with("_call_output") || kind == "tool_search_output" {
            return (Some(What::Result { id: id() }), None);
        }
        if !kind.ends_with("_call") {
            return (None, None);
        }
        let name = self.name.get().unwrap_or(kind.trim_end_matches("_call"));
        let asks = (name == "request_user_input").then_some("input needed");
        (Some(What::Call { id: id(), asks }), Some(name))
    }

    fn tokens(&self) -> Option<Tokens> {
        let usage = self.info.0.as_ref()?.last_token_usage.0.as_ref()?;
        Some(Tokens {
            context: usage.input_tokens.or_zero(),
            output: usage.output_tokens.or_zero(),
        })
    }
}

#[cfg(test)]
mod tests;
