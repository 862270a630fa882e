//! `callboard hook` says nothing, keeps nothing private and holds nobody up, whatever happens.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::hook::{Agent, called, log, records, status};
use crate::world::{World, callboard, ran};

/// Whatever it is called with and wherever it runs: not a word, and the exit code of success.
#[test]
fn nothing_makes_it_speak() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    let event = agent.input(called("Stop", "s1", json!({})).to_string().as_bytes());
    let garbage = agent.input(&(0..=255).cycle().take(70_000).collect::<Vec<u8>>());
    let event = event.display();
    let (garbage, home) = (garbage.display(), world.path("home"));
    let file = agent.input(b"not a directory");
    let (file, home) = (file.display(), home.display());
    for line in [
        "\"$CB\" hook".into(),
        "\"$CB\" hook </dev/null".into(),
        "\"$CB\" hook codex </dev/null".into(),
        "\"$CB\" hook codex <&-".into(),
        format!("\"$CB\" hook codex <{garbage}"),
        format!("\"$CB\" hook nonsense <{event}"),
        format!("\"$CB\" hook \"$(printf '\\033[2J')\" <{event}"),
        format!("\"$CB\" hook codex --no-such-option -z <{event}"),
        format!("\"$CB\" hook --no-such-option=1 codex a b c d <{event}"),
        format!("\"$CB\" --color pink hook codex <{event}"),
        format!("\"$CB\" hook codex '{{}}' <{event}"),
        r#""$CB" hook codex '{"type":"agent-turn-complete","thread-id":"t"}'"#.into(),
        format!("\"$CB\" hook codex <{event} >&- 2>&-"),
        format!("\"$CB\" hook codex <{event} >/dev/full 2>/dev/full"),
        format!("\"$CB\" hook codex <{home}"),
        format!("CALLBOARD_HOME={file} \"$CB\" hook codex <{event}"),
        format!("CALLBOARD_HOME=/proc/1/x \"$CB\" hook codex <{event}"),
        format!("HOME= CALLBOARD_HOME= \"$CB\" hook codex <{event}"),
        format!("\"$CB\" hook codex --home {file} <{event}"),
        format!("\"$CB\" hook codex --registry /dev/null <{event}"),
        format!("CALLBOARD_HOOK_LOG={file}/x \"$CB\" hook codex <{event}"),
        format!("CALLBOARD_HOOK_LOG={home} \"$CB\" hook codex <{event}"),
        format!("CALLBOARD_HOOK_LOG=/dev/full \"$CB\" hook codex <{event}"),
        format!("(ulimit -n 5; exec \"$CB\" hook codex <{event})"),
        format!("(ulimit -v 200000; exec \"$CB\" hook codex <{event})"),
        format!("(cd {home} && rmdir ../work && exec \"$CB\" hook codex <{event}; mkdir ../work)"),
    ] {
        assert_eq!(agent.order(&line), (0, 0), "{line}");
    }
    // A person who asks is answered.
    let (code, printed) = agent.order("\"$CB\" hook --help");
    assert!(code == 0 && printed > 100);
}

/// A FIFO that is to be the log is not waited for.
#[test]
fn a_log_that_nobody_reads_holds_nothing_up() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    let line = agent.line(None, &called("Stop", "s1", json!({})));
    let fifo = world.path("tmp/fifo");
    assert_eq!(agent.order(&format!("mkfifo {}", fifo.display())), (0, 0));
    assert_eq!(agent.order(&format!("CALLBOARD_HOOK_LOG={} {line}", fifo.display())), (0, 0));
    assert_eq!(status(&world), "idle");
}

/// An agent may keep its end of the pipe open, and may write nothing at all.
#[test]
fn standard_input_need_not_end() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    let event = agent.input(called("Stop", "s1", json!({})).to_string().as_bytes());
    let fifo = world.path("tmp/fifo");
    let (fifo, event) = (fifo.display(), event.display());
    assert_eq!(agent.order(&format!("mkfifo {fifo}; exec 3<>{fifo}; cat {event} >&3")), (0, 0));
    assert_eq!(agent.order("\"$CB\" hook codex <&3"), (0, 0));
    assert_eq!(status(&world), "idle");
    assert_eq!(agent.order("\"$CB\" hook codex <&3"), (0, 0));
    assert!(log(&world).contains("did not write the whole event in time"), "{}", log(&world));
}

/// What a tool returned may be megabytes long. What stands before it counts, and all of it is taken
/// off the pipe.
#[test]
fn a_long_event_counts_for_what_stands_before_it() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    // More than is kept, and beyond that more than a pipe holds; a hook has a second for all.
    let long = "x".repeat((1 << 20) + (128 << 10));
    let payload = format!(
        r#"{{"session_id":"s1","hook_event_name":"PostToolUse","tool_response":"{long}","cwd":"/later"}}"#
    );
    let input = agent.input(payload.as_bytes());
    let line = format!("set -o pipefail; cat {} | \"$CB\" hook codex", input.display());
    // A writer that is not read to the end is killed by a signal.
    assert_eq!(agent.order(&line), (0, 0));
    assert_eq!(status(&world), "busy");
    assert_ne!(records(&world)[0]["cwd"], "/later");
}

/// A program that was stopped while it held the lock of the record keeps no agent waiting.
#[test]
fn a_lock_that_is_not_let_go_is_not_waited_for() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    agent.says("UserPromptSubmit", "s1", json!({}));
    let file = world.sessions().join(format!("{}.json", agent.pid()));
    let mut holder = world
        .command("flock")
        .arg(&file)
        .args(["sh", "-c", "echo held; read line"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut word = [0; 4];
    holder.stdout.as_mut().unwrap().read_exact(&mut word).unwrap();
    agent.says("Stop", "s1", json!({}));
    assert_eq!(status(&world), "busy");
    // By its own patience or, on a loaded machine, by that of the library, whichever ends first.
    assert!(log(&world).contains("gave up"), "{}", log(&world));
    drop(holder.stdin.take());
    holder.wait().unwrap();
    agent.says("Stop", "s1", json!({}));
    assert_eq!(status(&world), "idle");
}

/// Full and read-only file systems.
#[test]
fn where_nothing_can_be_written_nothing_is_said() {
    let world = World::new();
    let script = r#"
        mount -t tmpfs -o size=8k none "$DIR" && mkdir -p "$DIR/sessions" && chmod 700 "$DIR/sessions"
        head -c 100000 /dev/zero >"$DIR/filler" 2>/dev/null
        exec -a codex bash -c '"$CB" hook codex <"$EVENT"; echo "$?"
            mount -o remount,ro "$DIR"; "$CB" hook codex <"$EVENT"; echo "$?"'
    "#;
    let event = world.path("event");
    std::fs::write(&event, called("Stop", "s1", json!({})).to_string()).unwrap();
    let disk = world.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mut command = world.command("unshare");
    command
        .args(["--mount", "bash", "-c", script])
        .env("CB", callboard())
        .env("DIR", &disk)
        .env("EVENT", &event)
        .env("CALLBOARD_HOME", &disk)
        .env("CALLBOARD_HOOK_LOG", world.path("hook.log"));
    let ran = ran(command.output().unwrap());
    assert_eq!((&*ran.out, &*ran.err), ("0\n0\n", ""));
    let log = log(&world);
    assert!(log.contains("No space left on device"), "{log}");
    assert!(log.contains("Read-only file system"), "{log}");
}

#[test]
fn nothing_private_is_kept_anywhere() {
    const PRIVATE: &str = "kanarienvogel";
    let world = World::new();
    for (name, event) in [("claude", "PermissionRequest"), ("gemini", "AfterTool"), ("pi", PRIVATE)]
    {
        let mut agent = Agent::start(&world, name);
        let mut payload = called(event, "s1", json!({"cwd": "/p"}));
        for key in [
            "prompt",
            "message",
            "title",
            "tool_input",
            "tool_response",
            "tool_name",
            "error",
            "last_assistant_message",
            "prompt_response",
            "llm_request",
            "toolArgs",
            "reason",
            "source",
            "trigger",
            "details",
            "agent_type",
            "model",
            "user_email",
            "status",
        ] {
            payload[key] = json!({ PRIVATE: [PRIVATE] });
            agent.tell(None, &payload);
            payload[key] = json!(PRIVATE);
            agent.tell(None, &payload);
        }
        payload["session_id"] = json!(format!("{PRIVATE} \n"));
        agent.tell(None, &payload);
    }
    // Nor the words on its command line.
    let mut agent = Agent::start(&world, "codex");
    agent.order(&format!(
        "\"$CB\" hook codex {PRIVATE} '{{\"session_id\":\"s1\",\"prompt\":\"{PRIVATE}\"}}'"
    ));
    assert!(!log(&world).is_empty());
    assert_eq!(
        std::fs::metadata(world.path("hook.log")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let mut found = Vec::new();
    for place in ["board", "home", "work", "hook.log", "printed"] {
        let mut command = Command::new("grep");
        let output = command.args(["-r", "-l", PRIVATE]).arg(world.path(place)).output().unwrap();
        found.push(String::from_utf8(output.stdout).unwrap());
    }
    assert_eq!(found.concat(), "");
}

/// Before 2.1.139 Claude Code runs a hook without its words, and takes what a usage error ends with
/// for an order to forbid.
#[test]
fn a_claude_code_that_leaves_the_words_out_forbids_nothing() {
    let world = World::new();
    let mut agent = Agent::start(&world, "claude");
    let input = agent.input(called("Stop", "s1", json!({})).to_string().as_bytes());
    let line = format!("CLAUDE_PROJECT_DIR=/p \"$CB\" <{}", input.display());
    assert_eq!(agent.order(&line), (0, 0));
    assert_eq!(status(&world), "idle");
    let (code, printed) = agent.order("\"$CB\" </dev/null");
    assert!(code == 2 && printed > 100);
}
