//! How wide text is on a terminal, and how it is cut there. All of it on sanitised text: a
//! cluster of characters that is shown as one sign is never cut in two.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What stands for the part that was cut away.
pub const ELLIPSIS: &str = "…";

/// Which end of a text tells most, and is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// A name, a sentence.
    Beginning,
    /// A path.
    End,
}

/// The columns that `text` takes.
#[must_use]
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.graphemes(true).map(UnicodeWidthStr::width).sum()
    }
}

/// `text` in at most `columns` columns.
#[must_use]
pub fn cut(text: &str, columns: usize, keep: Keep) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    match keep {
        Keep::Beginning => {
            let kept = &text[..reach(text.graphemes(true), room)];
            let blank = kept.graphemes(true).rev().take_while(|cluster| is_blank(cluster));
            let end = kept.len() - blank.map(str::len).sum::<usize>();
            Cow::Owned(format!("{}{ELLIPSIS}", &kept[..end]))
        }
        Keep::End => {
            let start = text.len() - reach(text.graphemes(true).rev(), room);
            Cow::Owned(format!("{ELLIPSIS}{}", from_directory(&text[start..])))
        }
    }
}

/// White space that nothing is joined to: a sign of the kind of U+0600 takes in what follows it.
fn is_blank(cluster: &str) -> bool {
    cluster.trim().is_empty()
}

/// Whole directories are easier to read, where one begins in the first half of what is kept.
fn from_directory(tail: &str) -> &str {
    let mut clusters = tail.grapheme_indices(true);
    let near = |at: &usize| width(&tail[..*at]) * 2 < width(tail);
    let directory = clusters.find(|(_, cluster)| cluster.starts_with('/')).map(|(at, _)| at);
    directory.filter(near).map_or(tail, |at| &tail[at..])
}

/// How many bytes of the clusters fit into `room` columns.
fn reach<'a>(clusters: impl Iterator<Item = &'a str>, room: usize) -> usize {
    let mut used = 0;
    clusters
        .take_while(|cluster| {
            used += cluster.width();
            used <= room
        })
        .map(str::len)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_by_case() {
        for (text, columns) in [
            ("", 0),
            ("abc", 3),
            ("größer", 6),
            ("e\u{301}", 1),
            ("日本語", 6),
            ("👩‍👩‍👧‍👦", 2),
            ("🇩🇪", 2),
            ("❤️", 2),
            ("한국어", 6),
            ("…", 1),
        ] {
            assert_eq!(width(text), columns, "{text:?}");
        }
    }

    #[test]
    fn cuts_by_case() {
        use Keep::{Beginning, End};
        for (text, columns, keep, expected) in [
            ("billing", 7, Beginning, "billing"),
            ("billing", 6, Beginning, "billi…"),
            ("fix the tests", 5, Beginning, "fix…"),
            ("billing", 1, Beginning, "…"),
            ("billing", 0, Beginning, ""),
            ("日本語", 5, Beginning, "日本…"),
            ("日本語", 4, Beginning, "日…"),
            ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 3, Beginning, "👩‍👩‍👧‍👦…"),
            ("👩‍👩‍👧‍👦👩‍👩‍👧‍👦", 2, Beginning, "…"),
            ("e\u{301}e\u{301}e\u{301}", 2, Beginning, "e\u{301}…"),
            ("~/src/callboard", 15, End, "~/src/callboard"),
            ("~/src/callboard", 14, End, "…/callboard"),
            ("~/src/callboard", 6, End, "…board"),
            ("/very/long/path/to/api", 13, End, "…/path/to/api"),
            ("/very/long/path/to/api", 12, End, "…/to/api"),
            ("/home/日本語", 4, End, "…語"),
            ("/a", 1, End, "…"),
            // Half is half of the columns, not of the bytes.
            ("0123456789/日本", 12, End, "…456789/日本"),
            // What is joined to a sign before it is not cut off, blank or not.
            ("\u{600} number", 3, Beginning, "\u{600} …"),
            ("~/\u{600}/number", 9, End, "…\u{600}/number"),
        ] {
            let shown = cut(text, columns, keep);
            assert!(width(&shown) <= columns, "{shown:?} in {columns}");
            assert_eq!(shown, expected, "{text:?} in {columns}");
        }
    }
}
