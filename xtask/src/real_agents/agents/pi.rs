//! Pi.

use anyhow::Result;
use serde_json::json;

use super::{Agent, Impossible, Keys, Screen, When};
use crate::real_agents::place::Place;
use crate::real_agents::state::State;
use crate::real_agents::terminal::Key;

/// Why the beginning of a conversation is silent.
const NO_FILE_YET: &str = "a conversation has no file before its first answer";

pub(super) const PI: Agent = Agent {
    name: "pi",
    known_as: "pi",
    package: "@mariozechner/pi-coding-agent",
    versions: &["0.73.1"],
    node: 20,
    command,
    environment: |_| vec![("PI_OFFLINE", "1".to_owned())],
    configure,
    screen: Screen { ready: &["stand-in"], busy: &["Working"], dialog: &[] },
    keys: Keys { allow: Key::Enter, escapes: 1, clear: "/new", exit: "/quit" },
    trusts_hooks: None,
    impossible: &[
        Impossible {
            state: State::Waiting,
            when: When::Never,
            why: "it never asks; commands run at once",
        },
        Impossible::without_hooks(State::Started, NO_FILE_YET),
        Impossible::without_hooks(State::FirstBusy, NO_FILE_YET),
        Impossible::without_hooks(State::Cleared, NO_FILE_YET),
    ],
    says: None,
};

fn command(place: &Place) -> Vec<String> {
    let pi = place.bin("pi").display().to_string();
    [&place.node.display().to_string(), &pi, "--provider", "stand-in", "--model", "stand-in"]
        .map(ToString::to_string)
        .into()
}

fn configure(place: &Place) -> Result<()> {
    let cost = json!({ "input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0 });
    let model = json!({
        "id": "stand-in", "name": "stand-in", "contextWindow": 100_000, "maxTokens": 8_000,
        "input": ["text"], "reasoning": false, "cost": cost,
    });
    place.write_json(
        ".pi/agent/models.json",
        &json!({
            "providers": {
                "stand-in": {
                    "baseUrl": format!("{}/v1", place.model), "api": "openai-completions",
                    "apiKey": place.secrets.key, "models": [model],
                },
            },
        }),
    )?;
    place.write_json(
        ".pi/agent/settings.json",
        &json!({
            "defaultProvider": "stand-in", "defaultModel": "stand-in", "quietStartup": true,
        }),
    )
}
