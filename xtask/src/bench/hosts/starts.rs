//! Starting sessions, and the memory that their hosts take.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use super::peers::Peer;
use super::place::Place;
use super::processes::{self, Memory};
use super::terminal::{self, become_program};
use super::{Bench, forwards_and_backwards};
use crate::bench::timing::Samples;

/// What runs in a session: it does nothing, and never ends by itself.
pub(super) const PROGRAM: &[&str] = &["sleep", "1000000"];

/// What was measured with one number of sessions.
pub(super) struct Starts {
    pub(super) sessions: usize,
    /// One for each peer; nothing where it was too slow.
    pub(super) of_peers: Vec<Option<Start>>,
    /// Fork, a new session, a new terminal, execute: what every host does at least.
    pub(super) floor: Samples,
}

/// Of all sessions together.
pub(super) struct Start {
    /// In microseconds.
    pub(super) times: Samples,
    /// On processors, of everybody who had part in it, in microseconds.
    pub(super) work: Samples,
    /// Of the hosts, in KiB: the median of the rounds.
    pub(super) memory: Memory,
}

#[derive(Default)]
struct Measured {
    times: Vec<f64>,
    work: Vec<f64>,
    memory: Vec<Memory>,
}

/// The directories that were `used` are for the caller to remove.
pub(super) fn measure(
    bench: &Bench,
    sessions: usize,
    rounds: usize,
    used: &mut Vec<TempDir>,
) -> Result<Starts> {
    let mut measured: Vec<Measured> = Vec::new();
    measured.resize_with(bench.peers.len(), Measured::default);
    let mut floor = Vec::new();
    for round in 0..rounds {
        for at in forwards_and_backwards(round, bench.peers.len()) {
            let peer = bench.peers[at];
            if !peer.is_slow || (round == 0 && sessions <= 50) {
                used.push(one(bench, peer, sessions, &mut measured[at])?);
            }
        }
        floor.push(start_bare(bench, sessions)?);
    }
    let start = |measured: Measured| {
        let mut memory = measured.memory;
        memory.sort_by(|a, b| a.pss.total_cmp(&b.pss));
        let memory = *memory.get(memory.len() / 2)?;
        let (times, work) = (Samples::new(measured.times), Samples::new(measured.work));
        Some(Start { times, work, memory })
    };
    let of_peers = measured.into_iter().map(start).collect();
    Ok(Starts { sessions, of_peers, floor: Samples::new(floor) })
}

fn one(bench: &Bench, peer: &Peer, sessions: usize, measured: &mut Measured) -> Result<TempDir> {
    let place = bench.place(peer)?;
    let before = work()?;
    let begin = Instant::now();
    for session in 0..sessions {
        peer.start(&place, &format!("s{session}"), PROGRAM)?;
    }
    measured.times.push(begin.elapsed().as_secs_f64() * 1e6);
    let hosts = processes::hosts(PROGRAM[0], sessions).with_context(|| peer.name)?;
    measured.work.push((work()? - before) * 1e3);
    measured.memory.push(processes::memory(&hosts));
    Ok(place.leave())
}

/// Of this process's descendants, those that are gone included, in ms.
fn work() -> Result<f64> {
    let living = processes::processor_time(&processes::descendants());
    Ok(living + processes::processor_time_of_collected()?)
}

/// The same without any host, in microseconds.
fn start_bare(bench: &Bench, sessions: usize) -> Result<f64> {
    let place = Place::new(&bench.callboard, &bench.path)?;
    let mut controllers = Vec::new();
    let begin = Instant::now();
    for _ in 0..sessions {
        let (controller, user) = terminal::open()?;
        let (executed, told) = std::io::pipe()?;
        let mut command = place.command(PROGRAM[0]);
        command.args(&PROGRAM[1..]);
        testkit::fork(|| {
            // Closed by executing.
            let _told = told.try_clone();
            _ = become_program(&mut command, &user);
            127
        });
        drop((told, user));
        let said = std::io::Read::read(&mut &executed, &mut [0])?;
        ensure!(said == 0, "the pipe says something");
        controllers.push(controller);
    }
    let time = begin.elapsed().as_secs_f64() * 1e6;
    processes::hosts(PROGRAM[0], sessions)?;
    Ok(time)
}
