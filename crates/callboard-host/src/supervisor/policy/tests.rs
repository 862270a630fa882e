//! Cases, with times as values: nothing here waits.

use std::io;
use std::path::PathBuf;

use super::*;
use crate::id::HostedId;

const MIDDLE: f64 = 0.5;

fn run(started_at: u64, length: u64, exit: Exit) -> Run {
    Run { started_at, ended_at: started_at + length, exit }
}

fn due(at: u64) -> Standing {
    Standing::Due { at }
}

fn reason(standing: &Standing) -> Option<Reason> {
    match standing {
        Standing::Failed { reason, .. } => Some(*reason),
        _ => None,
    }
}

#[test]
fn policies_by_case() {
    use Exit::{Code, Lost, Signal};
    use Restart::{Always, Never, OnFailure};
    let exit_code = || failed(Reason::ExitCode, "");
    for (policy, exit, expected) in [
        (Never, Code(1), Standing::Done),
        (Never, Lost, Standing::Done),
        (Never, Code(127), Standing::Done),
        (OnFailure, Code(0), Standing::Done),
        (OnFailure, Code(1), due(11_100)),
        (OnFailure, Code(124), due(11_100)),
        (OnFailure, Code(125), exit_code()),
        (OnFailure, Code(126), exit_code()),
        (OnFailure, Code(127), exit_code()),
        (OnFailure, Code(128), due(11_100)),
        (OnFailure, Signal(15), due(11_100)),
        (OnFailure, Lost, due(11_100)),
        (Always, Code(0), due(11_100)),
        (Always, Signal(9), due(11_100)),
        (Always, Lost, due(11_100)),
        (Always, Code(127), exit_code()),
    ] {
        let run = run(10_000, 100, exit);
        let (standing, _) = after_run(policy, &Pace::default(), Tally::default(), run, MIDDLE);
        assert_eq!(reason(&standing), reason(&expected), "{policy:?} {exit}");
        if reason(&expected).is_none() {
            assert_eq!(standing, expected, "{policy:?} {exit}");
        }
    }
}

/// The policy over many ends: each run lasts as long as is said and then fails; the times of the
/// starts, in s, and how it ends.
fn story(lengths: &[u64], chance: f64) -> (Vec<u64>, Standing) {
    let (mut tally, mut at, mut starts) = (Tally::default(), 1_000_000, Vec::new());
    for length in lengths {
        starts.push((at - 1_000_000) / 1000);
        let run = run(at, length * 1000, Exit::Code(1));
        let (standing, next) = after_run(Restart::Always, &Pace::default(), tally, run, chance);
        let Standing::Due { at: next_at } = standing else { return (starts, standing) };
        (tally, at) = (next, next_at);
    }
    (starts, due(at))
}

#[test]
fn a_loop_is_ended_after_five_starts() {
    let (starts, end) = story(&[0; 9], MIDDLE);
    assert_eq!(starts, [0, 1, 3, 7, 15]);
    assert_eq!(reason(&end), Some(Reason::Flapping));
    assert_eq!(end, failed(Reason::Flapping, "5 starts within 60s"));
    // At the ends of the jitter, too.
    for chance in [0.0, 0.999] {
        let (starts, end) = story(&[0; 9], chance);
        assert_eq!((starts.len(), reason(&end)), (5, Some(Reason::Flapping)), "{chance}");
    }
}

#[test]
fn delays_double_up_to_a_minute_and_begin_anew_after_one() {
    // 20 s each: never five within a minute.
    let (starts, end) = story(&[20; 9], MIDDLE);
    assert_eq!(starts, [0, 21, 43, 67, 95, 131, 183, 263, 343]);
    assert!(matches!(end, Standing::Due { .. }));
    // The fourth lasts for a minute: one second after it, and two after the next.
    let (starts, _) = story(&[20, 20, 20, 60, 20, 20], MIDDLE);
    assert_eq!(starts, [0, 21, 43, 67, 128, 150]);
    // The fifth start is the last of five within a minute, and lasts longer than they are recent.
    assert!(matches!(story(&[0, 0, 0, 0, 58], MIDDLE).1, Standing::Due { .. }));
}

#[test]
fn jitter_is_a_fifth() {
    let pace = Pace::default();
    for (in_a_row, chance, delay) in [
        (0, 0.0, 800),
        (0, MIDDLE, 1000),
        (0, 0.999_999, 1199),
        (3, 0.0, 6400),
        (5, MIDDLE, 32_000),
        (6, MIDDLE, 60_000),
        (31, 0.999_999, 71_999),
        (32, MIDDLE, 60_000),
        (u32::MAX, MIDDLE, 60_000),
    ] {
        assert_eq!(pace.delay_ms(in_a_row, chance), delay, "{in_a_row} {chance}");
    }
    assert_eq!(pace.longest_ms(), 72_000);
}

#[test]
fn starts_that_fail_by_case() {
    let source = || io::Error::from_raw_os_error(2);
    let program = || "x".into();
    for (error, expected) in [
        (
            SpawnError::Directory { path: PathBuf::from("/gone"), source: source() },
            Some(Reason::Cwd),
        ),
        (SpawnError::NotFound { program: program() }, Some(Reason::Program)),
        (SpawnError::NotExecutable { program: program(), source: source() }, Some(Reason::Program)),
        (SpawnError::Spec("no".into()), Some(Reason::Host)),
        (SpawnError::Host { doing: "fork", source: source() }, None),
        (SpawnError::Failed("no memory".into()), None),
        (SpawnError::Taken { id: HostedId::random() }, None),
    ] {
        let tally = Tally { in_a_row: 2, ..Tally::default() };
        let (standing, _) = after_failed_start(&Pace::default(), tally, &error, 9_000, MIDDLE);
        assert_eq!(reason(&standing), expected, "{error}");
        if expected.is_none() {
            assert_eq!(standing, due(13_000), "{error}");
        }
    }
    // They count: one that never succeeds ends, too.
    let error = SpawnError::Failed("no memory".into());
    let (mut tally, mut at, mut attempts) = (Tally::default(), 0, 0);
    let end = loop {
        attempts += 1;
        match after_failed_start(&Pace::default(), tally, &error, at, MIDDLE) {
            (Standing::Due { at: next }, more) => (tally, at) = (more, next),
            (end, _) => break end,
        }
    };
    assert_eq!((attempts, reason(&end)), (5, Some(Reason::Flapping)));
}

#[test]
fn a_clock_that_was_set_back_is_no_reason_to_go_on_for_ever() {
    let (mut tally, mut ends) = (Tally::default(), 0);
    // Each run seems to be a year before the last.
    for year in (0..9).rev() {
        let run = run(year * 31_536_000_000, 0, Exit::Code(1));
        let (standing, next) = after_run(Restart::Always, &Pace::default(), tally, run, MIDDLE);
        tally = next;
        ends += u32::from(reason(&standing) == Some(Reason::Flapping));
    }
    assert!(ends > 0);
    // One that ended before it started, by the clock, was not steady.
    let tally = Tally { in_a_row: 3, ..Tally::default() };
    let run = Run { started_at: 90_000, ended_at: 1_000, exit: Exit::Code(1) };
    let (standing, _) = after_run(Restart::Always, &Pace::default(), tally, run, MIDDLE);
    assert_eq!(standing, due(9_000));
}

#[test]
fn words_come_back() {
    for policy in [Restart::Never, Restart::OnFailure, Restart::Always] {
        assert_eq!(Restart::parse(policy.as_str()), Some(policy));
        let json = serde_json::to_string(&policy).unwrap();
        assert_eq!(json, format!("\"{}\"", policy.as_str()));
    }
    assert_eq!(Restart::parse("sometimes"), None);
    for reason in [Reason::Flapping, Reason::ExitCode, Reason::Cwd, Reason::Program] {
        let json = serde_json::to_string(&reason).unwrap();
        assert_eq!(json, format!("\"{}\"", reason.as_str()));
    }
}
