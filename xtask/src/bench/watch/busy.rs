//! `callboard watch` while sessions change, and what a status bar runs.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use callboard::{Patch, Registry, Status};

use super::screens::{sealed, tree};
use crate::bench::crowd::Crowd;
use crate::bench::hosts::processes;
use crate::bench::hosts::terminal::Terminal;
use crate::bench::listing::take;
use crate::bench::timing::{Budget, Samples, side_by_side};

/// What the live table costs.
pub(super) struct Busy {
    /// Of all sessions together, in a second.
    pub(super) changes: usize,
    /// Of one processor.
    pub(super) share: f64,
    pub(super) rss_mib: f64,
    pub(super) pss_mib: f64,
}

/// The sessions that a live table has.
pub(super) const SESSIONS: usize = 100;

/// Which part of a second the changes of one moment are for.
const TICKS: usize = 10;

/// So many changes a second, evenly, by one session after the other.
pub(super) fn live_table(
    callboard: &Path,
    path: &OsString,
    changes: usize,
    seconds: usize,
) -> Result<Busy> {
    let (home, registry, crowd) = crowded(SESSIONS)?;
    let mut watch = Command::new(callboard);
    watch.arg("watch").env_clear().envs(sealed(home.path(), path)).current_dir(home.path());
    let mut terminal = Terminal::start(watch)?;
    ensure!(
        terminal.read_until(Duration::from_secs(20), |bytes| bytes.len() > 1_000)?,
        "callboard watch draws nothing: {}",
        terminal.bytes.escape_ascii()
    );
    terminal.read_for(Duration::from_secs(1))?;
    let all = tree(terminal.pid().context("callboard watch is gone")?);
    let before = processes::processor_time(&all);
    let begin = Instant::now();
    let mut turn = 0;
    for tick in 1..=seconds * TICKS {
        while turn < changes * tick / TICKS {
            let pid = crowd.pids()[turn % SESSIONS];
            let status =
                if (turn / SESSIONS).is_multiple_of(2) { Status::Waiting } else { Status::Busy };
            registry.update(pid, &Patch::new().status(status, None))?;
            turn += 1;
        }
        terminal.bytes.clear();
        let next = begin + Duration::from_millis((tick * 1_000 / TICKS) as u64);
        terminal.read_for(next.saturating_duration_since(Instant::now()))?;
    }
    let time = begin.elapsed().as_secs_f64();
    let share = (processes::processor_time(&all) - before) / 1e3 / time;
    let memory = processes::memory(&all);
    Ok(Busy { changes, share, rss_mib: memory.rss / 1024.0, pss_mib: memory.pss / 1024.0 })
}

/// How long a status bar waits, in microseconds.
pub(super) struct StatusLine {
    pub(super) sessions: usize,
    pub(super) line: Samples,
    /// A program that does nothing, in turns with it.
    pub(super) nothing: Samples,
}

/// `callboard status-line` of so many sessions.
pub(super) fn status_line(
    callboard: &Path,
    path: &OsString,
    sessions: usize,
    quick: bool,
) -> Result<StatusLine> {
    let (home, _, _crowd) = crowded(sessions)?;
    let run = |program: &Path, words: &[&str]| {
        let mut command = Command::new(program);
        command.args(words).env_clear().envs(sealed(home.path(), path));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = command.status().context("cannot start a command to measure")?;
        ensure!(status.success(), "{} failed ({status})", crate::workspace::shown(&command));
        Ok(())
    };
    let mut line = || run(callboard, &["status-line"]);
    let mut nothing = || run(Path::new("/bin/true"), &[]);
    let seconds = if quick { 2 } else { 10 };
    let budget = Budget { rounds: 5_000, time: Duration::from_secs(seconds) };
    let [line, nothing] = take(side_by_side(budget, &mut [&mut line, &mut nothing])?)?;
    Ok(StatusLine { sessions, line, nothing })
}

/// A home with a registry that so many sessions have signed in to.
fn crowded(sessions: usize) -> Result<(tempfile::TempDir, Registry, Crowd)> {
    let home = tempfile::Builder::new().prefix("cbw-").tempdir()?;
    let registry = Registry::at(home.path().join("sessions"));
    let crowd = Crowd::start(sessions)?;
    crowd.sign_in(&registry, sessions)?;
    Ok((home, registry, crowd))
}
