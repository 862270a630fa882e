//! Ten thousand sessions at the same time, each in a process of its own and signed in by itself.

use std::collections::HashSet;
use std::io::{BufRead, PipeReader, Read};

use anyhow::{Context, Result, bail};
use callboard::{Registry, SignIn, SignedIn, Snapshot, Verdict};
use rustix::process::{Signal, set_parent_process_death_signal};
use serde_json::json;

use super::actor::{Actor, Part};
use super::directory::{list, nothing_is_left, sweep};
use super::storms::Storm;
use super::tally::Tally;

const HOSTS: u64 = 8;

pub(super) fn storm(storm: &mut Storm<'_>) -> Result<Tally> {
    let registry = &storm.registry;
    let each = storm.sizes.crowd / HOSTS;
    let mut hosts = (0..HOSTS)
        .map(|_| Actor::start("crowd", registry.dir(), storm.random.next(), &[each]))
        .collect::<Result<Vec<_>>>()?;
    let mut tally = Tally::default();
    let all = pids(&mut hosts)?;
    compare(&list(registry, &mut tally), &all, 0, &mut tally);
    for host in &mut hosts {
        host.say("kill half")?;
    }
    let rest = pids(&mut hosts)?;
    compare(&list(registry, &mut tally), &rest, all.len() - rest.len(), &mut tally);
    sweep(registry, &mut tally);
    compare(&list(registry, &mut tally), &rest, 0, &mut tally);
    for host in hosts {
        tally.add(host.finish()?);
    }
    nothing_is_left(registry, &mut tally)?;
    Ok(tally)
}

/// The pids that all hosts name.
fn pids(hosts: &mut [Actor]) -> Result<HashSet<u32>> {
    let mut all = HashSet::new();
    for host in hosts {
        let pids: Vec<u32> = serde_json::from_str(&host.hear()?).context("no list of pids")?;
        all.extend(pids);
    }
    Ok(all)
}

/// Exactly these are alive, and so many are on record and dead.
fn compare(seen: &Snapshot, live: &HashSet<u32>, dead: usize, tally: &mut Tally) {
    let of = |verdict| {
        let sessions = seen.sessions.iter().filter(move |s| s.verdict() == verdict);
        sessions.map(|s| s.record.pid()).collect::<Vec<_>>()
    };
    let (alive, found_dead, unknown) =
        (of(Verdict::Alive), of(Verdict::Dead), of(Verdict::Unknown));
    tally.require(alive.len() == live.len(), || {
        format!("{} are listed alive of {}", alive.len(), live.len())
    });
    for pid in &alive {
        tally.require(live.contains(pid), || format!("{pid} is a ghost"));
    }
    tally.require(found_dead.len() == dead, || format!("{} of {dead} dead", found_dead.len()));
    tally.require(unknown.is_empty(), || format!("unknown: {unknown:?}"));
}

/// The role of a host: starts its share, names them, kills half, names the rest, and lets those
/// sign out when its standard input is closed.
pub(super) fn host(mut part: Part) -> Result<Tally> {
    let mut tally = Tally::default();
    let (gate, hold) = std::io::pipe().context("cannot make a pipe")?;
    let mut hold = Some(hold);
    let mut sessions = Vec::new();
    for _ in 0..part.number(0)? {
        let (mut told, tell) = std::io::pipe().context("cannot make a pipe")?;
        let pid = testkit::fork(|| {
            drop(hold.take());
            _ = set_parent_process_death_signal(Some(Signal::KILL));
            let lived = session(&part.registry, tell.try_clone().ok(), &gate);
            i32::from(lived.is_none())
        });
        drop(tell);
        tally.operations += 1;
        if told.read(&mut [0]).context("cannot hear a session")? != 1 {
            bail!("session {pid} could not sign in");
        }
        sessions.push(pid);
    }
    println!("{}", json!(sessions));
    let mut heard = String::new();
    std::io::stdin().lock().read_line(&mut heard).context("cannot hear")?;
    // Half of the killed are collected at once; the others stay zombies, which are no less dead.
    let (mut rest, mut zombies) = (Vec::new(), Vec::new());
    for pid in sessions {
        match part.random.below(4) {
            0 => zombies.push(pid),
            1 => {
                kill(pid, &mut tally);
                _ = testkit::collect(pid);
            }
            _ => rest.push(pid),
        }
    }
    for pid in &zombies {
        kill(*pid, &mut tally);
        testkit::wait_for_exit(*pid);
    }
    println!("{}", json!(rest));
    _ = std::io::stdin().lock().read_line(&mut heard);
    drop(hold);
    for pid in rest {
        let code = testkit::collect(pid);
        tally.require(code == Some(0), || format!("session {pid} ended with {code:?}"));
    }
    for pid in zombies {
        _ = testkit::collect(pid);
    }
    Ok(tally)
}

fn kill(pid: u32, tally: &mut Tally) {
    testkit::kill(pid);
    tally.faults += 1;
}

/// Signs in, says so, waits until the gate is opened, signs out.
fn session(
    registry: &Registry,
    tell: Option<std::io::PipeWriter>,
    mut gate: &PipeReader,
) -> Option<()> {
    use std::io::Write;
    let SignedIn::In(me) = registry.register(SignIn::new()).ok()? else { return None };
    tell?.write_all(b"1").ok()?;
    _ = gate.read(&mut [0]);
    me.sign_out().ok()
}
