//! A change to settings, for people to look at before it is made. Pure.
//!
//! Settings hold keys and prompts. A line is shown as it is only if every word in it is one that
//! this program writes; of all others no more than where they are.

use std::collections::HashSet;

use similar::{ChangeTag, TextDiff};

use crate::output::paint::{Paint, Palette};
use crate::output::sanitize::sanitize;

/// How many lines are shown around a change.
const AROUND: usize = 2;

/// Longer lines are not read by anybody.
const MAX_LINE: usize = 400;

/// The lines of the change, as `diff -u` has them. `ours` are texts that may be shown.
pub(crate) fn difference(
    before: &str,
    after: &str,
    ours: &HashSet<String>,
    palette: Palette,
) -> String {
    let mut lines = String::new();
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(AROUND).iter_hunks() {
        palette.push(&mut lines, Paint::Behind, &hunk.header().to_string());
        lines.push('\n');
        for change in hunk.iter_changes() {
            let (sign, paint) = match change.tag() {
                ChangeTag::Delete => ('-', Paint::Wrong),
                ChangeTag::Insert => ('+', Paint::Working),
                ChangeTag::Equal => (' ', Paint::Plain),
            };
            let text = shown(change.value().trim_end_matches(['\n', '\r']), ours);
            palette.push(&mut lines, paint, &format!("{sign}{text}"));
            lines.push('\n');
        }
    }
    lines
}

/// The line, or how it begins.
fn shown(line: &str, ours: &HashSet<String>) -> String {
    let start = &line[..line.len() - line.trim_start().len()];
    let start: String = start.chars().filter(|c| matches!(c, ' ' | '\t')).collect();
    let is_shown = line.len() <= MAX_LINE
        && words(line).is_some_and(|words| words.iter().all(|word| ours.contains(word)));
    if is_shown {
        return format!("{start}{}", sanitize(line.trim_start()));
    }
    format!("{start}…")
}

/// The words of a line of JSON: texts, without their quotes, and whatever is neither a text nor
/// punctuation. `None` where the line cannot be taken apart.
fn words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let mut texts = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            words.push(texts.next()?.ok()?);
            rest = rest.get(texts.byte_offset()..)?;
        } else if c.is_whitespace() || "{}[]:,".contains(c) {
            rest = &rest[c.len_utf8()..];
        } else {
            let end = rest.find(|c: char| c.is_whitespace() || "{}[]:,\"".contains(c));
            let (word, others) = rest.split_at(end.unwrap_or(rest.len()));
            words.push(word.to_owned());
            rest = others;
        }
    }
    Some(words)
}

/// Every word of a JSON value, to be shown.
pub(crate) fn words_of(value: &serde_json::Value, into: &mut HashSet<String>) {
    match value {
        serde_json::Value::String(text) => _ = into.insert(text.clone()),
        serde_json::Value::Array(list) => list.iter().for_each(|value| words_of(value, into)),
        serde_json::Value::Object(object) => {
            for (name, value) in object {
                into.insert(name.clone());
                words_of(value, into);
            }
        }
        other => _ = into.insert(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> HashSet<String> {
        let words = ["hooks", "Stop", "command", "/bin/callboard", "5", "type"];
        words.map(str::to_owned).into()
    }

    #[test]
    fn nothing_is_shown_but_our_own() {
        let cases = [
            (r#"    "Stop": ["#, r#"    "Stop": ["#),
            (
                r#"  "hooks": {"command": "/bin/callboard", "type": 5},"#,
                r#"  "hooks": {"command": "/bin/callboard", "type": 5},"#,
            ),
            ("  }", "  }"),
            ("", ""),
            (r#"  "API_KEY": "s3cret","#, "  …"),
            (r#"  "hooks": "s3cret","#, "  …"),
            (r#"  "Stop": "s3\"cret"#, "  …"),
            ("  // s3cret", "  …"),
            (r#"{"env":{"K":"s3cret"},"hooks":{"Stop":[]}}"#, "…"),
            ("\tStop: s3cret", "\t…"),
            (r#""Stop" "hooks"#, "…"),
            ("\u{1b}[2J\"Stop\"", "…"),
        ];
        for (line, expected) in cases {
            assert_eq!(shown(line, &ours()), expected, "{line}");
        }
        assert_eq!(shown(&format!("\"Stop\"{}", " ".repeat(MAX_LINE)), &ours()), "…");
    }

    #[test]
    fn a_change_by_line() {
        let before = "{\n  \"env\": \"s3cret\"\n}\n";
        let after = "{\n  \"env\": \"s3cret\",\n  \"hooks\": {}\n}\n";
        let shown = difference(before, after, &ours(), Palette { colours: false });
        assert_eq!(shown, "@@ -1,3 +1,4 @@\n {\n-  …\n+  …\n+  \"hooks\": {}\n }\n");
    }
}
