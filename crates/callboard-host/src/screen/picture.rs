//! What a client of another size is shown: the part of the screen that fits, around the cursor.
//!
//! It never gets the program's own bytes, which are meant for another width: a row is drawn where
//! it stands, no further than the client is wide, and only where it has changed.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vt100::Screen;

use super::model::Model;
use super::modes::Modes;
use super::restore::LEAVE;
use crate::size::Size;

/// What a client was shown last.
#[derive(Default)]
pub(crate) struct Picture {
    shown: Option<Shown>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Picture").field("is_drawn", &self.shown.is_some()).finish()
    }
}

struct Shown {
    screen: Screen,
    modes: Modes,
    view: View,
}

/// Which part of a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct View {
    top: u16,
    rows: u16,
    columns: u16,
    client: Size,
}

impl View {
    /// As much as fits, with the cursor in it.
    fn of(screen: &Screen, client: Size) -> Self {
        let (rows, columns) = screen.size();
        let height = client.rows.min(rows.get());
        let (cursor, _) = screen.cursor_position();
        Self {
            top: (cursor + 1).saturating_sub(height),
            rows: height,
            columns: client.columns.min(columns.get()),
            client,
        }
    }
}

impl Picture {
    /// What brings a client of this size from the last picture to the present one; nothing where
    /// nothing has changed.
    pub(crate) fn draw(&mut self, model: &mut Model, client: Size) -> Vec<u8> {
        let client = client.sane();
        let shown = &mut self.shown;
        let text = model.with_screen(|screen, modes, _| {
            // The model has drawn it itself, and so may break while it is looked at.
            catch_unwind(AssertUnwindSafe(|| next(shown, screen, modes, client)))
        });
        match text {
            Some(Ok(text)) => text.into_bytes(),
            _ => {
                self.shown = None;
                Vec::new()
            }
        }
    }
}

fn next(shown: &mut Option<Shown>, screen: &Screen, modes: &Modes, client: Size) -> String {
    let view = View::of(screen, client);
    let mut text = String::new();
    let last = shown.take().filter(|last| last.view == view && last.screen.size() == screen.size());
    match &last {
        None => {
            text.push_str(&String::from_utf8_lossy(LEAVE));
            // The client's own screen is kept below it, and had back when it leaves.
            text.push_str("\x1b[?1049h\x1b[H\x1b[2J");
            push_modes(&mut text, modes);
            let rows = screen.rows_formatted(0, view.columns);
            let narrow = screen.rows_formatted(0, view.columns - 1);
            push_rows(&mut text, screen, view, rows.zip(narrow));
        }
        Some(last) => {
            if last.modes != *modes {
                text.push_str(MODES_OFF);
                push_modes(&mut text, modes);
            }
            let rows = screen.rows_diff(&last.screen, 0, view.columns);
            let narrow = screen.rows_diff(&last.screen, 0, view.columns - 1);
            push_rows(&mut text, screen, view, rows.zip(narrow));
        }
    }
    let moved = last.is_none_or(|last| last.screen.cursor_position() != screen.cursor_position());
    if moved || !text.is_empty() {
        push_cursor(&mut text, screen, view);
    }
    *shown = Some(Shown { screen: screen.clone(), modes: modes.clone(), view });
    text
}

/// Everything that `push_modes` may turn on, without a change of screens.
const MODES_OFF: &str = "\x1b[<99u\x1b[?1l\x1b[?5l\x1b[?9l\x1b[?1000l\x1b[?1002l\x1b[?1003l\
    \x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\x1b[?2004l\x1b[?2031l\x1b[?2048l\
    \x1b[?7h\x1b>\x1b[>4m\x1b[0 q\x1b(B";

fn push_modes(text: &mut String, modes: &Modes) {
    let mut bytes = Vec::new();
    modes.write(&mut bytes);
    modes.write_title(&mut bytes);
    text.push_str(&String::from_utf8_lossy(&bytes));
    // Lines are drawn as letters in a picture: they were letters in the model.
    text.push_str("\x1b(B");
}

/// Each row that has something to say, where it stands. The second of each pair is one column
/// narrower: for where the last column has only half of a wide character.
fn push_rows(
    text: &mut String,
    screen: &Screen,
    view: View,
    rows: impl Iterator<Item = (String, String)>,
) {
    let rows = rows.zip(0..).skip(usize::from(view.top)).take(usize::from(view.rows));
    for (line, ((row, narrow), at)) in (1..).zip(rows) {
        let at: u16 = at;
        let cut = screen.cell(at, view.columns - 1).is_some_and(vt100::Cell::is_wide);
        let content = if cut { narrow } else { row };
        // Writing to a string does not fail.
        if !content.is_empty() {
            _ = write!(text, "\x1b[{line};1H\x1b[m{content}");
        }
        if cut {
            _ = write!(text, "\x1b[{line};{}H\x1b[m ", view.columns);
        }
    }
}

fn push_cursor(text: &mut String, screen: &Screen, view: View) {
    let (row, column) = screen.cursor_position();
    let is_in_view = (view.top..view.top + view.rows).contains(&row) && column < view.columns;
    text.push_str("\x1b[m");
    if is_in_view && !screen.hide_cursor() {
        _ = write!(text, "\x1b[{};{}H\x1b[?25h", row - view.top + 1, column + 1);
    } else {
        text.push_str("\x1b[?25l");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::SnapshotFormat;

    /// A client's terminal, and what it was shown.
    struct Client {
        size: Size,
        terminal: Model,
        picture: Picture,
    }

    impl Client {
        fn new(columns: u16, rows: u16) -> Self {
            let size = Size { columns, rows };
            Self { size, terminal: Model::new(size), picture: Picture::default() }
        }

        fn look(&mut self, model: &mut Model) -> String {
            self.terminal.feed(&self.picture.draw(model, self.size), false);
            // Nothing was wider or longer than the client, or it would have scrolled.
            let mut scrolled = String::new();
            self.terminal.take_rows(|_, rows| scrolled.push_str(rows));
            assert_eq!(scrolled, "");
            String::from_utf8(self.terminal.snapshot(SnapshotFormat::Plain)).unwrap()
        }
    }

    fn model(bytes: &[u8]) -> Model {
        let mut model = Model::new(Size { columns: 12, rows: 6 });
        model.feed(bytes, false);
        model
    }

    #[test]
    fn a_smaller_client_sees_the_part_around_the_cursor() {
        let mut client = Client::new(5, 3);
        let mut model = model(b"0123456789\r\nsecond\r\nthird");
        assert_eq!(client.look(&mut model), "01234\nsecon\nthird\n");
        model.feed(b"\r\nfourth", false);
        assert_eq!(client.look(&mut model), "secon\nthird\nfourt\n");
        model.feed(b"\x1b[H\x1b[31mX", false);
        assert_eq!(client.look(&mut model), "X1234\nsecon\nthird\n");
    }

    #[test]
    fn a_larger_client_sees_all_and_nothing_beside_it() {
        let mut client = Client::new(30, 10);
        let mut model = model(b"012345678901wrapped\r\nx");
        assert_eq!(client.look(&mut model), "012345678901\nwrapped\nx\n");
        model.feed(b"\x1b[2J\x1b[Hy", false);
        assert_eq!(client.look(&mut model), "y\n");
    }

    #[test]
    fn half_a_wide_character_is_a_blank() {
        let mut client = Client::new(4, 2);
        let mut model = model("abc漢d".as_bytes());
        assert_eq!(client.look(&mut model).trim_end(), "abc");
        model.feed("\rxyzwvu".as_bytes(), false);
        assert_eq!(client.look(&mut model), "xyzw\n");
        model.feed("\r漢漢漢".as_bytes(), false);
        assert_eq!(client.look(&mut model), "漢漢\n");
    }

    #[test]
    fn pictures_follow_each_other_as_if_each_was_the_first() {
        let steps: &[&[u8]] = &[
            b"$ vim\r\n",
            b"\x1b[?1049h\x1b[2J\x1b[Htext\r\nmore",
            b"\x1b[2;4H\x1b[7mover",
            b"\x1b[m\x1b[3;1H\x1b[44m\x1b[K",
            b"\x1b[?1002h\x1b[?2004h\x1b[>1u",
            b"\x1b[?1049l",
            "é 漢\u{301}字\r\n".as_bytes(),
            b"a\r\nb\r\nc\r\nd\r\ne\r\nf\r\n",
        ];
        for (columns, rows) in [(5, 3), (12, 4), (7, 6), (20, 9)] {
            let (mut follower, mut model) = (Client::new(columns, rows), model(b""));
            for step in steps {
                model.feed(step, false);
                let mut newcomer = Client::new(columns, rows);
                assert_eq!(follower.look(&mut model), newcomer.look(&mut model), "{step:?}");
                let modes = |client: &mut Client| {
                    client
                        .terminal
                        .with_screen(|screen, modes, _| (modes.clone(), screen.cursor_position()))
                };
                assert_eq!(modes(&mut follower), modes(&mut newcomer), "{step:?}");
            }
        }
    }

    #[test]
    fn nothing_is_said_where_nothing_has_changed() {
        let mut client = Client::new(5, 3);
        let mut model = model(b"text");
        client.look(&mut model);
        assert_eq!(client.picture.draw(&mut model, client.size), b"");
    }
}
