//! Signals, covered and not. An actor is given `SIGTERM` by the test and by nobody else.

use std::os::unix::process::ExitStatusExt;

use callboard::{Evidence, Verdict};
use rustix::process::Signal;
use serde_json::{Value, json};
use testkit::Home;

use crate::actor::{Actor, alive, session};

const SIGHUP: i32 = 1;
const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

#[test]
fn a_covered_signal_signs_out_and_still_ends_the_program_as_that_signal() {
    for (signal, number) in [(Signal::TERM, SIGTERM), (Signal::INT, SIGINT), (Signal::HUP, SIGHUP)]
    {
        let home = Home::new();
        let mut actor = Actor::signed_in(&home);
        let covered = actor.ask("cover", json!(["signals"]));
        assert_eq!(covered, json!([SIGHUP, SIGINT, SIGTERM]));
        actor.process().signal(signal);
        assert_eq!(actor.process().wait().signal(), Some(number));
        assert_eq!(home.names(), [""; 0]);
    }
}

#[test]
fn a_signal_that_is_not_covered_leaves_a_stale_record() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.process().signal(Signal::TERM);
    assert_eq!(actor.process().wait().signal(), Some(SIGTERM));
    assert_eq!(session(&home, actor.pid).evidence(), Evidence::NoProcess);
}

/// `nohup`: the program is to live on, and so does its record.
#[test]
fn an_ignored_signal_stays_ignored() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("ignore", json!(SIGHUP));
    assert_eq!(actor.ask("cover", json!(["signals"])), json!([SIGINT, SIGTERM]));
    actor.process().signal(Signal::HUP);
    assert_eq!(actor.ask("status", json!("busy")), "done", "it lives, and is signed in");
    assert_eq!(alive(&home), [actor.pid]);
}

#[test]
fn the_handler_of_the_host_program_is_not_taken_from_it() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("handle", json!(SIGTERM));
    assert_eq!(actor.ask("cover", json!(["signals"])), json!([SIGHUP, SIGINT]));
    actor.process().signal(Signal::TERM);
    assert_eq!(actor.process().wait().code(), Some(100 + SIGTERM), "its own handler ran");
    assert_eq!(session(&home, actor.pid).verdict(), Verdict::Dead);
}

#[test]
fn a_handler_that_is_installed_later_replaces_ours() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("cover", json!(["signals"]));
    actor.ask("handle", json!(SIGTERM));
    actor.process().signal(Signal::TERM);
    assert_eq!(actor.process().wait().code(), Some(100 + SIGTERM));
}

#[test]
fn a_signed_out_session_has_nothing_left_to_cover() {
    let home = Home::new();
    let mut actor = Actor::signed_in(&home);
    actor.ask("cover", json!(["signals", "process_exit"]));
    actor.ask("sign_out", Value::Null);
    let other = home.put(&format!("{}.json", actor.pid), format!(r#"{{"pid":{}}}"#, actor.pid));
    actor.process().signal(Signal::TERM);
    assert_eq!(actor.process().wait().signal(), Some(SIGTERM));
    assert!(other.exists(), "a record that this program has nothing to do with");
}
