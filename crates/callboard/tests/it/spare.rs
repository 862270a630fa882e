//! The file that a record was before its session's last change, and will be after the next. What a
//! reader has open stays as it is, whatever the session does; and nobody else's file becomes a
//! record. The scratch directory has to be on a local disk, as it has for locks.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use callboard::record::Key;
use callboard::{Patch, Registration, Registry, SessionRecord, SignIn, Status};
use serde_json::{Value, json};
use testkit::{Home, paused_at};

use crate::actor::Actor;
use crate::meanwhile::signs_in_and_says_three_things;

fn signed_in(home: &Home) -> Registration {
    let registry = Registry::at(home.sessions());
    registry.register(SignIn::new().name("steady")).unwrap().registration().unwrap()
}

/// The spare, if there is one.
fn spare(home: &Home) -> Option<PathBuf> {
    let names = home.names();
    let spares: Vec<_> = names.iter().filter(|name| name.ends_with(".spare")).collect();
    assert!(spares.len() <= 1, "{spares:?}");
    spares.first().map(|name| home.entry(name))
}

fn inode(me: &Registration) -> u64 {
    fs::metadata(me.path()).unwrap().ino()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|why| panic!("{why} in {text:?}"))
}

#[test]
fn two_files_take_turns() {
    let home = Home::new();
    let me = signed_in(&home);
    assert_eq!(spare(&home), None, "before the first change");
    let mut inodes = BTreeSet::new();
    for n in 0..100 {
        me.patch(&Patch::new().extra("n", Some(&json!(n)))).unwrap();
        // Not opened: another test that forks at that moment would have a copy, and no lease be had.
        inodes.insert(inode(&me));
        assert!(spare(&home).is_some());
    }
    assert_eq!(parsed(&fs::read_to_string(me.path()).unwrap())["n"], 99);
    assert_eq!(inodes.len(), 2, "no file is made after the first change");
    assert_eq!(home.names().len(), 3, "the record, its lock and its spare");
    me.sign_out().unwrap();
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn what_a_reader_has_open_never_changes() {
    let home = Home::new();
    let me = signed_in(&home);
    me.rename("before").unwrap();
    let reader = File::open(me.path()).unwrap();
    let before = fs::read(me.path()).unwrap();
    let (first, rest) = before.split_at(before.len() / 2);
    let mut half = vec![0; first.len()];
    reader.read_exact_at(&mut half, 0).unwrap();
    for n in 0..10 {
        me.rename(&format!("after {n}")).unwrap();
        let mut other_half = vec![0; rest.len()];
        reader.read_exact_at(&mut other_half, half.len() as u64).unwrap();
        assert_eq!((&*half, &*other_half), (first, rest), "after {n} changes more");
    }
    drop(reader);
    let (before, mut inodes) = (inode(&me), BTreeSet::new());
    for n in 0..10 {
        me.rename(&format!("then {n}")).unwrap();
        inodes.insert(inode(&me));
    }
    assert!(inodes.contains(&before) && inodes.len() == 2, "they take turns again");
}

/// Backups link files instead of copying them.
#[test]
fn a_linked_copy_never_changes() {
    let home = Home::new();
    let me = signed_in(&home);
    me.rename("before").unwrap();
    let copy = home.path().join("copy");
    fs::hard_link(me.path(), &copy).unwrap();
    let before = fs::read(&copy).unwrap();
    for n in 0..10 {
        me.rename(&format!("after {n}")).unwrap();
        assert_eq!(fs::read(&copy).unwrap(), before, "after {n} changes more");
    }
    // The other way round: somebody's file with the name of the spare.
    fs::write(&copy, "theirs").unwrap();
    let name = spare(&home).unwrap();
    fs::remove_file(&name).unwrap();
    fs::hard_link(&copy, &name).unwrap();
    for n in 0..3 {
        me.rename(&format!("and {n}")).unwrap();
        assert_eq!(me.record(), Registry::at(home.sessions()).list().sessions[0].record);
    }
    assert_eq!(fs::read(&copy).unwrap(), b"theirs");
    assert_eq!(fs::metadata(&copy).unwrap().nlink(), 2, "nobody's name is removed");
}

/// An archive is unpacked over the directory while the session lives.
#[test]
fn what_is_put_in_the_place_of_a_spare_never_becomes_the_record() {
    let home = Home::new();
    let me = signed_in(&home);
    me.rename("before").unwrap();
    let name = spare(&home).unwrap();
    let archived = home.put("archived", fs::read(&name).unwrap());
    fs::rename(archived, &name).unwrap();
    let theirs = fs::read(&name).unwrap();
    for n in 0..3 {
        me.rename(&format!("after {n}")).unwrap();
        let seen = Registry::at(home.sessions()).list();
        assert!(seen.problems.is_empty(), "{:?}", seen.problems);
        assert_eq!(seen.sessions[0].record.name(), Some(format!("after {n}").into()));
    }
    assert_eq!(fs::read(&name).unwrap(), theirs, "it is not ours to write into");
    // And one that was removed is made anew.
    fs::remove_file(&name).unwrap();
    me.rename("once").unwrap();
    me.rename("twice").unwrap();
    assert_eq!(spare(&home), Some(name));
    assert_eq!(me.record().name().as_deref(), Some("twice"));
}

#[test]
fn a_shorter_text_leaves_nothing_of_a_longer_one() {
    let home = Home::new();
    let me = signed_in(&home);
    for length in [10, 500, 3, 900, 0, 5_000, 1, 60_000, 2, 30, 7] {
        let long = "x".repeat(length);
        me.set_status(Status::Waiting, Some(&long)).unwrap();
        let bytes = fs::read(me.path()).unwrap();
        let seen = SessionRecord::parse(&bytes).unwrap();
        assert_eq!(seen, me.record(), "{length}");
        assert_eq!(seen.faults(u64::MAX), []);
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(parsed(&text)["waitingFor"].as_str().unwrap_or_default(), long);
        let blanks = text.len() - text.trim_end().len();
        assert!(blanks <= 1024, "{blanks} blanks after {length}");
        // One that is refused costs nothing.
        me.set_status(Status::Waiting, Some(&"x".repeat(70_000))).unwrap_err();
        assert!(spare(&home).is_some());
    }
    me.sign_out().unwrap();
    assert_eq!(home.names(), [""; 0]);
}

/// Readers that know nothing of leases, as fast as they can, while the session says something a
/// hundred thousand times: each text is whole, and none is older than the one before.
#[test]
fn whole_records_in_their_order() {
    const TIMES: u64 = 100_000;
    let home = Home::new();
    let mut owner = Actor::signed_in(&home);
    owner.ask("rename", json!("busy"));
    let record = home.entry(&format!("{}.json", owner.pid));
    let done = AtomicBool::new(false);
    let read = |how: &dyn Fn() -> String| {
        let (mut last, mut reads) = (0, 0_u64);
        while !done.load(Ordering::Acquire) || reads == 0 {
            let text = how();
            let seq = parsed(&text)["seq"].as_u64().unwrap();
            assert!(seq >= last, "{seq} after {last}");
            (last, reads) = (seq, reads + 1);
        }
        reads
    };
    // One that asks for bytes one page at a time, one that looks twice, one of the library's.
    let whole = || fs::read_to_string(&record).unwrap();
    let in_halves = || {
        let mut file = File::open(&record).unwrap();
        let mut first = [0; 100];
        file.read_exact(&mut first).unwrap();
        let mut text = String::from_utf8(first.to_vec()).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    let registry = Registry::at(home.sessions());
    let by_the_library = || {
        let seen = registry.list();
        assert!(seen.problems.is_empty(), "{:?}", seen.problems);
        seen.sessions[0].record.as_json().to_owned()
    };
    owner.tell("set_many", json!(["count", TIMES]));
    std::thread::scope(|scope| {
        let readers = [
            scope.spawn(|| read(&whole)),
            scope.spawn(|| read(&in_halves)),
            scope.spawn(|| read(&by_the_library)),
        ];
        let answer = owner.answer();
        done.store(true, Ordering::Release);
        assert_eq!(answer, Some(json!("done")));
        for reader in readers {
            assert!(reader.join().unwrap() > 100);
        }
    });
    assert_eq!(parsed(&whole())["count"], TIMES);
}

/// At every system call of a session's change somebody opens both its files, by their names: what
/// is open is whole, what cannot be opened is being written, and the signal that the kernel sends
/// about that ends nobody.
#[test]
fn whoever_opens_a_spare_while_it_is_written_harms_nobody() {
    let (mut refused, mut opened) = (0, 0);
    for nth in 0.. {
        let home = Home::with_sessions();
        let registry = Registry::at(home.sessions());
        let act = || signs_in_and_says_three_things(&registry);
        let mut held = Vec::new();
        let reached = paused_at(nth, act, || {
            let seen = Registry::at(home.sessions()).list();
            assert!(seen.problems.is_empty(), "at stop {nth}: {:?}", seen.problems);
            for name in home.names().iter().filter(|name| !name.ends_with(".lock")) {
                let nonblock = rustix::fs::OFlags::NONBLOCK.bits() as i32;
                let file =
                    OpenOptions::new().read(true).custom_flags(nonblock).open(home.entry(name));
                match file {
                    Ok(file) => held.push((file, fs::read(home.entry(name)).unwrap())),
                    Err(error) => {
                        assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock, "{name}");
                        assert!(name.ends_with(".spare"), "{name}");
                        refused += 1;
                    }
                }
            }
        });
        for (file, before) in held {
            let mut after = vec![0; before.len()];
            file.read_exact_at(&mut after, 0).unwrap();
            opened += 1;
            assert!(before.is_empty() || after == before, "at stop {nth}");
        }
        let seen = Registry::at(home.sessions()).list();
        assert_eq!(seen.sessions[0].record.name().as_deref(), Some("thrice"), "at stop {nth}");
        assert!(seen.problems.is_empty(), "at stop {nth}: {:?}", seen.problems);
        if !reached {
            break;
        }
    }
    assert!(refused > 2 && opened > refused, "{refused} and {opened}");
}

#[test]
fn it_goes_with_its_record() {
    for way in ["return", "kill", "removed", "handed over"] {
        let home = Home::new();
        let registry = Registry::at(home.sessions());
        let mut actor = Actor::signed_in(&home);
        actor.ask("status", json!("busy"));
        assert!(spare(&home).is_some());
        match way {
            "return" => assert!(actor.end_by("return").success()),
            "kill" => {
                actor.process().kill();
                actor.process().wait();
                let report = registry.sweep(&registry.plan_sweep().unwrap()).unwrap();
                assert_eq!(report.done.len(), 1, "{report:?}");
            }
            "removed" => {
                registry.remove(actor.pid).unwrap();
                assert_eq!(spare(&home), None);
                assert!(actor.end_by("return").success());
            }
            _ => {
                actor.ask("cover", json!(["process_exit"]));
                assert!(actor.end_by("exit").success());
            }
        }
        assert_eq!(home.names(), [""; 0], "{way}");
    }
}

#[test]
fn it_is_litter_only_without_its_record() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let me = signed_in(&home);
    me.rename("quiet for a day").unwrap();
    let name = spare(&home).unwrap();
    let age = |name: &str| home.age(name, Duration::from_secs(24 * 3600));
    home.names().iter().for_each(|name| age(name));
    assert_eq!(registry.plan_sweep().unwrap().items, [], "its session may say something yet");
    // Of a registration that nobody knows.
    let instance = me.record().text(Key::Instance).unwrap().into_owned();
    let other = name.to_string_lossy().replace(&instance[..16], "0123456789abcdef");
    fs::write(&other, "half a rec").unwrap();
    assert_eq!(registry.plan_sweep().unwrap().items, [], "it is young");
    age(other.rsplit('/').next().unwrap());
    let plan = registry.plan_sweep().unwrap();
    assert_eq!(plan.items.len(), 1, "{plan:?}");
    assert_eq!(plan.items[0].path, PathBuf::from(&other));
    assert_eq!(registry.sweep(&plan).unwrap().done.len(), 1);
    assert!(name.exists() && !PathBuf::from(other).exists());
}

/// A second registration of the same process takes over, and the spare of the first goes.
#[test]
fn who_takes_over_has_one_of_its_own() {
    let home = Home::new();
    let first = signed_in(&home);
    first.rename("once").unwrap();
    let second = signed_in(&home);
    assert_eq!(spare(&home), None);
    second.rename("twice").unwrap();
    second.rename("thrice").unwrap();
    assert!(spare(&home).is_some());
    drop(first);
    assert!(spare(&home).is_some());
    assert_eq!(second.record().name().as_deref(), Some("thrice"));
    drop(second);
    assert_eq!(spare(&home), None);
}
