//! How wide text is on a terminal, and how it is cut there. All of it on sanitised text: a
//! cluster of characters that is shown as one sign is never cut in two.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// What stands for the part that was cut away.
pub(crate) const ELLIPSIS: &str = "…";

/// Which end of a text tells most, and is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// A name, a sentence.
    Beginning,
    /// A path.
    End,
}

/// The columns that `text` takes.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.graphemes(true).map(UnicodeWidthStr::width).sum()
    }
}

/// `text` in at most `columns` columns.
pub(crate) fn cut(text: &str, columns: usize, keep: Keep) -> Cow<'_, str> {
    if width(text) <= columns {
        return Cow::Borrowed(text);
    }
    let Some(room) = columns.checked_sub(1) else { return Cow::Borrowed("") };
    match keep {
        Keep::Beginning => {
            let end = reach(text.graphemes(true), room);
            Cow::Owned(format!("{}{ELLIPSIS}", text[..end].trim_end()))
        }
        Keep::End => {
            let start = text.len() - reach(text.graphemes(true).rev(), room);
            // Whole directories are easier to read, where one begins within what is kept.
            let tail = &text[start..];
            let tail =
                tail.find('/').filter(|at| at * 2 < tail.len()).map_or(tail, |at| &tail[at..]);
            Cow::Owned(format!("{ELLIPSIS}{tail}"))
        }
    }
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
        ] {
            let shown = cut(text, columns, keep);
            assert!(width(&shown) <= columns, "{shown:?} in {columns}");
            assert_eq!(shown, expected, "{text:?} in {columns}");
        }
    }
}
