//! What every storm does with the directory: sweep it, compare a listing with the truth, and look
//! at what is left in the end.

use std::fs;
use std::os::fd::AsFd;
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use callboard::{Registry, Session, Snapshot, Verdict};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::actor::Part;
use super::tally::Tally;

pub(super) fn sweep(registry: &Registry, tally: &mut Tally) {
    tally.operations += 1;
    match registry.plan_sweep().and_then(|plan| registry.sweep(&plan)) {
        Ok(report) => {
            tally.swept += report.done.len() as u64;
            for problem in report.problems {
                tally.violation(format!("sweep: {problem}"));
            }
        }
        Err(error) => tally.violation(format!("sweep: {error}")),
    }
}

/// Sweeps until its standard input is closed.
pub(super) fn sweep_until_told(part: &Part) -> Result<Tally> {
    let mut tally = Tally::default();
    let stdin = std::io::stdin();
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        sweep(&part.registry, &mut tally);
        let mut input = [PollFd::from_borrowed_fd(stdin.as_fd(), PollFlags::IN)];
        if poll(&mut input, Some(&at_once)).context("cannot poll")? > 0 {
            return Ok(tally);
        }
    }
}

/// A listing in which everything that is there must be readable: no writer of ours ever leaves
/// half a record where a reader can see it.
pub(super) fn list(registry: &Registry, tally: &mut Tally) -> Snapshot {
    tally.reads += 1;
    let seen = registry.list();
    for problem in &seen.problems {
        tally.violation(format!("listing: {problem}"));
    }
    seen
}

/// The one session with this id.
pub(super) fn find<'s>(seen: &'s Snapshot, id: &str, tally: &mut Tally) -> Option<&'s Session> {
    let mut found = seen.sessions.iter().filter(|s| s.record.session_id().as_deref() == Some(id));
    let first = found.next();
    tally.require(found.next().is_none(), || format!("{id} is listed twice"));
    first
}

/// After everybody is gone: one sweep leaves only what a killed writer may leave, and of that
/// nothing is left once it is old.
pub(super) fn nothing_is_left(registry: &Registry, tally: &mut Tally) -> Result<()> {
    sweep(registry, tally);
    for session in list(registry, tally).sessions {
        let (id, verdict) = (session.record.session_id(), session.verdict());
        tally.violation(format!("{id:?} is left, {}", verdict.as_str()));
        tally.require(verdict != Verdict::Alive, || format!("{id:?} is a ghost"));
    }
    let left = names(registry)?;
    for name in &left {
        let allowed = name.starts_with('.')
            && [".tmp", ".lock", ".spare", ".swept"].iter().any(|ending| name.ends_with(ending));
        tally.require(allowed, || format!("{name} is left"));
    }
    let old = SystemTime::now() - Duration::from_secs(2 * 60 * 60);
    for name in &left {
        fs::File::open(registry.dir().join(name))?.set_modified(old)?;
    }
    sweep(registry, tally);
    // What a killed sweep had moved aside and the first sweep put back would be a record again.
    sweep(registry, tally);
    for name in names(registry)? {
        tally.violation(format!("{name} is left for ever"));
    }
    Ok(())
}

fn names(registry: &Registry) -> Result<Vec<String>> {
    let entries = fs::read_dir(registry.dir()).context("cannot list the registry")?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
