//! Kernels that refuse what the library asks first: a container's filter that is older than the
//! call (moby #41665), which is also as near to a kernel before 6.9 as this one can be brought.

use callboard::Evidence;
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::{Actor, judged, session};
use crate::scene::{evidence, file_of, nothing_swept};

/// `pidfd_open` has this number on every machine (asm-generic/unistd.h).
pub(crate) const PIDFD_OPEN: std::ffi::c_long = 434;

#[test]
fn without_pidfds_start_times_tell() {
    let home = Home::new();
    let filtered = Stage::here().refusing(&[PIDFD_OPEN]);
    let mut old = Actor::start_on(&filtered, &home);
    let mut new = Actor::signed_in(&home);
    old.ask("register", json!({}));
    let record = old.ask("own", Value::Null);
    assert_eq!(record["pidfdIno"], Value::Null, "{record}");
    let (olds, news) = (file_of(&mut old), file_of(&mut new));
    for reader in [&mut old, &mut new] {
        assert_eq!(reader.sees(&olds), judged("alive", "start-time"));
    }
    assert_eq!(old.sees(&news), judged("alive", "start-time"));
    let update = old.ask("update", json!([new.pid, "by", "old"]));
    assert_eq!(update["by"], "old");

    // A zombie, a number that is another process's, and nobody.
    let child = new.ask("child", json!("start"));
    new.ask("register_process", child.clone());
    new.ask("child", child.clone());
    assert_eq!(old.sees(&format!("{child}.json")), judged("dead", "exited"));
    let mut reused = record.clone();
    reused["procStart"] = json!("5");
    home.put(&olds, reused.to_string());
    assert_eq!(old.sees(&olds), judged("dead", "pid-reused"));
    home.put(&olds, record.to_string());
    new.end_by("kill");
    assert_eq!(old.sees(&news), judged("dead", "no-process"));
    old.end_by("kill");
    assert_eq!(session(&home, old.pid).evidence(), Evidence::NoProcess);
}

/// The same between containers, where the lock tells, and from a host that may not look inside.
#[test]
fn without_pidfds_locks_tell_between_containers() {
    let home = Home::new();
    let filtered = |stage: Stage| stage.refusing(&[PIDFD_OPEN]);
    let mut one = Actor::start_on(&filtered(Stage::pid_namespace().with_pid(42)), &home);
    let mut two = Actor::start_on(&filtered(Stage::pid_namespace().with_pid(43)), &home);
    let mut new = Actor::start_on(&Stage::pid_namespace().with_pid(44), &home);
    let mut host = Actor::start_on(&filtered(Stage::here()), &home);
    for actor in [&mut one, &mut new] {
        actor.ask("register", json!({}));
    }
    for reader in [&mut two, &mut host] {
        assert_eq!(reader.sees("42.json"), judged("alive", "lock-held"));
        assert_eq!(reader.sees("44.json"), judged("alive", "lock-held"));
    }
    one.end_by("kill");
    new.end_by("kill");
    for reader in [&mut two, &mut host] {
        assert_eq!(reader.sees("42.json"), judged("dead", "lock-free"));
        assert_eq!(reader.sees("44.json"), judged("dead", "lock-free"));
    }
}

/// Without a lock, the host sees into the container by start times, and never proves that somebody
/// is not there.
#[test]
fn without_pidfds_who_is_not_seen_is_not_absent() {
    let home = Home::new();
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    let child = container.ask("child", json!("start"));
    container.ask("register_process", child.clone());
    let file = format!("{child}.json");
    let mut host = Actor::start_on(&Stage::here().refusing(&[PIDFD_OPEN]), &home);
    assert_eq!(host.sees(&file), judged("alive", "seen-inside"));
    container.ask("child", child);
    assert_eq!(host.sees(&file), judged("unknown", "other-namespace"));
    assert_eq!(host.ask("sweep", Value::Null), nothing_swept());
    assert_eq!(evidence(&home.sessions(), &file), Evidence::NotInside);
}
