//! What is the built-in host's own: one process for each session, and what is left when it dies.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use callboard::{Home, Registry, Verdict};
use callboard_host::{
    Builtin, Error, Exit, HostedId, SessionHost, SnapshotFormat, State, StopPolicy,
};
use rustix::process::Signal;

use crate::client::Client;
use crate::world::{STAGE, World, builtin, copy_program, state_of};

#[test]
fn one_host_killed_is_one_session_lost() {
    let world = World::new(builtin);
    let sessions: Vec<_> = (0..20).map(|_| world.spawn(&["cat"])).collect();
    let victim = &sessions[7];
    let (host, program) = (victim.host_process.unwrap().pid, victim.program.unwrap().pid);
    testkit::kill(host);
    testkit::wait_for_exit(host);
    // The kernel hangs its terminal up.
    testkit::wait_for_exit(program);
    let listing = world.host.list();
    assert!(listing.problems.is_empty(), "{:?}", listing.problems);
    for session in &listing.sessions {
        let is_lost = session.state == State::Lost;
        assert_eq!(is_lost, session.id == victim.id, "{session:?}");
        match session.state {
            State::Lost | State::Running(_) => {}
            // Late, on a machine with much to do.
            State::Silent => _ = world.running(&session.id),
            _ => panic!("{session:?}"),
        }
    }
    assert_eq!(world.host.exit(&victim.id).unwrap(), Some(Exit::Lost));
    let board = Registry::at(world.home().sessions()).list();
    let alive = board.sessions.iter().filter(|row| row.verdict() == Verdict::Alive).count();
    assert_eq!(alive, 19);
    assert!(matches!(
        world.host.attach(&victim.id, &callboard_host::AttachOptions::default()).unwrap().run(),
        Err(Error::NotRunning { state: "lost", .. } | Error::NoTerminal)
    ));
    assert_eq!(world.host.stop(&victim.id, StopPolicy::default()).unwrap(), Exit::Lost);
    world.host.remove(&victim.id).unwrap();
    assert_eq!(world.left().len(), 19);
}

/// Who ignores that the terminal is gone runs on without a host; to stop the session ends it.
#[test]
fn what_outlives_a_killed_host_is_stopped() {
    let world = World::new(builtin);
    let session = world.shell("trap '' HUP; echo ready; while :; do sleep 1000; done");
    world.wait_for(&session.id, "ready");
    let program = session.program.unwrap().pid;
    testkit::kill(session.host_process.unwrap().pid);
    testkit::wait_for_exit(session.host_process.unwrap().pid);
    assert_eq!(world.host.look(&session.id).unwrap().state, State::Lost);
    assert!(!matches!(state_of(program), None | Some('Z' | 'X')));
    let grace = Some(std::time::Duration::from_millis(200));
    assert_eq!(world.host.stop(&session.id, StopPolicy { grace }).unwrap(), Exit::Lost);
    assert!(matches!(state_of(program), None | Some('Z' | 'X')));
}

/// What the program has left without a parent is the host's to collect, also where it has left
/// the program's process group: one zombie for each would be there for as long as the session.
#[test]
fn an_orphan_of_another_process_group_is_collected() {
    let world = World::new(builtin);
    let session = world.shell("(setsid sh -c 'echo orphan $$.' &); exec cat");
    let log = world.wait_for(&session.id, ".");
    let pid: u32 = log.trim_start_matches("orphan ").split('.').next().unwrap().parse().unwrap();
    world.wait_until("collected", |_| state_of(pid).is_none());
}

/// As a service manager ends it.
#[test]
fn a_host_that_is_asked_to_end_ends_its_session() {
    let world = World::new(builtin);
    let session = world.shell("trap 'echo bye; exit 9' TERM; echo ready; while :; do read x; done");
    world.wait_for(&session.id, "ready");
    let host = session.host_process.unwrap().pid;
    let pid = rustix::process::Pid::from_raw(i32::try_from(host).unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    testkit::wait_for_exit(host);
    assert_eq!(world.host.exit(&session.id).unwrap(), Some(Exit::Code(9)));
    assert!(world.log(&session.id).ends_with("bye\n"));
}

#[test]
fn a_stopped_host_is_silent_and_not_lost() {
    let world = World::new(builtin);
    let session = world.spawn(&["cat"]);
    let host = session.host_process.unwrap().pid;
    let pid = rustix::process::Pid::from_raw(i32::try_from(host).unwrap()).unwrap();
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    assert_eq!(world.host.look(&session.id).unwrap().state, State::Silent);
    let refused = world.host.snapshot(&session.id, SnapshotFormat::Plain).unwrap_err();
    assert!(matches!(refused, Error::NoAnswer { .. }), "{refused}");
    assert!(matches!(world.host.remove(&session.id), Err(Error::StillRunning { .. })));
    rustix::process::kill_process(pid, Signal::CONT).unwrap();
    assert!(matches!(world.host.look(&session.id).unwrap().state, State::Running(_)));
}

/// The program's file is gone and the words are those of the first version: attach, input, stop.
#[test]
fn a_host_whose_file_is_gone_serves_an_old_client() {
    let scratch = tempfile::tempdir().unwrap();
    let program = scratch.path().join("old-host");
    copy_program(Path::new(STAGE), &program);
    let mut world = World::new(builtin);
    world.host = Arc::new(Builtin::at(&world.home()).with_program(&program, ["__host"]));
    let session = world.spawn(&["cat"]);
    drop(scratch);
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.type_in("new\r");
    client.wait_for("new\nnew");

    // As they were in the first version, byte by byte.
    let mut old = UnixStream::connect(session.directory.join("sock")).unwrap();
    let frame = |kind: u8, text: &str| {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        [&[kind][..], &length, text.as_bytes()].concat()
    };
    old.write_all(&frame(b'C', r#"{"type":"hello","proto":1,"min":1}"#)).unwrap();
    old.write_all(&frame(b'C', r#"{"type":"attach","columns":80,"rows":24}"#)).unwrap();
    old.write_all(&frame(b'C', r#"{"type":"dance","how":"slowly"}"#)).unwrap();
    old.write_all(&frame(b'D', "old\r")).unwrap();
    client.wait_for("old\nold");
    old.write_all(&frame(b'C', r#"{"type":"stop","graceMs":0}"#)).unwrap();
    let mut heard = Vec::new();
    old.read_to_end(&mut heard).unwrap();
    let heard = String::from_utf8_lossy(&heard).into_owned();
    for words in [
        r#"{"type":"hello","proto":1,"min":1,"#,
        r#"{"type":"attached","client":"#,
        r#"{"type":"error","reason":"unknown request"}"#,
        r#"{"type":"stopping"}"#,
        r#"{"type":"exit","signal":"#,
    ] {
        assert!(heard.contains(words), "{words} in {heard}");
    }
    assert!(matches!(world.host.exit(&session.id).unwrap(), Some(Exit::Signal(_))));
}

#[test]
fn who_speaks_another_protocol_is_told_and_let_go() {
    let world = World::new(builtin);
    let session = world.spawn(&["cat"]);
    let say = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(session.directory.join("sock")).unwrap();
        stream.write_all(bytes).unwrap();
        let mut heard = Vec::new();
        // A connection that is cut with words unread is reset.
        _ = stream.read_to_end(&mut heard);
        String::from_utf8_lossy(&heard).into_owned()
    };
    assert_eq!(say(b"GET / HTTP/1.1\r\n\r\n"), "");
    assert_eq!(say(b"C\x02\0\0\0{}"), "", "no hello");
    let newer = r#"{"type":"hello","proto":9,"min":8}"#;
    let frame = [&b"C"[..], &(newer.len() as u32).to_le_bytes(), newer.as_bytes()].concat();
    assert!(say(&frame).contains(r#""proto":1"#));
    assert!(matches!(world.host.look(&session.id).unwrap().state, State::Running(_)));
}

#[test]
fn a_model_that_breaks_breaks_nothing_else() {
    let mut world = World::new(builtin);
    let builtin = Builtin::at(&world.home());
    world.host = Arc::new(builtin.with_program(STAGE, ["__host", "break-at", "BREAK"]));
    let session = world.spawn(&["cat"]);
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.type_in("whole\r");
    client.wait_for("whole\nwhole");
    client.type_in("BREAK\r");
    client.wait_for("BREAK\nBREAK");
    client.type_in("on\r");
    client.wait_for("on\non");
    let mut other = Client::attach(world.path(), &session.id, 80, 24);
    other.wait_for("on\non");
    assert!(!other.text().contains("whole"), "that was thrown away: {}", other.text());
    client.type_in("\x04");
    client.finish();
    assert_eq!(world.wait(&session.id), Exit::Code(0));
}

#[test]
fn a_directory_whose_path_is_too_long_for_a_socket() {
    let mut world = World::new(builtin);
    let home = world.path().join("d".repeat(120)).join("e".repeat(120));
    std::fs::create_dir_all(&home).unwrap();
    let home = Home::at(home);
    world.host = builtin(&home);
    let session = world.spawn(&[STAGE, "inside"]);
    assert_eq!(world.wait(&session.id), Exit::Code(0));
    assert_eq!(world.log(&session.id), "yes 0\n");
}

#[test]
fn what_is_no_session_is_a_problem_beside_the_others() {
    let world = World::new(builtin);
    let session = world.spawn(&["cat"]);
    let hosts = world.path().join("hosts");
    std::fs::create_dir(hosts.join("empty")).unwrap();
    std::fs::create_dir(hosts.join("broken")).unwrap();
    std::fs::write(hosts.join("broken/spec.json"), "{").unwrap();
    std::fs::create_dir(hosts.join("newer")).unwrap();
    std::fs::write(hosts.join("newer/spec.json"), r#"{"format":99}"#).unwrap();
    std::fs::write(hosts.join("file"), "").unwrap();
    std::os::unix::fs::symlink("/etc", hosts.join("link")).unwrap();
    std::fs::create_dir(hosts.join("NOT AN ID")).unwrap();
    let listing = world.host.list();
    assert_eq!(listing.sessions.len(), 1);
    assert_eq!(listing.sessions[0].id, session.id);
    let mut names: Vec<_> =
        listing.problems.iter().map(|p| p.path.file_name().unwrap().to_str().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["broken", "file", "link", "newer"], "{:?}", listing.problems);
}

#[test]
fn history_above_the_screen_and_a_hint_over_it() {
    let world = World::new(builtin);
    let session = world.shell("seq 1 200; cat");
    world.wait_for(&session.id, "200");
    let more = ["history=10", "hint=ctrl-\\ detaches"];
    let mut client = Client::with(world.path(), &session.id, 120, 40, &more);
    client.wait_for("ctrl-\\ detaches");
    // 161 to 200 are on the screen less the row of the cursor.
    client.wait_for_bytes(b"\r\n152\r\n153\r\n");
    client.type_in("x\r");
    client.wait_until("without it", |client| !client.text().contains("detaches"));
    client.wait_for("x\nx");
}

#[test]
fn ended_sessions_are_kept_until_a_time() {
    let world = World::new(builtin);
    let session = world.shell("exit 1");
    world.wait(&session.id);
    let running = world.spawn(&["cat"]);
    assert_eq!(world.hosts().remove_ended_before(session.started_at), 0);
    assert_eq!(world.hosts().remove_ended_before(u64::MAX), 1);
    assert_eq!(world.left(), [running.id.as_str()]);
    let nobody = HostedId::parse("nobody").unwrap();
    assert!(matches!(world.hosts().look(&nobody), Err(Error::NoSession { .. })));
}

/// Two hosts of two homes know nothing of each other.
#[test]
fn another_home_is_another_world() {
    let (one, two) = (World::new(builtin), World::new(builtin));
    let session = one.spawn(&["cat"]);
    assert!(two.host.list().sessions.is_empty());
    assert!(matches!(two.host.look(&session.id), Err(Error::NoSession { .. })));
    let host: &dyn SessionHost = &*one.host;
    assert_eq!(host.list().sessions.len(), 1);
}

/// A start that was killed leaves a directory under a hidden name. A later start removes it, after
/// an hour, and nobody else's: neither one in the making nor one that somebody holds.
#[test]
fn what_a_killed_start_has_left_is_removed_by_a_later_one() {
    let world = World::new(builtin);
    world.spawn(&["cat"]);
    let hosts = world.path().join("hosts");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
    let leave = |name: &str, is_old: bool| {
        let path = hosts.join(name);
        std::fs::create_dir(&path).unwrap();
        let lock = std::fs::File::create(path.join("lock")).unwrap();
        std::fs::write(path.join("spec.json"), "{").unwrap();
        if is_old {
            std::fs::File::open(&path).unwrap().set_modified(long_ago).unwrap();
        }
        lock
    };
    drop(leave(".0badcafe.00000001.new", true));
    drop(leave(".0badcafe.00000002.old", true));
    drop(leave(".0badcafe.00000003.new", false));
    drop(leave(".0badcafe.00000004.other", true));
    let held = leave(".0badcafe.00000005.new", true);
    held.lock().unwrap();
    world.spawn(&["cat"]);
    let left = || {
        let mut left = world.left();
        left.retain(|name| name.starts_with(".0badcafe"));
        left.sort();
        left
    };
    let expected = [".0badcafe.00000003.new", ".0badcafe.00000004.other", ".0badcafe.00000005.new"];
    // After the answer: nobody waits for it.
    world
        .wait_until("it is removed", |host| !host.list().sessions.is_empty() && left() == expected);
}
