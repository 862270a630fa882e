//! Every way in which a session ends, and what the board says after it.

use callboard::{Evidence, Registry, Verdict};
use serde_json::{Value, json};
use testkit::{Home, Stage, kill, wait_for_exit};

use crate::actor::{Actor, alive, session};

/// What is left of a session that could not sign out: a stale record, which a sweep removes.
fn assert_swept(home: &Home, pid: u32, evidence: &[Evidence]) {
    let left = session(home, pid);
    assert_eq!(left.verdict(), Verdict::Dead, "{:?}", left.evidence());
    assert!(evidence.contains(&left.evidence()), "{:?}", left.evidence());
    let registry = Registry::at(home.sessions());
    assert_eq!(registry.count().alive, 0);
    let plan = registry.plan_sweep().unwrap();
    assert_eq!(plan.items.len(), 1, "{plan:?}");
    let report = registry.sweep(&plan).unwrap();
    assert_eq!((report.done.len(), report.kept.len()), (1, 0), "{report:?}");
    assert_eq!(home.names(), [""; 0], "the lock goes with the record");
}

#[test]
fn the_end_of_the_program_signs_out() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    assert_eq!(alive(&home), [actor.pid]);
    assert!(actor.end_by("return").success());
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn dropping_the_guard_signs_out() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    assert_eq!(actor.ask("drop", Value::Null), "done");
    assert_eq!(home.names(), [""; 0]);
    assert_eq!(actor.ask("register", json!({})), json!(home.entry(&format!("{}.json", actor.pid))));
    assert_eq!(actor.ask("sign_out", Value::Null), "done");
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn a_panic_that_unwinds_signs_out() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    assert_eq!(actor.end_by("panic").code(), Some(101));
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn kill_9_leaves_a_stale_record() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.process().kill();
    actor.process().wait();
    assert_swept(&home, actor.pid, &[Evidence::NoProcess]);
}

/// claude-code #89355: a zombie answers `kill -0` and has a `/proc/<pid>/stat`.
#[test]
fn a_zombie_is_dead() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.process().kill();
    actor.process().wait_without_collecting();
    assert!(callboard::process::signal_zero(actor.pid), "the pid is still taken");
    assert_swept(&home, actor.pid, &[Evidence::Exited]);
}

/// The same for a session that somebody else signed in, whose own parent does not collect it.
#[test]
fn a_zombie_of_another_parent_is_dead() {
    let home = Home::new();
    let mut actor = Actor::start(&home);
    let child = actor.ask("child", json!("start"));
    let record = actor.ask("register_process", child.clone());
    assert_eq!(record["pid"], child);
    let child_pid = u32::try_from(child.as_u64().unwrap()).unwrap();
    assert_eq!(alive(&home), [child_pid]);
    actor.ask("child", child);
    assert_swept(&home, child_pid, &[Evidence::Exited]);
    // And nobody can be signed in, or updated, who has ended.
    let again = actor.ask("register_process", json!(child_pid));
    assert_eq!(again["error"], "NoProcess", "{again}");
    let update = actor.ask("update", json!([child_pid, "x", 1]));
    assert_eq!(update["error"], "NoSession", "{update}");
}

#[test]
fn abort_leaves_a_stale_record() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    assert_eq!(actor.end_by("abort").code(), None);
    assert_swept(&home, actor.pid, &[Evidence::NoProcess]);
}

#[test]
fn process_exit_leaves_a_stale_record() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    assert!(actor.end_by("exit").success());
    assert_swept(&home, actor.pid, &[Evidence::NoProcess]);
}

#[test]
fn process_exit_signs_out_if_covered() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    assert_eq!(actor.ask("cover", json!(["process_exit"])), json!([]));
    assert!(actor.end_by("exit").success());
    assert_eq!(home.names(), [""; 0]);
}

/// The exit hook removes the record of this registration, and never one that only has its name.
#[test]
fn a_covered_exit_leaves_another_record_of_the_same_name() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("cover", json!(["process_exit"]));
    let name = format!("{}.json", actor.pid);
    let other = format!(r#"{{"pid":{},"instance":"{:032x}"}}"#, actor.pid, 7);
    home.put(&name, &other);
    assert!(actor.end_by("exit").success());
    assert_eq!(std::fs::read_to_string(home.entry(&name)).unwrap(), other);
}

#[test]
fn emergency_sign_out_before_a_kill() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("cover", json!([]));
    assert_eq!(actor.end_by("emergency").code(), None);
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn a_forked_child_never_signs_its_parent_out() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("cover", json!(["process_exit"]));
    let before = home.fingerprint();
    // The child panics (and the actor with it) if a call is not refused.
    for way in ["drop", "exit", "call"] {
        actor.ask("fork", json!(way));
        assert_eq!(home.fingerprint(), before, "after a child did {way}");
    }
    assert_eq!(alive(&home), [actor.pid]);
    assert_eq!(actor.ask("status", json!("busy")), "done");
    assert!(actor.end_by("return").success());
    assert_eq!(home.names(), [""; 0]);
}

/// A child that was forked and never executed anything keeps the lock of its parent: in this PID
/// namespace the process counts, not the lock.
#[test]
fn a_forked_child_that_holds_on_does_not_keep_its_parent_alive() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let child = u32::try_from(actor.ask("fork", json!("hold")).as_u64().unwrap()).unwrap();
    actor.process().kill();
    actor.process().wait();
    let left = session(&home, actor.pid);
    assert_eq!(left.evidence(), Evidence::NoProcess);
    kill(child);
    wait_for_exit(child);
    assert_swept(&home, actor.pid, &[Evidence::NoProcess]);
}

/// The number comes back, as another process: claude-code #72898, gastown #1681.
#[test]
fn a_reused_pid_is_dead() {
    let home = Home::new();
    // The actor that stays is pid 1 of the namespace, and sees what happens to number 77.
    let mut first = Actor::start_on(&Stage::pid_namespace(), &home);
    let inside = Stage::only_child_of(first.process());
    let mut session = Actor::start_on(&Stage::beside(inside).with_pid(77), &home);
    assert_eq!(session.pid, 77);
    session.ask("register", json!({ "name": "the real one" }));
    assert_eq!(first.sees("77.json").unwrap().0, "alive");
    session.end_by("kill");
    assert_eq!(first.sees("77.json").unwrap(), ("dead".into(), "no-process".into()));
    let mut stranger = Actor::start_on(&Stage::beside(inside).with_pid(77), &home);
    assert_eq!(stranger.pid, 77, "the number was not given out again");
    assert_eq!(first.sees("77.json").unwrap(), ("dead".into(), "pid-reused".into()));
    // It can sign in under its number, and inherits nothing.
    stranger.ask("register", json!({}));
    assert_eq!(first.sees("77.json").unwrap(), ("alive".into(), "pidfd".into()));
    assert_eq!(stranger.ask("own", Value::Null)["name"], Value::Null);
    assert_eq!(first.ask("list", Value::Null)["sessions"].as_array().unwrap().len(), 1);
}

/// The same from the record's side, by each of the two identities.
#[test]
fn a_record_of_an_earlier_process_is_dead() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let name = format!("{}.json", actor.pid);
    let own = actor.ask("own", Value::Null);
    let with = |key: &str, value: Value| {
        let mut record = own.clone();
        record[key] = value;
        record
    };
    let pidfd = own["pidfdIno"].as_u64().expect("this kernel has pidfs");
    home.put(&name, with("pidfdIno", json!(pidfd + 1)).to_string());
    assert_eq!(session(&home, actor.pid).evidence(), Evidence::PidReused);
    let mut ticks = with("procStart", json!("1"));
    assert_eq!(session(&home, actor.pid).evidence(), Evidence::PidReused);
    ticks.as_object_mut().unwrap().remove("pidfdIno");
    home.put(&name, ticks.to_string());
    assert_eq!(session(&home, actor.pid).evidence(), Evidence::PidReused);
    // A kernel without pidfs wrote it, and it is the one.
    let mut older = own.clone();
    older.as_object_mut().unwrap().remove("pidfdIno");
    home.put(&name, older.to_string());
    assert_eq!(session(&home, actor.pid).evidence(), Evidence::StartTime);
}

/// A thread's number answers `kill -0` and has a `/proc` entry, and is no process.
#[test]
fn the_number_of_a_thread_is_no_session() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let thread = actor.ask("thread_id", Value::Null);
    let thread = u32::try_from(thread.as_u64().unwrap()).unwrap();
    assert_ne!(thread, actor.pid, "the harness runs a test in a thread");
    assert!(callboard::process::signal_zero(thread));
    let mut record = actor.ask("own", Value::Null);
    record["pid"] = json!(thread);
    home.put(&format!("{thread}.json"), record.to_string());
    assert_eq!(session(&home, thread).evidence(), Evidence::NoProcess);
    assert_eq!(alive(&home), [actor.pid]);
    assert_eq!(actor.ask("register_process", json!(thread))["error"], "NoProcess");
}

/// The records of a boot that is over, as a power cut leaves them: no process of theirs can be
/// running, whoever has their pids now. Another boot id alone does not say so: a guest that shares
/// this disk has one too, and writes while this boot goes on.
#[test]
fn a_reboot_leaves_stale_records_and_another_machine_does_not() {
    const OTHER_BOOT: &str = "00000000-1111-4222-8333-444444444444";
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let pid = actor.pid;
    let record = session(&home, pid).record;
    let here = Registry::at(home.sessions()).here();
    let (Some(boot), Some(machine)) = (&here.boot_id, &here.machine_id) else {
        panic!("this test needs /proc and /etc/machine-id: {here:?}");
    };
    let name = format!("{pid}.json");
    // Its lock, which it still holds, would tell that it lives.
    let mut unlocked: Value = serde_json::from_str(record.as_json()).unwrap();
    unlocked.as_object_mut().unwrap().remove("lockIno");
    let ours = unlocked.to_string().replace(&**boot, OTHER_BOOT);
    let theirs = ours.replace(&**machine, &"0".repeat(32));
    assert!(ours != record.as_json() && theirs != ours, "{}", record.as_json());
    let up = std::fs::read_to_string("/proc/uptime").unwrap();
    let up: f64 = up.split(' ').next().unwrap().parse().unwrap();
    let before_boot = std::time::Duration::from_secs_f64(up + 3600.0);

    // (who wrote it, when, what it then is)
    let cases = [
        (&ours, Some(before_boot), Evidence::Rebooted),
        (&ours, None, Evidence::OtherBoot),
        (&theirs, Some(before_boot), Evidence::OtherBoot),
    ];
    for (text, age, evidence) in cases {
        home.put(&name, text.as_bytes());
        if let Some(age) = age {
            home.age(&name, age);
        }
        assert_eq!(session(&home, pid).evidence(), evidence);
    }
    // The session itself lives, and its next word puts things right.
    actor.ask("status", json!("idle"));
    assert_eq!(session(&home, pid).verdict(), Verdict::Alive);
}
