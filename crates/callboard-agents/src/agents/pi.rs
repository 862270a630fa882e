//! Pi, and omp, which was made from it: `<home>/sessions/--<directory>--/<time>_<id>.jsonl`, made
//! after the first answer. It has no permission prompts, so it never waits.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::head::{begun_files, is_uuid};
use super::{Facts, Signs, home};
use crate::adapter::{Adapter, Held};
use crate::transcript::{Format, Transcript, is_plain_id};

/// Its processes: one, which writes `pi` over its command line.
pub(super) const SIGNS: Signs = Signs {
    agent: "pi",
    names: &["pi"],
    packages: &["@mariozechner/pi-coding-agent", "@earendil-works/pi-coding-agent"],
    others: OTHERS,
    other_options: &["-v", "--list-models", "--export"],
    ..Signs::NONE
};

/// The processes of omp.
pub(super) const OMP: Signs = Signs {
    agent: "omp",
    names: &["omp"],
    packages: &["@oh-my-pi/pi-coding-agent"],
    others: OTHERS,
    other_options: &["-v", "--list-models", "--export"],
    ..Signs::NONE
};

const OTHERS: &[&str] = &["config", "install", "list", "remove", "uninstall", "update"];

/// The adapter for Pi, and for omp.
#[derive(Clone, Debug)]
pub struct Pi {
    signs: &'static Signs,
    sessions: Option<PathBuf>,
}

impl Pi {
    /// In this directory (what `PI_CODING_AGENT_DIR` names) and no other.
    #[must_use]
    pub fn at(home: impl AsRef<Path>) -> Self {
        Self { signs: &SIGNS, sessions: Some(home.as_ref().join("sessions")) }
    }

    /// In `$PI_CODING_AGENT_SESSION_DIR`, else in `$PI_CODING_AGENT_DIR`, else `~/.pi/agent`.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let usual = || home::named_or(&lookup, "PI_CODING_AGENT_DIR", ".pi/agent");
        let named = home::set(&lookup, "PI_CODING_AGENT_SESSION_DIR");
        let sessions = named.or_else(|| usual().map(|home| home.join("sessions")));
        Self { signs: &SIGNS, sessions }
    }

    /// omp, in `~/.omp/agent` (`$PI_CONFIG_DIR` names another directory than `.omp`).
    #[must_use]
    pub fn omp_from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let dir = home::set(&lookup, "PI_CONFIG_DIR").unwrap_or_else(|| ".omp".into());
        let sessions = home::user(&lookup).map(|home| home.join(dir).join("agent/sessions"));
        Self { signs: &OMP, sessions }
    }
}

impl Adapter for Pi {
    fn name(&self) -> &'static str {
        self.signs.agent
    }

    fn transcript(&self, _: Option<&Path>, session_id: &str) -> Option<Transcript> {
        let id = is_plain_id(session_id).then_some(session_id)?;
        let mut projects = super::head::files(self.sessions.as_ref()?);
        let of_session = |path: &PathBuf| id_of(path).as_deref() == Some(id);
        let path = projects.find_map(|dir| super::head::files(&dir).find(of_session))?;
        Some(Transcript { format: Format::Pi, path, session_id: id.into() })
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Pi)
    }

    fn doorbells(&self) -> Vec<PathBuf> {
        let dir = self.sessions.iter().cloned();
        dir.flat_map(|dir| home::with_those_in_it(dir, None)).collect()
    }

    fn signs(&self) -> Option<&Signs> {
        Some(self.signs)
    }

    fn begun(&self, cwd: &Path, since: u64) -> Vec<Held> {
        let dir = self.sessions.as_ref().map(|sessions| sessions.join(project_name(cwd)));
        dir.map(|dir| begun_files(&dir, since, id_of)).unwrap_or_default()
    }

    fn facts(&self) -> Option<Facts> {
        let is_pi = self.signs.agent == SIGNS.agent;
        Some(Facts {
            title: if is_pi { "Pi" } else { "omp" },
            seen: if is_pi { &["0.73.1"] } else { &[] },
            found_by: "process",
            session: "the only conversation begun in its directory since it started",
            conversation: if is_pi {
                "`~/.pi/agent/sessions/--<directory>--/*_<id>.jsonl`; read"
            } else {
                "`~/.omp/agent/sessions/--<directory>--/*_<id>.jsonl`; read"
            },
            status: "conversation (an extension can do better: `callboard update`)",
            unknown: "anything before the first answer; after `/new`, which conversation it is on",
        })
    }
}

/// The name of the directory of a project's conversations.
fn project_name(cwd: &Path) -> String {
    let path = cwd.to_string_lossy();
    let inner = path.strip_prefix('/').unwrap_or(&path).replace(['/', '\\', ':'], "-");
    format!("--{inner}--")
}

/// The session of a conversation file, by its name.
fn id_of(path: &Path) -> Option<Box<str>> {
    let (_, id) = path.file_name()?.to_str()?.strip_suffix(".jsonl")?.rsplit_once('_')?;
    is_uuid(id).then(|| id.into())
}
