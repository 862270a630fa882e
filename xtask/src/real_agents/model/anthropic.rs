//! Anthropic Messages: `POST /v1/messages`.

use serde_json::{Value, json};

use super::dialect::{Dialect, Event, Question, Said, each};
use super::tool::Tool;

pub(super) struct Anthropic {
    said: Said,
}

impl Anthropic {
    pub(super) fn new(said: Said) -> Self {
        Self { said }
    }

    fn head(&self, content: Value, stop: Value) -> Value {
        json!({
            "id": format!("msg_{}", self.said.id), "type": "message", "role": "assistant",
            "model": self.said.model, "content": content, "stop_reason": stop,
            "stop_sequence": null, "usage": { "input_tokens": 5, "output_tokens": 5 },
        })
    }

    fn stop_reason(&self) -> &'static str {
        if self.said.call.is_some() { "tool_use" } else { "end_turn" }
    }

    fn tool_use(&self, input: &Value) -> Value {
        let call = self.said.call.as_ref();
        json!({
            "type": "tool_use", "id": format!("toolu_{}", self.said.id),
            "name": call.map(|call| &call.tool.name), "input": input,
        })
    }
}

impl Dialect for Anthropic {
    fn question(&self, body: &Value) -> Question {
        let tools = each(&body["tools"])
            .map(|tool| Tool::new(&tool["name"], &Value::Null, &tool["input_schema"]))
            .collect();
        // Notes of the agent may follow the result in a message of their own.
        let messages = body["messages"].as_array().map_or(&[][..], Vec::as_slice);
        let after_tool = messages
            .iter()
            .rev()
            .take_while(|message| message["role"] != "assistant")
            .any(|message| each(&message["content"]).any(|part| part["type"] == "tool_result"));
        let streamed = body["stream"] == true;
        let schema = body["output_config"]["format"]["schema"].clone();
        Question { tools, after_tool, streamed, schema: (!schema.is_null()).then_some(schema) }
    }

    fn open(&mut self) -> Vec<Event> {
        let message = self.head(json!([]), Value::Null);
        vec![Event::typed("message_start", json!({ "message": message }))]
    }

    fn piece(&mut self, text: &str) -> Vec<Event> {
        let mut events = Vec::new();
        if self.said.text.is_empty() {
            let block = json!({ "type": "text", "text": "" });
            let start = json!({ "index": 0, "content_block": block });
            events.push(Event::typed("content_block_start", start));
        }
        self.said.text.push_str(text);
        let delta = json!({ "type": "text_delta", "text": text });
        events.push(Event::typed("content_block_delta", json!({ "index": 0, "delta": delta })));
        events
    }

    fn call(&mut self, tool: &Tool, command: &str) -> Vec<Event> {
        let input = self.said.asks(tool, command).arguments.to_string();
        let block = self.tool_use(&json!({}));
        let delta = json!({ "type": "input_json_delta", "partial_json": input });
        vec![
            Event::typed("content_block_start", json!({ "index": 0, "content_block": block })),
            Event::typed("content_block_delta", json!({ "index": 0, "delta": delta })),
        ]
    }

    fn close(&mut self) -> Vec<Event> {
        let delta = json!({ "stop_reason": self.stop_reason(), "stop_sequence": null });
        let usage = json!({ "output_tokens": 9 });
        vec![
            Event::typed("content_block_stop", json!({ "index": 0 })),
            Event::typed("message_delta", json!({ "delta": delta, "usage": usage })),
            Event::typed("message_stop", json!({})),
        ]
    }

    fn whole(&self) -> Value {
        let content = match &self.said.call {
            Some(call) => self.tool_use(&call.arguments),
            None => json!({ "type": "text", "text": self.said.text }),
        };
        self.head(json!([content]), self.stop_reason().into())
    }
}
