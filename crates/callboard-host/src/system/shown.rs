//! What the kernel shows of this process to others: the words that it was executed with, and the
//! environment. A process that was forked and goes on as something else shows those of the one
//! that it came of, until it writes others in their place.

use std::ops::Range;

use super::raw;

/// What `/proc/self/stat` says of this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    threads: u32,
    /// The signals that have handlers, the lowest bit for the first.
    caught: u64,
    /// Where in memory `/proc/<pid>/cmdline` is read from, and `/proc/<pid>/environ`.
    words: Range<usize>,
    environment: Range<usize>,
}

impl Shown {
    /// Of this process; `None` where the kernel does not tell.
    pub(crate) fn look() -> Option<Self> {
        Self::parse(&std::fs::read_to_string("/proc/self/stat").ok()?)
    }

    /// The name is in brackets and may hold anything.
    fn parse(stat: &str) -> Option<Self> {
        let (_, fields) = stat.rsplit_once(") ")?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        // The first after the name is field 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let address = |number: usize| usize::try_from(field(number)?).ok();
        let range = |from, to| Some(address(from)?..address(to)?).filter(|at| at.start <= at.end);
        // To who may not know, the kernel says that everything is at 0.
        let (words, environment) = (range(48, 49)?, range(50, 51)?);
        let is_told = words.start != 0 && words.end == environment.start;
        let threads = u32::try_from(field(20)?).ok()?;
        is_told.then_some(Self { threads, caught: field(34)?, words, environment })
    }

    /// Whether a copy of this process by `fork` is whole: there is no other thread that would be
    /// missing in it.
    pub(crate) const fn is_one_thread(&self) -> bool {
        self.threads == 1
    }

    /// Whether something in this process handles one of these signals.
    pub(crate) fn handles(&self, signals: &[i32]) -> bool {
        signals.iter().any(|signal| self.caught >> (signal - 1) & 1 == 1)
    }

    /// Shows these words from now on, and no environment. What was there is gone.
    pub(crate) fn become_shown_as(&self, words: &[&str]) {
        let text = laid_out(words, self.words.len(), self.environment.len());
        raw::overwrite_words(self.words.start, &text);
    }
}

/// What to write over the words and the environment, which follow each other in memory and are so
/// long. Where the new words are longer than the old ones, a byte that is not 0 at the end of
/// those tells the kernel to show what there is up to the next 0, as for `setproctitle`; it shows
/// that as one word.
fn laid_out(words: &[&str], length: usize, more: usize) -> Vec<u8> {
    let all = length + more;
    let mut text: Vec<u8> =
        words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
    if text.len() > length {
        text = words.join(" ").into_bytes();
        text.truncate(all.saturating_sub(1));
    }
    text.resize(all, 0);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_the_name() {
        let mut fields: Vec<String> = (3..=52).map(|number| number.to_string()).collect();
        for (number, text) in [(3, "R"), (20, "1"), (34, "17"), (48, "900"), (50, "950")] {
            fields[number - 3] = text.into();
        }
        for (number, text) in [(49, "950"), (51, "1000")] {
            fields[number - 3] = text.into();
        }
        let stat = |fields: &[String]| format!("7 (a) R 1 (b) {}\n", fields.join(" "));
        let shown = Shown::parse(&stat(&fields)).unwrap();
        assert_eq!(
            shown,
            Shown { threads: 1, caught: 17, words: 900..950, environment: 950..1000 }
        );
        assert!(shown.is_one_thread());
        assert!(shown.handles(&[2, 5]) && !shown.handles(&[2, 3, 4]));
        for (number, text) in [(48, "0"), (50, "951"), (49, "899"), (51, "x")] {
            let mut fields = fields.clone();
            fields[number - 3] = text.into();
            assert_eq!(Shown::parse(&stat(&fields)), None, "{number}");
        }
        assert_eq!(Shown::parse("7 (a) R 1 2"), None);
    }

    #[test]
    fn words_where_other_words_were() {
        for (length, more, expected) in [
            (8, 2, &b"ab\0cd\0\0\0\0\0"[..]),
            (6, 0, b"ab\0cd\0"),
            // One byte too short: one word, which ends in what was the environment.
            (5, 4, b"ab cd\0\0\0\0"),
            (3, 9, b"ab cd\0\0\0\0\0\0\0"),
            // There is no room: it is cut, and ends.
            (3, 1, b"ab \0"),
            (2, 0, b"a\0"),
            (0, 0, b""),
        ] {
            assert_eq!(laid_out(&["ab", "cd"], length, more), expected, "{length} {more}");
        }
    }
}
