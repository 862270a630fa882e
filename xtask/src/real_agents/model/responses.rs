//! OpenAI Responses: `POST /v1/responses`.

use serde_json::{Value, json};

use super::dialect::{Dialect, Event, Question, Said, each, last};
use super::tool::{Form, Tool};

pub(super) struct Responses {
    said: Said,
    /// Events are numbered.
    sent: u64,
}

impl Responses {
    pub(super) fn new(said: Said) -> Self {
        Self { said, sent: 0 }
    }

    fn event(&mut self, name: &'static str, mut data: Value) -> Event {
        data["sequence_number"] = self.sent.into();
        self.sent += 1;
        Event::typed(name, data)
    }

    /// The one thing that is said, as far as it is said.
    fn item(&self) -> Value {
        let id = &self.said.id;
        let Some(call) = &self.said.call else {
            let part = json!({ "type": "output_text", "text": self.said.text, "annotations": [] });
            return json!({
                "id": format!("msg_{id}"), "type": "message", "role": "assistant",
                "status": "completed", "content": [part],
            });
        };
        let mut item = match call.tool.form {
            Form::LocalShell => json!({
                "type": "local_shell_call", "status": "completed",
                "action": { "type": "exec", "command": call.arguments["command"] },
            }),
            Form::Custom => json!({
                "type": "custom_tool_call", "name": call.tool.name, "input": call.script,
            }),
            Form::Function => json!({
                "type": "function_call", "name": call.tool.name, "status": "completed",
                "arguments": call.arguments.to_string(),
            }),
        };
        item["id"] = format!("item_{id}").into();
        item["call_id"] = call.id.as_str().into();
        item
    }

    fn response(&self, status: &str) -> Value {
        let done = status == "completed";
        let mut response = json!({
            "id": format!("resp_{}", self.said.id), "object": "response", "status": status,
            "created_at": super::super::state::now() / 1000, "model": self.said.model,
            "output": if done { json!([self.item()]) } else { json!([]) },
        });
        if done {
            response["usage"] = json!({
                "input_tokens": 5, "input_tokens_details": { "cached_tokens": 0 },
                "output_tokens": 5, "output_tokens_details": { "reasoning_tokens": 0 },
                "total_tokens": 10,
            });
        }
        response
    }
}

impl Dialect for Responses {
    fn question(&self, body: &Value) -> Question {
        let tools = each(&body["tools"])
            .map(|tool| Tool::new(&tool["name"], &tool["type"], &tool["parameters"]))
            .collect();
        let newest = last(body, "input")["type"].as_str().unwrap_or_default();
        let schema = body["text"]["format"]["schema"].clone();
        Question {
            tools,
            after_tool: newest.ends_with("_output"),
            streamed: body["stream"] == true,
            schema: (!schema.is_null()).then_some(schema),
        }
    }

    fn open(&mut self) -> Vec<Event> {
        let response = self.response("in_progress");
        vec![self.event("response.created", json!({ "response": response }))]
    }

    fn piece(&mut self, text: &str) -> Vec<Event> {
        let mut events = Vec::new();
        if self.said.text.is_empty() {
            let mut item = self.item();
            item["status"] = "in_progress".into();
            item["content"] = json!([]);
            let added = json!({ "output_index": 0, "item": item });
            events.push(self.event("response.output_item.added", added));
        }
        self.said.text.push_str(text);
        let delta = json!({
            "item_id": format!("msg_{}", self.said.id), "output_index": 0, "content_index": 0,
            "delta": text,
        });
        events.push(self.event("response.output_text.delta", delta));
        events
    }

    fn call(&mut self, tool: &Tool, command: &str) -> Vec<Event> {
        self.said.asks(tool, command);
        let added = json!({ "output_index": 0, "item": self.item() });
        vec![self.event("response.output_item.added", added)]
    }

    fn close(&mut self) -> Vec<Event> {
        let done = json!({ "output_index": 0, "item": self.item() });
        let response = self.response("completed");
        vec![
            self.event("response.output_item.done", done),
            self.event("response.completed", json!({ "response": response })),
        ]
    }

    fn whole(&self) -> Value {
        self.response("completed")
    }
}
