//! What the live table knows: the sessions, which of them are shown in which order, and what its
//! user is about to do. Pure: no clock, no file, no terminal.

use std::collections::BTreeMap;
use std::path::PathBuf;

use callboard_agents::Row;
use callboard_host::{HostKind, HostedId};

use super::areas::{Areas, gutter};
use super::edit::Line;
use super::order::Sort;
use super::query;
use crate::output::age::age_changes_in;
use crate::output::paint::Palette;
use crate::view::filter::Filter;
use crate::view::naming::shown_name;
use crate::view::state::State;
use crate::view::table::{Drawing, Host, Layout, Measure};

/// How long a session that has just begun to wait calls, in ms.
pub(super) const CALLS_FOR: u64 = 5_000;

/// Ages are drawn anew at multiples of this, in ms: those of seconds, and those that are greater.
const TOGETHER: [u64; 2] = [1_000, 15_000];

/// What stays the same about a session while it is shown.
///
/// The `nth` of the sessions of one process: an agent's server has several.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    pid: u32,
    domain: Option<Box<str>>,
    nth: usize,
}

/// A session.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: Id,
    pub(super) row: Row,
    /// The background session that it is, by its host's word.
    pub(super) hosted: Option<(HostKind, HostedId)>,
    /// Until when it calls for the eye, in ms since the epoch.
    pub(super) calls_until: Option<u64>,
}

impl Entry {
    /// What the column of hosts says. How many look at it is not told to a watch, and a number
    /// that was true a while ago is none.
    pub(super) fn host(&self) -> Host {
        let kind = self.hosted.as_ref().map_or("", |(kind, _)| kind.as_str());
        Host { kind, more: String::new() }
    }

    /// Whether it calls for the eye.
    pub(super) fn calls(&self, now: u64) -> bool {
        self.calls_until.is_some_and(|until| now < until) && self.is_waiting()
    }

    fn is_waiting(&self) -> bool {
        State::of(&self.row) == State::Waiting
    }
}

/// What the keys mean at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    /// They move and act.
    #[default]
    Table,
    /// The keys are shown.
    Help,
    /// They type a line; what it was before it was begun comes back with escape.
    Typing { line: Line, for_what: Typing, before: String },
    /// Somebody is asked whether to end this session.
    Stopping(Id),
}

/// What a line is typed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typing {
    Filter,
    /// From this one on.
    Search(Option<Id>),
    Name(Id),
}

/// What is told in the last line until the next key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) is_trouble: bool,
    /// Not sanitised.
    pub(super) text: String,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Model {
    /// Columns and lines.
    pub(super) size: (u16, u16),
    pub(super) entries: Vec<Entry>,
    /// Which of them are shown, in their order.
    pub(super) shown: Vec<usize>,
    selected: Option<Id>,
    /// How many of those that are shown are above the first line.
    pub(super) offset: usize,
    pub(super) sort: Sort,
    /// What the command line leaves in.
    always: Filter,
    /// What was typed as a filter, and what it means.
    pub(super) filter: String,
    typed: Filter,
    pub(super) search: String,
    pub(super) mode: Mode,
    pub(super) details: bool,
    /// How many lines of the facts are above the pane.
    pub(super) facts_above: usize,
    pub(super) message: Option<Message>,
    /// What cannot be read: why, and how many sessions it may hide.
    pub(super) problems: BTreeMap<PathBuf, (String, usize)>,
    /// The last lines of the selected session's log, if it has one. Not sanitised.
    pub(super) log: Vec<String>,
    pub(super) home: Option<String>,
    measure: Measure,
    /// When the sessions were taken in, in ms since the epoch; 0 before that.
    taken_in: u64,
}

impl Model {
    pub(super) fn new(size: (u16, u16), always: Filter, sort: Sort, home: Option<String>) -> Self {
        Self {
            size,
            entries: Vec::new(),
            shown: Vec::new(),
            selected: None,
            offset: 0,
            sort,
            always,
            filter: String::new(),
            typed: Filter::default(),
            search: String::new(),
            mode: Mode::Table,
            details: false,
            facts_above: 0,
            message: None,
            problems: BTreeMap::new(),
            log: Vec::new(),
            home,
            measure: Measure::new(),
            taken_in: 0,
        }
    }

    /// Takes in the sessions as they are now. What has begun to wait since the last time calls.
    pub(super) fn take_in(&mut self, rows: impl Iterator<Item = Row>, now: u64) {
        let place = self.selected_place();
        let mut before: BTreeMap<Id, Entry> =
            self.entries.drain(..).map(|entry| (entry.id.clone(), entry)).collect();
        let mut seen: BTreeMap<(u32, Option<Box<str>>), usize> = BTreeMap::new();
        for mut row in rows {
            let nth = seen.entry((row.pid, row.pid_domain.clone())).or_default();
            *nth += 1;
            let id = Id { pid: row.pid, domain: row.pid_domain.clone(), nth: *nth };
            let known = before.remove(&id);
            let waited = known.as_ref().is_some_and(Entry::is_waiting);
            let (mut hosted, mut calls_until) = (None, None);
            if let Some(known) = known {
                (hosted, calls_until) = (known.hosted, known.calls_until);
                if known.row.session_id == row.session_id {
                    row.recent = known.row.recent;
                }
            }
            let mut entry = Entry { id, row, hosted, calls_until };
            if entry.is_waiting() && !waited && self.taken_in > 0 {
                entry.calls_until = Some(now + CALLS_FOR);
            }
            self.entries.push(entry);
        }
        self.taken_in = now;
        self.arrange_around(place);
    }

    /// Filters, sorts and measures anew.
    pub(super) fn arrange(&mut self) {
        self.arrange_around(self.selected_place());
    }

    /// The same after the sessions were replaced; `place` is where the selected one stood.
    fn arrange_around(&mut self, place: Option<usize>) {
        let mut shown: Vec<usize> = (0..self.entries.len())
            .filter(|at| {
                let row = &self.entries[*at].row;
                self.always.fits(row) && self.typed.fits(row)
            })
            .collect();
        shown.sort_by(|a, b| self.sort.compare(&self.entries[*a].row, &self.entries[*b].row));
        self.shown = shown;
        // Its place is taken by the one that stands there now.
        if self.selected_place().is_none() {
            self.select(place.unwrap_or(0));
        }
        let mut measure = Measure::new();
        let drawing = self.drawing(self.taken_in);
        for entry in self.shown() {
            measure.take_in(&entry.row, &entry.host(), &drawing);
        }
        self.measure = measure;
        self.keep_in_sight();
    }

    /// What the table is drawn with.
    pub(super) fn drawing(&self, now: u64) -> Drawing<'_> {
        let palette = Palette { colours: false };
        Drawing { now, home: self.home.as_deref(), columns: None, palette }
    }

    /// How the columns are laid out.
    pub(super) fn layout(&self) -> Layout {
        let columns = self.size.0;
        self.measure.layout(Some(columns.saturating_sub(gutter(columns)).into()))
    }

    pub(super) fn areas(&self) -> Areas {
        Areas::of(self.size.1, self.details && !self.shown.is_empty(), !self.problems.is_empty())
    }

    /// The sessions that pass the filters, in their order.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Entry> {
        self.shown.iter().map(|at| &self.entries[*at])
    }

    /// Those of them that are on the screen.
    pub(super) fn in_sight(&self) -> impl Iterator<Item = &Entry> {
        self.shown().skip(self.offset).take(self.areas().rows.into())
    }

    pub(super) fn selected(&self) -> Option<&Entry> {
        self.selected_place().map(|place| &self.entries[self.shown[place]])
    }

    pub(super) fn entry(&self, id: &Id) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    pub(super) fn entry_mut(&mut self, id: &Id) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.id == *id)
    }

    /// Where the selected session stands among those that are shown.
    pub(super) fn selected_place(&self) -> Option<usize> {
        self.place_of(self.selected.as_ref()?)
    }

    /// Where a session stands among those that are shown.
    pub(super) fn place_of(&self, id: &Id) -> Option<usize> {
        self.shown().position(|entry| entry.id == *id)
    }

    /// Selects the one that stands there, or the last one.
    pub(super) fn select(&mut self, place: usize) {
        let place = place.min(self.shown.len().saturating_sub(1));
        let id = self.shown.get(place).map(|at| self.entries[*at].id.clone());
        if id != self.selected {
            self.facts_above = 0;
            self.log.clear();
        }
        self.selected = id;
        self.keep_in_sight();
    }

    /// Scrolls as little as it takes.
    pub(super) fn keep_in_sight(&mut self) {
        let rows = usize::from(self.areas().rows);
        if let Some(place) = self.selected_place() {
            self.offset = self.offset.min(place).max((place + 1).saturating_sub(rows));
        }
        self.offset = self.offset.min(self.shown.len().saturating_sub(rows));
    }

    /// Scrolls by lines; the selection stays where it can be seen.
    pub(super) fn scroll(&mut self, down: bool, lines: usize) {
        let rows = usize::from(self.areas().rows);
        let last = self.shown.len().saturating_sub(rows);
        let moved = if down { self.offset + lines } else { self.offset.saturating_sub(lines) };
        self.offset = moved.min(last);
        let place = self.selected_place().unwrap_or(0);
        self.select(place.clamp(self.offset, (self.offset + rows).saturating_sub(1)));
    }

    /// Shows only what this means.
    pub(super) fn set_filter(&mut self, text: &str) {
        self.filter = text.to_owned();
        self.typed = query::parse(text, self.home.as_deref());
        self.arrange();
    }

    /// The next session, from a place on, that is looked for.
    pub(super) fn find(&self, from: usize, backwards: bool) -> Option<usize> {
        if self.search.is_empty() {
            return None;
        }
        let (count, wanted) = (self.shown.len(), self.search.to_lowercase());
        let places = (0..count).map(|step| match backwards {
            false => (from + step) % count,
            true => (from + count - step) % count,
        });
        places.into_iter().find(|place| has(&self.entries[self.shown[*place]].row, &wanted))
    }

    /// The next session, from a place on, that waits for somebody.
    pub(super) fn waiting_after(&self, place: usize) -> Option<usize> {
        let count = self.shown.len();
        let places = (1..=count).map(|step| (place + step) % count);
        places.into_iter().find(|place| self.entries[self.shown[*place]].is_waiting())
    }

    /// Tells something, until the next key.
    pub(super) fn say(&mut self, is_trouble: bool, text: impl Into<String>) {
        self.message = Some(Message { is_trouble, text: text.into() });
    }

    /// In how many ms something on the screen is to be drawn in another way, if nothing happens.
    pub(super) fn changes_in(&self, now: u64) -> Option<u64> {
        let ages = self.in_sight().flat_map(|entry| {
            let age = entry.row.status.as_ref().and(entry.row.status_since);
            let call = entry.calls_until.filter(|until| now < *until && entry.is_waiting());
            let age = age.map(|since| redrawn_in(now, since));
            age.into_iter().chain(call.map(|until| until.next_multiple_of(TOGETHER[0]) - now))
        });
        let pane = self.selected().filter(|_| self.areas().pane.is_some()).map(|entry| {
            let Row { status_since, started_at, updated_at, ref recent, .. } = entry.row;
            let event = recent.as_deref().and_then(|recent| recent.last_event_at);
            let times = [status_since, started_at, updated_at, event];
            times.into_iter().flatten().map(|since| redrawn_in(now, since))
        });
        ages.chain(pane.into_iter().flatten()).min()
    }
}

/// In how many ms an age is drawn anew: a little late, with all others. Each of fifty rows would be
/// a reason of its own to wake up.
fn redrawn_in(now: u64, since: u64) -> u64 {
    let change = now + age_changes_in(now, since);
    let [seconds, more] = TOGETHER;
    change.next_multiple_of(if change < since + 120_000 { seconds } else { more }) - now
}

/// Whether a text in lower case is in what the table shows of a session.
fn has(row: &Row, wanted: &str) -> bool {
    let texts = [&row.waiting_for, &row.tool, &row.cwd].map(|text| text.as_deref().unwrap_or(""));
    let has = |text: &str| text.to_lowercase().contains(wanted);
    has(&shown_name(row))
        || texts.into_iter().any(has)
        || row.session_id.as_deref().is_some_and(|id| id.starts_with(wanted))
        || row.pid.to_string() == wanted
}
