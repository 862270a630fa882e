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
mod follow;
mod isolation;
mod leftover;
mod process;
mod request;
mod start;

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use callboard::{Home, Inside};

use crate::attach::TerminalClient;
use crate::error::{Error, Result, SpawnError};
use crate::host::{
    AttachOptions, AttachPlan, Caps, Detach, HostInfo, HostKind, Input, SessionHost,
    SnapshotFormat, StopPolicy, Unavailable,
};
use crate::hosted::{Exit, Hosted, Listing, Problem, State};
use crate::id::HostedId;
use crate::log::{LogQuery, LogRef, LogStream};
use crate::spec::SpawnSpec;
use crate::store::{SessionDir, Store};
use crate::wire::message::Reply;

pub use process::{Options, main};

pub(crate) use ask::{Connection, Failure, Heard, explain};

/// The first argument of a host.
pub const HOST_ARGUMENT: &str = "__host";

/// If these are the arguments of a host, is one, and says what to exit with when the session has
/// ended. To be called first thing in `main`, before there is a second thread: the host is this
/// program, executed again.
pub fn take_over(arguments: impl IntoIterator<Item = OsString>) -> Option<u8> {
    let first = arguments.into_iter().nth(1)?;
    (first == HOST_ARGUMENT).then(|| main(&Options::default()))
}

/// The host that needs nothing else: a process for each session, which owns its terminal.
#[derive(Clone, Debug)]
pub struct Builtin {
    home: Home,
    store: Store,
    program: PathBuf,
    arguments: Vec<OsString>,
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
        Self { home: home.clone(), store: Store::at(home), program, arguments }
    }

    /// The same with another program for the hosts; it has to call [`main`].
    #[must_use]
    pub fn with_program<S: AsRef<OsStr>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        self.program = program.into();
        self.arguments = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// One of our own sessions: another host's is none.
    fn session(&self, id: &HostedId) -> Result<SessionDir> {
        let session = self.store.session(id)?;
        if session.spec()?.host != HostKind::Builtin {
            return Err(Error::NoSession { id: id.clone(), path: self.store.dir().to_owned() });
        }
        Ok(session)
    }

    fn connect(&self, id: &HostedId) -> Result<Connection> {
        let session = self.session(id)?;
        Connection::to(&session).map_err(|error| ask::explain(&session, error))
    }
}

/// Where a session stands. A host that ends meanwhile is not taken for lost: its `exit` is looked
/// for once more after it has turned out to be gone.
fn state(session: &SessionDir) -> Result<State> {
    if let Some(ended) = session.ended()? {
        return Ok(State::Ended(ended));
    }
    let asked = Connection::in_passing(session).and_then(|mut connection| connection.status());
    let is_gone = match asked {
        Ok(running) => return Ok(State::Running(running)),
        Err(ask::Failure::Gone) => true,
        Err(_) => false,
    };
    let is_locked = session.is_locked()?;
    if let Some(ended) = session.ended()? {
        return Ok(State::Ended(ended));
    }
    Ok(match (is_locked, is_gone) {
        (false, _) => State::Lost,
        (true, true) => State::Starting,
        (true, false) => State::Silent,
    })
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
        let (sessions, mut problems) = self.store.sessions();
        let mut found = Vec::new();
        for session in sessions {
            let looked = session.spec().and_then(|spec| match spec.host {
                HostKind::Builtin => session.hosted(state(&session)?).map(Some),
                _ => Ok(None),
            });
            match looked {
                Ok(Some(hosted)) => found.push(hosted),
                // Another host's, or removed since.
                Ok(None) | Err(Error::NoSession { .. }) => {}
                Err(error) => {
                    let (path, reason) = (session.path().to_owned(), error.to_string());
                    problems.push(Problem { path, reason });
                }
            }
        }
        found.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        Listing { sessions: found, problems }
    }

    fn look(&self, id: &HostedId) -> Result<Hosted> {
        let session = self.session(id)?;
        session.hosted(state(&session)?)
    }

    fn attach(&self, id: &HostedId, options: &AttachOptions) -> Result<AttachPlan> {
        let session = self.session(id)?;
        if let Some(ended) = session.ended()? {
            let state = State::Ended(ended).as_str();
            return Err(Error::NotRunning { id: id.clone(), state });
        }
        Ok(AttachPlan::InProcess(Box::new(TerminalClient::new(session, options.clone()))))
    }

    fn detach(&self, id: &HostedId, who: Detach) -> Result<usize> {
        self.connect(id)?.detach(who)
    }

    fn input(&self, id: &HostedId, input: Input<'_>) -> Result<()> {
        self.connect(id)?.input(input)
    }

    fn snapshot(&self, id: &HostedId, format: SnapshotFormat) -> Result<Vec<u8>> {
        self.connect(id)?.snapshot(format)
    }

    fn log(&self, id: &HostedId) -> Result<LogRef> {
        Ok(LogRef::in_directory(self.session(id)?.path()))
    }

    fn logs(&self, id: &HostedId, query: &LogQuery) -> Result<LogStream> {
        follow::logs(&self.session(id)?, query)
    }

    fn stop(&self, id: &HostedId, policy: StopPolicy) -> Result<Exit> {
        let session = self.session(id)?;
        if let Some(ended) = session.ended()? {
            return Ok(ended.exit);
        }
        let grace = policy.grace.unwrap_or(session.spec()?.grace());
        match Connection::to(&session) {
            Ok(mut connection) => match connection.stop(grace) {
                Ok(Reply::Exit { .. }) | Err(ask::Failure::Gone) => {
                    leftover::ended(&session, grace)
                }
                Ok(_) => Err(Error::Protocol { id: id.clone(), reason: "no end after `stop`" }),
                Err(error) => Err(ask::explain(&session, error)),
            },
            Err(ask::Failure::Gone) => leftover::ended(&session, grace),
            Err(error) => Err(ask::explain(&session, error)),
        }
    }

    fn exit(&self, id: &HostedId) -> Result<Option<Exit>> {
        Ok(state(&self.session(id)?)?.exit())
    }

    fn remove(&self, id: &HostedId) -> Result<()> {
        let session = self.session(id)?;
        let run = session.run()?;
        session.remove()?;
        if let Some(run) = run {
            process::remove_link(self.store.dir(), &run, session.id());
        }
        Ok(())
    }

    fn inside(&self) -> Inside {
        Inside::ask_at(&self.home)
    }
}
