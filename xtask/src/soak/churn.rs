//! Sessions come and go in eight processes at once, most of them killed, some in the middle of a
//! write; the numbers of processes wrap around meanwhile, so that pids are given out again.

use anyhow::Result;

use super::actor::{Actor, Part};
use super::brief;
use super::directory::{nothing_is_left, sweep};
use super::storms::Storm;
use super::tally::Tally;

const PROCESSES: u64 = 8;
/// One session in so many is followed by a sweep, which meets seven others at work.
const SWEEP_AFTER: u64 = 16;

/// What a killed writer leaves may stay for an hour, and every listing passes it by. So the storm
/// has lulls after this many sessions, in each of which an hour passes.
const LULL_AFTER: u64 = 8_000;

pub(super) fn storm(storm: &mut Storm<'_>) -> Result<Tally> {
    let mut tally = Tally::default();
    let mut left = storm.sizes.brief_sessions;
    while left > 0 {
        let now = left.min(LULL_AFTER);
        left -= now;
        let dir = storm.registry.dir();
        let actors = (0..PROCESSES)
            .map(|index| {
                let numbers = [index, now / PROCESSES];
                Actor::start("come-and-go", dir, storm.random.next(), &numbers)
            })
            .collect::<Result<Vec<_>>>()?;
        for actor in actors {
            tally.add(actor.finish()?);
        }
        nothing_is_left(&storm.registry, &mut tally)?;
    }
    Ok(tally)
}

/// The role of each of the eight.
pub(super) fn come_and_go(mut part: Part) -> Result<Tally> {
    let (index, times) = (part.number(0)?, part.number(1)?);
    let mut tally = Tally::default();
    for n in 0..times {
        brief::live(&part.registry, &format!("{index}-{n}"), &mut part.random, &mut tally)?;
        if part.random.below(SWEEP_AFTER) == 0 {
            sweep(&part.registry, &mut tally);
        }
    }
    Ok(tally)
}
