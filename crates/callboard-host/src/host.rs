//! What a host of background sessions can do, whatever it is made of.

use std::fmt;
use std::process::Command;
use std::time::Duration;

use callboard::Inside;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, SpawnError};
use crate::hosted::{Exit, Hosted, Listing};
use crate::id::HostedId;
use crate::log::{LogQuery, LogRef, LogStream};
use crate::size::Size;
use crate::spec::SpawnSpec;

/// Owns the terminals of background sessions.
///
/// All of its sessions live below one home, whichever host has them, so an id is unique there and
/// [`Hosts`](crate::Hosts) can find the host of a session. Everything is synchronous; what a host
/// has to ask another process takes at most some hundred ms, except [`SessionHost::stop`], which
/// takes as long as its grace, and an attachment, which takes as long as somebody looks.
pub trait SessionHost: Send + Sync + fmt::Debug {
    /// Which one it is.
    fn kind(&self) -> HostKind;

    /// What it can do; the tests that all hosts share skip what it cannot.
    fn caps(&self) -> Caps;

    /// Whether it can be used here: looks for what it needs, and starts nothing.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] with what is missing.
    fn probe(&self) -> Result<HostInfo, Unavailable>;

    /// Starts a session. When this returns, its program has been executed, and it is on the board.
    ///
    /// # Errors
    ///
    /// [`SpawnError`]; then nothing was left behind.
    fn spawn(&self, spec: &SpawnSpec) -> Result<Hosted, SpawnError>;

    /// Its sessions, running or not.
    fn list(&self) -> Listing;

    /// One of them.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], or what could not be read.
    fn look(&self, id: &HostedId) -> Result<Hosted>;

    /// How to attach to a session; nothing is asked of it before the plan is run.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], [`Error::NotRunning`].
    fn attach(&self, id: &HostedId, options: &AttachOptions) -> Result<AttachPlan>;

    /// Detaches clients; how many.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], [`Error::NotRunning`], [`Error::NoAnswer`].
    fn detach(&self, id: &HostedId, who: Detach) -> Result<usize>;

    /// Types into a session without attaching to it.
    ///
    /// # Errors
    ///
    /// As [`SessionHost::detach`].
    fn input(&self, id: &HostedId, input: Input<'_>) -> Result<()>;

    /// What its screen shows. Where tmux has the terminal, that is what tmux has passed on so far: a
    /// client of the session may show more, for a moment.
    ///
    /// # Errors
    ///
    /// As [`SessionHost::detach`].
    fn snapshot(&self, id: &HostedId, format: SnapshotFormat) -> Result<Vec<u8>>;

    /// Where its log is, also after it has ended.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`].
    fn log(&self, id: &HostedId) -> Result<LogRef>;

    /// What it has printed: what is in the log, then what its screen shows, then, where that is
    /// asked for, what comes.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], or what could not be read.
    fn logs(&self, id: &HostedId, query: &LogQuery) -> Result<LogStream>;

    /// Ends a session with everything it has started: asks, and after the grace insists. A session
    /// that has ended already is asked how.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], [`Error::NoAnswer`].
    fn stop(&self, id: &HostedId, policy: StopPolicy) -> Result<Exit>;

    /// How a session ended; `None` while it runs.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], or what could not be read.
    fn exit(&self, id: &HostedId) -> Result<Option<Exit>> {
        Ok(self.look(id)?.state.exit())
    }

    /// Forgets a session that has ended, with its log.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], [`Error::StillRunning`].
    fn remove(&self, id: &HostedId) -> Result<()>;

    /// Whether this process runs in a session of this host.
    fn inside(&self) -> Inside;
}

/// The kinds of hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum HostKind {
    /// One small process of our own for each session.
    Builtin,
    /// A tmux server of our own.
    Tmux,
    /// In a file that a newer version has written.
    #[serde(other)]
    Unknown,
}

impl HostKind {
    /// The word on the command line and in files.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Tmux => "tmux",
            Self::Unknown => "unknown",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Builtin, Self::Tmux].into_iter().find(|kind| kind.as_str() == word)
    }
}

impl fmt::Display for HostKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a host can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a table of one row")]
pub struct Caps {
    /// Several clients at once, each with a size of its own.
    pub many_clients: bool,
    /// Every mode of the terminal is restored when a client attaches, and off when it leaves.
    pub mode_restore: bool,
    /// The exit code or signal is kept.
    pub exit_status: bool,
    /// What leaves the screen is kept on disk.
    pub log: bool,
    /// A client brings its size with it.
    pub resize: bool,
    /// Limits hold for all processes of a session together.
    pub limits: bool,
    /// Sessions outlive the login session they were started in.
    pub survives_logout: bool,
    /// One session's host may be killed, and no other session notices.
    pub one_host_each: bool,
}

/// What a probe found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostInfo {
    /// The version of what does the hosting.
    pub version: String,
}

/// Why a host cannot be used here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {host} host cannot be used: {reason}")]
pub struct Unavailable {
    /// Which.
    pub host: HostKind,
    /// What is missing, and what to do about it.
    pub reason: String,
}

/// How somebody attaches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AttachOptions {
    /// Look, and do not touch: nothing that is typed reaches the program but the detach key.
    pub read_only: bool,
    /// The key that detaches; `None`: no key does.
    pub detach_key: Option<DetachKey>,
    /// How many rows of the log to show above the screen.
    pub history: usize,
    /// A line that stands over the last row for a moment: which key detaches, say.
    pub hint: Option<String>,
}

impl Default for AttachOptions {
    fn default() -> Self {
        Self { read_only: false, detach_key: Some(DetachKey::default()), history: 0, hint: None }
    }
}

/// Ctrl and a key, typed while attached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DetachKey(pub(crate) u8);

impl Default for DetachKey {
    /// Ctrl and backslash, as in dtach, abduco and zmx.
    fn default() -> Self {
        Self(b'\\')
    }
}

impl DetachKey {
    /// `ctrl-x`, `C-x` or `^x`, for a letter or one of `\ ] ^ _`; not for the keys that have
    /// another meaning as a control character (tab, return, escape, backspace).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let key =
            ["ctrl-", "ctrl+", "C-", "^"].iter().find_map(|start| text.strip_prefix(start))?;
        let &[key] = key.as_bytes() else { return None };
        let key = key.to_ascii_lowercase();
        let has_its_own_byte = matches!(key, b'a'..=b'z' | b'\\' | b']' | b'^' | b'_');
        (has_its_own_byte && !matches!(key, b'h' | b'i' | b'j' | b'm')).then_some(Self(key))
    }

    /// The byte that a terminal sends for it, unless a program has asked for another encoding.
    #[must_use]
    pub const fn byte(self) -> u8 {
        self.0.to_ascii_uppercase() & 0x1f
    }
}

impl fmt::Display for DetachKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ctrl-{}", char::from(self.0))
    }
}

/// What attaching takes.
#[derive(Debug)]
pub enum AttachPlan {
    /// A program that does it in this terminal.
    Exec(Command),
    /// This process does it.
    InProcess(Box<dyn Attach>),
}

impl AttachPlan {
    /// Attaches, and returns when that is over. The terminal (standard input and output) is as it
    /// was before, on every way out.
    ///
    /// # Errors
    ///
    /// [`Error::NoTerminal`], [`Error::NoAnswer`], or what the system said.
    pub fn run(self) -> Result<AttachEnd> {
        match self {
            Self::InProcess(attach) => attach.run(),
            Self::Exec(mut command) => {
                let status = command.status().map_err(|error| Error::Io {
                    doing: "run",
                    path: command.get_program().into(),
                    source: error,
                })?;
                Ok(if status.success() { AttachEnd::Detached } else { AttachEnd::Failed(status) })
            }
        }
    }
}

/// An attachment that this process carries out.
pub trait Attach: fmt::Debug {
    /// Attaches, and returns when that is over.
    ///
    /// # Errors
    ///
    /// As [`AttachPlan::run`].
    fn run(self: Box<Self>) -> Result<AttachEnd>;
}

/// How an attachment ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AttachEnd {
    /// By the detach key, or somebody detached it. The session goes on.
    Detached,
    /// The session ended.
    Ended(Exit),
    /// The connection ended without a word: the host was killed, or this client could not be
    /// served any more.
    HostGone,
    /// The terminal went away, or this signal came.
    Signal(i32),
    /// The program that was to attach failed.
    Failed(std::process::ExitStatus),
}

/// Who is detached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detach {
    /// The client that typed last, or, where none has, the one that attached last.
    LastTypist,
    /// One, by its number.
    Client(u64),
    /// Every one.
    All,
}

/// What is typed into a session by somebody who does not look at it.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// Bytes, as they are.
    Bytes(&'a [u8]),
    /// Text, as pasted: in brackets where the program asked for that, so that a line end in it
    /// does not send it off.
    Paste(&'a [u8]),
}

/// In which form a screen is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SnapshotFormat {
    /// Text alone, rows without trailing blanks.
    Plain,
    /// Text and colours (SGR sequences), nothing else.
    Colour,
    /// The same of the main screen, also while the alternate one is shown: what a log would have
    /// if the session ended now.
    Main,
    /// What makes a terminal of the same size look and behave like it.
    Restore,
}

/// How a session is ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StopPolicy {
    /// How long to wait after asking; `None`: what the session was started with.
    pub grace: Option<Duration>,
}

/// The size of the terminal of this process, if it has one on its standard output.
#[must_use]
pub fn terminal_size() -> Option<Size> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| Size::from(size).sane())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detach_keys() {
        for (text, byte) in [
            ("ctrl-\\", Some(0x1c)),
            ("C-a", Some(1)),
            ("^B", Some(2)),
            ("ctrl-]", Some(0x1d)),
            ("ctrl+_", Some(0x1f)),
            ("ctrl-m", None),
            ("ctrl-i", None),
            ("ctrl-", None),
            ("ctrl-ab", None),
            ("x", None),
            ("ctrl-1", None),
        ] {
            assert_eq!(DetachKey::parse(text).map(DetachKey::byte), byte, "{text}");
        }
        assert_eq!(DetachKey::default().to_string(), "ctrl-\\");
    }
}
