//! The live table without a terminal: what keys do, and what is drawn.

mod doing;
mod drawing;

use callboard_agents::Row;
use callboard_host::{HostKind, HostedId};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use super::draw::{Look, draw};
use super::input::{Input, Key};
use super::model::{CALLS_FOR, Mode, Model};
use super::order::{Sort, SortBy};
use super::theme::{Theme, sgr};
use super::update::{Effect, KEYS};
use crate::view::filter::Filter;
use crate::view::sample::{NOW, board, recent, row};

/// A terminal of this size with these sessions.
fn of(size: (u16, u16), rows: Vec<Row>) -> Model {
    let home = Some("/home/u".to_owned());
    let mut model = Model::new(size, Filter::default(), Sort::default(), home);
    model.take_in(rows.into_iter(), NOW);
    model
}

/// The same with `nightly…` in the background.
fn with_a_hosted_one(size: (u16, u16)) -> Model {
    let mut model = of(size, board());
    let hosted = Some((HostKind::Builtin, HostedId::parse("0a1b2c3d").unwrap()));
    model.entries.iter_mut().find(|entry| entry.row.pid == 39977).unwrap().hosted = hosted;
    model.arrange();
    model
}

fn keys(model: &mut Model, text: &str) -> Vec<Effect> {
    text.chars().filter_map(|c| model.update(Input::Key(key(c)))).collect()
}

/// Keys without a character have one of these cases.
fn key(c: char) -> Key {
    match c {
        '⏎' => Key::Enter,
        '⎋' => Key::Escape,
        '↓' => Key::Down,
        '↑' => Key::Up,
        '⇟' => Key::PageDown,
        '⇞' => Key::PageUp,
        '⇱' => Key::Home,
        '⇲' => Key::End,
        '⌫' => Key::Backspace,
        c => Key::Char(c),
    }
}

fn selected(model: &Model) -> u32 {
    model.selected().map_or(0, |entry| entry.row.pid)
}

fn terminal(model: &Model, now: u64, colours: bool) -> Terminal<TestBackend> {
    let (columns, lines) = model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    let clock = |ms: u64| format!("at {}", ms / 1000 % 100_000);
    let look = Look { now, theme: Theme { colours }, clock: &clock };
    terminal.draw(|frame| draw(model, &look, frame)).unwrap();
    terminal
}

/// What is on the screen, without what follows the last character of a line.
fn screen(model: &Model, now: u64) -> String {
    let terminal = terminal(model, now, false);
    let buffer = terminal.backend().buffer();
    let line = |y: u16| {
        let mut line = String::new();
        let mut x = 0;
        while x < buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(crate::output::width::width(symbol)).unwrap().max(1);
        }
        line.trim_end().to_owned()
    };
    (0..buffer.area.height).map(line).collect::<Vec<_>>().join("\n")
}
