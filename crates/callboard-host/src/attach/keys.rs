//! Finds the detach key in what is typed, however the terminal encodes it.
//!
//! A control character by default; `CSI code ; modifiers u` where the program has turned the kitty
//! keyboard protocol on, `CSI 27 ; modifiers ; code ~` with modifyOtherKeys. In pasted text it is
//! text.

use crate::host::DetachKey;

/// Follows what is typed.
#[derive(Debug)]
pub(super) struct Keys {
    detach: Option<DetachKey>,
    /// The beginning of a sequence whose end has not come yet.
    partial: Vec<u8>,
    is_pasting: bool,
}

/// What came of some bytes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Typed {
    /// What is for the program.
    pub(super) before: Vec<u8>,
    /// Whether the detach key came after that.
    pub(super) detach: bool,
}

const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// No key has a longer sequence.
const LONGEST: usize = 64;

impl Keys {
    pub(super) const fn new(detach: Option<DetachKey>) -> Self {
        Self { detach, partial: Vec::new(), is_pasting: false }
    }

    /// Goes on over these bytes.
    pub(super) fn typed(&mut self, bytes: &[u8]) -> Typed {
        let Some(key) = self.detach else {
            return Typed { before: bytes.to_vec(), detach: false };
        };
        let mut text = std::mem::take(&mut self.partial);
        text.extend_from_slice(bytes);
        let mut typed = Typed::default();
        let mut rest = &text[..];
        while let Some(&first) = rest.first() {
            let sequence = match control_sequence(rest) {
                Control::Complete(length) => &rest[..length],
                Control::Incomplete if rest.len() < LONGEST => {
                    self.partial = rest.to_vec();
                    return typed;
                }
                Control::Incomplete | Control::None => &rest[..1],
            };
            match sequence {
                PASTE_BEGINS => self.is_pasting = true,
                PASTE_ENDS => self.is_pasting = false,
                _ => {}
            }
            let is_key = first == key.byte() || is_encoded(sequence, key);
            if is_key && !self.is_pasting {
                typed.detach = true;
                return typed;
            }
            typed.before.extend_from_slice(sequence);
            rest = &rest[sequence.len()..];
        }
        typed
    }
}

enum Control {
    Complete(usize),
    Incomplete,
    None,
}

/// Whether bytes begin with a control sequence that has numbers. One without is a key (or the
/// beginning of two), which is not to wait for the next.
fn control_sequence(bytes: &[u8]) -> Control {
    let [0x1b, b'[', rest @ ..] = bytes else { return Control::None };
    if !rest.first().is_some_and(u8::is_ascii_digit) {
        return Control::None;
    }
    match rest.iter().position(|b| !matches!(b, b'0'..=b'9' | b';' | b':')) {
        Some(end) => Control::Complete(end + 3),
        None => Control::Incomplete,
    }
}

/// Whether a control sequence is the key, pressed with Ctrl alone.
fn is_encoded(sequence: &[u8], key: DetachKey) -> bool {
    let Some(([.., last], text)) = sequence.split_last_chunk::<1>().map(|(t, l)| (l, t)) else {
        return false;
    };
    let Some(text) = text.strip_prefix(b"\x1b[").and_then(|t| std::str::from_utf8(t).ok()) else {
        return false;
    };
    // Behind a colon stand other forms of the key, and whether it was pressed or let go.
    let mut numbers = text.split(';');
    let mut next = || {
        numbers.next().map(|number| {
            let mut parts = number.split(':');
            (parts.next().and_then(|n| n.parse::<u32>().ok()), parts.next())
        })
    };
    let (code, modifiers) = match last {
        b'u' => (next(), next()),
        b'~' if next() == Some((Some(27), None)) => {
            let modifiers = next();
            (next(), modifiers)
        }
        _ => return false,
    };
    const CTRL: u32 = 4;
    const LOCKS: u32 = 64 | 128;
    const LET_GO: Option<&str> = Some("3");
    let (Some((Some(code), _)), Some((Some(modifiers), event))) = (code, modifiers) else {
        return false;
    };
    let with_ctrl = modifiers.checked_sub(1).is_some_and(|held| held & !LOCKS == CTRL);
    code == u32::from(key.0) && with_ctrl && event != LET_GO
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        Keys::new(Some(DetachKey::default()))
    }

    #[test]
    fn the_key_in_every_encoding() {
        for key in [
            &b"\x1c"[..],
            b"\x1b[92;5u",
            b"\x1b[92;69u",
            b"\x1b[92;133u",
            b"\x1b[92;5:1u",
            b"\x1b[92;5:2u",
            b"\x1b[92:124;5u",
            b"\x1b[92;5;28u",
            b"\x1b[27;5;92~",
        ] {
            let text = [b"ab", key, b"cd"].concat();
            let expected = Typed { before: b"ab".to_vec(), detach: true };
            assert_eq!(keys().typed(&text), expected, "{}", key.escape_ascii());
            for cut in 3..key.len() {
                let mut keys = keys();
                assert_eq!(keys.typed(&key[..cut]), Typed::default(), "{}", key.escape_ascii());
                assert!(keys.typed(&key[cut..]).detach, "{} {cut}", key.escape_ascii());
            }
        }
    }

    #[test]
    fn what_is_not_the_key_goes_to_the_program() {
        for text in [
            &b"\\"[..],
            b"\x1b",
            b"\x1b[",
            b"\x1b[A",
            b"\x1b[1;5A",
            b"\x1b[92u",
            b"\x1b[92;1u",
            b"\x1b[92;6u",
            b"\x1b[92;5:3u",
            b"\x1b[93;5u",
            b"\x1b[27;5;93~",
            b"\x1b[27;6;92~",
            b"\x1b[5~",
            b"\x1b[200~a\x1cb\x1b[201~",
            "ü\u{9c}".as_bytes(),
        ] {
            let expected = Typed { before: text.to_vec(), detach: false };
            assert_eq!(keys().typed(text), expected, "{}", text.escape_ascii());
        }
        assert!(!Keys::new(None).typed(b"\x1c").detach);
        let endless = [b"\x1b[".to_vec(), vec![b'1'; 100]].concat();
        assert_eq!(keys().typed(&endless).before, endless);
    }

    #[test]
    fn after_a_paste_it_is_the_key_again() {
        let mut keys = keys();
        assert!(!keys.typed(b"\x1b[200~a\x1c").detach);
        assert!(!keys.typed(b"\x1c\x1b[201").detach);
        assert!(keys.typed(b"~\x1c").detach);
    }
}
