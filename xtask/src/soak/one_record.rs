//! Many processes write one record, and many read it meanwhile.

use std::os::fd::AsFd;

use anyhow::{Context, Result};
use callboard::{Patch, Registration, SessionRecord, SignIn, Verdict};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::json;

use super::actor::{Actor, Part};
use super::directory::{list, nothing_is_left};
use super::storms::Storm;
use super::tally::Tally;

const WRITERS: u64 = 8;
const READERS: u64 = 4;
/// Writers that go on for as long as there are readers.
const RESTLESS: u64 = 4;

/// Eight writers and the owner count up a key each. In the end every count is there, and every
/// write was counted once.
pub(super) fn writers(storm: &mut Storm<'_>) -> Result<Tally> {
    let owner = owner(storm)?;
    let each = storm.sizes.updates_each;
    let mut tally = Tally::default();
    let before = owner.record().seq().unwrap_or_default();
    let actors = (0..WRITERS)
        .map(|index| start(storm, "write", &[index, each]))
        .collect::<Result<Vec<_>>>()?;
    for n in 1..=each {
        tally.operations += 1;
        if let Err(error) = owner.patch(&count_up("owner", n)) {
            tally.violation(format!("the owner's update {n}: {error}"));
        }
    }
    for actor in actors {
        tally.add(actor.finish()?);
    }
    let seen = list(&storm.registry, &mut tally);
    let record = seen.sessions.first().map(|s| &s.record).context("the record is gone")?;
    for key in (0..WRITERS).map(key_of).chain(["owner".to_owned()]) {
        let count = record.raw(&key);
        tally.require(count == Some(&each.to_string()), || format!("{key} is at {count:?}"));
    }
    let writes = record.seq().unwrap_or_default() - before;
    let expected = each * (WRITERS + 1);
    tally.require(writes == expected, || format!("{writes} writes instead of {expected}"));
    owner.sign_out()?;
    nothing_is_left(&storm.registry, &mut tally)?;
    Ok(tally)
}

/// The role of one of the eight.
pub(super) fn write(part: &Part) -> Result<Tally> {
    let (owner, index, times) = (u32::try_from(part.number(0)?)?, part.number(1)?, part.number(2)?);
    let key = key_of(index);
    let mut tally = Tally::default();
    for n in 1..=times {
        tally.operations += 1;
        match part.registry.update(owner, &count_up(&key, n)) {
            Ok(record) => {
                let said = record.raw(&key);
                tally.require(said == Some(&n.to_string()), || format!("{key}: {said:?} for {n}"));
            }
            Err(error) => tally.violation(format!("update {n} of {key}: {error}")),
        }
    }
    Ok(tally)
}

/// Readers list while writers write. A record is whole: the two halves that each write sets
/// together are never seen apart, what nobody changes stays, and time does not go backwards.
pub(super) fn readers(storm: &mut Storm<'_>) -> Result<Tally> {
    let owner = owner(storm)?;
    let writers = (0..RESTLESS)
        .map(|index| start(storm, "write-until-gone", &[index]))
        .collect::<Result<Vec<_>>>()?;
    let each = storm.sizes.reads / READERS;
    let readers =
        (0..READERS).map(|_| start(storm, "read", &[each])).collect::<Result<Vec<_>>>()?;
    let mut tally = Tally::default();
    for actor in readers.into_iter().chain(writers) {
        tally.add(actor.finish()?);
    }
    owner.sign_out()?;
    nothing_is_left(&storm.registry, &mut tally)?;
    Ok(tally)
}

/// Writes both halves in one update, until its standard input is closed. The halves are of
/// different lengths from one write to the next, so that half a write would not look whole.
pub(super) fn write_until_gone(part: &Part) -> Result<Tally> {
    let (owner, index) = (u32::try_from(part.number(0)?)?, part.number(1)?);
    let mut tally = Tally::default();
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    let stdin = std::io::stdin();
    for n in 0_u64.. {
        let mut input = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
        if poll(&mut input, Some(&at_once)).context("cannot poll")? > 0 {
            break;
        }
        tally.operations += 1;
        let half = format!("{index}:{n}:{}", "x".repeat((n % 4096) as usize));
        let patch = Patch::new()
            .extra("left", Some(&json!(half)))
            .extra("between", Some(&json!(n)))
            .extra("right", Some(&json!(half)));
        if let Err(error) = part.registry.update(owner, &patch) {
            tally.violation(format!("update {n} of writer {index}: {error}"));
        }
    }
    Ok(tally)
}

/// The role of a reader.
pub(super) fn read(part: &Part) -> Result<Tally> {
    let (owner, times) = (u32::try_from(part.number(0)?)?, part.number(1)?);
    let mut tally = Tally::default();
    let mut last = 0;
    for n in 0..times {
        let seen = list(&part.registry, &mut tally);
        let found = seen.sessions.iter().find(|s| s.record.pid() == owner);
        let Some(session) = found else {
            tally.violation(format!("the record was missing in read {n}"));
            continue;
        };
        let verdict = session.verdict();
        tally.require(verdict == Verdict::Alive, || format!("read {n}: {}", verdict.as_str()));
        tally.require(is_whole(&session.record), || format!("read {n} was torn"));
        let seq = session.record.seq().unwrap_or_default();
        tally.require(seq >= last, || format!("read {n}: {seq} after {last}"));
        last = seq;
    }
    Ok(tally)
}

fn is_whole(record: &SessionRecord) -> bool {
    record.raw("left") == record.raw("right") && record.name().as_deref() == Some("the record")
}

fn owner(storm: &Storm<'_>) -> Result<Registration> {
    let signed_in = storm.registry.register(SignIn::new().name("the record"))?;
    signed_in.registration().context("this program was started as a sub-agent")
}

fn start(storm: &mut Storm<'_>, role: &str, numbers: &[u64]) -> Result<Actor> {
    let owner = u64::from(std::process::id());
    let numbers: Vec<u64> = [owner].into_iter().chain(numbers.iter().copied()).collect();
    Actor::start(role, storm.registry.dir(), storm.random.next(), &numbers)
}

fn key_of(index: u64) -> String {
    format!("count{index}")
}

fn count_up(key: &str, n: u64) -> Patch {
    Patch::new().extra(key, Some(&json!(n)))
}
