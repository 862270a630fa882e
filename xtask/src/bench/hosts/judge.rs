//! A terminal that answers nothing, and what state it is in after what it was sent.

use vt100::{Callbacks, Color, CursorStyle, MouseProtocolEncoding, MouseProtocolMode, Screen};

use super::terminal::{COLUMNS, ROWS};

/// A terminal.
pub(super) struct Judge {
    parser: vt100::Parser<Extra>,
}

/// What the model has no name for.
#[derive(Default)]
struct Extra {
    focus: bool,
    keyboard: Vec<u16>,
    other_keys: bool,
    title: Vec<u8>,
}

/// One of the thirteen things that a terminal has to be told.
pub(super) struct Mode {
    pub(super) what: &'static str,
    pub(super) is_on: fn(&Judge) -> bool,
    /// Whether it has to be off when the client has gone.
    pub(super) is_undone: bool,
}

pub(super) const MODES: [Mode; 13] = [
    mode("text", |j| j.screen().contents().contains("coloured"), false),
    mode("alternate screen", |j| j.screen().alternate_screen(), true),
    mode("bracketed paste", |j| j.screen().bracketed_paste(), true),
    mode("focus events", |j| j.extra().focus, true),
    mode("mouse", |j| j.screen().mouse_protocol_mode() != MouseProtocolMode::None, true),
    mode(
        "mouse in SGR form",
        |j| j.screen().mouse_protocol_encoding() == MouseProtocolEncoding::Sgr,
        true,
    ),
    mode("hidden cursor", |j| j.screen().hide_cursor(), true),
    mode("application cursor keys", |j| j.screen().application_cursor(), true),
    mode("kitty keyboard", |j| j.extra().keyboard.last().is_some_and(|flags| *flags != 0), true),
    mode("modifyOtherKeys", |j| j.extra().other_keys, true),
    mode("cursor style", |j| j.screen().cursor_style() == CursorStyle::SteadyUnderline, true),
    mode("title", |j| j.extra().title == b"a title", false),
    mode("true colour", is_in_true_colour, false),
];

const fn mode(what: &'static str, is_on: fn(&Judge) -> bool, is_undone: bool) -> Mode {
    Mode { what, is_on, is_undone }
}

/// The state after these bytes.
pub(super) fn look(bytes: &[u8]) -> Judge {
    let cells = |n: u16| std::num::NonZeroU16::new(n).unwrap_or(std::num::NonZeroU16::MIN);
    let (rows, columns) = (cells(ROWS), cells(COLUMNS));
    let mut parser = vt100::Parser::new_with_callbacks(rows, columns, 0, Extra::default());
    parser.process(bytes);
    Judge { parser }
}

impl Judge {
    fn screen(&self) -> &Screen {
        self.parser.screen()
    }

    fn extra(&self) -> &Extra {
        self.parser.callbacks()
    }

    /// How many rows show something.
    pub(super) fn shown_rows(&self) -> usize {
        self.screen().rows(0, COLUMNS).filter(|row| !row.trim().is_empty()).count()
    }
}

fn is_in_true_colour(judge: &Judge) -> bool {
    let cells = (0..ROWS).flat_map(|row| (0..COLUMNS).map(move |column| (row, column)));
    cells
        .filter_map(|(row, column)| judge.screen().cell(row, column))
        .any(|cell| cell.contents() == "c" && cell.fgcolor() == Color::Rgb(10, 20, 30))
}

impl Callbacks for Extra {
    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        self.title = title.to_owned();
    }

    fn unhandled_csi(
        &mut self,
        _: &mut Screen,
        first: Option<u8>,
        second: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        let number = |at: usize| parameters.get(at).and_then(|p| p.first()).copied().unwrap_or(0);
        match (first, second, last) {
            // Called once for each that the model does not know, with all of them.
            (Some(b'?'), None, 'h' | 'l')
                if parameters.iter().any(|mode| mode.first() == Some(&1004)) =>
            {
                self.focus = last == 'h';
            }
            (Some(b'>'), None, 'm') if number(0) == 4 => self.other_keys = number(1) != 0,
            (Some(b'>'), None, 'n') if number(0) == 4 => self.other_keys = false,
            (Some(b'>'), None, 'u') => self.keyboard.push(number(0)),
            (Some(b'='), None, 'u') => {
                self.keyboard.pop();
                self.keyboard.push(number(0));
            }
            (Some(b'<'), None, 'u') => {
                let kept = self.keyboard.len().saturating_sub(usize::from(number(0).max(1)));
                self.keyboard.truncate(kept);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::program;
    use super::*;

    #[test]
    fn thirteen_modes_are_seen_and_seen_to_go() {
        let off = "\x1b[?1049l\x1b[?2004l\x1b[?1004l\x1b[?1002l\x1b[?1006l\x1b[?25h\x1b[?1l\x1b[<99u\x1b[>4m\x1b[0 q";
        let on = look(program::MODES.as_bytes());
        let seen: Vec<&str> = MODES.iter().filter(|m| (m.is_on)(&on)).map(|m| m.what).collect();
        assert_eq!(seen.len(), 13, "{seen:?}");
        let none = look(b"coloured");
        assert_eq!(MODES.iter().filter(|m| (m.is_on)(&none)).count(), 1, "the text");
        let undone = look(format!("{}{off}", program::MODES).as_bytes());
        for mode in MODES.iter().filter(|mode| mode.is_undone) {
            assert!(!(mode.is_on)(&undone), "{}", mode.what);
        }
    }
}
