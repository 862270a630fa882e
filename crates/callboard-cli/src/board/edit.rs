//! A line that is typed and changed. Pure.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation as _;

use super::input::Key;
use crate::output::sanitize::sanitize;
use crate::output::width::{Keep, cut, width};

/// Nobody types more than this into one line.
const LONGEST: usize = 1024;

/// The text, and where the next character goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    text: String,
    /// In bytes, at the beginning of a cluster.
    at: usize,
}

impl Line {
    /// One that has a text already, to be changed at its end.
    pub(super) fn of(text: &str) -> Self {
        Self { text: text.to_owned(), at: text.len() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Puts text in, on one line.
    pub(super) fn insert(&mut self, text: &str) {
        for c in text.trim_end_matches(['\r', '\n']).chars() {
            let c = if c.is_control() { ' ' } else { c };
            if self.text.len() + c.len_utf8() <= LONGEST {
                self.text.insert(self.at, c);
                self.at += c.len_utf8();
            }
        }
    }

    /// What a key does to it; `false` if it means nothing here.
    pub(super) fn key(&mut self, key: Key) -> bool {
        match key {
            Key::Char(c) => self.insert(c.encode_utf8(&mut [0; 4])),
            Key::Left | Key::Ctrl('b') => self.at = self.before(),
            Key::Right | Key::Ctrl('f') => self.at = self.after(),
            Key::Home | Key::Ctrl('a') => self.at = 0,
            Key::End | Key::Ctrl('e') => self.at = self.text.len(),
            Key::Backspace => self.cut(self.before(), self.at),
            Key::Delete | Key::Ctrl('d') => self.cut(self.at, self.after()),
            Key::Ctrl('u') => self.cut(0, self.at),
            Key::Ctrl('k') => self.cut(self.at, self.text.len()),
            Key::Ctrl('w') => self.cut(self.word(), self.at),
            _ => return false,
        }
        true
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.text.replace_range(from..to, "");
        self.at = from;
    }

    fn before(&self) -> usize {
        let last = self.text[..self.at].grapheme_indices(true).next_back();
        last.map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        self.at + self.text[self.at..].graphemes(true).next().map_or(0, str::len)
    }

    /// Where the word before the cursor begins.
    fn word(&self) -> usize {
        let words = self.text[..self.at].trim_end();
        words
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + words[at..].chars().next().map_or(0, char::len_utf8))
    }

    /// What is shown of it in so many columns, sanitised, and in which of them the cursor stands.
    pub(super) fn shown(&self, columns: usize) -> (String, usize) {
        let (before, after) = self.text.split_at(self.at);
        let (before, after) = (sanitize(before), sanitize(after));
        // The cursor stands behind the last character, and needs a place, too.
        let before: Cow<'_, str> = cut(&before, columns.saturating_sub(1), Keep::End);
        let cursor = width(&before);
        let after = cut(&after, columns.saturating_sub(cursor), Keep::Beginning);
        (format!("{before}{after}"), cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_by_case() {
        let cases: &[(&str, &[Key], &str, usize)] = &[
            ("bill", &[Key::Char('s')], "bills", 5),
            ("bill", &[Key::Home, Key::Char('a')], "abill", 1),
            ("bill", &[Key::Left, Key::Backspace], "bil", 2),
            ("bill", &[Key::Left, Key::Left, Key::Delete], "bil", 2),
            ("bill", &[Key::Ctrl('a'), Key::Backspace], "bill", 0),
            ("bill", &[Key::Right, Key::Delete], "bill", 4),
            ("fix the bug", &[Key::Ctrl('w')], "fix the ", 8),
            ("fix the  ", &[Key::Ctrl('w'), Key::Ctrl('w')], "", 0),
            ("fix the bug", &[Key::Left, Key::Ctrl('u')], "g", 0),
            ("fix the bug", &[Key::Home, Key::Right, Key::Ctrl('k')], "f", 1),
            ("a👩‍👩‍👧‍👦", &[Key::Backspace], "a", 1),
            ("日本", &[Key::Left, Key::Backspace], "本", 0),
            ("a", &[Key::End, Key::Ctrl('e'), Key::Ctrl('b'), Key::Ctrl('f')], "a", 1),
        ];
        for (text, keys, after, at) in cases {
            let mut line = Line::of(text);
            assert!(keys.iter().all(|key| line.key(*key)), "{text:?} {keys:?}");
            assert_eq!((line.text(), line.at), (*after, *at), "{text:?} {keys:?}");
        }
        assert!(!Line::default().key(Key::Up));
    }

    #[test]
    fn what_is_pasted_is_one_line_of_a_sane_length() {
        let mut line = Line::of("a");
        line.insert("b\nc\td\r\n");
        assert_eq!(line.text(), "ab c d");
        line.insert(&"x".repeat(5000));
        assert_eq!(line.text().len(), LONGEST);
    }

    #[test]
    fn the_cursor_is_always_in_sight() {
        for (text, left, columns, shown, cursor) in [
            ("billing", 0, 20, "billing", 7),
            ("billing", 0, 7, "…lling", 6),
            ("billing", 7, 5, "bill…", 0),
            ("a\u{1b}b", 1, 20, "a\\u{1b}b", 7),
            ("日本語", 0, 4, "…語", 3),
            ("x", 0, 1, "", 0),
            ("x", 0, 0, "", 0),
        ] {
            let mut line = Line::of(text);
            (0..left).for_each(|_| assert!(line.key(Key::Left)));
            assert_eq!(line.shown(columns), (shown.to_owned(), cursor), "{text:?} in {columns}");
        }
    }
}
