//! `callboard notify`: tells when a session waits, is idle after work, or has died.

mod children;
mod looking;
mod rule;
mod spoken;
mod telling;
mod ways;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use callboard::{Gone, Verdict};
use callboard_agents::{BoardEvent, BoardWatch, FoundBy, Row};
use callboard_host::Hosts;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Resource, getrlimit};

use self::looking::{Looking, Tty};
use self::rule::{Doing, Ms, Rule, Telling, Wishes, look};
use self::telling::Words;
use self::ways::Ways;
use super::watching::{start, timeout};
use crate::config::{Edge, Notify as Settings, Way};
use crate::context::{Context, complain_on_one_line};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now as wall_clock;
use crate::output::stream::Out;
use crate::view::filter::Filter;
use crate::view::naming::shown_name;
use crate::view::state::State;

pub(super) use self::ways::is_on_the_path;

const AFTER_HELP: &str = "\
Prints a line for each telling, and tells by every way that is asked for. What it does without
options is in [notify] of the configuration file; docs/CONFIG.md has every key.

A session that you look at is not told of. In tmux you look at what an attached client shows, unless
tmux knows that its window is behind another one (`set -g focus-events on`); in the background, at
what you are attached to; elsewhere a terminal does not say whether its window is in front. For
--looking after your last key there, you are taken to be there still: what happens is told when that
is over, if you did nothing about it. Only the deaths of sessions that sign out can be told from
their ends.

A command finds the session in its environment, as in `callboard exec`; CALLBOARD_EVENT is waiting,
idle or died.

Examples:
  callboard notify                              in a corner, until it is ended
  callboard notify --by bell,osc9 --on waiting
  callboard notify --idle-after 5m --name nightly -- ./collect-results
  callboard notify --try --by desktop           does it come through?";

/// tell when a session waits for you, is idle after work, or has died
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Notify {
    /// of what
    #[arg(long, value_enum, value_delimiter = ',')]
    on: Option<Vec<Edge>>,
    /// how; several are all used
    #[arg(long, value_enum, value_delimiter = ',')]
    by: Option<Vec<Way>>,
    /// of idle only after so much work; without it, 30s
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    idle_after: Option<Duration>,
    /// what does not last so long does not count; without it, 1s
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    settle: Option<Duration>,
    /// so long after your last key you may still look at a session; without it, 30s
    #[arg(long, value_name = "DURATION", value_parser = timeout)]
    looking: Option<Duration>,
    /// those that wait already, too
    #[arg(long)]
    present: bool,
    /// tell of a made-up session, now, and end
    #[arg(long = "try", conflicts_with = "present")]
    trial: bool,
    /// print nothing
    #[arg(long, short)]
    quiet: bool,
    /// the command that tells, and its arguments
    #[arg(value_name = "CMD", last = true)]
    command: Vec<OsString>,
    #[command(flatten)]
    filter: Filter,
}

/// What stays the same about a session: its pid, where that means something, and its conversation,
/// of which an agent's server may hold several.
type Key = (u32, Option<Box<str>>, Option<Box<str>>);

fn key(row: &Row) -> Key {
    (row.pid, row.pid_domain.clone(), row.session_id.clone())
}

/// A session as it was last seen, and its terminal, which nobody can be asked for when it is gone.
struct Seen {
    row: Row,
    tty: Option<Tty>,
}

impl Seen {
    fn of(row: &Row) -> Self {
        Self { row: row.clone(), tty: Tty::of(row.pid).filter(|_| row.is_here()) }
    }
}

/// Everything that a telling takes.
struct Teller {
    rule: Rule<Key>,
    seen: BTreeMap<Key, Seen>,
    looking: Looking,
    grace: Duration,
    ways: Ways,
    clock: Clock,
    out: Option<Out>,
}

/// A clock that never goes back, in ms. It begins with the time of the day, and is not it: that one
/// is set, and this one stands while the machine sleeps.
#[derive(Clone, Copy)]
struct Clock {
    began: Instant,
    at: Ms,
}

impl Clock {
    fn start() -> Self {
        Self { began: Instant::now(), at: wall_clock() }
    }

    fn now(self) -> Ms {
        let passed = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.at.saturating_add(passed)
    }

    /// A time of the day on this clock: as long ago as it is there.
    fn of_the_day(self, time: Ms) -> Ms {
        as_long_ago(self.now(), wall_clock(), time)
    }

    fn instant(self, time: Ms) -> Instant {
        // No later than this process may run.
        let passed = time.saturating_sub(self.at).min(1 << 40);
        // A ms begins before it is over.
        self.began + Duration::from_millis(passed + 1)
    }
}

impl Notify {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let settings = self.settings(context.config())?;
        let command = self.command(&settings);
        let limit = getrlimit(Resource::Nofile);
        let ways = Ways::new(settings.by.clone(), command, limit);
        let out = (!self.quiet).then(Out::new);
        if self.trial {
            return try_out(ways, out);
        }
        let wishes = Wishes {
            on: settings.on.clone(),
            idle_after: settings.idle_after,
            settle: settings.settle,
        };
        let hosts = context.home().ok().map(|home| Hosts::at(&home));
        let mut watch = start(context)?;
        let mut teller = Teller {
            rule: Rule::new(wishes),
            seen: BTreeMap::new(),
            looking: Looking::new(hosts),
            grace: settings.looking,
            ways,
            clock: Clock::start(),
            out,
        };
        let filter = self.filter.clone().resolved();
        let fits = |row: &Row| filter.fits(row) && !is_quiet(row, &settings.quiet_for);
        watch.rows().filter(|row| fits(row)).for_each(|row| teller.begin(row, self.present));
        loop {
            while let Some(event) = watch.next_within(Some(Duration::ZERO))? {
                teller.take_in(&event, &fits);
            }
            teller.tell()?;
            teller.wait(&watch)?;
        }
    }

    /// What the file says, and over it what the command line says.
    fn settings(&self, config: &crate::config::Config) -> Result<Settings, Failure> {
        let mut settings = config.notify.clone();
        let over = |time: &mut Duration, given: Option<Duration>| *time = given.unwrap_or(*time);
        over(&mut settings.idle_after, self.idle_after);
        over(&mut settings.settle, self.settle);
        over(&mut settings.looking, self.looking);
        if let Some(on) = &self.on {
            settings.on.clone_from(on);
        }
        match &self.by {
            Some(by) => settings.by.clone_from(by),
            None if !self.command.is_empty() => settings.by = vec![Way::Command],
            None => {}
        }
        if !self.command.is_empty() && !settings.by.contains(&Way::Command) {
            settings.by.push(Way::Command);
        }
        let needs_one = settings.by.contains(&Way::Command) && self.command.is_empty();
        if needs_one && settings.command.is_empty() {
            return Err(Failure::usage(
                "no command to tell by; give it after `--`, or as `command` in [notify] of the \
                 configuration file",
            ));
        }
        Ok(settings)
    }

    fn command(&self, settings: &Settings) -> Vec<OsString> {
        if self.command.is_empty() {
            return settings.command.iter().map(OsString::from).collect();
        }
        self.command.clone()
    }
}

impl Teller {
    /// A session that is there when the watch begins.
    fn begin(&mut self, row: &Row, is_news: bool) {
        let (doing, now) = (doing(row), self.clock.now());
        // It may have been at it for long.
        let since = row.status_since.map_or(now, |since| self.clock.of_the_day(since));
        match (is_news, doing) {
            (true, Doing::Waits) => self.rule.see(key(row), doing, now),
            _ => self.rule.begin(key(row), doing, since),
        }
        self.seen.insert(key(row), Seen::of(row));
    }

    fn take_in(&mut self, event: &BoardEvent, fits: &dyn Fn(&Row) -> bool) {
        let now = self.clock.now();
        match event {
            BoardEvent::Problem(problem) => complain_on_one_line(problem),
            BoardEvent::Changed { row, before, .. } => {
                if key(before) != key(row) {
                    self.rule.rename(&key(before), key(row));
                    self.seen.remove(&key(before));
                }
                self.see(row, fits(row), now);
            }
            BoardEvent::Gone { row, why } => {
                if fits(row) && has_died(row, *why) {
                    self.rule.see(key(row), Doing::Dead, now);
                } else {
                    self.forget(&key(row));
                }
            }
            BoardEvent::Appeared(row) => self.see(row, fits(row), now),
            _ => {}
        }
    }

    fn see(&mut self, row: &Row, fits: bool, now: Ms) {
        if !fits {
            return self.forget(&key(row));
        }
        self.rule.see(key(row), doing(row), now);
        match self.seen.get_mut(&key(row)) {
            Some(seen) => seen.row = row.clone(),
            None => _ = self.seen.insert(key(row), Seen::of(row)),
        }
    }

    fn forget(&mut self, key: &Key) {
        self.rule.forget(key);
        if let Some(seen) = self.seen.remove(key) {
            self.looking.forget(seen.tty.as_ref());
        }
    }

    /// Tells what is to be told now.
    fn tell(&mut self) -> Result<(), Failure> {
        self.ways.look();
        let (clock, now, grace) = (self.clock, self.clock.now(), self.grace);
        let (seen, looking) = (&self.seen, &mut self.looking);
        let told = self.rule.told_by(now, |key, at| {
            let typed = seen.get(key).filter(|_| !grace.is_zero());
            let typed = typed.and_then(|seen| looking.last_key(&seen.row, seen.tty.as_ref(), at));
            look(at, now, typed.map(|typed| clock.of_the_day(typed)), grace)
        });
        for Telling { key, edge, worked } in told {
            let Some(seen) = self.seen.get(&key) else { continue };
            self.looking.forget(seen.tty.as_ref());
            let words = Words::of(&seen.row, edge, worked);
            if let Some(out) = &mut self.out {
                out.line(&words.line())?;
                out.flush()?;
            }
            self.ways.tell(&seen.row, edge, &words);
            if edge == Edge::Died {
                self.seen.remove(&key);
            }
        }
        Ok(())
    }

    /// Waits until something happens on the board, a program has ended, or something is due.
    fn wait(&self, watch: &BoardWatch) -> Result<(), Failure> {
        let (alarms, limit) = self.ways.alarms();
        let due = self.rule.due().map(|due| self.clock.instant(due)).into_iter().chain(limit).min();
        let left = due.map(|due| due.saturating_duration_since(Instant::now()));
        wait_for(std::iter::once(watch.as_fd()).chain(alarms), left)
    }
}

/// Waits until one of these is readable, or for so long.
fn wait_for<'f>(
    fds: impl Iterator<Item = std::os::fd::BorrowedFd<'f>>,
    left: Option<Duration>,
) -> Result<(), Failure> {
    let mut fds: Vec<_> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    match poll(&mut fds, left.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => {
            Err(Failure::no(format!("cannot wait for the board: {error}; start it again")))
        }
    }
}

/// The time on one clock that is as long ago as `then` is on another one. What is ahead of the
/// other (somebody else wrote it) is now.
fn as_long_ago(now: Ms, other_now: Ms, then: Ms) -> Ms {
    now.saturating_sub(other_now.saturating_sub(then))
}

fn doing(row: &Row) -> Doing {
    match State::of(row) {
        State::Waiting => Doing::Waits,
        State::Busy | State::Shell | State::Other(_) => Doing::Works,
        State::Idle => Doing::Rests,
        State::None | State::Unknown | State::Dead => Doing::Silent,
    }
}

/// Whether an end is a death. A session without a record signs out of nothing: whether it was ended
/// or died, nobody can say.
fn has_died(row: &Row, why: Gone) -> bool {
    let could_sign_out = row.found_by == FoundBy::Record && row.verdict != Verdict::Unknown;
    could_sign_out && matches!(why, Gone::Died | Gone::Swept)
}

fn is_quiet(row: &Row, names: &[String]) -> bool {
    let name = shown_name(row).to_lowercase();
    names.iter().any(|quiet| !quiet.is_empty() && name.contains(&quiet.to_lowercase()))
}

/// Tells of a session that is not there, by every way.
fn try_out(mut ways: Ways, out: Option<Out>) -> Result<Exit, Failure> {
    let row = made_up()?;
    let words = Words::of(&row, Edge::Waiting, Duration::ZERO);
    if let Some(mut out) = out {
        out.line(&words.line())?;
        out.finish()?;
    }
    ways.tell(&row, Edge::Waiting, &words);
    loop {
        ways.look();
        let (alarms, Some(limit)) = ways.alarms() else { break };
        wait_for(alarms.into_iter(), Some(limit.saturating_duration_since(Instant::now())))?;
    }
    Ok(if ways.failures() == 0 { Exit::Yes } else { Exit::No })
}

/// A row as the board makes it, of a record that is nobody's.
fn made_up() -> Result<Row, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::no(format!("cannot make up a session: {error}; see $TMPDIR"))
    };
    let dir = tempfile::tempdir().map_err(|error| failed(&error))?;
    let record = r#"{"pid":1,"name":"an example","tool":"callboard","status":"waiting","waitingFor":"nothing"}"#;
    std::fs::write(dir.path().join("1.json"), record).map_err(|error| failed(&error))?;
    let registry = callboard::Registry::at(dir.path());
    let board = callboard_agents::Board::read(&callboard_agents::Sources::new(registry));
    board.rows.into_iter().next().ok_or_else(|| failed(&"it cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::row;

    #[test]
    fn clocks_by_case() {
        for (now, other, then, expected) in [
            (5_000, 5_000, 4_000, 4_000),
            // The machine slept, or the time of the day was set: so long ago is so long ago.
            (5_000, 905_000, 904_000, 4_000),
            (905_000, 5_000, 4_000, 904_000),
            (5_000, 5_000, 9_000, 5_000),
            (5_000, 905_000, 0, 0),
        ] {
            assert_eq!(as_long_ago(now, other, then), expected, "{now} {other} {then}");
        }
    }

    #[test]
    fn what_counts_as_what_by_case() {
        for (status, is) in [
            ("waiting", Doing::Waits),
            ("busy", Doing::Works),
            ("shell", Doing::Works),
            ("compacting", Doing::Works),
            ("idle", Doing::Rests),
        ] {
            let row = row(&format!(r#"{{"pid":7,"status":"{status}"}}"#));
            assert_eq!(doing(&row), is, "{status}");
        }
        assert_eq!(doing(&row(r#"{"pid":7}"#)), Doing::Silent);
    }

    #[test]
    fn ends_that_are_deaths_by_case() {
        let recorded = row(r#"{"pid":7}"#);
        let mut found = recorded.clone();
        found.found_by = FoundBy::Process;
        let mut unknown = recorded.clone();
        unknown.verdict = Verdict::Unknown;
        for (row, why, died) in [
            (&recorded, Gone::Died, true),
            (&recorded, Gone::Swept, true),
            (&recorded, Gone::SignedOut, false),
            (&recorded, Gone::Unknown, false),
            (&found, Gone::Died, false),
            (&unknown, Gone::Died, false),
        ] {
            assert_eq!(has_died(row, why), died, "{:?} {why}", row.found_by);
        }
    }

    #[test]
    fn quiet_names_by_case() {
        let row = row(r#"{"pid":7,"name":"Nightly import"}"#);
        for (name, quiet) in [("nightly", true), ("IMPORT", true), ("weekly", false), ("", false)] {
            assert_eq!(is_quiet(&row, &[name.to_owned()]), quiet, "{name}");
        }
    }
}
