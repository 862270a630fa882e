//! The same home in another boot, and in containers that are told another boot, as LXC and
//! systemd-nspawn tell theirs. What the reader reads is what any reader reads: the file that the
//! kernel answers `/proc/sys/kernel/random/boot_id` with has another one bound over it.

use std::time::Duration;

use callboard::Evidence;
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::{Actor, alive, judged, session};
use crate::scene::{file_of, nothing_swept};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// With another boot id, and another machine id too if there is one.
fn booted_anew(home: &Home, machine: Option<&str>) -> Stage {
    std::fs::write(home.path().join("boot"), "0c0ffee0-1111-4222-8333-444444444444\n").unwrap();
    let mut script = r#"mount --bind "$1/boot" /proc/sys/kernel/random/boot_id"#.to_owned();
    if let Some(machine) = machine {
        std::fs::write(home.path().join("machine"), machine).unwrap();
        script.push_str(r#" && mount --bind "$1/machine" /etc/machine-id"#);
    }
    Stage::with_mounts(&script, home.path())
}

/// How long this machine has run.
fn uptime() -> Duration {
    let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
    Duration::from_secs_f64(uptime.split(' ').next().unwrap().parse().unwrap())
}

/// A session that was killed, and its record.
fn left_behind(home: &Home) -> (u32, String) {
    let mut session = Actor::signed_in(home);
    let file = file_of(&mut session);
    session.end_by("kill");
    (session.pid, file)
}

#[test]
fn what_was_written_before_the_reboot_is_dead() {
    let home = Home::with_sessions();
    let (_, file) = left_behind(&home);
    home.age(&file, uptime() + HOUR);
    let mut later = Actor::start_on(&booted_anew(&home, None), &home);
    assert_eq!(later.sees(&file), judged("dead", "rebooted"));
    assert_eq!(later.ask("sweep", Value::Null), json!({ "done": [file], "kept": [] }));
    assert_eq!(home.names(), [""; 0]);
}

/// The file could have been written by a guest that shares the disk, in a boot of its own.
#[test]
fn what_was_written_since_this_machine_booted_is_perhaps_of_another() {
    let home = Home::with_sessions();
    let (_, file) = left_behind(&home);
    let mut later = Actor::start_on(&booted_anew(&home, None), &home);
    assert_eq!(later.sees(&file), judged("unknown", "other-boot"));
    assert_eq!(later.ask("sweep", Value::Null), nothing_swept());
}

/// The disk was moved, or both machines have it: how old the file is proves nothing.
#[test]
fn another_machine_is_no_reboot() {
    let home = Home::with_sessions();
    let (_, file) = left_behind(&home);
    home.age(&file, uptime() + HOUR);
    let machine = "0123456789abcdef0123456789abcdef\n";
    for machine in [machine, "\n"] {
        let mut other = Actor::start_on(&booted_anew(&home, Some(machine)), &home);
        assert_eq!(other.sees(&file), judged("unknown", "other-boot"), "{machine:?}");
        assert_eq!(other.ask("sweep", Value::Null), nothing_swept());
    }
}

/// After the reboot a session gets the number that one had before it.
#[test]
fn a_number_is_used_again_after_the_reboot() {
    let home = Home::with_sessions();
    let (pid, file) = left_behind(&home);
    let stage = |home: &Home| Stage::pid_namespace().then(booted_anew(home, None)).with_pid(pid);
    // Perhaps another machine's: both stand.
    let mut second = Actor::start_on(&stage(&home), &home);
    second.ask("register", json!({}));
    assert_ne!(file_of(&mut second), file);
    second.ask("sign_out", Value::Null);
    // Older than this boot: its name is free.
    home.age(&file, uptime() + HOUR);
    second.ask("register", json!({ "name": "second" }));
    assert_eq!(file_of(&mut second), file);
    assert_eq!(second.sees(&file), judged("alive", "pidfd"));
    assert_eq!(home.names(), [format!(".{pid}.lock"), file]);
}

/// LXC and systemd-nspawn give each container a boot id of its own. A lock that is held on the
/// disk of this kernel is held by somebody who lives.
#[test]
fn a_container_that_is_told_another_boot_lives_by_its_lock() {
    let home = Home::with_sessions();
    let mut host = Actor::signed_in(&home);
    let hosts = file_of(&mut host);
    let stage = Stage::pid_namespace().then(booted_anew(&home, None)).with_pid(42);
    let mut container = Actor::start_on(&stage, &home);
    container.ask("register", json!({}));
    let own = file_of(&mut container);
    assert_eq!(container.sees(&hosts), judged("alive", "lock-held"));
    assert_eq!(host.sees(&own), judged("alive", "lock-held"));
    let mut expected = [host.pid, 42];
    expected.sort_unstable();
    assert_eq!(alive(&home), expected);

    // Free, it proves nothing about another boot: the session may have replaced itself by `exec`.
    container.end_by("kill");
    assert_eq!(host.sees(&own), judged("unknown", "other-boot"));
    assert_eq!(host.ask("sweep", Value::Null), nothing_swept());
    assert_eq!(session(&home, host.pid).evidence(), Evidence::Pidfd);
}

/// In a time namespace the machine seems to have booted later, and files to be from before that.
#[test]
fn a_time_namespace_makes_no_reboot() {
    let home = Home::with_sessions();
    let mut host = Actor::signed_in(&home);
    let child = host.ask("child", json!("start"));
    host.ask("register_process", child.clone());
    // Without a lock, on its behalf; written a minute ago, ten seconds before "this boot".
    let file = format!("{child}.json");
    home.age(&file, Duration::from_secs(60));
    let uptime = i64::try_from(uptime().as_secs()).unwrap();
    let stage = booted_anew(&home, None).then(Stage::time_namespace_booted(50 - uptime));
    let mut restored = Actor::start_on(&stage, &home);
    assert_eq!(restored.sees(&file), judged("unknown", "other-boot"));
    assert_eq!(restored.ask("sweep", Value::Null), nothing_swept());
    assert_eq!(host.sees(&file), judged("alive", "pidfd"));
}
