//! What becomes of a session whose program has ended: pure. What happened and when goes in, where
//! it stands comes out.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::SpawnError;
use crate::hosted::Exit;

/// When a session is started once more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// By people alone.
    #[default]
    Never,
    /// When it ended with another exit code than 0, by a signal, or was lost.
    OnFailure,
    /// However it ended.
    Always,
}

impl Restart {
    /// The word on the command line and in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OnFailure => "on-failure",
            Self::Always => "always",
        }
    }

    /// The policy with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Never, Self::OnFailure, Self::Always].into_iter().find(|it| it.as_str() == word)
    }

    /// Whether a session that has ended so is worth another start, whatever was before.
    pub(super) fn wants_again(self, exit: Exit) -> bool {
        self.wants(exit) && !matches!(exit, Exit::Code(125..=127))
    }

    fn wants(self, exit: Exit) -> bool {
        match self {
            Self::Never => false,
            Self::OnFailure => exit != Exit::Code(0),
            Self::Always => true,
        }
    }
}

/// How fast sessions are started again. The default is that of `docs/design/supervisor.md`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Pace {
    /// How long after its end a session is started again. Doubled with every time in a row.
    pub first: Duration,
    /// It is never longer than this, but for the jitter.
    pub longest: Duration,
    /// By which part of it a delay is longer or shorter, by chance.
    pub jitter: f64,
    /// A session that ran for so long has not failed in a row.
    pub steady: Duration,
    /// So many starts ...
    pub starts: usize,
    /// ... within this time are too many.
    pub within: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
            jitter: 0.2,
            steady: Duration::from_secs(60),
            starts: 5,
            within: Duration::from_secs(60),
        }
    }
}

impl Pace {
    /// How long to wait after so many failures in a row before this one. `chance` is in 0..1.
    fn delay_ms(&self, in_a_row: u32, chance: f64) -> u64 {
        let doubled = self.first.saturating_mul(1_u32.checked_shl(in_a_row).unwrap_or(u32::MAX));
        let factor = 1.0 + self.jitter * (2.0 * chance - 1.0);
        ms(doubled.min(self.longest).mul_f64(factor))
    }

    /// No delay is longer, whatever a clock says that was set back meanwhile.
    pub(super) fn longest_ms(&self) -> u64 {
        ms(self.longest.mul_f64(1.0 + self.jitter))
    }
}

/// A time as it stands in files.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// One run of a session's program, from its start to its end; times in ms since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) started_at: u64,
    pub(super) ended_at: u64,
    pub(super) exit: Exit,
}

/// What counts towards the next decision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Tally {
    /// How often it was started again since a person has started it.
    pub(super) restarts: u32,
    /// How many delays there were in a row.
    pub(super) in_a_row: u32,
    /// When it was started lately, in ms since the epoch.
    pub(super) starts: Vec<u64>,
}

/// Where a supervised session stands after a decision about its last run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Standing {
    /// Nothing was decided: it runs, or no supervisor has seen its end.
    #[default]
    Watched,
    /// It is started again.
    Due {
        /// When, in ms since the epoch.
        at: u64,
    },
    /// It has ended, and its policy is content with that.
    Done,
    /// A person has stopped it.
    Stopped,
    /// It is not started again.
    Failed {
        /// Why.
        reason: Reason,
        /// The same in words, lower-case; it may quote names and paths of the session's.
        text: String,
    },
    /// In a file that a newer version has written.
    #[serde(other)]
    Unknown,
}

impl Standing {
    /// The word for people and for `--json`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Watched => "watched",
            Self::Due { .. } => "due",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Failed { .. } => "failed",
            Self::Unknown => "unknown",
        }
    }
}

/// Why a session is not started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Reason {
    /// It was started too often in too short a time.
    Flapping,
    /// It ended with 125, 126 or 127: what shells and wrappers say when there is nothing to run.
    ExitCode,
    /// Its directory cannot be used.
    Cwd,
    /// Its program cannot be executed.
    Program,
    /// The environment that it was started with was not kept.
    Environment,
    /// Its host cannot be used here, or will not have it.
    Host,
    /// In a file that a newer version has written.
    #[serde(other)]
    Unknown,
}

impl Reason {
    /// The word for people and for `--json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Flapping => "flapping",
            Self::ExitCode => "exit-code",
            Self::Cwd => "cwd",
            Self::Program => "program",
            Self::Environment => "environment",
            Self::Host => "host",
            Self::Unknown => "unknown",
        }
    }
}

fn failed(reason: Reason, text: impl Into<String>) -> Standing {
    Standing::Failed { reason, text: text.into() }
}

/// Where a session stands after a run. `chance` is in 0..1.
pub(super) fn after_run(
    policy: Restart,
    pace: &Pace,
    mut tally: Tally,
    run: Run,
    chance: f64,
) -> (Standing, Tally) {
    if run.ended_at.saturating_sub(run.started_at) >= ms(pace.steady) {
        tally.in_a_row = 0;
    }
    if let (Exit::Code(code @ 125..=127), true) = (run.exit, policy.wants(run.exit)) {
        let text = format!("exit code {code} says that there is nothing to run");
        return (failed(Reason::ExitCode, text), tally);
    }
    if !policy.wants(run.exit) {
        return (Standing::Done, tally);
    }
    next(pace, tally, run.started_at, run.ended_at, chance)
}

/// Where a session stands after it could not be started, at this time.
pub(super) fn after_failed_start(
    pace: &Pace,
    tally: Tally,
    error: &SpawnError,
    at: u64,
    chance: f64,
) -> (Standing, Tally) {
    let reason = match error {
        SpawnError::Directory { .. } => Reason::Cwd,
        SpawnError::NotFound { .. } | SpawnError::NotExecutable { .. } => Reason::Program,
        error if error.is_permanent() => Reason::Host,
        _ => return next(pace, tally, at, at, chance),
    };
    (failed(reason, error.to_string()), tally)
}

/// Where a session stands whose environment is not there.
pub(super) fn without_environment() -> Standing {
    failed(Reason::Environment, "the environment that it was started with was not kept")
}

/// After a start that was followed by this end.
fn next(
    pace: &Pace,
    mut tally: Tally,
    started_at: u64,
    ended_at: u64,
    chance: f64,
) -> (Standing, Tally) {
    tally.starts.push(started_at);
    let since = ended_at.saturating_sub(ms(pace.within));
    // A clock that was set back leaves starts in what is the future now: they were recent.
    tally.starts.retain(|at| *at >= since);
    if tally.starts.len() >= pace.starts {
        let (starts, within) = (tally.starts.len(), pace.within);
        return (failed(Reason::Flapping, format!("{starts} starts within {within:?}")), tally);
    }
    let at = ended_at + pace.delay_ms(tally.in_a_row, chance);
    tally.in_a_row = tally.in_a_row.saturating_add(1);
    (Standing::Due { at }, tally)
}

#[cfg(test)]
mod tests;
