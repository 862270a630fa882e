//! The details of one session: what `show` says of it, and the end of its log. Pure.
//!
//! Of a conversation there is what it does, never what is said in it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw::{Look, put};
use super::model::{Entry, Model};
use crate::output::paint::Paint;
use crate::output::sanitize::sanitize;
use crate::output::width::{Keep, cut, width};
use crate::view::detail::facts;
use crate::view::naming::shown_name;

/// From so many columns on, the log stands beside the facts.
const WIDE: u16 = 120;

/// The columns of the keys of facts, with the space after them.
const KEY: usize = 15;

/// Draws the pane into these lines.
pub(super) fn draw(model: &Model, look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    let Some(entry) = model.selected() else { return };
    let area = area.intersection(buffer.area);
    if area.height == 0 {
        return;
    }
    rule(look, buffer, area, &shown_name(&entry.row));
    let below = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let lines = lines(model, entry, look, below);
    let fits = match entry.hosted {
        None => below.height,
        Some(_) if below.width >= WIDE => below.height,
        Some(_) => below.height.min(u16::try_from(lines.len()).unwrap_or(0)).min(below.height / 2),
    };
    let above = model.facts_above.min(lines.len().saturating_sub(fits.into()));
    for (line, y) in lines.iter().skip(above).zip(below.y..below.y + fits) {
        put(buffer, below.x, y, line);
    }
    if entry.hosted.is_none() {
        return;
    }
    let log = if below.width >= WIDE {
        let x = below.x + below.width / 2;
        Rect { x, width: below.width - below.width / 2, ..below }
    } else {
        rule(look, buffer, Rect { y: below.y + fits, ..below }, "log");
        let used = fits + 1;
        Rect { y: below.y + used, height: below.height.saturating_sub(used), ..below }
    };
    self::log(model, look, buffer, log);
}

/// A line with a word in it.
fn rule(look: &Look<'_>, buffer: &mut Buffer, area: Rect, word: &str) {
    let word = sanitize(word);
    let word = cut(&word, usize::from(area.width).saturating_sub(6), Keep::Beginning);
    let rest = usize::from(area.width).saturating_sub(width(&word) + 4);
    let spans = vec![
        look.span(Paint::Dim, "── "),
        look.span(Paint::Strong, &word),
        look.span(Paint::Dim, &format!(" {}", "─".repeat(rest))),
    ];
    put(buffer, area.x, area.y, &Line::from(spans));
}

/// The facts, one on a line.
fn lines(model: &Model, entry: &Entry, look: &Look<'_>, area: Rect) -> Vec<Line<'static>> {
    let wide = area.width >= WIDE && entry.hosted.is_some();
    let columns = usize::from(if wide { area.width / 2 } else { area.width });
    let room = columns.saturating_sub(KEY + 1);
    let mut facts = facts(&entry.row, &model.drawing(look.now), look.clock);
    if let Some((kind, id)) = &entry.hosted {
        facts.push(("host", format!("{kind}, id {id}")));
    }
    let line = |(key, text): (&str, String)| {
        let text = sanitize(&text);
        Line::from(vec![
            look.span(Paint::Dim, &format!("  {key:<12} ")),
            Span::raw(cut(&text, room, Keep::Beginning).into_owned()),
        ])
    };
    facts.into_iter().map(line).collect()
}

/// The last lines of the log.
fn log(model: &Model, look: &Look<'_>, buffer: &mut Buffer, area: Rect) {
    if area.height == 0 {
        return;
    }
    let first = model.log.len().saturating_sub(area.height.into());
    if model.log.is_empty() {
        put(buffer, area.x, area.y, &Line::from(look.span(Paint::Dim, "nothing yet")));
    }
    for (text, y) in model.log[first..].iter().zip(area.y..area.y + area.height) {
        let text = sanitize(text);
        let text = cut(&text, area.width.into(), Keep::Beginning).into_owned();
        put(buffer, area.x, y, &Line::from(Span::raw(text)));
    }
}
