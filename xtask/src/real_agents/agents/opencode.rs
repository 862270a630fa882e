//! opencode.

use anyhow::Result;
use serde_json::json;

use super::{Agent, Impossible, Keys, Screen, When, processor};
use crate::real_agents::place::Place;
use crate::real_agents::state::State;
use crate::real_agents::terminal::Key;

pub(super) const OPENCODE: Agent = Agent {
    name: "opencode",
    known_as: "opencode",
    package: "opencode-ai",
    versions: &["1.18.33"],
    node: 0,
    command,
    environment,
    configure,
    screen: Screen {
        ready: &["Ask anything", "commands"],
        busy: &["esc interrupt", "esc again to interrupt"],
        dialog: &["Permission required"],
    },
    keys: Keys { allow: Key::Enter, escapes: 2, clear: "/new", exit: "/exit" },
    trusts_hooks: None,
    impossible: &[
        Impossible::without_hooks(
            State::Started,
            "before its first prompt nothing says on which conversation a process is: it may be an old one",
        ),
        Impossible::without_hooks(State::Waiting, super::FILE_IS_THE_SAME),
        Impossible {
            state: State::Cleared,
            when: When::Ever,
            why: "a new conversation leaves no trace, and no event, before its first prompt",
        },
    ],
    says: None,
};

fn command(place: &Place) -> Vec<String> {
    let package = format!("opencode-linux-{}", processor());
    vec![place.modules.join(package).join("bin/opencode").display().to_string()]
}

fn environment(_: &Place) -> Vec<(&'static str, String)> {
    vec![
        ("OPENCODE_DISABLE_AUTOUPDATE", "1".to_owned()),
        ("OPENCODE_DISABLE_MODELS_FETCH", "1".to_owned()),
        // It tries to install a package at its start and shows nothing until it gives up.
        ("npm_config_fetch_retries", "0".to_owned()),
    ]
}

fn configure(place: &Place) -> Result<()> {
    let limit = json!({ "context": 100_000, "output": 8_000 });
    let models = json!({ "stand-in": { "name": "stand-in", "tool_call": true, "limit": limit } });
    let options = json!({ "baseURL": format!("{}/v1", place.model), "apiKey": place.secrets.key });
    place.write(".npmrc", "fetch-retries=0\n")?;
    place.write_json(
        ".config/opencode/opencode.json",
        &json!({
            "autoupdate": false, "share": "disabled",
            "model": "stand-in/stand-in", "small_model": "stand-in/stand-in",
            "permission": { "bash": "ask" },
            "provider": {
                "stand-in": {
                    "npm": "@ai-sdk/openai-compatible", "name": "stand-in",
                    "options": options, "models": models,
                },
            },
        }),
    )
}
