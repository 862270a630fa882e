//! Claude Code, whose events and keys others took over.
//!
//! Source: the vendor's hooks reference, and calls that 2.1.197 and 2.1.329 made.

use std::path::Path;

use callboard::process::Incarnation;
use callboard::{SessionRecord, Status};

use super::payload::{Behind, Payload};
use super::{Event, What};

/// What an event tells. Also the events that Codex and Qwen Code have in common with it.
pub(super) fn what(event: &str, payload: &Payload<'_>) -> What {
    match event {
        // In the middle of a turn as often as after one.
        "SessionStart" if payload.source() == "compact" => What::SignIn,
        "SessionStart" => What::Starts,
        "CwdChanged" => What::SignIn,
        "UserPromptSubmit"
        | "UserPromptExpansion"
        | "PreToolUse"
        | "PostToolUse"
        | "PostToolUseFailure"
        | "PostToolBatch"
        | "PermissionDenied"
        | "SubagentStart"
        | "ElicitationResult" => What::BUSY,
        // Of its own accord it is part of a turn; `/compact` is typed between two, and nothing
        // would tell its end.
        "PreCompact" if payload.trigger() == "auto" => What::BUSY,
        "PermissionRequest" if payload.tool_name() == "AskUserQuestion" => What::ASKS,
        "PermissionRequest" => What::ASKS_PERMISSION,
        "Elicitation" => What::ASKS,
        "Notification" => notified(payload.notification_type()),
        "Stop" => match payload.behind() {
            Behind::Nothing => What::IDLE,
            Behind::Shells => What::Says(Status::Shell, None),
            Behind::Work => What::BUSY,
        },
        "StopFailure" => What::IDLE,
        "SessionEnd" => What::end(payload.reason()),
        _ => What::Ignored,
    }
}

/// `agent_needs_input` and `agent_completed` are about other sessions, those of the agent view.
fn notified(kind: &str) -> What {
    match kind {
        "permission_prompt" => What::ASKS_PERMISSION,
        "idle_prompt" => What::IDLE,
        "elicitation_dialog" | "elicitation_url_dialog" => What::ASKS,
        "elicitation_complete" | "elicitation_response" => What::BUSY,
        _ => What::Ignored,
    }
}

/// The configuration directory that a conversation file is in: `<config>/projects/<project>/<id>`.
#[must_use]
pub fn config_dir(event: &Event) -> Option<&Path> {
    let projects = Path::new(&**event.transcript_path.as_ref()?).parent()?.parent()?;
    projects.ends_with("projects").then(|| projects.parent()).flatten()
}

/// Whether Claude Code's own record says what its session does, so that its hooks need not: it is
/// written at every change, those that fire no hook (Esc, an answered question) too.
///
/// It does not in sessions of its SDK, and it is not there for sessions that are nested in others
/// or were swept by another program. A record of an earlier process of this pid, which Claude Code
/// leaves lying, says nothing of this one.
#[must_use]
pub fn speaks_for_itself(record: &SessionRecord, event: &Event, who: &Incarnation<'_>) -> bool {
    let claim = Incarnation::of(record);
    let is_this_run = match (claim.start_ticks, who.start_ticks) {
        (Some(claimed), Some(found)) => claimed == found,
        _ => record.session_id().is_some_and(|id| Some(&*id) == event.session_id.as_deref()),
    };
    let starts = matches!(event.what, What::SignIn | What::Starts);
    let is_told = record.status().is_some_and(|status| !status.as_str().is_empty());
    // Its first version, which stands for a tenth of a second, has no status yet.
    claim.pid == who.pid && is_this_run && (is_told || starts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hook::{HookAgent, read};

    #[test]
    fn whether_its_record_says_it_by_case() {
        let found = SessionRecord::parse(br#"{"pid":7,"procStart":"500"}"#).unwrap();
        let who = Incarnation::of(&found);
        let event = |name: &str| {
            let json = format!(r#"{{"session_id":"s1","hook_event_name":"{name}"}}"#);
            read(HookAgent::Claude, None, json.as_bytes()).unwrap()
        };
        let cases = [
            ("it does", r#"{"pid":7,"procStart":"500","status":"busy"}"#, "Stop", true),
            (
                "after /clear",
                r#"{"pid":7,"procStart":"500","sessionId":"s2","status":"busy"}"#,
                "Stop",
                true,
            ),
            ("its first version", r#"{"pid":7,"procStart":"500"}"#, "SessionStart", true),
            // claude-agent-sdk-typescript #364.
            ("it never does", r#"{"pid":7,"procStart":"500"}"#, "Stop", false),
            ("an empty word", r#"{"pid":7,"procStart":"500","status":""}"#, "Stop", false),
            (
                "another run of the pid",
                r#"{"pid":7,"procStart":"499","status":"idle"}"#,
                "Stop",
                false,
            ),
            ("another run, at the start", r#"{"pid":7,"procStart":"499"}"#, "SessionStart", false),
            ("another pid", r#"{"pid":8,"procStart":"500","status":"idle"}"#, "Stop", false),
            (
                "of before it named its start",
                r#"{"pid":7,"sessionId":"s1","status":"idle"}"#,
                "Stop",
                true,
            ),
            (
                "the same, another conversation",
                r#"{"pid":7,"sessionId":"s2","status":"idle"}"#,
                "Stop",
                false,
            ),
        ];
        for (story, json, name, expected) in cases {
            let record = SessionRecord::parse(json.as_bytes()).unwrap();
            assert_eq!(speaks_for_itself(&record, &event(name), &who), expected, "{story}");
        }
    }

    #[test]
    fn where_its_configuration_is() {
        for (path, expected) in [
            ("/h/.claude/projects/-h-p/s1.jsonl", Some("/h/.claude")),
            ("/h/.claude/projects/s1.jsonl", None),
            ("/projects/-h-p/s1.jsonl", Some("/")),
            ("/s1.jsonl", None),
        ] {
            let json = format!(
                r#"{{"session_id":"s1","hook_event_name":"Stop","transcript_path":"{path}"}}"#
            );
            let event = read(HookAgent::Claude, None, json.as_bytes()).unwrap();
            assert_eq!(config_dir(&event), expected.map(Path::new), "{path}");
        }
    }
}
