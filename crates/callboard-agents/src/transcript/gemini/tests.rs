use super::*;
use crate::activity::Sparkline;
use crate::activity::TailState::{Busy, Idle, OpenCall};
use crate::transcript::Depth;
use crate::transcript::fold::tests::state;

/// How a file of these lines ends.
fn ending(lines: &[&str]) -> Option<crate::activity::Tail> {
    let (mut messages, mut fold) =
        (Messages::default(), Fold::new(Depth::Status, Sparkline::new(0, 1)));
    let broke = lines.iter().rev().any(|line| {
        let line = backwards::Line { text: line.as_bytes(), is_cut: false };
        messages.take(&line, &mut fold).is_break()
    });
    if !broke {
        messages.end(&mut fold);
    }
    fold.finish(true).tail
}

fn message(id: &str, kind: &str, second: u32, rest: &str) -> String {
    format!(
        r#"{{"id":"{id}","timestamp":"2026-11-21T05:40:{second:02}.000Z","type":"{kind}",{rest}}}"#
    )
}

fn user(id: &str, second: u32) -> String {
    message(id, "user", second, r#""content":[{"text":"hello"}]"#)
}

fn gemini(id: &str, second: u32, content: &str) -> String {
    message(
        id,
        "gemini",
        second,
        &format!(r#""content":"{content}","model":"g","tokens":{{"input":9,"output":2}}"#),
    )
}

fn called(id: &str, second: u32, status: &str) -> String {
    message(
        id,
        "gemini",
        second,
        &format!(
            r#""content":"","toolCalls":[{{"id":"c1","name":"run_shell_command","status":"{status}","timestamp":"2026-11-21T05:40:30.000Z"}}]"#
        ),
    )
}

#[test]
fn the_last_message_that_counts_tells() {
    let (prompt, answer, silent) = (user("u1", 1), gemini("g1", 2, "Hello."), gemini("g1", 2, ""));
    let cancelled = message("i1", "info", 9, r#""content":"Request cancelled.""#);
    let note = message("i2", "info", 9, r#""content":"A new version is there.""#);
    let error = message("e1", "error", 9, r#""content":"quota""#);
    let response = message(
        "u2",
        "user",
        5,
        r#""content":[{"functionResponse":{"id":"c1","name":"x","response":{}}}]"#,
    );
    let updated = r#"{"$set":{"lastUpdated":"2026-11-21T05:40:32.515Z"}}"#;
    let head = r#"{"sessionId":"s","projectHash":"h","startTime":"2026-11-21T05:40:20.990Z","kind":"main"}"#;
    let opening = message("u0", "user", 0, r#""content":[{"text":"<session_context>This is"}]"#);
    let begun = format!(r#"{{"$set":{{"messages":[{opening}]}}}}"#);
    let history = format!(r#"{{"$set":{{"messages":[{prompt},{answer}],"lastUpdated":"x"}}}}"#);
    let open = format!(r#"{{"$set":{{"messages":[{prompt},{silent}]}}}}"#);
    let rewind = |id: &str| format!(r#"{{"$rewindTo":"{id}"}}"#);
    let (rewound, too_far) = (rewind("u3"), rewind("u1"));
    let (with_calls, refused) = (called("g1", 2, "success"), called("g1", 2, "cancelled"));
    let waiting = called("g1", 2, "awaiting_approval");
    let next = user("u3", 8);
    // (name, lines, state)
    let cases: Vec<(&str, Vec<&str>, _)> = vec![
        ("a new session", vec![head, &begun], Some(Idle)),
        ("a prompt", vec![head, &begun, &prompt, updated], Some(Busy)),
        ("an answer", vec![&prompt, &answer, updated], Some(Idle)),
        ("waiting, or running a command", vec![&prompt, &silent, updated], Some(OpenCall)),
        ("the call has run", vec![&prompt, &silent, &with_calls], Some(Busy)),
        ("the call is written while it is open", vec![&prompt, &waiting], Some(OpenCall)),
        ("the call is refused", vec![&prompt, &silent, &refused], Some(Idle)),
        ("the model gets its result", vec![&prompt, &silent, &with_calls, &response], Some(Busy)),
        ("cancelled", vec![&prompt, &cancelled, updated], Some(Idle)),
        (
            "cancelled, and the history is written anew",
            vec![&prompt, &answer, &next, &cancelled, updated, &history],
            Some(Idle),
        ),
        ("an error", vec![&prompt, &error], Some(Idle)),
        ("a note", vec![&prompt, &note], Some(Busy)),
        ("a new history", vec![&next, &history], Some(Idle)),
        ("a new history that goes on", vec![&next, &answer, &open], Some(OpenCall)),
        ("a prompt after a new history", vec![&history, &next], Some(Busy)),
        ("two histories", vec![&open, &history], Some(Idle)),
        ("rewound", vec![&prompt, &answer, &next, &silent, &rewound], Some(Idle)),
        ("rewound, and prompted anew", vec![&prompt, &answer, &next, &rewound, &next], Some(Busy)),
        ("rewound to the beginning", vec![&prompt, &answer, &too_far], None),
    ];
    for (name, lines, expected) in cases {
        let tail = ending(&lines);
        assert_eq!(state(tail.as_ref()).map(|(state, _)| state), expected, "{name}");
    }
}

#[test]
fn a_call_that_has_run_tells_when() {
    let (prompt, silent) = (user("u1", 1), gemini("g1", 2, ""));
    let tail = ending(&[&prompt, &silent, &called("g1", 2, "success")]).unwrap();
    // The message keeps the time of its first writing, 05:40:02.
    assert_eq!(tail.at, Some(1_795_239_630_000));
    let tail = ending(&[&prompt, &silent]).unwrap();
    assert_eq!((tail.at, tail.moved_at), (Some(1_795_239_602_000), Some(1_795_239_601_000)));
}

#[test]
fn a_history_that_is_too_long_to_be_read_tells_nothing_but_its_note() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session.jsonl");
    let messages: Vec<_> = (0..3_000).map(|n| user(&format!("u{n}"), 1)).collect();
    let history = format!(r#"{{"$set":{{"messages":[{}]}}}}"#, messages.join(","));
    let cancelled = message("i1", "info", 9, r#""content":"Request cancelled.""#);
    let read = |lines: &[&str]| {
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        crate::transcript::lines::read(
            &path,
            Depth::Status,
            Sparkline::new(0, 1),
            Messages::default,
        )
    };
    let prompt = user("u", 1);
    assert_eq!(read(&[&prompt, &history]).unwrap().tail, None);
    let tail = read(&[&prompt, &cancelled, &history]).unwrap().tail;
    assert_eq!(tail.map(|tail| tail.state), Some(Idle));
}

#[test]
fn the_older_form_is_one_document() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("session-2026-01-01T00-00-abcdef01.json");
    let read = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let sparkline = Sparkline::new(1_795_239_660_000, 60_000);
        read_document(&path, Depth::Activity, sparkline).unwrap()
    };
    let document = |messages: &[String]| {
        let messages = messages.join(",");
        format!(
            r#"{{"sessionId":"s","projectHash":"h","messages":[{messages}],"lastUpdated":"x"}}"#
        )
    };
    let answered = document(&[user("u1", 1), gemini("g1", 2, "Hello.")]);
    // (text, state, events)
    let cases = [
        (document(&[]), None, 0),
        (document(&[user("u1", 1)]), Some(Busy), 1),
        (answered.clone(), Some(Idle), 2),
        (document(&[user("u1", 1), called("g1", 2, "success")]), Some(Busy), 3),
        (answered[..answered.len() - 9].to_owned(), None, 0),
        (
            document(&[
                user("u1", 1),
                message("x", "info", 2, &format!(r#""content":"{}""#, "y".repeat(3 << 20))),
            ]),
            None,
            0,
        ),
    ];
    for (text, state, events) in cases {
        let reading = read(&text);
        assert_eq!(reading.tail.map(|tail| tail.state), state, "{text:.200}");
        let counts = reading.recent.unwrap().sparkline.counts;
        assert_eq!(counts.iter().sum::<u16>(), events, "{text:.200}");
    }
    let pretty: serde_json::Value = serde_json::from_str(&answered).unwrap();
    let reading = read(&serde_json::to_string_pretty(&pretty).unwrap());
    assert_eq!(reading.tail.map(|tail| tail.state), Some(Idle));
    assert_eq!(reading.recent.unwrap().tokens, Some(Tokens { context: 9, output: 2 }));
}
