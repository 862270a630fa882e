//! Codex: nothing that it writes names a pid, but each thread that is loaded is locked for as long
//! as it is: `<home>/thread-writer-locks/<thread>.lock`, by the process that runs it.
//!
//! That process is the terminal program itself, or the app-server that the first one starts and
//! that serves all of them. The lock is read off the system's list of locks: Codex makes itself
//! undumpable, so that nobody but root sees its open files and its directory.

use std::cmp::Reverse;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use super::head::{files, first_line, is_uuid};
use super::{Facts, Signs, home};
use crate::adapter::{Adapter, Held, Seen};
use crate::processes::{Flocks, Process};
use crate::row::{FoundBy, Role, Row};
use crate::transcript::{Format, Transcript, is_plain_id};

/// Its processes.
pub(super) const SIGNS: Signs = Signs {
    agent: "codex",
    names: &["codex", "codex-x86_64-unknown-linux-musl", "codex-aarch64-unknown-linux-musl"],
    packages: &["@openai/codex"],
    others: &[
        "app",
        "app-server",
        "apply",
        "a",
        "cloud",
        "completion",
        "debug",
        "doctor",
        "exec-server",
        "execpolicy",
        "features",
        "help",
        "login",
        "logout",
        "mcp",
        "mcp-server",
        "plugin",
        "proto",
        "remote-control",
        "responses-api-proxy",
        "sandbox",
        "stdio-to-uds",
        "update",
    ],
    ..Signs::NONE
};

/// The adapter for Codex.
#[derive(Clone, Debug)]
pub struct Codex {
    home: Option<PathBuf>,
}

impl Codex {
    /// In this directory (what `CODEX_HOME` names) and no other.
    #[must_use]
    pub fn at(home: impl Into<PathBuf>) -> Self {
        Self { home: Some(home.into()) }
    }

    /// In `$CODEX_HOME`, else `~/.codex`.
    #[must_use]
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        Self { home: home::named_or(&lookup, "CODEX_HOME", ".codex") }
    }
}

/// A thread that a process has loaded.
struct Thread {
    id: Box<str>,
    lock: PathBuf,
}

impl Thread {
    /// The thread whose lock this file is.
    fn of(lock: PathBuf) -> Option<Self> {
        let id = lock.file_name()?.to_str()?.strip_suffix(".lock").filter(|id| is_uuid(id))?;
        Some(Self { id: id.into(), lock })
    }

    fn rollout(&self) -> Option<PathBuf> {
        rollout(self.lock.parent()?.parent()?, &self.id)
    }

    /// With what its conversation says; `None` for one that was started to help another.
    fn read(self) -> Option<(SystemTime, Held)> {
        let transcript = self.rollout();
        let meta = transcript.as_deref().and_then(first_line::<FirstLine>).map(|line| line.payload);
        let meta = meta.unwrap_or_default();
        let loaded = self.lock.symlink_metadata().and_then(|lock| lock.modified());
        let loaded = loaded.unwrap_or(SystemTime::UNIX_EPOCH);
        let held = Held { transcript, cwd: meta.cwd.clone(), ..self.held() };
        (!meta.is_subagent()).then_some((loaded, held))
    }

    /// What its lock alone says.
    fn held(&self) -> Held {
        let session_id = Some(self.id.clone());
        Held { session_id, found_by: FoundBy::Lock, transcript: None, cwd: None }
    }
}

impl Adapter for Codex {
    fn name(&self) -> &'static str {
        SIGNS.agent
    }

    fn transcript(&self, _: Option<&Path>, session_id: &str) -> Option<Transcript> {
        let path = rollout(self.home.as_deref()?, session_id)?;
        Some(Transcript { format: Format::Codex, path, session_id: session_id.into() })
    }

    fn format(&self) -> Option<Format> {
        Some(Format::Codex)
    }

    fn begins_with_the_first_prompt(&self, _: &Row) -> bool {
        true
    }

    fn hides_answers(&self) -> bool {
        true
    }

    /// The one that has the thread loaded: the terminal program, or the app-server, whose children
    /// are of all the threads that it has.
    fn runs_commands_of(&self, row: &Row) -> Option<u32> {
        let id = row.session_id.as_deref().filter(|id| is_uuid(id))?;
        let lock = self.home.as_ref()?.join(LOCKS).join(format!("{id}.lock"));
        let own = row.working_pid();
        match Flocks::default().holder_of(&lock) {
            Some((holder, threads)) => (threads == 1 || holder == own).then_some(holder),
            None => Some(own),
        }
    }

    fn doorbells(&self) -> Vec<PathBuf> {
        self.home.iter().map(|home| home.join(LOCKS)).collect()
    }

    fn signs(&self) -> Option<&Signs> {
        Some(&SIGNS)
    }

    /// Rollouts alone prove nothing: an app-server keeps those open that it was once asked for.
    fn held(&self, seen: &Seen<'_>) -> Vec<Held> {
        if seen.role != Role::Session && seen.process.program().subcommand() != Some("app-server") {
            return Vec::new();
        }
        let locks = |home: &PathBuf| seen.locked_in(&home.join(LOCKS));
        let mut locks = self.home.as_ref().map(locks).unwrap_or_default();
        if locks.is_empty() {
            // A home that only the process knows, or a file system whose devices have two names.
            locks = seen.open_files();
            locks.retain(|file| file.parent().is_some_and(|dir| dir.ends_with(LOCKS)));
        }
        let is_known =
            locks.iter().all(|lock| self.home.as_deref().is_some_and(|h| lock.starts_with(h)));
        let threads: Vec<_> = locks.into_iter().filter_map(Thread::of).collect();
        let mut read = match (&*threads, seen.role) {
            // Nearly always: then its conversation need not be looked for.
            ([only], Role::Session) if is_known => return vec![only.held()],
            _ => threads.into_iter().filter_map(Thread::read).collect::<Vec<_>>(),
        };
        // The one that was loaded last first.
        read.sort_by_key(|(loaded, _)| Reverse(*loaded));
        if seen.role == Role::Session {
            // A terminal shows one thread. One that it was on before stays loaded for a minute.
            read.truncate(1);
        }
        read.into_iter().map(|(_, held)| held).collect()
    }

    /// The server that the terminals start keeps a thread loaded for a minute after the last of
    /// them has left it. One that an editor starts has no terminals.
    fn serves_alone(&self, process: &Process) -> bool {
        !process.program().has(&["--managed-daemon"])
    }

    fn named(&self, process: &Process) -> Option<Box<str>> {
        let program = process.program();
        let after = matches!(program.subcommand()?, "resume").then(|| program.args.get(1))??;
        is_uuid(after).then(|| after.clone())
    }

    fn facts(&self) -> Option<Facts> {
        Some(Facts {
            title: "Codex",
            seen: &["0.169.0"],
            found_by: "lock on its thread (of the terminal program, or of the app-server that runs the thread); else process",
            session: "`thread-writer-locks/<id>.lock` that the process holds; else `resume <id>` on its command line",
            conversation: "`$CODEX_HOME/sessions/Y/M/D/rollout-*-<id>.jsonl`; read",
            status: "hooks; conversation",
            unknown: "without hooks: whether it waits; with an app-server and hooks: that a prompt was answered, until its command has run. Which of several terminals in one directory shows which thread of an app-server",
        })
    }
}

/// Where the locks are, below its home.
const LOCKS: &str = "thread-writer-locks";

/// The conversation of a thread. Its directory is named by the day on which it began, by the clock
/// on the wall there; its id begins with the time.
fn rollout(home: &Path, id: &str) -> Option<PathBuf> {
    let began = is_plain_id(id).then(|| began(id))??;
    [0, -1, 1].into_iter().find_map(|day: i64| {
        let date = jiff::Timestamp::from_millisecond(began + day * 86_400_000).ok()?;
        let date = date.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (year, month, day) = (date.year(), date.month(), date.day());
        let dir = home.join(format!("sessions/{year:04}/{month:02}/{day:02}"));
        let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        files(&dir).find(|path| {
            name(path).is_some_and(|name| {
                name.strip_prefix("rollout-")
                    .and_then(|rest| rest.split_once(".jsonl"))
                    .is_some_and(|(stem, ending)| {
                        stem.ends_with(id) && matches!(ending, "" | ".zst")
                    })
            })
        })
    })
}

/// The time in a UUID of version 7, in ms since the epoch.
fn began(id: &str) -> Option<i64> {
    let hex = id.get(..8)?.to_owned() + id.get(9..13)?;
    i64::from_str_radix(&hex, 16).ok()
}

/// What the first line of a rollout says.
#[derive(Deserialize)]
struct FirstLine {
    payload: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    cwd: Option<Box<str>>,
    thread_source: Option<Box<str>>,
    parent_thread_id: Option<Box<str>>,
}

impl Meta {
    fn is_subagent(&self) -> bool {
        self.thread_source.as_deref() == Some("subagent") || self.parent_thread_id.is_some()
    }
}
