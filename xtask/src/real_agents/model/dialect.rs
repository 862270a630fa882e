//! What the four ways to talk to a model have in common.

use std::fmt;

use serde_json::Value;

use super::anthropic::Anthropic;
use super::chat::Chat;
use super::google::Google;
use super::responses::Responses;
use super::tool::Tool;

/// One server-sent event.
pub(super) struct Event {
    pub(super) name: Option<&'static str>,
    pub(super) data: String,
}

impl Event {
    /// One whose name is also in its data, as two of the services have it.
    pub(super) fn typed(name: &'static str, mut data: Value) -> Self {
        data["type"] = name.into();
        Self { name: Some(name), data: data.to_string() }
    }

    pub(super) fn bare(data: &Value) -> Self {
        Self { name: None, data: data.to_string() }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(name) = self.name {
            writeln!(f, "event: {name}")?;
        }
        write!(f, "data: {}\n\n", self.data)
    }
}

/// What was asked.
pub(super) struct Question {
    pub(super) tools: Vec<Tool>,
    /// The last thing said is the result of a tool.
    pub(super) after_tool: bool,
    /// The answer is wanted as events.
    pub(super) streamed: bool,
    /// The answer has to be JSON of this form: a question of the program, not of its user.
    pub(super) schema: Option<Value>,
}

impl Question {
    /// The tool that runs commands.
    pub(super) fn shell(&self) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.is_shell())
    }
}

/// One way to talk to a model, with what has been said in the answer so far.
pub(super) trait Dialect: Send {
    fn question(&self, body: &Value) -> Question;
    /// The events before anything is said.
    fn open(&mut self) -> Vec<Event>;
    fn piece(&mut self, text: &str) -> Vec<Event>;
    fn call(&mut self, tool: &Tool, command: &str) -> Vec<Event>;
    fn close(&mut self) -> Vec<Event>;
    /// All of it, for who does not want events.
    fn whole(&self) -> Value;
}

/// What has been said in an answer.
#[derive(Default)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) model: Value,
    pub(super) text: String,
    pub(super) call: Option<Call>,
}

/// A command that was asked for.
pub(super) struct Call {
    pub(super) id: String,
    pub(super) tool: Tool,
    pub(super) arguments: Value,
    /// For a tool that takes text.
    pub(super) script: String,
}

impl Said {
    fn new(body: &Value) -> Self {
        let id = super::super::state::serial();
        Self { id: format!("{id:08}"), model: body["model"].clone(), ..Self::default() }
    }

    pub(super) fn asks(&mut self, tool: &Tool, command: &str) -> &Call {
        self.call.insert(Call {
            id: format!("call_{}", self.id),
            arguments: tool.arguments(command),
            script: tool.script(command),
            tool: tool.clone(),
        })
    }
}

/// The one that is spoken at this path.
pub(super) fn of(path: &str, body: &Value) -> Option<Box<dyn Dialect>> {
    let said = || Said::new(body);
    let action = path.rsplit(['/', ':']).next().unwrap_or_default();
    match action {
        "messages" => Some(Box::new(Anthropic::new(said()))),
        "responses" => Some(Box::new(Responses::new(said()))),
        "completions" => Some(Box::new(Chat::new(said()))),
        "generateContent" => Some(Box::new(Google::new(said(), false))),
        "streamGenerateContent" => Some(Box::new(Google::new(said(), true))),
        _ => None,
    }
}

/// The last element of an array of the body.
pub(super) fn last<'b>(body: &'b Value, key: &str) -> &'b Value {
    body[key].as_array().and_then(|all| all.last()).unwrap_or(&Value::Null)
}

/// Every element of an array, none if there is no array.
pub(super) fn each(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
