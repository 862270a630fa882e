//! OpenAI Chat Completions: `POST /v1/chat/completions`.

use serde_json::{Value, json};

use super::dialect::{Dialect, Event, Question, Said, each, last};
use super::tool::Tool;

pub(super) struct Chat {
    said: Said,
}

impl Chat {
    pub(super) fn new(said: Said) -> Self {
        Self { said }
    }

    fn head(&self, object: &str, choice: &Value) -> Value {
        json!({
            "id": format!("chatcmpl-{}", self.said.id), "object": object,
            "created": super::super::state::now() / 1000, "model": self.said.model,
            "choices": [choice],
        })
    }

    fn chunk(&self, delta: &Value, finish: Value) -> Value {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
        self.head("chat.completion.chunk", &choice)
    }

    fn finish_reason(&self) -> &'static str {
        if self.said.call.is_some() { "tool_calls" } else { "stop" }
    }

    fn tool_call(&self) -> Value {
        let Some(call) = &self.said.call else { return Value::Null };
        let function = json!({ "name": call.tool.name, "arguments": call.arguments.to_string() });
        json!({ "index": 0, "id": call.id, "type": "function", "function": function })
    }
}

fn usage() -> Value {
    json!({ "prompt_tokens": 5, "completion_tokens": 5, "total_tokens": 10 })
}

impl Dialect for Chat {
    fn question(&self, body: &Value) -> Question {
        let tools = each(&body["tools"])
            .map(|tool| &tool["function"])
            .map(|tool| Tool::new(&tool["name"], &Value::Null, &tool["parameters"]))
            .collect();
        let schema = body["response_format"]["json_schema"]["schema"].clone();
        Question {
            tools,
            after_tool: last(body, "messages")["role"] == "tool",
            streamed: body["stream"] == true,
            schema: (!schema.is_null()).then_some(schema),
        }
    }

    fn open(&mut self) -> Vec<Event> {
        let role = json!({ "role": "assistant", "content": "" });
        vec![Event::bare(&self.chunk(&role, Value::Null))]
    }

    fn piece(&mut self, text: &str) -> Vec<Event> {
        self.said.text.push_str(text);
        vec![Event::bare(&self.chunk(&json!({ "content": text }), Value::Null))]
    }

    fn call(&mut self, tool: &Tool, command: &str) -> Vec<Event> {
        self.said.asks(tool, command);
        let delta = json!({ "tool_calls": [self.tool_call()] });
        vec![Event::bare(&self.chunk(&delta, Value::Null))]
    }

    fn close(&mut self) -> Vec<Event> {
        let mut last = self.chunk(&json!({}), self.finish_reason().into());
        last["usage"] = usage();
        let end = Event { name: None, data: "[DONE]".to_owned() };
        vec![Event::bare(&last), end]
    }

    fn whole(&self) -> Value {
        let message = match &self.said.call {
            Some(_) => {
                json!({ "role": "assistant", "content": null, "tool_calls": [self.tool_call()] })
            }
            None => json!({ "role": "assistant", "content": self.said.text }),
        };
        let choice =
            json!({ "index": 0, "message": message, "finish_reason": self.finish_reason() });
        let mut body = self.head("chat.completion", &choice);
        body["usage"] = usage();
        body
    }
}
