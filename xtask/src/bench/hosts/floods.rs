//! A session that prints much: with nobody there, and with a client that does not read.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use rustix::process::Signal;

use super::peers::Peer;
use super::place::{Place, SignalPipe};
use super::processes;
use super::terminal::Terminal;
use super::{Bench, forwards_and_backwards};
use crate::bench::timing::Samples;

/// Reads a line from the gate, prints a file, says that it is done, and stays.
const SCRIPT: &str =
    "printf ready; read -r line <\"$1\"; cat \"$2\"; echo done >\"$3\"; exec sleep 1000000";

const SESSION: &str = "flood";

/// For how long a program may stand still behind a client that does not read.
const PATIENCE: Duration = Duration::from_secs(12);

/// How much text, of which kind.
pub(super) struct Text {
    pub(super) what: &'static str,
    pub(super) path: PathBuf,
    pub(super) mib: f64,
}

/// Of one kind of text.
pub(super) struct Flood {
    pub(super) what: &'static str,
    pub(super) mib: f64,
    pub(super) of_peers: Vec<Run>,
    /// A terminal that is read and nothing else.
    pub(super) floor: Samples,
}

pub(super) struct Run {
    /// Until the program had printed everything, in microseconds.
    pub(super) times: Samples,
    /// The host's time on a processor meanwhile, in ms.
    pub(super) work: Samples,
}

/// Numbers as `seq` prints them, and coloured lines as a build does.
pub(super) fn texts(dir: &std::path::Path, bytes: usize) -> Result<Vec<Text>> {
    type Line = fn(usize) -> String;
    let kinds: [(&'static str, Line); 2] = [
        ("numbers", |n| format!("{n}\n")),
        ("coloured lines", |n| {
            let colour = 31 + n % 7;
            format!(
                "\x1b[{colour}mstep {n:>8}\x1b[m of a build that says what it does, \x1b[1mline\x1b[m after line\n"
            )
        }),
    ];
    let write = |(what, line): (&'static str, Line)| {
        let path = dir.join(what.replace(' ', "-"));
        let mut file = std::io::BufWriter::new(std::fs::File::create(&path)?);
        let (mut written, mut number) = (0, 1);
        while written < bytes {
            let line = line(number);
            file.write_all(line.as_bytes())?;
            written += line.len();
            number += 1;
        }
        file.flush()?;
        Ok(Text { what, path, mib: written as f64 / f64::from(1 << 20) })
    };
    kinds.into_iter().map(write).collect()
}

pub(super) fn measure(bench: &Bench, text: &Text, rounds: usize) -> Result<Flood> {
    let mut measured: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); bench.peers.len()];
    let mut floor = Vec::new();
    for round in 0..rounds {
        for at in forwards_and_backwards(round, bench.peers.len()) {
            let (time, work) = one(bench, bench.peers[at], text)?;
            measured[at].0.push(time);
            measured[at].1.push(work);
        }
        floor.push(bare(bench, text)?);
    }
    let run = |(times, work)| Run { times: Samples::new(times), work: Samples::new(work) };
    let of_peers = measured.into_iter().map(run).collect();
    Ok(Flood { what: text.what, mib: text.mib, of_peers, floor: Samples::new(floor) })
}

fn one(bench: &Bench, peer: &Peer, text: &Text) -> Result<(f64, f64)> {
    let place = bench.place(peer)?;
    let (gate, done) = start(peer, &place, text)?;
    let hosts = processes::hosts("sh", 1)?;
    let before = processes::processor_time(&hosts);
    let begin = Instant::now();
    gate.give()?;
    let in_time = done.take(super::LIMIT * 6)?;
    ensure!(in_time, "{}: the program does not come to its end", peer.name);
    let time = begin.elapsed().as_secs_f64() * 1e6;
    Ok((time, processes::processor_time(&hosts) - before))
}

/// Starts the program; the gate that it waits at, and what says that it is done.
fn start(peer: &Peer, place: &Place, text: &Text) -> Result<(SignalPipe, SignalPipe)> {
    let (gate, done) = (place.signal("gate")?, place.signal("done")?);
    let paths = [&gate.path, &text.path, &done.path].map(|path| path.to_string_lossy());
    let [gate_path, text_path, done_path] = &paths;
    peer.start(place, SESSION, &["sh", "-c", SCRIPT, "sh", gate_path, text_path, done_path])?;
    Ok((gate, done))
}

/// Reads the terminal, and throws away what comes.
fn bare(bench: &Bench, text: &Text) -> Result<f64> {
    let place = Place::new(&bench.callboard, &bench.path)?;
    let mut command = place.command("cat");
    command.arg(&text.path);
    let begin = Instant::now();
    let mut terminal = Terminal::start(command)?;
    let mut part = vec![0; 1 << 16];
    while terminal.controller.read(&mut part).is_ok_and(|read| read > 0) {}
    Ok(begin.elapsed().as_secs_f64() * 1e6)
}

/// A client is attached and stopped, and the program prints: how long that takes, in ms; nothing if
/// it stands still.
pub(super) fn behind_a_stopped_client(
    bench: &Bench,
    peer: &Peer,
    text: &Text,
) -> Result<Option<f64>> {
    let place = bench.place(peer)?;
    let (gate, done) = start(peer, &place, text)?;
    processes::hosts("sh", 1)?;
    let mut client = Terminal::start(peer.attach(&place, SESSION)?)?;
    if peer.has_screen {
        client.wait_for(b"ready").with_context(|| peer.name)?;
    } else {
        // Nothing shows that it is attached.
        client.read_until_quiet(super::QUIET)?;
    }
    client.signal(Signal::STOP)?;
    let begin = Instant::now();
    gate.give()?;
    let went_on = done.take(PATIENCE)?;
    let time = begin.elapsed().as_secs_f64() * 1e3;
    client.signal(Signal::KILL)?;
    Ok(went_on.then_some(time))
}
