//! Sweeping removes what is proven dead, and nothing else ever.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::Barrier;
use std::time::Duration;

use callboard::{Registry, SignIn, SweepReason, SweepReport, Verdict};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use testkit::Home;

use crate::actor::{Actor, alive};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn swept(registry: &Registry) -> Vec<(String, SweepReason)> {
    let report = sweep(registry);
    assert!(report.kept.is_empty() && report.problems.is_empty(), "{report:?}");
    let mut done: Vec<_> = report
        .done
        .iter()
        .map(|i| (i.path.file_name().unwrap().to_str().unwrap().to_owned(), i.reason))
        .collect();
    done.sort_by(|a, b| a.0.cmp(&b.0));
    done
}

fn sweep(registry: &Registry) -> SweepReport {
    registry.sweep(&registry.plan_sweep().unwrap()).unwrap()
}

/// The record of a process that is gone: this one's, with another pidfd.
fn stale(registry: &Registry, pid: u32) -> Value {
    let scratch = Home::new();
    let guard = Registry::at(scratch.sessions()).register(SignIn::new()).unwrap();
    let guard = guard.registration().unwrap();
    let mut record: Value = serde_json::from_str(guard.record().as_json()).unwrap();
    assert_eq!(Registry::at(scratch.sessions()).here().pid_ns, registry.here().pid_ns);
    record["pid"] = json!(pid);
    record["pidfdIno"] = json!(1);
    record["procStart"] = json!("1");
    record.as_object_mut().unwrap().remove("lockIno");
    record
}

/// A pid that no process has.
fn free_pid(home: &Home) -> u32 {
    let mut actor = Actor::start(home);
    actor.process().kill();
    actor.process().wait();
    actor.pid
}

/// claude-code #34210 (`2026-03-14_notes.md` read as a pid), ECC #745, and the zero-padded name
/// whose file was deleted under a live process.
#[test]
fn what_is_no_record_is_never_removed() {
    let home = Home::with_sessions();
    let registry = Registry::at(home.sessions());
    let record = |pid: u64| json!({ "pid": pid, "procStart": "1", "pidfdIno": 1 }).to_string();
    let dead = stale(&registry, free_pid(&home)).to_string();
    let kept = [
        ("2026-03-14_notes.md", "my notes"),
        ("0123.json", dead.as_str()),
        ("+5.json", dead.as_str()),
        ("-5.json", dead.as_str()),
        ("99999999999999999999.json", dead.as_str()),
        ("5.json.bak", dead.as_str()),
        ("5.JSON", dead.as_str()),
        (".5.lock.bak", ""),
        (".notes.tmp", "x"),
        (".5.tmp", "x"),
        (".5.0123456789abcdeg.tmp", "x"),
        (".DS_Store", "x"),
        ("5.key", "secret"),
        // Names of records, and content that no session of ours ever had.
        ("2024.json", r#"{"year":2024}"#),
        ("2025.json", "[1, 2, 3]"),
        ("2027.json", "notes, not JSON\n"),
        ("2028.json", &record(2029)),
    ];
    for (name, content) in kept {
        home.put(name, content);
        home.age(name, 30 * DAY);
    }
    fs::create_dir(home.entry("31.json")).unwrap();
    std::os::unix::fs::symlink("2024.json", home.entry("32.json")).unwrap();
    fs::create_dir(home.entry(".31.0123456789abcdef.tmp")).unwrap();
    let before = home.fingerprint();
    assert_eq!(swept(&registry), []);
    assert_eq!(home.fingerprint(), before);
}

#[test]
fn the_dead_go_and_the_rest_stays() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let live = Actor::signed_in(&home);
    let mut dead = Actor::signed_in(&home);
    dead.process().kill();
    dead.process().wait();
    // Of another machine, of another system, of unknown origin; and one that nobody can read.
    // Their numbers are none that a process here may have.
    let unknown = [
        json!({ "pid": 1_999_999_801, "bootId": "99999999-1111-4222-8333-444444444444",
                "procStart": "5",
                "pidDomain": "linux:0123456789abcdef0123456789abcdef:pid:[4026531836]" }),
        json!({ "pid": 1_999_999_802, "pidDomain": "darwin",
                "procStart": "Fri Oct  2 19:22:44 2026" }),
        json!({ "pid": 1_999_999_803, "pidDomain": "win32:HOST" }),
        json!({ "pid": 1_999_999_804, "procStart": "1" }),
    ];
    for record in &unknown {
        home.put(&format!("{}.json", record["pid"]), record.to_string());
        home.age(&format!("{}.json", record["pid"]), 300 * DAY);
    }
    home.put("1999999805.json", "x".repeat(70_000));
    home.age("1999999805.json", 300 * DAY);

    let plan = registry.plan_sweep().unwrap();
    let paths: Vec<_> = plan.items.iter().map(|item| &item.path).collect();
    assert_eq!(paths, [&home.entry(&format!("{}.json", dead.pid))], "planned, and nothing done");
    assert!(home.entry(&format!("{}.json", dead.pid)).exists());
    let report = registry.sweep(&plan).unwrap();
    assert_eq!((report.done.len(), report.kept.len()), (1, 0));
    assert!(!home.entry(&format!("{}.json", dead.pid)).exists());
    assert!(!home.entry(&format!(".{}.lock", dead.pid)).exists());
    assert!(home.entry(&format!(".{}.lock", live.pid)).exists());
    let count = registry.count();
    assert_eq!((count.alive, count.unknown, count.unreadable), (1, 4, 1));
    // The same plan once more: everything is gone already, and that is nothing wrong.
    let again = registry.sweep(&plan).unwrap();
    assert_eq!((again.done.len(), again.problems.len()), (0, 0), "{again:?}");
}

#[test]
fn what_a_killed_writer_left_goes_when_it_is_old() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
    let own_lock = format!(".{}.lock", std::process::id());
    let pid = free_pid(&home);
    let (temporary, lock) = (format!(".{pid}.0123456789abcdef.tmp"), format!(".{pid}.lock"));
    let own_temporary = format!(".{}.0123456789abcdef.tmp", std::process::id());
    let (empty, nuls, cut) = (format!("{pid}.json"), "1999999999.json", "1999999998.json");
    home.put(&temporary, "half a rec");
    home.put(&own_temporary, "half a rec");
    home.put(&lock, "");
    home.put(&empty, "");
    home.put(nuls, [0_u8; 400]);
    home.put(cut, r#"{"pid":1999999998,"sessionId":"12"#);
    assert_eq!(swept(&registry), [], "all of it may be at work");

    for name in [&temporary, &own_temporary, &lock, &own_lock] {
        home.age(name, HOUR + Duration::from_secs(60));
    }
    for name in [&empty, nuls, cut] {
        home.age(name, DAY - Duration::from_secs(60));
    }
    let mut litter = vec![
        (temporary.clone(), SweepReason::Litter),
        (own_temporary.clone(), SweepReason::Litter),
    ];
    litter.sort_by(|a, b| a.0.cmp(&b.0));
    // The lock is beside something that may be its record.
    assert_eq!(swept(&registry), litter);

    for name in [&empty, nuls, cut] {
        home.age(name, DAY + Duration::from_secs(60));
    }
    let mut junk: Vec<_> =
        [&empty, nuls, cut].map(|name| (name.to_string(), SweepReason::Junk)).into();
    junk.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(swept(&registry), junk);
    let left = home.names();
    assert!(left.contains(&own_lock), "held, however old: {left:?}");
    drop(guard);
    assert_eq!(registry.list().problems.len(), 0);
}

#[test]
fn an_orphaned_lock_goes_and_a_held_one_stays() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
    let own_lock = format!(".{}.lock", std::process::id());
    fs::remove_file(guard.path()).unwrap();
    home.put(".1999999999.lock", "");
    for name in [&own_lock, ".1999999999.lock"] {
        home.age(name, 2 * HOUR);
    }
    let report = sweep(&registry);
    let names = |items: &[callboard::SweepItem]| -> Vec<String> {
        items.iter().map(|i| i.path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&report.done), [".1999999999.lock"]);
    assert_eq!(names(&report.kept), [own_lock.as_str()]);
    guard.reassert().unwrap();
    assert_eq!(alive(&home), [std::process::id()]);
}

/// An empty file under the number of a process that runs may be its record, cut off by a power
/// cut of the machine that it is shared with: it stays.
#[test]
fn junk_under_a_live_pid_stays() {
    let home = Home::with_sessions();
    let registry = Registry::at(home.sessions());
    let name = format!("{}.json", std::process::id());
    home.put(&name, "");
    home.age(&name, 300 * DAY);
    assert_eq!(swept(&registry), []);
    assert!(home.entry(&name).exists());
}

/// A sweep that was killed between moving a record aside and looking at it.
#[test]
fn a_live_record_that_was_moved_aside_is_put_back() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new().name("back")).unwrap().registration().unwrap();
    let (pid, path) = (std::process::id(), guard.path());
    let aside = format!(".{pid}.0123456789abcdef.swept");
    fs::rename(&path, home.entry(&aside)).unwrap();
    assert_eq!(swept(&registry), [], "the other sweep may be at it");
    home.age(&aside, Duration::from_secs(60));
    let moved = fs::metadata(home.entry(&aside)).unwrap().ino();
    assert_eq!(swept(&registry), [(aside.clone(), SweepReason::PutBack)]);
    assert_eq!(fs::metadata(&path).unwrap().ino(), moved);
    assert_eq!(alive(&home), [pid]);

    // If it has come back by itself, the one aside is the older.
    fs::rename(&path, home.entry(&aside)).unwrap();
    guard.rename("by itself").unwrap();
    home.age(&aside, Duration::from_secs(60));
    assert_eq!(swept(&registry), [(aside, SweepReason::PutBack)]);
    let seen = registry.list().sessions;
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].record.name().as_deref(), Some("by itself"));

    // And that of a process that is gone needs no name any more.
    let gone = free_pid(&home);
    let aside = format!(".{gone}.0123456789abcdef.swept");
    home.put(&aside, stale(&registry, gone).to_string());
    home.age(&aside, Duration::from_secs(60));
    let done = swept(&registry);
    assert_eq!(done.len(), 1);
    assert!(matches!(done[0].1, SweepReason::Stale(_)), "{done:?}");
    assert!(!home.entry(&aside).exists());
}

/// The plan was made, somebody else removed the stale record, and the same pid signed in again:
/// on ext4 very likely in a file with the same inode number.
#[test]
fn a_plan_that_was_overtaken_removes_nobody() {
    let home = Home::with_sessions();
    let registry = Registry::at(home.sessions());
    let pid = std::process::id();
    let name = format!("{pid}.json");
    let mut same_inode = 0;
    for _ in 0..50 {
        // The lock file is there already, so that the next file to be made is the record.
        home.put(&format!(".{pid}.lock"), "");
        fs::write(home.entry(&name), stale(&registry, pid).to_string()).unwrap();
        let old = fs::metadata(home.entry(&name)).unwrap().ino();
        let plan = registry.plan_sweep().unwrap();
        assert_eq!(plan.items.len(), 1);
        fs::remove_file(home.entry(&name)).unwrap();
        let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
        same_inode += usize::from(fs::metadata(guard.path()).unwrap().ino() == old);
        let report = registry.sweep(&plan).unwrap();
        assert_eq!((report.done.len(), report.kept.len()), (0, 1), "{report:?}");
        assert_eq!(alive(&home), [pid]);
        guard.sign_out().unwrap();
    }
    // Not asserted: a tmpfs does not repeat its numbers.
    eprintln!("the same inode number {same_inode} times of 50");
}

/// The stale record of an earlier process is swept while a process with the same pid signs in.
#[test]
fn signing_in_while_a_sweep_goes_on_is_never_lost() {
    let home = Home::with_sessions();
    let registry = Registry::at(home.sessions());
    let pid = std::process::id();
    let name = format!("{pid}.json");
    let record = stale(&registry, pid).to_string();
    for round in 0..300 {
        home.put(&name, &record);
        let barrier = Barrier::new(3);
        let guard = std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    barrier.wait();
                    for _ in 0..3 {
                        sweep(&registry);
                    }
                });
            }
            barrier.wait();
            let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
            guard.rename("here").unwrap();
            guard
        });
        // A record that a sweep held aside for an instant has been put back by now.
        let seen = registry.list();
        assert!(seen.problems.is_empty(), "{:?}", seen.problems);
        assert_eq!(seen.sessions.len(), 1, "in round {round}: {:?}", home.names());
        assert_eq!(seen.sessions[0].verdict(), Verdict::Alive, "in round {round}");
        assert_eq!(seen.sessions[0].record.name().as_deref(), Some("here"), "in round {round}");
        guard.sign_out().unwrap();
        assert_eq!(registry.list().sessions.len(), 0, "in round {round}: {:?}", home.names());
    }
    assert_eq!(home.names(), [""; 0]);
}

/// Processes come and go while three sweep: nobody who is there is ever missing.
#[test]
fn sessions_that_come_and_go_under_sweeps_are_never_missing() {
    let home = Home::new();
    let mut steady = Actor::signed_in(&home);
    let mut sweepers: Vec<Actor> = (0..3).map(|_| Actor::start(&home)).collect();
    for round in 0..25 {
        let mut brief = Actor::signed_in(&home);
        for sweeper in &mut sweepers {
            sweeper.tell("sweep", Value::Null);
        }
        if round % 2 == 0 {
            brief.process().kill();
            brief.process().wait();
        } else {
            assert!(brief.end_by("return").success());
        }
        let mut done = 0;
        for sweeper in &mut sweepers {
            let report = sweeper.answer().unwrap();
            done += report["done"].as_array().unwrap_or_else(|| panic!("{report}")).len();
        }
        assert!(done <= 1, "in round {round}");
        assert_eq!(alive(&home), [steady.pid], "in round {round}");
        assert_eq!(steady.ask("status", json!(format!("round {round}"))), "done");
    }
    sweepers[0].ask("sweep", Value::Null);
    let own = [format!(".{}.lock", steady.pid), format!("{}.json", steady.pid)];
    assert_eq!(home.names_without_spares(), own);
}

/// The records that a busy host's containers left behind, each of which could be anywhere on
/// this kernel: the look at all processes is not made anew for each of them.
#[test]
fn a_thousand_records_of_containers_that_are_gone_list_in_no_time() {
    let home = Home::with_sessions();
    let registry = Registry::at(home.sessions());
    let mut record = stale(&registry, 1);
    record["pidNs"] = json!(1);
    record["pidDomain"] = json!("linux::pid:[1]");
    for pid in 100_000..101_000 {
        record["pid"] = json!(pid);
        // None that a process has: the kernel counts them up, from its start.
        record["pidfdIno"] = json!((1_u64 << 50) + pid);
        home.put(&format!("{pid}.json"), record.to_string());
        home.age(&format!("{pid}.json"), Duration::from_secs(60));
    }
    // The time that it works, and not the time that others do.
    let worked = || clock_gettime(ClockId::ThreadCPUTime);
    let started = worked();
    let seen = registry.list();
    let took = worked() - started;
    assert_eq!(seen.sessions.len(), 1000);
    assert!(seen.sessions.iter().all(|s| s.verdict() != Verdict::Alive));
    assert!(took.tv_sec < 2, "{took:?}");
}
