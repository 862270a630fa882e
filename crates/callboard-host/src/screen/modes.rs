//! Which modes of a terminal are on: what changes the meaning of bytes and of keys.

use std::io::Write as _;

use vt100::{CursorStyle, MouseProtocolEncoding, MouseProtocolMode, Screen};

use super::keyboard::Keyboard;

/// Private modes that the model does not know, each with what it is after a reset. Those whose
/// default differs between terminals are not touched.
const TRACKED: [(u16, bool); 7] = [
    (5, false),    // reverse video
    (7, true),     // wrap at the right edge
    (1004, false), // say when the terminal gets and loses focus
    (1015, false), // the mouse in urxvt's words
    (1016, false), // the mouse in pixels
    (2031, false), // say when the colours change between light and dark
    (2048, false), // say the size in the stream
];

/// What was tracked beside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tracked {
    private: [bool; TRACKED.len()],
    modify_other_keys: Option<u16>,
    main_keyboard: Keyboard,
    alternate_keyboard: Keyboard,
    title: Option<Vec<u8>>,
    line_drawing: bool,
}

impl Default for Tracked {
    fn default() -> Self {
        Self {
            private: TRACKED.map(|(_, by_default)| by_default),
            modify_other_keys: None,
            main_keyboard: Keyboard::default(),
            alternate_keyboard: Keyboard::default(),
            title: None,
            line_drawing: false,
        }
    }
}

/// A title is a line of text. What is longer is cut.
const LONGEST_TITLE: usize = 1024;

impl Tracked {
    /// `CSI ? … h` and `l`, with those that the model knows among them.
    pub(crate) fn private_mode(&mut self, number: u16, on: bool) {
        if let Some(place) = TRACKED.iter().position(|(known, _)| *known == number) {
            self.private[place] = on;
        }
    }

    /// `CSI > 4 ; value m`; without a value, off.
    pub(crate) fn modify_other_keys(&mut self, value: Option<u16>) {
        self.modify_other_keys = value.filter(|value| *value != 0);
    }

    /// The keyboard of the screen that is shown.
    pub(crate) fn keyboard(&mut self, alternate: bool) -> &mut Keyboard {
        if alternate { &mut self.alternate_keyboard } else { &mut self.main_keyboard }
    }

    /// What the program calls its window; control characters are left out, so that it ends where
    /// it ends.
    pub(crate) fn set_title(&mut self, title: &[u8]) {
        let text = String::from_utf8_lossy(title);
        let clean: String = text.chars().filter(|c| !c.is_control()).collect();
        let mut end = clean.len().min(LONGEST_TITLE);
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        self.title = (end > 0).then(|| clean.as_bytes()[..end].to_vec());
    }

    /// `ESC ( 0` and `ESC ( B`: whether letters are drawn as lines.
    pub(crate) fn set_line_drawing(&mut self, on: bool) {
        self.line_drawing = on;
    }

    /// The title.
    pub(crate) fn title(&self) -> Option<&[u8]> {
        self.title.as_deref()
    }

    /// `CSI ! p`, `ESC c`: everything as at first, but the title.
    pub(crate) fn reset(&mut self) {
        *self = Self { title: self.title.take(), ..Self::default() };
    }
}

/// Every mode at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Modes {
    tracked: Tracked,
    keypad: bool,
    cursor_keys: bool,
    paste: bool,
    hidden_cursor: bool,
    mouse: MouseProtocolMode,
    encoding: MouseProtocolEncoding,
    style: CursorStyle,
    alternate: bool,
}

impl Modes {
    pub(super) fn of(screen: &Screen, tracked: &Tracked) -> Self {
        Self {
            tracked: tracked.clone(),
            keypad: screen.application_keypad(),
            cursor_keys: screen.application_cursor(),
            paste: screen.bracketed_paste(),
            hidden_cursor: screen.hide_cursor(),
            mouse: screen.mouse_protocol_mode(),
            encoding: screen.mouse_protocol_encoding(),
            style: screen.cursor_style(),
            alternate: screen.alternate_screen(),
        }
    }

    /// Whether pasted text comes in brackets.
    pub(crate) fn brackets_paste(&self) -> bool {
        self.paste
    }

    /// The flags of the keyboard of the screen that is shown.
    pub(super) fn keyboard_flags(&self) -> u8 {
        let tracked = &self.tracked;
        if self.alternate { &tracked.alternate_keyboard } else { &tracked.main_keyboard }.flags()
    }

    /// Whether a private mode is on, for a program that asks; `None` if that is not known.
    pub(super) fn private_mode(&self, number: u16) -> Option<bool> {
        use MouseProtocolEncoding as Encoding;
        use MouseProtocolMode as Mouse;
        Some(match number {
            1 => self.cursor_keys,
            25 => !self.hidden_cursor,
            9 => self.mouse == Mouse::Press,
            47 | 1049 => self.alternate,
            1000 => self.mouse == Mouse::PressRelease,
            1002 => self.mouse == Mouse::ButtonMotion,
            1003 => self.mouse == Mouse::AnyMotion,
            1005 => self.encoding == Encoding::Utf8,
            1006 => self.encoding == Encoding::Sgr,
            2004 => self.paste,
            _ => {
                let place = TRACKED.iter().position(|(known, _)| *known == number)?;
                self.tracked.private[place]
            }
        })
    }

    /// The sequences that turn on what is on, for a terminal that was reset and shows the right
    /// screen. The keyboard of the main screen is not among them where the alternate one is shown:
    /// it has to be written before that is switched to.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        // Writing to a vector does not fail.
        for ((number, by_default), on) in TRACKED.iter().zip(self.tracked.private) {
            if on != *by_default {
                _ = write!(to, "\x1b[?{number}{}", if on { 'h' } else { 'l' });
            }
        }
        let set =
            [(self.cursor_keys, "\x1b[?1h"), (self.keypad, "\x1b="), (self.paste, "\x1b[?2004h")];
        set.iter().filter(|(on, _)| *on).for_each(|(_, text)| to.extend(text.as_bytes()));
        to.extend(mouse(self.mouse).as_bytes());
        to.extend(match self.encoding {
            MouseProtocolEncoding::Default => &b""[..],
            MouseProtocolEncoding::Utf8 => b"\x1b[?1005h",
            MouseProtocolEncoding::Sgr => b"\x1b[?1006h",
        });
        if let Some(value) = self.tracked.modify_other_keys {
            _ = write!(to, "\x1b[>4;{value}m");
        }
        if self.style != CursorStyle::Default {
            _ = write!(to, "\x1b[{} q", style(self.style));
        }
        if self.alternate {
            self.tracked.alternate_keyboard.write(to);
        } else {
            self.tracked.main_keyboard.write(to);
        }
        if self.tracked.line_drawing {
            to.extend(b"\x1b(0");
        }
        to.extend(if self.hidden_cursor { b"\x1b[?25l" } else { b"\x1b[?25h" });
    }

    /// The keyboard of the screen that is not shown, to be written while it is.
    pub(super) fn write_other_keyboard(&self, to: &mut Vec<u8>) {
        let tracked = &self.tracked;
        let other =
            if self.alternate { &tracked.main_keyboard } else { &tracked.alternate_keyboard };
        other.write(to);
    }

    /// Whether the screen that is not shown has a keyboard to be written.
    pub(super) fn has_other_keyboard(&self) -> bool {
        let tracked = &self.tracked;
        !if self.alternate { &tracked.main_keyboard } else { &tracked.alternate_keyboard }
            .is_plain()
    }

    /// Sets the title, if the program has given one.
    pub(super) fn write_title(&self, to: &mut Vec<u8>) {
        if let Some(title) = &self.tracked.title {
            to.extend(b"\x1b]2;");
            to.extend(title);
            to.push(0x07);
        }
    }
}

fn mouse(mode: MouseProtocolMode) -> &'static str {
    match mode {
        MouseProtocolMode::None => "",
        MouseProtocolMode::Press => "\x1b[?9h",
        MouseProtocolMode::PressRelease => "\x1b[?1000h",
        MouseProtocolMode::ButtonMotion => "\x1b[?1002h",
        MouseProtocolMode::AnyMotion => "\x1b[?1003h",
    }
}

fn style(style: CursorStyle) -> u8 {
    match style {
        CursorStyle::Default => 0,
        CursorStyle::BlinkBlock => 1,
        CursorStyle::SteadyBlock => 2,
        CursorStyle::BlinkUnderline => 3,
        CursorStyle::SteadyUnderline => 4,
        CursorStyle::BlinkVerticalBar => 5,
        CursorStyle::SteadyVerticalBar => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_of_text() {
        let mut tracked = Tracked::default();
        tracked.set_title(b"a\x07b\x1b]c\xff\n");
        assert_eq!(tracked.title(), Some("ab]c\u{fffd}".as_bytes()));
        tracked.set_title("ü".repeat(1000).as_bytes());
        assert_eq!(tracked.title().map(<[u8]>::len), Some(1024));
        tracked.set_title(b"");
        assert_eq!(tracked.title(), None);
    }

    #[test]
    fn a_reset_turns_off_what_was_tracked() {
        let mut tracked = Tracked::default();
        tracked.private_mode(1004, true);
        tracked.private_mode(7, false);
        tracked.private_mode(1049, true);
        tracked.modify_other_keys(Some(2));
        tracked.keyboard(true).push(1);
        tracked.set_title(b"kept");
        tracked.reset();
        let title = Some(b"kept".to_vec());
        assert_eq!(tracked, Tracked { title, ..Tracked::default() });
    }
}
