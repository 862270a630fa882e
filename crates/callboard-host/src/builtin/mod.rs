//! The built-in host: one small process for each session.
//!
//! | file | what it does |
//! |---|---|
//! | `start` | executes a host and hears whether the session's program runs |
//! | `request` | what a host is told at its start, and what it answers |
//! | `ask` | a connection to a host |
//! | `follow` | the log of a session while it grows |
//! | `leftover` | what a killed host has left behind |
//! | `isolation` | a systemd scope around a host |
//! | `process` | the host itself |

mod ask;
pub(crate) mod follow;
pub(crate) mod isolation;
pub(crate) mod leftover;
pub(crate) mod process;
pub(crate) mod request;
pub(crate) mod start;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use callboard::{Home, Inside};

use crate::attach::TerminalClient;
use crate::error::{Result, SpawnError};
use crate::host::{
    AttachOptions, AttachPlan, Caps, Detach, HostInfo, HostKind, Input, SessionHost,
    SnapshotFormat, StopPolicy, Unavailable,
};
use crate::hosted::{Exit, Hosted, Listing};
use crate::id::HostedId;
use crate::log::{LogQuery, LogRef, LogStream};
use crate::sessions::Sessions;
use crate::spec::SpawnSpec;

pub use process::{Options, main};

pub(crate) use ask::{Connection, Failure, Heard, explain};
pub(crate) use process::remove_link;

/// The first argument of a host.
pub const HOST_ARGUMENT: &str = "__host";

/// If these are the arguments of a host, is one, and says what to exit with when the session has
/// ended. To be called first thing in `main`, before there is a second thread: the host is this
/// program, executed again.
pub fn take_over(arguments: impl IntoIterator<Item = OsString>) -> Option<u8> {
    let mut words = arguments.into_iter().skip(1);
    if words.next()? != HOST_ARGUMENT {
        return None;
    }
    let words: Vec<OsString> = words.collect();
    crate::tmux::take_over(&words).or_else(|| Some(main(&Options::default())))
}

/// The host that needs nothing else: a process for each session, which owns its terminal.
#[derive(Clone, Debug)]
pub struct Builtin {
    sessions: Sessions,
    program: PathBuf,
    arguments: Vec<OsString>,
    /// Whether a host may be a copy of this process.
    forks: bool,
}

impl Builtin {
    /// For the sessions below a home. The hosts are this very program, which has to call
    /// [`take_over`] first thing.
    #[must_use]
    pub fn at(home: &Home) -> Self {
        // Also when the file has been replaced or deleted since: a host is of the version that
        // started it.
        let program = PathBuf::from("/proc/self/exe");
        let arguments = vec![HOST_ARGUMENT.into()];
        Self { sessions: Sessions::of(home, HostKind::Builtin), program, arguments, forks: false }
    }

    /// The same for a program that starts a session and does little else: a host is then forked
    /// off it and not executed, which is the larger part of a start. As long as the process has
    /// more than one thread, or handles signals, its hosts are executed all the same.
    ///
    /// A host has a copy of all memory that this process has written to, and is its child until
    /// this process ends: one that lives on has to wait for it.
    #[must_use]
    pub const fn forking(mut self) -> Self {
        self.forks = true;
        self
    }

    /// The same with another program for the hosts; it has to call [`main`].
    #[must_use]
    pub fn with_program<S: AsRef<OsStr>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        self.program = program.into();
        self.forks = false;
        self.arguments = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }
}

impl SessionHost for Builtin {
    fn kind(&self) -> HostKind {
        HostKind::Builtin
    }

    fn caps(&self) -> Caps {
        Caps {
            many_clients: true,
            mode_restore: true,
            exit_status: true,
            log: true,
            resize: true,
            limits: isolation::is_available(),
            survives_logout: isolation::is_available(),
            one_host_each: true,
        }
    }

    fn probe(&self) -> Result<HostInfo, Unavailable> {
        let unavailable = |reason: String| Unavailable { host: HostKind::Builtin, reason };
        if !cfg!(target_os = "linux") {
            return Err(unavailable("it needs Linux so far".into()));
        }
        std::fs::metadata(&self.program)
            .map_err(|e| unavailable(format!("cannot find {}: {e}", self.program.display())))?;
        Ok(HostInfo { version: env!("CARGO_PKG_VERSION").into() })
    }

    fn spawn(&self, spec: &SpawnSpec) -> Result<Hosted, SpawnError> {
        start::start(self, spec)
    }

    fn list(&self) -> Listing {
        self.sessions.list()
    }

    fn look(&self, id: &HostedId) -> Result<Hosted> {
        self.sessions.look(id)
    }

    fn attach(&self, id: &HostedId, options: &AttachOptions) -> Result<AttachPlan> {
        let session = self.sessions.to_attach(id)?;
        Ok(AttachPlan::InProcess(Box::new(TerminalClient::new(session, options.clone()))))
    }

    fn detach(&self, id: &HostedId, who: Detach) -> Result<usize> {
        self.sessions.connect(id)?.detach(who)
    }

    fn input(&self, id: &HostedId, input: Input<'_>) -> Result<()> {
        self.sessions.connect(id)?.input(input)
    }

    fn snapshot(&self, id: &HostedId, format: SnapshotFormat) -> Result<Vec<u8>> {
        self.sessions.connect(id)?.snapshot(format)
    }

    fn log(&self, id: &HostedId) -> Result<LogRef> {
        self.sessions.log(id)
    }

    fn logs(&self, id: &HostedId, query: &LogQuery) -> Result<LogStream> {
        self.sessions.logs(id, query)
    }

    fn stop(&self, id: &HostedId, policy: StopPolicy) -> Result<Exit> {
        self.sessions.stop(id, policy)
    }

    fn exit(&self, id: &HostedId) -> Result<Option<Exit>> {
        self.sessions.exit(id)
    }

    fn remove(&self, id: &HostedId) -> Result<()> {
        self.sessions.remove(id)
    }

    fn inside(&self) -> Inside {
        self.sessions.inside()
    }
}
