//! Views of `/proc`: another one, a part of one, none.

use std::path::Path;

use callboard::Evidence;
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::{Actor, judged};
use crate::kernels::PIDFD_OPEN;
use crate::scene::{evidence, file_of, give, nothing_swept};

/// Nobody's number on any machine.
const SOMEBODY: u32 = 61_235;

/// A record without what a pidfd tells, as a kernel before 6.9 or another program writes it.
fn without_pidfd(home: &Home, mut record: Value, uid: u32) {
    record.as_object_mut().unwrap().remove("pidfdIno");
    let path = home.put(&format!("{}.json", record["pid"]), record.to_string());
    std::os::unix::fs::chown(path, Some(uid), Some(uid)).unwrap();
}

/// `hidepid`: what is not ours cannot be read, or is not there at all, and lives.
#[test]
fn processes_that_proc_hides_are_not_dead() {
    for hidden in ["noaccess", "invisible", "ptraceable", "1", "2", "4"] {
        let (theirs, home) = (Home::new(), Home::with_sessions());
        let mut root = Actor::signed_in(&theirs);
        let record = root.ask("own", Value::Null);
        let file = file_of(&mut root);
        give(&home, SOMEBODY);
        let mount = format!("mount -t proc -o hidepid={hidden} proc /proc");
        let stage = Stage::with_mounts(&mount, home.path()).then_as_user(SOMEBODY);
        let mut reader = Actor::start_copy_on(&stage, &home);
        without_pidfd(&home, record.clone(), SOMEBODY);
        assert_eq!(reader.sees(&file), judged("unknown", "hidden"), "hidepid={hidden}");
        home.put(&file, record.to_string());
        give(&home, SOMEBODY);
        assert_eq!(reader.sees(&file), judged("alive", "pidfd"), "hidepid={hidden}");
        // Its own are not hidden from it.
        reader.ask("register", json!({}));
        let own = file_of(&mut reader);
        assert_eq!(reader.sees(&own), judged("alive", "pidfd"), "hidepid={hidden}");

        root.end_by("kill");
        assert_eq!(reader.sees(&file), judged("dead", "no-process"), "hidepid={hidden}");
        without_pidfd(&home, record, SOMEBODY);
        assert_eq!(reader.sees(&file), judged("dead", "no-process"), "hidepid={hidden}");
    }
}

/// From outside, with a `/proc` that hides others: who was not seen in it is not absent.
#[test]
fn a_look_through_a_proc_that_hides_is_no_look_at_all() {
    let home = Home::with_sessions();
    give(&home, SOMEBODY);
    // Root inside is nobody that this user may look at.
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    let child = container.ask("child", json!("start"));
    let record = container.ask("register_process", child.clone());
    assert_eq!(record["error"], "Untrusted", "{record}");
    let theirs = Home::new();
    let mut container = Actor::start_on(&Stage::pid_namespace(), &theirs);
    let child = container.ask("child", json!("start"));
    let record = container.ask("register_process", child.clone());
    let file = format!("{child}.json");
    home.put(&file, record.to_string());
    give(&home, SOMEBODY);
    for (hidden, expected) in [
        ("noaccess", judged("alive", "seen-inside")),
        ("invisible", judged("unknown", "other-namespace")),
        ("ptraceable", judged("unknown", "other-namespace")),
    ] {
        let mount = format!("mount -t proc -o hidepid={hidden} proc /proc");
        let stage = Stage::with_mounts(&mount, home.path()).then_as_user(SOMEBODY);
        let mut reader = Actor::start_copy_on(&stage, &home);
        assert_eq!(reader.sees(&file), expected, "hidepid={hidden}");
        assert_eq!(reader.ask("sweep", Value::Null), nothing_swept(), "hidepid={hidden}");
    }
}

/// Without `/proc` nothing says which boot and which namespace this is: pidfds still tell who runs.
#[test]
fn without_proc_only_the_living_are_known() {
    let home = Home::new();
    let mut host = Actor::signed_in(&home);
    let hosts = file_of(&mut host);
    let stage = Stage::with_mounts(NO_PROC, home.path());
    let mut bare = Actor::start_on(&stage, &home);
    let mut other = Actor::start_on(&stage, &home);
    bare.ask("register", json!({}));
    let bares = file_of(&mut bare);
    assert_eq!(other.sees(&bares), judged("alive", "pidfd"));
    assert_eq!(host.sees(&bares), judged("alive", "pidfd"));
    // It lives by the lock that it holds, though nothing here can say of which boot it is.
    assert_eq!(bare.sees(&hosts), judged("alive", "lock-held"));
    bare.end_by("kill");
    assert_eq!(other.sees(&bares), judged("unknown", "origin-unstated"));
    assert_eq!(host.sees(&bares), judged("unknown", "origin-unstated"));
    host.end_by("kill");
    assert_eq!(other.sees(&hosts), judged("unknown", "other-boot"));
    assert_eq!(other.ask("sweep", Value::Null), nothing_swept());
}

/// The same in a PID namespace: the number in the record is another process's outside.
#[test]
fn without_proc_in_a_container_nobody_is_taken_for_another() {
    let home = Home::new();
    let mut inside = Actor::start_on(&container_without_proc(&home), &home);
    inside.ask("register", json!({}));
    let file = file_of(&mut inside);
    assert_eq!(evidence(&home.sessions(), &file), Evidence::LockHeld);
    inside.end_by("kill");
    assert_eq!(evidence(&home.sessions(), &file), Evidence::OriginUnstated, "2 runs here too");
}

/// And where pidfds are refused too, the record names nothing but a number.
#[test]
fn a_record_that_names_only_a_number_is_not_proven_by_it() {
    let home = Home::new();
    let stage = container_without_proc(&home).refusing(&[PIDFD_OPEN]);
    let mut inside = Actor::start_on(&stage, &home);
    assert_eq!(inside.ask("register", json!({})), json!(home.entry("2.json")));
    assert_eq!(inside.sees("2.json"), judged("alive", "lock-held"));
    assert_eq!(evidence(&home.sessions(), "2.json"), Evidence::LockHeld);
    inside.end_by("kill");
    assert_eq!(evidence(&home.sessions(), "2.json"), Evidence::OriginUnstated);
}

/// Nothing is mounted there but an empty directory.
const NO_PROC: &str = "mount -t tmpfs none /proc";

fn container_without_proc(home: &Home) -> Stage {
    Stage::pid_namespace().with_pid(2).then(Stage::after(NO_PROC, home.path()))
}

/// `ProcSubset=pid` of systemd: processes are there, and nothing else of the kernel.
#[test]
fn a_proc_of_processes_alone_is_enough_to_sign_in() {
    let home = Home::new();
    let mut host = Actor::signed_in(&home);
    let hosts = file_of(&mut host);
    let stage = Stage::with_mounts("mount -t proc -o subset=pid proc /proc", home.path());
    let mut hardened = Actor::start_on(&stage, &home);
    hardened.ask("register", json!({}));
    let own = file_of(&mut hardened);
    assert_eq!(hardened.sees(&own), judged("alive", "pidfd"));
    assert_eq!(host.sees(&own), judged("alive", "pidfd"));
    assert_eq!(hardened.sees(&hosts), judged("alive", "lock-held"));
    hardened.end_by("kill");
    assert_eq!(host.sees(&own), judged("dead", "no-process"));
}

/// A sandbox whose `/proc` is the one of a namespace below it: in there this process is nobody.
#[test]
fn a_proc_that_we_are_not_in_is_no_place_to_sign_in_from() {
    let home = Home::new();
    let mut host = Actor::signed_in(&home);
    let hosts = file_of(&mut host);
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    container.ask("register", json!({}));
    let theirs = file_of(&mut container);
    let below = Stage::only_child_of(container.process());
    let mount = format!("nsenter --target {below} --pid mount -t proc proc /proc");
    let mut astray = Actor::start_on(&Stage::with_mounts(&mount, Path::new("/")), &home);
    assert_eq!(astray.sees(&hosts), judged("alive", "pidfd"));
    assert_eq!(astray.sees(&theirs), judged("alive", "lock-held"));
    let refused = astray.ask("register", json!({}));
    assert_eq!(refused["error"], "Io", "{refused}");
    host.end_by("kill");
    assert_eq!(astray.sees(&hosts), judged("unknown", "origin-unstated"));
    assert_eq!(astray.ask("sweep", Value::Null), nothing_swept());
}

/// A namespace with the `/proc` of the one around it, in which this process by chance has the same
/// number: what stands there under other numbers is about other processes.
#[test]
fn a_proc_of_the_namespace_around_us_is_not_ours_by_a_number() {
    let home = Home::new();
    let mut outer = Actor::start_on(&Stage::pid_namespace(), &home);
    let outside = Stage::beside(Stage::only_child_of(outer.process()));
    // Numbers in a fresh namespace come one after the other: two tries tell what the third has.
    let (mut last, mut step) = (0, 0);
    for _ in 0..16 {
        let inner = Stage::pid_namespace_without_proc().with_pid(2.max(last + step));
        let mut sandbox = Actor::start_on(&outside.clone().then(inner), &home);
        let link = sandbox.ask("link", json!("/proc/self"));
        let around: u32 = link.as_str().unwrap().parse().unwrap();
        if sandbox.pid != around {
            (last, step) = (around, around - last);
            continue;
        }
        let child = sandbox.ask("child", json!("start"));
        let mut record = sandbox.ask("register_process", child.clone());
        let file = format!("{child}.json");
        assert_eq!(sandbox.sees(&file), judged("alive", "pidfd"));
        // Without a pidfd there is nothing to go by but a /proc that is not ours.
        record.as_object_mut().unwrap().remove("pidfdIno");
        record["procStart"] = json!("5");
        home.put(&file, record.to_string());
        assert_eq!(sandbox.sees(&file), judged("unknown", "cannot-look"));
        assert_eq!(sandbox.ask("sweep", Value::Null), nothing_swept());
        return;
    }
    panic!("no process has one number in two namespaces: not tested");
}
