//! Many lines at once, as a build or a test run prints them: what the model need not see. Pure.
//!
//! A line that scrolls through the whole screen within one reading ends in the log as it was
//! printed, if nothing in it does more than to print and to colour. Working it through the model
//! costs a hundred times what looking at it costs, and leaves nothing behind.

/// The longest parameters of a colour that are looked at.
const LONGEST_COLOUR: usize = 48;

/// A beginning of what a program has printed, in three parts that follow each other.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Flood<'b> {
    /// As many lines as the screen has rows: after them, nothing else is on it.
    pub(super) head: &'b [u8],
    /// What the model need not see.
    pub(super) middle: &'b [u8],
    /// As many lines as the screen has rows.
    pub(super) tail: &'b [u8],
    /// The lines that will have left the screen, from the second of `head` to the first of `tail`.
    /// Each begins and ends without attributes and ends with `\r\n`.
    pub(super) left: &'b [u8],
    /// How many these are.
    pub(super) lines: u64,
    /// What comes after it.
    pub(super) rest: &'b [u8],
}

impl<'b> Flood<'b> {
    /// `None` where the lines at the beginning of `bytes` are not enough of them, or not plain.
    pub(super) fn of(bytes: &'b [u8], columns: u16, rows: u16) -> Option<Self> {
        let (rows, columns) = (usize::from(rows), usize::from(columns));
        // A line has two bytes at the least.
        if rows == 0 || bytes.len() < 4 * rows {
            return None;
        }
        // Where each line ends.
        let mut ends = Vec::with_capacity(bytes.len() / 32);
        let mut at = 0;
        while let Some(length) = line(&bytes[at..], columns) {
            at += length;
            ends.push(at);
        }
        let count = ends.len();
        if count < 3 * rows {
            return None;
        }
        let (head, tail) = (ends[rows - 1], ends[count - rows - 1]);
        Some(Self {
            head: &bytes[..head],
            middle: &bytes[head..tail],
            tail: &bytes[tail..at],
            left: &bytes[ends[0]..ends[count - rows]],
            lines: (count - rows) as u64,
            rest: &bytes[at..],
        })
    }
}

/// The length of the line that begins here, if it is plain: ASCII that fits into a row, colours
/// that are off again at its end, `\r\n`.
fn line(bytes: &[u8], columns: usize) -> Option<usize> {
    let (mut at, mut width) = (0, 0);
    let mut is_coloured = false;
    loop {
        let text = bytes[at..].iter().take_while(|byte| (0x20..0x7f).contains(*byte)).count();
        at += text;
        width += text;
        match bytes.get(at..)? {
            // A full row wraps with the next character, and not before: not looked into here.
            [b'\r', b'\n', ..] if width < columns && !is_coloured => return Some(at + 2),
            [0x1b, b'[', rest @ ..] => {
                let length = rest.iter().take(LONGEST_COLOUR).position(|byte| *byte == b'm')?;
                is_coloured = colours(&rest[..length], is_coloured)?;
                at += length + 3;
            }
            _ => return None,
        }
    }
}

/// Whether attributes are on after these parameters of SGR. `None` for any that is not certain to
/// be understood in the same way by everything that will ever show the log.
fn colours(parameters: &[u8], was: bool) -> Option<bool> {
    let mut numbers = parameters.split(|byte| *byte == b';').map(number);
    let mut is_on = was;
    while let Some(code) = numbers.next() {
        is_on = match code? {
            0 => false,
            1..=4 | 7 | 30..=37 | 40..=47 | 90..=97 | 100..=107 => true,
            38 | 48 => {
                let more = match numbers.next()?? {
                    5 => 1,
                    2 => 3,
                    _ => return None,
                };
                for _ in 0..more {
                    numbers.next()?.filter(|value| *value < 256)?;
                }
                true
            }
            // One of them is off: which are left is for the model to know.
            22..=24 | 27 | 39 | 49 => is_on,
            _ => return None,
        };
    }
    Some(is_on)
}

fn number(digits: &[u8]) -> Option<u16> {
    if digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_lines_by_case() {
        let plain: &[&str] = &[
            "\r\n",
            "some text\r\n",
            "trailing  \r\n",
            "1234567890123456789\r\n",
            "\x1b[31mred\x1b[0m\r\n",
            "\x1b[1;38;5;200mx\x1b[m \x1b[48;2;1;2;3my\x1b[39;0m\r\n",
            "\x1b[39;49mnothing was on\r\n",
        ];
        for text in plain {
            assert_eq!(line(text.as_bytes(), 20), Some(text.len()), "{text:?}");
        }
        let other: &[&str] = &[
            "",
            "no end",
            "bare\n",
            "bare\rover\r\n",
            "tab\t\r\n",
            "back\x08\r\n",
            "12345678901234567890\r\n",
            "\x1b[31mstays red\r\n",
            "\x1b[31mnot all of it\x1b[22m\r\n",
            "\x1b[31",
            "\x1b[8mhidden\x1b[m\r\n",
            "\x1b[38;5mx\x1b[m\r\n",
            "\x1b[38;5;999mx\x1b[m\r\n",
            "\x1b[38;7;1mx\x1b[m\r\n",
            "\x1b[38:5:1mx\x1b[m\r\n",
            "\x1b[>4;2m\r\n",
            "\x1b[?25h\r\n",
            "\x1b[2Kx\r\n",
            "\x1b]0;title\x07\r\n",
            "\u{e9}\r\n",
            "\u{9b}31m\r\n",
        ];
        for text in other {
            assert_eq!(line(text.as_bytes(), 20), None, "{text:?}");
        }
    }

    #[test]
    fn the_parts_of_a_flood() {
        let text: String = (1..=9).map(|n| format!("{n}\r\n")).collect();
        let all = format!("{text}and more");
        let flood = Flood::of(all.as_bytes(), 20, 3).unwrap();
        assert_eq!(flood.head, b"1\r\n2\r\n3\r\n");
        assert_eq!(flood.middle, b"4\r\n5\r\n6\r\n");
        assert_eq!(flood.tail, b"7\r\n8\r\n9\r\n");
        assert_eq!(flood.left, b"2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n");
        assert_eq!((flood.lines, flood.rest), (6, &b"and more"[..]));
        assert_eq!(Flood::of(all.as_bytes(), 20, 4), None, "too few for so many rows");
        assert_eq!(Flood::of(b"", 20, 0), None);
    }
}
