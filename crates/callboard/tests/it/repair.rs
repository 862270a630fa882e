//! A record that disappears while its session lives comes back; after signing out nothing does.

use std::fs;
use std::time::{Duration, Instant};

use callboard::{Error, Registration, Registry, SignIn, Status, Verdict};
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::{Actor, alive, session};

fn signed_in(home: &Home) -> (Registry, Registration) {
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new().name("lasting")).unwrap();
    (registry, guard.registration().unwrap())
}

fn assert_back(home: &Home, registry: &Registry) {
    let seen = registry.list();
    assert!(seen.problems.is_empty(), "{:?}", seen.problems);
    assert_eq!(seen.sessions.len(), 1);
    assert_eq!(seen.sessions[0].verdict(), Verdict::Alive);
    assert_eq!(seen.sessions[0].record.name().as_deref(), Some("lasting"));
    assert_eq!(seen.sessions[0].record.status(), Some(Status::Busy));
    // With its lock, so that other namespaces see it too.
    let lock = format!(".{}.lock", seen.sessions[0].file.stem());
    assert!(home.names().contains(&lock), "{:?}", home.names());
    let lock = fs::File::open(home.entry(&lock)).unwrap();
    assert!(lock.try_lock().is_err(), "the session holds it");
    use std::os::unix::fs::MetadataExt;
    let named = seen.sessions[0].record.number(callboard::Key::LockIno);
    assert_eq!(named, Some(lock.metadata().unwrap().ino()));
}

/// claude-code #74566 and #85283: "written once, never recreated".
#[test]
fn a_deleted_record_comes_back_with_the_next_update() {
    let home = Home::new();
    let (registry, guard) = signed_in(&home);
    fs::remove_file(guard.path()).unwrap();
    guard.set_status(Status::Busy, None).unwrap();
    assert_back(&home, &registry);
    // Also with one that changes nothing, and with the lock file gone as well.
    for name in home.names() {
        fs::remove_file(home.entry(&name)).unwrap();
    }
    guard.set_status(Status::Busy, None).unwrap();
    assert_back(&home, &registry);
    fs::remove_file(guard.path()).unwrap();
    guard.reassert().unwrap();
    assert_back(&home, &registry);
    guard.sign_out().unwrap();
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn a_deleted_home_comes_back_with_the_next_update() {
    let home = Home::new();
    let (registry, guard) = signed_in(&home);
    fs::remove_dir_all(home.sessions()).unwrap();
    guard.set_status(Status::Busy, None).unwrap();
    assert_back(&home, &registry);
    guard.sign_out().unwrap();
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn a_home_that_was_moved_away_is_made_anew() {
    let home = Home::new();
    let (registry, guard) = signed_in(&home);
    fs::rename(home.sessions(), home.path().join("moved")).unwrap();
    // It is looked at once a second, not with every update.
    let until = Instant::now() + Duration::from_secs(40);
    while !home.sessions().exists() {
        assert!(Instant::now() < until, "not made anew");
        guard.set_status(Status::Idle, None).unwrap();
        guard.set_status(Status::Busy, None).unwrap();
        std::thread::yield_now();
    }
    guard.set_status(Status::Busy, None).unwrap();
    assert_back(&home, &registry);
    guard.sign_out().unwrap();
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn after_signing_out_nothing_brings_it_back() {
    let home = Home::new();
    let (registry, guard) = signed_in(&home);
    let pid = std::process::id();
    fs::remove_file(guard.path()).unwrap();
    guard.sign_out().unwrap();
    assert_eq!(home.names(), [""; 0]);
    let late = registry.update(pid, &callboard::Patch::new().name("late"));
    assert!(matches!(late, Err(Error::NoSession { .. })), "{late:?}");
    assert!(matches!(registry.remove(pid), Err(Error::NoSession { .. })));
    assert_eq!(home.names(), [""; 0]);
    // Nor a home.
    fs::remove_dir_all(home.sessions()).unwrap();
    assert!(registry.update(pid, &callboard::Patch::new().name("late")).is_err());
    assert!(!home.sessions().exists());
}

/// A shell that redirects into the record, or an editor: the session says its own again.
#[test]
fn a_record_that_somebody_overwrote_is_published_beside_it() {
    for rubbish in ["", "{\"pid\":", "not ours\n"] {
        let home = Home::new();
        let (registry, guard) = signed_in(&home);
        fs::write(guard.path(), rubbish).unwrap();
        let overwritten = guard.path();
        guard.set_status(Status::Busy, None).unwrap();
        let seen = registry.list();
        assert_eq!(seen.sessions.len(), 1, "{rubbish:?}");
        assert_eq!(seen.sessions[0].record.name().as_deref(), Some("lasting"));
        assert_eq!(seen.sessions[0].verdict(), Verdict::Alive);
        assert_eq!(fs::read_to_string(&overwritten).unwrap(), rubbish, "it is not ours any more");
        // Hooks find it under its new name.
        registry.update(std::process::id(), &callboard::Patch::new().name("found")).unwrap();
        assert_eq!(registry.list().sessions[0].record.name().as_deref(), Some("found"));
        guard.sign_out().unwrap();
        assert_eq!(registry.list().sessions.len(), 0);
    }
}

/// An editor or a hook that writes a whole good record in place: it is kept.
#[test]
fn what_was_written_into_the_record_in_place_is_kept() {
    let home = Home::new();
    let (registry, guard) = signed_in(&home);
    let mut record: Value = serde_json::from_str(guard.record().as_json()).unwrap();
    record["name"] = json!("edited by hand");
    record["theirs"] = json!(true);
    fs::write(guard.path(), record.to_string()).unwrap();
    guard.set_status(Status::Busy, None).unwrap();
    let seen = registry.list().sessions.remove(0).record;
    assert_eq!(seen.name().as_deref(), Some("edited by hand"));
    assert_eq!(seen.raw("theirs"), Some("true"));
    assert_eq!(seen.status(), Some(Status::Busy));
}

/// A newer version wrote the record: it is read, and rewritten by nobody, its owner included.
#[test]
fn a_newer_format_is_never_rewritten() {
    let home = Home::new();
    let (registry, guard) = signed_in(&home);
    let mut record: Value = serde_json::from_str(guard.record().as_json()).unwrap();
    record["schemaVersion"] = json!(999);
    record["name"] = json!({ "newer": "shape" });
    let name = guard.path().file_name().unwrap().to_str().unwrap().to_owned();
    home.put(&name, record.to_string());
    let before = home.fingerprint();
    let newer = |result: callboard::Result<()>| {
        assert!(matches!(result, Err(Error::NewerFormat { version: 999, .. })), "{result:?}");
    };
    newer(guard.set_status(Status::Busy, None));
    newer(guard.reassert());
    newer(registry.update(std::process::id(), &callboard::Patch::new().name("n")).map(drop));
    assert_eq!(home.fingerprint(), before);
    let seen = registry.list();
    assert_eq!(seen.sessions[0].verdict(), Verdict::Alive);
    drop(guard);
    assert_eq!(registry.list().sessions.len(), 0, "leaving is not rewriting");
}

/// The path of a registry means what it meant when it was named, wherever the program goes.
#[test]
fn a_program_that_changes_its_directory_stays_in_its_registry() {
    let home = Home::new();
    let elsewhere = Home::new();
    let relative = std::path::Path::new("sessions");
    let mut actor = Actor::start_at(&Stage::here(), &home, relative);
    actor.ask("register", json!({}));
    actor.ask("cover", json!(["process_exit"]));
    actor.ask("chdir", json!(elsewhere.path()));
    fs::remove_dir_all(home.sessions()).unwrap();
    actor.ask("status", json!("busy"));
    assert_eq!(alive(&home), [actor.pid]);
    assert!(!elsewhere.sessions().exists());
    assert!(actor.end_by("exit").success());
    assert_eq!(home.names(), [""; 0]);
}

/// What covers the exits follows the record to the name that it had to take.
#[test]
fn a_covered_exit_follows_the_record_to_its_new_name() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("cover", json!(["process_exit"]));
    let name = format!("{}.json", actor.pid);
    fs::write(home.entry(&name), "not ours\n").unwrap();
    assert_eq!(actor.ask("status", json!("busy")), "done");
    let moved = session(&home, actor.pid).file;
    assert_ne!(moved.to_string(), name);
    assert!(actor.end_by("exit").success());
    let records: Vec<_> = home.names().into_iter().filter(|n| n.ends_with(".json")).collect();
    assert_eq!(records, [name]);
}

/// A thread that goes on updating while the program exits: the record does not come back.
#[test]
fn an_exit_path_is_the_end_for_every_thread() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("cover", json!([]));
    actor.ask("emergency_and_live", Value::Null);
    assert_eq!(home.names(), [""; 0]);
    assert_eq!(actor.ask("status", json!("busy"))["error"], "Ended");
    assert_eq!(actor.ask("reassert", Value::Null)["error"], "Ended");
    assert_eq!(home.names(), [""; 0]);
}

/// Another namespace's session took the name while our record was gone: each has its own.
#[test]
fn a_name_that_somebody_took_meanwhile_is_left_to_him() {
    let home = Home::new();
    let mut one = Actor::start_on(&Stage::pid_namespace().with_pid(42), &home);
    one.ask("register", json!({ "name": "one" }));
    for name in home.names() {
        fs::remove_file(home.entry(&name)).unwrap();
    }
    let mut two = Actor::start_on(&Stage::pid_namespace().with_pid(42), &home);
    two.ask("register", json!({ "name": "two" }));
    assert_eq!(one.ask("status", json!("busy")), "done");
    assert_eq!(alive(&home), [42, 42]);
    assert!(one.end_by("return").success());
    assert_eq!(session(&home, 42).record.name().as_deref(), Some("two"));
    assert!(two.end_by("return").success());
    assert_eq!(home.names(), [""; 0]);
}
