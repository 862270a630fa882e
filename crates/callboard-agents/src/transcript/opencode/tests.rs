use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use rusqlite::Connection;
use serde_json::Value;

use super::*;
use crate::activity::Tail;
use crate::activity::TailState::{self, Busy, Idle, OpenCall, Waiting};

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/opencode/1.18.33/database");
const SESSION: &str = "ses_e035a73ceffe8Vm0qxkKyekOnL";

/// A database as opencode makes it, with rows of a recorded one.
struct World {
    dir: tempfile::TempDir,
    connection: Connection,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let connection = Connection::open(dir.path().join("opencode.db")).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.pragma_update(None, "synchronous", "off").unwrap();
        connection.pragma_update(None, "foreign_keys", "off").unwrap();
        for table in ["session", "message", "part"] {
            let schema = fs::read_to_string(format!("{RECORDED}/{table}.sql")).unwrap();
            connection.execute_batch(&schema).unwrap();
        }
        Self { dir, connection }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("opencode.db")
    }

    fn add(&self, table: &str, row: &Value) {
        let values: BTreeMap<&str, String> = row
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                (key.as_str(), text)
            })
            .collect();
        let columns = values.keys().map(|key| format!("\"{key}\"")).collect::<Vec<_>>().join(",");
        let marks = vec!["?"; values.len()].join(",");
        let insert = format!("INSERT INTO {table} ({columns}) VALUES ({marks})");
        self.connection.execute(&insert, rusqlite::params_from_iter(values.values())).unwrap();
    }

    fn message(&self, id: &str, at: i64, data: &str) {
        let data: Value = serde_json::from_str(data).unwrap();
        self.add("message", &serde_json::json!({
            "id": id, "session_id": SESSION, "time_created": at, "time_updated": at, "data": data,
        }));
    }

    fn part(&self, id: &str, message: &str, at: i64, updated: i64, data: &str) {
        let data: Value = serde_json::from_str(data).unwrap();
        self.add(
            "part",
            &serde_json::json!({
                "id": id, "message_id": message, "session_id": SESSION,
                "time_created": at, "time_updated": updated, "data": data,
            }),
        );
    }

    fn tail(&self) -> Option<Tail> {
        read(&self.path(), SESSION, Depth::Status, Sparkline::new(0, 1)).unwrap().tail
    }
}

fn recorded(table: &str) -> Vec<Value> {
    let text = fs::read_to_string(format!("{RECORDED}/{table}.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The rows as they were at a time: what had not ended then was open.
fn as_at(time: u64) -> World {
    let world = World::new();
    let was_there = |row: &&Value| row["time_created"].as_u64().unwrap() <= time;
    recorded("session").iter().for_each(|row| world.add("session", row));
    for row in recorded("message").iter().filter(was_there) {
        let mut row = row.clone();
        if row["data"]["time"]["completed"].as_u64().is_some_and(|at| at > time) {
            row["data"]["time"].as_object_mut().unwrap().remove("completed");
            row["data"].as_object_mut().unwrap().remove("error");
        }
        world.add("message", &row);
    }
    for row in recorded("part").iter().filter(was_there) {
        let mut row = row.clone();
        let state = &mut row["data"]["state"];
        if state["time"]["end"].as_u64().is_some_and(|at| at > time) {
            let start = state["time"]["start"].clone();
            *state =
                serde_json::json!({"status": "running", "input": {}, "time": {"start": start}});
        }
        world.add("part", &row);
    }
    world
}

#[test]
fn the_recorded_run_is_told_as_it_was() {
    // ms after the first prompt, as in the recording's list of keys and events; the state then.
    let cases: [(u64, Option<TailState>); 14] = [
        (0, None),
        (70, Some(Busy)),
        (2_000, Some(Busy)),
        (2_200, Some(Idle)),
        (6_900, Some(Busy)),
        // The permission is asked for at 7,445 and given at 15,995; the command ends at 20,063.
        (7_500, Some(OpenCall)),
        (15_900, Some(OpenCall)),
        (20_100, Some(Busy)),
        (20_300, Some(Busy)),
        (20_700, Some(Idle)),
        (27_000, Some(Busy)),
        (31_500, Some(Idle)),
        (36_500, Some(Busy)),
        (40_600, Some(Idle)),
    ];
    for (after, expected) in cases {
        let tail = as_at(1_795_240_070_170 + after).tail();
        assert_eq!(tail.as_ref().map(|tail| tail.state), expected, "{after} ms: {tail:?}");
    }
    let world = as_at(u64::MAX);
    let sparkline = Sparkline::new(1_795_240_111_000, 60_000);
    let reading = read(&world.path(), SESSION, Depth::Activity, sparkline).unwrap();
    let recent = reading.recent.unwrap();
    assert_eq!(recent.last_tool.as_deref(), Some("bash"));
    assert_eq!(recent.model.as_deref(), Some("stand-in"));
    assert_eq!(recent.tokens, Some(Tokens { context: 5, output: 5 }));
    // Four prompts, three texts, a call and its result.
    assert_eq!(recent.sparkline.counts.iter().sum::<u16>(), 9);
    let other = read(&world.path(), "ses_other", Depth::Status, sparkline).unwrap();
    assert_eq!(other.tail, None, "another session of the same database");
}

#[test]
fn the_last_part_of_the_last_message_tells() {
    const AGENT: &str = r#"{"role":"assistant","modelID":"m"}"#;
    let tool = |status: &str, rest: &str| {
        format!(
            r#"{{"type":"tool","tool":"bash","callID":"c1","state":{{"status":"{status}","time":{{"start":25}}{rest}}}}}"#
        )
    };
    let question = tool("running", "").replace("bash", "question").replace("c1", "c2");
    let other = tool("running", "").replace("c1", "c2");
    let finish = |reason: &str| format!(r#"{{"type":"step-finish","reason":"{reason}"}}"#);
    let (start, text) = (r#"{"type":"step-start"}"#, r#"{"type":"text","text":"Well."}"#);
    let noted = tool("running", r#","metadata":{"output":"a"}"#);
    let (running, pending) = (tool("running", ""), tool("pending", ""));
    let (done, failed) = (tool("completed", ""), tool("error", ""));
    let (stop, calls) = (finish("stop"), finish("tool-calls"));
    // (name, parts of the message, state, when)
    let cases: [(&str, &[&str], TailState, u64); 14] = [
        ("no part yet", &[], Busy, 20),
        ("a step begins", &[start], Busy, 30),
        ("text", &[start, text], Busy, 31),
        ("the turn is over", &[start, text, &stop], Idle, 32),
        ("it has become too long", &[start, text, &finish("length")], Idle, 32),
        ("the step is over, the turn is not", &[start, &done, &calls], Busy, 32),
        ("a call", &[start, &pending], OpenCall, 25),
        ("it runs or waits", &[start, &running], OpenCall, 25),
        ("it runs", &[start, &noted], Busy, 51),
        ("it runs beside one that may wait", &[start, &noted, &other], OpenCall, 25),
        ("it has run", &[start, &done], Busy, 51),
        ("it has failed", &[start, &failed], Busy, 51),
        ("one of two has run", &[start, &other, &done], OpenCall, 52),
        ("a question", &[start, &question, &done], Waiting, 52),
    ];
    for (name, parts, state, at) in cases {
        let world = World::new();
        world.message("msg_1", 10, r#"{"role":"user"}"#);
        world.message("msg_2", 20, AGENT);
        for (n, part) in (0..).zip(parts) {
            world.part(&format!("prt_{n}"), "msg_2", 30 + n, 50 + n, part);
        }
        let tail = world.tail().unwrap();
        assert_eq!((tail.state, tail.at), (state, Some(at)), "{name}");
        let asks = (state == Waiting).then_some("input needed");
        assert_eq!(tail.waiting_for.as_deref(), asks, "{name}");
    }
}

#[test]
fn a_failed_turn_is_over() {
    let world = World::new();
    world.message("msg_1", 10, r#"{"role":"user"}"#);
    let failed =
        r#"{"role":"assistant","time":{"completed":40},"error":{"name":"MessageAbortedError"}}"#;
    world.message("msg_2", 20, failed);
    world.part("prt_1", "msg_2", 30, 30, r#"{"type":"step-start"}"#);
    let tail = world.tail().unwrap();
    assert_eq!((tail.state, tail.at), (Idle, Some(40)));
    // A value that is not read for its length was written all the same.
    world.message("msg_3", 50, r#"{"role":"assistant"}"#);
    let long = format!(
        r#"{{"type":"tool","tool":"read","state":{{"output":"{}"}}}}"#,
        "a".repeat(300_000)
    );
    world.part("prt_2", "msg_3", 60, 70, &long);
    let tail = world.tail().unwrap();
    assert_eq!((tail.state, tail.at), (Busy, Some(70)));
}

#[test]
fn sessions_of_a_directory_are_found_without_those_of_agents() {
    let world = as_at(u64::MAX);
    let mut child = recorded("session")[0].clone();
    child["id"] = "ses_child".into();
    child["parent_id"] = SESSION.into();
    world.add("session", &child);
    let mut newer = recorded("session")[0].clone();
    newer["id"] = "ses_newer".into();
    newer["time_updated"] = 1_795_240_999_999_u64.into();
    world.add("session", &newer);
    let mut archived = newer.clone();
    archived["id"] = "ses_archived".into();
    archived["time_archived"] = 5.into();
    world.add("session", &archived);
    let found = |dir, since| sessions_in(&world.path(), dir, since).unwrap();
    let began = 1_795_240_070_193;
    assert_eq!(found("/home/dev/project", began), ["ses_newer".into(), SESSION.into()]);
    assert!(found("/home/dev/project", began + 1).is_empty());
    assert!(found("/home/dev", 0).is_empty());
}

/// Names, sizes, times and contents of all that is in the directory.
fn snapshot(dir: &Path) -> BTreeMap<String, (u64, SystemTime, Vec<u8>)> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let metadata = entry.metadata().unwrap();
            let name = entry.file_name().into_string().unwrap();
            let content = fs::read(entry.path()).unwrap();
            (name, (metadata.len(), metadata.modified().unwrap(), content))
        })
        .collect()
}

#[test]
fn reading_leaves_no_trace_and_keeps_no_writer_waiting() {
    let mut world = as_at(u64::MAX);
    // In use, with all of it still in the log.
    let before = snapshot(world.dir.path());
    assert!(before.contains_key("opencode.db-wal"), "a log to be read");
    assert_eq!(world.tail().unwrap().state, Idle);
    let marks = |snapshot: &BTreeMap<String, (u64, SystemTime, Vec<u8>)>| {
        // Readers leave their mark in the index's table of locks, which is of the running processes.
        snapshot
            .iter()
            .filter(|(name, _)| !name.ends_with("-shm"))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(marks(&snapshot(world.dir.path())), marks(&before));
    assert_eq!(snapshot(world.dir.path()).len(), before.len());

    // In the middle of a transaction: what is committed is read.
    let transaction = world.connection.transaction().unwrap();
    transaction.execute("DELETE FROM message", ()).unwrap();
    let path = world.dir.path().join("opencode.db");
    let during = read(&path, SESSION, Depth::Status, Sparkline::new(0, 1)).unwrap();
    assert_eq!(during.tail.unwrap().state, Idle);
    transaction.rollback().unwrap();

    // While a reader is at it, the writer writes.
    reading(&path, |database| {
        database.messages(SESSION, |_| {
            world.connection.execute("UPDATE session SET title = 'x'", ()).unwrap();
            Ok(false)
        })
    })
    .unwrap();

    // Nobody has it open: no log, no index, and none is made.
    let World { dir, connection } = world;
    connection.close().unwrap();
    let names = || {
        let mut names: Vec<_> =
            fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), ["opencode.db"]);
    let after = read(&path, SESSION, Depth::Status, Sparkline::new(0, 1)).unwrap();
    assert_eq!(after.tail.unwrap().state, Idle);
    assert_eq!(names(), ["opencode.db"]);
}

#[test]
fn a_directory_that_cannot_be_written_and_a_file_that_is_no_database() {
    let world = as_at(u64::MAX);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a file with % and ? in its name.db");
    let read = |path: &Path| read(path, SESSION, Depth::Status, Sparkline::new(0, 1));
    assert_eq!(read(&path).unwrap_err().kind(), io::ErrorKind::NotFound);
    fs::write(&path, "no database at all, but long enough to look like one".repeat(99)).unwrap();
    assert!(read(&path).is_err());
    fs::write(&path, "").unwrap();
    assert!(read(&path).is_err(), "no table yet");
    std::os::unix::fs::symlink(world.path(), dir.path().join("link")).unwrap();
    assert!(read(&dir.path().join("link")).is_err());
    assert!(read(dir.path()).is_err());
    // The whole of a database that is in use, copied without its log.
    world.connection.execute_batch("PRAGMA wal_checkpoint").unwrap();
    fs::copy(world.path(), &path).unwrap();
    assert_eq!(read(&path).unwrap().tail.unwrap().state, Idle);
}

#[test]
fn what_a_killed_program_left_is_read_and_not_touched() {
    let world = as_at(u64::MAX);
    let dir = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(world.dir.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join(entry.file_name())).unwrap();
    }
    let path = dir.path().join("opencode.db");
    let read = || read(&path, SESSION, Depth::Status, Sparkline::new(0, 1));
    // The index is of no use any more, and is made anew in memory.
    let before = snapshot(dir.path());
    assert!(before["opencode.db"].0 < before["opencode.db-wal"].0, "all is in the log");
    assert_eq!(read().unwrap().tail.unwrap().state, Idle);
    assert_eq!(snapshot(dir.path()), before);
    // Without its index the log cannot be read, and none is made.
    fs::remove_file(dir.path().join("opencode.db-shm")).unwrap();
    let before = snapshot(dir.path());
    let _ = read();
    assert_eq!(snapshot(dir.path()), before);
}

/// The flags in `.cargo/config.toml`: what a stranger's database could call on.
#[test]
fn sqlite_has_nothing_that_is_never_asked_for() {
    let connection = Connection::open_in_memory().unwrap();
    let mut query =
        connection.prepare("SELECT compile_options FROM pragma_compile_options").unwrap();
    let options = query.query_map([], |row| row.get(0)).unwrap();
    let options: Vec<String> = options.collect::<rusqlite::Result<_>>().unwrap();
    for absent in ["ENABLE_FTS", "ENABLE_RTREE", "ENABLE_DBSTAT", "ENABLE_LOAD_EXTENSION"] {
        assert!(!options.iter().any(|option| option.starts_with(absent)), "{absent}: {options:?}");
    }
    assert!(options.iter().any(|option| option == "OMIT_LOAD_EXTENSION"), "{options:?}");
    let trusts = connection.query_row("PRAGMA trusted_schema", [], |row| row.get::<_, bool>(0));
    assert_eq!(trusts, Ok(false));
}

#[test]
fn a_message_of_any_size_is_read_within_bounds() {
    let world = World::new();
    world.message("msg_1", 10, r#"{"role":"user"}"#);
    world.message("msg_2", 20, r#"{"role":"assistant"}"#);
    // Nothing that tells: a snapshot of files, some 100 KB each, 20 MB together.
    let patch = format!(r#"{{"type":"patch","files":["{}"]}}"#, "f".repeat(100_000));
    world.connection.execute_batch("BEGIN").unwrap();
    (0..200).for_each(|n| world.part(&format!("prt_{n:03}"), "msg_2", 30, 30, &patch));
    world.connection.execute_batch("COMMIT").unwrap();
    let bytes = Cell::new(0);
    reading(&world.path(), |database| {
        let mut fold = Fold::new(Depth::Status, Sparkline::new(0, 1));
        let mut bound = Bound::default();
        database.messages(SESSION, |row| {
            take_message(&row, database, &mut fold, &mut bound)?;
            Ok(bound.allows(&fold, database.bytes()))
        })?;
        bytes.set(database.bytes());
        Ok(())
    })
    .unwrap();
    assert!((1_000_000..10_000_000).contains(&bytes.get()), "{}", bytes.get());
}
