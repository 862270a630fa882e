//! Qwen Code: `<qwen home>/sessions/<pid>.json`, or `<pid>-<8 hex>.json` for each session of a
//! process that hosts several.
//!
//! The closest cousin of our own format, with the start as `<boot id>:<ticks>` and the namespace
//! as a number. It has no status, ever: what a Qwen session is doing is known only from its hooks,
//! or from its conversation file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use callboard::{Key, Kind, SessionRecord};

use super::home;
use super::{Facts, Signs};
use crate::adapter::{Adapter, SessionsDir};
use crate::processes::Proc;
use crate::row::{Row, text_of};
use crate::transcript::{Format, Transcript, find_in_projects, is_plain_id};

/// Its processes: a launcher, and one inside the other two that it starts again with other options
/// of the interpreter.
pub(super) const SIGNS: Signs = Signs {
    agent: "qwen",
    names: &["qwen"],
    packages: &["@qwen-code/qwen-code"],
    others: &["auth", "channel", "extensions", "hooks", "mcp", "serve", "sessions", "update"],
    other_options: &["-v", "--list-extensions", "--list-sessions"],
    session_options: &["--session-id", "--resume", "-r"],
    ..Signs::NONE
};

/// The adapter for Qwen Code.
#[derive(Clone, Debug)]
pub struct QwenCode {
    home: Option<PathBuf>,
}

impl QwenCode {
    /// In this directory (what `QWEN_HOME` names) and no other.
    #[must_use]
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Self { home: Some(home.into()) }
    }

    /// In `$QWEN_HOME`, else `~/.qwen`.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        Self { home: home::named_or(&lookup, "QWEN_HOME", ".qwen") }
    }
}

impl Adapter for QwenCode {
    fn name(&self) -> &'static str {
        "qwen"
    }

    fn registries(&self) -> Vec<SessionsDir> {
        SessionsDir::below(self.home.clone())
    }

    fn row(&self, record: &SessionRecord, mut plain: Row) -> Option<Row> {
        // A record of before the word was written is one of a terminal.
        let form = plain.kind.take().unwrap_or_else(|| Kind::from("tui"));
        // Another program that signed in here is not Qwen Code, and does not say what it is.
        let is_qwen = form.as_str() != "external";
        plain.tool = plain.tool.or_else(|| is_qwen.then(|| self.name().into()));
        plain.version = text_of(record, "qwenVersion");
        plain.entrypoint = plain.entrypoint.or_else(|| Some(form.as_str().into()));
        plain.kind = Some(kind(form));
        plain.pid_domain = plain
            .pid_domain
            .or_else(|| record.number(Key::PidNs).map(|ns| format!("linux::pid:[{ns}]").into()));
        Some(plain)
    }

    /// A record that is being published: `<pid>.json.<hex>.tmp`.
    fn is_expected(&self, name: &OsStr) -> bool {
        let name = name.as_encoded_bytes();
        name.ends_with(b".tmp") && name.first().is_some_and(u8::is_ascii_digit)
    }

    /// Unless its conversations are switched off (`--chat-recording`, `general.chatRecording`), or
    /// may be: then a missing file proves nothing.
    fn begins_with_the_first_prompt(&self, row: &Row) -> bool {
        const FOR_ALL: &str = "/etc/qwen-code/settings.json";
        let of_user = self.home.iter().map(|home| home.join("settings.json"));
        let of_project = row.cwd.iter().map(|cwd| Path::new(&**cwd).join(".qwen/settings.json"));
        let settings = of_user.chain(of_project).chain([PathBuf::from(FOR_ALL)]);
        row.is_here()
            && settings.into_iter().all(|file| !says_anything_of(&file, "chatRecording"))
            && option_is_absent(row.pid, "--chat-recording")
    }

    fn doorbells(&self) -> Vec<PathBuf> {
        self.home.iter().cloned().collect()
    }

    fn home_variable(&self) -> Option<&'static str> {
        Some("QWEN_HOME")
    }

    fn transcript(&self, sessions: Option<&Path>, session_id: &str) -> Option<Transcript> {
        let file = is_plain_id(session_id).then(|| format!("chats/{session_id}.jsonl"))?;
        let homes = match sessions {
            Some(dir) => SessionsDir::homes_of(self.registries(), dir),
            None => self.home.iter().cloned().collect(),
        };
        let find = |home: &PathBuf| find_in_projects(&home.join("projects"), Path::new(&file));
        let path = homes.iter().find_map(find)?;
        Some(Transcript { format: Format::Qwen, path, session_id: session_id.into() })
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Qwen)
    }

    fn signs(&self) -> Option<&Signs> {
        Some(&SIGNS)
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            title: "Qwen Code",
            seen: &["0.24.4"],
            found_by: "record; else process",
            session: "record; else the id on its command line",
            conversation: "`<home>/projects/*/chats/<id>.jsonl`; read",
            status: "hooks; conversation (its record never says)",
            unknown: "without hooks: whether it waits; where writing conversations down is switched off, anything but that it runs",
        })
    }
}

/// Whether a file of settings has this word in it; yes where it cannot be read.
fn says_anything_of(file: &Path, word: &str) -> bool {
    match std::fs::read(file) {
        Ok(text) => memchr::memmem::find(&text, word.as_bytes()).is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Whether a running process was started without this option, or its negation.
fn option_is_absent(pid: u32, option: &str) -> bool {
    let here = callboard::process::Here::detect();
    let process = Proc::open(&here).and_then(|mut proc| proc.process(pid));
    let name = option.trim_start_matches('-');
    process.is_some_and(|process| {
        let is_it = |word: &str| {
            let word = word.trim_start_matches('-');
            word.strip_prefix("no-").unwrap_or(word).starts_with(name)
        };
        !process.argv.iter().any(|word| word.starts_with('-') && is_it(word))
    })
}

/// Qwen's word says what drives the session; it stays readable as the entrypoint.
fn kind(form: Kind) -> Kind {
    match form.as_str() {
        // At a terminal; or driven by an editor or one prompt of a command line, which is what
        // Claude Code calls the same.
        "tui" | "headless" => Kind::Interactive,
        // A conversation that `qwen serve` hosts: not the server itself, which has no record.
        "serve" => Kind::Background,
        _ => form,
    }
}
