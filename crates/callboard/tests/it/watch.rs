//! What a watch tells, by real processes. Every wait is for an event; none ends by a clock unless
//! the test fails.

use std::fs;
use std::os::fd::AsFd;
use std::time::Duration;

use callboard::{Event, Gone, Patch, Registry, SignIn, SignedIn, Status, Watch};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::Actor;

/// Longer than anything takes: an event that has not come by then never comes.
const PATIENCE: Option<Duration> = Some(Duration::from_secs(40));

fn watch(home: &Home) -> Watch {
    Watch::start(&Registry::at(home.sessions())).unwrap().1
}

/// The next event as a short text.
fn next(watch: &mut Watch) -> String {
    match watch.next_within(PATIENCE).unwrap() {
        None => "nothing".to_owned(),
        Some(Event::Appeared(session)) => format!("appeared {}", session.record.pid()),
        Some(Event::Changed { session, keys, .. }) => {
            format!("changed {} {}", session.record.pid(), keys.join(","))
        }
        Some(Event::Gone { session, why }) => format!("gone {} {why}", session.record.pid()),
        Some(Event::Problem(problem)) => format!("problem {}", problem.kind),
        Some(other) => format!("{other:?}"),
    }
}

/// That nothing is left to tell, by something that happens after it: events come in order.
fn assert_quiet(watch: &mut Watch) {
    let home = watch.registry().dir().to_owned();
    let SignedIn::In(marker) = Registry::at(&home).register(SignIn::new()).unwrap() else {
        panic!("it is no sub-agent")
    };
    let me = std::process::id();
    assert_eq!(next(watch), format!("appeared {me}"));
    drop(marker);
    assert_eq!(next(watch), format!("gone {me} signed-out"));
}

#[test]
fn a_session_from_its_beginning_to_its_end() {
    let home = Home::new();
    let mut watch = watch(&home);
    let mut actor = Actor::signed_in(&home);
    let pid = actor.pid;
    assert_eq!(next(&mut watch), format!("appeared {pid}"), "even of a directory made since");
    actor.ask("status", json!("busy"));
    assert_eq!(next(&mut watch), format!("changed {pid} status"));
    actor.ask("rename", json!("billing"));
    assert_eq!(next(&mut watch), format!("changed {pid} name"));
    Registry::at(home.sessions()).update(pid, &Patch::new().status(Status::Idle, None)).unwrap();
    assert_eq!(next(&mut watch), format!("changed {pid} status"));
    assert!(actor.end_by("return").success());
    assert_eq!(next(&mut watch), format!("gone {pid} signed-out"));
    assert_quiet(&mut watch);
}

#[test]
fn a_death_rings_though_nothing_happens_in_the_directory() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let (board, mut watch) = Watch::start(&Registry::at(home.sessions())).unwrap();
    assert_eq!(board.sessions.len(), 1);
    actor.process().kill();
    assert_eq!(next(&mut watch), format!("gone {} died", actor.pid));
    // A sweep of what was told to be gone is no news.
    let registry = Registry::at(home.sessions());
    registry.sweep(&registry.plan_sweep().unwrap()).unwrap();
    assert_quiet(&mut watch);
}

/// claude-code #89355: a zombie is dead, whether it was there first or died under the watch.
/// Its last words come with its end: whoever is told of them is not told that it runs.
#[test]
fn a_session_that_says_something_and_dies_is_gone() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let mut watch = watch(&home);
    actor.ask("status", json!("busy"));
    actor.process().kill();
    actor.process().wait_without_collecting();
    assert_eq!(next(&mut watch), format!("gone {} died", actor.pid));
}

/// That the process of a record is known to run says nothing of the one that is written there
/// next: here, one of the same pid that has ended.
#[test]
fn a_record_of_another_run_of_its_pid_is_judged_anew() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let mut watch = watch(&home);
    let pid = actor.pid;
    let mut record: Value =
        serde_json::from_str(&fs::read_to_string(home.entry(&format!("{pid}.json"))).unwrap())
            .unwrap();
    record["pidfdIno"] = json!(1);
    record["procStart"] = json!("1");
    home.put(&format!(".{pid}.0123456789abcdef.tmp"), record.to_string());
    let rename = |from: &str, to: &str| fs::rename(home.entry(from), home.entry(to)).unwrap();
    rename(&format!(".{pid}.0123456789abcdef.tmp"), &format!("{pid}.json"));
    assert_eq!(next(&mut watch), format!("gone {pid} signed-out"));
    // The session brings its own back.
    actor.ask("status", json!("busy"));
    assert_eq!(next(&mut watch), format!("appeared {pid}"));
}

#[test]
fn a_zombie_is_gone() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let mut watch = watch(&home);
    actor.process().kill();
    actor.process().wait_without_collecting();
    assert_eq!(next(&mut watch), format!("gone {} died", actor.pid));
    let (_, mut later) = Watch::start(&Registry::at(home.sessions())).unwrap();
    assert_quiet(&mut later);
}

#[test]
fn a_sweep_is_told_from_a_sign_out() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let mut watch = watch(&home);
    actor.process().kill();
    actor.process().wait();
    let registry = Registry::at(home.sessions());
    registry.sweep(&registry.plan_sweep().unwrap()).unwrap();
    // Its end and its sweep are seen together: the record is not there to look at any more.
    assert_eq!(next(&mut watch), format!("gone {} swept", actor.pid));
    assert_quiet(&mut watch);
}

#[test]
fn an_update_that_says_nothing_new_is_no_event() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("status", json!("busy"));
    let mut watch = watch(&home);
    actor.ask("status", json!("busy"));
    actor.ask("reassert", Value::Null);
    assert_quiet(&mut watch);
}

/// A board with a hundred busy sessions was read ten times over at each look.
#[test]
fn a_record_that_rang_ten_times_is_read_once() {
    let home = Home::new();
    let mut actors = [Actor::signed_in(&home), Actor::signed_in(&home)];
    let mut watch = watch(&home);
    for name in 0..10 {
        for actor in &mut actors {
            actor.ask("rename", json!(format!("name {name}")));
        }
    }
    let opened = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&opened, home.sessions(), inotify::WatchFlags::OPEN).unwrap();
    let told: Vec<_> = watch.ready().unwrap().collect();
    assert_eq!(told.len(), 2, "{told:?}");
    let mut buffer = Vec::with_capacity(16 << 10);
    let mut events = inotify::Reader::new(&opened, buffer.spare_capacity_mut());
    let mut records: Vec<String> = Vec::new();
    while let Ok(event) = events.next() {
        records.extend(event.file_name().map(|name| name.to_str().unwrap().to_owned()));
    }
    records.sort();
    let mut expected = actors.map(|actor| format!("{}.json", actor.pid));
    expected.sort();
    assert_eq!(records, expected);
}

#[test]
fn a_directory_that_is_deleted_and_made_again() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let pid = actor.pid;
    let mut watch = watch(&home);
    fs::remove_dir_all(home.sessions()).unwrap();
    let gone = next(&mut watch);
    assert_eq!(gone, format!("gone {pid} signed-out"), "somebody removed its record, and it runs");
    // It lives, so its next update brings it back.
    actor.ask("status", json!("busy"));
    assert_eq!(next(&mut watch), format!("appeared {pid}"));
    assert_quiet(&mut watch);
}

#[test]
fn a_home_that_is_deleted_with_everything_above_it() {
    let scratch = tempfile::tempdir().unwrap();
    let deep = scratch.path().join("a/b/c/sessions");
    let registry = Registry::at(&deep);
    let (_, mut watch) = Watch::start(&registry).unwrap();
    for round in 0..3 {
        let SignedIn::In(me) = registry.register(SignIn::new()).unwrap() else { panic!() };
        let pid = std::process::id();
        assert_eq!(next(&mut watch), format!("appeared {pid}"), "round {round}");
        fs::remove_dir_all(scratch.path().join("a")).unwrap();
        assert_eq!(next(&mut watch), format!("gone {pid} signed-out"), "round {round}");
        me.sign_out().unwrap();
    }
}

#[test]
fn events_that_were_lost() {
    let home = Home::with_sessions();
    let registry = Registry::at(home.sessions());
    let mut actor = Actor::signed_in(&home);
    let mut watch = watch(&home);
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: usize = limit.trim().parse().unwrap();
    // More names than the kernel keeps, none of them a record's, while the watch does not look.
    let noise = home.entry("noise");
    for _ in 0..=limit / 3 {
        fs::write(&noise, "").unwrap();
        fs::remove_file(&noise).unwrap();
    }
    actor.ask("status", json!("waiting"));
    let late = Actor::signed_in(&home);
    let mut told = vec![next(&mut watch), next(&mut watch)];
    told.sort();
    let expected = [format!("appeared {}", late.pid), format!("changed {} status", actor.pid)];
    assert_eq!(told, expected);
    assert_eq!(registry.count().alive, 2);
    drop(late);
    assert!(next(&mut watch).ends_with("died"), "and it hears on");
}

/// Claude Code rewrites its record in place, from empty.
#[test]
fn a_record_that_is_rewritten_in_place_is_never_torn() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    let record = actor.ask("own", Value::Null).to_string();
    let foreign = home.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    let file = foreign.join(format!("{}.json", actor.pid));
    let (_, mut watch) = Watch::start(&Registry::foreign(&foreign)).unwrap();
    fs::write(&file, &record).unwrap();
    assert_eq!(next(&mut watch), format!("appeared {}", actor.pid));
    for (nth, word) in ["a", "bb", "c"].into_iter().enumerate() {
        let text = record.replacen('{', &format!(r#"{{"waitingFor":"{word}","#), 1);
        fs::write(&file, text).unwrap();
        let expected = format!("changed {} waitingFor", actor.pid);
        assert_eq!(next(&mut watch), expected, "{nth}");
    }
    fs::write(&file, "{").unwrap();
    assert!(next(&mut watch).starts_with("problem not a record"), "and the session is still there");
    fs::write(&file, &record).unwrap();
    assert_eq!(next(&mut watch), format!("changed {} waitingFor", actor.pid));
    fs::remove_file(&file).unwrap();
    assert_eq!(next(&mut watch), format!("gone {} signed-out", actor.pid));
}

/// No pidfd of another PID namespace's process can be had, so nothing rings when it dies: its lock
/// is looked at every two seconds, for as long as there is such a session.
#[test]
fn a_session_of_another_pid_namespace_dies() {
    let home = Home::new();
    let mut there = Actor::start_on(&Stage::container(), &home);
    let registered = there.ask("register", json!({}));
    assert!(registered.is_string(), "{registered}");
    let mut beside = Actor::start_on(&Stage::container(), &home);
    assert_eq!(beside.ask("watch", json!("start")), json!(1));
    there.process().kill();
    let told = beside.ask("watch", json!("next"));
    assert!(told.as_str().unwrap().ends_with("died"), "{told}");
}

#[test]
fn it_fits_into_an_event_loop() {
    let home = Home::with_sessions();
    let mut watch = watch(&home);
    let readable = |watch: &Watch, wait: bool| {
        let mut fds = [PollFd::from_borrowed_fd(watch.as_fd(), PollFlags::IN)];
        let patience = Timespec { tv_sec: if wait { 20 } else { 0 }, tv_nsec: 0 };
        poll(&mut fds, Some(&patience)).unwrap() == 1
    };
    assert!(!readable(&watch, false), "nothing has happened");
    let actor = Actor::signed_in(&home);
    assert!(readable(&watch, true));
    let mut told = Vec::new();
    while let Some(event) = watch.next_within(Some(Duration::ZERO)).unwrap() {
        told.push(matches!(event, Event::Appeared(_)));
    }
    assert_eq!(told, [true]);
    assert!(!readable(&watch, false), "all of it was read");
    drop(actor);
    assert!(readable(&watch, true), "a death rings too");
    assert!(matches!(watch.next(), Some(Event::Gone { why: Gone::Died, .. })));
}

/// A status that is there for less time than it takes to look is not missed: its number says that
/// it was there (agent-of-empires #3378, openclaude #2162).
#[test]
fn no_edge_is_missed_however_short() {
    const FLIPS: u64 = 100_000;
    // On a file system in memory, so that the flips are as short as they can be.
    let scratch = tempfile::tempdir_in("/dev/shm").unwrap();
    let registry = Registry::at(scratch.path().join("sessions"));
    let SignedIn::In(me) = registry.register(SignIn::new()).unwrap() else { panic!() };
    me.set_status(Status::Busy, None).unwrap();
    let (board, mut watch) = Watch::start(&registry).unwrap();
    let mut last = board.sessions[0].record.reached(&Status::Idle).unwrap_or(0);
    let flipper = std::thread::spawn(move || {
        for _ in 0..FLIPS / 2 {
            me.set_status(Status::Idle, None).unwrap();
            me.set_status(Status::Busy, None).unwrap();
        }
        let idle = me.record().reached(&Status::Idle).unwrap();
        me.set_status(Status::Waiting, None).unwrap();
        (idle, me)
    });
    // Who waits for `idle` again and again: each time it has been idle since the last time, though
    // it is hardly ever seen so.
    let (mut reached, mut seen_so) = (0_u64, 0_u64);
    while let Some(Event::Changed { session, .. }) = watch.next_within(PATIENCE).unwrap() {
        let idle = session.record.reached(&Status::Idle).unwrap_or(0);
        reached += u64::from(idle > last);
        seen_so += u64::from(session.record.status() == Some(Status::Idle));
        last = last.max(idle);
        if session.record.status() == Some(Status::Waiting) {
            break;
        }
    }
    let (idle, _me) = flipper.join().unwrap();
    assert_eq!(last, idle, "the last edge is known");
    assert!(reached > 0 && reached >= seen_so, "{reached} {seen_so}");
}
