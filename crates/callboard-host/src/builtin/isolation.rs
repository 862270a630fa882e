//! A systemd scope around a host: what holds for all processes of a session together, and keeps
//! them when a login session is ended with its processes.

use std::ffi::OsString;
use std::path::Path;

use crate::error::SpawnError;
use crate::host::{HostKind, Unavailable};
use crate::spec::{Isolation, Limits, SpawnSpec};

/// Whether a systemd of this user answers: its private socket is there.
pub(crate) fn is_available() -> bool {
    std::env::var_os("XDG_RUNTIME_DIR")
        .is_some_and(|dir| Path::new(&dir).join("systemd/private").exists())
}

/// What to put in front of the host's command; nothing where it gets no scope.
pub(crate) fn wrapper(
    host: HostKind,
    spec: &SpawnSpec,
    id: &str,
) -> Result<Vec<OsString>, SpawnError> {
    match (spec.isolation, is_available()) {
        (Isolation::None, _) | (Isolation::IfAvailable, false) => Ok(Vec::new()),
        (_, true) => Ok(scope(id, &spec.limits)),
        (Isolation::Scope, false) => Err(SpawnError::Unavailable(Unavailable {
            host,
            reason: "no systemd of this user answers, so there can be no scope; \
                     start the session without one"
                .into(),
        })),
    }
}

/// What to put in front of the command of a server of many sessions, where a systemd of this user
/// answers.
pub(crate) fn scope_of_server() -> Option<Vec<OsString>> {
    let name = format!("tmux-{:08x}", crate::random::word());
    is_available().then(|| scope(&name, &Limits::default()))
}

/// `systemd-run` executes the command in its own place, with its own standard streams, once it is
/// in the scope.
fn scope(id: &str, limits: &Limits) -> Vec<OsString> {
    let mut words: Vec<OsString> = ["systemd-run", "--user", "--scope", "--collect", "--quiet"]
        .iter()
        .map(OsString::from)
        .collect();
    words.push(format!("--unit=callboard-{id}").into());
    let properties = [("MemoryMax", limits.memory), ("TasksMax", limits.tasks)];
    for (name, limit) in properties {
        if let Some(limit) = limit {
            words.push(format!("--property={name}={limit}").into());
        }
    }
    words.push("--".into());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_with_and_without_limits() {
        let plain: Vec<OsString> = scope("0a1b", &Limits::default());
        let expected = [
            "systemd-run",
            "--user",
            "--scope",
            "--collect",
            "--quiet",
            "--unit=callboard-0a1b",
            "--",
        ];
        assert_eq!(plain, expected);
        let limits = Limits { memory: Some(1 << 20), tasks: Some(7), ..Limits::default() };
        let limited = scope("0a1b", &limits);
        assert_eq!(limited[6..], ["--property=MemoryMax=1048576", "--property=TasksMax=7", "--"]);
    }

    #[test]
    fn no_scope_where_none_is_asked_for() {
        assert!(wrapper(HostKind::Builtin, &SpawnSpec::new(["true"]), "0a").unwrap().is_empty());
    }
}
