//! A long line of JSON with its long texts cut, made from pieces of it. Pure.
//!
//! What comes out is JSON if what went in was: texts keep their beginnings, objects and lists their
//! form. Where the middle of the line is left out, it is JSON if the gap was inside of one text;
//! else it ends with the gap, and what is open there is closed.

use memchr::memchr2;

/// How much of a text is kept: types, names, times and ids are shorter.
const KEPT: usize = 256;
/// How long the result may get.
const FULL: usize = 128 * 1024;
/// Deeper than any agent's line; a line of nothing but brackets ends here.
const DEEP: usize = 128;

/// A line that is being shortened.
#[derive(Default)]
pub(super) struct Shortened {
    out: Vec<u8>,
    /// The closing brackets of what is open.
    open: Vec<u8>,
    place: Place,
    /// Up to here, closing what is open makes JSON of it.
    closable: usize,
    /// It has become too long, or is no JSON.
    is_full: bool,
    /// The part before the gap, closed.
    before_gap: Option<Vec<u8>>,
}

/// Where in the line the next byte is.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    /// Between texts, where the next one is a value.
    #[default]
    Between,
    /// Between texts, where the next one is a key.
    BeforeKey,
    /// In a text, so many bytes after its beginning, with so many bytes of an escape to come.
    Kept { is_key: bool, length: usize, escape: u8 },
    /// In a text, where it is cut.
    Cut { is_key: bool },
    /// In a text where it is cut, behind a backslash.
    CutEscape { is_key: bool },
}

impl Shortened {
    /// Takes the next piece.
    pub(super) fn push(&mut self, mut piece: &[u8]) {
        while let Some((byte, rest)) = piece.split_first()
            && !self.is_full
        {
            piece = match self.place {
                Place::Between | Place::BeforeKey => {
                    self.keep_form(*byte);
                    rest
                }
                Place::Kept { is_key, length: KEPT.., escape: 0 } if self.may_cut_before(*byte) => {
                    self.place = Place::Cut { is_key };
                    piece
                }
                Place::Kept { is_key, length, escape } => {
                    self.keep_text(*byte, is_key, length, escape);
                    rest
                }
                // Nothing but the end of the text is of interest, and what may hide it.
                Place::Cut { is_key } => match memchr2(b'"', b'\\', piece) {
                    Some(at) => {
                        self.skip_to(piece[at], is_key);
                        &piece[at + 1..]
                    }
                    None => return,
                },
                Place::CutEscape { is_key } => {
                    self.place = Place::Cut { is_key };
                    rest
                }
            };
            self.is_full |= self.out.len() >= FULL;
        }
    }

    /// Whether more of it changes nothing.
    pub(super) fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes the end of the line, with a gap before it.
    pub(super) fn leap(&mut self, end: &[u8]) {
        self.before_gap = Some(self.closed());
        let (Place::Kept { is_key, .. } | Place::Cut { is_key } | Place::CutEscape { is_key }) =
            self.place
        else {
            return;
        };
        // The text of before the gap is the one that the end begins in, if the brackets agree. Its
        // first byte may be escaped by what is not there; one that follows another is not, if that
        // is no backslash.
        if let Some(before) = end.iter().position(|byte| *byte != b'\\') {
            self.place = Place::Cut { is_key };
            self.push(&end[before + 1..]);
        }
    }

    /// The line, and whether it ends before its end.
    pub(super) fn finish(self) -> (Vec<u8>, bool) {
        match self.before_gap {
            // Not one text: the end says nothing for certain.
            Some(before_gap) if !self.open.is_empty() || self.is_full => (before_gap, true),
            None if self.is_full => (self.closed(), true),
            _ => (self.out, false),
        }
    }

    /// The line, or nothing if its end is not there.
    pub(super) fn finish_if_whole(self) -> Vec<u8> {
        if self.open.is_empty() && !self.is_full { self.out } else { Vec::new() }
    }

    /// Whether the text may end here: not in a character, nor between the two escapes of one.
    fn may_cut_before(&self, byte: u8) -> bool {
        let is_first_of_two = match self.out.last_chunk() {
            Some([b'\\', b'u', b'd' | b'D', digit, _, _]) => b"89abAB".contains(digit),
            _ => false,
        };
        byte & 0xC0 != 0x80 && !is_first_of_two
    }

    /// A byte of a text that is kept.
    fn keep_text(&mut self, byte: u8, is_key: bool, length: usize, escape: u8) {
        self.out.push(byte);
        let escape = match (escape, byte) {
            (0, b'"') => return self.end_text(is_key),
            (0, b'\\') => 1,
            (0, _) => 0,
            // `\u` and four digits.
            (1, b'u') => 4,
            (left, _) => left - 1,
        };
        self.place = Place::Kept { is_key, length: length + 1, escape };
    }

    /// The end of a text that is cut, or the beginning of an escape in it.
    fn skip_to(&mut self, byte: u8, is_key: bool) {
        if byte == b'"' {
            self.out.push(byte);
            self.end_text(is_key);
        } else {
            self.place = Place::CutEscape { is_key };
        }
    }

    fn end_text(&mut self, is_key: bool) {
        self.place = Place::Between;
        if !is_key {
            self.closable = self.out.len();
        }
    }

    /// A byte between texts.
    fn keep_form(&mut self, byte: u8) {
        if byte.is_ascii_whitespace() {
            return;
        }
        if byte == b',' {
            self.closable = self.out.len();
        }
        self.out.push(byte);
        match byte {
            b'"' => {
                let is_key = self.place == Place::BeforeKey;
                self.place = Place::Kept { is_key, length: 0, escape: 0 };
            }
            b'{' | b'[' => {
                self.open.push(if byte == b'{' { b'}' } else { b']' });
                self.expect_entry();
                self.closable = self.out.len();
                self.is_full |= self.open.len() >= DEEP;
            }
            b'}' | b']' => {
                self.is_full |= self.open.pop() != Some(byte);
                self.place = Place::Between;
                self.closable = self.out.len();
            }
            b',' => self.expect_entry(),
            _ => {}
        }
    }

    fn expect_entry(&mut self) {
        let in_object = self.open.last() == Some(&b'}');
        self.place = if in_object { Place::BeforeKey } else { Place::Between };
    }

    /// What there is so far, with all that is open closed.
    fn closed(&self) -> Vec<u8> {
        let in_value = matches!(
            self.place,
            Place::Kept { is_key: false, escape: 0, .. }
                | Place::Cut { is_key: false }
                | Place::CutEscape { is_key: false }
        );
        let kept = if in_value { self.out.len() } else { self.closable };
        let mut out = self.out[..kept].to_vec();
        out.extend(in_value.then_some(b'"'));
        out.extend(self.open.iter().rev());
        out
    }
}

#[cfg(test)]
mod tests;
