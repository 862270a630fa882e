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
    /// A program that runs with more rights than whoever started it (setuid, setgid) does not go
    /// where its environment sends it: who started it would choose a directory of its user's.
    /// Such a program names a directory of its own with [`Home::at`]. File capabilities are not
    /// looked for.
    ///
    /// # Errors
    ///
    /// [`Error::NoHome`] if none of them is there; [`Error::Untrusted`] in such a program.
    pub fn from_env() -> Result<Self> {
        use rustix::process::{getegid, geteuid, getgid, getuid};
        let home = Self::from_lookup(|name| std::env::var_os(name))?;
        let is_errand = getuid() != geteuid() || getgid() != getegid();
        // Root's own programs do this too, to have fewer rights for a while.
        if is_errand && !getuid().is_root() {
            let reason = format!(
                "the environment names it, and is that of uid {}, who has not the rights of this \
                 program (setuid or setgid)",
                getuid().as_raw()
            );
            return Err(Error::Untrusted { path: home.0, reason });
        }
        Ok(home)
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
