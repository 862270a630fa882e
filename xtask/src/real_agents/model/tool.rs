//! The tools that agents offer, and how to ask for a command through them.

use serde_json::{Map, Value, json};

/// A tool on offer.
#[derive(Clone)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) form: Form,
    schema: Value,
}

/// What it takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// JSON that fits a schema.
    Function,
    /// A text; Codex offers one that takes a script.
    Custom,
    /// A command line; known to the service by its type alone.
    LocalShell,
}

/// What agents call the tool that runs commands.
const SHELLS: &[&str] =
    &["bash", "shell", "local_shell", "run_shell_command", "exec_command", "exec", "shell_command"];

/// The argument that is the command, in the order in which they are looked for.
const COMMANDS: &[&str] = &["command", "cmd", "script", "code", "input"];

impl Tool {
    pub(super) fn new(name: &Value, kind: &Value, schema: &Value) -> Self {
        let kind = kind.as_str().unwrap_or_default();
        let form = match kind {
            "custom" => Form::Custom,
            "local_shell" => Form::LocalShell,
            _ => Form::Function,
        };
        let name = name.as_str().unwrap_or(kind).to_owned();
        Self { name, form, schema: schema.clone() }
    }

    pub(super) fn is_shell(&self) -> bool {
        SHELLS.contains(&self.name.to_ascii_lowercase().as_str())
    }

    /// The arguments with which it runs the command.
    pub(super) fn arguments(&self, command: &str) -> Value {
        let offered = self.schema["properties"].as_object();
        let has = |key: &str| offered.is_some_and(|all| all.contains_key(key));
        let key = COMMANDS.iter().find(|key| has(key)).unwrap_or(&"command");
        let as_list = kind_of(&self.schema["properties"][key]) == "array";
        let value = if as_list { json!(["bash", "-lc", command]) } else { json!(command) };
        let mut arguments = Map::from_iter([((*key).to_owned(), value)]);
        // Codex asks its user only about what wants to leave its sandbox.
        if has("sandbox_permissions") {
            arguments.insert("sandbox_permissions".to_owned(), json!("require_escalated"));
            arguments.insert("justification".to_owned(), json!("May it run?"));
        }
        for required in super::dialect::each(&self.schema["required"]) {
            let Some(name) = required.as_str() else { continue };
            arguments.entry(name).or_insert_with(|| value_for(&self.schema["properties"][name]));
        }
        Value::Object(arguments)
    }

    /// The text with which a tool that takes text runs the command.
    pub(super) fn script(&self, command: &str) -> String {
        let arguments = json!({
            "cmd": command,
            "sandbox_permissions": "require_escalated",
            "justification": "May it run?",
        });
        format!("const done = await tools.exec_command({arguments}); text(done.output);")
    }
}

/// The least value that fits a schema.
pub(super) fn value_for(schema: &Value) -> Value {
    if let Some(first) = schema["enum"].get(0) {
        return first.clone();
    }
    match kind_of(schema).as_str() {
        "object" => {
            let keys = schema["properties"].as_object().into_iter().flatten();
            keys.map(|(key, inner)| (key.clone(), value_for(inner))).collect::<Map<_, _>>().into()
        }
        "array" => json!([]),
        "number" | "integer" => json!(1),
        "boolean" => json!(false),
        _ => json!("fine"),
    }
}

/// Google writes types in capitals.
fn kind_of(schema: &Value) -> String {
    let implied = if schema["properties"].is_object() { "object" } else { "string" };
    schema["type"].as_str().unwrap_or(implied).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tool(schema: Value) -> Tool {
        Tool::new(&json!("Bash"), &Value::Null, &schema)
    }

    #[test]
    fn the_command_goes_where_the_tool_takes_it() {
        let text = json!({ "type": "string" });
        let cases = [
            (json!({}), json!({ "command": "ls" })),
            (json!({ "properties": { "cmd": text } }), json!({ "cmd": "ls" })),
            (
                json!({ "properties": { "command": { "type": "ARRAY" } } }),
                json!({ "command": ["bash", "-lc", "ls"] }),
            ),
            (
                json!({ "properties": { "command": text, "why": text, "n": { "type": "integer" } },
                        "required": ["command", "why", "n"] }),
                json!({ "command": "ls", "why": "fine", "n": 1 }),
            ),
            (
                json!({ "properties": { "cmd": text, "sandbox_permissions": text } }),
                json!({ "cmd": "ls", "sandbox_permissions": "require_escalated",
                        "justification": "May it run?" }),
            ),
        ];
        for (schema, expected) in cases {
            assert_eq!(tool(schema.clone()).arguments("ls"), expected, "{schema}");
        }
    }

    #[test]
    fn a_value_fits_its_schema() {
        let schema = json!({ "type": "OBJECT", "properties": {
            "choice": { "type": "STRING", "enum": ["flash", "pro"] },
            "sure": { "type": "BOOLEAN" }, "parts": { "type": "array" } } });
        let expected = json!({ "choice": "flash", "sure": false, "parts": [] });
        assert_eq!(value_for(&schema), expected);
    }
}
