//! Conversation files through the command: read where they are of use, and nowhere else.

use std::fs;
use std::io::Write as _;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};

use rustix::fs::inotify;

use crate::world::{Living, World};

const ID: &str = "77481841-88af-4913-8f50-69ab52ba3cd2";

/// A session of Claude Code with these keys in its record, and a conversation of 100 MB that ends
/// with an answer.
fn claude(world: &World, keys: &str) -> (Living, PathBuf) {
    let process = world.process();
    let pid = process.pid();
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start = stat.rsplit(')').next().unwrap().split_ascii_whitespace().nth(19).unwrap();
    let home = world.path("home/.claude");
    fs::create_dir_all(home.join("projects/p")).unwrap();
    fs::create_dir_all(home.join("sessions")).unwrap();
    let record = format!(
        r#"{{"pid":{pid},"sessionId":"{ID}","cwd":"/p","startedAt":1,"procStart":"{start}"{keys}}}"#
    );
    fs::write(home.join(format!("sessions/{pid}.json")), record).unwrap();
    let conversation = home.join(format!("projects/p/{ID}.jsonl"));
    let mut file = fs::File::create(&conversation).unwrap();
    // Most of it is a hole: it is there to be passed over.
    file.set_len(100 << 20).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
    let now = jiff::Timestamp::now();
    for (kind, message) in [
        ("user", r#"{"role":"user","content":"CANARY"}"#),
        (
            "assistant",
            r#"{"id":"m","model":"some-model","stop_reason":"end_turn","content":[{"type":"text","text":"CANARY"}],"usage":{"input_tokens":7,"output_tokens":5}}"#,
        ),
    ] {
        write!(
            file,
            "\n{{\"type\":\"{kind}\",\"uuid\":\"{kind}\",\"sessionId\":\"{ID}\",\"timestamp\":\"{now:.3}\",\"isSidechain\":false,\"message\":{message}}}\n"
        )
        .unwrap();
    }
    (process, conversation)
}

/// How often the file was opened while `work` was done.
fn opened(file: &Path, work: impl FnOnce()) -> usize {
    let fd = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&fd, file, inotify::WatchFlags::OPEN).unwrap();
    work();
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut events = inotify::Reader::new(&fd, &mut buffer);
    std::iter::from_fn(|| events.next().ok().map(|_| ())).count()
}

#[test]
fn a_session_whose_record_says_it_all_is_not_read() {
    let world = World::new();
    let (_claude, file) = claude(&world, r#","status":"busy","statusUpdatedAt":2"#);
    for line in ["ps", "count", "count --status busy", "status-line", "metrics"] {
        let times = opened(&file, || {
            world.ok(line);
        });
        assert_eq!(times, 0, "{line}");
    }
    // The sparkline is in the conversation alone.
    assert!(opened(&file, || drop(world.ps())) > 0);
}

#[test]
fn a_session_without_a_status_is_what_its_conversation_says() {
    let world = World::new();
    let (process, file) = claude(&world, "");
    let row = world.ps().remove(0);
    assert_eq!((&row["status"], &row["statusFrom"]), (&"idle".into(), &"transcript".into()));
    assert_eq!(row["transcriptPath"], file.to_str().unwrap());
    let activity = &row["activity"];
    assert_eq!((&activity["model"], &activity["contextTokens"]), (&"some-model".into(), &7.into()));
    let counts = activity["counts"].as_array().unwrap();
    assert_eq!(counts.iter().filter_map(serde_json::Value::as_u64).sum::<u64>(), 2, "{activity}");
    assert_eq!(world.ok("count --status idle"), "1\n");
    assert_eq!(world.ok("status-line --all"), "1 idle\n");
    let shown = world.ok(&format!("show {}", process.pid()));
    assert!(
        shown.contains("idle (as its transcript says)") && shown.contains("some-model"),
        "{shown}"
    );
    for line in ["ps --json", "ps", &format!("show {}", process.pid()), "doctor"] {
        let ran = world.run(line);
        assert!(!ran.out.contains("CANARY") && !ran.err.contains("CANARY"), "{line}");
    }
}

#[test]
fn a_conversation_that_cannot_be_read_is_a_problem_and_its_session_is_listed() {
    let world = World::new();
    let (_claude, file) = claude(&world, "");
    fs::remove_file(&file).unwrap();
    // What the agent would never make; nobody waits for its other end.
    fs::create_dir(&file).unwrap();
    let ran = world.run("ps --json --strict");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&ran.out).unwrap();
    assert!(rows[0]["status"].is_null(), "{ran:?}");
    assert_eq!(rows[0]["verdict"], "alive");
}
