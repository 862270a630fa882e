use super::*;
use crate::activity::TailState::{Busy, Idle, OpenCall, Waiting};
use crate::transcript::fold::tests::{ending, state};

fn line(kind: &str, payload: &str) -> String {
    format!(r#"{{"timestamp":"2026-11-21T05:49:24.805Z","type":"{kind}","payload":{{{payload}}}}}"#)
}

fn event(kind: &str) -> String {
    line("event_msg", &format!(r#""type":"{kind}","turn_id":"t","message":"text""#))
}

fn item(kind: &str, rest: &str) -> String {
    line("response_item", &format!(r#""type":"{kind}"{rest}"#))
}

#[test]
fn the_last_line_of_the_conversation_tells() {
    let (started, complete) = (event("task_started"), event("task_complete"));
    let aborted = event("turn_aborted");
    let call = item("function_call", r#","name":"exec_command","call_id":"c1","arguments":"{}""#);
    let output = item("function_call_output", r#","call_id":"c1","output":"x""#);
    let patch = item("custom_tool_call", r#","name":"apply_patch","call_id":"c2""#);
    let patched = item("custom_tool_call_output", r#","call_id":"c2""#);
    let question = item("function_call", r#","name":"request_user_input","call_id":"c1""#);
    let in_users_name = item(
        "message",
        r#","role":"user","content":[{"type":"input_text","text":"<turn_aborted>"}]"#,
    );
    let tokens = event("token_count");
    let settings = event("thread_settings_applied");
    let shown = line("event_msg", r#""type":"item_completed","item":{"type":"AgentMessage"}"#);
    let ran = line("event_msg", r#""type":"item_completed","item":{"type":"CommandExecution"}"#);
    let search = item("web_search_call", r#","status":"completed""#);
    let context = line("turn_context", r#""model":"gpt-6""#);
    // (name, lines, state and what is waited for)
    let cases: [(&str, &[&str], _); 18] = [
        ("nothing but what it is", &[&line("session_meta", r#""id":"x""#)], None),
        ("a turn begins", &[&started], Some((Busy, None))),
        ("its context", &[&started, &context], Some((Busy, None))),
        ("the older word", &[&event("turn_started")], Some((Busy, None))),
        ("the turn is over", &[&started, &complete], Some((Idle, None))),
        ("the older word for that", &[&started, &event("turn_complete")], Some((Idle, None))),
        ("the next one's settings", &[&started, &complete, &settings], Some((Idle, None))),
        ("codex #22858: interrupted", &[&started, &in_users_name, &aborted], Some((Idle, None))),
        ("about to be noted as interrupted", &[&started, &in_users_name], Some((Busy, None))),
        ("a message is shown", &[&started, &shown], Some((Busy, None))),
        ("a call", &[&started, &call, &tokens], Some((OpenCall, None))),
        (
            "a call that has run, before its output",
            &[&started, &call, &ran],
            Some((OpenCall, None)),
        ),
        ("its output", &[&started, &call, &output], Some((Busy, None))),
        ("a patch", &[&started, &output, &patch], Some((OpenCall, None))),
        ("it is applied", &[&started, &patch, &patched], Some((Busy, None))),
        ("a search that the service runs", &[&started, &search], Some((Busy, None))),
        ("a question", &[&started, &question], Some((Waiting, Some("input needed")))),
        ("its answer", &[&started, &question, &output], Some((Busy, None))),
    ];
    for (name, lines, expected) in cases {
        assert_eq!(state(ending(moment, lines).as_ref()), expected, "{name}");
    }
    let told = |line: &str| moment(line.as_bytes()).unwrap();
    assert_eq!(told(&call).tool.as_deref(), Some("exec_command"));
    assert_eq!(told(&search).tool.as_deref(), Some("web_search"));
    assert_eq!(told(&context).model.as_deref(), Some("gpt-6"));
    let usage = r#""type":"token_count","info":{"total_token_usage":{"input_tokens":99},"last_token_usage":{"input_tokens":7,"output_tokens":3}}"#;
    let tokens = Tokens { context: 7, output: 3 };
    assert_eq!(told(&line("event_msg", usage)).tokens, Some(tokens));
    assert_eq!(told(&line("event_msg", r#""type":"token_count","info":null"#)).tokens, None);
}
