//! Conversation files that nobody should write, and some that everybody does.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use callboard_agents::activity::{Sparkline, TailState};
use callboard_agents::transcript::{Depth, Format, Transcript};

const FORMATS: [Format; 6] =
    [Format::Claude, Format::Qwen, Format::Codex, Format::Gemini, Format::Copilot, Format::Pi];
const PROMPT: &str = r#"{"type":"user","timestamp":"2026-11-21T05:40:30.601Z","message":{"role":"user","content":"hello"}}"#;
const ANSWER: &str = r#"{"message":{"role":"assistant","model":"claude-opus-5-5","content":[{"type":"text","text":"Done."}],"stop_reason":"end_turn"},"type":"assistant","timestamp":"2026-11-21T05:40:31.012Z"}"#;

fn sparkline() -> Sparkline {
    Sparkline::new(1_795_239_660_000, 60_000)
}

fn transcript(path: &Path, format: Format) -> Transcript {
    Transcript { format, path: path.to_owned(), session_id: "x".into() }
}

/// How a Claude Code conversation of this text ends.
fn state(path: &Path) -> Option<TailState> {
    let read = |depth| transcript(path, Format::Claude).read(depth, sparkline()).unwrap().tail;
    let tail = read(Depth::Status);
    assert_eq!(read(Depth::Activity), tail);
    tail.map(|tail| tail.state)
}

fn written(dir: &Path, text: impl AsRef<[u8]>) -> PathBuf {
    let path = dir.join("x.jsonl");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn what_is_no_line_of_a_conversation_is_passed_over() {
    use TailState::{Busy, Idle};
    let dir = tempfile::tempdir().unwrap();
    let deep = |open: &str| open.repeat(100_000);
    let cases: Vec<(&str, Vec<u8>, Option<TailState>)> = vec![
        ("an empty file", vec![], None),
        ("ends of lines", b"\n\n\n".to_vec(), None),
        ("only metadata", b"{\"type\":\"mode\"}\n{\"type\":\"summary\"}\n".to_vec(), None),
        ("half a line", format!("{PROMPT}\n{}", &ANSWER[..80]).into(), Some(Busy)),
        ("a line without its end", format!("{PROMPT}\n{ANSWER}").into(), Some(Idle)),
        ("ends of Windows", format!("{PROMPT}\r\n{ANSWER}\r\n").into(), Some(Idle)),
        (
            "claude-code #41195: NUL bytes at the end",
            format!("{PROMPT}\n{}", "\0".repeat(24)).into(),
            Some(Busy),
        ),
        (
            "NUL bytes, and a line behind them",
            format!("{PROMPT}\n\0\0\0{ANSWER}\n").into(),
            Some(Idle),
        ),
        ("NUL bytes in a text", ANSWER.replace("Done", "Do\0ne").into(), Some(Idle)),
        (
            "half a character in a text",
            [&b"{\"x\":\"\xc3\","[..], &ANSWER.as_bytes()[1..]].concat(),
            Some(Idle),
        ),
        ("bytes that are no text", [PROMPT.as_bytes(), b"\n\xff\xfe\xfd\n"].concat(), Some(Busy)),
        ("lists in lists", format!("{PROMPT}\n{}\n", deep("[")).into(), Some(Busy)),
        ("objects in objects", format!("{PROMPT}\n{}\n", deep("{\"a\":")).into(), Some(Busy)),
        (
            "in a key that nobody reads",
            format!("{PROMPT}\n{{\"x\":{}\n", deep("[")).into(),
            Some(Busy),
        ),
        (
            "in one that is read",
            format!("{PROMPT}\n{{\"type\":\"user\",\"message\":{}\n", deep("{\"content\":")).into(),
            Some(Busy),
        ),
        (
            "a key twice",
            format!("{PROMPT}\n{{\"type\":\"assistant\",\"type\":\"user\"}}\n").into(),
            Some(Busy),
        ),
        ("JSON that is no object", format!("{PROMPT}\n[1]\n\"x\"\n7\nnull\n").into(), Some(Busy)),
        (
            "the same answer copied many times",
            format!("{PROMPT}\n{}", format!("{ANSWER}\n").repeat(54)).into(),
            Some(Idle),
        ),
    ];
    for (name, text, expected) in cases {
        let path = written(dir.path(), &text);
        assert_eq!(state(&path), expected, "{name}");
        for format in FORMATS {
            transcript(&path, format).read(Depth::Activity, sparkline()).unwrap();
            let document = dir.path().join("x.json");
            fs::write(&document, &text).unwrap();
            transcript(&document, Format::Gemini).read(Depth::Activity, sparkline()).unwrap();
        }
    }
}

#[test]
fn what_is_no_file_of_ours_to_read_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, kind, rustix::fs::Mode::RWXU, 0).unwrap();
    let compressed = dir.path().join("x.jsonl.zst");
    fs::write(&compressed, "\x28\u{b5}").unwrap();
    let all = FORMATS.into_iter().chain([Format::Opencode]);
    for format in all {
        let error = |path: &Path| {
            transcript(path, format).read(Depth::Status, sparkline()).unwrap_err().kind()
        };
        assert_eq!(error(&fifo), io::ErrorKind::InvalidInput, "{format:?}");
        assert_eq!(error(dir.path()), io::ErrorKind::InvalidInput, "{format:?}");
        assert_eq!(error(Path::new("/dev/zero")), io::ErrorKind::InvalidInput, "{format:?}");
        assert_eq!(error(&dir.path().join("missing")), io::ErrorKind::NotFound, "{format:?}");
    }
    let read = transcript(&compressed, Format::Codex).read(Depth::Status, sparkline()).unwrap();
    assert_eq!(read.tail, None);
}

#[test]
fn a_line_of_50_mb_tells_what_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let result = |text: &str| {
        format!(
            r#"{{"parentUuid":"p","isSidechain":false,"type":"user","message":{{"role":"user","content":[{{"tool_use_id":"t","type":"tool_result","content":"{text}"}}]}},"uuid":"u","timestamp":"2026-11-21T05:40:40.000Z"}}"#
        )
    };
    let answer = |text: &str| ANSWER.replace("Done.", text);
    let plain = "x".repeat(50_000_000);
    let escaped = r#"\"}]}\n"#.repeat(50_000_000 / 8);
    // The most that a status may take of memory is far less than the line.
    for (text, line, expected) in [
        (&plain, &result as &dyn Fn(&str) -> String, TailState::Busy),
        (&escaped, &result, TailState::Busy),
        (&plain, &answer, TailState::Idle),
        (&escaped, &answer, TailState::Idle),
    ] {
        let whole = format!("{PROMPT}\n{}", line(text));
        let path = written(dir.path(), format!("{whole}\n"));
        let tail = transcript(&path, Format::Claude).read(Depth::Status, sparkline()).unwrap().tail;
        let tail = tail.unwrap();
        assert_eq!(tail.state, expected);
        assert!(tail.at.is_some(), "the time is behind the text");
        // While it is being written, the line before it tells.
        let path = written(dir.path(), &whole[..whole.len() - 40]);
        let torn = transcript(&path, Format::Claude).read(Depth::Status, sparkline()).unwrap().tail;
        assert_eq!(torn.unwrap().at, Some(1_795_239_630_601));
    }
}

#[test]
fn the_conversation_may_be_megabytes_before_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.jsonl");
    let mut file = File::create(&path).unwrap();
    // A gigabyte, most of it a hole.
    file.seek(SeekFrom::Start(1 << 30)).unwrap();
    file.write_all(format!("\n{PROMPT}\n{ANSWER}\n").as_bytes()).unwrap();
    let request = format!("{{\"type\":\"api-request\",\"params\":\"{}\"}}\n", "r".repeat(156_000));
    file.write_all(request.repeat(20).as_bytes()).unwrap();
    assert_eq!(state(&path), Some(TailState::Idle));
    // Too far: then nothing is said.
    file.write_all(request.repeat(50).as_bytes()).unwrap();
    assert_eq!(state(&path), None);
}

#[test]
fn a_file_that_is_rewritten_all_the_time_is_read_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), format!("{PROMPT}\n"));
    let long = format!("{PROMPT}\n{}{ANSWER}\n", "{\"type\":\"mode\"}\n".repeat(20_000));
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    let (begins, begun) = std::sync::mpsc::channel();
    let writer = std::thread::spawn({
        let (path, dir) = (path.clone(), dir.path().to_owned());
        move || {
            while is_done.try_recv() != Err(std::sync::mpsc::TryRecvError::Disconnected) {
                // In place, cut, and replaced by another file.
                fs::write(&path, &long).unwrap();
                File::options().write(true).open(&path).unwrap().set_len(300).unwrap();
                fs::write(dir.join("new"), format!("{PROMPT}\n")).unwrap();
                fs::rename(dir.join("new"), &path).unwrap();
                _ = begins.send(());
            }
        }
    });
    begun.recv().unwrap();
    for _ in 0..300 {
        for depth in [Depth::Status, Depth::Activity] {
            transcript(&path, Format::Claude).read(depth, sparkline()).unwrap();
        }
    }
    drop(done);
    writer.join().unwrap();
    assert_eq!(state(&path), Some(TailState::Busy));
}

#[test]
fn agents_that_go_on_after_the_turn_keep_the_session_busy() {
    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), format!("{PROMPT}\n{ANSWER}\n"));
    let agents = dir.path().join("x/subagents");
    fs::create_dir_all(&agents).unwrap();
    let line = |minute: u32, stop: &str| {
        format!(
            r#"{{"isSidechain":true,"agentId":"a1","type":"assistant","timestamp":"2026-11-21T05:{minute:02}:00.000Z","message":{{"content":[{{"type":"text","text":"a"}}],"stop_reason":{stop}}}}}{}"#,
            "\n"
        )
    };
    let agent = |name: &str, text: String| fs::write(agents.join(name), text).unwrap();
    agent("agent-a1.meta.json", line(50, "null"));
    assert_eq!(state(&path), Some(TailState::Idle));
    agent("agent-a1.jsonl", line(39, "null"));
    assert_eq!(state(&path), Some(TailState::Idle), "it was cut off before the turn's end");
    agent("agent-a2.jsonl", line(41, "\"end_turn\""));
    assert_eq!(state(&path), Some(TailState::Idle), "it has ended");
    agent("agent-a3.jsonl", line(41, "null"));
    agent("agent-a4.jsonl", line(42, "null"));
    assert_eq!(state(&path), Some(TailState::Busy));
    let tail = transcript(&path, Format::Claude).read(Depth::Status, sparkline()).unwrap().tail;
    assert_eq!(tail.unwrap().at, Some(1_795_239_720_000), "since the last that one wrote");
}

#[test]
fn what_happened_lately_is_read_within_bounds() {
    let dir = tempfile::tempdir().unwrap();
    // One prompt and answer a second, for half an hour: some 400 bytes each second.
    let text: String = (0..1_800)
        .flat_map(|second| [PROMPT, ANSWER].map(|line| (second, line)))
        .map(|(second, line)| {
            let time = format!("T05:{:02}:{:02}.000Z", 10 + second / 60, second % 60);
            let (before, after) = line.split_at(line.find("T05:").unwrap());
            format!("{before}{time}{}\n", &after[after.find('Z').unwrap() + 1..])
        })
        .collect();
    let path = written(dir.path(), &text);
    let until = 1_795_239_599_000;
    let recent = |interval_ms| {
        let read = transcript(&path, Format::Claude)
            .read(Depth::Activity, Sparkline::new(until, interval_ms));
        read.unwrap().recent.unwrap()
    };
    let minute = recent(10_000);
    assert_eq!(minute.known_since, None);
    assert_eq!(minute.sparkline.counts, [20; callboard_agents::activity::INTERVALS]);
    // A day would be all of the file: what was not read is not counted, and that is said.
    let day = recent(7_200_000);
    let events: u64 = day.sparkline.counts.iter().map(|count| u64::from(*count)).sum();
    let known_since = day.known_since.unwrap();
    // The oldest second may have been read in part.
    assert_eq!(events.div_ceil(2), (until - known_since) / 1_000 + 1);
    assert!((100..1_000).contains(&events), "{events}");
}
