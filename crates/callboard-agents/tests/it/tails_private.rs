//! What people and agents say to each other stays in the file.

use std::fs;

use callboard_agents::activity::Sparkline;
use callboard_agents::transcript::{Depth, Format, Transcript};

const CANARY: &str = "CANARY";

/// Every text of the line that is not one of these keys' becomes a canary.
fn poisoned(value: &mut serde_json::Value, key: &str) {
    const KEPT: [&str; 16] = [
        "type",
        "subtype",
        "role",
        "timestamp",
        "stop_reason",
        "stopReason",
        "status",
        "model",
        "modelId",
        "modelID",
        "name",
        "toolName",
        "tool",
        "kind",
        "newModel",
        "reason",
    ];
    match value {
        serde_json::Value::String(text) if !KEPT.contains(&key) => {
            *text = format!("{CANARY} {text} {CANARY}");
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(|value| poisoned(value, key)),
        serde_json::Value::Object(object) => {
            object.insert(format!("{CANARY}-key"), CANARY.into());
            // What a tool is given, and what it gives back, is private whatever its keys are.
            for (key, value) in object.iter_mut() {
                let is_private =
                    ["input", "args", "arguments", "response", "state", "toolUseResult"]
                        .contains(&key.as_str());
                poisoned(value, if is_private { "private" } else { key });
            }
        }
        _ => {}
    }
}

#[test]
fn nothing_that_is_said_or_given_to_a_tool_is_returned() {
    let files = [
        ("claude/2.1.329/transcripts/12901c78-adc2-4545-aca0-15230cb36fff.jsonl", Format::Claude),
        ("qwen/0.24.4/transcripts/3f484c5b-625b-4efd-be22-03d0127ddd25.jsonl", Format::Qwen),
        (
            "codex/0.169.0/transcripts/rollout-2026-11-21T05-49-11-01a1fca6-c824-7861-911d-0bc2a5bd5740.jsonl",
            Format::Codex,
        ),
        ("gemini/0.61.0/transcripts/session-2026-11-21T05-40-a130f06e.jsonl", Format::Gemini),
        (
            "copilot/1.0.102/transcripts/1260faad-0b98-4755-bad8-666c93193b6f.events.jsonl",
            Format::Copilot,
        ),
        (
            "pi/0.73.1/transcripts/2026-11-21T05-40-19-113Z_01a1fc9e-aa28-7303-a51a-7cd3f3c33e08.jsonl",
            Format::Pi,
        ),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (file, format) in files {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<String> = text
            .lines()
            .map(|line| {
                let mut value = serde_json::from_str(line).unwrap();
                poisoned(&mut value, "");
                value.to_string()
            })
            .collect();
        let mut told = 0;
        for n in 1..=lines.len() {
            let path = dir.path().join("x.jsonl");
            fs::write(&path, lines[..n].join("\n")).unwrap();
            let transcript = Transcript { format, path, session_id: "x".into() };
            let sparkline = Sparkline::new(1_795_240_800_000, 180_000);
            let reading = transcript.read(Depth::Activity, sparkline).unwrap();
            told += usize::from(reading.tail.is_some());
            let shown = format!("{reading:?}");
            assert!(!shown.contains(CANARY), "{file}: {shown}");
        }
        assert!(told > lines.len() / 2, "{file}: it still tells something");
    }
}

#[test]
fn an_error_says_nothing_of_the_content() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("opencode.db");
    fs::write(&path, format!("SQLite format 3\0{}", CANARY.repeat(2_000))).unwrap();
    let transcript = Transcript { format: Format::Opencode, path, session_id: CANARY.into() };
    let error = transcript.read(Depth::Status, Sparkline::new(0, 1)).unwrap_err();
    assert!(!format!("{error:?} {error}").contains(CANARY));
}
