use super::*;
use crate::transcript::fold::tests::{ending, state};
use TailState::{Busy, Idle, OpenCall, Waiting};

const PROMPT: &str = r#"{"type":"user","isSidechain":false,"timestamp":"2026-11-21T05:40:00.001Z","origin":{"kind":"human"},"message":{"role":"user","content":"do it"}}"#;
const TEXT: &str = r#"{"isSidechain":false,"message":{"id":"m","role":"assistant","model":"claude-opus-5-5","content":[{"type":"text","text":"Well."}],"stop_reason":"tool_use","usage":{"input_tokens":5,"cache_creation_input_tokens":20,"cache_read_input_tokens":300,"output_tokens":7}},"type":"assistant","timestamp":"2026-11-21T05:40:00.002Z"}"#;
const CALL: &str = r#"{"message":{"role":"assistant","model":"claude-opus-5-5","content":[{"type":"tool_use","id":"toolu_1","name":"Bash","input":{"command":"sleep 4"}}],"stop_reason":"tool_use","usage":{"input_tokens":5}},"type":"assistant","timestamp":"2026-11-21T05:40:00.003Z"}"#;
const RESULT: &str = r#"{"type":"user","message":{"role":"user","content":[{"tool_use_id":"toolu_1","type":"tool_result","content":"ok"}]},"timestamp":"2026-11-21T05:40:00.004Z"}"#;
const ANSWER: &str = r#"{"message":{"role":"assistant","model":"claude-opus-5-5","content":[{"type":"text","text":"Done."}],"stop_reason":"end_turn"},"type":"assistant","timestamp":"2026-11-21T05:40:00.005Z"}"#;
const DURATION: &str = r#"{"type":"system","subtype":"turn_duration","durationMs":9,"isMeta":false,"timestamp":"2026-11-21T05:40:00.006Z"}"#;

fn line(rest: &str) -> String {
    format!(r#"{{"timestamp":"2026-11-21T05:40:01.000Z",{rest}}}"#)
}

fn user(content: &str) -> String {
    line(&format!(r#""type":"user","message":{{"role":"user","content":{content}}}"#))
}

fn assistant(content: &str, stop: &str) -> String {
    line(&format!(
        r#""type":"assistant","message":{{"role":"assistant","content":[{content}],"stop_reason":{stop}}}"#
    ))
}

fn tool(name: &str) -> String {
    assistant(
        &format!(r#"{{"type":"tool_use","id":"q","name":"{name}","input":{{}}}}"#),
        r#""tool_use""#,
    )
}

fn system(rest: &str) -> String {
    line(&format!(r#""type":"system",{rest}"#))
}

#[test]
fn the_last_line_of_the_conversation_tells() {
    // (name, lines before, last line, state and what is waited for)
    let text = r#"{"type":"text","text":"So."}"#;
    let manual =
        r#""subtype":"compact_boundary","compactMetadata":{"trigger":"manual","preTokens":9}"#;
    let auto = r#""subtype":"compact_boundary","compactMetadata":{"trigger":"auto"}"#;
    let cases: Vec<(&str, &[&str], String, _)> = vec![
        ("nothing but metadata", &[], line(r#""type":"mode","mode":"normal""#), None),
        ("a prompt", &[PROMPT, ANSWER, DURATION], PROMPT.into(), Some((Busy, None))),
        ("output", &[PROMPT], TEXT.into(), Some((Busy, None))),
        ("a call", &[PROMPT, TEXT], CALL.into(), Some((OpenCall, None))),
        ("a result", &[PROMPT, TEXT, CALL], RESULT.into(), Some((Busy, None))),
        ("the answer", &[PROMPT, CALL, RESULT], ANSWER.into(), Some((Idle, None))),
        ("the turn's end", &[PROMPT, ANSWER], DURATION.into(), Some((Idle, None))),
        (
            "stop hooks have run",
            &[PROMPT, TEXT],
            system(r#""subtype":"stop_hook_summary""#),
            Some((Idle, None)),
        ),
        (
            "claude-code #20222: stop_reason is null throughout",
            &[PROMPT],
            assistant(text, "null"),
            Some((Busy, None)),
        ),
        (
            "claude-code #20222: and its turn's end is noted",
            &[PROMPT, TEXT],
            DURATION.into(),
            Some((Idle, None)),
        ),
        ("refused by the model", &[PROMPT], assistant(text, r#""refusal""#), Some((Idle, None))),
        (
            "a stop reason of the future",
            &[PROMPT],
            assistant(text, r#""pause""#),
            Some((Busy, None)),
        ),
        (
            "thinking",
            &[PROMPT],
            assistant(r#"{"type":"thinking","thinking":"Hm."}"#, "null"),
            Some((Busy, None)),
        ),
        (
            "an error of the service",
            &[PROMPT],
            line(
                r#""type":"assistant","isApiErrorMessage":true,"message":{"content":[{"type":"text","text":"API Error"}]}"#,
            ),
            Some((Idle, None)),
        ),
        (
            "claude-code #71652: Esc after some output",
            &[PROMPT, TEXT],
            user(r#"[{"type":"text","text":"[Request interrupted by user]"}]"#),
            Some((Idle, None)),
        ),
        (
            "a permission is refused",
            &[PROMPT, CALL, RESULT],
            user(r#"[{"type":"text","text":"[Request interrupted by user for tool use]"}]"#),
            Some((Idle, None)),
        ),
        (
            "refused, in one line with the result",
            &[PROMPT, CALL],
            user(
                r#"[{"type":"tool_result","tool_use_id":"toolu_1","is_error":true},{"type":"text","text":"[Request interrupted by user for tool use]"}]"#,
            ),
            Some((Idle, None)),
        ),
        (
            "claude-code #85192: a question is open",
            &[PROMPT],
            tool("AskUserQuestion"),
            Some((Waiting, Some("input needed"))),
        ),
        (
            "a plan waits for approval",
            &[PROMPT],
            tool("ExitPlanMode"),
            Some((Waiting, Some("approve plan"))),
        ),
        (
            "Irrlicht #62: a command of the shell after the end",
            &[PROMPT, DURATION],
            user(r#""<bash-input>ls</bash-input>""#),
            Some((Idle, None)),
        ),
        (
            "Irrlicht #62: and its output",
            &[PROMPT, DURATION],
            user(r#""<bash-stdout>a</bash-stdout><bash-stderr></bash-stderr>""#),
            Some((Idle, None)),
        ),
        (
            "Irrlicht #62: in a conversation of nothing else",
            &[],
            user(r#""<bash-input>ls</bash-input>""#),
            Some((Idle, None)),
        ),
        (
            "a command of its own",
            &[PROMPT, DURATION],
            user(r#""<command-name>/model</command-name>""#),
            Some((Idle, None)),
        ),
        (
            "its output",
            &[PROMPT, DURATION],
            user(r#""<local-command-stdout>ok</local-command-stdout>""#),
            Some((Idle, None)),
        ),
        (
            "a command of its own after a prompt that was taken back",
            &[PROMPT],
            system(r#""subtype":"local_command""#),
            Some((Busy, None)),
        ),
        (
            "a command that makes a prompt",
            &[PROMPT, DURATION],
            user(
                r#""<command-message>review</command-message>\n<command-name>/review</command-name>""#,
            ),
            Some((Busy, None)),
        ),
        (
            "Irrlicht #329: a summary while the user is away",
            &[PROMPT, DURATION],
            system(r#""subtype":"away_summary""#),
            Some((Idle, None)),
        ),
        ("Irrlicht #641: compacted by the user", &[PROMPT], system(manual), Some((Idle, None))),
        (
            "Irrlicht #656: what is left after compacting",
            &[PROMPT, DURATION],
            line(
                r#""type":"user","isCompactSummary":true,"message":{"content":"This session is continued"}"#,
            ),
            Some((Idle, None)),
        ),
        (
            "Irrlicht #657: compacted in the middle of a turn",
            &[PROMPT, CALL, RESULT],
            system(auto),
            Some((Busy, None)),
        ),
        (
            "Irrlicht #445: a background shell reports",
            &[PROMPT, DURATION],
            line(
                r#""type":"user","origin":{"kind":"task-notification"},"message":{"content":"<task-notification>"}"#,
            ),
            Some((Idle, None)),
        ),
        (
            "another session sends a message",
            &[PROMPT, DURATION],
            line(
                r#""type":"user","isMeta":true,"origin":{"kind":"peer"},"message":{"content":"hello"}"#,
            ),
            Some((Busy, None)),
        ),
        (
            "a note for the model",
            &[PROMPT, DURATION],
            line(r#""type":"user","isMeta":true,"message":{"content":"<system-reminder>"}"#),
            Some((Idle, None)),
        ),
        (
            "AoE #4001: agents in the background at the turn's end",
            &[PROMPT, ANSWER],
            system(r#""subtype":"turn_duration","pendingBackgroundAgentCount":2"#),
            Some((Busy, None)),
        ),
        (
            "none of them left",
            &[PROMPT, ANSWER],
            system(r#""subtype":"turn_duration","pendingBackgroundAgentCount":0"#),
            Some((Idle, None)),
        ),
        (
            "a sub-agent among the lines",
            &[PROMPT, ANSWER],
            line(
                r#""type":"assistant","isSidechain":true,"message":{"content":[{"type":"tool_use","id":"s","name":"Read"}],"stop_reason":"tool_use"}"#,
            ),
            Some((Idle, None)),
        ),
        (
            "a teammate among the lines",
            &[PROMPT, ANSWER],
            line(r#""type":"user","agentId":"a1","message":{"content":"go on"}"#),
            Some((Idle, None)),
        ),
        (
            "an attachment",
            &[PROMPT],
            line(r#""type":"attachment","attachment":{"type":"skill_listing"}"#),
            Some((Busy, None)),
        ),
        (
            "a request",
            &[PROMPT, CALL],
            line(
                r#""type":"api-request-blob","message":{"role":"user","content":[{"type":"text","text":"hello"}]}"#,
            ),
            Some((OpenCall, None)),
        ),
        (
            "a text that only speaks of compact_boundary",
            &[PROMPT],
            assistant(
                r#"{"type":"text","text":"\"subtype\":\"compact_boundary\",\"trigger\":\"manual\""}"#,
                "null",
            ),
            Some((Busy, None)),
        ),
        (
            "a text that only quotes an interruption",
            &[PROMPT, ANSWER],
            user(r#""what is [Request interrupted by user]?""#),
            Some((Busy, None)),
        ),
        (
            "a prompt of pictures",
            &[PROMPT, ANSWER],
            user(r#"[{"type":"image","source":{"data":"iVBO"}}]"#),
            Some((Busy, None)),
        ),
        (
            "a line of another type than ever seen",
            &[PROMPT, ANSWER],
            line(r#""type":"weather","subtype":"turn_duration","message":{"content":"x"}"#),
            Some((Idle, None)),
        ),
        (
            "keys of other types than expected",
            &[PROMPT, ANSWER],
            r#"{"type":["user"],"timestamp":{},"message":7,"isMeta":"no"}"#.into(),
            Some((Idle, None)),
        ),
        (
            "a message of no known form",
            &[PROMPT, ANSWER],
            line(r#""type":"user","message":{"content":{"a":1}}"#),
            Some((Idle, None)),
        ),
    ];
    for (name, before, last, expected) in cases {
        let lines: Vec<_> = before.iter().copied().chain([last.as_str()]).collect();
        let tail = ending(moment, &lines);
        assert_eq!(state(tail.as_ref()), expected, "{name}");
    }
}

#[test]
fn a_call_moved_when_the_line_before_it_did() {
    let tail = ending(moment, &[PROMPT, TEXT, CALL, DURATION.replace("system", "mode").as_str()]);
    let tail = tail.unwrap();
    assert_eq!(tail.at, Some(1_795_239_600_003));
    assert_eq!(tail.moved_at, Some(1_795_239_600_002));
}

#[test]
fn facts_are_of_the_main_thread_and_of_a_real_model() {
    let told = moment(TEXT.as_bytes()).unwrap();
    assert_eq!(told.model.as_deref(), Some("claude-opus-5-5"));
    assert_eq!(told.tokens, Some(Tokens { context: 325, output: 7 }));
    assert_eq!(moment(CALL.as_bytes()).unwrap().tool.as_deref(), Some("Bash"));
    let aside = CALL.replacen('{', r#"{"isSidechain":true,"#, 1);
    assert_eq!(moment(aside.as_bytes()).unwrap().tool, None);
    let made_up = TEXT.replace("claude-opus-5-5", "<synthetic>");
    let made_up = moment(made_up.as_bytes()).unwrap();
    assert_eq!((made_up.model, made_up.tokens), (None, None));
}
