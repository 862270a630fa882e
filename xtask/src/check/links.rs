//! Links between the project's Markdown files: the file must be there, and so must the heading.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Follows every relative link of every Markdown file.
pub(super) fn check() -> Result<()> {
    let root = workspace::root();
    let files = workspace::files()?;
    let mut texts = HashMap::new();
    for path in files.iter().filter(|p| p.extension().is_some_and(|e| e == "md")) {
        // What was recorded from another program's disk has its own links.
        if path.components().any(|c| c.as_os_str() == "data") {
            continue;
        }
        let text = std::fs::read_to_string(root.join(path))
            .with_context(|| format!("cannot read {}", path.display()))?;
        texts.insert(path.clone(), text);
    }
    let mut broken = Vec::new();
    for (path, text) in &texts {
        for (line, target) in links(text) {
            if let Some(why) = broken_link(path, &target, &texts, &|p| root.join(p).exists()) {
                broken.push(format!("  {}:{line}: {target}: {why}", path.display()));
            }
        }
    }
    broken.sort();
    if !broken.is_empty() {
        bail!("links that lead nowhere:\n{}", broken.join("\n"));
    }
    Ok(())
}

/// Why the link in `from` leads nowhere, if it does.
fn broken_link(
    from: &Path,
    target: &str,
    texts: &HashMap<PathBuf, String>,
    exists: &dyn Fn(&Path) -> bool,
) -> Option<String> {
    // Other schemes are other places; nothing here goes to the network.
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let path = if file.is_empty() {
        from.to_owned()
    } else {
        match resolve(from, file) {
            Some(path) if exists(&path) => path,
            Some(path) => return Some(format!("no {}", path.display())),
            None => return Some("outside the project".to_owned()),
        }
    };
    let text = texts.get(&path)?;
    if anchor.is_empty() || headings(text).iter().any(|h| h == anchor) {
        return None;
    }
    Some(format!("no heading #{anchor} in {}", path.display()))
}

/// The path from the root of the project, or nothing if it leads out of it.
fn resolve(from: &Path, target: &str) -> Option<PathBuf> {
    let mut path = from.parent().unwrap_or(Path::new("")).to_owned();
    for part in Path::new(target).components() {
        match part {
            Component::Normal(name) => path.push(name),
            Component::CurDir => {}
            Component::ParentDir if path.pop() => {}
            _ => return None,
        }
    }
    Some(path)
}

/// The lines that are prose: not inside a fence.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fence: Option<&str> = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let start = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|m| start.starts_with(m));
        match (fence, mark) {
            (None, Some(mark)) => fence = Some(mark),
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, None) => return Some((index + 1, line)),
            _ => {}
        }
        None
    })
}

/// The targets of `[text](target)`, `![](target)` and `[label]: target`, with their lines.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        if let Some((label, target)) = line.trim_start().split_once("]: ")
            && label.starts_with('[')
            && !label.starts_with("[^")
        {
            found.extend(target.split_whitespace().next().map(|t| (number, t.to_owned())));
        }
        for (at, _) in line.match_indices("](") {
            let rest = &line[at + 2..];
            let Some(end) = rest.find(')') else { continue };
            // `(target "title")`
            let target = rest[..end].split_whitespace().next().unwrap_or_default();
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
        }
    }
    found
}

/// The line with what stands between backticks taken out.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect::<Vec<_>>().join("``")
}

/// The anchors of the headings, as the usual renderers make them: lower-case, words joined by
/// dashes, other punctuation dropped, repeated ones numbered.
fn headings(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let title = line.trim_start_matches('#');
        let level = line.len() - title.len();
        if !(1..=6).contains(&level) || !title.starts_with(' ') {
            continue;
        }
        let mut anchor = String::new();
        for c in title.trim().chars() {
            match c {
                ' ' => anchor.push('-'),
                c if c.is_alphanumeric() || c == '-' || c == '_' => anchor.extend(c.to_lowercase()),
                _ => {}
            }
        }
        let earlier = anchors.iter().filter(|a| **a == anchor).count();
        anchors.push(if earlier == 0 { anchor } else { format!("{anchor}-{earlier}") });
    }
    anchors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_in_prose_and_not_in_code() {
        let text = "see [a](A.md) and ![b](img/b.png \"title\"), `[c](C.md)`\n```\n[d](D.md)\n```\n[e]: docs/E.md\n[^1]: a note\n[f](<F.md>)";
        let found: Vec<(usize, String)> = links(text);
        let expected = [(1, "A.md"), (1, "img/b.png"), (5, "docs/E.md"), (7, "F.md")];
        let expected: Vec<_> = expected.iter().map(|(n, t)| (*n, (*t).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn headings_become_anchors() {
        let text =
            "# Exit codes\n## What `ps` shows, and why\n```\n# no\n```\n## Exit codes\n#no\n";
        assert_eq!(headings(text), ["exit-codes", "what-ps-shows-and-why", "exit-codes-1"]);
    }

    #[test]
    fn a_link_is_followed_to_its_file_and_its_heading() {
        let readme = PathBuf::from("README.md");
        let format = PathBuf::from("docs/FORMAT.md");
        let texts = HashMap::from([
            (readme.clone(), "# Install\n".to_owned()),
            (format.clone(), "# The record\n".to_owned()),
        ]);
        let exists = |p: &Path| texts.contains_key(p) || p == Path::new("docs");
        let cases = [
            (&readme, "docs/FORMAT.md", None),
            (&readme, "./docs/FORMAT.md#the-record", None),
            (&readme, "#install", None),
            (&readme, "docs", None),
            (&readme, "https://example.org/x", None),
            (&format, "../README.md#install", None),
            (&readme, "docs/NONE.md", Some("no docs/NONE.md")),
            (&readme, "#nothing", Some("no heading #nothing in README.md")),
            (&format, "README.md", Some("no docs/README.md")),
            (&format, "../../elsewhere.md", Some("outside the project")),
            (&readme, "/etc/passwd", Some("outside the project")),
        ];
        for (from, target, expected) in cases {
            let why = broken_link(from, target, &texts, &exists);
            assert_eq!(why.as_deref(), expected, "{} -> {target}", from.display());
        }
    }
}
