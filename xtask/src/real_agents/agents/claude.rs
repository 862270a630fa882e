//! Claude Code.

use std::fs;
use std::time::UNIX_EPOCH;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Agent, Keys, Screen, processor};
use crate::real_agents::place::Place;
use crate::real_agents::terminal::Key;

pub(super) const CLAUDE: Agent = Agent {
    name: "claude",
    known_as: "claude",
    package: "@anthropic-ai/claude-code",
    versions: &["2.1.329", "2.1.197"],
    node: 0,
    command,
    environment,
    configure,
    screen: Screen {
        ready: &["? for shortcuts", "for shortcuts"],
        busy: &["esc to interrupt"],
        dialog: &["Do you want to proceed?"],
    },
    keys: Keys { allow: Key::Enter, escapes: 1, clear: "/clear", exit: "/exit" },
    trusts_hooks: None,
    impossible: &[],
    says: Some(says),
};

fn command(place: &Place) -> Vec<String> {
    let package = format!("@anthropic-ai/claude-code-linux-{}", processor());
    let program = place.modules.join(package).join("claude");
    vec![program.display().to_string(), "--permission-mode".to_owned(), "default".to_owned()]
}

fn environment(place: &Place) -> Vec<(&'static str, String)> {
    vec![
        ("ANTHROPIC_API_KEY", place.secrets.key.clone()),
        ("ANTHROPIC_BASE_URL", place.model.clone()),
        ("DISABLE_AUTOUPDATER", "1".to_owned()),
        // Without it the program refuses some of what root does.
        ("IS_SANDBOX", "1".to_owned()),
    ]
}

fn configure(place: &Place) -> Result<()> {
    // A key is approved by its last 20 characters.
    let key = &place.secrets.key;
    let end = key.get(key.len().saturating_sub(20)..).unwrap_or(key);
    let project = json!({ "hasTrustDialogAccepted": true, "allowedTools": [] });
    place.write_json(
        ".claude.json",
        &json!({
            "hasCompletedOnboarding": true, "lastOnboardingVersion": "9.9.9", "theme": "dark",
            "customApiKeyResponses": { "approved": [end], "rejected": [] },
            "projects": { place.project_name(): project },
        }),
    )
}

/// The record of the session: the only one in this home.
fn says(place: &Place) -> Option<(String, u64)> {
    let records = fs::read_dir(place.home.join(".claude/sessions")).ok()?;
    let record = records
        .flatten()
        .find(|entry| entry.path().extension().is_some_and(|extension| extension == "json"))?;
    let value: Value = serde_json::from_slice(&fs::read(record.path()).ok()?).ok()?;
    // 2.1.197 has only the time of the last write.
    let since = value["statusUpdatedAt"].as_u64().or(value["updatedAt"].as_u64())?;
    let status = value["status"].as_str()?.to_owned();
    if since >= value["startedAt"].as_u64()? {
        return Some((status, since));
    }
    // The first status is dated before the record that it is in; nobody can know it earlier than
    // it is written.
    let written = record.metadata().ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some((status, u64::try_from(written.as_millis()).ok()?))
}
