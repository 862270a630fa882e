//! What a session has printed: rows that left its screen, as text and colours, on disk.
//!
//! | file | what it does |
//! |---|---|
//! | `write` | adds rows, gives way to a new file, survives a full disk |
//! | `read` | the last lines, or those since a time |
//!
//! `log` is the newest file, `log.1` the one before. Beside each, `log.at` says at which times it
//! had which length: `<ms since the epoch> <bytes>` on a line, at most one line for each second.

mod read;
mod write;

use std::fmt;

pub use read::LogRef;
pub use write::RowLog;

use crate::error::Result;

/// Which part of a log is wanted, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogQuery {
    /// Only so many lines, the last ones.
    pub last: Option<usize>,
    /// Only what was printed since this time, in ms since the epoch; up to a second more.
    pub since: Option<u64>,
    /// With colours (SGR sequences); nothing else that a terminal would act on in any case.
    pub colour: bool,
    /// And what comes, until the session ends.
    pub follow: bool,
}

/// A log, part by part.
pub struct LogStream {
    first: Option<Vec<u8>>,
    colour: bool,
    more: Option<Box<dyn Follow>>,
}

/// Waits for more of a log.
pub trait Follow {
    /// The next lines, with their line ends; `None` when the session has ended.
    ///
    /// # Errors
    ///
    /// When the session's host is gone without a word.
    fn next(&mut self) -> Result<Option<Vec<u8>>>;
}

impl LogStream {
    /// What there is, and what comes.
    #[must_use]
    pub fn new(query: &LogQuery, history: Vec<u8>, more: Option<Box<dyn Follow>>) -> Self {
        Self { first: Some(history), colour: query.colour, more }
    }

    /// The next part, whole lines; `None` at the end. Waits where the log is followed.
    ///
    /// # Errors
    ///
    /// When the session's host is gone without a word.
    pub fn next_part(&mut self) -> Result<Option<Vec<u8>>> {
        let part = match (self.first.take(), &mut self.more) {
            (Some(first), _) => Some(first),
            (None, Some(more)) => more.next()?,
            (None, None) => None,
        };
        Ok(part.map(|part| if self.colour { part } else { crate::screen::plain(&part) }))
    }

    /// All of it.
    ///
    /// # Errors
    ///
    /// As [`LogStream::next_part`].
    pub fn read_to_end(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(part) = self.next_part()? {
            all.extend(part);
        }
        Ok(all)
    }
}

impl fmt::Debug for LogStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogStream").field("follows", &self.more.is_some()).finish()
    }
}

/// The last `count` lines of `text`.
pub(crate) fn last_lines(text: &[u8], count: usize) -> &[u8] {
    let body = text.strip_suffix(b"\n").unwrap_or(text);
    if count == 0 || text.is_empty() {
        return &[];
    }
    let ends = body.iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    match ends.map(|(at, _)| at).nth(count - 1) {
        Some(at) => &text[at + 1..],
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_by_case() {
        for (text, count, expected) in [
            ("", 3, ""),
            ("a\nb\nc\n", 2, "b\nc\n"),
            ("a\nb\nc", 2, "b\nc"),
            ("a\nb\n", 0, ""),
            ("a\nb\n", 9, "a\nb\n"),
            ("\n\n\n", 2, "\n\n"),
        ] {
            assert_eq!(last_lines(text.as_bytes(), count), expected.as_bytes(), "{text:?} {count}");
        }
    }

    #[test]
    fn colours_are_left_out_unless_wanted() {
        for (colour, expected) in [(true, &b"\x1b[31ma\x1b[m\n"[..]), (false, b"a\n")] {
            let query = LogQuery { colour, ..LogQuery::default() };
            let stream = LogStream::new(&query, b"\x1b[31ma\x1b[m\n".to_vec(), None);
            assert_eq!(stream.read_to_end().unwrap(), expected);
        }
    }
}
