//! Sessions in which nothing happens: how often their hosts wake.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Bench;
use super::peers::Peer;
use super::processes;
use super::starts::PROGRAM;

/// How often a second all hosts together have left the processor.
pub(super) fn wakeups(bench: &Bench, peer: &Peer, sessions: usize, time: Duration) -> Result<f64> {
    let place = bench.place(peer)?;
    for session in 0..sessions {
        peer.start(&place, &format!("s{session}"), PROGRAM)?;
    }
    let hosts = processes::hosts(PROGRAM[0], sessions)?;
    // What a start still has to do is not idling.
    std::thread::sleep(super::QUIET);
    let (before, begin) = (processes::switches(&hosts), Instant::now());
    std::thread::sleep(time);
    let more = processes::switches(&hosts) - before;
    Ok(more as f64 / begin.elapsed().as_secs_f64())
}
