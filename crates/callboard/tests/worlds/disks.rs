//! Homes on every kind of file system that can be had here.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use callboard::{Evidence, Registry};
use serde_json::{Value, json};
use testkit::{Home, Place, Stage};

use crate::actor::{Actor, judged};
use crate::scene::{evidence, file_of, nothing_swept};

// What is mounted on `$1/disk`, after `$1/image` was made for it.
const TMPFS: &str = "mount -t tmpfs none $1/disk";
const RAMFS: &str = "mount -t ramfs none $1/disk";
const EXT2: &str =
    "truncate -s 16M $1/image && mkfs.ext2 -q $1/image && mount -o loop $1/image $1/disk";
const EXT4: &str =
    "truncate -s 16M $1/image && mkfs.ext4 -q $1/image && mount -o loop $1/image $1/disk";
const XFS: &str =
    "truncate -s 320M $1/image && mkfs.xfs -q $1/image && mount -o loop $1/image $1/disk";
const BTRFS: &str =
    "truncate -s 128M $1/image && mkfs.btrfs -q $1/image && mount -o loop $1/image $1/disk";

fn mounted(home: &Home, script: &str) -> (Place, PathBuf) {
    let disk = home.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    (Place::with_mounts(script, home.path()), disk.join("sessions"))
}

fn start(place: &Place, within: Stage, home: &Home, sessions: &std::path::Path) -> Actor {
    Actor::start_at(&place.stage().then(within), home, sessions)
}

/// One process of pid 42 in each of two containers, on each.
#[test]
fn on_every_local_disk_locks_tell_the_living_from_the_dead() {
    let disks = [
        ("tmpfs", TMPFS),
        ("ramfs", RAMFS),
        ("ext2", EXT2),
        ("ext4", EXT4),
        ("xfs", XFS),
        ("btrfs", BTRFS),
    ];
    for (kind, script) in disks {
        let home = Home::new();
        let (place, sessions) = mounted(&home, script);
        let container = || start(&place, Stage::pid_namespace().with_pid(42), &home, &sessions);
        let (mut one, mut two) = (container(), container());
        for actor in [&mut one, &mut two] {
            actor.ask("register", json!({}));
            for n in 0..4 {
                assert_eq!(actor.ask("update", json!([42, "n", n]))["n"], n, "{kind}");
                assert_eq!(actor.ask("status", json!("busy")), "done", "{kind}");
            }
        }
        let second = file_of(&mut two);
        assert_eq!(two.sees("42.json"), judged("alive", "lock-held"), "{kind}");
        assert_eq!(one.sees(&second), judged("alive", "lock-held"), "{kind}");
        one.end_by("kill");
        assert_eq!(two.sees("42.json"), judged("dead", "lock-free"), "{kind}");
        let swept = two.ask("sweep", Value::Null);
        assert_eq!(swept, json!({ "done": ["42.json"], "kept": [] }), "{kind}");
        assert_eq!(two.sees(&second), judged("alive", "pidfd"), "{kind}");
        assert_eq!(two.ask("sign_out", Value::Null), "done", "{kind}");
        assert_eq!(two.ask("names", Value::Null), json!([]), "{kind}");
    }
}

/// Everything is read as ever, and who cannot sign in runs on.
#[test]
fn a_read_only_home_is_read_and_left_alone() {
    let home = Home::with_sessions();
    let mut host = Actor::signed_in(&home);
    let mut gone = Actor::signed_in(&home);
    let (hosts, gones) = (file_of(&mut host), file_of(&mut gone));
    gone.end_by("kill");
    let before = home.fingerprint();
    let script = "mount --bind $1 $1 && mount -o remount,bind,ro $1";
    let place = Place::with_mounts(script, home.path());
    let mut reader = start(&place, Stage::here(), &home, &home.sessions());
    assert_eq!(reader.sees(&hosts), judged("alive", "pidfd"));
    assert_eq!(reader.sees(&gones), judged("dead", "no-process"));
    let mut inside = start(&place, Stage::pid_namespace(), &home, &home.sessions());
    assert_eq!(inside.sees(&hosts), judged("alive", "lock-held"));
    assert_eq!(inside.sees(&gones), judged("dead", "lock-free"));
    for (verb, argument) in [
        ("register", json!({})),
        ("register_process", json!(host.pid)),
        ("remove", json!(host.pid)),
    ] {
        let refused = reader.ask(verb, argument);
        assert_eq!(refused["error"], "Io", "{verb}: {refused}");
        let text = refused["text"].as_str().unwrap();
        assert!(text.contains(home.sessions().to_str().unwrap()), "{verb}: {text}");
        let source = refused["source"].as_str().unwrap();
        assert!(source.contains("os error 30"), "{verb}: {source}");
    }
    assert_eq!(reader.ask("update", json!([host.pid, "x", 1]))["error"], "Io");
    assert_eq!(reader.ask("quiet", Value::Null), json!({ "signed_in": false, "count": 1 }));
    assert_eq!(reader.ask("sweep", Value::Null)["done"], json!([]));
    assert!(reader.end_by("return").success());
    assert_eq!(home.fingerprint(), before);
}

/// The session was there first, and its disk becomes read-only under it, as ext4 does at an error.
#[test]
fn a_disk_that_becomes_read_only_ends_nobody() {
    let home = Home::new();
    let script = EXT4.replace("-o loop", "-o loop,errors=remount-ro");
    let (place, sessions) = mounted(&home, &script);
    let mut me = start(&place, Stage::here(), &home, &sessions);
    me.ask("register", json!({}));
    let file = file_of(&mut me);
    let fail = "disk=$(findmnt --noheadings --output SOURCE $1/disk) && \
        echo a test >/sys/fs/ext4/${disk##*/}/trigger_fs_error";
    let mut other = start(&place, Stage::after(fail, home.path()), &home, &sessions);
    assert_eq!(other.sees(&file), judged("alive", "pidfd"));
    for status in ["busy", "idle"] {
        let refused = me.ask("status", json!(status));
        assert_eq!(refused["error"], "Io");
        assert!(refused["source"].as_str().unwrap().contains("os error 30"), "{refused}");
    }
    assert_eq!(other.sees(&file), judged("alive", "pidfd"));
    assert!(me.end_by("return").success());
    assert_eq!(other.sees(&file), judged("dead", "no-process"), "it could not sign out");
}

/// What is below is not what is above: a lock on one is not seen on the other.
const OVERLAY: &str = "cd $1 && mkdir -m 700 -p lower/sessions upper work above && \
    mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work none above";

fn directories(home: &Home) -> [PathBuf; 3] {
    ["lower", "upper", "above"].map(|dir| home.path().join(dir).join("sessions"))
}

#[test]
fn on_overlayfs_another_container_is_unknown() {
    let home = Home::new();
    let place = Place::with_mounts(OVERLAY, home.path());
    let [_, upper, above] = directories(&home);
    let container = || start(&place, Stage::pid_namespace().with_pid(42), &home, &above);
    let (mut one, mut two) = (container(), container());
    for actor in [&mut one, &mut two] {
        actor.ask("register", json!({}));
        assert_eq!(actor.ask("own", Value::Null)["lockIno"], Value::Null);
        assert_eq!(actor.ask("status", json!("busy")), "done");
        assert_eq!(actor.ask("update", json!([42, "x", 1]))["x"], 1);
    }
    let second = file_of(&mut two);
    assert_eq!(one.sees(&second), judged("unknown", "other-namespace"));
    assert_eq!(one.sees("42.json"), judged("alive", "pidfd"));
    assert_eq!(evidence(&upper, "42.json"), Evidence::SeenInside);
    one.end_by("kill");
    assert_eq!(two.sees("42.json"), judged("unknown", "other-namespace"));
    assert_eq!(two.ask("sweep", Value::Null), nothing_swept());
    assert_eq!(evidence(&upper, "42.json"), Evidence::NotInside);
    assert_eq!(two.ask("sign_out", Value::Null), "done");
    assert_eq!(two.ask("names", Value::Null), json!(["42.json"]));
}

/// A sandbox with an overlay over the home of the host, which has its sessions on the disk below.
#[test]
fn a_sandbox_above_the_home_sees_it_and_changes_only_its_own_copy() {
    for below in ["", " && mount -t tmpfs none $1/lower && mkdir -m 700 $1/lower/sessions"] {
        let home = Home::new();
        let script =
            OVERLAY.replace(" && mount -t overlay", &format!("{below} && mount -t overlay"));
        let place = Place::with_mounts(&script, home.path());
        let [lower, upper, above] = directories(&home);
        let mut host = start(&place, Stage::here(), &home, &lower);
        let mut gone = start(&place, Stage::here(), &home, &lower);
        for actor in [&mut host, &mut gone] {
            actor.ask("register", json!({}));
        }
        let (hosts, gones) = (file_of(&mut host), file_of(&mut gone));
        let mut sandbox = start(&place, Stage::here(), &home, &above);
        assert_eq!(sandbox.sees(&hosts), judged("alive", "pidfd"));
        let mut inside = start(&place, Stage::pid_namespace(), &home, &above);
        assert_eq!(inside.sees(&hosts), judged("unknown", "other-namespace"));

        let updated = sandbox.ask("update", json!([host.pid, "by", "the sandbox"]));
        assert_eq!(updated["by"], "the sandbox", "{updated}");
        assert_eq!(host.ask("status", json!("busy")), "done");
        assert_eq!(host.ask("own", Value::Null)["by"], Value::Null, "it was a copy");
        gone.end_by("kill");
        assert_eq!(sandbox.sees(&gones), judged("dead", "no-process"));
        assert_eq!(inside.ask("sweep", Value::Null), nothing_swept());
        // From another disk the file is another one once it is copied: the first try may miss it.
        let swept = [(); 2].map(|()| sandbox.ask("sweep", Value::Null)["done"].clone());
        assert!(swept.contains(&json!([gones])), "{swept:?}");
        assert_eq!(sandbox.sees(&gones), None);
        assert_eq!(host.sees(&gones), judged("dead", "no-process"), "removed from the copy alone");
        assert_eq!(host.sees(&hosts), judged("alive", "pidfd"));
        assert_eq!(Registry::at(upper).list().sessions.len(), 1);
    }
}

/// A snapshot has every file under its old number, and nobody holds the lock in it: from another
/// PID namespace the living look dead in there, wrongly, and only the copy of the record is swept.
#[test]
fn a_snapshot_of_the_disk_shows_the_living_as_dead_and_takes_nothing_from_them() {
    let home = Home::new();
    let script = format!("{BTRFS} && btrfs -q subvolume create $1/disk/home");
    let (place, sessions) = mounted(&home, &script);
    let disk = sessions.parent().unwrap();
    let original = disk.join("home/sessions");
    let mut session = start(&place, Stage::pid_namespace(), &home, &original);
    session.ask("register", json!({}));
    let file = file_of(&mut session);
    let snapshot = "btrfs -q subvolume snapshot $1/disk/home $1/disk/snapshot";
    let stage = Stage::after(snapshot, home.path());
    let copy = disk.join("snapshot/sessions");
    let mut beside = start(&place, Stage::pid_namespace().then(stage), &home, &copy);
    assert_eq!(beside.sees(&file), judged("dead", "lock-free"));
    // Who can see the process is not misled.
    let mut outside = start(&place, Stage::here(), &home, &copy);
    assert_eq!(outside.sees(&file), judged("alive", "seen-inside"));
    assert_eq!(beside.ask("sweep", Value::Null)["done"], json!([file]));
    assert_eq!(session.sees(&file), judged("alive", "pidfd"));
    assert_eq!(session.ask("status", json!("busy")), "done");
    let mut outside = start(&place, Stage::here(), &home, &original);
    assert_eq!(outside.sees(&file), judged("alive", "lock-held"));
}

/// A home without modes of its own, as a share mounted for one user has.
#[test]
fn modes_are_tightened_where_there_are_modes() {
    let home = Home::new();
    let (place, sessions) = mounted(&home, TMPFS);
    std::fs::create_dir(place.seen_from_outside(&sessions)).unwrap();
    let mode = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(place.seen_from_outside(&sessions), mode).unwrap();
    let mut session = start(&place, Stage::here(), &home, &sessions);
    session.ask("register", json!({}));
    let meta = std::fs::metadata(place.seen_from_outside(&sessions)).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o700);
}
