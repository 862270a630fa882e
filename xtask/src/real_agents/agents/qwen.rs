//! Qwen Code.

use anyhow::Result;
use serde_json::json;

use super::{Agent, Impossible, Keys, Screen};
use crate::real_agents::place::Place;
use crate::real_agents::state::State;
use crate::real_agents::terminal::Key;

pub(super) const QWEN: Agent = Agent {
    name: "qwen",
    known_as: "qwen",
    package: "@qwen-code/qwen-code",
    versions: &["0.24.4"],
    node: 22,
    command: |place| {
        vec![place.node.display().to_string(), place.bin("qwen").display().to_string()]
    },
    environment,
    configure,
    screen: Screen {
        ready: &["? for shortcuts", "Type your message"],
        busy: &["esc to cancel"],
        dialog: &["Allow execution of", "Do you want to proceed?"],
    },
    keys: Keys { allow: Key::Enter, escapes: 1, clear: "/clear", exit: "/quit" },
    trusts_hooks: None,
    impossible: &[
        Impossible::without_hooks(State::Waiting, super::FILE_IS_THE_SAME),
        Impossible::without_hooks(
            State::Done,
            "it writes the answer down up to a second and a half after the end of the turn",
        ),
        Impossible::without_hooks(
            State::CutEarly,
            "it writes nothing about it; the prompt stays the last line of its file",
        ),
    ],
    says: None,
};

fn environment(place: &Place) -> Vec<(&'static str, String)> {
    vec![
        ("OPENAI_API_KEY", place.secrets.key.clone()),
        ("OPENAI_BASE_URL", format!("{}/v1", place.model)),
        ("OPENAI_MODEL", "stand-in".to_owned()),
    ]
}

fn configure(place: &Place) -> Result<()> {
    place.write_json(
        ".qwen/settings.json",
        &json!({
            "security": {
                "auth": { "selectedType": "openai" }, "folderTrust": { "enabled": false },
            },
            "model": { "name": "stand-in" },
            "general": { "enableAutoUpdate": false, "disableAutoUpdate": true },
            // Else another model decides, and nobody is asked.
            "tools": { "approvalMode": "default" },
            "telemetry": { "enabled": false },
            "privacy": { "usageStatisticsEnabled": false },
        }),
    )
}
