//! What keeps an agent from calling hooks that are in its settings.

use std::path::Path;

use callboard_agents::hook::HookAgent;
use serde_json::Value;

use super::entries::value_of;
use super::file::read_bounded;

/// More than any settings have.
const MAX_BYTES: u64 = 4 << 20;

/// Where administrators put settings that outrank the user's (Linux).
const CLAUDE_MANAGED: &str = "/etc/claude-code/managed-settings.json";

/// What stands in the way, each with what to do; and what to know.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Nothing is called as it is.
    pub(crate) blocks: Vec<String>,
    /// What could not be found out, or is worth a word.
    pub(crate) notes: Vec<String>,
}

/// Looks at the settings themselves and at those that outrank them.
pub(crate) fn look(agent: HookAgent, settings: &Path, text: &str) -> Trouble {
    let managed = read_value(Path::new(CLAUDE_MANAGED));
    let codex = settings.with_file_name("config.toml");
    let codex =
        read_bounded(&codex, MAX_BYTES).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let own = value_of(text).unwrap_or_default();
    match agent {
        HookAgent::Claude => claude(&own, &managed),
        HookAgent::Qwen => claude(&own, &Value::Null),
        HookAgent::Gemini => gemini(&own),
        HookAgent::Codex => codex_trouble(codex.as_deref().unwrap_or_default(), settings),
        _ => Trouble::default(),
    }
}

fn read_value(path: &Path) -> Value {
    let bytes = read_bounded(path, MAX_BYTES).ok();
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.and_then(|text| value_of(&text).ok()).unwrap_or_default()
}

fn is_true(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

fn claude(own: &Value, managed: &Value) -> Trouble {
    let mut trouble = Trouble::default();
    if is_true(own, "disableAllHooks") {
        let what = "`disableAllHooks` is true in these settings: remove it";
        trouble.blocks.push(what.into());
    }
    for key in ["disableAllHooks", "allowManagedHooksOnly"] {
        if is_true(managed, key) {
            let what = format!(
                "`{key}` is true in {CLAUDE_MANAGED}: only an administrator can allow them"
            );
            trouble.blocks.push(what);
        }
    }
    trouble
}

fn gemini(own: &Value) -> Trouble {
    let mut trouble = Trouble::default();
    let config = own.get("hooksConfig");
    if config.and_then(|config| config.get("enabled")).and_then(Value::as_bool) == Some(false) {
        let what = "`hooksConfig.enabled` is false in these settings: set it to true";
        trouble.blocks.push(what.into());
    }
    let disabled = config.and_then(|config| config.get("disabled")).and_then(Value::as_array);
    if disabled.is_some_and(|names| names.iter().any(|name| name == "callboard")) {
        let what = "`callboard` is in `hooksConfig.disabled` in these settings: remove it there";
        trouble.blocks.push(what.into());
    }
    trouble
}

/// Codex runs a hook only after its user has said `/hooks` and trusted it, which is noted by the
/// file and the place in it.
fn codex_trouble(config: &str, settings: &Path) -> Trouble {
    let mut trouble = Trouble::default();
    let Ok(config) = config.parse::<toml::Table>() else {
        trouble
            .notes
            .push("config.toml beside it cannot be read, so nothing is known of trust".into());
        return trouble;
    };
    let flag =
        |name| config.get("features").and_then(|f| f.get(name)).and_then(toml::Value::as_bool);
    if flag("hooks").or_else(|| flag("codex_hooks")) == Some(false) {
        let what = "`hooks` is false under `[features]` in config.toml: remove that";
        trouble.blocks.push(what.into());
    }
    let prefix = format!("{}:", settings.display());
    let states = config.get("hooks").and_then(|hooks| hooks.get("state"));
    let is_trusted = |(key, state): (&String, &toml::Value)| {
        key.starts_with(&prefix) && state.get("trusted_hash").is_some()
    };
    let states = states.and_then(toml::Value::as_table);
    if !states.is_some_and(|states| states.iter().any(is_trusted)) {
        let what = "Codex does not trust them yet: type `/hooks` in Codex and trust them";
        trouble.blocks.push(what.into());
    } else {
        trouble.notes.push("if Codex asks for their review, type `/hooks` in it".into());
    }
    trouble
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_stands_in_the_way_by_case() {
        let none = json!({});
        let managed = |key: &str| json!({ key: true });
        let hooks = Path::new("/h/.codex/hooks.json");
        let trusted =
            "[hooks.state.\"/h/.codex/hooks.json:stop:0:0\"]\ntrusted_hash = \"sha256:1\"";
        let cases: Vec<(Trouble, &[&str])> = vec![
            (claude(&none, &none), &[]),
            (claude(&json!({"disableAllHooks": false}), &none), &[]),
            (claude(&json!({"disableAllHooks": true}), &none), &["disableAllHooks"]),
            (claude(&none, &managed("allowManagedHooksOnly")), &["administrator"]),
            (claude(&none, &managed("disableAllHooks")), &["administrator"]),
            (gemini(&none), &[]),
            (gemini(&json!({"hooksConfig": {"enabled": true}})), &[]),
            (gemini(&json!({"hooksConfig": {"enabled": false}})), &["hooksConfig.enabled"]),
            (gemini(&json!({"hooksConfig": {"disabled": ["x", "callboard"]}})), &["disabled"]),
            (codex_trouble("", hooks), &["/hooks"]),
            (codex_trouble(trusted, hooks), &[]),
            (codex_trouble(trusted, Path::new("/h/.codex")), &["/hooks"]),
            (codex_trouble("[features]\nhooks = false", hooks), &["[features]", "/hooks"]),
            (codex_trouble("not toml", hooks), &[]),
        ];
        for (at, (trouble, expected)) in cases.into_iter().enumerate() {
            assert_eq!(trouble.blocks.len(), expected.len(), "case {at}: {trouble:?}");
            for (said, expected) in trouble.blocks.iter().zip(expected) {
                assert!(said.contains(expected), "case {at}: {said}");
            }
        }
    }
}
