//! What the model reports while it is fed.

use std::fmt::{self, Write as _};

use vt100::capture::{BasicFormattedCaptureState, RowContents};
use vt100::{Callbacks, Screen};

use super::answers::{Facts, Question, answer, colour_question, question};
use super::modes::{Modes, Tracked};

/// Hears what the model does not keep itself.
#[derive(Debug, Default)]
pub(super) struct Witness {
    pub(super) tracked: Tracked,
    /// Whether there is nobody else to answer.
    pub(super) answering: bool,
    pub(super) answers: Vec<u8>,
    /// Rows that have left, as they go to the log.
    pub(super) rows: String,
    /// The number of the line that these begin with, or go on with.
    pub(super) first_line: u64,
    /// How many lines have left for good: a wrapped line leaves with its last row.
    pub(super) lines: u64,
    /// Whether the rows that leave now are among these already.
    pub(super) is_told: bool,
}

impl Witness {
    fn ask(&mut self, screen: &Screen, question: Question) {
        if !self.answering {
            return;
        }
        let modes = Modes::of(screen, &self.tracked);
        let (rows, columns) = screen.size();
        let private_mode = match question {
            Question::PrivateMode(mode) => modes.private_mode(mode),
            _ => None,
        };
        let facts = Facts {
            cursor: screen.cursor_position(),
            rows: rows.get(),
            columns: columns.get(),
            keyboard: modes.keyboard_flags(),
            private_mode,
        };
        self.answers.extend(answer(question, &facts).as_bytes());
    }

    /// Takes so many lines as having left: text and colours, each with `\r\n` at its end.
    pub(super) fn leave(&mut self, lines: &[u8], count: u64) {
        self.rows.reserve(lines.len());
        for part in lines.split(|byte| *byte == b'\r') {
            self.rows.push_str(&String::from_utf8_lossy(part));
        }
        self.lines += count;
    }

    fn keyboard(&mut self, screen: &Screen, how: u8, parameters: &[&[u16]]) {
        let number = |at: usize| parameters.get(at).and_then(|p| p.first()).copied().unwrap_or(0);
        let keyboard = self.tracked.keyboard(screen.alternate_screen());
        match how {
            b'>' => keyboard.push(number(0)),
            b'<' => keyboard.pop(number(0)),
            b'=' => keyboard.set(number(0), number(1)),
            _ => {}
        }
    }
}

impl Callbacks for Witness {
    fn set_window_title(&mut self, _: &mut Screen, title: &[u8]) {
        self.tracked.set_title(title);
    }

    fn unhandled_escape(&mut self, _: &mut Screen, first: Option<u8>, _: Option<u8>, last: u8) {
        if first == Some(b'(') {
            self.tracked.set_line_drawing(last == b'0');
        }
    }

    fn unhandled_csi(
        &mut self,
        screen: &mut Screen,
        first: Option<u8>,
        second: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        match (first, second, last) {
            // Called once for each that the model does not know, with all of them.
            (Some(b'?'), None, 'h' | 'l') => {
                for number in parameters.iter().filter_map(|p| p.first()) {
                    self.tracked.private_mode(*number, last == 'h');
                }
            }
            (Some(b'>'), None, 'm') if matches!(parameters.first(), Some([4])) => {
                let value = parameters.get(1).and_then(|p| p.first()).copied();
                self.tracked.modify_other_keys(value);
            }
            // XTMODKEYS in its second form: off.
            (Some(b'>'), None, 'n') if matches!(parameters.first(), Some([4])) => {
                self.tracked.modify_other_keys(None);
            }
            (Some(how @ (b'>' | b'<' | b'=')), None, 'u') => {
                self.keyboard(screen, how, parameters);
            }
            (Some(b'!'), None, 'p') => self.tracked.reset(),
            _ => {
                if let Some(question) = question((first, second), parameters, last) {
                    self.ask(screen, question);
                }
            }
        }
    }

    fn unhandled_osc(&mut self, screen: &mut Screen, parameters: &[&[u8]]) {
        if let Some(question) = colour_question(parameters) {
            self.ask(screen, question);
        }
    }

    fn on_scroll(&mut self, row: RowContents<'_>, alternate: bool) {
        if alternate || self.is_told {
            return;
        }
        // Each row from no attributes to none, so that a log can be cut anywhere.
        let mut state = BasicFormattedCaptureState::new();
        let start = self.rows.len();
        // Writing to a string does not fail.
        _ = row.write_formatted_basic(&mut self.rows, &mut state);
        if self.rows[start..].contains('\x1b') {
            self.rows.push_str("\x1b[m");
        }
        // Written once more, it begins with a line end if it is the last of its line.
        let mut first = First(None);
        _ = row.write_formatted_basic(&mut first, &mut state);
        if first.0 == Some('\n') {
            self.lines += 1;
            self.rows.push('\n');
        }
    }
}

/// Takes one character, and then no more.
struct First(Option<char>);

impl fmt::Write for First {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = text.chars().next();
        Err(fmt::Error)
    }
}

/// Whatever is left on a screen, for the log: without the blank lines at its end.
pub(super) fn remaining(screen: &Screen) -> String {
    let mut lines = super::lines::split(&screen.contents_formatted_basic());
    while lines.last().is_some_and(|line| super::lines::is_blank(line)) {
        lines.pop();
    }
    let mut text = String::new();
    for line in lines {
        _ = writeln!(text, "{}", line.trim_end_matches(' '));
    }
    text
}
