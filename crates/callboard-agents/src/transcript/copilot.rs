//! GitHub Copilot CLI: events, JSON lines. Seen of 1.0.102.
//!
//! Waiting for a permission is written down while it lasts. A prompt that is interrupted before the
//! first output is taken back by writing the file anew.

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
    data: Object<Data<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Data<'a> {
    #[serde(borrow)]
    model: Text<'a>,
    #[serde(borrow)]
    new_model: Text<'a>,
    #[serde(borrow)]
    tool_name: Text<'a>,
    #[serde(borrow)]
    tool_call_id: Text<'a>,
    #[serde(borrow)]
    parent_tool_call_id: Text<'a>,
    #[serde(borrow)]
    request_id: Text<'a>,
    tool_requests: Content<Request>,
    #[serde(borrow)]
    usage: Object<Usage<'a>>,
}

/// A call that the answer asks for: what it is says a line of its own.
#[derive(Deserialize)]
struct Request {}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Usage<'a> {
    #[serde(borrow)]
    model: Text<'a>,
    input_tokens: Count,
    output_tokens: Count,
}

impl Line<'_> {
    fn tell(&self) -> Moment {
        let Some(data) = &self.data.0 else { return Moment::default() };
        let kind = self.kind.or_empty();
        let mut what = data.what(kind);
        // What a sub-agent does stands among the rest, with the call that started it.
        if data.parent_tool_call_id.get().is_some() {
            what = what.filter(|what| what.is_counted()).map(|_| What::Beside);
        }
        let usage = data.usage.0.as_ref().filter(|_| kind == "session.usage_record");
        let model = match kind {
            "session.model_change" => data.new_model.get(),
            "assistant.message" => data.model.get(),
            _ => usage.and_then(|usage| usage.model.get()),
        };
        Moment {
            tool: data.tool_name.get().filter(|_| kind == "tool.execution_start").map(Into::into),
            model: model.map(Into::into),
            tokens: usage.map(|usage| Tokens {
                context: usage.input_tokens.or_zero(),
                output: usage.output_tokens.or_zero(),
            }),
            ..Moment::new(self.timestamp.0, what.into_iter().collect::<Vec<_>>())
        }
    }
}

impl Data<'_> {
    fn what(&self, kind: &str) -> Option<What> {
        let request = || Id::of(self.request_id.or_empty());
        let call = || Id::of(self.tool_call_id.or_empty());
        let asked = |asks| Some(What::Asked { id: request(), asks });
        match kind {
            "user.message" => Some(What::Prompt),
            "assistant.turn_start" => Some(What::Going),
            // A turn of the agent's is a request to the model; the user's turn takes several, and
            // ends with an answer that asks for no call.
            "assistant.message" if self.tool_requests.parts().is_empty() => Some(What::Answer),
            "assistant.message" => Some(What::Output),
            "tool.execution_start" => Some(What::Call { id: call(), asks: None }),
            "tool.execution_complete" => Some(What::Result { id: call() }),
            "permission.requested" => asked("permission prompt"),
            "user_input.requested" | "elicitation.requested" => asked("input needed"),
            "exit_plan_mode.requested" => asked("approve plan"),
            "permission.completed"
            | "user_input.completed"
            | "elicitation.completed"
            | "exit_plan_mode.completed" => Some(What::Answered { id: request() }),
            // A prompt that is taken back before any output is cut out of the file, and this is
            // what is put there instead.
            "session.usage_checkpoint" => Some(What::Over),
            "abort" | "session.error" | "session.shutdown" => Some(What::Over),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
