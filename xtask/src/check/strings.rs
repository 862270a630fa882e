//! Text that must not be in the project: paths that exist on one machine only.

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Put together from halves, so that this file does not hold what it looks for.
const FORBIDDEN: &[&str] = &[
    concat!("/work", "/main"),
    concat!("/work", "/shared"),
    concat!("/tmp", "/target-"),
    concat!("/root", "/.cargo"),
    concat!("/root", "/.rustup"),
];

/// Looks into every file of the project.
pub(super) fn check() -> Result<()> {
    let root = workspace::root();
    let mut found = Vec::new();
    for path in workspace::files()? {
        let bytes = std::fs::read(root.join(&path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        for (line, what) in search(&bytes) {
            found.push(format!("  {}:{line}: {what}", path.display()));
        }
    }
    if !found.is_empty() {
        bail!("paths of one machine:\n{}", found.join("\n"));
    }
    Ok(())
}

fn search(bytes: &[u8]) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
        for what in FORBIDDEN {
            if line.windows(what.len()).any(|w| w == what.as_bytes()) {
                found.push((index + 1, *what));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_path_is_found_on_its_line_and_a_similar_one_is_not() {
        let text = format!("one\n\0 cwd: {}/crates\n/work/api\n", FORBIDDEN[0]);
        assert_eq!(search(text.as_bytes()), [(2, FORBIDDEN[0])]);
        assert_eq!(search(b"\xff/home/me/work/api\n/main"), []);
        assert_eq!(search(b""), []);
    }
}
