//! One pid number, given out again at once to the next session, while sweepers in the same PID
//! namespace and in another one look for the dead.

use std::fs;

use anyhow::{Context, Result, bail};

use super::actor::{Actor, Part};
use super::brief;
use super::directory::nothing_is_left;
use super::storms::Storm;
use super::tally::Tally;

const SWEEPERS: usize = 2;
/// The number that every session has.
const PID: u32 = 4242;
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

pub(super) fn storm(storm: &mut Storm<'_>) -> Result<Tally> {
    let dir = storm.registry.dir();
    let namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"];
    let seed = storm.random.next();
    let sessions = Actor::start_by(&namespace, "recycle", dir, seed, &[storm.sizes.recycled])?;
    let outside =
        (0..SWEEPERS).map(|_| Actor::start("sweep", dir, 0, &[])).collect::<Result<Vec<_>>>()?;
    let mut tally = sessions
        .finish()
        .context("one pid number again and again needs a PID namespace, which root may make")?;
    for sweeper in outside {
        tally.add(sweeper.finish()?);
    }
    nothing_is_left(&storm.registry, &mut tally)?;
    Ok(tally)
}

/// The role of the first process of the namespace.
pub(super) fn recycle(mut part: Part) -> Result<Tally> {
    if std::process::id() != 1 {
        bail!("not the first process of a PID namespace");
    }
    let times = part.number(0)?;
    let inside = (0..SWEEPERS)
        .map(|_| Actor::start("sweep", part.registry.dir(), 0, &[]))
        .collect::<Result<Vec<_>>>()?;
    let mut tally = Tally::default();
    for n in 0..times {
        fs::write(LAST_PID, (PID - 1).to_string()).context("cannot choose the next pid")?;
        let id = format!("recycled-{n}");
        let pid = brief::live(&part.registry, &id, &mut part.random, &mut tally)?;
        tally.require(pid == PID, || format!("the pid was not given out again, but {pid}"));
    }
    for sweeper in inside {
        tally.add(sweeper.finish()?);
    }
    Ok(tally)
}
