//! What is asked for when a session is started.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::time::Duration;

use callboard::Kind;

use crate::environment::Environment;
use crate::id::HostedId;
use crate::size::Size;

/// A session to be started. Everything but the command has a default.
///
/// ```
/// use callboard_host::{SpawnSpec, Size};
///
/// let spec = SpawnSpec::new(["make", "-j4"]).name("build").size(Size { columns: 100, rows: 30 });
/// # assert_eq!(spec.argv.len(), 2);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SpawnSpec {
    /// Its id; without one, a random one.
    pub id: Option<HostedId>,
    /// Whether an ended session under this id gives its place to the new one, with its log. A
    /// running one never does.
    pub replace: bool,
    /// What people call it.
    pub name: Option<String>,
    /// The program, looked for in the `PATH` of `env`, and its arguments.
    pub argv: Vec<OsString>,
    /// Its directory; without one, that of this process.
    pub cwd: Option<PathBuf>,
    /// Its environment.
    pub env: Environment,
    /// The size of its terminal until a client has another.
    pub size: Size,
    /// What is kept of what it prints.
    pub log: LogPolicy,
    /// What it may use.
    pub limits: Limits,
    /// How long it has between being asked to stop and being killed, where who stops it does not
    /// say.
    pub grace: Duration,
    /// Whether it gets a systemd scope of its own.
    pub isolation: Isolation,
    /// How it stands on the board: `bg`, or `daemon` and `daemon-worker` for a supervisor and what
    /// that starts.
    pub kind: Kind,
    /// Where it is signed in.
    pub board: OnBoard,
    /// Which program it is, for the board; without it, the name of the command's file.
    pub tool: Option<String>,
    /// Which agent it runs as, for the board.
    pub agent: Option<String>,
    /// Its conversation, for the board; without it, a random one.
    pub session_id: Option<String>,
    /// Whatever its starter wants to find again: kept in `spec.json`, and nobody else looks.
    pub labels: BTreeMap<String, String>,
}

/// Which registry a session is signed in to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum OnBoard {
    /// That of the home of the host.
    #[default]
    Home,
    /// Another one.
    At(PathBuf),
    /// None.
    No,
}

/// What is kept of what a session prints: rows that left its screen, on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPolicy {
    /// A file that is longer gives way to a new one. In bytes; 0 keeps nothing.
    pub bytes: u64,
    /// How many files there are at most, the newest included.
    pub files: u8,
}

impl LogPolicy {
    /// Keeps nothing.
    pub const NONE: Self = Self { bytes: 0, files: 0 };
}

impl Default for LogPolicy {
    fn default() -> Self {
        Self { bytes: 8 << 20, files: 3 }
    }
}

/// What a session may use. `None`: what its starter may.
///
/// In a scope of its own (see [`Isolation`]) `memory` and `tasks` hold for all its processes
/// together; elsewhere for each alone (`setrlimit`), and `tasks` counts all of its user's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory, in bytes.
    pub memory: Option<u64>,
    /// Processes and threads.
    pub tasks: Option<u64>,
    /// Time on a processor of each process, in seconds.
    pub cpu_seconds: Option<u64>,
    /// Open files of each process.
    pub open_files: Option<u64>,
    /// The longest file that it may write, in bytes.
    pub file_bytes: Option<u64>,
    /// The greatest core dump, in bytes.
    pub core_bytes: Option<u64>,
}

/// Whether the host is put into a systemd scope of its own, so that it outlives a login session
/// that is ended with its processes (`KillUserProcesses`), and its limits hold for all of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// No.
    #[default]
    None,
    /// Where a systemd of this user answers.
    IfAvailable,
    /// It must be; else the session is not started.
    Scope,
}

impl SpawnSpec {
    /// A command, and defaults for the rest: the environment and the directory of this process,
    /// 120 columns and 40 rows, ten seconds of grace, three log files of 8 MiB, on the board.
    pub fn new<S: AsRef<OsStr>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self {
            id: None,
            replace: false,
            name: None,
            argv: argv.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            cwd: None,
            env: Environment::inherited(),
            size: Size::default(),
            log: LogPolicy::default(),
            limits: Limits::default(),
            grace: Duration::from_secs(10),
            isolation: Isolation::default(),
            kind: Kind::Background,
            board: OnBoard::default(),
            tool: None,
            agent: None,
            session_id: None,
            labels: BTreeMap::new(),
        }
    }

    /// Sets the id.
    #[must_use]
    pub fn id(mut self, id: HostedId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets what people call it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets its directory.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// Sets the environment.
    #[must_use]
    pub fn env(mut self, env: Environment) -> Self {
        self.env = env;
        self
    }

    /// Sets the size of its terminal.
    #[must_use]
    pub fn size(mut self, size: Size) -> Self {
        self.size = size;
        self
    }
}
