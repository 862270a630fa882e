//! Homes on file systems where a lock proves nothing: FUSE here, in place of NFS, 9p, virtiofs and
//! the shares of desktop engines, which this kernel cannot be given.

use callboard::{Evidence, Registry};
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::{Actor, judged};
use crate::passthrough::{Lacks, mounted};
use crate::scene::{evidence, file_of};

/// kata #3408, docker/for-mac #7004: both containers are told that they have the lock.
#[test]
fn two_mounts_that_share_no_locks_make_nobody_dead() {
    let home = Home::new();
    let [(one_place, dir), (two_place, _)] = [(); 2].map(|()| mounted(&home, Lacks::default()));
    let sessions = dir.join("sessions");
    let start = |place: &testkit::Place, name| {
        let stage = place.stage().then(Stage::pid_namespace().with_pid(42));
        let mut actor = Actor::start_at(&stage, &home, &sessions);
        actor.ask("register", json!({ "name": name }));
        actor
    };
    let (mut one, mut two) = (start(&one_place, "one"), start(&two_place, "two"));
    let second = file_of(&mut two);
    assert_eq!(file_of(&mut one), "42.json");
    assert_ne!(second, "42.json");
    assert_eq!(two.ask("names", Value::Null), json!([second, "42.json"]), "no lock files");
    assert_eq!(two.ask("own", Value::Null)["lockIno"], Value::Null);

    assert_eq!(one.sees("42.json"), judged("alive", "pidfd"));
    assert_eq!(one.sees(&second), judged("unknown", "other-namespace"));
    assert_eq!(two.sees("42.json"), judged("unknown", "other-namespace"));
    // Below it all is the disk of this kernel, and the host sees into both.
    let below = home.path().join("backing/sessions");
    assert_eq!(evidence(&below, "42.json"), Evidence::SeenInside);

    assert_eq!(one.end_by("kill").code(), Some(128 + 9));
    assert_eq!(two.sees("42.json"), judged("unknown", "other-namespace"));
    assert_eq!(two.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
    assert_eq!(two.sees(&second), judged("alive", "pidfd"));
    assert_eq!(evidence(&below, "42.json"), Evidence::NotInside);
    assert_eq!(evidence(&below, &second), Evidence::SeenInside);
}

/// Whatever such a file system lacks, one writer at a time loses nothing and leaves nothing.
#[test]
fn a_session_lives_its_life_without_locks_and_without_renames() {
    for locks in [false, true] {
        a_life_on(Lacks { locks, ..Lacks::default() });
        for numbers in [false, true] {
            a_life_on(Lacks { locks, rename_flags: true, numbers });
        }
    }
}

fn a_life_on(lacks: Lacks) {
    let home = Home::new();
    let (place, dir) = mounted(&home, lacks);
    let sessions = dir.join("sessions");
    let start = || Actor::start_at(&place.stage(), &home, &sessions);
    let (mut me, mut hook) = (start(), start());
    me.ask("register", json!({ "name": "me" }));
    let file = file_of(&mut me);
    let names = |actor: &mut Actor| actor.ask("names", Value::Null);
    for round in 0..3 {
        assert_eq!(me.ask("status", json!(["busy", "idle"][round % 2])), "done", "{lacks:?}");
        let updated = hook.ask("update", json!([me.pid, "round", round]));
        assert_eq!(updated["round"], round, "{lacks:?}: {updated}");
        assert_eq!(me.ask("rename", json!(format!("name {round}"))), "done", "{lacks:?}");
        let own = me.ask("own", Value::Null);
        assert_eq!((&own["round"], &own["name"]), (&json!(round), &json!(format!("name {round}"))));
        assert_eq!(names(&mut me), json!([file]), "{lacks:?}");
    }
    assert_eq!(hook.sees(&file), judged("alive", "pidfd"), "{lacks:?}");
    // A file of ours that somebody removed comes back.
    me.ask("unlink", json!(sessions.join(&file)));
    assert_eq!(me.ask("status", json!("busy")), "done", "{lacks:?}");
    assert_eq!(hook.sees(&file), judged("alive", "pidfd"), "{lacks:?}");
    assert_eq!(me.ask("sign_out", Value::Null), "done", "{lacks:?}");
    assert_eq!(names(&mut hook), json!([]), "{lacks:?}");

    me.ask("register", json!({}));
    me.end_by("kill");
    assert_eq!(hook.sees(&file), judged("dead", "no-process"), "{lacks:?}");
    let swept = hook.ask("sweep", Value::Null);
    // Where the number of a file changes with its name, what was moved aside is not known again.
    let done = if lacks.numbers { json!([]) } else { json!([file]) };
    assert_eq!(swept["done"], done, "{lacks:?}: {swept}");
}

/// The machine that has the files goes away.
#[test]
fn a_file_server_that_is_gone_ends_nobody() {
    let home = Home::new();
    let (mut place, dir) = mounted(&home, Lacks::default());
    let sessions = dir.join("sessions");
    let mut me = Actor::start_at(&place.stage(), &home, &sessions);
    me.ask("register", json!({}));
    place.keeper().kill();
    place.keeper().wait();
    let seen = me.ask("list", Value::Null);
    assert_eq!(seen["sessions"], json!([]));
    let problems = seen["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].as_str().unwrap().contains("os error 107"), "{problems:?}");
    assert_eq!(me.ask("status", json!("busy"))["error"], "Io");
    assert_eq!(me.ask("quiet", Value::Null), json!({ "signed_in": false, "count": 0 }));
    assert_eq!(me.ask("sweep", Value::Null)["done"], json!([]));
    assert!(me.end_by("return").success());
    // What it left is found by whoever comes to the files another way.
    let left = Registry::at(home.path().join("backing/sessions")).list();
    assert_eq!(left.sessions[0].evidence(), Evidence::NoProcess);
}
