//! Where conversations are, as a description says it: a path with `{cwd}`, `{home}`, `{id}` and `*`.

use std::path::{Component, Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::agents::head::{files, made_at};

/// How many places of a pattern are looked into.
const MAX_PLACES: usize = 1000;

/// A path with gaps.
#[derive(Debug)]
pub(super) struct Pattern {
    path: PathBuf,
    begins_with_cwd: bool,
}

impl Pattern {
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(text: &str, home: Option<&Path>) -> Result<Self, String> {
        let (begins_with_cwd, path) = match text.strip_prefix("{cwd}/") {
            Some(rest) => (true, PathBuf::from(rest)),
            None => {
                let below = text.strip_prefix("~/").or_else(|| text.strip_prefix("{home}/"));
                let path = match (below, home) {
                    (Some(rest), Some(home)) => home.join(rest),
                    _ => PathBuf::from(text),
                };
                (false, path)
            }
        };
        if !begins_with_cwd && !path.is_absolute() {
            return Err("`path` begins with `/`, `~/`, `{home}/` or `{cwd}/`".into());
        }
        let is_plain = |part| matches!(part, Component::Normal(_) | Component::RootDir);
        if !path.components().all(is_plain) || path.to_str().is_none() {
            return Err("`path` has neither `.` nor `..`".into());
        }
        let gaps = text.matches("{id}").count();
        if gaps > 1 {
            return Err("`path` has `{id}` at most once".into());
        }
        Ok(Self { path, begins_with_cwd })
    }

    /// The files that fit and that a process of this directory has begun since it started (ms
    /// since the epoch), each with the id in its name.
    ///
    /// One file that the pattern names outright is there for all processes, one after the other:
    /// it counts if it was written since.
    pub(super) fn find(&self, cwd: &Path, since: u64) -> Vec<(PathBuf, Option<Box<str>>)> {
        let mut found = vec![(PathBuf::new(), None)];
        if self.begins_with_cwd {
            found[0].0 = cwd.to_owned();
        }
        let mut has_gaps = false;
        for part in self.path.components() {
            let Some(part) = part.as_os_str().to_str() else { return Vec::new() };
            let is_gap = part.contains('*') || part.contains("{id}");
            has_gaps |= is_gap;
            found = match is_gap {
                false => found.into_iter().map(|(path, id)| (path.join(part), id)).collect(),
                true => found
                    .into_iter()
                    .flat_map(|place| fitting(place, part))
                    .take(MAX_PLACES)
                    .collect(),
            };
        }
        found.retain(|(path, _)| {
            let metadata = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file);
            metadata.is_some_and(|file| {
                let written = || {
                    let time = file.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
                    u64::try_from(time.as_millis()).ok()
                };
                let at = if has_gaps { made_at(&file) } else { written() };
                at.is_some_and(|at| at >= since)
            })
        });
        found
    }
}

/// The entries of a place whose name fits.
fn fitting(
    (dir, id): (PathBuf, Option<Box<str>>),
    part: &str,
) -> impl Iterator<Item = (PathBuf, Option<Box<str>>)> {
    files(&dir).filter_map(move |path| {
        let found = fits(path.file_name()?.to_str()?, part)?.map(Into::into);
        Some((path, found.or_else(|| id.clone())))
    })
}

/// Whether a name fits a part of the pattern, and what stands in it for `{id}`.
fn fits<'n>(name: &'n str, part: &str) -> Option<Option<&'n str>> {
    if let Some((before, after)) = part.split_once("{id}") {
        // What is around the id may have stars; the id itself is as short as fits around it.
        for start in 0..=name.len() {
            for end in start + 1..=name.len() {
                let (Some(head), Some(id), Some(tail)) =
                    (name.get(..start), name.get(start..end), name.get(end..))
                else {
                    continue;
                };
                if is_id(id) && fits_stars(head, before) && fits_stars(tail, after) {
                    return Some(Some(longest_id(name, start, end, after)));
                }
            }
        }
        return None;
    }
    fits_stars(name, part).then_some(None)
}

fn is_id(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

/// The longest id that begins there and leaves an end that fits.
fn longest_id<'n>(name: &'n str, start: usize, end: usize, after: &str) -> &'n str {
    let longer = (end..=name.len()).rev().find(|end| {
        name.get(start..*end).is_some_and(is_id)
            && name.get(*end..).is_some_and(|tail| fits_stars(tail, after))
    });
    &name[start..longer.unwrap_or(end)]
}

/// Whether a name fits a pattern in which `*` stands for any text.
fn fits_stars(name: &str, pattern: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return name == pattern };
    let Some(mut name) = name.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = name.find(part) else { return false };
        name = &name[at + part.len()..];
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_fit() {
        let cases = [
            ("a.jsonl", "*.jsonl", Some(None)),
            ("a.json", "*.jsonl", None),
            (".jsonl", "*.jsonl", Some(None)),
            ("a-b-c", "a*b*c", Some(None)),
            ("a-c", "a*b*c", None),
            ("aba", "ab*ba", None),
            ("plain", "plain", Some(None)),
            ("s-12.jsonl", "s-{id}.jsonl", Some(Some("12"))),
            ("2026-11-21_0a-b.jsonl", "*_{id}.jsonl", Some(Some("0a-b"))),
            ("s-.jsonl", "s-{id}.jsonl", None),
            ("s-a b.jsonl", "s-{id}.jsonl", None),
            ("thread-é.json", "thread-{id}.json", None),
        ];
        for (name, part, expected) in cases {
            assert_eq!(fits(name, part), expected, "{name} {part}");
        }
    }

    #[test]
    fn paths_that_mean_no_place() {
        let home = Some(Path::new("/h"));
        for bad in ["x", "a/{cwd}/b", "{cwd}/../x", "~x/y", "/a/../b", "/{id}/{id}"] {
            assert!(Pattern::parse(bad, home).is_err(), "{bad}");
        }
        assert!(Pattern::parse("~/x", None).is_err(), "there is no home");
        for good in ["{cwd}/.x", "~/x/*/{id}.json", "{home}/x", "/x/y"] {
            assert!(Pattern::parse(good, home).is_ok(), "{good}");
        }
    }
}
