//! The whole command where sessions have long conversations: of each only the end matters.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::command;
use super::listing::take;
use super::timing::{Budget, Samples, side_by_side};
use super::watch::claudes::Claudes;

/// What was measured.
pub(crate) struct Conversations {
    pub(crate) sessions: usize,
    /// Of each conversation.
    pub(crate) bytes: usize,
    /// With these conversations, and with ones that are as long as a few turns.
    pub(crate) long: Samples,
    pub(crate) short: Samples,
    /// In KiB, with the long ones.
    pub(crate) peak: u64,
}

const SESSIONS: usize = 30;

/// Of each long conversation, in bytes.
const LENGTH: usize = 100_000_000;

/// Measures in two homes below this directory.
pub(crate) fn measure(callboard: &Path, below: &Path, quick: bool) -> Result<Conversations> {
    let homes = [below.join("long"), below.join("short")];
    let mut claudes = Vec::new();
    for (home, bytes) in homes.iter().zip([LENGTH, 1]) {
        let some = Claudes::start(home, SESSIONS)?;
        for nth in 0..SESSIONS {
            some.sign_in(nth)?;
            some.converse(nth, bytes)?;
        }
        prove(callboard, home)?;
        claudes.push(some);
    }
    let [long, short] = &homes;
    let run = |home: &Path| command::run(command::ps(callboard, home));
    let budget = Budget { rounds: 2_000, time: Duration::from_secs(if quick { 2 } else { 10 }) };
    let times = side_by_side(budget, &mut [&mut || run(long), &mut || run(short)])?;
    let peak = command::peak_of(&command::ps(callboard, long))?;
    let [long, short] = take(times)?;
    Ok(Conversations { sessions: SESSIONS, bytes: LENGTH, long, short, peak })
}

/// A listing that is fast because it reads none of the conversations would look good.
fn prove(callboard: &Path, home: &Path) -> Result<()> {
    let said = crate::workspace::output(command::ps(callboard, home))?;
    let rows: Vec<serde_json::Value> = serde_json::from_str(&said).context("what ps printed")?;
    let read = rows.iter().filter(|row| row["statusFrom"] == "transcript").count();
    ensure!(
        read == SESSIONS,
        "of {} rows, {read} have their status from a conversation",
        rows.len()
    );
    Ok(())
}
