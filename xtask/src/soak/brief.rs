//! One session that signs in and ends, in a process of its own, in one of the ways to end.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use callboard::{Patch, Registry, SignIn, SignedIn, Verdict};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde_json::json;

use super::directory::{find, list};
use super::random::Random;
use super::tally::Tally;

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    SignsOut,
    /// Killed while it waits.
    Killed,
    /// Killed at any moment of its life, whatever it is at.
    KilledWithin(Duration),
}

/// Longer than signing in, five updates and signing out take, so that a kill meets each of them.
const LIFE: u64 = 600_000;

fn choose(random: &mut Random) -> Fate {
    match random.below(4) {
        0 => Fate::SignsOut,
        1 => Fate::Killed,
        _ => Fate::KilledWithin(Duration::from_nanos(random.below(LIFE))),
    }
}

/// Lets one live and end, and compares what is listed with what is true. The pid that it had.
pub(super) fn live(
    registry: &Registry,
    id: &str,
    random: &mut Random,
    tally: &mut Tally,
) -> Result<u32> {
    let fate = choose(random);
    let waits = !matches!(fate, Fate::KilledWithin(_));
    let (mut ours, theirs) = UnixStream::pair().context("cannot make a socket")?;
    let started = Instant::now();
    let pid = testkit::fork(|| {
        // Both ends are open in the child, so the socket would not tell it that nobody is left.
        _ = set_parent_process_death_signal(Some(Signal::KILL));
        i32::from(session(registry, id, &theirs, waits).is_none())
    });
    drop(theirs);
    tally.operations += 1;
    if let Fate::KilledWithin(life) = fate {
        while started.elapsed() < life {
            std::hint::spin_loop();
        }
    } else {
        let mut word = [0];
        // It has signed in, and then said something more.
        for said in [None, Some("1")] {
            tally.operations += 1;
            let answered = ours.read_exact(&mut word).is_ok();
            tally.require(answered, || format!("{id} could not sign in or update"));
            let seen = list(registry, tally);
            let found = find(&seen, id, tally);
            let verdict = found.map(callboard::Session::verdict);
            tally.require(verdict == Some(Verdict::Alive), || format!("{id} lives: {verdict:?}"));
            let last = found.and_then(|s| s.record.raw("said").map(str::to_owned));
            tally.require(last.as_deref() == said, || format!("{id} said {said:?}, not {last:?}"));
            if said.is_none() {
                _ = ours.write_all(b"+");
            }
        }
    }
    if fate == Fate::SignsOut {
        _ = ours.write_all(b"-");
    } else {
        testkit::kill(pid);
        tally.faults += 1;
    }
    let code = testkit::collect(pid);
    tally.require(code.is_none_or(|code| code == 0), || format!("{id} failed: {code:?}"));
    let seen = list(registry, tally);
    if let Some(ghost) = find(&seen, id, tally) {
        let verdict = ghost.verdict();
        // Who was collected is dead for everybody in the same PID namespace.
        tally.require(verdict == Verdict::Dead, || format!("{id} is dead: {verdict:?}"));
        tally.require(fate != Fate::SignsOut, || format!("{id} has signed out and is on record"));
    }
    Ok(pid)
}

/// The life of the session; `None` if the library refused something.
fn session(registry: &Registry, id: &str, mut socket: &UnixStream, waits: bool) -> Option<()> {
    let said = |n: u64| Patch::new().extra("said", Some(&json!(n)));
    let SignedIn::In(me) = registry.register(SignIn::new().session_id(id)).ok()? else {
        return None;
    };
    if waits {
        let mut word = [0];
        socket.write_all(b"1").ok()?;
        socket.read_exact(&mut word).ok()?;
        me.patch(&said(1)).ok()?;
        socket.write_all(b"2").ok()?;
        socket.read_exact(&mut word).ok()?;
    } else {
        for n in 1..=5 {
            me.patch(&said(n)).ok()?;
        }
    }
    me.sign_out().ok()
}
