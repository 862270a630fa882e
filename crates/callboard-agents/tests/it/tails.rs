//! What the recorded conversations told, line by line as they grew.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use TailState::{Busy, Idle, OpenCall, Waiting};
use callboard_agents::activity::{Sparkline, TailState};
use callboard_agents::transcript::{Depth, Format, Reading, Tokens, Transcript};

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn transcript(format: Format, path: PathBuf) -> Transcript {
    Transcript { format, path, session_id: "x".into() }
}

fn status(transcript: &Transcript) -> Reading {
    transcript.read(Depth::Status, Sparkline::new(0, 1)).unwrap()
}

/// From how many lines on the file tells which state. The timeline of each recording has when the
/// lines were written, and what the session was doing then.
struct Growing {
    file: &'static str,
    format: Format,
    states: &'static [(usize, TailState)],
}

const GROWING: &[Growing] = &[
    // A prompt, the answer; a prompt, a call that waits for permission and then runs, its result,
    // the answer; a prompt that is interrupted before the first output, of which nothing is
    // written; one that is interrupted after it.
    Growing {
        file: "claude/2.1.197/transcripts/8a407c77-bdf7-4d1f-a4e1-93317890c152.jsonl",
        format: Format::Claude,
        states: &[
            (4, Busy),
            (7, Idle),
            (11, Busy),
            (12, OpenCall),
            (13, Busy),
            (14, Idle),
            (18, Busy),
            (21, Idle),
        ],
    },
    Growing {
        file: "claude/2.1.329/transcripts/12901c78-adc2-4545-aca0-15230cb36fff.jsonl",
        format: Format::Claude,
        states: &[
            (5, Busy),
            (23, Idle),
            (32, Busy),
            (35, OpenCall),
            (37, Busy),
            (39, Idle),
            (43, Busy),
            (51, Idle),
        ],
    },
    // The conversation after `/clear`: the command, and nothing else.
    Growing {
        file: "claude/2.1.197/transcripts/b2c74bef-f38c-47b4-b6a1-e92205985af2.jsonl",
        format: Format::Claude,
        states: &[(4, Idle)],
    },
    Growing {
        file: "claude/2.1.329/transcripts/c82a0482-47f1-470b-a7e3-86c010065300.jsonl",
        format: Format::Claude,
        states: &[(4, Idle)],
    },
    // After `/clear`, a message from another session, and its answer.
    Growing {
        file: "claude/2.1.329/transcripts/4e868bfb-2aab-4c8a-8698-31deb0ba50d7.jsonl",
        format: Format::Claude,
        states: &[(6, Idle), (11, Busy), (26, Idle)],
    },
    // One prompt from the command line.
    Growing {
        file: "claude/2.1.329/transcripts/7030642d-b0a7-4262-99fb-bc8428ac1696.jsonl",
        format: Format::Claude,
        states: &[(3, Busy), (20, Idle)],
    },
    // The ends of conversations whose session is idle; the first shows what cannot be known.
    Growing {
        file: "claude/2.1.329/tails/esc-before-output.jsonl",
        format: Format::Claude,
        states: &[(1, Idle), (5, Busy)],
    },
    Growing {
        file: "claude/2.1.329/tails/esc-after-output.jsonl",
        format: Format::Claude,
        states: &[(1, Busy), (6, Idle)],
    },
    Growing {
        file: "qwen/0.24.4/transcripts/3f484c5b-625b-4efd-be22-03d0127ddd25.jsonl",
        format: Format::Qwen,
        states: &[
            (1, Busy),
            (5, Idle),
            (7, Busy),
            (11, OpenCall),
            (13, Busy),
            (15, Idle),
            (16, Busy),
            (22, Idle),
        ],
    },
    // Codex notes both interruptions.
    Growing {
        file: "codex/0.169.0/transcripts/rollout-2026-11-21T05-49-11-01a1fca6-c824-7861-911d-0bc2a5bd5740.jsonl",
        format: Format::Codex,
        states: &[
            (2, Busy),
            (14, Idle),
            (16, Busy),
            (20, OpenCall),
            (23, Busy),
            (29, Idle),
            (31, Busy),
            (37, Idle),
            (39, Busy),
            (45, Idle),
        ],
    },
    Growing {
        file: "codex/0.169.0/transcripts/rollout-2026-11-21T05-52-02-01a1fca9-67a9-7a13-bb1c-7d8f3332514d.jsonl",
        format: Format::Codex,
        states: &[
            (2, Busy),
            (14, Idle),
            (16, Busy),
            (20, OpenCall),
            (23, Busy),
            (29, Idle),
            (31, Busy),
            (37, Idle),
            (39, Busy),
            (45, Idle),
        ],
    },
    Growing {
        file: "gemini/0.61.0/transcripts/session-2026-11-21T05-40-a130f06e.jsonl",
        format: Format::Gemini,
        states: &[
            (2, Idle),
            (3, Busy),
            (5, Idle),
            (7, Busy),
            (9, OpenCall),
            (11, Busy),
            (14, Idle),
            (16, Busy),
            (18, Idle),
            (21, Busy),
            (23, Idle),
        ],
    },
    // Copilot notes that it asks for permission, and takes a prompt back that is interrupted before
    // the first output.
    Growing {
        file: "copilot/1.0.102/transcripts/1260faad-0b98-4755-bad8-666c93193b6f.events.jsonl",
        format: Format::Copilot,
        states: &[
            (7, Busy),
            (11, Idle),
            (17, Busy),
            (21, OpenCall),
            (24, Waiting),
            (27, OpenCall),
            (30, Busy),
            (34, Idle),
            (41, Busy),
            (45, Idle),
        ],
    },
    Growing {
        file: "pi/0.73.1/transcripts/2026-11-21T05-40-19-113Z_01a1fc9e-aa28-7303-a51a-7cd3f3c33e08.jsonl",
        format: Format::Pi,
        states: &[
            (4, Busy),
            (5, Idle),
            (6, Busy),
            (7, OpenCall),
            (8, Busy),
            (9, Idle),
            (10, Busy),
            (11, Idle),
            (12, Busy),
            (13, Idle),
        ],
    },
];

#[test]
fn each_line_that_is_added_tells_what_the_session_did_then() {
    let dir = tempfile::tempdir().unwrap();
    for Growing { file, format, states } in GROWING {
        let text = fs::read(data(file)).unwrap();
        let path = dir.path().join("growing.jsonl");
        let mut growing = fs::File::create(&path).unwrap();
        let transcript = transcript(*format, path);
        for (n, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            let expected =
                states.iter().rev().find(|(from, _)| *from <= n).map(|(_, state)| *state);
            // Half of the line: not there yet.
            let before = status(&transcript).tail;
            growing.write_all(&line[..line.len() / 2]).unwrap();
            assert_eq!(status(&transcript).tail, before, "{file}: half of line {n}");
            growing.write_all(&line[line.len() / 2..]).unwrap();
            let tail = status(&transcript).tail;
            assert_eq!(tail.as_ref().map(|tail| tail.state), expected, "{file}: {n} lines");
            let times = tail.as_ref().map(|tail| (tail.at, tail.moved_at));
            assert!(
                times.is_none_or(|(at, moved)| at.is_some() && moved <= at),
                "{file}: {tail:?}"
            );
        }
    }
}

#[test]
fn the_recorded_conversations_tell_their_tools_models_and_tokens() {
    let tokens = |context, output| Some(Tokens { context, output });
    // (file of the table above, model, tokens of the last answer that took any, events)
    let cases = [
        (0, "claude-opus-4-8", tokens(5, 9), 9),
        (1, "claude-opus-5-5", tokens(5, 1), 9),
        (8, "stand-in", tokens(5, 5), 9),
        (9, "stand-in", tokens(5, 5), 8),
        (11, "gemini-3.8-flash", tokens(5, 5), 6),
        (12, "stand-in", tokens(5, 5), 8),
        (13, "stand-in", tokens(5, 5), 9),
    ];
    for (n, model, tokens, events) in cases {
        let Growing { file, format, .. } = &GROWING[n];
        // 2026-11-21, from 05:30 to 06:00: all of it.
        let sparkline = Sparkline::new(1_795_240_800_000, 180_000);
        let read = transcript(*format, data(file)).read(Depth::Activity, sparkline).unwrap();
        let recent = read.recent.unwrap();
        let tool = recent.last_tool.as_deref().unwrap();
        assert!(["Bash", "run_shell_command", "exec_command", "bash"].contains(&tool), "{file}");
        assert_eq!(recent.model.as_deref(), Some(model), "{file}");
        assert_eq!(recent.tokens, tokens, "{file}");
        assert_eq!(recent.sparkline.counts.iter().sum::<u16>(), events, "{file}");
        let last = recent.last_event_at.unwrap();
        assert!((1_795_239_600_000..1_795_240_400_000).contains(&last), "{file}");
    }
}
