//! A watch of the whole board: every change as it happens. See `docs/design/watch.md`.

mod bell;
mod difference;
mod event;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use callboard::record::RecordName;
use callboard::{Error, Event, Gone, Problem, Registry, Result, Session, Watch};

pub use event::BoardEvent;

use self::bell::{Bell, Ear, Rung};
use self::difference::{Key, difference, is_another_process, keys};
use crate::board::{Board, now, row_of};
use crate::consult::{may_go_on_silently, wants_conversation};
use crate::row::{FoundBy, Row};
use crate::sources::Sources;
use crate::transcript::Depth;

/// How often to look where something cannot ring.
const SLOW: Duration = Duration::from_secs(2);

/// When to look again after something happened in an agent's directory or a program was started:
/// what it begins with is not there yet.
const SETTLING: [Duration; 3] =
    [Duration::from_millis(40), Duration::from_millis(250), Duration::from_millis(1500)];

/// How often to look, at the most, because a look found something new to listen to.
const LOOKS: usize = 3;

/// Tells what happens on the board: an iterator of [`BoardEvent`]s that waits for the next one, and
/// a file descriptor that is readable when there may be one.
///
/// No thread, and no work while nothing happens, however many sessions there are. A session whose
/// status is nowhere to be heard of (no record, no hook, no conversation file yet) is looked at
/// every two seconds, for as long as there is one.
#[derive(Debug)]
pub struct BoardWatch {
    sources: Sources,
    bell: Bell,
    registries: Vec<Watched>,
    rows: BTreeMap<Key, Row>,
    /// Of the sessions whose conversations are asked, what records, hooks and processes said of
    /// them before that.
    said: BTreeMap<Key, Row>,
    problems: BTreeMap<PathBuf, String>,
    events: VecDeque<BoardEvent>,
    /// When to look at everything again.
    due: VecDeque<Instant>,
    /// Whether something can only be seen by looking.
    has_silent_ones: bool,
}

/// A registry and its watch.
#[derive(Debug)]
struct Watched {
    /// The agent's name; `None` for ours.
    agent: Option<&'static str>,
    watch: Watch,
}

/// What a round of looking begins with.
#[derive(Default)]
struct Round {
    everything: bool,
    /// Why records are gone, where their registry's watch saw it.
    gone: BTreeMap<(PathBuf, RecordName), Gone>,
}

impl BoardWatch {
    /// Starts to watch, and reads what there is: the events are what happens after that.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system has no inotify instance or no descriptor left: it takes one
    /// instance for each registry and one more, and a descriptor for each living session.
    pub fn start(sources: Sources) -> Result<(Board, Self)> {
        let bell = Bell::new().map_err(|e| failed(&sources, e))?;
        let mut watch = Self {
            sources,
            bell,
            registries: Vec::new(),
            rows: BTreeMap::new(),
            said: BTreeMap::new(),
            problems: BTreeMap::new(),
            events: VecDeque::new(),
            due: VecDeque::new(),
            has_silent_ones: false,
        };
        let board = watch.look_at_everything(&Round::default())?;
        // What is there at first is no news.
        watch.events.clear();
        for problem in &board.problems {
            watch.problems.insert(problem.path.clone(), problem.kind.to_string());
        }
        watch.set_the_clock()?;
        Ok((board, watch))
    }

    /// Where it looks.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The sessions as they were last seen, the proven dead left out, in no order.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// The next event, if one comes within `timeout`; `None` for the timeout waits for ever, zero
    /// does not wait.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system cannot wait.
    pub fn next_within(&mut self, timeout: Option<Duration>) -> Result<Option<BoardEvent>> {
        let end = timeout.map(|timeout| Instant::now() + timeout);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(event));
            }
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let rung = self.bell.wait(left).map_err(|e| self.failed(e))?;
            self.take_in(rung)?;
            if self.events.is_empty() && left.is_some_and(|left| left.is_zero()) {
                return Ok(None);
            }
        }
    }

    /// Looks where it rang.
    fn take_in(&mut self, rung: Rung) -> Result<()> {
        let mut round = Round::default();
        if rung.elsewhere {
            let now = Instant::now();
            self.due = SETTLING.iter().map(|after| now + *after).collect();
        }
        if rung.clock {
            let now = Instant::now();
            self.due.retain(|due| *due > now);
        }
        round.everything |= rung.elsewhere || rung.clock;
        for number in rung.registries {
            self.hear(number, &mut round)?;
        }
        if !round.everything {
            self.read_again(&rung.conversations);
        } else {
            let board = self.look_at_everything(&round)?;
            board.problems.into_iter().for_each(|problem| self.tell_problem(problem));
        }
        if round.everything {
            self.set_the_clock()?;
        }
        Ok(())
    }

    /// Takes in what a registry's watch has to tell. Most is about one record of one session, and
    /// then only that one is made anew.
    fn hear(&mut self, number: usize, round: &mut Round) -> Result<()> {
        let events: Vec<Event> = self.registries[number].watch.ready()?.collect();
        for event in events {
            match event {
                Event::Changed { session, .. } => {
                    round.everything |= !self.change_one(number, &session);
                }
                Event::Gone { session, why } => {
                    let dir = self.registries[number].watch.registry().dir().to_owned();
                    round.gone.insert((dir, session.file), why);
                    round.everything = true;
                }
                Event::Problem(problem) => self.tell_problem(problem),
                _ => round.everything = true,
            }
        }
        Ok(())
    }

    /// Makes the row of one record anew. `false` where more than this record is behind the row, or
    /// may be: then everything has to be put together again.
    fn change_one(&mut self, number: usize, session: &Session) -> bool {
        let Watched { agent, watch } = &self.registries[number];
        let key = Key::Process(session.record.pid(), 1);
        let Some(before) = self.rows.get(&key) else { return false };
        let alone = matches!(&before.sources[..], [source]
            if source.file == session.file && *source.dir == *watch.registry().dir());
        let second = Key::Process(session.record.pid(), 2);
        if !alone || before.linked_job.is_some() || self.rows.contains_key(&second) {
            return false;
        }
        let Some(mut row) = row_of(&self.sources, *agent, watch.registry(), session) else {
            return false;
        };
        if !row.is_here() || row.linked_job.is_some() || row.role != before.role {
            return false;
        }
        // What an agent's process holds is no part of our record of it.
        if agent.is_none() && self.sources.is_of_an_agent(&row) {
            return false;
        }
        // What the process itself was asked for does not change with its record.
        if before.session_id == row.session_id {
            row.transcript_path.clone_from(&before.transcript_path);
        }
        // What would be heard of it from now on is for another look to arrange.
        let heard = |path: &PathBuf| self.bell.hears(path);
        let asks = wants_conversation(&row);
        if asks && !row.transcript_path.as_ref().is_some_and(heard) {
            return false;
        }
        if asks {
            self.said.insert(key.clone(), row.clone());
        } else {
            self.said.remove(&key);
        }
        self.ask(key, row);
        true
    }

    /// Reads these conversations again.
    fn read_again(&mut self, conversations: &BTreeSet<PathBuf>) {
        // Mostly a record has changed, and there may be thousands of sessions with conversations.
        if conversations.is_empty() {
            return;
        }
        let about = |key: &Key| {
            let path = self.rows.get(key)?.transcript_path.as_ref()?;
            conversations.contains(path).then(|| (key.clone(), self.said[key].clone()))
        };
        let asked: Vec<(Key, Row)> = self.said.keys().filter_map(about).collect();
        for (key, said) in asked {
            self.ask(key, said);
        }
    }

    /// Settles one row by its conversation, and keeps it.
    fn ask(&mut self, key: Key, said: Row) {
        let mut board = Board::of(said);
        board.consult(&self.sources, Depth::Status, now());
        board.problems.into_iter().for_each(|problem| self.tell_problem(problem));
        board.rows.into_iter().for_each(|row| self.put(key.clone(), row));
    }

    /// Keeps a row, and tells what is new in it.
    fn put(&mut self, key: Key, row: Row) {
        let Some(before) = self.rows.insert(key, row.clone()) else {
            return self.events.push_back(BoardEvent::Appeared(row));
        };
        if is_another_process(&before, &row) {
            self.events.push_back(BoardEvent::Gone { row: before, why: Gone::Unknown });
            return self.events.push_back(BoardEvent::Appeared(row));
        }
        let fields = difference(&before, &row);
        if !fields.is_empty() {
            self.events.push_back(BoardEvent::Changed { row, before: before.into(), fields });
        }
    }

    /// Reads the whole board, tells what is new on it, and listens to what it is made of.
    fn look_at_everything(&mut self, round: &Round) -> Result<Board> {
        // What is listened to for the first time may have changed since it was read: once more.
        let mut looks = 0;
        loop {
            self.watch_registries()?;
            let mut board = Board::read(&self.sources);
            self.said = keys(&board.rows)
                .into_iter()
                .zip(&board.rows)
                .filter(|(_, row)| wants_conversation(row))
                .map(|(key, row)| (key, row.clone()))
                .collect();
            board.consult(&self.sources, Depth::Status, now());
            self.compare(&board, round);
            looks += 1;
            if !self.listen() || looks == LOOKS {
                return Ok(board);
            }
        }
    }

    fn watch_registries(&mut self) -> Result<()> {
        let own = self.sources.own().clone();
        let agents = self.sources.registries();
        let foreign = agents
            .into_iter()
            .map(|(name, place)| (Some(name), own.foreign_beside(place.sessions)));
        let all: Vec<(_, Registry)> = [(None, own.clone())].into_iter().chain(foreign).collect();
        for (agent, registry) in all {
            let is_known = |known: &Watched| known.watch.registry().dir() == registry.dir();
            if self.registries.iter().any(is_known) {
                continue;
            }
            let (_, watch) = Watch::start(&registry)?;
            let number = self.registries.len();
            self.bell.add_registry(number, &watch).map_err(|e| self.failed(e))?;
            self.registries.push(Watched { agent, watch });
        }
        Ok(())
    }

    fn compare(&mut self, board: &Board, round: &Round) {
        let mut gone: BTreeSet<Key> = self.rows.keys().cloned().collect();
        for (key, row) in keys(&board.rows).into_iter().zip(&board.rows) {
            if row.is_listed() {
                gone.remove(&key);
                self.put(key, row.clone());
            }
        }
        for key in gone {
            let Some(row) = self.rows.remove(&key) else { continue };
            let why = self.why_gone(&row, round);
            self.events.push_back(BoardEvent::Gone { row, why });
        }
    }

    fn why_gone(&self, row: &Row, round: &Round) -> Gone {
        let mut hints = row
            .sources
            .iter()
            .filter_map(|source| round.gone.get(&(source.dir.to_path_buf(), source.file)).copied());
        hints.next().unwrap_or_else(|| {
            let has_ended = row.is_here() && !callboard::process::signal_zero(row.pid);
            if has_ended { Gone::Died } else { Gone::Unknown }
        })
    }

    fn tell_problem(&mut self, problem: Problem) {
        let text = problem.kind.to_string();
        if self.problems.insert(problem.path.clone(), text.clone()) != Some(text) {
            self.events.push_back(BoardEvent::Problem(problem));
        }
    }

    /// Listens to what the rows are made of. Whether that is something new.
    fn listen(&mut self) -> bool {
        let mut ears = BTreeSet::new();
        let mut unrecorded = BTreeSet::new();
        let mut silent = false;
        let mut news = false;
        for row in self.rows.values() {
            silent |= may_go_on_silently(row, &self.sources);
            if wants_conversation(row) && self.sources.knows_the_agent_of(row) {
                match &row.transcript_path {
                    Some(path) => {
                        news |= !self.bell.hears(path);
                        _ = ears.insert((Ear::Conversation, path.clone()));
                    }
                    None => silent = true,
                }
            }
            if row.found_by != FoundBy::Record && row.is_here() {
                unrecorded.insert(row.pid);
            }
        }
        ears.extend(self.sources.doorbells().into_iter().map(|path| (Ear::Directory, path)));
        // What is started is of interest where what runs is looked at. Found anew each time: an
        // agent that updates itself is another file from then on.
        let started = self.sources.adapters().filter(|_| self.sources.looks_at_processes());
        ears.extend(started.filter_map(|a| Some((Ear::Program, program(a.name())?))));
        let heard: Vec<PathBuf> = ears
            .iter()
            .filter(|(ear, _)| *ear == Ear::Conversation)
            .map(|(_, path)| path.clone())
            .collect();
        self.bell.listen_to(ears);
        silent |= heard.iter().any(|path| !self.bell.hears(path));
        silent |= !self.bell.await_ends(&unrecorded);
        self.has_silent_ones = silent;
        news && heard.iter().any(|path| self.bell.hears(path))
    }

    fn set_the_clock(&mut self) -> Result<()> {
        let now = Instant::now();
        let due = self.due.front().map(|due| due.saturating_duration_since(now));
        let slow = self.has_silent_ones.then_some(SLOW);
        let next = due.into_iter().chain(slow).min();
        self.bell.ring_in(next).map_err(|e| self.failed(e))
    }

    fn failed(&self, error: std::io::Error) -> Error {
        failed(&self.sources, error)
    }
}

fn failed(sources: &Sources, source: std::io::Error) -> Error {
    Error::Io { doing: "watch", path: sources.own().dir().to_owned(), source }
}

/// Where a program of this name is started from, through whatever links.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .filter(|dir| dir.is_absolute())
        .find_map(|dir| dir.join(name).canonicalize().ok().filter(|path| path.is_file()))
}

impl Iterator for BoardWatch {
    type Item = BoardEvent;

    /// Waits for the next event; `None` only when the system cannot wait any more.
    fn next(&mut self) -> Option<BoardEvent> {
        self.next_within(None).ok().flatten()
    }
}

impl AsFd for BoardWatch {
    /// Readable when [`BoardWatch::next_within`] has something to look at; it may then still find
    /// that nothing has changed. Call it with a timeout of zero until there is none.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }
}
