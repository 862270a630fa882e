//! Several programs write one record, and others read it.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use callboard::{Patch, Registry, SignIn, Status};
use serde_json::{Value, json};
use testkit::Home;

use crate::actor::{Actor, alive};

const WRITERS: usize = 8;
const TIMES: u64 = 200;

/// claude-code #41195 and #28922, agentistics PR #396 (62 of 120 records survived): nothing is
/// lost, and no reader sees half a record or none.
#[test]
fn nothing_is_lost_between_eight_writers_and_the_owner() {
    let home = Home::new();
    let mut owner = Actor::signed_in(&home);
    owner.ask("rename", json!("the name"));
    let start = owner.ask("own", Value::Null)["seq"].as_u64().unwrap();
    let mut writers: Vec<Actor> = (0..WRITERS).map(|_| Actor::start(&home)).collect();
    for (index, writer) in writers.iter_mut().enumerate() {
        writer.tell("update_many", json!([owner.pid, format!("count{index}"), TIMES]));
    }
    owner.tell("set_many", json!(["owner", TIMES]));

    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        // A reader that never rests, until the last writer is done.
        let reader = scope.spawn(|| {
            let registry = Registry::at(home.sessions());
            let mut last = 0;
            let mut reads = 0_u64;
            while !done.load(Ordering::Acquire) || reads == 0 {
                let seen = registry.list();
                assert!(seen.problems.is_empty(), "{:?}", seen.problems);
                assert_eq!(seen.sessions.len(), 1);
                let record = &seen.sessions[0].record;
                assert_eq!(record.name().as_deref(), Some("the name"));
                let seq = record.seq().unwrap();
                assert!(seq >= last, "{seq} after {last}");
                last = seq;
                reads += 1;
            }
        });
        let answers: Vec<_> = writers.iter_mut().map(Actor::answer).collect();
        let own = owner.answer();
        done.store(true, Ordering::Release);
        reader.join().unwrap();
        assert!(
            answers.iter().chain([&own]).all(|a| *a == Some(json!("done"))),
            "{answers:?} {own:?}"
        );
    });

    let seen = Registry::at(home.sessions()).list().sessions.remove(0).record;
    for index in 0..WRITERS {
        let count = seen.raw(&format!("count{index}")).map(str::to_owned);
        assert_eq!(count, Some(TIMES.to_string()), "writer {index}");
    }
    assert_eq!(seen.raw("owner"), Some(TIMES.to_string().as_str()));
    let writes = (WRITERS as u64 + 1) * TIMES;
    assert_eq!(seen.seq(), Some(start + writes), "each write counted once");
    // What the others wrote is the owner's too, from its next update on.
    owner.ask("status", json!("idle"));
    assert_eq!(owner.ask("own", Value::Null)["count7"], TIMES);
    let left = home.names();
    assert!(!left.iter().any(|name| name.ends_with(".tmp")), "{left:?}");
}

/// Qwen Code PR #8969: an update that was under way when its session signed out brought the
/// record back for good.
#[test]
fn a_late_update_never_brings_a_record_back() {
    let home = Home::new();
    let mut writers: Vec<Actor> = (0..3).map(|_| Actor::start(&home)).collect();
    let mut owner = Actor::start(&home);
    for round in 0..50 {
        owner.ask("register", json!({}));
        for writer in &mut writers {
            writer.tell("update_until_gone", json!(owner.pid));
        }
        // The writers are at it before the owner leaves.
        while Registry::at(home.sessions()).list().sessions[0].record.raw("late").is_none() {
            std::thread::yield_now();
        }
        assert_eq!(owner.ask("sign_out", Value::Null), "done");
        for writer in &mut writers {
            let updates = writer.answer().unwrap();
            assert!(updates.as_u64().is_some(), "in round {round}: {updates}");
        }
        assert_eq!(home.names(), [""; 0], "in round {round}");
    }
}

/// The same where the record is removed by somebody who takes no lock: a shell, or the exit path
/// of a session that may not wait for one.
#[test]
fn a_late_update_never_brings_back_what_was_removed_without_a_lock() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let mut writers: Vec<Actor> = (0..3).map(|_| Actor::start(&home)).collect();
    for round in 0..200 {
        let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
        for writer in &mut writers {
            writer.tell("update_until_gone", json!(std::process::id()));
        }
        while registry.list().sessions[0].record.raw("late").is_none() {
            std::thread::yield_now();
        }
        std::fs::remove_file(guard.path()).unwrap();
        for writer in &mut writers {
            assert!(writer.answer().unwrap().as_u64().is_some(), "in round {round}");
        }
        assert_eq!(registry.list().sessions.len(), 0, "in round {round}");
        guard.sign_out().unwrap();
    }
}

/// The same for a guard that several threads share.
#[test]
fn a_late_thread_never_brings_a_record_back() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    for round in 0..50 {
        let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
        let barrier = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    barrier.wait();
                    let patch = |n: u64| Patch::new().extra("n", Some(&json!(n)));
                    (1..).find(|n| registry.update(std::process::id(), &patch(*n)).is_err());
                });
            }
            barrier.wait();
            guard.set_status(Status::Busy, None).unwrap();
            guard.sign_out().unwrap();
        });
        assert_eq!(home.names(), [""; 0], "in round {round}");
    }
}

/// claude-code #47499, #48469: names that were lost. Neither a status from a hook, nor another
/// conversation, nor an empty name takes the name away.
#[test]
fn a_name_survives_what_others_write() {
    let home = Home::new();
    let mut owner = Actor::start(&home);
    owner.ask("register", json!({ "name": "billing" }));
    let mut hook = Actor::start(&home);
    hook.ask("update", json!([owner.pid, "theirs", { "deep": [1, 2] }]));
    owner.ask("rename", json!(""));
    owner.ask("rename", json!("  "));
    owner.ask("status", json!("compacting"));
    hook.ask("register_process", json!(owner.pid));
    owner.ask("reassert", Value::Null);
    let seen = Registry::at(home.sessions()).list().sessions.remove(0).record;
    assert_eq!(seen.name().as_deref(), Some("billing"));
    assert_eq!(seen.status(), Some(Status::from("compacting")));
    assert_eq!(seen.raw("theirs"), Some(r#"{"deep":[1,2]}"#));
    assert_eq!(alive(&home), [owner.pid]);
}

/// A hook that signs a process in which has signed in itself neither ends its registration nor
/// takes the kind from it.
#[test]
fn a_hook_that_signs_in_again_takes_nothing() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let sign_in = SignIn::new().kind(callboard::Kind::Background).session_id("s1");
    let guard = registry.register(sign_in).unwrap().registration().unwrap();
    let after = registry.register_process(std::process::id(), SignIn::new()).unwrap();
    assert_eq!(after.kind(), Some(callboard::Kind::Background));
    assert_eq!(after.session_id().as_deref(), Some("s1"));
    guard.set_status(Status::Busy, None).unwrap();
    assert_eq!(registry.list().sessions.len(), 1);
}

/// A writer that is stopped with the lock in its hand does not stop the others for long.
#[test]
fn a_lock_that_is_never_released_is_an_error_and_no_hang() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
    let held = std::fs::File::open(guard.path()).unwrap();
    held.lock().unwrap();
    let refused = registry.update(std::process::id(), &Patch::new().name("late"));
    assert!(matches!(refused, Err(callboard::Error::Contended { .. })), "{refused:?}");
    assert_eq!(registry.list().sessions.len(), 1, "readers take no lock");
    drop(held);
    guard.rename("in time").unwrap();
}
