use super::*;
use crate::activity::TailState::{Busy, Idle, OpenCall, Waiting};
use crate::transcript::fold::tests::{ending, state};

fn line(kind: &str, data: &str) -> String {
    format!(
        r#"{{"type":"{kind}","data":{{{data}}},"id":"e","timestamp":"2026-11-21T05:52:32.069Z"}}"#
    )
}

#[test]
fn the_last_line_of_the_conversation_tells() {
    let prompt = line("user.message", r#""content":"hello""#);
    let begin = line("assistant.turn_start", r#""turnId":"0""#);
    let asking = line(
        "assistant.message",
        r#""content":"","model":"m","toolRequests":[{"toolCallId":"c1"}]"#,
    );
    let call = line("tool.execution_start", r#""toolCallId":"c1","toolName":"bash""#);
    let hook = line(
        "hook.start",
        r#""hookType":"notification","input":{"notificationType":"permission_prompt"}"#,
    );
    let asked =
        line("permission.requested", r#""requestId":"r1","permissionRequest":{"toolCallId":"c1"}"#);
    let given = line("permission.completed", r#""requestId":"r1","toolCallId":"c1""#);
    let other = line("permission.requested", r#""requestId":"r2""#);
    let question = line("user_input.requested", r#""requestId":"r3""#);
    let done = line("tool.execution_complete", r#""toolCallId":"c1","success":true"#);
    let end = line("assistant.turn_end", r#""turnId":"0""#);
    let answer = line("assistant.message", r#""content":"Done.","toolRequests":[]"#);
    let of_agent =
        line("assistant.message", r#""parentToolCallId":"c1","content":"Part.","toolRequests":[]"#);
    let ready = [prompt.as_str(), &begin, &asking, &call];
    // (name, lines, state and what is waited for)
    let cases: Vec<(&str, Vec<String>, _)> = vec![
        ("a new session", vec![line("session.start", r#""version":1"#)], None),
        ("a prompt", vec![prompt.clone()], Some((Busy, None))),
        ("an answer", vec![prompt.clone(), begin.clone(), answer.clone()], Some((Idle, None))),
        (
            "the turn's end after it",
            vec![begin.clone(), answer.clone(), end.clone()],
            Some((Idle, None)),
        ),
        (
            "interrupted before output, about to be noted",
            vec![prompt.clone(), begin.clone(), end.clone()],
            Some((Busy, None)),
        ),
        (
            "interrupted",
            vec![begin.clone(), end.clone(), line("abort", r#""reason":"user_abort""#)],
            Some((Idle, None)),
        ),
        (
            "interrupted before output: the prompt is gone, and the time is that of the interrupt",
            vec![begin.clone(), answer.clone(), end.clone(), line("session.usage_checkpoint", "")],
            Some((Idle, None)),
        ),
        ("shut down", vec![prompt.clone(), line("session.shutdown", "")], Some((Idle, None))),
        (
            "an error",
            vec![prompt.clone(), line("session.error", r#""errorType":"quota""#)],
            Some((Idle, None)),
        ),
    ];
    for (name, lines, expected) in cases {
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        assert_eq!(state(ending(moment, &lines).as_ref()), expected, "{name}");
    }
    let cases: [(&str, &[&str], _); 9] = [
        ("a call", &[], Some((OpenCall, None))),
        ("a permission is asked for", &[&asked, &hook], Some((Waiting, Some("permission prompt")))),
        ("it is given", &[&asked, &hook, &given], Some((OpenCall, None))),
        ("the call has run", &[&asked, &given, &done], Some((Busy, None))),
        ("one request of its turn is over", &[&asked, &given, &done, &end], Some((Busy, None))),
        (
            "one of two permissions is given",
            &[&other, &asked, &given],
            Some((Waiting, Some("permission prompt"))),
        ),
        ("a question", &[&question], Some((Waiting, Some("input needed")))),
        ("a plan", &[&line("exit_plan_mode.requested", "")], Some((Waiting, Some("approve plan")))),
        ("an agent of the call's answers", &[&of_agent], Some((OpenCall, None))),
    ];
    for (name, more, expected) in cases {
        assert_eq!(state(ending(moment, &[&ready, more].concat()).as_ref()), expected, "{name}");
    }
}

#[test]
fn facts_are_of_the_lines_that_have_them() {
    let told = |kind: &str, data: &str| moment(line(kind, data).as_bytes()).unwrap();
    let usage = r#""usage":{"model":"m","inputTokens":5,"outputTokens":4}"#;
    assert_eq!(told("session.usage_record", usage).tokens, Some(Tokens { context: 5, output: 4 }));
    assert_eq!(told("session.usage_record", usage).model.as_deref(), Some("m"));
    assert_eq!(told("session.model_change", r#""newModel":"n""#).model.as_deref(), Some("n"));
    assert_eq!(told("tool.execution_start", r#""toolName":"bash""#).tool.as_deref(), Some("bash"));
    assert_eq!(told("session.shutdown", usage).tokens, None, "of the whole session");
}
