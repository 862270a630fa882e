//! What the program that started this one said about it, through the environment.
//!
//! A variable is inherited by every descendant, so it is only a hint: a spawner that knows the
//! pid of what it starts (it forks first and executes then) adds `<PREFIX>_SESSION_PID`, and then
//! the others count for that process alone and for nothing that it starts in turn. Whether a
//! client is attached is for the host to say, never for a variable.

use crate::record::Kind;

/// What the spawner told this process.
///
/// With the default prefix `CALLBOARD` the variables are `CALLBOARD_SESSION_KIND` (only `bg`,
/// `daemon` and `daemon-worker` count), `_SESSION_NAME`, `_SESSION_LOG`, `_SESSION_AGENT`,
/// `_SESSION_INBOX`, `_SESSION_HOST`, `_SESSION_PID` and `_SUBAGENT_OF`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Spawner {
    /// The kind to sign in as.
    pub kind: Kind,
    /// The name to sign in with.
    pub name: Option<String>,
    /// Where the output of this process goes.
    pub log_path: Option<String>,
    /// Which agent this process runs as.
    pub agent: Option<String>,
    /// The path for its inbox.
    pub inbox: Option<String>,
    /// Which host holds its terminal.
    pub host: Option<String>,
    /// The session that this process is a sub-agent of; sub-agents do not sign in.
    pub sub_agent_of: Option<String>,
}

impl Default for Spawner {
    fn default() -> Self {
        Self {
            kind: Kind::Interactive,
            name: None,
            log_path: None,
            agent: None,
            inbox: None,
            host: None,
            sub_agent_of: None,
        }
    }
}

impl Spawner {
    /// What `CALLBOARD_*` says.
    #[must_use]
    pub fn from_env() -> Self {
        Self::with_prefix("CALLBOARD")
    }

    /// What the variables of another prefix say, for programs with spawners of their own.
    #[must_use]
    pub fn with_prefix(prefix: &str) -> Self {
        Self::from_lookup(prefix, std::process::id(), |name| std::env::var(name).ok())
    }

    /// The same, from any source of variables, for the process `pid`.
    #[must_use]
    pub fn from_lookup(prefix: &str, pid: u32, lookup: impl Fn(&str) -> Option<String>) -> Self {
        let get = |suffix: &str| lookup(&format!("{prefix}_{suffix}")).filter(|v| !v.is_empty());
        if get("SESSION_PID").is_some_and(|meant| meant.parse() != Ok(pid)) {
            return Self::default();
        }
        Self {
            kind: get("SESSION_KIND").map_or(Kind::Interactive, |word| Kind::from_spawner(&word)),
            name: get("SESSION_NAME"),
            log_path: get("SESSION_LOG"),
            agent: get("SESSION_AGENT"),
            inbox: get("SESSION_INBOX"),
            host: get("SESSION_HOST"),
            sub_agent_of: get("SUBAGENT_OF"),
        }
    }

    /// Whether this process was started in a background session, as far as it was told.
    #[must_use]
    pub fn is_background(&self) -> bool {
        self.kind == Kind::Background
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(vars: &[(&str, &str)]) -> Spawner {
        Spawner::from_lookup("APP", 42, |name| {
            vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_spawner_by_case() {
        assert_eq!(told(&[]), Spawner::default());
        assert_eq!(told(&[("APP_SESSION_KIND", "bg")]).kind, Kind::Background);
        assert!(told(&[("APP_SESSION_KIND", "bg")]).is_background());
        assert_eq!(told(&[("APP_SESSION_KIND", "nonsense")]).kind, Kind::Interactive);
        assert_eq!(told(&[("APP_SESSION_NAME", "")]).name, None);
        assert_eq!(told(&[("CALLBOARD_SESSION_NAME", "n")]).name, None);
        assert_eq!(told(&[("APP_SUBAGENT_OF", "s")]).sub_agent_of.as_deref(), Some("s"));
    }

    #[test]
    fn what_was_meant_for_the_parent_is_not_believed_by_the_child() {
        let vars =
            [("APP_SESSION_KIND", "bg"), ("APP_SESSION_NAME", "n"), ("APP_SESSION_PID", "41")];
        assert_eq!(told(&vars), Spawner::default());
        let vars = [("APP_SESSION_KIND", "bg"), ("APP_SESSION_PID", "42")];
        assert!(told(&vars).is_background());
        let vars = [("APP_SESSION_KIND", "bg"), ("APP_SESSION_PID", "x")];
        assert_eq!(told(&vars), Spawner::default());
    }
}
