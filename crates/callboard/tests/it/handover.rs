//! `exec`: another program in the same process.

use callboard::Evidence;
use serde_json::{Value, json};
use testkit::Home;

use crate::actor::{Actor, alive, session};

#[test]
fn a_program_that_was_replaced_by_exec_is_the_same_session() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.tell("exec", json!({ "program": "sh" }));
    assert_eq!(actor.answer(), Some(json!("other program")));
    assert_eq!(session(&home, actor.pid).evidence(), Evidence::Pidfd);
    actor.process().kill();
    actor.process().wait();
    assert_eq!(session(&home, actor.pid).evidence(), Evidence::NoProcess);
}

#[test]
fn the_next_program_takes_the_record_over_and_keeps_what_it_does_not_say() {
    let home = Home::new();
    for hand_over in [true, false] {
        let mut actor = Actor::start(&home);
        actor.ask("register", json!({ "name": "billing" }));
        let before = actor.ask("update", json!([actor.pid, "theirs", "kept"]));
        actor.tell("exec", json!({ "hand_over": hand_over }));
        assert_eq!(actor.answer().unwrap()["pid"], actor.pid, "the same process");
        assert_eq!(session(&home, actor.pid).evidence(), Evidence::Pidfd);
        let path = actor.ask("register", json!({}));
        assert_eq!(path, json!(home.entry(&format!("{}.json", actor.pid))));
        let after = actor.ask("own", Value::Null);
        for kept in ["name", "theirs", "sessionId", "startedAt", "pidfdIno"] {
            assert_eq!(after[kept], before[kept], "{kept}");
        }
        assert!(after["lockIno"].is_u64(), "{after}");
        assert_eq!(alive(&home), [actor.pid]);
        assert!(actor.end_by("return").success());
        assert!(!home.names().iter().any(|name| name.ends_with("json")), "{:?}", home.names());
    }
}

/// Two registrations of one process: the later one has the record, and the earlier one can
/// neither change nor remove it.
#[test]
fn a_later_registration_of_the_same_process_takes_over() {
    use callboard::{Error, Registry, SignIn, Status, Verdict};
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let first = registry.register(SignIn::new().name("first")).unwrap().registration().unwrap();
    let second = registry.register(SignIn::new()).unwrap().registration().unwrap();
    assert_eq!(second.record().name().as_deref(), Some("first"));
    let refused = first.set_status(Status::Busy, None);
    assert!(matches!(refused, Err(Error::Ended { .. })), "{refused:?}");
    drop(first);
    second.set_status(Status::Idle, None).unwrap();
    let seen = registry.list().sessions;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].verdict(), Verdict::Alive);
    assert_eq!(seen[0].record.status(), Some(Status::Idle));
    drop(second);
    assert_eq!(registry.count().alive, 0);
}
