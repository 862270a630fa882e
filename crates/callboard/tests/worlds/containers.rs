//! Containers that share a home: of another user, one within the other, and one after the other.

use callboard::{Evidence, Registry, SignIn};
use serde_json::{Value, json};
use testkit::{Home, Place, Stage};

use crate::actor::{Actor, alive, judged};
use crate::scene::{evidence, file_of, give, nothing_swept, pid_namespace_of};

/// Nobody's number on any machine.
const SOMEBODY: u32 = 61_234;

/// User, mount and PID namespace at once, the home at another path, root inside and not outside,
/// and a session of the same pid number on either side.
#[test]
fn a_development_container_and_its_host_do_not_take_each_other_for_dead() {
    let home = Home::with_sessions();
    give(&home, SOMEBODY);
    let mut host = Actor::start_copy_on(&Stage::as_user(SOMEBODY), &home);
    let mut inside = development_container(&home, host.pid);
    assert_eq!(inside.pid, host.pid);
    host.ask("register", json!({ "name": "host" }));
    let path = inside.ask("register", json!({ "name": "container" }));
    assert!(path.as_str().unwrap().contains("/elsewhere/"), "{path}");
    let (ours, theirs) = (file_of(&mut host), file_of(&mut inside));
    assert_eq!(ours, format!("{}.json", host.pid));
    assert_ne!(ours, theirs);

    assert_eq!(host.sees(&theirs), judged("alive", "lock-held"));
    assert_eq!(inside.sees(&ours), judged("alive", "lock-held"));
    assert_eq!(inside.sees(&theirs), judged("alive", "pidfd"));
    // A number means the one beside whom it is said.
    let named = inside.ask("update", json!([host.pid, "by", "a hook"]));
    assert_eq!(named["name"], "container");

    assert_eq!(inside.end_by("kill").code(), Some(128 + 9));
    assert_eq!(host.sees(&theirs), judged("dead", "lock-free"));
    assert_eq!(host.sees(&ours), judged("alive", "pidfd"));
    let mut again = development_container(&home, host.pid);
    assert_eq!(again.ask("sweep", Value::Null), json!({ "done": [theirs], "kept": [] }));
    assert_eq!(again.sees(&ours), judged("alive", "lock-held"));

    host.end_by("kill");
    assert_eq!(again.sees(&ours), judged("dead", "lock-free"));
    assert_eq!(again.ask("sweep", Value::Null), json!({ "done": [ours], "kept": [] }));
    assert_eq!(home.names(), [""; 0]);
}

fn development_container(home: &Home, pid: u32) -> Actor {
    let elsewhere = home.path().join("elsewhere");
    let bind = r#"mkdir -p "$1/elsewhere" && mount --bind "$1/sessions" "$1/elsewhere""#;
    let stage = Stage::as_user(SOMEBODY)
        .then(Stage::container())
        .then(Stage::after(bind, home.path()))
        .with_pid(pid);
    Actor::start_copy_at(&stage, home, &elsewhere)
}

/// In a user namespace the files of everybody who has no number there look like nobody's.
#[test]
fn a_home_whose_owner_has_no_number_here_is_another_users() {
    let home = Home::with_sessions();
    let mut host = Actor::signed_in(&home);
    open_to_all(&home);
    let before = home.fingerprint();
    let stage = Stage::as_user(SOMEBODY).then(Stage::container());
    let mut inside = Actor::start_copy_on(&stage, &home);
    let seen = inside.ask("list", Value::Null);
    assert_eq!(seen["sessions"], json!([]));
    assert!(seen["problems"][0].as_str().unwrap().contains("65534"), "{seen}");
    assert_eq!(inside.ask("register", json!({}))["error"], "Untrusted");
    assert_eq!(inside.ask("quiet", Value::Null), json!({ "signed_in": false, "count": 0 }));
    assert_eq!(home.fingerprint(), before);
    assert!(host.end_by("return").success());
}

/// The system's symlinks are nobody's there too (`/home` is one on some systems).
#[test]
fn a_link_of_root_is_followed_where_root_has_no_number() {
    let home = Home::with_sessions();
    give(&home, SOMEBODY);
    let link = home.path().join("link");
    std::os::unix::fs::symlink(home.sessions(), &link).unwrap();
    let stage = Stage::as_user(SOMEBODY).then(Stage::container());
    let mut inside = Actor::start_copy_at(&stage, &home, &link);
    inside.ask("register", json!({}));
    let file = file_of(&mut inside);
    assert_eq!(inside.sees(&file), judged("alive", "pidfd"));
    assert!(home.names().contains(&file));
}

/// How somebody outside looks at the home of a container.
#[test]
fn a_home_in_another_mount_namespace_is_read_through_proc() {
    let home = Home::new();
    let disk = home.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let place = Place::with_mounts("mount -t tmpfs none $1/disk", home.path());
    let sessions = disk.join("sessions");
    let mut inside = Actor::start_at(&place.stage(), &home, &sessions);
    inside.ask("register", json!({}));
    let file = file_of(&mut inside);
    let outside = place.seen_from_outside(&sessions);
    assert_eq!(evidence(&outside, &file), Evidence::Pidfd);
    // And the same path without the detour is another directory.
    assert!(Registry::at(&sessions).list().sessions.is_empty());
    assert!(Registry::at(outside).register(SignIn::new()).is_ok());
    assert!(!sessions.exists());
}

/// In one in which nobody has a number, we are nobody too, and so is whoever planted a directory.
#[test]
fn nobody_is_not_the_same_as_nobody() {
    let home = Home::with_sessions();
    let mut host = Actor::signed_in(&home);
    open_to_all(&home);
    for name in home.names() {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(home.entry(&name), mode).unwrap();
    }
    let nobody = Stage::as_user(SOMEBODY).then(Stage::user_namespace_of_nobody());
    let mut inside = Actor::start_copy_on(&nobody, &home);
    let seen = inside.ask("list", Value::Null);
    assert_eq!(seen["sessions"], json!([]), "these are another user's records");
    assert_eq!(inside.ask("register", json!({}))["error"], "Untrusted");
    // A record of another's in a directory of ours.
    let ours = Home::with_sessions();
    std::fs::copy(home.entry(&file_of(&mut host)), ours.entry(&file_of(&mut host))).unwrap();
    for dir in [ours.path(), &ours.sessions()] {
        std::os::unix::fs::chown(dir, Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    }
    let mut inside = Actor::start_copy_on(&nobody, &ours);
    let seen = inside.ask("list", Value::Null);
    assert_eq!(seen["sessions"], json!([]), "{seen}");
    // What is our own is ours, though all that can be seen of us is that we are nobody.
    inside.ask("register", json!({}));
    let own = file_of(&mut inside);
    assert_eq!(inside.sees(&own), judged("alive", "pidfd"));
}

fn open_to_all(home: &Home) {
    for dir in [home.path(), &home.sessions()] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(dir, mode).unwrap();
    }
}

/// Who is outside sees into what is within; not the other way, and a dead one within is only
/// proven by the outermost.
#[test]
fn a_container_in_a_container() {
    let home = Home::new();
    let mut outer = Actor::start_on(&Stage::pid_namespace(), &home);
    let within = Stage::beside(Stage::only_child_of(outer.process()));
    // Not as pid 1, which cannot kill itself.
    let mut inner = Actor::start_on(&within.then(Stage::pid_namespace().with_pid(7)), &home);
    inner.ask("register", json!({}));
    let own = file_of(&mut inner);
    let child = inner.ask("child", json!("start"));
    inner.ask("register_process", child.clone());
    let childs = format!("{child}.json");
    outer.ask("register", json!({}));
    let outers = file_of(&mut outer);

    assert_eq!(outer.sees(&own), judged("alive", "lock-held"));
    assert_eq!(outer.sees(&childs), judged("alive", "seen-inside"));
    assert_eq!(inner.sees(&outers), judged("alive", "lock-held"));
    inner.ask("child", child);
    assert_eq!(outer.sees(&childs), judged("unknown", "other-namespace"));
    assert_eq!(evidence(&home.sessions(), &childs), Evidence::NotInside);
    inner.end_by("kill");
    assert_eq!(outer.sees(&own), judged("dead", "lock-free"));
    assert_eq!(outer.sees(&outers), judged("alive", "pidfd"));
}

/// How often the number of a namespace that is gone is waited for. The kernel gives out the
/// lowest that is free, so it comes soon, unless something else holds it: then this test cannot
/// be made, and fails.
const NAMESPACES: usize = 300;

/// A later namespace has the number of the one that a record names, and a process of the pid.
#[test]
fn a_namespace_whose_number_is_given_out_again_is_another() {
    let home = Home::new();
    let stage = Stage::pid_namespace().with_pid(42);
    let mut first = Actor::start_on(&stage, &home);
    first.ask("register", json!({ "name": "first" }));
    let child = first.ask("child", json!("start"));
    first.ask("register_process", child.clone());
    let (file, childs) = (file_of(&mut first), format!("{child}.json"));
    let number = pid_namespace_of(Stage::only_child_of(first.process()));
    first.end_by("kill");
    drop(first);

    for _ in 0..NAMESPACES {
        let mut second = Actor::start_on(&stage, &home);
        if pid_namespace_of(Stage::only_child_of(second.process())) != number {
            assert_eq!(second.sees(&file), judged("dead", "lock-free"));
            continue;
        }
        assert_eq!(second.sees(&file), judged("dead", "pid-reused"), "42 is the reader itself");
        assert_eq!(second.sees(&childs), judged("dead", "no-process"));
        second.ask("register", json!({ "name": "second" }));
        assert_eq!(file_of(&mut second), file, "the name is free again");
        assert_eq!(alive(&home), [42]);
        assert_eq!(second.ask("sweep", Value::Null)["done"], json!([childs]));
        assert_eq!(second.ask("own", Value::Null)["name"], "second");
        let listed = Registry::at(home.sessions()).list();
        assert_eq!(listed.sessions.len(), 1, "{listed:?}");
        return;
    }
    panic!("of {NAMESPACES} namespaces none has the number {number} again: not tested");
}

/// A session that is on record twice with one number: the sweep of one side is not the other's.
#[test]
fn sweeps_from_all_sides_at_once_leave_the_living_alone() {
    let home = Home::new();
    let stage = Stage::pid_namespace().with_pid(42);
    let mut sides: Vec<Actor> = (0..3).map(|_| Actor::start_on(&stage, &home)).collect();
    for side in &mut sides {
        side.ask("register", json!({}));
    }
    let mut dead = Actor::start_on(&stage, &home);
    dead.ask("register", json!({}));
    let file = file_of(&mut dead);
    dead.end_by("kill");
    for side in &mut sides {
        side.tell("sweep", Value::Null);
    }
    let swept: Vec<Value> = sides.iter_mut().map(|side| side.answer().unwrap()).collect();
    let by: Vec<_> = swept.iter().filter(|report| report["done"] == json!([file])).collect();
    assert_eq!(by.len(), 1, "{swept:?}");
    assert_eq!(alive(&home), [42, 42, 42]);
    assert_eq!(sides[0].ask("sweep", Value::Null), nothing_swept());
}
