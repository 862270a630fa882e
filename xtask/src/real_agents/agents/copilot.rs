//! GitHub Copilot CLI.

use anyhow::Result;
use serde_json::json;

use super::{Agent, Keys, Screen};
use crate::real_agents::place::Place;
use crate::real_agents::terminal::Key;

pub(super) const COPILOT: Agent = Agent {
    name: "copilot",
    known_as: "copilot",
    package: "@github/copilot",
    versions: &["1.0.102"],
    node: 22,
    command: |place| {
        vec![place.node.display().to_string(), place.bin("copilot").display().to_string()]
    },
    environment,
    configure,
    screen: Screen {
        ready: &["/ commands", "? help"],
        busy: &["esc esc"],
        dialog: &["Do you want to run this command?"],
    },
    keys: Keys { allow: Key::Enter, escapes: 2, clear: "/clear", exit: "/exit" },
    trusts_hooks: None,
    impossible: &[],
    says: None,
};

fn environment(place: &Place) -> Vec<(&'static str, String)> {
    vec![
        ("COPILOT_OFFLINE", "true".to_owned()),
        ("COPILOT_PROVIDER_TYPE", "openai".to_owned()),
        ("COPILOT_PROVIDER_BASE_URL", format!("{}/v1", place.model)),
        ("COPILOT_PROVIDER_API_KEY", place.secrets.key.clone()),
        ("COPILOT_MODEL", "stand-in".to_owned()),
    ]
}

fn configure(place: &Place) -> Result<()> {
    let trusted = [place.project_name()];
    place.write_json(
        ".copilot/config.json",
        &json!({
            "trusted_folders": trusted, "trustedFolders": trusted, "banner": "never",
            "firstLaunchAt": "2026-01-01T00:00:00.000Z",
        }),
    )
}
