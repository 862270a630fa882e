//! Gemini CLI.

use std::fs;
use std::time::UNIX_EPOCH;

use anyhow::Result;
use serde_json::json;

use super::{Agent, Impossible, Keys, Screen};
use crate::real_agents::place::Place;
use crate::real_agents::state::State;
use crate::real_agents::terminal::Key;

pub(super) const GEMINI: Agent = Agent {
    name: "gemini",
    known_as: "gemini",
    package: "@google/gemini-cli",
    versions: &["0.61.0"],
    node: 20,
    command: |place| {
        vec![place.node.display().to_string(), place.bin("gemini").display().to_string()]
    },
    environment,
    configure,
    screen: Screen {
        ready: &["Type your message"],
        busy: &["esc to cancel"],
        dialog: &["Allow execution of"],
    },
    keys: Keys { allow: Key::Enter, escapes: 1, clear: "/clear", exit: "/quit" },
    trusts_hooks: None,
    impossible: &[
        Impossible::without_hooks(State::Waiting, super::FILE_IS_THE_SAME),
        Impossible::without_hooks(
            State::Cleared,
            "nothing tells that the newer file of its directory is this process's",
        ),
    ],
    says: Some(says),
};

fn environment(place: &Place) -> Vec<(&'static str, String)> {
    vec![
        ("GEMINI_API_KEY", place.secrets.key.clone()),
        ("GOOGLE_GEMINI_BASE_URL", place.model.clone()),
    ]
}

fn configure(place: &Place) -> Result<()> {
    place.write_json(
        ".gemini/settings.json",
        &json!({
            "security": {
                "auth": { "selectedType": "gemini-api-key" }, "folderTrust": { "enabled": false },
            },
            "general": {
                "enableAutoUpdate": false, "disableAutoUpdate": true,
                "enableAutoUpdateNotification": false,
            },
            "privacy": { "usageStatisticsEnabled": false },
            "hooksConfig": { "enabled": true },
        }),
    )?;
    let trusted = json!({ place.project_name(): "TRUST_FOLDER" });
    place.write_json(".gemini/trustedFolders.json", &trusted)
}

/// It takes prompts some 200 ms before it says anything of itself: its first hook runs, and the
/// file of the conversation is there, only then. Idle since the newest conversation was begun.
fn says(place: &Place) -> Option<(String, u64)> {
    let projects = fs::read_dir(place.home.join(".gemini/tmp")).ok()?.flatten();
    let files = projects.flat_map(|project| fs::read_dir(project.path().join("chats"))).flatten();
    let born = |file: fs::DirEntry| file.metadata().ok()?.created().ok();
    let newest = files.flatten().filter_map(born).max()?.duration_since(UNIX_EPOCH).ok()?;
    Some(("idle".to_owned(), u64::try_from(newest.as_millis()).ok()?))
}
