//! Keys and the mouse, out of the bytes of a terminal.

use termina::event::{KeyCode, KeyEvent, KeyEventKind, Modifiers, MouseButton, MouseEventKind};
use termina::{Event, Parser};

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Ctrl(char),
    Enter,
    Escape,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    PageUp,
    PageDown,
}

/// What somebody did at the terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Input {
    Key(Key),
    /// The left button went down there, from 0.
    Click {
        x: u16,
        y: u16,
    },
    /// One step down, or up.
    Wheel {
        down: bool,
    },
    /// Text that nobody typed.
    Paste(String),
}

/// Goes on over what is read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    parser: Parser,
    /// Whether what was read last may be the beginning of something.
    is_open: bool,
}

impl Reader {
    /// What these bytes mean.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Vec<Input> {
        self.parser.parse(bytes, true);
        // The escape key is the first byte of all others that are not characters, and a letter
        // may come in two reads.
        self.is_open = bytes.iter().any(|byte| *byte == 0x1b || *byte >= 0x80);
        self.pop()
    }

    /// Whether the next bytes decide what the last ones meant, and time does if none come.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Nothing came: what there was is all.
    pub(super) fn close(&mut self) -> Vec<Input> {
        self.is_open = false;
        self.parser.parse(&[], false);
        let inputs = self.pop();
        // Half of a sequence that never came to its end must not take in what comes next.
        self.parser = Parser::default();
        inputs
    }

    fn pop(&mut self) -> Vec<Input> {
        std::iter::from_fn(|| self.parser.pop()).filter_map(input).collect()
    }
}

fn input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => self::key(key).map(Input::Key),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                Some(Input::Click { x: mouse.column, y: mouse.row })
            }
            MouseEventKind::ScrollDown => Some(Input::Wheel { down: true }),
            MouseEventKind::ScrollUp => Some(Input::Wheel { down: false }),
            _ => None,
        },
        _ => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    if event.kind == KeyEventKind::Release {
        return None;
    }
    Some(match event.code {
        KeyCode::Char(c) if event.modifiers.contains(Modifiers::CONTROL) => {
            Key::Ctrl(c.to_ascii_lowercase())
        }
        KeyCode::Char(_) if event.modifiers.contains(Modifiers::ALT) => return None,
        KeyCode::Char(c) => Key::Char(c),
        KeyCode::Enter => Key::Enter,
        KeyCode::Escape => Key::Escape,
        KeyCode::Backspace => Key::Backspace,
        KeyCode::Delete => Key::Delete,
        KeyCode::Left => Key::Left,
        KeyCode::Right => Key::Right,
        KeyCode::Up => Key::Up,
        KeyCode::Down => Key::Down,
        KeyCode::Home => Key::Home,
        KeyCode::End => Key::End,
        KeyCode::PageUp => Key::PageUp,
        KeyCode::PageDown => Key::PageDown,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_by_case() {
        let key = |key| vec![Input::Key(key)];
        let cases: &[(&[u8], Vec<Input>)] = &[
            (b"q", key(Key::Char('q'))),
            (b"Q", key(Key::Char('Q'))),
            ("é".as_bytes(), key(Key::Char('é'))),
            (b"\r", key(Key::Enter)),
            (b"\x7f", key(Key::Backspace)),
            (b"\x03", key(Key::Ctrl('c'))),
            (b"\x1a", key(Key::Ctrl('z'))),
            (b"\x1b[A", key(Key::Up)),
            (b"\x1bOB", key(Key::Down)),
            (b"\x1b[5~", key(Key::PageUp)),
            (b"\x1b[H\x1b[F", [key(Key::Home), key(Key::End)].concat()),
            (b"\x1b[1~", key(Key::Home)),
            (b"\x1b[3~", key(Key::Delete)),
            (b"\x1bq", vec![]), // alt
            (b"\x1b[<0;12;5M", vec![Input::Click { x: 11, y: 4 }]),
            (b"\x1b[<0;12;5m", vec![]),
            (b"\x1b[<2;12;5M", vec![]),
            (
                b"\x1b[<64;1;1M\x1b[<65;1;1M",
                vec![Input::Wheel { down: false }, Input::Wheel { down: true }],
            ),
            (b"\x1b[200~q\nx\x1b[201~", vec![Input::Paste("q\nx".to_owned())]),
            // Answers of a terminal, and nonsense.
            (b"\x1b[?62;1c", vec![]),
            (b"\xff\xfe", vec![]),
        ];
        for (bytes, inputs) in cases {
            assert_eq!(Reader::default().read(bytes), *inputs, "{bytes:?}");
        }
    }

    #[test]
    fn the_escape_key_is_one_when_nothing_follows() {
        let mut reader = Reader::default();
        assert_eq!(reader.read(b"\x1b"), []);
        assert!(reader.is_open());
        assert_eq!(reader.close(), [Input::Key(Key::Escape)]);
        assert!(!reader.is_open());
        // A sequence in two parts, as a slow line brings it.
        assert_eq!(reader.read(b"\x1b"), []);
        assert_eq!(reader.read(b"[B"), [Input::Key(Key::Down)]);
        assert!(!reader.is_open());
        assert_eq!(reader.close(), []);
        assert_eq!(reader.read("日".as_bytes().split_at(1).0), []);
        assert_eq!(reader.read("日".as_bytes().split_at(1).1), [Input::Key(Key::Char('日'))]);
        // Half of one that never ends does not swallow what comes after it.
        assert_eq!(reader.read(b"\x1b[12"), []);
        reader.close();
        assert_eq!(reader.read(b"\x1b[A").last(), Some(&Input::Key(Key::Up)));
    }
}
