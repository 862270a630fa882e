//! One home, shared by containers: several PID namespaces, one kernel, one directory.

use callboard::process::{InsideSight, Processes, identify};
use callboard::{Evidence, Registry, Verdict};
use serde_json::{Value, json};
use testkit::{Home, Process, Stage};

use crate::actor::{Actor, alive, judged, session};

/// Whether the tests themselves run where every process of the kernel can be seen.
fn see_all() -> bool {
    const INITIAL: u64 = 0xEFFF_FFFC;
    Registry::at("/nowhere").here().pid_ns == Some(INITIAL)
}

fn file_of(actor: &mut Actor) -> String {
    let path = actor.ask("path", Value::Null);
    path.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// claude-code #95610, pi-intercom #83: the same number in two containers is two sessions.
#[test]
fn two_namespaces_see_each_other_by_the_lock() {
    let home = Home::new();
    let stage = Stage::pid_namespace().with_pid(42);
    let mut one = Actor::start_on(&stage, &home);
    let mut two = Actor::start_on(&stage, &home);
    assert_eq!((one.pid, two.pid), (42, 42));
    one.ask("register", json!({ "name": "one" }));
    two.ask("register", json!({ "name": "two" }));
    assert_eq!(file_of(&mut one), "42.json");
    let second = file_of(&mut two);
    let suffix = second.strip_prefix("42-").and_then(|s| s.strip_suffix(".json")).unwrap();
    assert!(suffix.len() == 8 && u32::from_str_radix(suffix, 16).is_ok(), "{second}");

    assert_eq!(one.sees(&second), judged("alive", "lock-held"));
    assert_eq!(two.sees("42.json"), judged("alive", "lock-held"));
    assert_eq!(one.sees("42.json"), judged("alive", "pidfd"));
    assert_eq!(alive(&home), [42, 42]);

    // Each updates its own, however like the other's it is called.
    for (actor, name) in [(&mut one, "one"), (&mut two, "two")] {
        let updated = actor.ask("update", json!([42, "by", "a hook"]));
        assert_eq!((&updated["by"], &updated["name"]), (&json!("a hook"), &json!(name)));
        assert_eq!(actor.ask("rename", json!("new name")), "done");
    }
    assert_eq!(one.end_by("kill").code(), Some(128 + 9));
    assert_eq!(two.sees("42.json"), judged("dead", "lock-free"));
    assert_eq!(two.sees(&second), judged("alive", "pidfd"));
    assert_eq!(session_at(&home, "42.json"), Evidence::LockFree);

    let swept = two.ask("sweep", Value::Null);
    assert_eq!(swept, json!({ "done": ["42.json"], "kept": [] }));
    assert_eq!(alive(&home), [42]);
    assert!(two.end_by("return").success());
    assert_eq!(home.names(), [""; 0]);
}

fn session_at(home: &Home, file: &str) -> Evidence {
    let seen = Registry::at(home.sessions()).list().sessions;
    seen.iter().find(|s| s.file.to_string() == file).unwrap().evidence()
}

/// claude-code #47128: a container that is restarted has the same pid again, and the session
/// that ran in it before leaves neither a ghost nor a hole.
#[test]
fn a_restarted_container_has_one_session() {
    let home = Home::new();
    let stage = Stage::pid_namespace().with_pid(42);
    for round in 1..=3 {
        let mut session = Actor::start_on(&stage, &home);
        session.ask("register", json!({ "name": format!("round {round}") }));
        let seen = session.ask("list", Value::Null);
        for other in seen["sessions"].as_array().unwrap() {
            let own = other["name"] == format!("round {round}");
            let expected = if own { "alive" } else { "dead" };
            assert_eq!(other["verdict"], expected, "in round {round}: {seen}");
        }
        session.ask("sweep", Value::Null);
        assert_eq!(alive(&home), [42], "in round {round}");
        assert_eq!(file_of(&mut session), "42.json", "in round {round}");
        session.end_by("kill");
        assert_eq!(session_at(&home, "42.json"), Evidence::LockFree);
    }
}

/// claude-code #85283: a container with a shared home deleted the record of every live session
/// of the host.
#[test]
fn a_sweep_in_a_container_leaves_the_host_alone() {
    let home = Home::new();
    let mut host = Actor::signed_in(&home);
    let child = host.ask("child", json!("start"));
    host.ask("register_process", child.clone());
    let mut gone = Actor::signed_in(&home);
    gone.process().kill();
    gone.process().wait();
    // And one that does not say where it comes from, with a number that nobody has.
    let record = json!({ "pid": 1_999_999_000, "procStart": "5", "sessionId": "s" });
    home.put("1999999000.json", record.to_string());

    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    container.ask("register", json!({}));
    assert_eq!(container.sees(&format!("{}.json", host.pid)), judged("alive", "lock-held"));
    assert_eq!(container.sees(&format!("{child}.json")), judged("unknown", "other-namespace"));
    assert_eq!(container.sees("1999999000.json"), judged("unknown", "origin-unstated"));
    // Proven dead, by the lock that it held: that one may go.
    let swept = container.ask("sweep", Value::Null);
    assert_eq!(swept, json!({ "done": [format!("{}.json", gone.pid)], "kept": [] }));
    let child = u32::try_from(child.as_u64().unwrap()).unwrap();
    let mut expected = [1, host.pid, child];
    expected.sort_unstable();
    assert_eq!(alive(&home), expected);
    assert!(home.names().contains(&"1999999000.json".into()));
    // From the container nobody of the host can be signed out or changed by number.
    for pid in [child, host.pid] {
        for (verb, argument) in [("update", json!([pid, "x", 1])), ("remove", json!(pid))] {
            assert_eq!(container.ask(verb, argument)["error"], "NoSession");
        }
    }
}

/// A record that was written on behalf of a process holds no lock.
#[test]
fn the_host_sees_into_a_container_and_a_sibling_does_not() {
    let home = Home::new();
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    let child = container.ask("child", json!("start"));
    container.ask("register_process", child.clone());
    let file = format!("{child}.json");
    assert_eq!(container.sees(&file), judged("alive", "pidfd"));
    assert_eq!(session_at(&home, &file), Evidence::SeenInside);

    let mut sibling = Actor::start_on(&Stage::pid_namespace(), &home);
    assert_eq!(sibling.sees(&file), judged("unknown", "other-namespace"));
    container.ask("child", child);
    assert_eq!(container.sees(&file), judged("dead", "exited"));
    assert_eq!(sibling.sees(&file), judged("unknown", "other-namespace"));
    assert_eq!(sibling.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
    let expected = if see_all() { Evidence::NotInside } else { Evidence::OtherNamespace };
    assert_eq!(session_at(&home, &file), expected);
}

/// A program that is replaced by `exec` has dropped its lock and lives: who can see it must not
/// go by the lock alone.
#[test]
fn exec_in_a_container_is_no_death() {
    let home = Home::new();
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    container.ask("register", json!({}));
    let mut sibling = Actor::start_on(&Stage::pid_namespace(), &home);
    container.tell("exec", json!({ "program": "sh" }));
    assert_eq!(container.answer(), Some(json!("other program")));
    let seen = session(&home, 1);
    assert_eq!(seen.evidence(), Evidence::SeenInside, "its lock is free, and it runs");
    _ = sibling.ask("list", Value::Null);
}

/// Somebody removed the lock file, and made another: nobody holds that one, and it says nothing.
#[test]
fn another_lock_file_of_the_same_name_proves_nothing() {
    let home = Home::new();
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    container.ask("register", json!({}));
    let mut sibling = Actor::start_on(&Stage::pid_namespace(), &home);
    assert_eq!(sibling.sees("1.json"), judged("alive", "lock-held"));
    home.put(".1.lock", "");
    assert_eq!(sibling.sees("1.json"), judged("unknown", "other-namespace"));
    assert_eq!(sibling.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
    std::fs::remove_file(home.entry(".1.lock")).unwrap();
    assert_eq!(sibling.sees("1.json"), judged("unknown", "other-namespace"));
    // Whatever it is: nobody waits for the other end of it.
    rustix::fs::mkfifoat(rustix::fs::CWD, home.entry(".1.lock"), 0o600.into()).unwrap();
    assert_eq!(sibling.sees("1.json"), judged("unknown", "other-namespace"));
    std::fs::remove_file(home.entry(".1.lock")).unwrap();
    assert_eq!(session(&home, 1).evidence(), Evidence::SeenInside);
    // Its owner has noticed nothing, and makes it good when the record is written anew.
    std::fs::remove_file(home.entry("1.json")).unwrap();
    container.ask("status", json!("busy"));
    assert_eq!(sibling.sees("1.json"), judged("alive", "lock-held"));
}

#[test]
fn a_lock_that_is_handed_over_to_exec_is_held_on() {
    let home = Home::new();
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    container.ask("register", json!({}));
    let mut sibling = Actor::start_on(&Stage::pid_namespace(), &home);
    container.tell("exec", json!({ "program": "sh", "hand_over": true }));
    assert_eq!(container.answer(), Some(json!("other program")));
    assert_eq!(sibling.sees("1.json"), judged("alive", "lock-held"));
    container.process().kill();
    container.process().wait();
    // `unshare` has killed pid 1 of the namespace as it was killed itself, and does not wait.
    drop(container);
}

/// A listing takes its time, and sessions start while it goes on: one whose record is read after
/// the look at all processes is not among them, and not dead.
#[test]
fn who_started_after_the_first_look_is_not_absent() {
    let here = Registry::at("/nowhere").here();
    let mut processes = Processes::new(&here);
    let claim = |pid| {
        let mut claim = identify(pid, &here).unwrap();
        claim.pid_ns = Some(1);
        claim
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    assert_eq!(processes.inside(&claim(std::process::id()), now), InsideSight::Running);
    let late = Process::start(&mut std::process::Command::new("cat"));
    assert_ne!(processes.inside(&claim(late.id()), now), InsideSight::Absent);
}

/// In a time namespace the machine was booted at another time, and start times differ.
#[test]
fn another_time_namespace_is_no_other_process() {
    let home = Home::new();
    let mut here = Actor::signed_in(&home);
    let mut there = Actor::start_on(&Stage::time_namespace(), &home);
    there.ask("register", json!({}));
    let mut expected = [here.pid, there.pid];
    expected.sort_unstable();
    assert_eq!(alive(&home), expected);
    let file = |actor: &Actor| format!("{}.json", actor.pid);
    let (here_file, there_file) = (file(&here), file(&there));
    assert_eq!(here.sees(&there_file), judged("alive", "pidfd"));
    assert_eq!(there.sees(&here_file), judged("alive", "pidfd"));
    // Where there are only start times, they prove nothing.
    let mut record = there.ask("own", Value::Null);
    record.as_object_mut().unwrap().remove("pidfdIno");
    home.put(&there_file, record.to_string());
    assert_eq!(here.sees(&there_file), judged("unknown", "hidden"));
    assert_eq!(there.sees(&there_file), judged("alive", "start-time"));
    assert_eq!(here.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
}

/// A sandbox that makes a PID namespace and leaves the `/proc` of the host in it.
#[test]
fn a_proc_of_another_namespace_is_not_asked() {
    let home = Home::new();
    let mut sandbox = Actor::start_on(&Stage::pid_namespace_without_proc(), &home);
    sandbox.ask("register", json!({}));
    assert_eq!(sandbox.sees("1.json"), judged("alive", "pidfd"));
    assert_eq!(session(&home, 1).evidence(), Evidence::LockHeld);
    let child = sandbox.ask("child", json!("start"));
    let record = sandbox.ask("register_process", child.clone());
    // What /proc says under this number is about somebody else.
    let cwd = record["cwd"].as_str().unwrap();
    assert!(cwd.is_empty() || cwd == home.path().to_str().unwrap(), "{cwd}");
    assert_eq!(sandbox.sees(&format!("{child}.json")), judged("alive", "pidfd"));
}

/// claude-code #74566: a process that we may not signal is alive. agmsg PR #447 and others too.
#[test]
fn who_may_not_be_signalled_is_alive() {
    const NOBODY: u32 = 65534;
    let (theirs, home) = (Home::new(), Home::with_sessions());
    let mut root = Actor::signed_in(&theirs);
    let mut by_ticks = root.ask("own", Value::Null);
    let file = format!("{}.json", root.pid);
    let give = |path: &std::path::Path| {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    };
    give(home.path());
    give(&home.sessions());
    give(&home.put(&file, by_ticks.to_string()));
    let mut nobody = Actor::start_as(NOBODY, &home);
    assert_eq!(nobody.sees(&file), judged("alive", "pidfd"));
    by_ticks.as_object_mut().unwrap().remove("pidfdIno");
    give(&home.put(&file, by_ticks.to_string()));
    assert_eq!(nobody.sees(&file), judged("alive", "start-time"));
    assert_eq!(nobody.ask("count_pids", Value::Null), 1);
    assert_eq!(nobody.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
    // It can be updated on its behalf, as far as the file goes.
    assert_eq!(nobody.ask("update", json!([root.pid, "x", 1]))["x"], 1);
    root.process().kill();
    root.process().wait();
    assert_eq!(nobody.sees(&file), judged("dead", "no-process"));
}

/// `/proc` mounted with `hidepid=invisible`: it looks gone, and is only hidden.
#[test]
fn a_process_that_proc_hides_is_not_dead() {
    const NOBODY: u32 = 65534;
    let home = Home::with_sessions();
    std::os::unix::fs::chown(home.path(), Some(NOBODY), Some(NOBODY)).unwrap();
    std::os::unix::fs::chown(home.sessions(), Some(NOBODY), Some(NOBODY)).unwrap();
    let hide = "mount -t proc -o hidepid=invisible proc /proc";
    let stage = Stage::with_mounts(hide, &home.sessions()).then_as_user(NOBODY);
    let mut nobody = Actor::start_copy_on(&stage, &home);
    // The test itself is root's.
    let here = Registry::at("/nowhere").here();
    let me = identify(here.pid, &here).unwrap();
    let record = json!({
        "pid": here.pid, "bootId": me.boot_id, "pidNs": me.pid_ns,
        "pidDomain": here.pid_domain(), "procStart": me.start_ticks.unwrap().to_string(),
    });
    let file = format!("{}.json", here.pid);
    let path = home.put(&file, record.to_string());
    std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    assert_eq!(nobody.sees(&file), judged("unknown", "hidden"));
    assert_eq!(nobody.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
    assert_eq!(session_verdict_of_other(&home, &file), None, "it is not ours to read");
}

fn session_verdict_of_other(home: &Home, file: &str) -> Option<Verdict> {
    let seen = Registry::at(home.sessions()).list();
    assert_eq!(seen.problems.len(), 1, "{:?}", seen.problems);
    seen.sessions.iter().find(|s| s.file.to_string() == file).map(|s| s.verdict())
}
