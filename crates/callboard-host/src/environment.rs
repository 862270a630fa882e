//! The variables that a session starts with.

use std::ffi::{OsStr, OsString};
use std::path::Path;

/// An environment: complete, nothing is added to it later but what a terminal of its own implies.
///
/// It travels to the session through a socket and is kept nowhere: not on a command line, not in
/// a file, not in the environment of the host. Only that of a session with a restart policy is
/// kept, in the session's own directory: see [`supervisor`](crate::supervisor).
#[derive(Clone, PartialEq, Eq)]
pub struct Environment {
    variables: Vec<(OsString, OsString)>,
}

/// What a starter's terminal, its multiplexer or its own host said about *it*: in another terminal
/// they are wrong. The kinds of session (`CALLBOARD_SESSION_*`) were told to the starter alone.
const OF_THE_STARTERS_TERMINAL: &[&str] = &[
    "CALLBOARD_SESSION_AGENT",
    "CALLBOARD_SESSION_HOST",
    "CALLBOARD_SESSION_INBOX",
    "CALLBOARD_SESSION_KIND",
    "CALLBOARD_SESSION_LOG",
    "CALLBOARD_SESSION_NAME",
    "CALLBOARD_SESSION_PID",
    "CALLBOARD_SUBAGENT_OF",
    "ALACRITTY_LOG",
    "ALACRITTY_SOCKET",
    "ALACRITTY_WINDOW_ID",
    "COLUMNS",
    "GPG_TTY",
    "ITERM_PROFILE",
    "ITERM_SESSION_ID",
    "KITTY_LISTEN_ON",
    "KITTY_PID",
    "KITTY_WINDOW_ID",
    "KONSOLE_DBUS_SERVICE",
    "KONSOLE_DBUS_SESSION",
    "KONSOLE_DBUS_WINDOW",
    "LINES",
    "SSH_TTY",
    "STY",
    "TERMCAP",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TERM_SESSION_ID",
    "TMUX",
    "TMUX_PANE",
    "VTE_VERSION",
    "WEZTERM_PANE",
    "WEZTERM_UNIX_SOCKET",
    "WINDOW",
    "WINDOWID",
    "WT_SESSION",
    "ZELLIJ",
    "ZELLIJ_PANE_ID",
    "ZELLIJ_SESSION_NAME",
];

/// Clients come from different terminals; this is the one whose sequences all of them know, and
/// the one that the host answers like.
const TERM: &str = "xterm-256color";

impl Environment {
    /// That of this process, without what was said about its terminal.
    #[must_use]
    pub fn inherited() -> Self {
        Self::exactly(std::env::vars_os()).for_another_terminal()
    }

    /// These variables and no others; a later one replaces an earlier one of the same name.
    #[must_use]
    pub fn exactly<K: Into<OsString>, V: Into<OsString>>(
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut environment = Self { variables: Vec::new() };
        for (name, value) in variables {
            environment = environment.with(name, value);
        }
        environment
    }

    /// With this variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        let (name, value) = (name.into(), value.into());
        match self.variables.iter_mut().find(|(known, _)| *known == name) {
            Some(known) => known.1 = value,
            None => self.variables.push((name, value)),
        }
        self
    }

    /// Without this variable.
    #[must_use]
    pub fn without(mut self, name: impl AsRef<OsStr>) -> Self {
        self.variables.retain(|(known, _)| known != name.as_ref());
        self
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(known, _)| known == name.as_ref());
        found.map(|(_, value)| &**value)
    }

    /// All of it, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (&OsStr, &OsStr)> {
        self.variables.iter().map(|(name, value)| (&**name, &**value))
    }

    /// As it has to be in a terminal that is not the starter's.
    #[must_use]
    pub fn for_another_terminal(mut self) -> Self {
        self.variables.retain(|(name, _)| !OF_THE_STARTERS_TERMINAL.iter().any(|of| name == of));
        self.with("TERM", TERM)
    }

    /// With the directory that a session starts in, as a shell would have set it.
    #[must_use]
    pub(crate) fn in_directory(self, directory: &Path) -> Self {
        self.with("PWD", directory).without("OLDPWD")
    }
}

/// Names only: a value may be a secret.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.variables.iter().map(|(name, _)| name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_about_the_starters_terminal_is_not_passed_on() {
        let starter =
            [("TMUX", "/tmp/x,1,0"), ("TERM", "dumb"), ("LANG", "C.UTF-8"), ("LINES", "9")];
        let environment = Environment::exactly(starter).for_another_terminal();
        assert_eq!(environment.get("TMUX"), None);
        assert_eq!(environment.get("LINES"), None);
        assert_eq!(environment.get("LANG"), Some(OsStr::new("C.UTF-8")));
        assert_eq!(environment.get("TERM"), Some(OsStr::new(TERM)));
    }

    #[test]
    fn a_variable_is_there_once_and_its_value_is_never_shown() {
        let environment = Environment::exactly([("KEY", "old"), ("KEY", "secret")]);
        assert_eq!(environment.iter().count(), 1);
        assert_eq!(environment.get("KEY"), Some(OsStr::new("secret")));
        assert_eq!(format!("{environment:?}"), r#"{"KEY"}"#);
        assert_eq!(environment.without("KEY").iter().count(), 0);
    }
}
