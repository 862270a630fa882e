//! Every key of the configuration file: what it takes, what holds without it, what it is for. The
//! document and the commented example are made from this table.

use std::fmt::Write as _;

use callboard_host::{DetachKey, HostKind};

use super::values::{Given, length};
use super::{Config, Edge, Way};

/// A table of the file.
#[derive(Debug)]
pub(super) struct Section {
    /// Its name.
    pub(super) name: &'static str,
    /// What is in it.
    pub(super) meaning: &'static str,
}

/// A key of the file.
pub struct Key {
    /// The table that it is in; empty: none.
    pub section: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub takes: &'static str,
    /// What holds without it, as it would stand there.
    pub default: &'static str,
    /// Something that may stand there instead.
    pub example: &'static str,
    /// What it is for.
    pub meaning: &'static str,
    /// Takes the value over; `None` if it is not what the key takes.
    pub(super) put: Put,
}

type Put = fn(&mut Config, &mut Given<'_, '_>) -> Option<()>;

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.section, self.name)
    }
}

/// The tables of the file.
pub(super) const SECTIONS: &[Section] = &[
    Section { name: "notify", meaning: "Being told: `callboard notify`." },
    Section { name: "background", meaning: "Sessions in the background: `callboard run -d`." },
];

const LENGTH: &str = "a length of time, as \"30s\", \"5m\" or \"1h 30m\"";

/// The keys of the file.
pub const KEYS: &[Key] = &[
    Key {
        section: "",
        name: "claude_config_dirs",
        takes: "a list of absolute directories",
        default: "[]",
        example: "[\"~/.claude-work\"]",
        meaning: "More configuration directories of Claude Code whose sessions to show, besides `$CLAUDE_CONFIG_DIR` and `~/.claude`; `~/` is your home.",
        put: |config, given| given.directories().map(|dirs| config.claude_config_dirs = dirs),
    },
    Key {
        section: "notify",
        name: "on",
        takes: "a list of waiting, idle, died",
        default: "[\"waiting\", \"idle\", \"died\"]",
        example: "[\"waiting\", \"died\"]",
        meaning: "Of what to tell: a session waits for you; it is idle after work; it has died without signing out.",
        put: |config, given| given.words(&Edge::ALL, Edge::as_str).map(|on| config.notify.on = on),
    },
    Key {
        section: "notify",
        name: "idle_after",
        takes: LENGTH,
        default: "\"30s\"",
        example: "\"2m\"",
        meaning: "Tell of a session that becomes idle only if it has worked for so long since it last was.",
        put: |config, given| given.text(length).map(|time| config.notify.idle_after = time),
    },
    Key {
        section: "notify",
        name: "settle",
        takes: LENGTH,
        default: "\"1s\"",
        example: "\"5s\"",
        meaning: "What a session is counts once it has lasted so long: a question that a rule answers at once is not told, and a wait that is interrupted for less is one wait.",
        put: |config, given| given.text(length).map(|time| config.notify.settle = time),
    },
    Key {
        section: "notify",
        name: "looking",
        takes: LENGTH,
        default: "\"30s\"",
        example: "\"0s\"",
        meaning: "So long after you typed something into a session you are taken to look at it, and not told of it before; with `\"0s\"` you always are, at once.",
        put: |config, given| given.text(length).map(|time| config.notify.looking = time),
    },
    Key {
        section: "notify",
        name: "by",
        takes: "a list of desktop, bell, osc9, osc777, command",
        default: "[\"desktop\"]",
        example: "[\"desktop\", \"bell\"]",
        meaning: "How to tell; several are all used.",
        put: |config, given| given.words(&Way::ALL, Way::as_str).map(|by| config.notify.by = by),
    },
    Key {
        section: "notify",
        name: "command",
        takes: "a program and its arguments, as a list of texts",
        default: "none",
        example: "[\"sh\", \"-c\", \"logger \\\"$CALLBOARD_NAME: $CALLBOARD_EVENT\\\"\"]",
        meaning: "What `command` in `by` runs, with the session in its environment as `callboard exec` has it; `CALLBOARD_EVENT` is waiting, idle or died.",
        put: |config, given| {
            let command = given.texts(|text| Some(text.to_owned()))?;
            let is_one = command.first().is_some_and(|program| !program.is_empty());
            is_one.then(|| config.notify.command = command)
        },
    },
    Key {
        section: "notify",
        name: "quiet_for",
        takes: "a list of texts",
        default: "[]",
        example: "[\"nightly\"]",
        meaning: "Never tell of sessions whose name has one of these in it, in any case.",
        put: |config, given| {
            given.texts(|text| Some(text.to_owned())).map(|names| config.notify.quiet_for = names)
        },
    },
    Key {
        section: "background",
        name: "host",
        takes: "\"builtin\" or \"tmux\"",
        default: "\"builtin\"",
        example: "\"tmux\"",
        meaning: "Which host has a session that `callboard run -d` starts without `--host`.",
        put: |config, given| given.text(HostKind::parse).map(|host| config.background.host = host),
    },
    Key {
        section: "background",
        name: "keep_ended",
        takes: "a length of time, as \"12h\", \"7d\" or \"2w\", or \"forever\"",
        default: "\"forever\"",
        example: "\"7d\"",
        meaning: "Forget sessions that ended so long ago, with their logs, when the next one is started; those of which nobody knows how they ended are kept.",
        put: |config, given| {
            let read =
                |text: &str| if text == "forever" { Some(None) } else { length(text).map(Some) };
            given.text(read).map(|time| config.background.keep_ended = time)
        },
    },
    Key {
        section: "background",
        name: "detach_key",
        takes: "ctrl and a letter or one of \\ ] ^ _, as \"ctrl-q\", or \"none\"",
        default: "'ctrl-\\'",
        example: "\"ctrl-q\"",
        meaning: "Which key leaves a session that `callboard attach` has brought into a terminal, without `--detach-key`.",
        put: |config, given| {
            let read = |text: &str| {
                if text == "none" { Some(None) } else { DetachKey::parse(text).map(Some) }
            };
            given.text(read).map(|key| config.background.detach_key = key)
        },
    },
];

/// A file with every key, commented out, and what each is for.
#[must_use]
pub fn example() -> String {
    let mut text = String::from("# ~/.config/callboard/config.toml; each key with an example.\n");
    push_keys(&mut text, "");
    for section in SECTIONS {
        // Writing to a String does not fail.
        _ = write!(text, "\n# {}\n[{}]\n", section.meaning, section.name);
        push_keys(&mut text, section.name);
    }
    text
}

fn push_keys(text: &mut String, section: &str) {
    for key in KEYS.iter().filter(|key| key.section == section) {
        push_comment(text, &format!("{} Without it: {}.", key.meaning, key.default));
        _ = writeln!(text, "#{} = {}", key.name, key.example);
    }
}

/// Lines of at most 96 columns, each begun with a number sign.
fn push_comment(text: &mut String, words: &str) {
    const COLUMNS: usize = 96;
    let mut line = String::from("#");
    for word in words.split(' ') {
        if line.len() + 1 + word.len() > COLUMNS {
            _ = writeln!(text, "{line}");
            line = String::from("#");
        }
        _ = write!(line, " {word}");
    }
    _ = writeln!(text, "{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(text: &str) -> Config {
        let config = Config::read(text, Path::new("/c"), Some(Path::new("/h")));
        assert_eq!(config.warnings, [""; 0], "{text}");
        config
    }

    #[test]
    fn what_holds_without_a_key_is_what_the_table_says() {
        for key in KEYS.iter().filter(|key| key.default != "none") {
            let section =
                if key.section.is_empty() { String::new() } else { format!("[{}]\n", key.section) };
            let text = format!("{section}{} = {}", key.name, key.default);
            assert_eq!(read(&text), Config::default(), "{key:?}");
            let text = format!("{section}{} = {}", key.name, key.example);
            assert_ne!(read(&text), Config::default(), "the example of {key:?} changes something");
        }
    }

    #[test]
    fn every_key_has_a_table_and_a_name_of_its_own() {
        for (nth, key) in KEYS.iter().enumerate() {
            let is_there = |section: &Section| section.name == key.section;
            assert!(key.section.is_empty() || SECTIONS.iter().any(is_there), "{key:?}");
            let other = KEYS[nth + 1..].iter().find(|other| other.name == key.name);
            assert!(other.is_none(), "{key:?}: the hint where a key belongs needs one answer");
        }
    }

    #[test]
    fn the_example_says_what_it_seems_to_say() {
        let text = example();
        assert_eq!(read(&text), Config::default(), "everything is commented out");
        let all: String = text
            .lines()
            .map(|line| {
                line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line)
            })
            .flat_map(|line| [line, "\n"])
            .collect();
        let config = read(&all);
        let none = Config::default();
        assert_ne!(config.claude_config_dirs, none.claude_config_dirs);
        assert_ne!(config.notify, none.notify);
        assert_ne!(config.background, none.background);
        assert!(
            all.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).count()
                == KEYS.len()
        );
    }
}
