//! `cargo xtask bench watch`: what it costs to look on, beside other tools that can be run here. How
//! and why: `docs/PERFORMANCE.md`.

mod busy;
pub(crate) mod claudes;
mod screens;
mod table;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use callboard::Registry;

use super::crowd::Crowd;
use super::watching::{self, Watching};
use super::{hosts, machine};

pub(crate) const USAGE: &str = "\
cargo xtask bench watch [--quick] [--write] [--peers DIR]...

  --quick      less time, and at most 1,000 sessions
  --write      put the results into docs/PERFORMANCE.md
  --peers DIR  where abtop, claudectl, agent-ps or claude are installed (DIR or DIR/bin), besides
               those on the PATH";

/// Everything that one run measured.
struct Results {
    machine: Vec<String>,
    missing: Vec<String>,
    watchings: Vec<Watching>,
    shown: Vec<(&'static str, screens::Shown)>,
    busy: Vec<busy::Busy>,
    lines: Vec<busy::StatusLine>,
}

/// Measures; the report.
pub(crate) fn run(arguments: &[&str], callboard: &Path) -> Result<String> {
    let (mut quick, mut more) = (false, Vec::new());
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--quick" => quick = true,
            "--peers" => {
                let dir = rest.next().with_context(|| format!("--peers of what?\n{USAGE}"))?;
                more.extend([Path::new(dir).join("bin"), PathBuf::from(dir)]);
            }
            _ => bail!("bench watch does not know {argument:?}\n{USAGE}"),
        }
    }
    let path = hosts::path_with(more)?;
    let scratch = tempfile::tempdir().context("no directory")?;
    let mut machine = machine::describe(&[("records on", scratch.path())]);
    machine.retain(|line| !line.starts_with("node "));
    let watchings = watch_many(scratch.path(), quick)?;
    let (mut shown, mut missing) = (Vec::new(), Vec::new());
    let (rounds, idle) = if quick { (3, 3) } else { (20, 20) };
    for view in screens::VIEWS {
        eprintln!("== {}", view.name);
        let idle = Duration::from_secs(idle);
        match screens::measure(view, callboard, &path, rounds, idle) {
            Ok(Some(measured)) => shown.push((view.name, measured)),
            Ok(None) => missing.push(format!("{}: not installed", view.name)),
            Err(error) => missing.push(format!("{}: {error:#}", view.name)),
        }
    }
    let busy = watch_busy(callboard, &path, quick)?;
    eprintln!("== a status line");
    // Of a person's sessions, and of ten people's.
    let lines = [10, 100].map(|sessions| busy::status_line(callboard, &path, sessions, quick));
    let lines = lines.into_iter().collect::<Result<_>>()?;
    Ok(table::render(&Results { machine, missing, watchings, shown, busy, lines }))
}

fn watch_many(dir: &Path, quick: bool) -> Result<Vec<Watching>> {
    let (sizes, quiet): (&[usize], u64) =
        if quick { (&[1_000], 5) } else { (&[1_000, 10_000], 60) };
    let crowd = Crowd::start(sizes.iter().copied().max().unwrap_or_default())?;
    let mut watchings = Vec::new();
    for size in sizes {
        eprintln!("== watching {size} sessions");
        let dir = dir.join(format!("watched-{size}/sessions"));
        crowd.sign_in(&Registry::at(&dir), *size)?;
        let file_system = machine::file_system(&dir);
        let quiet = Duration::from_secs(quiet);
        watchings.push(watching::measure(&dir, *size, file_system, quiet, quick)?);
    }
    Ok(watchings)
}

/// Ten changes a second are ten sessions that work; a thousand are each of a hundred, ten times.
fn watch_busy(callboard: &Path, path: &OsString, quick: bool) -> Result<Vec<busy::Busy>> {
    let seconds = if quick { 3 } else { 20 };
    [0, 10, 1_000]
        .into_iter()
        .map(|changes| {
            eprintln!("== callboard watch, {changes} changes a second");
            busy::live_table(callboard, path, changes, seconds)
        })
        .collect()
}
