//! The board as OpenMetrics text.
//!
//! Source: the OpenMetrics specification 1.0 (names, escapes, the end mark). Prometheus' older
//! text format, which node_exporter's textfile collector reads, takes the end mark for a comment.

use std::collections::BTreeMap;

use callboard_agents::Row;

use super::state::State;
use crate::output::sanitize::sanitize;

/// All of it, `# EOF` included. `now` is in ms since the epoch.
pub(crate) fn metrics(rows: &[Row], unreadable: usize, now: u64) -> String {
    let mut counts: BTreeMap<[String; 4], usize> = BTreeMap::new();
    for row in rows {
        *counts.entry(labels(row)).or_default() += 1;
    }
    let mut text = String::new();
    head(&mut text, "callboard_sessions", "Sessions by what they do and what they are.");
    for ([status, kind, tool, verdict], count) in counts {
        text.push_str(&format!(
            "callboard_sessions{{status=\"{status}\",kind=\"{kind}\",tool=\"{tool}\",verdict=\"{verdict}\"}} {count}\n"
        ));
    }
    head(
        &mut text,
        "callboard_unreadable",
        "Records that could not be read and may hide a session.",
    );
    text.push_str(&format!("callboard_unreadable {unreadable}\n"));
    let waits = rows.iter().filter(|row| State::of(row) == State::Waiting);
    let longest = waits.filter_map(|row| now.checked_sub(row.status_since?)).max();
    head(
        &mut text,
        "callboard_longest_wait_seconds",
        "How long the session that has waited longest has waited; 0 if none waits.",
    );
    let longest = longest.unwrap_or(0);
    text.push_str(&format!(
        "callboard_longest_wait_seconds {}.{:03}\n",
        longest / 1000,
        longest % 1000
    ));
    text.push_str("# EOF\n");
    text
}

fn head(text: &mut String, name: &str, help: &str) {
    if let Some(unit) = name.ends_with("_seconds").then_some("seconds") {
        text.push_str(&format!("# TYPE {name} gauge\n# UNIT {name} {unit}\n"));
    } else {
        text.push_str(&format!("# TYPE {name} gauge\n"));
    }
    text.push_str(&format!("# HELP {name} {help}\n"));
}

/// Status, kind, tool, verdict.
fn labels(row: &Row) -> [String; 4] {
    let word = |word: Option<&str>| label(word.unwrap_or("none"));
    [
        word(row.status.as_ref().map(|status| status.as_str())),
        word(row.kind.as_ref().map(|kind| kind.as_str())),
        word(row.tool.as_deref()),
        word(Some(row.verdict.as_str())),
    ]
}

fn label(word: &str) -> String {
    sanitize(word).replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{NOW, board, row};

    #[test]
    fn the_board_as_metrics() {
        insta::assert_snapshot!(metrics(&board(), 1, NOW), @r#"
        # TYPE callboard_sessions gauge
        # HELP callboard_sessions Sessions by what they do and what they are.
        callboard_sessions{status="busy",kind="bg",tool="qwen",verdict="alive"} 1
        callboard_sessions{status="busy",kind="interactive",tool="claude",verdict="alive"} 1
        callboard_sessions{status="compacting",kind="interactive",tool="claude",verdict="alive"} 1
        callboard_sessions{status="idle",kind="interactive",tool="python3",verdict="alive"} 1
        callboard_sessions{status="none",kind="interactive",tool="make",verdict="alive"} 1
        callboard_sessions{status="shell",kind="interactive",tool="claude",verdict="alive"} 1
        callboard_sessions{status="waiting",kind="interactive",tool="claude",verdict="alive"} 1
        callboard_sessions{status="waiting",kind="interactive",tool="claude",verdict="unknown"} 1
        # TYPE callboard_unreadable gauge
        # HELP callboard_unreadable Records that could not be read and may hide a session.
        callboard_unreadable 1
        # TYPE callboard_longest_wait_seconds gauge
        # UNIT callboard_longest_wait_seconds seconds
        # HELP callboard_longest_wait_seconds How long the session that has waited longest has waited; 0 if none waits.
        callboard_longest_wait_seconds 3.000
        # EOF
        "#);
        assert!(metrics(&[], 0, NOW).contains("\ncallboard_longest_wait_seconds 0.000\n"));
    }

    #[test]
    fn a_word_from_a_file_cannot_end_its_label() {
        let row = row(r#"{"pid":7,"tool":"a\"} 1\nevil{x=\"\\"}"#);
        let text = metrics(&[row], 0, NOW);
        let line = text.lines().find(|line| line.starts_with("callboard_sessions{")).unwrap();
        assert!(line.ends_with("verdict=\"alive\"} 1"), "{line}");
        assert!(line.contains(r#"tool="a\"} 1"#), "{line}");
        assert!(!text.lines().any(|line| line.starts_with("evil")), "{text}");
    }
}
