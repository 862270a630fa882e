//! What a key, a click or a paste changes, and what is to be done then. Pure.

use super::areas::gutter;
use super::input::{Input, Key};
use super::model::{Id, Mode, Model, Typing};
use super::order::SortBy;
use crate::view::naming::{given_name, shown_name};

/// How many lines a step of the wheel scrolls.
const WHEEL: usize = 3;

/// What the outside is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Quit,
    /// Give the terminal back to the shell, until it continues us.
    Suspend,
    /// Draw every cell again: something else wrote over them.
    Repaint,
    Attach(Id),
    Stop(Id),
    Rename(Id, String),
    /// Show the terminal that the session is in.
    Go(Id),
}

/// The keys of the table: what is pressed, what is told of it, and its one word in the last line,
/// where it has a place there.
pub(super) const KEYS: &[(&str, &str, Option<&str>)] = &[
    ("q", "quit; ctrl-c does too", Some("quit")),
    ("?", "these keys", Some("keys")),
    (
        "enter",
        "details of the selected session, its log or what its conversation does",
        Some("details"),
    ),
    (
        "a",
        "attach to it, if it runs in the background; it says which key comes back",
        Some("attach"),
    ),
    ("t", "go to the tmux pane that it is in, or say where it is", Some("terminal")),
    ("x", "end it, if it runs in the background; asks first", Some("stop")),
    ("r", "give it another name", Some("rename")),
    ("w", "select the next one that waits", Some("next waiting")),
    (
        "f",
        "show only some: status:busy,idle tool:claude kind:bg dir:~/src part of the name",
        Some("filter"),
    ),
    ("/", "look for a text; n and N: the next, the one before", Some("search")),
    ("s", "sort by the next column, S the other way round; or click on a heading", Some("sort")),
    ("↑ ↓", "select; also k and j, page up and down, home and end, the wheel", None),
    ("K J", "scroll the details", None),
    ("esc", "leave the details, then the filter", None),
    ("ctrl-l", "draw everything again", None),
    ("ctrl-z", "back to the shell; fg comes back", None),
];

impl Model {
    /// Takes in what somebody did.
    pub(super) fn update(&mut self, input: Input) -> Option<Effect> {
        let key = match input {
            Input::Key(Key::Ctrl('c')) => return Some(Effect::Quit),
            Input::Key(Key::Ctrl('z')) => return Some(Effect::Suspend),
            Input::Key(Key::Ctrl('l')) => return Some(Effect::Repaint),
            Input::Key(key) => key,
            Input::Paste(text) => {
                self.paste(&text);
                return None;
            }
            Input::Click { x, y } => {
                self.click(x, y);
                return None;
            }
            Input::Wheel { down } => {
                self.scroll(down, WHEEL);
                return None;
            }
        };
        self.message = None;
        match std::mem::take(&mut self.mode) {
            Mode::Table => self.key(key),
            // Whatever it is, it is read.
            Mode::Help => None,
            Mode::Stopping(id) => {
                (key == Key::Char('y') || key == Key::Char('Y')).then_some(Effect::Stop(id))
            }
            Mode::Typing { mut line, for_what, before } => match key {
                Key::Enter => self.typed(line.text(), for_what),
                Key::Escape => {
                    self.typing(&before, &for_what);
                    if let Typing::Search(Some(from)) = &for_what
                        && let Some(place) = self.place_of(from)
                    {
                        self.select(place);
                    }
                    None
                }
                key => {
                    line.key(key);
                    self.typing(line.text(), &for_what);
                    self.mode = Mode::Typing { line, for_what, before };
                    None
                }
            },
        }
    }

    fn key(&mut self, key: Key) -> Option<Effect> {
        let place = self.selected_place().unwrap_or(0);
        let page = usize::from(self.areas().rows).max(2) - 1;
        match key {
            Key::Char('q') => return Some(Effect::Quit),
            Key::Char('?') => self.mode = Mode::Help,
            Key::Up | Key::Char('k') => self.select(place.saturating_sub(1)),
            Key::Down | Key::Char('j') => self.select(place + 1),
            Key::PageUp => self.select(place.saturating_sub(page)),
            Key::PageDown => self.select(place + page),
            Key::Home | Key::Char('g') => self.select(0),
            Key::End | Key::Char('G') => self.select(usize::MAX),
            Key::Char('K') => self.facts_above = self.facts_above.saturating_sub(1),
            Key::Char('J') => self.facts_above += 1,
            Key::Enter | Key::Char('d') => self.show_details(!self.details),
            Key::Escape if self.details => self.show_details(false),
            Key::Escape if !self.filter.is_empty() => self.set_filter(""),
            Key::Char('w') => match self.waiting_after(place) {
                Some(place) => self.select(place),
                None => self.say(false, "nobody waits"),
            },
            Key::Char('s') => {
                self.sort.by = self.sort.by.next();
                self.sort.reversed = false;
                self.arrange();
            }
            Key::Char('S') => {
                self.sort.reversed = !self.sort.reversed;
                self.arrange();
            }
            Key::Char('f') => self.begin(Typing::Filter, &self.filter.clone()),
            Key::Char('/') => {
                let from = self.selected().map(|entry| entry.id.clone());
                self.begin(Typing::Search(from), "");
            }
            Key::Char('n') => self.search_on(false),
            Key::Char('N') => self.search_on(true),
            Key::Char(c @ ('a' | 't' | 'x' | 'r')) => return self.act(c),
            _ => {}
        }
        None
    }

    /// What is done to the selected session.
    fn act(&mut self, key: char) -> Option<Effect> {
        let Some(entry) = self.selected() else {
            self.say(false, "nobody is selected");
            return None;
        };
        let (id, is_hosted) = (entry.id.clone(), entry.hosted.is_some());
        let name = shown_name(&entry.row).into_owned();
        let given = given_name(&entry.row).unwrap_or_default().to_owned();
        match key {
            't' if is_hosted => {
                self.say(false, format!("`{name}` runs in the background: a attaches to it"));
            }
            't' => return Some(Effect::Go(id)),
            'r' => self.begin(Typing::Name(id), &given),
            'a' if is_hosted => return Some(Effect::Attach(id)),
            'x' if is_hosted => self.mode = Mode::Stopping(id),
            'a' => self.say(
                true,
                format!("`{name}` has a terminal of its own, and no host in the background; t goes there"),
            ),
            _ => self.say(
                true,
                format!("`{name}` has a terminal of its own: end it there; t goes there"),
            ),
        }
        None
    }

    fn show_details(&mut self, shown: bool) {
        self.details = shown;
        self.facts_above = 0;
        self.log.clear();
        self.keep_in_sight();
    }

    fn begin(&mut self, for_what: Typing, text: &str) {
        let before = match for_what {
            Typing::Search(_) => self.search.clone(),
            _ => text.to_owned(),
        };
        self.mode = Mode::Typing { line: super::edit::Line::of(text), for_what, before };
    }

    /// Shows what a line would do while it is typed.
    fn typing(&mut self, text: &str, for_what: &Typing) {
        match for_what {
            Typing::Filter => self.set_filter(text),
            Typing::Search(from) => {
                self.search = text.to_owned();
                // Each character may lead elsewhere, and one too many back.
                let from = from.as_ref().and_then(|id| self.place_of(id)).unwrap_or(0);
                self.select(self.find(from, false).unwrap_or(from));
            }
            Typing::Name(_) => {}
        }
    }

    fn typed(&mut self, text: &str, for_what: Typing) -> Option<Effect> {
        self.typing(text, &for_what);
        match for_what {
            Typing::Name(id) => return Some(Effect::Rename(id, text.to_owned())),
            Typing::Search(_) if !text.is_empty() && self.find(0, false).is_none() => {
                self.say(false, format!("`{text}` is nowhere"));
            }
            _ => {}
        }
        None
    }

    fn search_on(&mut self, backwards: bool) {
        let count = self.shown.len().max(1);
        let place = self.selected_place().unwrap_or(0);
        let from = if backwards { place + count - 1 } else { place + 1 } % count;
        match self.find(from, backwards) {
            Some(place) => self.select(place),
            None if self.search.is_empty() => self.say(false, "look for what? / asks"),
            None => self.say(false, format!("`{}` is nowhere", self.search)),
        }
    }

    fn paste(&mut self, text: &str) {
        // Elsewhere each of its characters would be a command.
        if let Mode::Typing { mut line, for_what, before } = self.mode.clone() {
            line.insert(text);
            self.typing(line.text(), &for_what);
            self.mode = Mode::Typing { line, for_what, before };
        }
    }

    fn click(&mut self, x: u16, y: u16) {
        if self.mode != Mode::Table {
            return;
        }
        let areas = self.areas();
        let x = usize::from(x.saturating_sub(gutter(self.size.0)));
        if let Some(row) = areas.row_at(y) {
            let place = self.offset + usize::from(row);
            if place < self.shown.len() {
                self.select(place);
            }
        } else if areas.headings == Some(y)
            && let Some(by) = self.layout().heading_at(x).and_then(SortBy::of_heading)
        {
            self.sort = self.sort.clicked(by);
            self.arrange();
        }
    }
}
