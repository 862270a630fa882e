//! Claude Code: `<config>/sessions/<pid>.json`, as written from early 2026 on.
//!
//! Everything but `pid`, `sessionId`, `cwd` and `startedAt` came in over the year, so everything
//! but the pid is optional here. What the record calls a thing is what the board shows: `shell`
//! stays `shell`, a status that this version does not know stays as it is.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use callboard::{Kind, SessionRecord};

use super::head::{begun_files, is_uuid};
use super::home;
use super::{Facts, Signs};
use crate::adapter::{Adapter, Held, SessionsDir};
use crate::row::{JobLink, Role, Row, text_of};
use crate::transcript::{Format, Transcript, find_in_projects, is_plain_id};

/// Its processes. A supervisor (`daemon run`) starts a process that holds a terminal for each
/// background session, and that starts the session; teammates of a session are sub-agents of it,
/// with processes of their own.
pub(super) const SIGNS: Signs = Signs {
    agent: "claude",
    names: &["claude"],
    packages: &["@anthropic-ai/claude-code"],
    // Where its native program is installed, as a file that is called like its version; the
    // supervisor starts it as that.
    dirs: &["/claude/versions/"],
    others: &[
        "agents",
        "attach",
        "auth",
        "auto-mode",
        "config",
        "daemon",
        "doctor",
        "install",
        "logs",
        "mcp",
        "migrate-installer",
        "plugin",
        "plugins",
        "remote-control",
        "respawn",
        "rm",
        "setup-token",
        "stop",
        "update",
        "upgrade",
    ],
    other_options: &[
        "-v",
        "--agent-id",
        "--bg",
        "--bg-pty-host",
        "--chrome-native-host",
        "--claude-in-chrome-mcp",
        "--parent-session-id",
        "--ripgrep",
    ],
    spare_options: &["--bg-spare"],
    session_options: &["--session-id", "--resume", "-r"],
    ..Signs::NONE
};

/// The adapter for Claude Code.
#[derive(Clone, Debug)]
pub struct ClaudeCode {
    /// Named by a variable or by the user.
    config_dirs: Vec<PathBuf>,
    /// Where `.claude` and `.claude-*` are looked for.
    home: Option<PathBuf>,
}

impl ClaudeCode {
    /// In these configuration directories and no others.
    #[must_use]
    pub fn at(config_dirs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { config_dirs: config_dirs.into_iter().collect(), home: None }
    }

    /// In `$CLAUDE_CONFIG_DIR`, `~/.claude`, every `~/.claude-*`, and `configured`.
    ///
    /// The variable moves only the Claude Code that is started with it; those that run under the
    /// other directories are there all the same (claude-code #90188).
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>, configured: &[PathBuf]) -> Self {
        let mut config_dirs: Vec<_> = home::set(&lookup, "CLAUDE_CONFIG_DIR").into_iter().collect();
        config_dirs.extend_from_slice(configured);
        Self { config_dirs, home: home::user(&lookup) }
    }

    fn all_config_dirs(&self) -> Vec<PathBuf> {
        let mut dirs = self.config_dirs.clone();
        if let Some(home) = &self.home {
            dirs.push(home.join(".claude"));
            dirs.extend(siblings(home));
        }
        dirs
    }
}

/// `<home>/.claude-*`, in the order of their names. Whether one is a configuration directory shows
/// when its `sessions` is looked for.
fn siblings(home: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(home)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b".claude-"))
        .map(|entry| entry.path())
        .collect();
    found.sort();
    found
}

impl Adapter for ClaudeCode {
    fn name(&self) -> &'static str {
        "claude"
    }

    fn registries(&self) -> Vec<SessionsDir> {
        SessionsDir::below(self.all_config_dirs())
    }

    fn row(&self, record: &SessionRecord, mut plain: Row) -> Option<Row> {
        plain.tool = Some(self.name().into());
        plain.role = role(record, plain.kind.as_ref());
        plain.linked_job = link(record).map(Box::new);
        Some(plain)
    }

    fn doorbells(&self) -> Vec<PathBuf> {
        self.all_config_dirs()
    }

    fn is_expected(&self, name: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        // Credentials of the inbox, and an older generation of records that names no start.
        name.ends_with(b".key")
            || name
                .strip_prefix(b"pid-")
                .and_then(|rest| rest.strip_suffix(b".json"))
                .is_some_and(|pid| !pid.is_empty() && pid.iter().all(u8::is_ascii_digit))
    }

    fn home_variable(&self) -> Option<&'static str> {
        Some("CLAUDE_CONFIG_DIR")
    }

    fn transcript(&self, sessions: Option<&Path>, session_id: &str) -> Option<Transcript> {
        let file = is_plain_id(session_id).then(|| PathBuf::from(format!("{session_id}.jsonl")))?;
        let homes = match sessions {
            Some(dir) => SessionsDir::homes_of(self.registries(), dir),
            None => self.all_config_dirs(),
        };
        let find = |home: &PathBuf| find_in_projects(&home.join("projects"), &file);
        let path = homes.iter().find_map(find)?;
        Some(Transcript { format: Format::Claude, path, session_id: session_id.into() })
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Claude)
    }

    fn signs(&self) -> Option<&Signs> {
        Some(&SIGNS)
    }

    fn begun(&self, cwd: &Path, since: u64) -> Vec<Held> {
        let project = project_name(cwd);
        let dirs =
            self.all_config_dirs().into_iter().map(|dir| dir.join("projects").join(&project));
        dirs.flat_map(|dir| begun_files(&dir, since, id_of)).collect()
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            title: "Claude Code",
            seen: &["2.1.197", "2.1.329"],
            found_by: "record; else process",
            session: "record; else the id on its command line, or the only conversation begun in its directory since it started",
            conversation: "`<config>/projects/*/<id>.jsonl`; read",
            status: "record; hooks; conversation",
            unknown: "without a record (a nested session, a torn one): whether it waits",
        })
    }
}

/// The name of the directory of a project's conversations: nothing but letters and digits is kept.
/// Of a long path only the beginning is, with a number that is not worked out here.
fn project_name(cwd: &Path) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    cwd.to_string_lossy().chars().map(keep).collect()
}

/// The session of a conversation file, by its name.
fn id_of(path: &Path) -> Option<Box<str>> {
    let id = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    is_uuid(id).then(|| id.into())
}

/// A supervisor (`claude daemon run`) and what it keeps running for itself hold no conversation:
/// the sessions that they host have records of their own, of kind `bg`. A spare is a `bg` worker
/// that was started ahead of need and becomes a session when it loses the mark.
fn role(record: &SessionRecord, kind: Option<&Kind>) -> Role {
    match kind {
        Some(Kind::Daemon | Kind::DaemonWorker) => Role::Infrastructure,
        _ if record.raw("spare") == Some("true") => Role::Spare,
        _ => Role::Session,
    }
}

/// `parkedJobId` wins: a window that was a job and is parked on another one stands for the latter.
fn link(record: &SessionRecord) -> Option<JobLink> {
    if let Some(id) = text_of(record, "parkedJobId") {
        return Some(JobLink::Parked { id });
    }
    text_of(record, "jobId").map(|id| JobLink::Job { id, windows: Vec::new() })
}
