//! A watch of the whole board: whatever a session's status comes from, its change is told.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use callboard::{Patch, SignIn, Status};
use callboard_agents::{BoardEvent, BoardWatch, FoundBy, Sources, StatusFrom};

use crate::world::{Process, World};

/// Longer than anything takes: an event that has not come by then never comes.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(40));

const ID: &str = "3f484c5b-625b-4efd-be22-03d0127ddd25";

fn watch(world: &World) -> BoardWatch {
    BoardWatch::start(world.sources()).unwrap().1
}

/// The next event about one of these processes, as a short text.
fn next_of(watch: &mut BoardWatch, pids: &[u32]) -> String {
    loop {
        let event = watch.next_within(PATIENCE).unwrap().expect("something happens");
        if event.row().is_none_or(|row| pids.contains(&row.pid)) {
            return text(&event);
        }
    }
}

fn text(event: &BoardEvent) -> String {
    let status = |row: &callboard_agents::Row| {
        let word = row.status.as_ref().map_or("-", Status::as_str);
        let from = row.status_from.map_or("-", StatusFrom::as_str);
        format!("{word} by {from}")
    };
    match event {
        BoardEvent::Appeared(row) => format!("appeared {}", status(row)),
        BoardEvent::Changed { row, fields, .. } => {
            format!("changed {} {}", fields.join(","), status(row))
        }
        BoardEvent::Gone { why, .. } => format!("gone {why}"),
        BoardEvent::Problem(problem) => format!("problem {}", problem.kind),
        other => format!("{other:?}"),
    }
}

#[test]
fn an_agent_that_rewrites_its_record() {
    let (world, process) = (World::new(), Process::start());
    let mut watch = watch(&world);
    let me = &[process.pid()];
    // The very first session: not even the directory was there.
    world.claude_session(&process, r#""status":"idle","statusUpdatedAt":1"#);
    assert_eq!(next_of(&mut watch, me), "appeared idle by record");
    world.claude_session(&process, r#""status":"busy","statusUpdatedAt":2"#);
    assert_eq!(next_of(&mut watch, me), "changed status busy by record");
    world.claude_session(&process, r#""status":"busy","statusUpdatedAt":2,"updatedAt":3"#);
    world.claude_session(
        &process,
        r#""status":"waiting","waitingFor":"permission prompt","statusUpdatedAt":4"#,
    );
    assert_eq!(next_of(&mut watch, me), "changed status,waitingFor waiting by record");
    process.end();
    assert_eq!(next_of(&mut watch, me), "gone died");
}

#[test]
fn the_same_session_in_two_registries_is_one() {
    let (world, process) = (World::new(), Process::start());
    let me = &[process.pid()];
    world.claude_session(&process, r#""status":"busy","statusUpdatedAt":1"#);
    let mut watch = watch(&world);
    let sign_in = SignIn::new().name("billing");
    world.own().register_process(process.pid(), sign_in).unwrap();
    assert_eq!(next_of(&mut watch, me), "changed name,kind busy by record");
    let hook = Patch::new().status(Status::Idle, None).by_hook(5);
    world.own().update(process.pid(), &hook).unwrap();
    // The agent's own record knows better than a hook: nothing has changed.
    world.own().update(process.pid(), &Patch::new().name("payments")).unwrap();
    assert_eq!(next_of(&mut watch, me), "changed name busy by record");
    world.claude_session(&process, r#""status":"idle","statusUpdatedAt":9"#);
    assert_eq!(next_of(&mut watch, me), "changed status idle by record");
    world.own().remove(process.pid()).unwrap();
    assert_eq!(next_of(&mut watch, me), "changed name,kind idle by record");
}

/// Qwen Code's record has no status: a conversation that grows is what tells.
#[test]
fn a_conversation_that_grows() {
    let (world, process) = (World::new(), Process::start());
    let me = &[process.pid()];
    let chats = world.home().join(".qwen/projects/p/chats");
    fs::create_dir_all(&chats).unwrap();
    let file = chats.join(format!("{ID}.jsonl"));
    write_line(&file, "user", r#""message":{"role":"user","parts":[{"text":"x"}]}"#);
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let record = format!(
        r#"{{"schemaVersion":1,"pid":{},"procStart":"{}:{}","sessionId":"{ID}","cwd":"/p","startedAt":1,"kind":"tui"}}"#,
        process.pid(),
        boot.trim(),
        process.ticks(),
    );
    let sessions = world.sessions(".qwen");
    fs::write(sessions.join(format!("{}.json", process.pid())), record).unwrap();
    let (board, mut watch) = BoardWatch::start(world.sources()).unwrap();
    assert_eq!(board.rows[0].status, Some(Status::Busy), "{:#?}", board.rows[0]);
    write_line(
        &file,
        "assistant",
        r#""message":{"role":"model","parts":[{"text":"y"}]},"usageMetadata":{}"#,
    );
    assert_eq!(next_of(&mut watch, me), "changed status idle by transcript");
    // A hook speaks, and the file moves on past it.
    let sign_in = SignIn::new().session_id(ID).tool("qwen", "0.24.4");
    world.own().register_process(process.pid(), sign_in).unwrap();
    let asked = Patch::new().status(Status::Waiting, Some("permission prompt")).by_hook(now());
    world.own().update(process.pid(), &asked).unwrap();
    loop {
        let told = next_of(&mut watch, me);
        if told.ends_with("waiting by hook") {
            break;
        }
    }
    write_line(&file, "user", r#""message":{"role":"user","parts":[{"text":"z"}]}"#);
    loop {
        let told = next_of(&mut watch, me);
        if told.ends_with("busy by transcript") {
            break;
        }
    }
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

/// One line of a conversation in Qwen Code's form, of now.
fn write_line(file: &Path, kind: &str, rest: &str) {
    let mut file = fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
    // Later than all that was said before: of two words of one millisecond, a hook's counts.
    let before = now();
    while now() == before {
        std::thread::yield_now();
    }
    let at = jiff::Timestamp::now();
    writeln!(
        file,
        r#"{{"uuid":"{at}","sessionId":"{ID}","timestamp":"{at:.3}","type":"{kind}","cwd":"/p",{rest}}}"#
    )
    .unwrap();
}

/// An agent that registers nothing: the directory in which it makes its files rings, or the start
/// of its program; its end does.
#[test]
fn an_agent_without_a_record_comes_and_goes() {
    let world = World::new();
    let lookup = |name: &str| (name == "HOME").then(|| world.home().into());
    let sources = Sources::from_lookup(world.own(), &[], lookup);
    let locks = world.home().join(".codex/thread-writer-locks");
    fs::create_dir_all(&locks).unwrap();
    let (_, mut watch) = BoardWatch::start(sources).unwrap();
    let lock = locks.join(format!("{ID}.lock"));
    let script = format!("exec 9>'{}'; flock 9", lock.display());
    let codex = world.native("codex", &script, &[]).start();
    let pid = codex.pid();
    // It is there before its lock is, which says that a conversation can begin.
    let mut told = next_of(&mut watch, &[pid]);
    while !told.ends_with("idle by transcript") {
        assert!(!told.starts_with("gone"), "{told}");
        told = next_of(&mut watch, &[pid]);
    }
    let row = watch.rows().find(|row| row.pid == pid).unwrap();
    assert_eq!(row.tool.as_deref(), Some("codex"));
    codex.end();
    loop {
        let told = next_of(&mut watch, &[pid]);
        if told.starts_with("gone") {
            assert_eq!(told, "gone died");
            break;
        }
    }
}

#[test]
fn what_cannot_be_read_is_told_once() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session(&process, r#""status":"idle""#);
    let mut watch = watch(&world);
    let torn = world.sessions(".claude").join("1.json");
    // Old enough that nobody can be in the middle of writing it.
    fs::write(&torn, "{").unwrap();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(&torn).unwrap().set_modified(long_ago).unwrap();
    world.claude_session(&process, r#""status":"busy""#);
    let mut told = vec![next_of(&mut watch, &[process.pid()])];
    while !told.iter().any(|told| told.starts_with("problem")) {
        told.push(next_of(&mut watch, &[process.pid()]));
    }
    world.claude_session(&process, r#""status":"shell""#);
    loop {
        let next = next_of(&mut watch, &[process.pid()]);
        assert!(!next.starts_with("problem"), "{next} again");
        if next == "changed status shell by record" {
            break;
        }
    }
    assert!(told.iter().filter(|told| told.starts_with("problem")).count() == 1, "{told:?}");
}

/// What a process holds is no part of its record: a change of the record leaves it as it was.
#[test]
fn what_a_process_holds_stays_when_its_record_changes() {
    let world = World::new();
    let lookup = |name: &str| (name == "HOME").then(|| world.home().into());
    let locks = world.home().join(".codex/thread-writer-locks");
    fs::create_dir_all(&locks).unwrap();
    let lock = locks.join(format!("{ID}.lock"));
    let script = format!("exec 9<>'{}'; flock -n 9 || exit 1", lock.display());
    let codex = world.native("codex", &script, &[]).start();
    let pid = codex.pid();
    world.own().register_process(pid, SignIn::new().tool("codex", "0.169.0")).unwrap();
    let (_, mut watch) = BoardWatch::start(Sources::from_lookup(world.own(), &[], lookup)).unwrap();
    let held = |watch: &BoardWatch| {
        let row = watch.rows().find(|row| row.pid == pid).unwrap();
        (row.session_id.clone(), row.found_by)
    };
    let before = held(&watch);
    assert_eq!(before, (Some(ID.into()), FoundBy::Lock));
    world.own().update(pid, &Patch::new().name("billing")).unwrap();
    assert!(next_of(&mut watch, &[pid]).starts_with("changed name"));
    assert_eq!(held(&watch), before);
}
