//! The loop: one wait for the keyboard, the board, signals and what goes on beside; then what they
//! bring, then what has to be drawn.
//!
//! Nothing wakes it while nothing happens and no age on the screen has to change.

mod acts;

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use callboard::Problem;
use callboard_agents::{BoardEvent, BoardWatch};
use callboard_host::{HostKind, HostedId, TerminalSignals};
use ratatui::Terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::stdio::stdin;
use rustix::time::{ClockId, clock_gettime};
use signal_hook::consts::SIGHUP;

use self::acts::{by_signal, without_a_terminal};
use super::Options;
use super::activity::Activity;
use super::draw::{Look, draw};
use super::input::{Input, Reader};
use super::model::{Id, Model};
use super::pace::Pace;
use super::screen::{self, Screen};
use super::tail::Tail;
use super::tasks::{Done, Task, Tasks};
use super::theme::Theme;
use crate::background::may_be_hosted;
use crate::commands::show::local_time;
use crate::commands::watching::start_silently;
use crate::context::Context;
use crate::exit::Ended;
use crate::failure::Failure;
use crate::output::age::now;
use crate::view::naming::shown_name;

/// How long an escape may be the beginning of a longer sequence.
const ESCAPE: Duration = Duration::from_millis(50);

/// One look takes in so many events at most, or a board that never rests would never be drawn.
const EVENTS: usize = 4096;

/// Shows the board until somebody has seen enough.
pub(super) fn run(context: &Context, options: Options) -> Result<Ended, Failure> {
    let (board, watch) = start_silently(context)?;
    let home = std::env::var("HOME").ok();
    let mut model = Model::new(screen::size(), options.filter.resolved(), options.sort, home);
    board.problems.into_iter().for_each(|problem| tell_problem(&mut model, problem));
    let theme = Theme { colours: context.page().palette.colours };
    screen::give_back_on_panic();
    let signals = TerminalSignals::take().map_err(failed)?;
    let tasks = Tasks::new(context).map_err(failed)?;
    let screen = Screen::take(options.mouse).map_err(failed)?;
    let terminal = Terminal::new(screen).map_err(failed)?;
    let started = Instant::now();
    let mut live = Live {
        context,
        watch,
        model,
        terminal,
        theme,
        signals,
        reader: Reader::default(),
        tasks,
        asked: Vec::new(),
        tails: Vec::new(),
        has_rung: false,
        activity: Activity::default(),
        pace: Pace::new(started),
        is_stale: true,
        open_until: None,
        changes_at: None,
        reads_at: None,
    };
    live.look()?;
    live.until_the_end()
}

fn failed(error: io::Error) -> Failure {
    Failure::no(format!(
        "cannot draw on this terminal: {error}; `callboard events` needs none, `callboard doctor` \
         says more"
    ))
}

fn tell_problem(model: &mut Model, problem: Problem) {
    let hides = problem.may_hide();
    model.problems.insert(problem.path, (problem.kind.to_string(), hides));
}

/// The board on a terminal.
struct Live<'c> {
    context: &'c Context,
    watch: BoardWatch,
    model: Model,
    terminal: Terminal<Screen>,
    theme: Theme,
    signals: TerminalSignals,
    reader: Reader,
    tasks: Tasks,
    /// Of which sessions the hosts were asked last.
    asked: Vec<Id>,
    tails: Vec<Tail>,
    /// Whether a log may have more.
    has_rung: bool,
    activity: Activity,
    pace: Pace,
    /// Whether the screen may show something else than there is.
    is_stale: bool,
    /// When an escape is the key of that name.
    open_until: Option<Instant>,
    /// When something on the screen has to change by itself.
    changes_at: Option<Instant>,
    /// When a conversation is to be read again.
    reads_at: Option<Instant>,
}

/// What there is to do.
#[derive(Default)]
struct Ready {
    keys: bool,
    board: bool,
    tasks: bool,
}

impl Live<'_> {
    fn until_the_end(&mut self) -> Result<Ended, Failure> {
        loop {
            self.settle();
            let may_draw = self.is_stale && self.pace.frame_in(Instant::now()).is_none();
            if may_draw && let Err(error) = self.draw() {
                return without_a_terminal(error);
            }
            let ready = self.wait();
            for signal in self.signals.come() {
                if let Some(ended) = self.signal(signal)? {
                    return Ok(ended);
                }
            }
            let inputs = match self.inputs(ready.keys) {
                Some(inputs) => inputs,
                None => return Ok(by_signal(SIGHUP)),
            };
            for input in inputs {
                self.is_stale = true;
                if let Some(effect) = self.model.update(input)
                    && let Some(ended) = self.carry_out(effect)?
                {
                    return Ok(ended);
                }
            }
            if ready.tasks {
                self.has_rung = true;
                self.tasks.done().into_iter().for_each(|done| self.hear(done));
            }
            self.take_in(ready.board)?;
        }
    }

    fn wait(&mut self) -> Ready {
        let now = Instant::now();
        let rest = self.pace.look_in(now);
        let until = |then: Option<Instant>| then.map(|then| then.saturating_duration_since(now));
        let frame = self.is_stale.then(|| self.pace.frame_in(now).unwrap_or_default());
        // Nothing is read while it rests.
        let read = until(self.reads_at).filter(|_| rest.is_none());
        let times = [rest, frame, read, until(self.open_until), until(self.changes_at)];
        let timeout = times.into_iter().flatten().min();
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut fds = vec![
            PollFd::from_borrowed_fd(stdin(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.signals.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(self.tasks.as_fd(), PollFlags::IN),
        ];
        // While it rests, what happens on the board can wait; then it is looked at once.
        if rest.is_none() {
            fds.push(PollFd::from_borrowed_fd(self.watch.as_fd(), PollFlags::IN));
        }
        // Interrupted by a signal: what it means stands on its stream.
        if poll(&mut fds, timeout.as_ref()).is_err() {
            return Ready::default();
        }
        let came = |at: usize| fds.get(at).is_some_and(|fd| !fd.revents().is_empty());
        Ready { keys: came(0), tasks: came(2), board: came(3) }
    }

    /// What was typed; `None` if the terminal is gone.
    fn inputs(&mut self, ready: bool) -> Option<Vec<Input>> {
        let now = Instant::now();
        if !ready {
            if self.open_until.is_none_or(|until| until > now) {
                return Some(Vec::new());
            }
            self.open_until = None;
            return Some(self.reader.close());
        }
        let mut bytes = [0; 4096];
        let inputs = match rustix::io::read(stdin(), &mut bytes) {
            Ok(0) => return None,
            Ok(read) => self.reader.read(&bytes[..read]),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return Some(Vec::new()),
            Err(_) => return None,
        };
        self.open_until = self.reader.is_open().then(|| now + ESCAPE);
        Some(inputs)
    }

    /// What others have changed, if it is time to look.
    fn take_in(&mut self, board_rang: bool) -> Result<(), Failure> {
        let started = Instant::now();
        if self.changes_at.is_some_and(|at| at <= started) {
            self.is_stale = true;
            self.changes_at = None;
        }
        if self.pace.look_in(started).is_some() {
            return Ok(());
        }
        let cost = spent();
        if board_rang {
            self.look()?;
        }
        if std::mem::take(&mut self.has_rung) {
            self.take_in_log();
        }
        let time = now();
        match self.activity.due_in(&self.model, time) {
            Some(0) => {
                let problems = self.activity.refresh(&mut self.model, self.watch.sources(), time);
                problems.into_iter().for_each(|problem| tell_problem(&mut self.model, problem));
                self.is_stale = true;
            }
            due => self.reads_at = due.map(|ms| started + Duration::from_millis(ms)),
        }
        if self.is_stale {
            self.pace.looked(Instant::now(), spent().saturating_sub(cost));
        }
        Ok(())
    }

    /// What has been added to the log that is shown; the others stand still.
    fn take_in_log(&mut self) {
        let Some((_, id)) = self.followed() else { return };
        let Some(tail) = self.tails.iter_mut().find(|tail| tail.id == id) else { return };
        let began = Instant::now();
        while tail.take_in() {
            self.is_stale = true;
            // It may grow faster than anybody reads: the rest of it next time.
            self.has_rung = began.elapsed() > Duration::from_millis(5);
            if self.has_rung {
                break;
            }
        }
        self.model.log = tail.lines();
    }

    /// Looks at the board.
    fn look(&mut self) -> Result<(), Failure> {
        for _ in 0..EVENTS {
            match self.watch.next_within(Some(Duration::ZERO))? {
                None => break,
                Some(BoardEvent::Problem(problem)) => tell_problem(&mut self.model, problem),
                Some(BoardEvent::Gone { row, why }) if self.model.message.is_none() => {
                    self.model.say(false, format!("`{}` is gone: {why}", shown_name(&row)));
                }
                Some(_) => {}
            }
        }
        self.model.take_in(self.watch.rows().cloned(), now());
        self.forget_problems();
        self.is_stale = true;
        Ok(())
    }

    /// What is gone, or was read by now, is no problem any more; nobody tells of that.
    fn forget_problems(&mut self) {
        let read = |path: &std::path::Path| {
            let mut sources = self.watch.rows().flat_map(|row| &row.sources);
            sources.any(|source| source.path() == path)
        };
        self.model.problems.retain(|path, _| path.exists() && !read(path));
    }

    fn draw(&mut self) -> io::Result<()> {
        let cost = spent();
        let time = now();
        let look = Look { now: time, theme: self.theme, clock: &local_time };
        self.terminal.draw(|frame| draw(&self.model, &look, frame))?;
        self.is_stale = false;
        let drawn = Instant::now();
        let after = |ms| drawn + Duration::from_millis(ms);
        self.changes_at = self.model.changes_in(time).map(after);
        self.reads_at = self.activity.due_in(&self.model, time).map(after);
        self.pace.drew(drawn, spent().saturating_sub(cost));
        Ok(())
    }

    /// What follows from what is selected and who is there.
    fn settle(&mut self) {
        let candidates = self.model.entries.iter().filter(|entry| may_be_hosted(&entry.row));
        let ids: Vec<Id> = candidates.clone().map(|entry| entry.id.clone()).collect();
        if ids != self.asked {
            let rows = candidates.map(|entry| (entry.id.clone(), entry.row.clone())).collect();
            self.asked = ids;
            self.tasks.start(Task::AskHosts(rows));
        }
        if let Some(hosted) = self.followed() {
            self.follow(hosted);
        }
    }

    /// The background session whose log is shown.
    fn followed(&self) -> Option<(HostKind, HostedId)> {
        let selected = self.model.selected().filter(|_| self.model.areas().pane.is_some());
        selected?.hosted.clone()
    }

    /// Shows the end of a log. One that was followed before goes on where it stood still.
    fn follow(&mut self, hosted: (HostKind, HostedId)) {
        let known = |tails: &[Tail]| tails.iter().position(|tail| tail.id == hosted.1);
        if let Some(at) = known(&self.tails) {
            if self.model.log.is_empty() {
                self.model.log = self.tails[at].lines();
                self.has_rung = true;
            }
            return;
        }
        let Ok(bell) = self.tasks.bell() else { return };
        // Those of sessions that are gone are not looked at again.
        let all = self.model.entries.iter().filter_map(|entry| entry.hosted.as_ref());
        let ids: Vec<&HostedId> = all.map(|(_, id)| id).collect();
        self.tails.retain(|tail| ids.contains(&&tail.id));
        self.tails.push(Tail::start(self.context, hosted, bell));
    }

    fn hear(&mut self, done: Done) {
        self.is_stale = true;
        match done {
            Done::Hosts(hosts) => {
                for (id, hosted) in hosts {
                    if let Some(entry) = self.model.entry_mut(&id) {
                        entry.hosted = hosted;
                    }
                }
                self.model.arrange();
            }
            Done::Well(text) if text.is_empty() => {}
            Done::Well(text) => self.model.say(false, text),
            Done::Badly(text) => self.model.say(true, text),
        }
    }
}

/// What this thread has taken of the processor.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}
