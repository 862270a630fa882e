//! Every event that was recorded of every agent, and those that their references name besides.

use serde_json::{Value, json};

use super::{AGENTS, Event, HookAgent, PERMISSION, QUESTION, What, read};

/// What an event tells, in one word.
fn word(event: Option<&Event>) -> String {
    let Some(event) = event else { return "none".into() };
    match &event.what {
        What::SignIn => "there".into(),
        What::Starts => "starts".into(),
        What::Says(status, None) => status.to_string(),
        What::Says(_, Some(PERMISSION)) => "permission".into(),
        What::Says(_, Some(QUESTION)) => "question".into(),
        What::Says(status, Some(other)) => format!("{status} for {other}"),
        What::Switch => "switch".into(),
        What::SignOut => "out".into(),
        What::Ignored => "-".into(),
    }
}

/// The calls of a recorded run: the event that the command was installed for, where it was told,
/// and what came on standard input.
fn recorded(run: &str) -> Vec<(Option<String>, Value)> {
    let path = format!("{}/tests/data/{run}/hooks.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let calls = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    calls.map(|call| (call["name"].as_str().map(Into::into), call["stdin"].clone())).collect()
}

fn hear(agent: HookAgent, named: Option<&str>, payload: &Value) -> Option<Event> {
    read(agent, named, payload.to_string().as_bytes())
}

#[test]
fn what_recorded_runs_tell() {
    // A prompt; one with a request for permission and a command; one interrupted before and one
    // after the first output; another conversation; the end. In every agent's own order.
    let claude = "starts busy idle busy busy permission permission busy idle busy busy \
                  switch starts out";
    // Each turn is followed by calls of `notify`, for threads that nobody sees too.
    let codex = "there busy idle none none busy busy none permission busy idle none \
                 busy idle none busy idle none out";
    let codex_with_a_server = "there busy idle none none busy busy permission none busy idle none \
                               busy idle none busy idle none out";
    let qwen = "starts busy idle idle busy permission permission busy busy busy idle idle \
                busy idle busy idle switch starts idle out";
    let gemini = "starts busy busy busy busy busy idle \
                  busy busy busy busy busy busy permission busy busy busy busy busy idle \
                  busy busy busy busy idle busy busy busy busy busy idle \
                  switch starts out out out";
    let copilot = "there busy idle busy busy permission busy idle busy busy out out";
    let runs = [
        ("claude/2.1.197", HookAgent::Claude, claude),
        ("claude/2.1.329", HookAgent::Claude, claude),
        ("codex/0.169.0", HookAgent::Codex, codex),
        ("codex/0.169.0/daemon", HookAgent::Codex, codex_with_a_server),
        ("qwen/0.24.4", HookAgent::Qwen, qwen),
        ("gemini/0.61.0", HookAgent::Gemini, gemini),
        ("copilot/1.0.102", HookAgent::Copilot, copilot),
    ];
    for (run, agent, expected) in runs {
        let told: Vec<_> = recorded(run)
            .iter()
            .map(|(named, payload)| word(hear(agent, named.as_deref(), payload).as_ref()))
            .collect();
        assert_eq!(
            told.join(" "),
            expected.split_whitespace().collect::<Vec<_>>().join(" "),
            "{run}"
        );
    }
}

#[test]
fn what_stands_in_a_call() {
    let told = |run, agent, at: usize| {
        let (named, payload) = recorded(run).swap_remove(at);
        hear(agent, named.as_deref(), &payload).unwrap()
    };
    let claude = told("claude/2.1.329", HookAgent::Claude, 0);
    assert_eq!(claude.session_id.as_deref(), Some("12901c78-adc2-4545-aca0-15230cb36fff"));
    assert_eq!(claude.cwd.as_deref(), Some("/home/dev/project"));
    let path =
        "/home/dev/.claude/projects/-home-dev-project/12901c78-adc2-4545-aca0-15230cb36fff.jsonl";
    assert_eq!(claude.transcript_path.as_deref(), Some(path));
    assert_eq!((claude.at, claude.is_of_sub_agent), (None, false));
    assert_eq!(super::config_dir(&claude), Some("/home/dev/.claude".as_ref()));
    // Two agents give the time, one in words, one in ms.
    assert_eq!(told("qwen/0.24.4", HookAgent::Qwen, 0).at, Some(1_795_240_152_891));
    assert_eq!(told("gemini/0.61.0", HookAgent::Gemini, 0).at, Some(1_795_239_620_991));
    let copilot = told("copilot/1.0.102", HookAgent::Copilot, 2);
    assert_eq!(copilot.at, Some(1_795_240_352_437));
    assert!(copilot.transcript_path.unwrap().ends_with("/events.jsonl"));
    assert_eq!(copilot.session_id.as_deref(), Some("1260faad-0b98-4755-bad8-666c93193b6f"));
}

#[test]
fn events_by_case() {
    use HookAgent::{Claude, Codex, Copilot, Cursor, Gemini, Opencode, Pi, Qwen};
    let cases = [
        // A compaction is in the middle of a turn as often as not.
        (Claude, "SessionStart", json!({"source": "compact"}), "there"),
        (Claude, "SessionStart", json!({"source": "resume"}), "starts"),
        (Claude, "SessionStart", json!({"source": "fork"}), "starts"),
        (Claude, "CwdChanged", json!({"new_cwd": "/x"}), "there"),
        (Claude, "SessionEnd", json!({"reason": "clear"}), "switch"),
        (Claude, "SessionEnd", json!({"reason": "resume"}), "switch"),
        (Claude, "SessionEnd", json!({"reason": "logout"}), "out"),
        (Claude, "SessionEnd", json!({"reason": "other"}), "out"),
        (Claude, "SessionEnd", json!({}), "out"),
        (Claude, "PermissionRequest", json!({"tool_name": "AskUserQuestion"}), "question"),
        (Claude, "PermissionRequest", json!({"tool_name": "ExitPlanMode"}), "permission"),
        (Claude, "PermissionDenied", json!({}), "busy"),
        (Claude, "PostToolUseFailure", json!({"is_interrupt": false}), "busy"),
        (Claude, "Notification", json!({"notification_type": "idle_prompt"}), "idle"),
        (Claude, "Notification", json!({"notification_type": "elicitation_dialog"}), "question"),
        (
            Claude,
            "Notification",
            json!({"notification_type": "elicitation_url_dialog"}),
            "question",
        ),
        (Claude, "Notification", json!({"notification_type": "elicitation_complete"}), "busy"),
        (Claude, "Notification", json!({"notification_type": "elicitation_response"}), "busy"),
        (Claude, "Notification", json!({"notification_type": "auth_success"}), "-"),
        // Of other sessions, which the agent view shows.
        (Claude, "Notification", json!({"notification_type": "agent_needs_input"}), "-"),
        (Claude, "Notification", json!({"notification_type": "agent_completed"}), "-"),
        (Claude, "Notification", json!({}), "-"),
        (Claude, "Elicitation", json!({}), "question"),
        (Claude, "ElicitationResult", json!({}), "busy"),
        (Claude, "StopFailure", json!({"error": "rate_limit"}), "idle"),
        // Claude's end of a turn with work behind it is no rest (claude-code #94620).
        (Claude, "Stop", json!({"background_tasks": []}), "idle"),
        (Claude, "Stop", json!({}), "idle"),
        (Claude, "Stop", tasks(&[("shell", "running")]), "shell"),
        (Claude, "Stop", tasks(&[("local_bash", "running")]), "shell"),
        (Claude, "Stop", tasks(&[("subagent", "running")]), "busy"),
        (Claude, "Stop", tasks(&[("shell", "running"), ("subagent", "pending")]), "busy"),
        (Claude, "Stop", tasks(&[("subagent", "completed"), ("shell", "killed")]), "idle"),
        (Claude, "Stop", tasks(&[("subagent", "a word of next year")]), "busy"),
        (Claude, "Stop", json!({"background_tasks": "two"}), "idle"),
        // Typed between two turns, or in the middle of one.
        (Claude, "PreCompact", json!({"trigger": "manual"}), "-"),
        (Claude, "PreCompact", json!({"trigger": "auto"}), "busy"),
        (Claude, "PostCompact", json!({"trigger": "auto"}), "-"),
        (Claude, "SubagentStart", json!({}), "busy"),
        (Claude, "SubagentStop", json!({}), "-"),
        (Claude, "TaskCreated", json!({}), "-"),
        (Claude, "WorktreeCreate", json!({}), "-"),
        (Claude, "AnEventOfNextYear", json!({}), "-"),
        (Codex, "SessionStart", json!({"source": "startup"}), "there"),
        (Codex, "SessionStart", json!({"source": "clear"}), "there"),
        (Codex, "Interrupt", json!({}), "idle"),
        (Codex, "SessionEnd", json!({"reason": "other"}), "out"),
        (Gemini, "PreCompress", json!({"trigger": "manual"}), "-"),
        (Gemini, "Notification", json!({"notification_type": "ToolPermission"}), "permission"),
        (Gemini, "Notification", json!({"notification_type": "other"}), "-"),
        (Gemini, "SessionEnd", json!({"reason": "clear"}), "switch"),
        (Gemini, "SessionEnd", json!({"reason": "logout"}), "out"),
        (Qwen, "Notification", json!({"notification_type": "idle_prompt"}), "idle"),
        (Copilot, "notification", json!({"notification_type": "elicitation_dialog"}), "question"),
        (Copilot, "notification", json!({"notification_type": "shell_completed"}), "-"),
        (Copilot, "errorOccurred", json!({}), "-"),
        (Copilot, "subagentStop", json!({}), "-"),
        (Cursor, "sessionStart", json!({}), "there"),
        (Cursor, "beforeSubmitPrompt", json!({}), "busy"),
        (Cursor, "postToolUse", json!({}), "busy"),
        (Cursor, "afterAgentResponse", json!({}), "-"),
        (Cursor, "stop", json!({"status": "aborted"}), "idle"),
        (Cursor, "sessionEnd", json!({"reason": "user_close"}), "out"),
        (Opencode, "session.created", json!({}), "there"),
        (Opencode, "session.status", json!({"status": "busy"}), "busy"),
        (Opencode, "session.status", json!({"status": "retry"}), "busy"),
        (Opencode, "session.status", json!({"status": "idle"}), "idle"),
        (Opencode, "session.status", json!({"status": "new"}), "-"),
        (Opencode, "session.idle", json!({}), "idle"),
        (Opencode, "permission.asked", json!({}), "permission"),
        (Opencode, "permission.replied", json!({}), "busy"),
        (Opencode, "question.asked", json!({}), "question"),
        (Opencode, "question.replied", json!({}), "busy"),
        (Opencode, "question.rejected", json!({}), "busy"),
        (Opencode, "session.error", json!({}), "-"),
        (Opencode, "session.deleted", json!({}), "out"),
        (Pi, "session_start", json!({"reason": "startup"}), "starts"),
        (Pi, "agent_start", json!({}), "busy"),
        (Pi, "agent_end", json!({}), "idle"),
        (Pi, "session_shutdown", json!({"reason": "quit"}), "out"),
        (Pi, "session_shutdown", json!({"reason": "new"}), "switch"),
        (Pi, "session_shutdown", json!({"reason": "reload"}), "switch"),
    ];
    for (agent, event, mut payload, expected) in cases {
        payload["session_id"] = json!("s1");
        payload["hook_event_name"] = json!(event);
        let told = hear(agent, None, &payload);
        assert_eq!(word(told.as_ref()), expected, "{agent:?} {payload}");
        // The name may also come from the command line; what the payload says counts.
        let told = hear(agent, Some("SessionEnd"), &payload);
        assert_eq!(word(told.as_ref()), expected, "{agent:?} {payload}");
        payload.as_object_mut().unwrap().remove("hook_event_name");
        let told = hear(agent, Some(event), &payload);
        assert_eq!(word(told.as_ref()), expected, "{agent:?} {payload}");
    }
}

fn tasks(tasks: &[(&str, &str)]) -> Value {
    let tasks =
        tasks.iter().map(|(kind, status)| json!({"id": "b1", "type": kind, "status": status}));
    json!({"background_tasks": tasks.collect::<Vec<_>>()})
}

#[test]
fn a_sub_agent_is_part_of_its_session() {
    for (event, expected) in [
        ("PreToolUse", "busy"),
        ("PostToolUse", "busy"),
        ("SubagentStart", "busy"),
        // Asked on the session's own terminal.
        ("PermissionRequest", "permission"),
        ("Elicitation", "question"),
        // Its start and its end are not those of the session.
        ("SessionStart", "-"),
        ("Stop", "-"),
        ("SubagentStop", "-"),
        ("Interrupt", "-"),
        ("SessionEnd", "-"),
    ] {
        let payload = json!({"session_id": "s1", "agent_id": "a1", "hook_event_name": event});
        for agent in [HookAgent::Claude, HookAgent::Codex, HookAgent::Qwen] {
            let told = hear(agent, None, &payload).unwrap();
            assert!(told.is_of_sub_agent);
            assert_eq!(word(Some(&told)), expected, "{agent:?} {event}");
        }
    }
}

#[test]
fn what_is_no_event_of_a_session() {
    let long = "x".repeat(129);
    let cases = [
        json!({"hook_event_name": "Stop"}),
        json!({"hook_event_name": "Stop", "session_id": null}),
        json!({"hook_event_name": "Stop", "session_id": ""}),
        json!({"hook_event_name": "Stop", "session_id": 7}),
        json!({"hook_event_name": "Stop", "session_id": ["s1"]}),
        json!({"hook_event_name": "Stop", "session_id": long}),
        json!({"hook_event_name": "Stop", "session_id": "../../etc/passwd"}),
        json!({"hook_event_name": "Stop", "session_id": "s\u{1b}[2J"}),
        json!({"session_id": "s1"}),
        json!({"session_id": "s1", "hook_event_name": {}}),
        json!([]),
        json!("Stop"),
        json!(null),
    ];
    for (_, agent) in AGENTS {
        for payload in &cases {
            assert_eq!(hear(*agent, None, payload), None, "{agent:?} {payload}");
        }
        for bytes in
            [&b""[..], b"{", b"\xff\xfe", b"{\"session_id\":\"s1\",\"hook_event_name\":\"Stop\""]
        {
            assert_eq!(read(*agent, None, bytes), None, "{agent:?} {bytes:?}");
        }
    }
}

#[test]
fn what_is_odd_in_a_call_counts_as_absent() {
    let payload = json!({
        "session_id": "s1", "hook_event_name": "Stop", "cwd": "relative", "agent_id": {"a": 1},
        "transcript_path": "/a\u{0}b", "timestamp": "yesterday", "background_tasks": {"a": 1},
        "notification_type": [[]], "source": 1.5,
    });
    let told = hear(HookAgent::Claude, None, &payload).unwrap();
    assert_eq!((told.cwd, told.transcript_path, told.at), (None, None, None));
    assert_eq!((told.what, told.is_of_sub_agent), (What::IDLE, false));
}

#[test]
fn nothing_private_is_taken() {
    const PRIVATE: &str = "kanarienvogel";
    let keys = [
        "prompt",
        "submitted_prompt",
        "message",
        "title",
        "tool_input",
        "tool_response",
        "error",
        "last_assistant_message",
        "prompt_response",
        "llm_request",
        "toolArgs",
        "toolResult",
        "initialPrompt",
        "permission_suggestions",
        "details",
        "custom_instructions",
        "user_email",
        "source",
        "reason",
        "trigger",
        "notification_type",
        "tool_name",
        "status",
        "agent_id",
    ];
    for (_, agent) in AGENTS {
        for event in ["Stop", "PermissionRequest", "SessionEnd", "stop", "session.status", PRIVATE]
        {
            let mut payload = json!({"session_id": "s1", "hook_event_name": event});
            for key in keys {
                payload[key] = json!(PRIVATE);
            }
            payload["background_tasks"] = json!([{"type": PRIVATE, "status": PRIVATE}]);
            let told = format!("{:?}", hear(*agent, None, &payload));
            assert!(!told.contains(PRIVATE), "{agent:?} {event}: {told}");
        }
    }
}
