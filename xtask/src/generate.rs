//! `cargo xtask generate`: what comes from code, so that it cannot say something else than the
//! code does.
//!
//! A whole file is written as it is; a part of a document is what stands between
//! `<!-- generated: NAME -->` and `<!-- /generated -->`, and the prose around it is left alone.

mod matrix;
mod schema;
mod tables;

use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::workspace;

/// What to do about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Write the file anew.
    Write,
    /// Say so, and fail.
    Compare,
}

/// The part of a document with this name.
struct Part {
    file: &'static str,
    name: &'static str,
    text: fn() -> Result<String>,
}

const PARTS: &[Part] = &[
    Part { file: "docs/FORMAT.md", name: "fields", text: || Ok(tables::fields()) },
    Part { file: "docs/PLATFORM.md", name: "evidence", text: || Ok(tables::evidence()) },
    Part { file: "docs/AGENTS.md", name: "agents", text: || Ok(tables::agents()) },
    Part { file: "docs/PLATFORM.md", name: "matrix", text: matrix::text },
    Part { file: "docs/CONFIG.md", name: "config", text: || Ok(tables::config()) },
    Part { file: "docs/CONFIG.md", name: "config-example", text: || Ok(tables::config_example()) },
];

const SCHEMA: &str = "docs/record.schema.json";

/// Writes or compares every generated file.
pub(crate) fn run(mode: Mode) -> Result<()> {
    let root = workspace::root();
    let mut outdated = Vec::new();
    let mut settle = |file: &'static str, old: &str, new: &str| -> Result<()> {
        match (old == new, mode) {
            (true, _) => {}
            (false, Mode::Compare) => outdated.push(file),
            (false, Mode::Write) => {
                write(&root.join(file), new)?;
                eprintln!("wrote {file}");
            }
        }
        Ok(())
    };
    let old = std::fs::read_to_string(root.join(SCHEMA)).unwrap_or_default();
    settle(SCHEMA, &old, &schema::text()?)?;
    for part in PARTS {
        let old = std::fs::read_to_string(root.join(part.file))
            .with_context(|| format!("cannot read {}", part.file))?;
        let text = (part.text)().with_context(|| format!("the table {:?}", part.name))?;
        let new = replace(&old, part.name, &text).with_context(|| format!("in {}", part.file))?;
        settle(part.file, &old, &new)?;
    }
    if !outdated.is_empty() {
        bail!(
            "not what the code says: {}; run `cargo xtask generate` and commit what it writes",
            outdated.join(", ")
        );
    }
    Ok(())
}

/// Writes a document whose generated part was made anew.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The document with the part of this name replaced.
pub(crate) fn replace(document: &str, name: &str, text: &str) -> Result<String> {
    let open = format!("<!-- generated: {name} -->\n");
    let close = "<!-- /generated -->";
    let Some(start) = document.find(&open).map(|at| at + open.len()) else {
        bail!("no line {:?}", open.trim_end());
    };
    let Some(end) = document[start..].find(close).map(|at| start + at) else {
        bail!("no {close:?} after {:?}", open.trim_end());
    };
    Ok(format!("{}{}\n{}", &document[..start], text.trim_end(), &document[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_is_replaced() {
        let document = "prose\n<!-- generated: a -->\nold\n<!-- /generated -->\nmore\n<!-- generated: b -->\n<!-- /generated -->\nend";
        let a = replace(document, "a", "new\n").unwrap();
        assert_eq!(a, document.replace("old", "new"));
        assert_eq!(replace(&a, "a", "new").unwrap(), a, "twice is once");
        let b = replace(document, "b", "x").unwrap();
        assert!(b.ends_with("<!-- generated: b -->\nx\n<!-- /generated -->\nend"), "{b}");
        assert!(replace(document, "c", "x").is_err());
        assert!(replace("<!-- generated: a -->\n", "a", "x").is_err());
    }
}
