//! One pass over the text of a record: where each top-level key and value stands.
//!
//! A record is a flat object of short strings and integers, and listing reads thousands of them,
//! so the flat part is ours: strings without escapes and plain integers are recognised here.
//! Everything else (escapes, fractions, nested values) is handed to `serde_json`, which is the
//! judge of what JSON is; a property test holds the two to the same verdict on any input.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::field::{FIELDS, Key, Shape};

/// Where something stands in the text, in bytes. Records are capped far below 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        // Lossless: `walk` refuses a text that is longer than u32.
        Self { start: start as u32, end: end as u32 }
    }

    pub(super) fn of(self, text: &str) -> &str {
        &text[self.start as usize..self.end as usize]
    }
}

/// One top-level member of the object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// With its quotes.
    pub(super) key: Span,
    /// As it stands, without the white space around it.
    pub(super) value: Span,
    pub(super) known: Option<Key>,
}

/// Where the value of each understood key stands: all that reading one needs, in 116 bytes, since
/// a listing keeps one for every record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Index([(u16, u16); FIELDS.len()]);

impl Index {
    const ABSENT: (u16, u16) = (u16::MAX, u16::MAX);

    pub(super) const fn new() -> Self {
        Self([Self::ABSENT; FIELDS.len()])
    }

    /// The last of a repeated key counts, as for every JSON reader. What lies too far back to be
    /// indexed is in a text that is too long to be read or written.
    pub(super) fn set(&mut self, key: Key, start: usize, end: usize) {
        self.0[key as usize] = match (u16::try_from(start), u16::try_from(end)) {
            (Ok(start), Ok(end)) => (start, end),
            _ => Self::ABSENT,
        };
    }

    pub(super) fn get(&self, key: Key) -> Option<Range<usize>> {
        let (start, end) = self.0[key as usize];
        (start != u16::MAX).then(|| usize::from(start)..usize::from(end))
    }

    /// The index after `edits` of the text, in their order: each a place, and the length of what
    /// takes it.
    pub(super) fn shifted(&self, edits: &[(Range<usize>, usize)]) -> Self {
        let mut index = Self::new();
        for field in FIELDS {
            let Some(Range { mut start, mut end }) = self.get(field.key) else { continue };
            let before = start;
            for (edited, length) in edits.iter().filter(|(edited, _)| edited.start <= before) {
                if edited.start == before {
                    end = start + length;
                } else {
                    start = start + length - edited.len();
                    end = end + length - edited.len();
                }
            }
            index.set(field.key, start, end);
        }
        index
    }
}

/// What was found in the text.
pub(super) struct Scan {
    pub(super) index: Index,
    /// The text after the object: where it starts, if it is more than white space.
    pub(super) trailing: Option<usize>,
    /// At least one understood key has a value of the wrong shape.
    pub(super) faulty: bool,
    /// There is no backslash in it, so that every string is what stands between its quotes.
    pub(super) unescaped: bool,
    /// At least one understood key is there more than once.
    pub(super) repeated: bool,
}

/// Why a text is not a record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Malformed {
    /// No bytes, or only white space.
    Empty,
    /// Only NUL bytes, as a power cut leaves a file that was never flushed.
    Nuls,
    /// Not UTF-8; the offset of the first bad byte.
    NotUtf8(usize),
    /// A JSON value, but not an object.
    NotAnObject,
    /// Not JSON: the byte offset, and what was expected or wrong there.
    Syntax(usize, &'static str),
    /// An object without a usable `pid`.
    NoPid,
    /// More than the reader is willing to index.
    TooLong(usize),
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::Nuls => f.write_str("only NUL bytes, as a power cut leaves behind"),
            Self::NotUtf8(at) => write!(f, "not UTF-8 at byte {at}"),
            Self::NotAnObject => f.write_str("not a JSON object"),
            Self::Syntax(at, what) => write!(f, "not JSON at byte {at}: {what}"),
            Self::NoPid => f.write_str("has no usable pid"),
            Self::TooLong(len) => write!(f, "too long to be a record ({len} bytes)"),
        }
    }
}

/// Indexes the first JSON object in `text`.
pub(super) fn scan(text: &str) -> Result<Scan, Malformed> {
    let content = Content::of(text.as_bytes());
    let mut index = Index::new();
    let (mut faulty, mut repeated) = (false, false);
    let trailing = walk(text, &content, |entry, fits| {
        faulty |= !fits;
        if let Some(key) = entry.known {
            repeated |= index.get(key).is_some();
            index.set(key, entry.value.start as usize, entry.value.end as usize);
        }
    })?;
    Ok(Scan { index, trailing, faulty, unescaped: content.unescaped, repeated })
}

/// Every member of the first JSON object in `text`, in its order.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    _ = walk(text, &Content::of(text.as_bytes()), |entry, _| entries.push(entry));
    entries
}

/// Calls `visit` with every member, and whether its value has the shape of its key; returns where
/// other text follows the object.
fn walk(
    text: &str,
    content: &Content,
    mut visit: impl FnMut(Entry, bool),
) -> Result<Option<usize>, Malformed> {
    if u32::try_from(text.len()).is_err() {
        return Err(Malformed::TooLong(text.len()));
    }
    let simple = content.unescaped && content.printable;
    let mut cursor = Cursor { text, bytes: text.as_bytes(), at: 0, simple };
    cursor.white_space();
    match cursor.peek() {
        Some(b'{') => cursor.at += 1,
        None => return Err(Malformed::Empty),
        Some(0) if text.bytes().all(|b| b == 0) => return Err(Malformed::Nuls),
        Some(_) => return Err(Malformed::NotAnObject),
    }
    cursor.white_space();
    if cursor.peek() == Some(b'}') {
        cursor.at += 1;
    } else {
        loop {
            let (entry, fits) = cursor.member()?;
            visit(entry, fits);
            cursor.white_space();
            match cursor.next() {
                Some(b',') => cursor.white_space(),
                Some(b'}') => break,
                _ => return Err(cursor.before("expected ',' or '}'")),
            }
        }
    }
    cursor.white_space();
    Ok((cursor.at < text.len()).then_some(cursor.at))
}

/// What is nowhere in a text; the compiler makes vector code of finding out.
struct Content {
    unescaped: bool,
    printable: bool,
}

impl Content {
    fn of(bytes: &[u8]) -> Self {
        let escapes = bytes.iter().fold(0, |any, byte| any | u8::from(*byte == b'\\'));
        let least = bytes.iter().fold(u8::MAX, |least, byte| least.min(*byte));
        Self { unescaped: escapes == 0, printable: least >= 0x20 }
    }
}

struct Cursor<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Nothing in it can end a string but a quote.
    simple: bool,
}

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += 1;
        byte
    }

    fn before(&self, what: &'static str) -> Malformed {
        Malformed::Syntax(self.at.saturating_sub(1).min(self.bytes.len()), what)
    }

    fn white_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\t' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// `"key": value`; false if the key is understood and its value has the wrong shape.
    #[inline(always)]
    fn member(&mut self) -> Result<(Entry, bool), Malformed> {
        let start = self.at;
        if self.next() != Some(b'"') {
            return Err(self.before("expected a key in double quotes"));
        }
        let escaped = self.string_body(start)?;
        let key = Span::new(start, self.at);
        let known = if escaped {
            // Another spelling of the same key, "\u0070id" say: rare, but it is the same key.
            serde_json::from_str::<String>(key.of(self.text)).ok().and_then(|k| Key::from_name(&k))
        } else {
            Key::from_name(&self.text[start + 1..self.at - 1])
        };
        self.white_space();
        if self.next() != Some(b':') {
            return Err(self.before("expected ':'"));
        }
        self.white_space();
        let start = self.at;
        let found = self.value()?;
        let value = Span::new(start, self.at);
        let fits = match known {
            None => true,
            Some(key) => self.fits(&found, key.field().shape, value),
        };
        Ok((Entry { key, value, known }, fits))
    }

    /// Whether a value has the shape of its key; `null` is how some programs write "absent".
    fn fits(&self, found: &Found, shape: Shape, value: Span) -> bool {
        match (found, shape) {
            (Found::Null, _) | (Found::Text, Shape::Text) => true,
            // Fourteen digits are in the range of everything but a pid: no need to know which.
            (Found::Integer, Shape::Time | Shape::Count) if value.end - value.start <= 14 => true,
            (Found::Integer, shape) => integer(shape, value.of(self.text)).is_some(),
            _ => false,
        }
    }

    #[inline(always)]
    fn value(&mut self) -> Result<Found, Malformed> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string_body(start)?;
                Ok(Found::Text)
            }
            Some(b'1'..=b'9') => {
                while let Some(b'0'..=b'9') = self.peek() {
                    self.at += 1;
                }
                match self.peek() {
                    // A fraction or an exponent: not the integer that it seemed to be.
                    Some(b'.' | b'e' | b'E') => self.rest_of_json(start),
                    _ => Ok(Found::Integer),
                }
            }
            Some(b'0')
                if !matches!(self.bytes.get(start + 1), Some(b'0'..=b'9' | b'.' | b'e' | b'E')) =>
            {
                self.at += 1;
                Ok(Found::Integer)
            }
            _ => self.rest_of_json(start),
        }
    }

    fn rest_of_json(&mut self, start: usize) -> Result<Found, Malformed> {
        let (found, end) = anything(self.text, start)?;
        self.at = end;
        Ok(found)
    }

    /// After the opening quote, up to and with the closing one; true if it has escapes.
    #[inline(always)]
    fn string_body(&mut self, start: usize) -> Result<bool, Malformed> {
        if self.simple {
            self.at = next_quote(self.bytes, self.at).ok_or(self.ends_inside())? + 1;
            return Ok(false);
        }
        let (escaped, end) = any_string(self.text, start)?;
        self.at = end;
        Ok(escaped)
    }

    fn ends_inside(&self) -> Malformed {
        Malformed::Syntax(self.bytes.len(), "ends inside a string")
    }
}

// What is rare is apart from the cursor, and takes and returns where it stands: the usual way
// through a record then keeps all of it in registers.

/// Whatever else JSON allows, by the judge of what JSON allows.
#[cold]
fn anything(text: &str, start: usize) -> Result<(Found, usize), Malformed> {
    let mut values = serde_json::Deserializer::from_str(&text[start..]).into_iter::<IgnoredAny>();
    match values.next() {
        Some(Ok(_)) => {
            let end = start + values.byte_offset();
            Ok((if &text[start..end] == "null" { Found::Null } else { Found::Other }, end))
        }
        Some(Err(error)) if error.is_eof() => {
            Err(Malformed::Syntax(text.len(), "ends in the middle of a value"))
        }
        _ => Err(Malformed::Syntax(start, "expected a value")),
    }
}

/// A string with anything in it: whether it has escapes, and where it ends.
#[cold]
fn any_string(text: &str, start: usize) -> Result<(bool, usize), Malformed> {
    let bytes = text.as_bytes();
    let mut escaped = false;
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => break,
            Some(b'\\') => {
                escaped = true;
                at += 1;
            }
            Some(..0x20) => {
                return Err(Malformed::Syntax(at, "control character inside a string"));
            }
            Some(_) => {}
            None => return Err(Malformed::Syntax(bytes.len(), "ends inside a string")),
        }
        at += 1;
    }
    // A broken escape is not JSON; who knows escapes decides.
    let whole = text.get(start..=at).unwrap_or_default();
    if escaped && unescaped(whole).is_none() {
        return Err(Malformed::Syntax(start, "invalid escape in a string"));
    }
    Ok((escaped, at + 1))
}

/// What a JSON string says, its quotes and escapes resolved, in WTF-8: a program that counts in
/// UTF-16 cuts a sign in two and writes half of it as `\ud83d`, and one that keeps a path's other
/// bytes as such halves does too. Both are JSON.
pub(super) fn unescaped(quoted: &str) -> Option<Vec<u8>> {
    struct Bytes;
    impl serde::de::Visitor<'_> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }

        fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }
    }
    serde::Deserializer::deserialize_bytes(&mut serde_json::Deserializer::from_str(quoted), Bytes)
        .ok()
}

/// The same as text: each half of a sign becomes U+FFFD.
pub(super) fn well_formed(wtf8: &[u8]) -> String {
    let mut text = String::with_capacity(wtf8.len());
    for chunk in wtf8.utf8_chunks() {
        text.push_str(chunk.valid());
        // The first byte of three; the other two are chunks of their own.
        if chunk.invalid() == [0xed] {
            text.push('\u{fffd}');
        }
    }
    text
}

/// Where the next quote stands, found eight bytes at a time: most strings of a record are shorter
/// than what it takes to set up a longer stride.
#[inline]
fn next_quote(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    while let Some(chunk) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        // Zero where a quote is; then a borrow marks (at least) the lowest byte that is zero.
        let word = u64::from_le_bytes(*chunk) ^ (ONES * b'"' as u64);
        let marks = word.wrapping_sub(ONES) & !word & HIGHS;
        if marks != 0 {
            return Some(at + marks.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = bytes.get(at..)?;
    rest.iter().position(|byte| *byte == b'"').map(|found| at + found)
}

/// What kind of value the scanner saw.
enum Found {
    Text,
    Integer,
    Null,
    Other,
}

/// The number that these digits spell, if they are nothing else and in the range of the shape.
pub(super) fn integer(shape: Shape, digits: &str) -> Option<u64> {
    let least = u64::from(shape == Shape::Pid);
    let most = match shape {
        Shape::Text => return None,
        Shape::Pid => i32::MAX as u64,
        Shape::Count => u64::MAX,
        Shape::Time => 253_402_300_799_999,
    };
    // Nineteen digits cannot overflow; a sign, a fraction or nothing at all is not a digit.
    let number = if (1..=19).contains(&digits.len()) {
        let mut number = 0_u64;
        for byte in digits.bytes() {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + u64::from(digit);
        }
        number
    } else if digits.starts_with('+') {
        return None;
    } else {
        digits.parse().ok()?
    };
    (least..=most).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn verdict(text: &str) -> Result<(usize, bool), Malformed> {
        scan(text).map(|s| (entries(text).len(), s.trailing.is_some()))
    }

    #[test]
    fn what_is_and_what_is_not_an_object() {
        use Malformed as M;
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(60_000), "]".repeat(60_000));
        let open = "[".repeat(60_000);
        let open_inside = format!("{{\"a\":{open}");
        let cases: &[(&str, Result<(usize, bool), M>)] = &[
            ("", Err(M::Empty)),
            (" \n\t", Err(M::Empty)),
            ("\0\0\0", Err(M::Nuls)),
            ("\0{}", Err(M::NotAnObject)),
            ("[]", Err(M::NotAnObject)),
            (&open, Err(M::NotAnObject)),
            ("12", Err(M::NotAnObject)),
            ("{}", Ok((0, false))),
            (" { } \n", Ok((0, false))),
            (r#"{"pid":1}"#, Ok((1, false))),
            (r#"{"pid":1,"x":[{"y":null}],"z":-1.5e3}"#, Ok((3, false))),
            (r#"{"pid":1}{"stale":true"#, Ok((1, true))),
            ("{\"pid\":1}\0\0\0\0", Ok((1, true))),
            (r#"{"a":"\u00e9\n\"x\""}"#, Ok((1, false))),
            (&deep, Ok((1, false))),
            (&open_inside, Err(M::Syntax(60_005, "ends in the middle of a value"))),
            (r#"{"pid":1"#, Err(M::Syntax(8, "expected ',' or '}'"))),
            (r#"{"pid":1,}"#, Err(M::Syntax(9, "expected a key in double quotes"))),
            (r#"{"pid" 1}"#, Err(M::Syntax(7, "expected ':'"))),
            (r#"{"pid":01}"#, Err(M::Syntax(7, "expected a value"))),
            (r#"{"a":"b"#, Err(M::Syntax(7, "ends inside a string"))),
            ("{\"a\":\"b\nc\"}", Err(M::Syntax(7, "control character inside a string"))),
            (r#"{"a":"\x"}"#, Err(M::Syntax(5, "invalid escape in a string"))),
            (r#"{"a":"\"#, Err(M::Syntax(7, "ends inside a string"))),
            (r#"{"a":}"#, Err(M::Syntax(5, "expected a value"))),
            ("{pid:1}", Err(M::Syntax(1, "expected a key in double quotes"))),
        ];
        for (text, expected) in cases {
            let shown = &text[..text.len().min(40)];
            assert_eq!(&verdict(text), expected, "{shown}");
        }
    }

    #[test]
    fn wrong_shapes_are_noticed_without_ending_the_record() {
        let cases = [
            (r#"{"pid":1,"startedAt":1795239552076}"#, false),
            (r#"{"pid":1,"startedAt":-5}"#, true),
            (r#"{"pid":1,"startedAt":1e99}"#, true),
            (r#"{"pid":1,"startedAt":99999999999999999999}"#, true),
            (r#"{"pid":1,"name":7}"#, true),
            (r#"{"pid":1,"name":null}"#, false),
            (r#"{"pid":0}"#, true),
            (r#"{"pid":2147483648}"#, true),
            (r#"{"pid":"1"}"#, true),
            (r#"{"pid":1,"unknown":-5}"#, false),
        ];
        for (text, faulty) in cases {
            assert_eq!(scan(text).unwrap().faulty, faulty, "{text}");
        }
    }

    /// JSON-like text, so that random input often gets past the first byte.
    fn soup() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{".to_owned()),
            Just("}".to_owned()),
            Just("\"".to_owned()),
            Just(":".to_owned()),
            Just(",".to_owned()),
            Just("[".to_owned()),
            Just("]".to_owned()),
            Just("\\".to_owned()),
            Just("\"pid\":1".to_owned()),
            Just("\"name\":\"x\"".to_owned()),
            Just("null".to_owned()),
            Just("-0".to_owned()),
            Just("01".to_owned()),
            Just("1.5e3".to_owned()),
            Just("\"\\ud800\"".to_owned()),
            Just("\u{1}".to_owned()),
            Just(" ".to_owned()),
            "[a-z\"\\\\é🎭\\x00-\\x1f]{0,12}",
        ];
        proptest::collection::vec(piece, 0..24).prop_map(|v| v.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn agrees_with_serde_json_on_what_an_object_is(tail in soup()) {
            let text = format!("{{{tail}");
            let mut values = serde_json::Deserializer::from_str(&text).into_iter::<IgnoredAny>();
            let theirs = values.next();
            match (scan(&text), theirs) {
                (Ok(ours), Some(Ok(_))) => {
                    let end = values.byte_offset();
                    let rest = text[end..].trim_start_matches([' ', '\n', '\t', '\r']);
                    prop_assert_eq!(ours.trailing, (!rest.is_empty()).then(|| text.len() - rest.len()));
                }
                (Err(_), Some(Err(_)) | None) => {}
                (ours, theirs) => prop_assert!(false,
                    "ours ok: {}, theirs: {:?}, text: {:?}", ours.is_ok(), theirs.map(|r| r.is_ok()), text),
            }
        }
    }
}
