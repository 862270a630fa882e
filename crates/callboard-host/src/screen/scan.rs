//! Where a stream may be cut, and the few things in it that the model does not report.

/// Follows a stream of a terminal, byte by byte.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scan {
    state: ScanState,
    /// How many bytes of a character are still to come.
    rest_of_character: u8,
    parameters: Parameters,
    margins: Option<(u16, u16)>,
    resets: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum ScanState {
    #[default]
    Ground,
    Escape,
    /// After `ESC` and bytes like `(`: one final byte to come.
    EscapeMore,
    Control,
    /// OSC, DCS, APC, PM, SOS: until ST, and OSC until BEL.
    Text {
        ends_with_bell: bool,
    },
}

/// The first bytes of a control sequence's parameters.
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    bytes: [u8; 12],
    length: usize,
}

impl Scan {
    /// Whether the stream is at a place where something else may be put in.
    pub(crate) fn is_ground(&self) -> bool {
        self.state == ScanState::Ground && self.rest_of_character == 0
    }

    /// The scrolling region that was set last, first and last row from 1; `None` for all.
    pub(crate) fn margins(&self) -> Option<(u16, u16)> {
        self.margins
    }

    /// Forgets the scrolling region: the terminal got another size.
    pub(crate) fn forget_margins(&mut self) {
        self.margins = None;
    }

    /// How often the terminal was reset by `ESC c`.
    pub(crate) fn resets(&self) -> u32 {
        self.resets
    }

    /// Goes on over these bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.state == ScanState::Ground {
                let end = rest.iter().position(|b| *b == 0x1b).unwrap_or(rest.len());
                self.pass_text(&rest[..end]);
                rest = &rest[end..];
            }
            let Some((byte, after)) = rest.split_first() else { return };
            self.state = self.after(*byte);
            rest = after;
        }
    }

    /// Text, none of which is an escape: only its end matters.
    fn pass_text(&mut self, text: &[u8]) {
        let continues = |b: &u8| (0x80..0xc0).contains(b);
        let carried = usize::from(self.rest_of_character);
        if text.len() < carried && text.iter().all(continues) {
            self.rest_of_character -= u8::try_from(text.len()).unwrap_or(0);
            return;
        }
        self.rest_of_character = 0;
        for (back, byte) in (1_u8..=3).zip(text.iter().rev()) {
            if continues(byte) {
                continue;
            }
            let length = match byte {
                0xc2..=0xdf => 2,
                0xe0..=0xef => 3,
                0xf0..=0xf4 => 4,
                _ => 1_u8,
            };
            self.rest_of_character = length.saturating_sub(back);
            return;
        }
    }

    /// The state after a byte that is not text.
    fn after(&mut self, byte: u8) -> ScanState {
        self.rest_of_character = 0;
        match (self.state, byte) {
            // Cancel, substitute: whatever it was is over.
            (_, 0x18 | 0x1a) => ScanState::Ground,
            (_, 0x1b) => ScanState::Escape,
            (ScanState::Escape, b'[') => {
                self.parameters = Parameters::default();
                ScanState::Control
            }
            (ScanState::Escape, b']') => ScanState::Text { ends_with_bell: true },
            (ScanState::Escape, b'P' | b'X' | b'^' | b'_') => {
                ScanState::Text { ends_with_bell: false }
            }
            (ScanState::Escape | ScanState::EscapeMore, 0x20..=0x2f) => ScanState::EscapeMore,
            (ScanState::Escape, b'c') => {
                self.resets += 1;
                self.margins = None;
                ScanState::Ground
            }
            // Control characters are carried out in the middle of a sequence.
            (ScanState::Escape | ScanState::EscapeMore | ScanState::Control, 0..=0x1f) => {
                self.state
            }
            (ScanState::Escape | ScanState::EscapeMore, _) => ScanState::Ground,
            (ScanState::Control, 0x20..=0x3f) => {
                self.parameters.push(byte);
                ScanState::Control
            }
            (ScanState::Control, byte) => {
                if byte == b'r' {
                    self.set_margins();
                }
                ScanState::Ground
            }
            (ScanState::Text { ends_with_bell: true }, 0x07) => ScanState::Ground,
            (state, _) => state,
        }
    }

    fn set_margins(&mut self) {
        // With `?` in front it is another sequence.
        let Some(text) = self.parameters.text() else { return };
        let (top, bottom) = text.split_once(';').unwrap_or((text, ""));
        let number = |text: &str| if text.is_empty() { Some(0) } else { text.parse().ok() };
        self.margins = match (number(top), number(bottom)) {
            (Some(0 | 1), Some(0)) => None,
            (Some(top), Some(bottom)) => Some((top.max(1), bottom)),
            _ => return,
        };
    }
}

impl Parameters {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
        }
        self.length += 1;
    }

    fn text(&self) -> Option<&str> {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ground_by_case_in_one_piece_and_byte_by_byte() {
        let cases: &[(&[u8], bool)] = &[
            (b"", true),
            (b"text", true),
            (b"text\x1b", false),
            (b"\x1b[", false),
            (b"\x1b[38;5;1", false),
            (b"\x1b[38;5;1m", true),
            (b"\x1b[?1049h", true),
            (b"\x1b[1\n;2", false),
            (b"\x1b[1\x18", true),
            (b"\x1b(", false),
            (b"\x1b(B", true),
            (b"\x1b7", true),
            (b"\x1b]2;title", false),
            (b"\x1b]2;title\x07", true),
            (b"\x1b]2;title\x1b", false),
            (b"\x1b]2;title\x1b\\", true),
            (b"\x1bP1$q\x07", false),
            (b"\x1bP1$q\x1b\\", true),
            (b"\x1b_G\x1b\\", true),
            ("ü".as_bytes(), true),
            (&"ü".as_bytes()[..1], false),
            (&"a🎭".as_bytes()[..2], false),
            (&"a🎭".as_bytes()[..4], false),
            ("a🎭".as_bytes(), true),
            // Not UTF-8: nothing more is to come.
            (b"\xff", true),
            (b"\x80\x80\x80", true),
            (b"\xe2\x1b[m", true),
            (b"\xe2a", true),
        ];
        for (bytes, expected) in cases {
            let mut scan = Scan::default();
            scan.feed(bytes);
            assert_eq!(scan.is_ground(), *expected, "{:?}", bytes.escape_ascii().to_string());
            let mut scan = Scan::default();
            bytes.chunks(1).for_each(|byte| scan.feed(byte));
            assert_eq!(scan.is_ground(), *expected, "bytewise {}", bytes.escape_ascii());
        }
    }

    #[test]
    fn margins_and_resets() {
        let cases: &[(&[u8], Option<(u16, u16)>)] = &[
            (b"\x1b[3;20r", Some((3, 20))),
            (b"\x1b[;20r", Some((1, 20))),
            (b"\x1b[3;20r\x1b[r", None),
            (b"\x1b[3;20r\x1b[1;r", None),
            (b"\x1b[3;20r\x1b[?1;2r", Some((3, 20))),
            (b"\x1b[3;20r\x1bc", None),
            (b"\x1b[5r", Some((5, 0))),
            (b"\x1b[1111111111111;2r", None),
        ];
        for (bytes, expected) in cases {
            let mut scan = Scan::default();
            scan.feed(bytes);
            assert_eq!(scan.margins(), *expected, "{}", bytes.escape_ascii());
        }
        let mut scan = Scan::default();
        scan.feed(b"\x1bc\x1b[c\x1b(c\x1bc");
        assert_eq!(scan.resets(), 2);
    }
}
