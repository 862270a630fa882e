//! Qwen Code: JSON lines in Claude Code's envelope, with the parts of Google's messages. Seen of
//! 0.24.4.
//!
//! There is no line for the end of a turn: it ends with an answer that calls no tool. What cannot
//! be known from the file: a prompt that is interrupted before the first output leaves no line; a
//! permission that is asked for looks like a tool that runs.

use serde::Deserialize;

use super::Tokens;
use super::json::{self, Content, Count, Flag, Object, Opening, Text, Time};
use super::moment::{Id, Moment, What};

/// What a line tells.
pub(super) fn moment(line: &[u8]) -> Option<Moment> {
    json::read(line, |line| serde_json::from_slice::<Line<'_>>(line).ok().map(|line| line.tell()))
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Line<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    timestamp: Time,
    is_sidechain: Flag,
    #[serde(borrow)]
    agent_id: Text<'a>,
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    message: Object<Message<'a>>,
    usage_metadata: Object<Usage>,
    #[serde(borrow)]
    tool_call_result: Object<CallResult<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    parts: Content<Part<'a>>,
}

/// A part of a message; the key tells which.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) function_call: Object<Call<'a>>,
    #[serde(borrow)]
    pub(super) function_response: Object<Call<'a>>,
    pub(super) text: Opening,
}

/// A call of a tool, or what it is answered with.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Call<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct CallResult<'a> {
    #[serde(borrow)]
    call_id: Text<'a>,
    #[serde(borrow)]
    status: Text<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Usage {
    prompt_token_count: Count,
    candidates_token_count: Count,
}

impl Line<'_> {
    fn tell(&self) -> Moment {
        let at = self.timestamp.0;
        let moment = match self.kind.or_empty() {
            "user" => Moment::new(at, [What::Prompt]),
            "tool_result" => Moment::new(at, self.results()),
            "assistant" => self.assistant(),
            // Telemetry, snapshots of files, commands of its own.
            _ => return Moment::default(),
        };
        if self.is_sidechain.0 || self.agent_id.get().is_some() {
            return Moment::new(at, [What::Beside]);
        }
        moment
    }

    fn results(&self) -> Vec<What> {
        let mut what: Vec<_> = self
            .parts()
            .iter()
            .filter_map(|part| part.function_response.0.as_ref())
            .map(|response| What::Result { id: Id::of(response.id.or_empty()) })
            .collect();
        let result = self.tool_call_result.0.as_ref();
        let id = result.and_then(|result| result.call_id.get());
        if let (Some(id), true) = (id, what.is_empty()) {
            what.push(What::Result { id: Id::of(id) });
        }
        // Refused or interrupted: the model is not told before the next prompt.
        if result.is_some_and(|result| result.status.get() == Some("cancelled")) {
            what.push(What::Over);
        }
        what
    }

    fn assistant(&self) -> Moment {
        let calls = || self.parts().iter().filter_map(|part| part.function_call.0.as_ref());
        let mut what: Vec<_> = calls().map(Call::what).collect();
        let has_text = self.parts().iter().any(|part| !part.text.is_empty());
        match what.is_empty() {
            true => what.push(What::Answer),
            false if has_text => what.insert(0, What::Output),
            false => {}
        }
        Moment {
            tool: calls().filter_map(|call| call.name.get()).next_back().map(Into::into),
            model: self.model.get().map(Into::into),
            tokens: self.usage_metadata.0.as_ref().map(|usage| Tokens {
                context: usage.prompt_token_count.or_zero(),
                output: usage.candidates_token_count.or_zero(),
            }),
            ..Moment::new(self.timestamp.0, what)
        }
    }

    fn parts(&self) -> &[Part<'_>] {
        self.message.0.as_ref().map_or(&[], |message| message.parts.parts())
    }
}

impl Call<'_> {
    fn what(&self) -> What {
        let asks = match self.name.or_empty() {
            "ask_user_question" => Some("input needed"),
            "exit_plan_mode" => Some("approve plan"),
            _ => None,
        };
        What::Call { id: Id::of(self.id.or_empty()), asks }
    }
}

#[cfg(test)]
mod tests;
