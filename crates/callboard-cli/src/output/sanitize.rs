//! What may reach a terminal. Names, directories and everything else in a record were written by
//! other programs, and may have been chosen by somebody who wants the reader's terminal to obey
//! (escape sequences), or the reader to see another name than there is (bidi overrides, invisible
//! characters).

use std::borrow::Cow;
use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

/// More marks than this on one letter are not writing but ink over the neighbouring rows.
const MAX_MARKS: usize = 8;

const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// `text` with everything that is not plainly visible written out, as `\n`, `\t`, `\u{202e}`.
///
/// Letters, marks, wide characters and emoji (with their joiners and variation selectors where
/// these join something) come through as they are.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|b| matches!(b, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len() + 16);
    for cluster in text.graphemes(true) {
        push_cluster(&mut clean, cluster);
    }
    if clean == text { Cow::Borrowed(text) } else { Cow::Owned(clean) }
}

/// The same for a text of several lines, which keeps its line ends: a usage message that quotes
/// an argument.
#[must_use]
pub fn sanitize_lines(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (body, end) = line.strip_suffix('\n').map_or((line, ""), |body| (body, "\n"));
        clean.push_str(&sanitize(body));
        clean.push_str(end);
    }
    clean
}

fn push_cluster(clean: &mut String, cluster: &str) {
    let mut marks = 0;
    // What the next one joins; nothing after one that was written out, or it would join the brace.
    let mut before: Option<char> = None;
    let mut whole = true;
    let mut rest = cluster.chars();
    while let Some(c) = rest.next() {
        let next = rest.clone().next();
        let joins = before.filter(|_| whole);
        let shown = match c {
            // Joins two pictures (or two Indic consonants) only when both stand in one cluster.
            ZERO_WIDTH_JOINER => joins.is_some() && next.is_some_and(stands_alone),
            // Picks the form of the sign before it; alone, or twice, it only hides data.
            '\u{fe00}'..='\u{fe0f}' => joins.is_some_and(|b| char_width(b) > 0),
            _ if is_hidden(c) => false,
            _ if char_width(c) == 0 => {
                marks += 1;
                joins.is_some() && marks <= MAX_MARKS
            }
            _ => true,
        };
        if shown {
            clean.push(c);
            before = Some(c);
        } else {
            push_escaped(clean, c);
            whole = false;
        }
    }
}

/// Whether it is more than a mark on what stands before it.
fn stands_alone(c: char) -> bool {
    let mut pair = String::from("a");
    pair.push(c);
    pair.graphemes(true).count() == 2
}

fn char_width(c: char) -> usize {
    c.width().unwrap_or(0)
}

fn push_escaped(clean: &mut String, c: char) {
    match c {
        '\n' => clean.push_str("\\n"),
        '\r' => clean.push_str("\\r"),
        '\t' => clean.push_str("\\t"),
        // Writing to a String does not fail.
        _ => drop(write!(clean, "\\u{{{:x}}}", u32::from(c))),
    }
}

/// Characters that act, or are there without being seen.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control() // C0, DEL, C1
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}'
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}'       // blank letters
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'       // zero width, lines, bidi
            | '\u{2060}'..='\u{206f}'                                 // joiners, isolates, format
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}') // tags, more selectors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_through_by_case() {
        for text in [
            "",
            "plain ASCII ~!@#$%^&*()\\",
            "größer",
            "e\u{301}", // a letter with a mark
            "日本語",
            "한국어",
            "हिन्दी",
            "👩‍👩‍👧‍👦", // a family, joined
            "🧑🏽‍🚀",
            "❤️",
            "🏳️‍🌈",
            "🇩🇪",
            "1️⃣",
            "\u{a0}no-break",
            "\u{e0a0}", // a powerline sign: private, but seen
        ] {
            assert_eq!(sanitize(text), text);
            assert!(matches!(sanitize(text), Cow::Borrowed(_)), "{text:?} is not copied");
        }
    }

    #[test]
    fn what_is_written_out_by_case() {
        let cases = [
            ("a\nb", "a\\nb"),
            ("a\r\nb", "a\\r\\nb"),
            ("a\tb", "a\\tb"),
            ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("\u{90}q\u{9c}", "\\u{90}q\\u{9c}"),
            ("\0", "\\u{0}"),
            ("\u{7f}", "\\u{7f}"),
            ("\u{202e}gpj.exe", "\\u{202e}gpj.exe"),
            ("\u{202a}\u{202b}\u{202c}\u{202d}", "\\u{202a}\\u{202b}\\u{202c}\\u{202d}"),
            ("\u{2066}\u{2067}\u{2068}\u{2069}", "\\u{2066}\\u{2067}\\u{2068}\\u{2069}"),
            ("\u{200e}\u{200f}\u{61c}", "\\u{200e}\\u{200f}\\u{61c}"),
            ("a\u{200b}b\u{200c}c\u{2060}d", "a\\u{200b}b\\u{200c}c\\u{2060}d"),
            ("\u{feff}a", "\\u{feff}a"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            // A joiner that joins nothing, or a letter to a letter.
            ("\u{200d}", "\\u{200d}"),
            ("a\u{200d}b", "a\\u{200d}b"),
            ("👩\u{200d}", "👩\\u{200d}"),
            ("👩\u{200d}x", "👩\\u{200d}x"),
            ("x\u{200d}\u{903}", "x\\u{200d}\u{903}"),
            // What would attach to a sign that is written out in between.
            ("👩\u{34f}\u{200d}👩", "👩\\u{34f}\\u{200d}👩"),
            ("x\u{34f}\u{301}\u{fe0f}", "x\\u{34f}\\u{301}\\u{fe0f}"),
            ("👩\u{34f}🏽\u{200d}👩", "👩\\u{34f}🏽\\u{200d}👩"),
            // A selector or a mark with nothing before it, and data hidden in a row of them.
            ("\u{fe0f}x", "\\u{fe0f}x"),
            ("x\u{fe0f}\u{fe01}\u{fe02}", "x\u{fe0f}\\u{fe01}\\u{fe02}"),
            ("\u{301}x", "\\u{301}x"),
            ("x\u{e0041}", "x\\u{e0041}"),
            ("\u{3164}", "\\u{3164}"),
        ];
        for (text, shown) in cases {
            assert_eq!(sanitize(text), shown, "{text:?}");
        }
    }

    #[test]
    fn nothing_hidden_is_left_whatever_stands_around_it() {
        let around = ["", "a", "👩", "e\u{301}", "\u{1b}", "क्"];
        let hidden = (0..=0x0010_ffff).filter_map(char::from_u32).filter(|c| is_hidden(*c));
        // All of them, but one in 64 of the large block at the end.
        for c in hidden.filter(|c| *c < '\u{e0100}' || u32::from(*c) % 64 == 0) {
            if c == ZERO_WIDTH_JOINER || matches!(c, '\u{fe00}'..='\u{fe0f}') {
                continue; // Have cases of their own above.
            }
            for left in around {
                for right in around {
                    let text = format!("{left}{c}{right}");
                    assert!(!sanitize(&text).contains(c), "{text:?}");
                }
            }
        }
    }

    #[test]
    fn marks_do_not_pile_up() {
        let zalgo = format!("z{}", "\u{301}".repeat(50));
        assert_eq!(sanitize(&zalgo).matches('\u{301}').count(), MAX_MARKS);
    }

    #[test]
    fn a_message_keeps_its_lines_and_nothing_else() {
        assert_eq!(sanitize_lines("a\u{1b}b\nc\r\n"), "a\\u{1b}b\nc\\r\n");
    }
}
