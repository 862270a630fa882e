//! Where the registry of this user is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The directory that everything of Callboard is below.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

impl Home {
    /// `$CALLBOARD_HOME`, else `$XDG_STATE_HOME/callboard`, else `~/.local/state/callboard`.
    ///
    /// A variable that is empty or not an absolute path counts as not set, as the XDG base
    /// directory specification demands.
    ///
    /// # Errors
    ///
    /// [`Error::NoHome`] if none of them is there.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(|name| std::env::var_os(name))
    }

    /// The same, from any source of variables.
    ///
    /// # Errors
    ///
    /// [`Error::NoHome`] if none of them is there.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let absolute = |name| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
        absolute("CALLBOARD_HOME")
            .or_else(|| absolute("XDG_STATE_HOME").map(|state| state.join("callboard")))
            .or_else(|| absolute("HOME").map(|home| home.join(".local/state/callboard")))
            .map(Self)
            .ok_or(Error::NoHome)
    }

    /// Any directory.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The directory itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The registry in it.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.0.join("sessions")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_absolute_path_wins() {
        let cases: &[(&[(&str, &str)], Option<&str>)] = &[
            (&[("CALLBOARD_HOME", "/a"), ("XDG_STATE_HOME", "/b"), ("HOME", "/c")], Some("/a")),
            (&[("XDG_STATE_HOME", "/b"), ("HOME", "/c")], Some("/b/callboard")),
            (&[("HOME", "/c")], Some("/c/.local/state/callboard")),
            (&[("CALLBOARD_HOME", ""), ("HOME", "/c")], Some("/c/.local/state/callboard")),
            (&[("CALLBOARD_HOME", "rel"), ("XDG_STATE_HOME", "/b")], Some("/b/callboard")),
            (&[("HOME", "")], None),
            (&[], None),
        ];
        for (vars, expected) in cases {
            let home = Home::from_lookup(|name| {
                vars.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
            });
            assert_eq!(home.ok().as_ref().map(Home::path), expected.map(Path::new), "{vars:?}");
        }
    }
}
