//! A value of the configuration file as what it is for.

use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

/// A value of the file, and what is wrong in parts of it.
pub(super) struct Given<'a, 'i> {
    pub(super) key: &'static str,
    pub(super) value: &'a Spanned<DeValue<'i>>,
    pub(super) home: Option<&'a Path>,
    /// Where, as an offset into the text, and what.
    pub(super) wrong: &'a mut Vec<(usize, String)>,
}

impl Given<'_, '_> {
    /// A text that means something.
    pub(super) fn text<T>(&self, read: impl Fn(&str) -> Option<T>) -> Option<T> {
        read(self.value.get_ref().as_str()?)
    }

    /// A list of texts that all mean something.
    pub(super) fn texts<T>(&self, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
        let items = self.value.get_ref().as_array()?;
        items.iter().map(|item| read(item.get_ref().as_str()?)).collect()
    }

    /// A list of words, each one of `allowed`; or one of them without a list. Those that are not
    /// are told of, and the others count.
    pub(super) fn words<T: Copy + PartialEq>(
        &mut self,
        allowed: &[T],
        word: impl Fn(T) -> &'static str,
    ) -> Option<Vec<T>> {
        let alone = std::slice::from_ref(self.value);
        let items = match self.value.get_ref() {
            DeValue::Array(items) => items,
            DeValue::String(_) => alone,
            _ => return None,
        };
        let mut found = Vec::new();
        for item in items {
            let text = item.get_ref().as_str()?;
            match allowed.iter().find(|one| word(**one) == text) {
                Some(one) if found.contains(one) => {}
                Some(one) => found.push(*one),
                None => {
                    let words = allowed.iter().map(|one| word(*one));
                    let what = not_a_word(self.key, text, words);
                    self.wrong.push((item.span().start, what));
                }
            }
        }
        Some(found)
    }

    /// A list of absolute paths, where `~/` is the user's home.
    pub(super) fn directories(&self) -> Option<Vec<PathBuf>> {
        let expand = |text: &str| match (text.strip_prefix("~/"), self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(text),
        };
        self.texts(|text| Some(expand(text)).filter(|path| path.is_absolute()))
    }
}

fn not_a_word(
    key: &str,
    text: &str,
    allowed: impl Iterator<Item = &'static str> + Clone,
) -> String {
    let all: Vec<&str> = allowed.clone().collect();
    let near = nearest(text, allowed).map(|near| format!("; did you mean \"{near}\"?"));
    format!(
        "`{key}` does not know \"{text}\", which is ignored{} (there are {})",
        near.unwrap_or_default(),
        all.join(", ")
    )
}

/// A length of time: as on the command line, and in days (`7d`) or weeks (`2w`).
pub(super) fn length(text: &str) -> Option<Duration> {
    let in_hours = |number: &str, hours: u64| {
        number.trim().parse::<u32>().ok().map(|n| Duration::from_secs(u64::from(n) * hours * 3600))
    };
    match text.trim() {
        days if days.ends_with('d') => in_hours(days.trim_end_matches('d'), 24),
        weeks if weeks.ends_with('w') => in_hours(weeks.trim_end_matches('w'), 7 * 24),
        other => crate::commands::length_of_time(other).ok(),
    }
}

/// The word that was probably meant: the one that takes the fewest changes of a letter, if these
/// are few for its length.
pub(super) fn nearest(
    text: &str,
    words: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    let plain = |word: &str| word.to_lowercase().replace(['-', ' '], "_");
    let text = plain(text);
    let most = (text.chars().count() / 3).max(1);
    words
        .map(|word| (strsim::damerau_levenshtein(&text, &plain(word)), word))
        .filter(|(changes, _)| *changes <= most)
        .min_by_key(|(changes, _)| *changes)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_by_case() {
        for (text, seconds) in [
            ("30s", Some(30)),
            ("1h 30m", Some(5400)),
            ("7d", Some(604_800)),
            ("2w", Some(1_209_600)),
            ("0s", Some(0)),
            ("99999999999d", None),
            ("d", None),
            ("-1d", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(length(text), seconds.map(Duration::from_secs), "{text}");
        }
    }

    #[test]
    fn what_was_probably_meant_by_case() {
        const WORDS: [&str; 4] = ["on", "by", "idle_after", "settle"];
        for (text, meant) in [
            ("idle_afer", Some("idle_after")),
            ("idleafter", Some("idle_after")),
            ("idle-after", Some("idle_after")),
            ("Idle_After", Some("idle_after")),
            ("setlle", Some("settle")),
            ("no", Some("on")),
            ("bye", Some("by")),
            ("colour", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(nearest(text, WORDS.into_iter()), meant, "{text}");
        }
    }
}
