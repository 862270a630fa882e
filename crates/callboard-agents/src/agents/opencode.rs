//! opencode: all conversations in one database, which every process of it has open; nothing says
//! which process is on which.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Facts, Signs, home};
use crate::adapter::{Adapter, Held};
use crate::processes::Process;
use crate::row::FoundBy;
use crate::transcript::{Format, Transcript, is_plain_id, opencode_sessions};

/// Its processes. A server hosts the sessions of others, and is none.
pub(super) const SIGNS: Signs = Signs {
    agent: "opencode",
    names: &["opencode"],
    packages: &["opencode-ai"],
    others: &[
        "agent",
        "auth",
        "completion",
        "db",
        "debug",
        "export",
        "github",
        "import",
        "mcp",
        "models",
        "plugin",
        "providers",
        "serve",
        "session",
        "stats",
        "uninstall",
        "upgrade",
        "web",
    ],
    other_options: &["-v"],
    ..Signs::NONE
};

/// The adapter for opencode.
#[derive(Clone, Debug)]
pub struct Opencode {
    data: Option<PathBuf>,
}

impl Opencode {
    /// In this directory (`$XDG_DATA_HOME/opencode`) and no other.
    #[must_use]
    pub fn at(data: impl Into<PathBuf>) -> Self {
        Self { data: Some(data.into()) }
    }

    /// In `$XDG_DATA_HOME/opencode`, else `~/.local/share/opencode`.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let share = home::named_or(&lookup, "XDG_DATA_HOME", ".local/share");
        Self { data: share.map(|share| share.join("opencode")) }
    }
}

impl Adapter for Opencode {
    fn name(&self) -> &'static str {
        SIGNS.agent
    }

    fn transcript(&self, _: Option<&Path>, session_id: &str) -> Option<Transcript> {
        let id = is_plain_id(session_id).then_some(session_id)?;
        let path = self.data.as_ref()?.join("opencode.db");
        path.is_file().then(|| Transcript { format: Format::Opencode, path, session_id: id.into() })
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Opencode)
    }

    /// Each process that opens the database makes or finds files beside it.
    fn doorbells(&self) -> Vec<PathBuf> {
        self.data.iter().cloned().collect()
    }

    fn signs(&self) -> Option<&Signs> {
        Some(&SIGNS)
    }

    fn named(&self, process: &Process) -> Option<Box<str>> {
        let id = process.program().value(&["--session", "-s"])?;
        (id.starts_with("ses_") && is_plain_id(id)).then(|| id.into())
    }

    fn begun(&self, cwd: &Path, since: u64) -> Vec<Held> {
        let path = self.data.as_ref().map(|data| data.join("opencode.db"));
        let Some((path, cwd)) = path.zip(cwd.to_str()) else { return Vec::new() };
        let held = |id| Held {
            session_id: Some(id),
            found_by: FoundBy::Process,
            transcript: Some(path.clone()),
            cwd: None,
        };
        opencode_sessions(&path, cwd, since).into_iter().map(held).collect()
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            title: "opencode",
            seen: &["1.18.33"],
            found_by: "process",
            session: "`--session <id>` on its command line, or the only session begun in its directory since it started",
            conversation: "`$XDG_DATA_HOME/opencode/opencode.db`; read",
            status: "its plugin (`callboard update`); conversation",
            unknown: "without its plugin: whether it waits; anything before the first prompt; which of several processes in one directory is on which session",
        })
    }
}
