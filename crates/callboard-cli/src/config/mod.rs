//! The configuration file: `$XDG_CONFIG_HOME/callboard/config.toml`, else
//! `~/.config/callboard/config.toml`.
//!
//! A file that does not say what it is thought to say must not keep anybody from seeing the
//! board: whatever is wrong in it is a warning, and the rest of it counts.

mod keys;
mod parse;
mod values;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use callboard_agents::agents::Descriptions;
use callboard_host::{DetachKey, HostKind};

pub use self::keys::{KEYS, Key, example};

/// What the file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// More directories of Claude Code's configuration, besides those that are found.
    pub(crate) claude_config_dirs: Vec<PathBuf>,
    /// Being told.
    pub(crate) notify: Notify,
    /// Sessions in the background.
    pub(crate) background: Background,
    /// What is wrong in the file, with its path and the line, in the order of the lines.
    pub(crate) warnings: Vec<String>,
}

/// `[notify]`: of what to tell, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notify {
    /// Of what.
    pub(crate) on: Vec<Edge>,
    /// Idle is told of after so much work.
    pub(crate) idle_after: Duration,
    /// What does not last so long has not been.
    pub(crate) settle: Duration,
    /// So long after the last key somebody is taken to look at a session.
    pub(crate) looking: Duration,
    /// How.
    pub(crate) by: Vec<Way>,
    /// The command of [`Way::Command`].
    pub(crate) command: Vec<String>,
    /// Sessions with one of these in their name are not told of.
    pub(crate) quiet_for: Vec<String>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            on: Edge::ALL.to_vec(),
            idle_after: Duration::from_secs(30),
            settle: Duration::from_secs(1),
            looking: Duration::from_secs(30),
            by: vec![Way::Desktop],
            command: Vec::new(),
            quiet_for: Vec::new(),
        }
    }
}

/// `[background]`: what `run -d` and `attach` do where the command line does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Background {
    /// Which host has a new session.
    pub(crate) host: HostKind,
    /// How long a session that has ended is kept, with its log; `None`: until it is removed.
    pub(crate) keep_ended: Option<Duration>,
    /// Which key leaves an attached session; `None`: no key does.
    pub(crate) detach_key: Option<DetachKey>,
}

impl Default for Background {
    fn default() -> Self {
        let (host, detach_key) = (HostKind::Builtin, Some(DetachKey::default()));
        Self { host, keep_ended: None, detach_key }
    }
}

/// What becomes of a session that somebody wants to be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Edge {
    /// It waits for the user.
    Waiting,
    /// It is idle after work.
    Idle,
    /// It has died without signing out.
    Died,
}

impl Edge {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Waiting, Self::Idle, Self::Died];

    /// The word in the file, on the command line and in a command's environment.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Idle => "idle",
            Self::Died => "died",
        }
    }
}

/// A way of telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Way {
    /// A notification of the desktop.
    Desktop,
    /// The bell of the terminal that it runs in.
    Bell,
    /// The escape sequence OSC 9 (iTerm2, Windows Terminal, Ghostty, kitty, WezTerm).
    Osc9,
    /// The escape sequence OSC 777 (urxvt, foot, Ghostty, WezTerm, VTE).
    Osc777,
    /// A command, with the session in its environment.
    Command,
}

impl Way {
    /// All of them.
    pub(crate) const ALL: [Self; 5] =
        [Self::Desktop, Self::Bell, Self::Osc9, Self::Osc777, Self::Command];

    /// The word in the file and on the command line.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Desktop => "desktop",
            Self::Bell => "bell",
            Self::Osc9 => "osc9",
            Self::Osc777 => "osc777",
            Self::Command => "command",
        }
    }
}

/// Where the file is, if the environment says where anything is.
pub(crate) fn path(lookup: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let absolute = |name| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|config| config.join("callboard/config.toml"))
}

/// The agents that this user has described, in `agents.d` beside the file.
pub(crate) fn described_agents() -> Descriptions {
    let path = path(|name| std::env::var_os(name));
    let Some(dir) = path.and_then(|path| Some(path.parent()?.join("agents.d"))) else {
        return Descriptions::default();
    };
    Descriptions::load(&dir, std::env::var_os("HOME").map(PathBuf::from).as_deref())
}

impl Config {
    /// Reads the file of this user. None is as good as an empty one.
    pub(crate) fn load() -> Self {
        let Some(path) = path(|name| std::env::var_os(name)) else { return Self::default() };
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                let home = std::env::var_os("HOME").map(PathBuf::from);
                Self::read(&text, &path, home.as_deref())
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                Self::default()
            }
            Err(error) => {
                let warning = format!("{}: cannot be read: {error}", path.display());
                Self { warnings: vec![warning], ..Self::default() }
            }
        }
    }

    /// What a text says; the path is for the warnings.
    pub(crate) fn read(text: &str, path: &Path, home: Option<&Path>) -> Self {
        let (mut config, warnings) = parse::parse(text, home);
        let warning =
            |(line, what): (usize, String)| format!("{}: line {line}: {what}", path.display());
        config.warnings = warnings.into_iter().map(warning).collect();
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_is() {
        let at = |vars: &[(&str, &str)]| {
            path(|name| vars.iter().find(|(key, _)| *key == name).map(|(_, v)| v.into()))
        };
        let cases: &[(&[(&str, &str)], Option<&str>)] = &[
            (&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")], Some("/x/callboard/config.toml")),
            (&[("HOME", "/h")], Some("/h/.config/callboard/config.toml")),
            (&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")], Some("/h/.config/callboard/config.toml")),
            (&[], None),
        ];
        for (vars, expected) in cases {
            assert_eq!(at(vars).as_deref(), expected.map(Path::new), "{vars:?}");
        }
    }

    #[test]
    fn words_are_those_of_the_command_line() {
        use clap::ValueEnum as _;
        for edge in Edge::ALL {
            assert_eq!(edge.to_possible_value().unwrap().get_name(), edge.as_str());
        }
        for way in Way::ALL {
            assert_eq!(way.to_possible_value().unwrap().get_name(), way.as_str());
        }
    }
}
