//! `callboard ps`, again and again, and when it changed its mind.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::judge::{Sample, Shown, Wanted};
use super::processes::descends;
use super::state::now;

/// How long it is watched after it is right: what is right by chance does not stay so.
const SETTLED: Duration = Duration::from_millis(400);
/// How long it is watched while it is not: to tell late from never.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two answers. Without it the asking would take a processor from the agent, and measure
/// that.
const PACE: Duration = Duration::from_millis(5);

/// How the board is asked.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) callboard: PathBuf,
    pub(super) environment: Vec<(String, String)>,
    /// The agent's working directory, and the process that was started: a row with one of them is
    /// the agent's.
    pub(super) project: PathBuf,
    pub(super) root: u32,
}

impl Asking {
    /// The command, as the user of the agent would start it.
    pub(super) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.callboard);
        command.args(arguments).env_clear().envs(self.environment.iter().cloned());
        command.current_dir(&self.project).stdin(Stdio::null());
        command
    }
}

/// The board, being watched.
pub(super) struct Board {
    watch: Arc<Watch>,
}

struct Watch {
    seen: Mutex<Seen>,
    news: Condvar,
    /// Told when the order changes.
    order: Condvar,
}

/// Whether answers are wanted: each costs the agent time on the processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Order {
    #[default]
    Ask,
    Rest,
    End,
}

#[derive(Default)]
struct Seen {
    /// Only where it differs from the one before.
    samples: Vec<Sample>,
    /// When the newest answer was there, like or unlike the one before.
    last: u64,
    /// The time of every answer, in microseconds: what a sample costs.
    took: Vec<u64>,
    failed: Option<String>,
    order: Order,
}

impl Seen {
    /// The agent's process, if the board lists it.
    fn listed(&self) -> Option<u32> {
        let rows = &self.samples.last()?.rows;
        rows.iter().find(|row| row.listed).map(|row| row.pid)
    }
}

impl Board {
    /// Asks in a loop from now on. What it says goes to `log`, for the search for secrets.
    pub(super) fn watch(asking: Asking, log: File) -> Self {
        let watch =
            Arc::new(Watch { seen: Mutex::default(), news: Condvar::new(), order: Condvar::new() });
        let inner = watch.clone();
        std::thread::spawn(move || inner.run(&asking, log));
        Self { watch }
    }

    /// Goes on asking, after a rest.
    pub(super) fn ask(&self) {
        self.watch.give(Order::Ask);
    }

    /// Asks no more for a while.
    pub(super) fn rest(&self) {
        self.watch.give(Order::Rest);
    }

    /// What it said last.
    pub(super) fn rows(&self) -> Vec<Shown> {
        let seen = self.watch.seen();
        seen.samples.last().map(|sample| sample.rows.clone()).unwrap_or_default()
    }

    /// Waits until the agent is listed, but not for ever; its pid.
    pub(super) fn wait_for_a_row(&self) -> Result<Option<u32>> {
        let absent = |seen: &mut Seen| seen.failed.is_none() && seen.listed().is_none();
        let waited = self.watch.news.wait_timeout_while(self.watch.seen(), PATIENCE, absent);
        let (seen, _) = waited.unwrap_or_else(PoisonError::into_inner);
        seen.failed.as_ref().map_or(Ok(()), |failed| bail!("{failed}"))?;
        Ok(seen.listed())
    }

    /// Waits until it shows what is wanted and stays there, or until it is clear that it does not.
    /// The samples from `from` on, the one that was true at that time first.
    pub(super) fn settle(&self, from: u64, edge: u64, wanted: &Wanted) -> Result<Vec<Sample>> {
        let mut since = None;
        let started = Instant::now();
        let mut seen = self.watch.seen();
        loop {
            if let Some(failed) = &seen.failed {
                bail!("{failed}");
            }
            // Only what was asked after the edge tells.
            let newest = seen.samples.last().filter(|_| seen.last > edge);
            let met = newest.is_some_and(|sample| wanted.is_met(&sample.rows));
            since = if met { since.or_else(|| Some(Instant::now())) } else { None };
            let settled = since.is_some_and(|since| since.elapsed() >= SETTLED);
            if settled || started.elapsed() >= PATIENCE {
                break;
            }
            let next = self.watch.news.wait_timeout(seen, SETTLED);
            seen = next.unwrap_or_else(PoisonError::into_inner).0;
        }
        let first = seen.samples.iter().rposition(|sample| sample.at <= from).unwrap_or(0);
        Ok(seen.samples[first..].to_vec())
    }

    /// How long half of the answers took, and the longest, in microseconds; how many there were.
    pub(super) fn cost(&self) -> (u64, u64, u64) {
        let mut took = self.watch.seen().took.clone();
        took.sort_unstable();
        let at = |n: usize| took.get(n).copied().unwrap_or(0);
        let count = u64::try_from(took.len()).unwrap_or(u64::MAX);
        (at(took.len() / 2), at(took.len().saturating_sub(1)), count)
    }
}

impl Drop for Board {
    fn drop(&mut self) {
        self.watch.give(Order::End);
    }
}

impl Watch {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give(&self, order: Order) {
        self.seen().order = order;
        self.order.notify_all();
    }

    /// Waits for its turn, or for an order to ask; false if there will be none.
    fn is_wanted(&self) -> bool {
        let asking = |seen: &mut Seen| seen.order == Order::Ask;
        let paced = self.order.wait_timeout_while(self.seen(), PACE, asking);
        let (seen, _) = paced.unwrap_or_else(PoisonError::into_inner);
        let resting = |seen: &mut Seen| seen.order == Order::Rest;
        let seen = self.order.wait_while(seen, resting);
        seen.unwrap_or_else(PoisonError::into_inner).order == Order::Ask
    }

    fn run(&self, asking: &Asking, mut log: File) {
        let mut ours = HashMap::new();
        let mut said_before = Vec::new();
        while self.is_wanted() {
            let began = Instant::now();
            let asked = ask(asking);
            let at = now();
            let mut seen = self.seen();
            seen.took.push(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
            match asked {
                Ok(said) if said != said_before => {
                    _ = log.write_all(format!("{at}\n").as_bytes());
                    _ = log.write_all(&said);
                    match rows(&said, asking, &mut ours) {
                        Ok(rows) if seen.samples.last().is_none_or(|last| last.rows != rows) => {
                            seen.samples.push(Sample { at, rows });
                        }
                        Ok(_) => {}
                        Err(error) => seen.failed = Some(format!("{error:#}")),
                    }
                    said_before = said;
                }
                Ok(_) => {}
                Err(error) => seen.failed = Some(format!("{error:#}")),
            }
            seen.last = at;
            drop(seen);
            self.news.notify_all();
        }
    }
}

/// All that it prints, what goes to standard error last.
fn ask(asking: &Asking) -> Result<Vec<u8>> {
    let mut command = asking.command(&["ps", "--json", "--all"]);
    let output = command.output().context("cannot start callboard")?;
    ensure!(output.status.success(), "`callboard ps` failed: {}", output.status);
    let mut said = output.stdout;
    said.extend_from_slice(&output.stderr);
    Ok(said)
}

/// The agent's rows.
fn rows(said: &[u8], asking: &Asking, ours: &mut HashMap<u32, bool>) -> Result<Vec<Shown>> {
    let mut values = serde_json::Deserializer::from_slice(said).into_iter::<Value>();
    let board = values.next().context("`callboard ps` printed nothing")??;
    let all = board.as_array().context("`callboard ps` did not print an array")?;
    let is_ours = |row: &Value, pid: u32, ours: &mut HashMap<u32, bool>| {
        let there = row["cwd"].as_str().is_some_and(|cwd| Path::new(cwd) == asking.project);
        // Asked once: when it has ended nobody can say any more who started it.
        there || *ours.entry(pid).or_insert_with(|| descends(pid, asking.root))
    };
    Ok(all
        .iter()
        .filter_map(|row| {
            let pid = row["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok())?;
            is_ours(row, pid, ours).then(|| shown(row, pid))
        })
        .collect())
}

fn shown(row: &Value, pid: u32) -> Shown {
    let text = |key: &str| row[key].as_str().map(str::to_owned);
    Shown {
        pid,
        status: text("status"),
        from: text("statusFrom"),
        session_id: text("sessionId"),
        listed: row["verdict"] != "dead",
    }
}
