//! Gemini CLI: nothing that it writes names a pid, and it holds nothing open. Its conversations are
//! by project: `<home>/tmp/<project>/chats/session-<minute>-<first 8 of the id>.jsonl`, and
//! `.project_root` beside `chats` has the directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::head::{begun_files, files, first_line};
use super::{Facts, Signs, home};
use crate::adapter::{Adapter, Held};
use crate::transcript::{Format, Transcript, is_plain_id};

/// Its processes: a launcher, and the same again with more memory.
pub(super) const SIGNS: Signs = Signs {
    agent: "gemini",
    names: &["gemini"],
    packages: &["@google/gemini-cli"],
    others: &["extensions", "extension", "hooks", "mcp", "skills", "skill"],
    other_options: &["-v", "--list-extensions", "--list-sessions", "--delete-session"],
    session_options: &["--resume", "-r", "--session-id"],
    ..Signs::NONE
};

/// How much of `.project_root` is read: a path.
const MAX_PATH: usize = 4096;

/// The adapter for Gemini CLI.
#[derive(Clone, Debug)]
pub struct Gemini {
    home: Option<PathBuf>,
}

impl Gemini {
    /// In this directory (`~/.gemini`) and no other.
    #[must_use]
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Self { home: Some(home.into()) }
    }

    /// In `$GEMINI_CLI_HOME/.gemini`, else `~/.gemini`.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let moved = home::set(&lookup, "GEMINI_CLI_HOME");
        Self { home: moved.or_else(|| home::user(&lookup)).map(|home| home.join(".gemini")) }
    }

    fn projects(&self) -> impl Iterator<Item = PathBuf> + use<> {
        self.home.iter().flat_map(|home| files(&home.join("tmp"))).collect::<Vec<_>>().into_iter()
    }
}

impl Adapter for Gemini {
    fn name(&self) -> &'static str {
        SIGNS.agent
    }

    fn transcript(&self, _: Option<&Path>, session_id: &str) -> Option<Transcript> {
        let start = is_plain_id(session_id).then(|| session_id.get(..8))??;
        let of_session = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let stem = name.strip_suffix(".jsonl").or_else(|| name.strip_suffix(".json"));
            stem.is_some_and(|stem| stem.ends_with(start))
                && id_of(path).as_deref() == Some(session_id)
        };
        let path = self.projects().find_map(|dir| files(&dir.join("chats")).find(of_session))?;
        Some(Transcript { format: Format::Gemini, path, session_id: session_id.into() })
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Gemini)
    }

    fn hides_answers(&self) -> bool {
        true
    }

    fn doorbells(&self) -> Vec<PathBuf> {
        let projects = self.home.iter().map(|home| home.join("tmp"));
        projects.flat_map(|dir| home::with_those_in_it(dir, Some("chats"))).collect()
    }

    fn signs(&self) -> Option<&Signs> {
        Some(&SIGNS)
    }

    fn begun(&self, cwd: &Path, since: u64) -> Vec<Held> {
        let of_project = |dir: &PathBuf| root_of(dir).is_some_and(|root| root == cwd);
        let dirs = self.projects().filter(of_project);
        dirs.flat_map(|dir| begun_files(&dir.join("chats"), since, id_of)).collect()
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            title: "Gemini CLI",
            seen: &["0.61.0"],
            found_by: "process",
            session: "`--resume <id>` on its command line, or the only conversation begun in its directory since it started",
            conversation: "`~/.gemini/tmp/<project>/chats/session-*.jsonl`; read",
            status: "hooks; conversation",
            unknown: "without hooks: whether it waits or runs a command; after `/clear`, which conversation it is on",
        })
    }
}

/// The directory that a project's conversations are about.
fn root_of(project: &Path) -> Option<PathBuf> {
    let path = project.join(".project_root");
    let is_short = |m: std::fs::Metadata| m.is_file() && m.len() <= MAX_PATH as u64;
    path.symlink_metadata()
        .is_ok_and(is_short)
        .then(|| std::fs::read_to_string(&path))?
        .ok()
        .map(|root| PathBuf::from(root.trim_end_matches(['\n', '\r'])))
}

/// What the first line of a conversation says.
#[derive(Deserialize)]
struct FirstLine {
    #[serde(rename = "sessionId")]
    session_id: Box<str>,
    kind: Option<Box<str>>,
}

/// The session of a conversation; `None` for that of a sub-agent.
fn id_of(path: &Path) -> Option<Box<str>> {
    let line: FirstLine = first_line(path)?;
    let is_main = line.kind.as_deref().is_none_or(|kind| kind == "main");
    (is_main && is_plain_id(&line.session_id)).then_some(line.session_id)
}
