//! `callboard wait S... --until STATUS`.

use std::time::{Duration, Instant};

use callboard_agents::{BoardEvent, BoardWatch, Row};

use super::completions::live_sessions;
use super::watching::{start, timeout};
use crate::address::rows::{look, nobody};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::{Out, complain};
use crate::view::naming::shown_name;
use crate::waiting::{Awaited, Goal, Progress, outcome};

const AFTER_HELP: &str = "\
Prints a line for each session that is there, its name and what it was waited for, separated by a
tab, as it happens.

Examples:
  callboard wait billing --until idle && notify-send 'billing is done'
  callboard wait a b c --until idle,waiting --any --timeout 30m
  callboard wait nightly --appear --until gone
  callboard wait billing --until idle --from-now    the next time, not if it is idle already

Exits with 0 when it is so (with --any: for one of them; else for all), with 1 when a session ended
before (with --any: when all did), with 124 when the time is over.";

/// wait until sessions are idle, waiting, gone, or whatever else
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Wait {
    /// names, pids or first characters of session ids
    #[arg(value_name = "S", required = true, add = live_sessions())]
    sessions: Vec<String>,
    /// what for: idle, waiting, busy, shell, gone, or any other status; several are alternatives
    #[arg(long, short, value_name = "STATUS", value_delimiter = ',', required = true,
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    until: Vec<String>,
    /// one of the sessions is enough
    #[arg(long, conflicts_with = "all")]
    any: bool,
    /// all of the sessions (what it does without --any)
    #[arg(long)]
    all: bool,
    /// at most so long: 90s, 5m, 1h 30m, 500ms
    #[arg(long, short, value_name = "DURATION", value_parser = timeout)]
    timeout: Option<Duration>,
    /// a status that a session has already does not count: it must take it on again
    #[arg(long)]
    from_now: bool,
    /// a session that is not there yet is waited for, too
    #[arg(long)]
    appear: bool,
    /// print nothing
    #[arg(long, short)]
    quiet: bool,
}

/// One of the sessions on the command line.
struct Wanted<'t> {
    text: &'t str,
    /// `None` until it is there.
    found: Option<(Which, Awaited)>,
    told: bool,
}

/// Which session it is.
#[derive(Clone, Debug, PartialEq)]
struct Which {
    pid: u32,
    domain: Option<Box<str>>,
    name: String,
}

impl Which {
    fn of(row: &Row) -> Self {
        Self { pid: row.pid, domain: row.pid_domain.clone(), name: shown_name(row).into_owned() }
    }

    fn is(&self, row: &Row) -> bool {
        self.pid == row.pid && self.domain == row.pid_domain
    }
}

impl Wait {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let end = self.timeout.map(|timeout| Instant::now() + timeout);
        let goals: Vec<Goal> = self.until.iter().map(|word| Goal::from(&**word)).collect();
        let mut watch = start(context)?;
        let mut all = self.wanted(&watch, &goals)?;
        let mut out = Out::new();
        loop {
            self.tell(&mut all, &mut out)?;
            if let Some(done) = self.outcome(&all) {
                return Ok(if done { Exit::Yes } else { Exit::No });
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let Some(event) = watch.next_within(left)? else {
                if left.is_some_and(|left| left.is_zero()) {
                    return Ok(Exit::TimedOut);
                }
                continue;
            };
            self.take_in(&mut all, &event, &watch, &goals);
        }
    }

    /// The sessions as they are before the first event.
    fn wanted<'t>(
        &'t self,
        watch: &BoardWatch,
        goals: &[Goal],
    ) -> Result<Vec<Wanted<'t>>, Failure> {
        let rows: Vec<&Row> = watch.rows().collect();
        let mut all = Vec::new();
        for text in &self.sessions {
            let row = look([rows.clone()], text)?;
            if row.is_none() && !self.appear {
                return Err(nobody(text));
            }
            let found = row.map(|row| (Which::of(row), Awaited::new(goals, row, self.from_now)));
            all.push(Wanted { text, found, told: false });
        }
        Ok(all)
    }

    fn take_in(
        &self,
        all: &mut [Wanted<'_>],
        event: &BoardEvent,
        watch: &BoardWatch,
        goals: &[Goal],
    ) {
        let Some(row) = event.row() else { return };
        for wanted in all {
            match (&mut wanted.found, event) {
                (Some((of, awaited)), BoardEvent::Gone { .. }) if of.is(row) => awaited.end(),
                (Some((of, awaited)), BoardEvent::Changed { fields, .. }) if of.is(row) => {
                    awaited.see(row, fields.contains(&"status"));
                }
                (None, BoardEvent::Appeared(_) | BoardEvent::Changed { .. }) => {
                    if let Ok(Some(row)) = look([watch.rows().collect()], wanted.text) {
                        // What it has when it appears, it has taken on since.
                        wanted.found = Some((Which::of(row), Awaited::new(goals, row, false)));
                    }
                }
                _ => {}
            }
        }
    }

    fn tell(&self, all: &mut [Wanted<'_>], out: &mut Out) -> Result<(), Failure> {
        for wanted in all.iter_mut().filter(|wanted| !wanted.told) {
            let Some((of, awaited)) = &wanted.found else { continue };
            match awaited.progress() {
                Progress::Waiting => continue,
                Progress::Reached(_) if self.quiet => {}
                Progress::Reached(word) => {
                    out.line(&format!("{}\t{}", sanitize(&of.name), sanitize(word)))?;
                    out.flush()?;
                }
                Progress::Ended => complain(format_args!(
                    "`{}` ended before it was {}",
                    sanitize(&of.name),
                    sanitize(&self.until.join(" or "))
                )),
            }
            wanted.told = true;
        }
        Ok(())
    }

    fn outcome(&self, all: &[Wanted<'_>]) -> Option<bool> {
        const NOT_THERE: Progress = Progress::Waiting;
        let progress = |wanted| match wanted {
            &Wanted { found: Some((_, ref awaited)), .. } => awaited.progress(),
            _ => &NOT_THERE,
        };
        outcome(all.iter().map(progress), self.any)
    }
}
