//! Everything of a screen, for a terminal of the same size, and the way back.

use std::io::Write as _;

use super::model::Model;

/// Turns off everything that a program may have turned on, and shows the main screen. Nothing in
/// it depends on what was on: it is sent by who leaves, who may know nothing of the session.
pub(crate) const LEAVE: &[u8] = b"\
    \x1b[<99u\
    \x1b[?1049l\
    \x1b[<99u\
    \x1b[!p\
    \x1b[r\
    \x1b[?1l\x1b[?5l\x1b[?9l\
    \x1b[?1000l\x1b[?1001l\x1b[?1002l\x1b[?1003l\x1b[?1004l\
    \x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?1016l\
    \x1b[?2004l\x1b[?2031l\x1b[?2048l\
    \x1b[?7h\x1b[?25h\
    \x1b>\
    \x1b[>4m\
    \x1b[0 q\
    \x1b(B\x0f\
    \x1b[m";

/// Keeps the title of the window, to be had back with `CSI 23 ; 0 t`.
pub(crate) const PUSH_TITLE: &[u8] = b"\x1b[22;0t";

impl Model {
    /// What makes a terminal of the same size look and behave like this one, whatever it was
    /// before.
    pub(super) fn restore(&mut self) -> Vec<u8> {
        let mut to = LEAVE.to_vec();
        let main = self.with_main(|screen, _| screen.contents_formatted()).unwrap_or_default();
        let size = self.size();
        let written = self.with_screen(|screen, modes, margins| {
            if screen.alternate_screen() {
                to.extend(main.as_bytes());
                modes.write_other_keyboard(&mut to);
                to.extend(b"\x1b[?1049h");
                to.extend(screen.contents_formatted().as_bytes());
            } else {
                if modes.has_other_keyboard() {
                    to.extend(b"\x1b[?1049h");
                    modes.write_other_keyboard(&mut to);
                    to.extend(b"\x1b[?1049l");
                }
                to.extend(main.as_bytes());
            }
            if let Some((top, bottom)) = margins {
                let bottom = if bottom == 0 { size.rows } else { bottom };
                let (row, column) = screen.cursor_position();
                let (row, column) = (row + 1, column.min(size.columns - 1) + 1);
                // Setting them moves the cursor. Writing to a vector does not fail.
                _ = write!(to, "\x1b[{top};{bottom}r\x1b[{row};{column}H");
            }
            modes.write(&mut to);
            modes.write_title(&mut to);
        });
        _ = written;
        to
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::size::Size;

    const SIZE: Size = Size { columns: 30, rows: 6 };

    fn fed(bytes: &[u8]) -> Model {
        let mut model = Model::new(SIZE);
        model.feed(bytes, false);
        model
    }

    /// What a terminal that has been shown a restored screen is like.
    fn restored(bytes: &[u8], before: &[u8]) -> Model {
        let mut terminal = fed(before);
        terminal.feed(&fed(bytes).restore(), false);
        terminal
    }

    fn seen(model: &mut Model) -> (String, String, (u16, u16), super::super::modes::Modes) {
        let main = model.with_main(|screen, _| screen.contents_formatted()).unwrap();
        let shown = model.with_screen(|screen, modes, _| {
            (screen.contents_formatted(), screen.cursor_position(), modes.clone())
        });
        let (shown, cursor, modes) = shown.unwrap();
        (main, shown, cursor, modes)
    }

    #[test]
    fn a_restored_terminal_is_like_the_one_it_was_taken_of() {
        let cases: &[&[u8]] = &[
            b"",
            b"$ ls\r\na  b\r\n$ ",
            b"\x1b[31;1mred\x1b[48;2;1;2;3m true colour",
            b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "wide 漢字 and 🎭".as_bytes(),
            b"main\x1b[?1049h\x1b[2;2Halternate\x1b[?25l",
            b"\x1b[?1h\x1b=\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?1004h",
            b"\x1b[>1u\x1b[?1049h\x1b[>5u\x1b[>7u",
            b"\x1b[?1049h\x1b[>5u\x1b[?1049l\x1b[=3;1u",
            b"\x1b[>4;2m\x1b[4 q\x1b]0;a title\x07\x1b[?7l\x1b[?2031h\x1b[?1016h",
            b"\x1b[2;4rin\x1b[3;5H",
        ];
        let before: &[&[u8]] =
            &[b"", b"old\x1b[?1049h\x1b[>15u\x1b[?1003h\x1b[?2004h\x1b[3;4r\x1b[7m stuff\x1b[?25l"];
        for bytes in cases {
            for before in before {
                let mut terminal = restored(bytes, before);
                let name = bytes.escape_ascii();
                assert_eq!(seen(&mut terminal), seen(&mut fed(bytes)), "{name}");
                assert_eq!(
                    terminal.with_screen(|_, _, margins| margins),
                    fed(bytes).with_screen(|_, _, margins| margins),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn who_leaves_has_everything_off() {
        let mut left = fed(b"shell");
        let before = left.with_screen(|_, modes, _| modes.clone());
        left.feed(
            b"\x1b[?1049h\x1b[?1;1003;1006;1004;2004;1016h\x1b[>3u\x1b=\x1b[>4;1m\x1b[6 q\x1b[?25l",
            false,
        );
        left.feed(LEAVE, false);
        assert_eq!(left.with_screen(|_, modes, _| modes.clone()), before);
        assert_eq!(left.snapshot(crate::host::SnapshotFormat::Plain), b"shell\n");
    }
}
