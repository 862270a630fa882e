use super::*;
use crate::activity::TailState::{Busy, Idle, OpenCall};
use crate::transcript::fold::tests::{ending, state};

fn line(message: &str) -> String {
    format!(
        r#"{{"type":"message","timestamp":"2026-11-21T05:40:30.616Z","message":{{{message}}}}}"#
    )
}

fn answer(content: &str, stop: &str) -> String {
    line(&format!(
        r#""role":"assistant","model":"m","content":[{content}],"usage":{{"input":5,"output":2,"cacheRead":10,"cacheWrite":1}},"stopReason":"{stop}""#
    ))
}

#[test]
fn the_last_line_of_the_conversation_tells() {
    let prompt = line(r#""role":"user","content":[{"type":"text","text":"hello"}]"#);
    let call = answer(
        r#"{"type":"text","text":"I look."},{"type":"toolCall","id":"c1","name":"bash","arguments":{}}"#,
        "toolUse",
    );
    let result = line(r#""role":"toolResult","toolCallId":"c1","toolName":"bash","content":[]"#);
    let text = r#"{"type":"text","text":"Done."}"#;
    let shell = line(r#""role":"bashExecution","command":"ls""#);
    // (name, lines, state)
    let cases: [(&str, &[&str], _); 12] = [
        ("nothing but the head", &[r#"{"type":"session","version":3,"id":"x"}"#], None),
        ("a prompt", &[&prompt], Some(Busy)),
        ("a call", &[&prompt, &call], Some(OpenCall)),
        ("a result", &[&prompt, &call, &result], Some(Busy)),
        ("the answer", &[&prompt, &call, &result, &answer(text, "stop")], Some(Idle)),
        ("an answer that is too long", &[&prompt, &answer(text, "length")], Some(Idle)),
        ("interrupted after output", &[&prompt, &answer(text, "aborted")], Some(Idle)),
        ("interrupted before output", &[&prompt, &answer("", "aborted")], Some(Idle)),
        ("an error", &[&prompt, &answer("", "error")], Some(Idle)),
        (
            "a command of the user's after the end",
            &[&prompt, &answer(text, "stop"), &shell],
            Some(Idle),
        ),
        (
            "the model is changed",
            &[&prompt, r#"{"type":"model_change","modelId":"n"}"#],
            Some(Busy),
        ),
        (
            "interrupted with a call in it",
            &[&prompt, &call.replace("toolUse", "aborted")],
            Some(Idle),
        ),
    ];
    for (name, lines, expected) in cases {
        let tail = ending(moment, lines);
        assert_eq!(state(tail.as_ref()).map(|(state, _)| state), expected, "{name}");
    }
    let told = moment(call.as_bytes()).unwrap();
    assert_eq!(told.tool.as_deref(), Some("bash"));
    assert_eq!(told.model.as_deref(), Some("m"));
    assert_eq!(told.tokens, Some(Tokens { context: 16, output: 2 }));
}
