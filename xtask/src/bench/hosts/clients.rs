//! Somebody is attached: how fast keys are answered, how soon the screen is there, and what of a
//! terminal's modes is restored.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use super::judge;
use super::peers::Peer;
use super::place::Place;
use super::program::{self, ANSWERS, READY};
use super::terminal::{ROWS, Terminal, contains};
use super::{Bench, forwards_and_backwards};
use crate::bench::timing::Samples;

/// From a key to its answer, in microseconds.
pub(super) struct Keys {
    /// Nothing where nobody can attach.
    pub(super) of_peers: Vec<Option<Samples>>,
    /// The program on a terminal of ours, with no host.
    pub(super) floor: Samples,
}

/// Typed in one go before another host has its turn.
const IN_A_ROW: usize = 100;

pub(super) fn keys(bench: &Bench, keys: usize) -> Result<Keys> {
    let words = program::words(&bench.own, "answer-keys");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut places = Vec::new();
    let mut clients = Vec::new();
    for peer in &bench.peers {
        if !peer.can_attach() {
            clients.push(None);
            continue;
        }
        let place = bench.place(peer)?;
        peer.start(&place, "keys", &words)?;
        clients.push(bench.tolerate(peer, attach(peer, &place))?);
        places.push(place);
    }
    let place = Place::new(&bench.callboard, &bench.path)?;
    let mut bare = place.command(words[0]);
    bare.args(&words[1..]);
    let mut bare = Terminal::start(bare)?;
    bare.wait_for(READY)?;
    clients.push(Some(bare));
    places.push(place);
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); clients.len()];
    for round in 0..keys.div_ceil(IN_A_ROW) + 1 {
        for at in forwards_and_backwards(round, clients.len()) {
            let Some(client) = &mut clients[at] else { continue };
            let some = match bench.peers.get(at) {
                Some(peer) => bench.tolerate(peer, type_and_wait(client))?,
                None => Some(type_and_wait(client)?),
            };
            let Some(some) = some else {
                clients[at] = None;
                times[at].clear();
                continue;
            };
            // The first round warms up.
            if round > 0 {
                times[at].extend(some);
            }
        }
    }
    let mut samples = times.into_iter().map(|t| (!t.is_empty()).then(|| Samples::new(t)));
    let of_peers = samples.by_ref().take(bench.peers.len()).collect();
    let floor = samples.next().flatten().context("there are no keys")?;
    Ok(Keys { of_peers, floor })
}

fn attach(peer: &Peer, place: &Place) -> Result<Terminal> {
    let mut client = Terminal::start(peer.attach(place, "keys")?)?;
    if peer.has_screen {
        client.wait_for(READY)?;
    }
    // What a client draws by and by, a hint say, is no answer.
    client.read_until_quiet(super::HINT_IS_GONE)?;
    Ok(client)
}

fn type_and_wait(client: &mut Terminal) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(IN_A_ROW);
    for nth in 0..IN_A_ROW {
        let (key, answer) = ANSWERS[nth % ANSWERS.len()];
        client.read_until_quiet(std::time::Duration::ZERO)?;
        client.bytes.clear();
        let begin = Instant::now();
        client.type_in(&[key])?;
        let came = client.read_until(super::LIMIT, |bytes| bytes.contains(&answer))?;
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        ensure!(came, "no answer to a key");
    }
    Ok(times)
}

/// From starting a client to a full screen, in microseconds.
pub(super) struct Redraws {
    /// Nothing where no screen is kept.
    pub(super) of_peers: Vec<Option<Samples>>,
    /// `cat` of the same screen on a terminal of ours.
    pub(super) floor: Samples,
}

pub(super) fn redraws(bench: &Bench, times: usize) -> Result<Redraws> {
    let words = program::words(&bench.own, "draw");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut places = Vec::new();
    for peer in &bench.peers {
        let place = bench.place(peer)?;
        let mut is_measured = false;
        if peer.can_attach() && peer.has_screen {
            peer.start(&place, "screen", &words)?;
            // The first to look waits until all is drawn.
            let first = redraw(peer.attach(&place, "screen")?, Some(peer.leave));
            is_measured = bench.tolerate(peer, first)?.is_some();
        }
        places.push((place, is_measured));
    }
    let floor_place = Place::new(&bench.callboard, &bench.path)?;
    let picture = floor_place.file("picture");
    std::fs::write(&picture, program::picture())?;
    let mut samples: Vec<Vec<f64>> = vec![Vec::new(); bench.peers.len() + 1];
    for round in 0..times {
        for at in forwards_and_backwards(round, bench.peers.len()) {
            let (peer, (place, is_measured)) = (bench.peers[at], &mut places[at]);
            if *is_measured {
                let outcome = redraw(peer.attach(place, "screen")?, Some(peer.leave));
                match bench.tolerate(peer, outcome)? {
                    Some(time) => samples[at].push(time),
                    None => *is_measured = false,
                }
            }
        }
        let mut cat = floor_place.command("cat");
        cat.arg(&picture);
        samples[bench.peers.len()].push(redraw(cat, None)?);
    }
    let mut samples = samples.into_iter().map(|s| (!s.is_empty()).then(|| Samples::new(s)));
    let of_peers = samples.by_ref().take(bench.peers.len()).collect();
    let floor = samples.next().flatten().context("nothing was drawn")?;
    Ok(Redraws { of_peers, floor })
}

/// Starts a client, waits for the whole screen, and detaches.
fn redraw(client: Command, leave: Option<&[u8]>) -> Result<f64> {
    let begin = Instant::now();
    let mut terminal = Terminal::start(client)?;
    let is_there = |bytes: &[u8]| contains(bytes, program::LAST);
    let came = terminal.read_until(super::LIMIT, is_there)?;
    let time = begin.elapsed().as_secs_f64() * 1e6;
    ensure!(came, "the screen never came: {}", terminal.bytes.escape_ascii());
    // A status line may take a row, and a session's first row with it.
    let shown = judge::look(&terminal.bytes).shown_rows();
    ensure!(shown >= usize::from(ROWS) - 1, "only {shown} rows came");
    if let Some(keys) = leave {
        terminal.leave(keys)?;
    }
    Ok(time)
}

/// Of the modes of a terminal: how many of thirteen a client that attaches restores, and how many
/// are left on when it has gone.
pub(super) struct Modes {
    pub(super) restored: Vec<&'static str>,
    pub(super) missing: Vec<&'static str>,
    pub(super) left_on: Vec<&'static str>,
}

pub(super) fn modes(bench: &Bench, peer: &Peer) -> Result<Modes> {
    let place = bench.place(peer)?;
    let set = place.signal("set")?;
    let words = program::words(&bench.own, "modes");
    let set_path = set.path.to_string_lossy();
    let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
    words.push(&set_path);
    peer.start(&place, "modes", &words)?;
    ensure!(set.take(super::LIMIT)?, "{}: the program sets no modes", peer.name);
    let mut client = Terminal::start(peer.attach(&place, "modes")?)?;
    client.read_until_quiet(super::QUIET)?;
    let attached = judge::look(&client.bytes);
    let (restored, missing) =
        judge::MODES.iter().partition::<Vec<_>, _>(|mode| (mode.is_on)(&attached));
    client.leave(peer.leave)?;
    let after = judge::look(&client.bytes);
    // Text in colour, and a title, are not undone by whoever goes.
    let left_on = judge::MODES.iter().filter(|mode| mode.is_undone && (mode.is_on)(&after));
    let names = |modes: Vec<&judge::Mode>| modes.into_iter().map(|mode| mode.what).collect();
    Ok(Modes {
        restored: names(restored),
        missing: names(missing),
        left_on: left_on.map(|mode| mode.what).collect(),
    })
}
