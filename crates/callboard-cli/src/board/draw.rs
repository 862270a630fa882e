//! The model as cells. Pure: what reaches them is sanitised here or in the view that is shared with
//! `ps`.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};

use super::areas::gutter;
use super::model::{Entry, Mode, Model, Typing};
use super::pane;
use super::theme::Theme;
use super::update::KEYS;
use crate::commands::ps::nobody;
use crate::output::paint::Paint;
use crate::output::sanitize::sanitize;
use crate::output::width::{Keep, cut, width};
use crate::view::naming::shown_name;
use crate::view::summary;
use crate::view::table::Layout;

/// What the model is drawn with.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// Now, in ms since the epoch.
    pub(super) now: u64,
    pub(super) theme: Theme,
    /// A time (ms since the epoch) as the clock on the wall shows it.
    pub(super) clock: &'a dyn Fn(u64) -> String,
}

impl Look<'_> {
    pub(super) fn span(&self, paint: Paint, text: &str) -> Span<'static> {
        Span::styled(text.to_owned(), self.theme.style(paint))
    }
}

/// Draws everything.
pub(super) fn draw(model: &Model, look: &Look<'_>, frame: &mut Frame<'_>) {
    let area = frame.area();
    let areas = model.areas();
    let buffer = frame.buffer_mut();
    if let Some(y) = areas.top {
        top(model, look, buffer, y);
    }
    if model.mode == Mode::Help {
        help(look, buffer, area, areas.headings.unwrap_or(areas.first));
    } else if model.shown.is_empty() {
        nothing(model, look, buffer, area, areas.first);
    } else {
        table(model, look, buffer);
        if let Some((y, lines)) = areas.pane {
            pane::draw(model, look, buffer, Rect::new(0, y, area.width, lines));
        }
    }
    if let Some(y) = areas.problem {
        problem(model, look, buffer, y);
    }
    if let Some(y) = areas.foot
        && let Some(x) = foot(model, look, buffer, y)
    {
        frame.set_cursor_position(Position { x, y });
    }
}

/// Puts a line where it has room, and returns where it ends.
pub(super) fn put(buffer: &mut Buffer, x: u16, y: u16, line: &Line<'_>) -> u16 {
    let room = buffer.area.width.saturating_sub(x);
    if y < buffer.area.height { buffer.set_line(x, y, line, room).0 } else { x }
}

/// Who is on, and in which order; what is left out.
fn top(model: &Model, look: &Look<'_>, buffer: &mut Buffer, y: u16) {
    let unreadable = model.problems.values().map(|(_, hidden)| hidden).sum();
    let columns = Some(buffer.area.width.into());
    let parts = summary::parts(model.shown().map(|entry| &entry.row), unreadable, columns);
    let mut spans: Vec<_> = parts.iter().map(|(paint, text)| look.span(*paint, text)).collect();
    let (shown, all) = (model.shown.len(), model.entries.len());
    if shown < all {
        spans.push(look.span(Paint::Dim, &format!("  ({shown} of {all} shown)")));
    }
    let end = put(buffer, 0, y, &Line::from(spans));
    let mut right = format!("by {}", model.sort.words());
    if !model.filter.is_empty() {
        right = format!("filter {}  {right}", sanitize(&model.filter));
    }
    let room = usize::from(buffer.area.width.saturating_sub(end + 2));
    let right = cut(&right, room, Keep::Beginning);
    if width(&right) >= 4 {
        let x = buffer.area.width.saturating_sub(u16::try_from(width(&right)).unwrap_or(u16::MAX));
        put(buffer, x, y, &Line::from(look.span(Paint::Dim, &right)));
    }
}

fn table(model: &Model, look: &Look<'_>, buffer: &mut Buffer) {
    let areas = model.areas();
    let layout = model.layout();
    if let Some(y) = areas.headings {
        let mut spans = Vec::new();
        let sorted = model.sort.by.word();
        layout.headings(&mut |paint, text| {
            let mut span = look.span(paint, text);
            if text.eq_ignore_ascii_case(sorted) {
                span.style = Style::new().add_modifier(Modifier::BOLD | Modifier::UNDERLINED);
            }
            spans.push(span);
        });
        put(buffer, gutter(buffer.area.width), y, &Line::from(spans));
    }
    let selected = model.selected().map(|entry| &entry.id);
    for (entry, y) in model.in_sight().zip(areas.first..) {
        row(model, look, buffer, y, (entry, &layout));
        if Some(&entry.id) == selected {
            if buffer.cell((0, y)).is_some_and(|cell| cell.symbol() == " ") {
                buffer.set_string(0, y, ">", Style::new());
            }
            let line = Rect::new(0, y, buffer.area.width, 1).intersection(buffer.area);
            buffer.set_style(line, Style::new().add_modifier(Modifier::REVERSED));
        }
    }
}

/// One session. What has just begun to wait has a mark and its status in reverse.
fn row(
    model: &Model,
    look: &Look<'_>,
    buffer: &mut Buffer,
    y: u16,
    (entry, layout): (&Entry, &Layout),
) {
    let calls = entry.calls(look.now);
    let gutter = gutter(buffer.area.width);
    let mut spans = Vec::new();
    layout.row(&entry.row, &entry.host(), &model.drawing(look.now), &mut |paint, text| {
        let mut span = look.span(paint, text);
        if calls && paint == Paint::Calling {
            span.style = span.style.add_modifier(Modifier::REVERSED);
        }
        spans.push(span);
    });
    put(buffer, gutter, y, &Line::from(spans));
    if calls {
        put(buffer, gutter - 1, y, &Line::from(look.span(Paint::Calling, "!")));
    }
}

/// What to do where nobody is shown.
fn nothing(model: &Model, look: &Look<'_>, buffer: &mut Buffer, area: Rect, y: u16) {
    let all = model.entries.len();
    let text = match (all, model.filter.is_empty()) {
        (0, _) => nobody(Some(area.width.into())).to_owned(),
        (_, true) => {
            format!("no session fits the filters of the command line; without them: {all}")
        }
        (_, false) => format!("no session fits; esc shows all {all} again"),
    };
    let end = model.areas().foot.unwrap_or(area.height);
    for (line, y) in text.lines().zip(y..end) {
        put(buffer, 0, y, &Line::from(look.span(Paint::Plain, line)));
    }
}

fn help(look: &Look<'_>, buffer: &mut Buffer, area: Rect, y: u16) {
    let end = area.height.saturating_sub(1);
    for ((keys, what, _), y) in KEYS.iter().zip(y..end) {
        let key = look.span(Paint::Strong, &format!("  {keys:<8}"));
        put(buffer, 0, y, &Line::from(vec![key, look.span(Paint::Plain, what)]));
    }
}

fn problem(model: &Model, look: &Look<'_>, buffer: &mut Buffer, y: u16) {
    let Some((path, (reason, _))) = model.problems.iter().next() else { return };
    let more = match model.problems.len() - 1 {
        0 => String::new(),
        more => format!(" (and {more} more: callboard ps)"),
    };
    let room = usize::from(buffer.area.width).saturating_sub(width(&more) + 2);
    let text = format!("{}: {}", sanitize(&path.to_string_lossy()), sanitize(reason));
    // The reason and the file's name are at its end.
    let text = format!("! {}{more}", cut(&text, room, Keep::End));
    put(buffer, 0, y, &Line::from(look.span(Paint::Wrong, &text)));
}

/// The last line; where the cursor is in it, if somebody types there.
fn foot(model: &Model, look: &Look<'_>, buffer: &mut Buffer, y: u16) -> Option<u16> {
    let columns = usize::from(buffer.area.width);
    match &model.mode {
        Mode::Typing { line, for_what, .. } => {
            let asks = match for_what {
                Typing::Filter => "filter: ",
                Typing::Search(_) => "search: ",
                Typing::Name(_) => "new name: ",
            };
            let (text, cursor) = line.shown(columns.saturating_sub(asks.len()));
            let spans = vec![look.span(Paint::Strong, asks), Span::raw(text)];
            put(buffer, 0, y, &Line::from(spans));
            return u16::try_from(asks.len() + cursor).ok().filter(|x| *x < buffer.area.width);
        }
        Mode::Stopping(id) => {
            let name = model.entry(id).map(|entry| shown_name(&entry.row).into_owned());
            let name = name.unwrap_or_default();
            let end = " with everything it has started? y/n";
            let room = columns.saturating_sub("end ".len() + end.len());
            let text = format!("end {}{end}", cut(&sanitize(&name), room, Keep::Beginning));
            put(buffer, 0, y, &Line::from(look.span(Paint::Strong, &text)));
        }
        Mode::Help => {
            put(buffer, 0, y, &Line::from(look.span(Paint::Dim, "any key goes back")));
        }
        Mode::Table => match &model.message {
            Some(message) => {
                let paint = if message.is_trouble { Paint::Wrong } else { Paint::Strong };
                let text = sanitize(&message.text);
                let text = cut(&text, columns, Keep::Beginning);
                put(buffer, 0, y, &Line::from(look.span(paint, &text)));
            }
            None => hints(look, buffer, y),
        },
    }
    None
}

/// As many keys as there is room for.
fn hints(look: &Look<'_>, buffer: &mut Buffer, y: u16) {
    let mut x = 0;
    for (key, _, word) in KEYS {
        let Some(word) = word else { continue };
        let wide = u16::try_from(width(key) + 1 + width(word)).unwrap_or(u16::MAX);
        if x + wide > buffer.area.width {
            return;
        }
        let spans = vec![look.span(Paint::Strong, key), look.span(Paint::Dim, &format!(" {word}"))];
        x = put(buffer, x, y, &Line::from(spans)) + 2;
    }
}
