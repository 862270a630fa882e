use super::*;
use crate::activity::TailState::{Busy, Idle, OpenCall, Waiting};
use crate::transcript::fold::tests::{ending, state};

const PROMPT: &str = r#"{"timestamp":"2026-11-21T05:49:22.849Z","type":"user","provenance":"real_user","message":{"role":"user","parts":[{"text":"hello"}]}}"#;
const CALL: &str = r#"{"timestamp":"2026-11-21T05:49:23.000Z","type":"assistant","model":"qwen3","message":{"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"c1","name":"run_shell_command","args":{"command":"ls"}}}]},"usageMetadata":{"promptTokenCount":50,"candidatesTokenCount":6}}"#;
const RESULT: &str = r#"{"timestamp":"2026-11-21T05:49:24.000Z","type":"tool_result","message":{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"run_shell_command","response":{"output":"a"}}}]},"toolCallResult":{"callId":"c1","status":"success"}}"#;
const ANSWER: &str = r#"{"timestamp":"2026-11-21T05:49:25.000Z","type":"assistant","model":"qwen3","message":{"role":"model","parts":[{"text":"Done."}]}}"#;

#[test]
fn the_last_line_of_the_conversation_tells() {
    let question = CALL.replace("run_shell_command", "ask_user_question");
    let plan = CALL.replace("run_shell_command", "exit_plan_mode");
    let refused = RESULT.replace("success", "cancelled");
    let telemetry = ANSWER.replace("assistant", "system");
    let aside = CALL.replacen('{', r#"{"agentId":"a1","#, 1);
    let no_parts = r#"{"type":"tool_result","toolCallResult":{"callId":"c1","status":"success"}}"#;
    // (name, lines, state and what is waited for)
    let cases: [(&str, &[&str], _); 14] = [
        ("nothing", &[], None),
        ("a prompt", &[PROMPT], Some((Busy, None))),
        ("a call", &[PROMPT, CALL], Some((OpenCall, None))),
        ("a result", &[PROMPT, CALL, RESULT], Some((Busy, None))),
        ("a result without its message", &[PROMPT, CALL, no_parts], Some((Busy, None))),
        ("an answer", &[PROMPT, CALL, RESULT, ANSWER], Some((Idle, None))),
        ("the next prompt", &[PROMPT, ANSWER, PROMPT], Some((Busy, None))),
        ("refused", &[PROMPT, CALL, &refused], Some((Idle, None))),
        ("a question", &[PROMPT, &question], Some((Waiting, Some("input needed")))),
        ("its answer", &[PROMPT, &question, RESULT], Some((Busy, None))),
        ("a plan", &[PROMPT, &plan], Some((Waiting, Some("approve plan")))),
        ("telemetry after a call", &[PROMPT, CALL, &telemetry], Some((OpenCall, None))),
        ("an agent of its own among the lines", &[PROMPT, ANSWER, &aside], Some((Idle, None))),
        ("not JSON", &[PROMPT, ANSWER, "{\"type\":\"user\",\"mess"], Some((Idle, None))),
    ];
    for (name, lines, expected) in cases {
        assert_eq!(state(ending(moment, lines).as_ref()), expected, "{name}");
    }
    let told = moment(CALL.as_bytes()).unwrap();
    assert_eq!(told.tool.as_deref(), Some("run_shell_command"));
    assert_eq!(told.model.as_deref(), Some("qwen3"));
    assert_eq!(told.tokens, Some(Tokens { context: 50, output: 6 }));
}
