//! The configuration file: `$XDG_CONFIG_HOME/callboard/config.toml`, else
//! `~/.config/callboard/config.toml`.
//!
//! A file that does not say what it is thought to say must not keep anybody from seeing the
//! board: whatever is wrong in it is a warning, and the rest of it counts.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use callboard_agents::agents::Descriptions;

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Config {
    /// More directories of Claude Code's configuration, besides those that are found.
    pub(crate) claude_config_dirs: Vec<PathBuf>,
    /// What is wrong in the file, with its path.
    pub(crate) warnings: Vec<String>,
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
            Ok(text) => Self::parse(&text, &path, std::env::var_os("HOME").map(PathBuf::from)),
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

    fn parse(text: &str, path: &Path, home: Option<PathBuf>) -> Self {
        let mut config = Self::default();
        let mut warn = |what: String| config.warnings.push(format!("{}: {what}", path.display()));
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map_or(1, |at| text[..at.start].lines().count().max(1));
                warn(format!("line {line}: {}; the file is ignored", error.message()));
                return config;
            }
        };
        for (key, value) in table {
            match (&*key, directories(&value, home.as_deref())) {
                ("claude_config_dirs", Some(dirs)) => config.claude_config_dirs = dirs,
                ("claude_config_dirs", None) => {
                    warn(format!("`{key}` is not a list of absolute directories and is ignored"));
                }
                _ => warn(format!("the key `{key}` is not known and is ignored")),
            }
        }
        config
    }
}

/// A list of absolute paths, where `~/` is the user's home.
fn directories(value: &toml::Value, home: Option<&Path>) -> Option<Vec<PathBuf>> {
    let expand = |text: &str| match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    };
    let one = |value: &toml::Value| Some(expand(value.as_str()?)).filter(|path| path.is_absolute());
    value.as_array()?.iter().map(one).collect()
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
    fn what_it_says_by_case() {
        let dirs = ["/a", "/h/.claude-work"].map(PathBuf::from).to_vec();
        let cases: &[(&str, Vec<PathBuf>, &[&str])] = &[
            ("", vec![], &[]),
            ("claude_config_dirs = [\"/a\", \"~/.claude-work\"]", dirs.clone(), &[]),
            (
                "colour = \"red\"\nclaude_config_dirs = [\"/a\", \"~/.claude-work\"]",
                dirs,
                &["/c: the key `colour` is not known and is ignored"],
            ),
            (
                "claude_config_dirs = \"/a\"",
                vec![],
                &["/c: `claude_config_dirs` is not a list of absolute directories and is ignored"],
            ),
            (
                "claude_config_dirs = [\"relative\"]",
                vec![],
                &["/c: `claude_config_dirs` is not a list of absolute directories and is ignored"],
            ),
        ];
        for (text, dirs, warnings) in cases {
            let config = Config::parse(text, Path::new("/c"), Some("/h".into()));
            assert_eq!(config.claude_config_dirs, *dirs, "{text}");
            assert_eq!(config.warnings, *warnings, "{text}");
        }
    }

    #[test]
    fn a_broken_file_is_a_warning_that_names_the_line() {
        let config = Config::parse("a = 1\nb = [", Path::new("/c"), None);
        assert_eq!(config.warnings.len(), 1);
        assert!(config.warnings[0].starts_with("/c: line 2: "), "{:?}", config.warnings);
        assert!(config.warnings[0].ends_with("; the file is ignored"), "{:?}", config.warnings);
    }
}
