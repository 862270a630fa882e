//! GitHub Copilot CLI: `<home>/session-state/<session>/`, with `inuse.<pid>.hold`, which the process
//! has open for as long as it is on that session.
//!
//! `inuse.<pid>.lock` beside it holds the number and nothing else, and is believed by nobody here
//! (copilot-cli #4020: another process had the pid). Versions before the hold keep the session's
//! database open instead.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Facts, Signs, home};
use crate::adapter::{Adapter, Held, Seen};
use crate::row::{FoundBy, Row};
use crate::transcript::{Format, Transcript, is_plain_id};

/// Its processes: a launcher and a native program that calls its first thread `MainThread`.
pub(super) const SIGNS: Signs = Signs {
    agent: "copilot",
    names: &["copilot"],
    packages: &["@github/copilot"],
    others: &[
        "completion",
        "help",
        "init",
        "login",
        "logout",
        "mcp",
        "plugin",
        "update",
        "version",
    ],
    other_options: &["-v", "--headless", "--server"],
    ..Signs::NONE
};

/// The adapter for GitHub Copilot CLI.
#[derive(Clone, Debug)]
pub struct Copilot {
    home: Option<PathBuf>,
}

impl Copilot {
    /// In this directory (what `COPILOT_HOME` names) and no other.
    #[must_use]
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Self { home: Some(home.into()) }
    }

    /// In `$COPILOT_HOME`, else `~/.copilot`.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        Self { home: home::named_or(&lookup, "COPILOT_HOME", ".copilot") }
    }
}

impl Adapter for Copilot {
    fn name(&self) -> &'static str {
        SIGNS.agent
    }

    fn transcript(&self, _: Option<&Path>, session_id: &str) -> Option<Transcript> {
        let id = is_plain_id(session_id).then_some(session_id)?;
        let path = events(&self.home.as_ref()?.join("session-state").join(id))?;
        Some(Transcript { format: Format::Copilot, path, session_id: id.into() })
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Copilot)
    }

    fn begins_with_the_first_prompt(&self, _: &Row) -> bool {
        true
    }

    fn doorbells(&self) -> Vec<PathBuf> {
        self.home.iter().map(|home| home.join("session-state")).collect()
    }

    fn signs(&self) -> Option<&Signs> {
        Some(&SIGNS)
    }

    fn held(&self, seen: &Seen<'_>) -> Vec<Held> {
        let hold = format!("inuse.{}.hold", seen.own_pid());
        let files = seen.open_files();
        let in_session = |file: &Path, name: &str| {
            file.ends_with(name)
                && file.ancestors().nth(2).is_some_and(|dir| dir.ends_with("session-state"))
        };
        // For a fifth of a second at a switch it holds the old one and the new one.
        let newest = files.iter().filter(|file| in_session(file, &hold)).max_by_key(|file| {
            file.symlink_metadata().and_then(|metadata| metadata.modified()).ok()
        });
        let found = newest.map(|file| (file, FoundBy::Lock)).or_else(|| {
            let open = files.iter().find(|file| in_session(file, "session.db"));
            open.map(|file| (file, FoundBy::OpenFile))
        });
        found.and_then(|(file, found_by)| session(file.parent()?, found_by)).into_iter().collect()
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            title: "GitHub Copilot CLI",
            seen: &["1.0.102"],
            found_by: "`inuse.<pid>.hold` that the process has open; else process",
            session: "the directory of that file",
            conversation: "`$COPILOT_HOME/session-state/<id>/events.jsonl`; read",
            status: "hooks; conversation, waiting for permission too",
            unknown: "-",
        })
    }
}

fn session(dir: &Path, found_by: FoundBy) -> Option<Held> {
    let id = dir.file_name()?.to_str().filter(|id| is_plain_id(id))?;
    let session_id = Some(id.into());
    Some(Held { session_id, found_by, transcript: events(dir), cwd: None })
}

/// The conversation of a session: there from the first prompt on.
fn events(dir: &Path) -> Option<PathBuf> {
    Some(dir.join("events.jsonl")).filter(|path| path.is_file())
}
