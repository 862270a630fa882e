//! The matrix of verdicts: where a record comes from, what became of its process, what is said of
//! it, and which tests say so. The one list is in `rows.rs`; the document is made from it, and a row
//! whose test is gone, or speaks of other evidence, is an error.

mod rows;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use callboard::Evidence;

use rows::{Proof, ROWS, Row};

use crate::workspace;

/// The rule's own table.
const TABLE: &str = "process::rule::tests::verdicts_by_case";

/// The table for the document.
pub(super) fn text() -> Result<String> {
    let mut sources = Sources::default();
    let head = "| record and reader | its process | verdict | tested by |\n|---|---|---|---|\n";
    let mut text = head.to_owned();
    let mut last = "";
    for row in ROWS {
        let tests =
            sources.check(row).with_context(|| format!("{}: {}", row.place, row.process))?;
        let place = if row.place == last { "" } else { row.place };
        last = row.place;
        let (verdict, evidence) = (row.evidence.verdict(), row.evidence);
        let wrong = if matches!(row.proof, Proof::Wrong(_)) { ", **wrongly**" } else { "" };
        let process = row.process;
        _ = writeln!(text, "| {place} | {process} | {verdict}, `{evidence}`{wrong} | {tests} |");
    }
    Ok(text)
}

/// The files that hold tests, read once.
#[derive(Default)]
struct Sources {
    read: HashMap<PathBuf, String>,
}

impl Sources {
    /// What the row's last cell says, if its tests are there and speak of its evidence.
    fn check(&mut self, row: &Row) -> Result<String> {
        let (tests, cell) = match row.proof {
            Proof::Real(tests) | Proof::Wrong(tests) => {
                let names: Vec<String> = tests.iter().map(|name| format!("`{name}`")).collect();
                (tests, names.join("<br>"))
            }
            Proof::Table(why) => (&[TABLE][..], format!("the rule's table only: {why}")),
        };
        for name in tests {
            if !speaks_of(&self.body(name)?, row.evidence) {
                bail!("{name} does not speak of {:?}", row.evidence.as_str());
            }
        }
        Ok(cell)
    }

    /// A test, and the functions of its file that it calls.
    fn body(&mut self, name: &str) -> Result<String> {
        let path = source_of(name).with_context(|| format!("{name:?} is no name of a test"))?;
        let text = match self.read.entry(path) {
            std::collections::hash_map::Entry::Occupied(kept) => kept.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let path = workspace::root().join(place.key());
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                place.insert(text)
            }
        };
        let function = name.rsplit("::").next().unwrap_or_default();
        test_and_callees(text, function).with_context(|| format!("there is no test {name}"))
    }
}

/// Whether a test says this evidence, as a word or as the variant.
fn speaks_of(body: &str, evidence: Evidence) -> bool {
    let variant = format!("::{evidence:?}");
    body.contains(&format!("{:?}", evidence.as_str()))
        || body.match_indices(&variant).any(|(at, _)| {
            let after = body[at + variant.len()..].chars().next();
            !after.is_some_and(char::is_alphanumeric)
        })
}

/// The file that holds a test, by the name that nextest gives it, in which the library's own need
/// not say `callboard::`: `it crash::x` is in its `tests/it/crash.rs`, `process::rule::tests::x` in
/// its `src/process/rule.rs`, `callboard-agents::it replay::x` in `tests/it/replay.rs` of that
/// crate.
fn source_of(name: &str) -> Option<PathBuf> {
    let (dir, path) = match name.split_once(' ') {
        Some((binary, path)) => {
            let (package, binary) = binary.split_once("::").unwrap_or(("callboard", binary));
            (Path::new("crates").join(package).join("tests").join(binary), path)
        }
        None => (PathBuf::from("crates/callboard/src"), name),
    };
    let modules = path.rsplit_once("::")?.0;
    let modules = modules.strip_suffix("::tests").unwrap_or(modules);
    Some(dir.join(format!("{}.rs", modules.replace("::", "/"))))
}

/// The text of a function that is a test, followed by those of the functions of the same file that
/// it names.
fn test_and_callees(text: &str, function: &str) -> Option<String> {
    let functions = functions(text);
    let (_, test) = functions.iter().find(|(name, f)| *name == function && f.is_test)?;
    let mut all = test.text.to_owned();
    for (name, other) in &functions {
        if test.text.contains(&format!("{name}(")) && *name != function {
            all.push_str(other.text);
        }
    }
    Some(all)
}

struct Function<'t> {
    text: &'t str,
    is_test: bool,
}

/// The functions of a file, by the shape that `cargo fmt` gives them: the name on the line of
/// `fn`, the closing brace under its beginning.
fn functions(text: &str) -> Vec<(&str, Function<'_>)> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut before = "";
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let declared = line.trim_start().trim_start_matches("pub(crate) ");
        if let Some(rest) = declared.strip_prefix("fn ")
            && let Some(end) = rest.find(['(', '<'])
        {
            let close = format!("\n{}}}", &line[..indent]);
            let text = &text[start..];
            let text = text.find(&close).map_or(text, |at| &text[..at + close.len()]);
            found.push((&rest[..end], Function { text, is_test: before.trim() == "#[test]" }));
        }
        start += line.len();
        before = line;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_can_be_made() {
        let text = text().unwrap();
        assert_eq!(text.lines().count(), ROWS.len() + 2);
        assert!(text.contains("| dead, `exited` | `it crash::a_zombie_is_dead`"), "{text}");
    }

    #[test]
    fn every_evidence_has_a_row() {
        for evidence in Evidence::ALL {
            // The one that no record leads to: a process without a record that an adapter found.
            if evidence.as_str() != "running" {
                assert!(ROWS.iter().any(|row| row.evidence == *evidence), "{evidence}");
            }
        }
    }

    #[test]
    fn a_name_leads_to_a_file() {
        let cases = [
            ("it crash::a", Some("crates/callboard/tests/it/crash.rs")),
            ("it faults::owner::a", Some("crates/callboard/tests/it/faults/owner.rs")),
            ("process::rule::tests::a", Some("crates/callboard/src/process/rule.rs")),
            ("callboard-agents::it replay::a", Some("crates/callboard-agents/tests/it/replay.rs")),
            ("a", None),
        ];
        for (name, file) in cases {
            assert_eq!(source_of(name).as_deref(), file.map(Path::new), "{name}");
        }
    }

    #[test]
    fn a_test_that_is_gone_or_says_something_else_is_an_error() {
        let mut sources = Sources::default();
        let check = |sources: &mut Sources, evidence, tests| {
            let (place, process) = ("here", "runs");
            sources.check(&Row { place, process, evidence, proof: Proof::Real(tests) })
        };
        let zombie: &[&str] = &["it crash::a_zombie_is_dead"];
        assert!(check(&mut sources, Evidence::Exited, zombie).is_ok());
        let error = check(&mut sources, Evidence::LockHeld, zombie).unwrap_err();
        assert!(error.to_string().contains("does not speak of \"lock-held\""), "{error}");
        for gone in ["it crash::a_zombie_was_dead", "it crash::assert_swept", "it ash::a_zombie"] {
            let gone: &'static [&'static str] = Box::leak(Box::new([gone]));
            assert!(check(&mut sources, Evidence::Exited, gone).is_err(), "{gone:?}");
        }
    }

    #[test]
    fn a_test_is_read_with_what_it_calls() {
        let text = "#[test]\nfn a() {\n    b(1);\n}\n\nfn b(n: u32) {\n    \"x\"\n}\n\nfn c() {\n    \"y\"\n}\n";
        let found = test_and_callees(text, "a").unwrap();
        assert!(found.contains("\"x\"") && !found.contains("\"y\""), "{found}");
        assert_eq!(test_and_callees(text, "b"), None, "it is no test");
        assert_eq!(test_and_callees(text, "d"), None);
    }
}
