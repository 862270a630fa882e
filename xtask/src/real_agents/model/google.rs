//! Google Generative Language: `POST /v1beta/models/<model>:generateContent`, or
//! `:streamGenerateContent` for events.

use serde_json::{Value, json};

use super::dialect::{Dialect, Event, Question, Said, each, last};
use super::tool::Tool;

pub(super) struct Google {
    said: Said,
    streamed: bool,
}

impl Google {
    pub(super) fn new(said: Said, streamed: bool) -> Self {
        Self { said, streamed }
    }

    fn answer(&self, part: Value, finish: Option<&str>) -> Value {
        let content = json!({ "role": "model", "parts": [part] });
        let mut candidate = json!({ "index": 0, "content": content });
        if let Some(finish) = finish {
            candidate["finishReason"] = finish.into();
        }
        json!({
            "candidates": [candidate], "modelVersion": "stand-in",
            "responseId": format!("resp-{}", self.said.id),
            "usageMetadata":
                { "promptTokenCount": 5, "candidatesTokenCount": 5, "totalTokenCount": 10 },
        })
    }

    fn part(&self) -> Value {
        match &self.said.call {
            Some(call) => {
                json!({ "functionCall": { "name": call.tool.name, "args": call.arguments } })
            }
            None => json!({ "text": self.said.text }),
        }
    }
}

impl Dialect for Google {
    fn question(&self, body: &Value) -> Question {
        let declared = each(&body["tools"]).flat_map(|tool| each(&tool["functionDeclarations"]));
        let tools = declared
            .map(|tool| {
                let json_schema = &tool["parametersJsonSchema"];
                let schema = if json_schema.is_null() { &tool["parameters"] } else { json_schema };
                Tool::new(&tool["name"], &Value::Null, schema)
            })
            .collect();
        let wanted = &body["generationConfig"];
        let schema = [&wanted["responseJsonSchema"], &wanted["responseSchema"]]
            .into_iter()
            .find(|schema| !schema.is_null())
            .cloned();
        let mut newest = each(&last(body, "contents")["parts"]);
        let after_tool = newest.any(|part| part["functionResponse"].is_object());
        Question { tools, after_tool, streamed: self.streamed, schema }
    }

    fn open(&mut self) -> Vec<Event> {
        Vec::new()
    }

    fn piece(&mut self, text: &str) -> Vec<Event> {
        self.said.text.push_str(text);
        vec![Event::bare(&self.answer(json!({ "text": text }), None))]
    }

    fn call(&mut self, tool: &Tool, command: &str) -> Vec<Event> {
        self.said.asks(tool, command);
        vec![Event::bare(&self.answer(self.part(), None))]
    }

    fn close(&mut self) -> Vec<Event> {
        vec![Event::bare(&self.answer(json!({ "text": "" }), Some("STOP")))]
    }

    fn whole(&self) -> Value {
        self.answer(self.part(), Some("STOP"))
    }
}
