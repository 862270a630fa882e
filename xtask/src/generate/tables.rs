//! Tables for documents.

use std::fmt::Write as _;

use callboard::Evidence;
use callboard::record::{FIELDS, Presence, Shape};
use callboard_agents::agents::Facts;

/// The keys of a record.
pub(super) fn fields() -> String {
    let mut text = "| key | value | in | meaning |\n|---|---|---|---|\n".to_owned();
    for field in FIELDS {
        let shape = match field.shape {
            Shape::Text => "string",
            Shape::Pid => "integer, 1 to 2^31 - 1",
            Shape::Count => "integer, 0 to 2^64 - 1",
            Shape::Time => "integer, ms since the epoch",
        };
        let presence = match field.presence {
            Presence::Always => "every record",
            Presence::Optional => "some",
        };
        row(&mut text, &[&format!("`{}`", field.name), shape, presence, field.meaning]);
    }
    text
}

/// The evidence, grouped by the verdict that it leads to, as the code has it.
pub(super) fn evidence() -> String {
    let mut text = "| evidence | verdict | meaning |\n|---|---|---|\n".to_owned();
    for evidence in Evidence::ALL {
        let word = format!("`{}`", evidence.as_str());
        row(&mut text, &[&word, evidence.verdict().as_str(), evidence.explain()]);
    }
    text
}

/// What is known of each agent, as its adapter says.
pub(super) fn agents() -> String {
    let mut text = "| agent | versions run | found by | which conversation | where it is | status | cannot be known |\n|---|---|---|---|---|---|---|\n".to_owned();
    for facts in callboard_agents::agents::facts() {
        let seen = match facts.seen {
            [] => "none (as documented)".to_owned(),
            versions => versions.join(", "),
        };
        let Facts { title, found_by, session, conversation, status, unknown, .. } = facts;
        row(&mut text, &[title, &seen, found_by, session, conversation, status, unknown]);
    }
    text
}

/// The keys of the configuration file.
pub(super) fn config() -> String {
    let mut text = "| key | takes | without it | meaning |\n|---|---|---|---|\n".to_owned();
    for key in callboard_cli::CONFIG_KEYS {
        let place =
            if key.section.is_empty() { String::new() } else { format!("[{}] ", key.section) };
        let default = match key.default {
            "none" => "none".to_owned(),
            default => format!("`{default}`"),
        };
        row(&mut text, &[&format!("{place}`{}`", key.name), key.takes, &default, key.meaning]);
    }
    text
}

/// The configuration file with every key in it.
pub(super) fn config_example() -> String {
    format!("```toml\n{}```\n", callboard_cli::config_example())
}

fn row(text: &mut String, cells: &[&str]) {
    for cell in cells {
        // A bar would end the cell, in code too.
        _ = write!(text, "| {} ", cell.replace('|', "\\|"));
    }
    text.push_str("|\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_and_every_evidence_has_a_row_of_its_own() {
        let fields = fields();
        assert_eq!(fields.lines().count(), FIELDS.len() + 2);
        for (row, field) in fields.lines().skip(2).zip(FIELDS) {
            assert!(row.starts_with(&format!("| `{}` | ", field.name)), "{row}");
            assert_eq!(row.replace("\\|", "").matches('|').count(), 5, "{row}");
        }
        let evidence = evidence();
        assert_eq!(evidence.lines().count(), Evidence::ALL.len() + 2);
        assert!(evidence.contains("| `pid-reused` | dead | another process has this pid now |"));
    }

    #[test]
    fn every_key_of_the_configuration_has_a_row_of_its_own() {
        let config = config();
        assert_eq!(config.lines().count(), callboard_cli::CONFIG_KEYS.len() + 2);
        for (row, key) in config.lines().skip(2).zip(callboard_cli::CONFIG_KEYS) {
            assert!(row.contains(&format!("`{}` | ", key.name)), "{row}");
            assert_eq!(row.replace("\\|", "").matches('|').count(), 5, "{row}");
        }
    }

    #[test]
    fn a_bar_in_a_cell_does_not_end_it() {
        let mut text = String::new();
        row(&mut text, &["a|b", "c"]);
        assert_eq!(text, "| a\\|b | c |\n");
    }
}
