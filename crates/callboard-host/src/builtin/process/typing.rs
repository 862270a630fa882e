//! What of a client's bytes a person has typed, and what its terminal says by itself.
//!
//! A terminal answers questions, reports its focus and every motion of the mouse, all of it among
//! the keys. Where a client does not lead, that must neither make it the leader nor reach the
//! program: one question has one answer. Sequences are those of ctlseqs (xterm) and of the kitty
//! keyboard protocol.

/// Follows the bytes of one client.
#[derive(Debug, Default)]
pub(super) struct Typing {
    /// A sequence whose end has not come yet.
    partial: Vec<u8>,
}

/// What came of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// What was typed.
    pub(super) typed: Vec<u8>,
    /// Whether a button was pressed. Where, means nothing: it saw another picture.
    pub(super) clicked: bool,
}

/// A sequence that goes on for longer than this is none.
const LONGEST: usize = 4096;

impl Typing {
    /// Goes on over these bytes.
    pub(super) fn hear(&mut self, bytes: &[u8]) -> Heard {
        let mut text = std::mem::take(&mut self.partial);
        text.extend_from_slice(bytes);
        let mut heard = Heard::default();
        let mut rest = &text[..];
        while !rest.is_empty() {
            match Token::first(rest) {
                Token::Typed(length) => {
                    heard.typed.extend_from_slice(&rest[..length]);
                    rest = &rest[length..];
                }
                Token::Click(length) => {
                    heard.clicked = true;
                    rest = &rest[length..];
                }
                Token::Said(length) => rest = &rest[length..],
                Token::Incomplete => {
                    if rest.len() <= LONGEST {
                        self.partial = rest.to_vec();
                    }
                    break;
                }
            }
        }
        heard
    }
}

/// What bytes begin with, and how long it is.
#[derive(Debug, PartialEq, Eq)]
enum Token {
    Typed(usize),
    Click(usize),
    Said(usize),
    Incomplete,
}

impl Token {
    fn first(bytes: &[u8]) -> Self {
        match bytes {
            [0x1b, b'[', rest @ ..] => Self::control(bytes, rest),
            [0x1b, b']' | b'P' | b'_' | b'^' | b'X', rest @ ..] => Self::text(rest),
            // Escape by itself, or with a key that has no more to it.
            [0x1b] => Self::Typed(1),
            [0x1b, _, ..] => Self::Typed(2),
            _ => Self::Typed(bytes.iter().position(|b| *b == 0x1b).unwrap_or(bytes.len()).max(1)),
        }
    }

    /// An answer in words: until ST or BEL.
    fn text(rest: &[u8]) -> Self {
        let bell = rest.iter().position(|b| *b == 0x07).map(|at| at + 1);
        let end = rest.windows(2).position(|two| two == b"\x1b\\").map(|at| at + 2);
        match bell.into_iter().chain(end).min() {
            Some(length) => Self::Said(2 + length),
            None => Self::Incomplete,
        }
    }

    fn control(all: &[u8], rest: &[u8]) -> Self {
        // The oldest form of the mouse has its three numbers behind the final byte.
        if let [b'M', more @ ..] = rest {
            return match more {
                [button, _, _, ..] => mouse(u16::from(*button).wrapping_sub(32), true, 6),
                _ => Self::Incomplete,
            };
        }
        let Some(end) = rest.iter().position(|b| (0x40..=0x7e).contains(b)) else {
            return if rest.iter().all(|b| (0x20..0x40).contains(b)) {
                Self::Incomplete
            } else {
                Self::Typed(all.len().min(2))
            };
        };
        let (parameters, last, length) = (&rest[..end], rest[end], end + 3);
        if is_said(parameters, last) {
            return Self::Said(length);
        }
        match (parameters.split_first(), last) {
            (Some((b'<', numbers)), b'M' | b'm') => mouse(number(numbers), last == b'M', length),
            (Some(_), b'M') => mouse(number(parameters).wrapping_sub(32), true, length),
            _ => Self::Typed(length),
        }
    }
}

/// A button pressed is a person's doing; that it was let go, that the mouse moved or its wheel
/// turned is not enough.
fn mouse(button: u16, pressed: bool, length: usize) -> Token {
    const MOTION: u16 = 32;
    const WHEEL: u16 = 64;
    let is_click = pressed && button & (MOTION | WHEEL) == 0 && button & 3 != 3;
    if is_click { Token::Click(length) } else { Token::Said(length) }
}

/// Whether a control sequence is one that no key has.
fn is_said(parameters: &[u8], last: u8) -> bool {
    let private = parameters.first().copied().filter(|b| matches!(b, b'?' | b'>' | b'='));
    match last {
        // DA, DSR, DECRPM, XTWINOPS, the keyboard's flags, DECREPTPARM, sixel graphics.
        b'c' | b'n' | b'y' | b't' | b'x' => true,
        b'u' | b'S' => private.is_some(),
        // Focus.
        b'I' | b'O' => parameters.is_empty(),
        // Where the cursor is; in the first row it looks like F3 with Shift, Alt or Ctrl.
        b'R' => private.is_some() || !is_f3(parameters),
        _ => false,
    }
}

fn is_f3(parameters: &[u8]) -> bool {
    match std::str::from_utf8(parameters).ok().and_then(|text| text.split_once(';')) {
        Some((row, modifiers)) => {
            row == "1" && modifiers.parse::<u8>().is_ok_and(|m| (2..=16).contains(&m))
        }
        None => true,
    }
}

/// The first number.
fn number(parameters: &[u8]) -> u16 {
    let digits = parameters.split(|b| *b == b';').next().unwrap_or_default();
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_and_said_by_case() {
        let typed: &[&[u8]] = &[
            b"a",
            b"\x03",
            "ü".as_bytes(),
            b"\x1b",
            b"\x1bx",
            b"\x1b[A",
            b"\x1bOP",
            b"\x1b[1;5C",
            b"\x1b[3~",
            b"\x1b[97;5u",
            b"\x1b[27;5;92~",
            b"\x1b[1;2R",
            b"\x1b[200~pasted\x1b[201~",
        ];
        for bytes in typed {
            let heard = Typing::default().hear(bytes);
            assert_eq!(heard, Heard { typed: bytes.to_vec(), clicked: false }, "{bytes:?}");
        }
        let said: &[&[u8]] = &[
            b"\x1b[?62;22c",
            b"\x1b[>1;10;0c",
            b"\x1b[24;80R",
            b"\x1b[1;80R",
            b"\x1b[?24;80R",
            b"\x1b[0n",
            b"\x1b[?2004;1$y",
            b"\x1b[8;24;80t",
            b"\x1b[?5u",
            b"\x1b[I",
            b"\x1b[O",
            b"\x1b]11;rgb:0000/0000/0000\x1b\\",
            b"\x1b]11;rgb:0000/0000/0000\x07",
            b"\x1bP>|xterm(388)\x1b\\",
            b"\x1b[<35;10;20M",
            b"\x1b[<0;10;20m",
            b"\x1b[<64;10;20M",
            b"\x1b[M#!!",
            b"\x1b[67;1;1M",
        ];
        for bytes in said {
            assert_eq!(Typing::default().hear(bytes), Heard::default(), "{}", bytes.escape_ascii());
            // Cut anywhere, it is the same, unless what is left is a key by itself.
            for cut in 2..bytes.len() {
                let mut typing = Typing::default();
                assert_eq!(typing.hear(&bytes[..cut]), Heard::default(), "{cut} {bytes:?}");
                assert_eq!(typing.hear(&bytes[cut..]), Heard::default(), "{cut} {bytes:?}");
            }
        }
        for bytes in [&b"\x1b[<0;10;20M"[..], b"\x1b[M !!", b"\x1b[32;1;1M", b"\x1b[<2;1;1M"] {
            let heard = Typing::default().hear(bytes);
            assert_eq!(heard, Heard { typed: Vec::new(), clicked: true }, "{bytes:?}");
        }
    }

    #[test]
    fn among_each_other() {
        let mut typing = Typing::default();
        assert_eq!(typing.hear(b"l\x1b[I\x1b[?62;22cs\x1b[2").typed, b"ls");
        assert_eq!(typing.hear(b"4;1Rx").typed, b"x");
        assert_eq!(typing.hear(b"\x1b]").typed, b"");
        assert_eq!(typing.hear(&[b'a'; LONGEST + 1]).typed, b"", "no answer is so long");
        assert_eq!(typing.hear(b"b").typed, b"b");
    }
}
