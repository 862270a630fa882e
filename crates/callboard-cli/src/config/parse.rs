//! From a text to what it says, and what is wrong in it on which line. Pure.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use super::keys::{KEYS, SECTIONS};
use super::values::{Given, nearest};

/// What a text says, and what is wrong with it: line and words, in the order of the lines.
pub(super) fn parse(text: &str, home: Option<&Path>) -> (Config, Vec<(usize, String)>) {
    let mut reading = Reading { config: Config::default(), home, wrong: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => reading.top(table.get_ref()),
        // What follows a bracket that is never closed would be taken for something else.
        Err(error) => {
            let at = error.span().map_or(0, |at| at.start);
            reading.wrong.push((at, format!("{}; the file is ignored", error.message())));
        }
    }
    let Reading { config, mut wrong, .. } = reading;
    wrong.sort();
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    (config, wrong.into_iter().map(|(at, what)| (line(at), what)).collect())
}

struct Reading<'h> {
    config: Config,
    home: Option<&'h Path>,
    wrong: Vec<(usize, String)>,
}

impl Reading<'_> {
    fn top(&mut self, table: &DeTable<'_>) {
        for (name, value) in table {
            let section = SECTIONS.iter().find(|section| section.name == name.get_ref().as_ref());
            match (section, value.get_ref()) {
                (Some(section), DeValue::Table(keys)) => {
                    keys.iter().for_each(|(name, value)| self.key(section.name, name, value));
                }
                (Some(section), _) => {
                    let name = section.name;
                    let what = format!("`{name}` is a table, begun with [{name}]; this is ignored");
                    self.wrong.push((value.span().start, what));
                }
                (None, DeValue::Table(_)) => self.not_a_section(name),
                (None, _) => self.key("", name, value),
            }
        }
    }

    fn key(
        &mut self,
        section: &'static str,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) {
        let text = name.get_ref();
        let is_it = |key: &&super::Key| key.section == section && key.name == text.as_ref();
        let Some(key) = KEYS.iter().find(is_it) else {
            return self.wrong.push((name.span().start, not_a_key(section, text)));
        };
        let mut given = Given { key: key.name, value, home: self.home, wrong: &mut self.wrong };
        if (key.put)(&mut self.config, &mut given).is_none() {
            let what = format!("`{}` takes {}; what is there is ignored", key.name, key.takes);
            self.wrong.push((value.span().start, what));
        }
    }

    fn not_a_section(&mut self, name: &Spanned<std::borrow::Cow<'_, str>>) {
        let text = name.get_ref();
        let near = nearest(text, SECTIONS.iter().map(|section| section.name));
        let near = near.map(|near| format!("; did you mean [{near}]?")).unwrap_or_default();
        let what = format!("there is no [{text}], and it is ignored{near}");
        self.wrong.push((name.span().start, what));
    }
}

/// A key that is not known there: the likely one, or where it belongs.
fn not_a_key(section: &str, text: &str) -> String {
    let elsewhere = KEYS.iter().find(|key| key.name == text);
    let here = KEYS.iter().filter(|key| key.section == section).map(|key| key.name);
    let hint = match (elsewhere, nearest(text, here)) {
        (Some(key), _) if key.section.is_empty() => "; it belongs above the first table".to_owned(),
        (Some(key), _) => format!("; it belongs in [{}]", key.section),
        (None, Some(near)) => format!("; did you mean `{near}`?"),
        (None, None) => String::new(),
    };
    let place = if section.is_empty() { String::new() } else { format!(" in [{section}]") };
    format!("the key `{text}` is not known{place} and is ignored{hint}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Edge, Way};
    use callboard_host::{DetachKey, HostKind};
    use std::path::PathBuf;
    use std::time::Duration;

    fn read(text: &str) -> (Config, Vec<(usize, String)>) {
        parse(text, Some(Path::new("/h")))
    }

    #[test]
    fn everything_that_can_be_said() {
        let (config, wrong) = read(
            "claude_config_dirs = [\"/a\", \"~/.claude-work\"]\n\
             [notify]\non = [\"died\", \"waiting\", \"died\"]\nidle_after = \"5m\"\nsettle = \"0s\"\n\
             looking = \"1h 30m\"\nby = \"bell\"\ncommand = [\"sh\", \"-c\", \"true\"]\n\
             quiet_for = [\"nightly\"]\n\
             [background]\nhost = \"tmux\"\nkeep_ended = \"7d\"\ndetach_key = \"ctrl-q\"\n",
        );
        assert_eq!(wrong, []);
        assert_eq!(config.claude_config_dirs, ["/a", "/h/.claude-work"].map(PathBuf::from));
        let notify = config.notify;
        assert_eq!(notify.on, [Edge::Died, Edge::Waiting]);
        assert_eq!(notify.by, [Way::Bell]);
        let times = [notify.idle_after, notify.settle, notify.looking];
        assert_eq!(times, [300, 0, 5400].map(Duration::from_secs));
        assert_eq!((notify.command.len(), &*notify.quiet_for), (3, &["nightly".to_owned()][..]));
        let background = config.background;
        assert_eq!(background.host, HostKind::Tmux);
        assert_eq!(background.keep_ended, Some(Duration::from_secs(604_800)));
        assert_eq!(background.detach_key, DetachKey::parse("ctrl-q"));
        let (config, wrong) = read("[background]\nkeep_ended = \"forever\"\ndetach_key = \"none\"");
        assert_eq!((wrong, config.background.detach_key), (vec![], None));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line_and_the_rest_counts() {
        const LENGTH: &str =
            "a length of time, as \"30s\", \"5m\" or \"1h 30m\"; what is there is ignored";
        let cases: &[(&str, usize, &str)] = &[
            ("colour = \"red\"", 1, "the key `colour` is not known and is ignored"),
            (
                "\n[notify]\nidle_afer = \"1m\"",
                3,
                "the key `idle_afer` is not known in [notify] and is ignored; did you mean `idle_after`?",
            ),
            (
                "idle_after = \"1m\"",
                1,
                "the key `idle_after` is not known and is ignored; it belongs in [notify]",
            ),
            (
                "[background]\nclaude_config_dirs = []",
                2,
                "the key `claude_config_dirs` is not known in [background] and is ignored; it belongs above the first table",
            ),
            (
                "[notfy]\non = []",
                1,
                "there is no [notfy], and it is ignored; did you mean [notify]?",
            ),
            ("[colours]", 1, "there is no [colours], and it is ignored"),
            ("notify = 3", 1, "`notify` is a table, begun with [notify]; this is ignored"),
            ("[notify]\nidle_after = 30", 2, LENGTH),
            ("[notify]\nidle_after = \"soon\"", 2, LENGTH),
            (
                "[notify]\non = [\n  \"waiting\",\n  \"ilde\",\n]",
                4,
                "`on` does not know \"ilde\", which is ignored; did you mean \"idle\"? (there are waiting, idle, died)",
            ),
            (
                "[notify]\nby = [1]",
                2,
                "`by` takes a list of desktop, bell, osc9, osc777, command; what is there is ignored",
            ),
            (
                "[notify]\ncommand = []",
                2,
                "`command` takes a program and its arguments, as a list of texts; what is there is ignored",
            ),
            (
                "[background]\nhost = \"screen\"",
                2,
                "`host` takes \"builtin\" or \"tmux\"; what is there is ignored",
            ),
            (
                "claude_config_dirs = \"/a\"",
                1,
                "`claude_config_dirs` takes a list of absolute directories; what is there is ignored",
            ),
            (
                "claude_config_dirs = [\"relative\"]",
                1,
                "`claude_config_dirs` takes a list of absolute directories; what is there is ignored",
            ),
        ];
        for (text, line, expected) in cases {
            let (_, wrong) = read(text);
            let [(found, what)] = &wrong[..] else { panic!("{text}: {wrong:?}") };
            assert_eq!(found, line, "{text}");
            assert!(what.ends_with(expected), "{text}: {what}");
        }
        let (config, wrong) =
            read("x = 1\n[notify]\non = [\"ilde\", \"died\"]\ny = 2\nsettle = \"3s\"");
        assert_eq!(wrong.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 3, 4]);
        assert_eq!(config.notify.on, [Edge::Died]);
        assert_eq!(config.notify.settle, Duration::from_secs(3));
    }

    #[test]
    fn a_broken_file_is_one_warning_that_names_the_line() {
        let (config, wrong) = read("[notify]\nsettle = \"9s\"\nb = [");
        assert_eq!((wrong.len(), wrong[0].0), (1, 3), "{wrong:?}");
        assert!(wrong[0].1.ends_with("; the file is ignored"), "{wrong:?}");
        assert_eq!(config, Config::default());
    }
}
