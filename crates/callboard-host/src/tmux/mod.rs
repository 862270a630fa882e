//! The tmux host: the terminal of a session is a pane of a tmux server of our own.
//!
//! Everything else is as with the built-in host, and mostly the same code: in the pane runs a
//! *keeper*, which is the session's host, has its directory and its socket, and knows how the
//! program ends.
//!
//! | file | what it does |
//! |---|---|
//! | `server` | the server: started, found, healed, ended |
//! | `version` | which tmux is new enough |
//! | `command` | one command to it, and what it said |
//! | `words` | text on its way through tmux |
//! | `start` | has tmux run a keeper |
//! | `inherited` | what a program inherits of its starter |
//! | `meeting` | where a starter meets what tmux runs for it |
//! | `keeper` | what runs in a pane, and other programs that this one becomes |
//! | `pane` | the terminal of a session, and who looks at it |
//! | `attach` | this terminal as a client |

mod attach;
mod command;
mod inherited;
mod keeper;
mod meeting;
mod pane;
mod server;
mod start;
mod version;
mod words;

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use callboard::{Home, Inside};

use crate::builtin::{HOST_ARGUMENT, isolation};
use crate::error::{Error, Result, SpawnError};
use crate::host::{
    AttachOptions, AttachPlan, Caps, Detach, HostInfo, HostKind, Input, SessionHost,
    SnapshotFormat, StopPolicy, Unavailable,
};
use crate::hosted::{Exit, Hosted, Listing, State};
use crate::id::HostedId;
use crate::log::{LogQuery, LogRef, LogStream};
use crate::sessions::Sessions;
use crate::spec::SpawnSpec;
use attach::TmuxClient;
use command::Trouble;
use pane::Client;
use server::{IN_PASSING, PATIENCE};

pub(crate) use pane::Pane;

/// The second argument of this program where it is a part of this host.
const PART: &str = "tmux";

/// The program, by its name in the `PATH`.
const TMUX: &str = "tmux";

/// This program, whatever has become of its file.
const ITSELF: &str = "/proc/self/exe";

/// Is a part of this host, if these are the words after the first argument of a host.
pub(crate) fn take_over(words: &[OsString]) -> Option<u8> {
    let (part, words) = words.split_first()?;
    if part != PART {
        return None;
    }
    let (part, words) = words.split_first()?;
    let done = match part.to_str() {
        Some("keep") => keeper::keep(words),
        Some("pipe") => keeper::bring_pipe(words),
        Some("become") => keeper::become_program(words),
        Some("client") => keeper::become_client(words),
        _ => None,
    };
    Some(done.unwrap_or(1))
}

/// The host whose terminals are panes of tmux.
#[derive(Clone, Debug)]
pub struct Tmux {
    sessions: Sessions,
    own: OwnProgram,
    tmux: PathBuf,
}

/// This program, which is the keeper and other parts, executed again.
#[derive(Clone, Debug)]
struct OwnProgram {
    program: PathBuf,
    arguments: Vec<OsString>,
}

impl OwnProgram {
    /// This program as a part, for who executes it itself.
    fn command<const N: usize>(&self, part: [&str; N]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(PART).args(part);
        command
    }

    /// The same for another process: to that, `/proc/self` is itself. So it is named by its path,
    /// or, where that is another file by now, as what this process is: this one waits until the
    /// other has been executed.
    fn words_from_elsewhere<const N: usize>(&self, part: [&OsStr; N]) -> Vec<OsString> {
        let mut program = self.program.clone();
        if program == Path::new(ITSELF) {
            let named = std::env::current_exe().ok().filter(|path| is_the_same(path, &program));
            let by_number = || PathBuf::from(format!("/proc/{}/exe", std::process::id()));
            program = named.unwrap_or_else(by_number);
        }
        let mut words = vec![program.into_os_string()];
        words.extend(self.arguments.iter().cloned());
        words.push(PART.into());
        words.extend(part.map(OsStr::to_owned));
        words
    }
}

fn is_the_same(one: &Path, other: &Path) -> bool {
    let number = |path: &Path| std::fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    number(one).is_some_and(|found| number(other) == Some(found))
}

impl Tmux {
    /// For the sessions below a home. The keepers are this very program, which has to call
    /// [`take_over`](crate::builtin::take_over) first thing; tmux is found in the `PATH`.
    #[must_use]
    pub fn at(home: &Home) -> Self {
        let own =
            OwnProgram { program: PathBuf::from(ITSELF), arguments: vec![HOST_ARGUMENT.into()] };
        Self { sessions: Sessions::of(home, HostKind::Tmux), own, tmux: TMUX.into() }
    }

    /// The same with another program for the keepers; it has to call
    /// [`take_over`](crate::builtin::take_over).
    #[must_use]
    pub fn with_program<S: AsRef<OsStr>>(
        mut self,
        program: impl Into<PathBuf>,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let arguments = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self.own = OwnProgram { program: program.into(), arguments };
        self
    }

    /// The same with another tmux.
    #[must_use]
    pub fn with_tmux(mut self, tmux: impl Into<PathBuf>) -> Self {
        self.tmux = tmux.into();
        self
    }

    /// Its place in tmux, if it has one.
    fn pane(&self, id: &HostedId) -> Result<Option<Pane>> {
        Pane::of(&self.server(), &self.sessions.get(id)?)
    }

    /// A session is over: takes away what tmux still has of it, and with the last one the server.
    fn let_go(&self, pane: Option<Pane>) {
        if let Some(pane) = pane {
            pane.close();
        }
        self.server().end_if_idle();
    }

    /// Who looks is known to tmux alone. One that does not answer is silent, whatever its keepers
    /// say; where there is none any more, nobody looks.
    fn with_clients<'a>(&self, sessions: impl Iterator<Item = &'a mut Hosted>) {
        let mut running: Vec<&mut Hosted> =
            sessions.filter(|session| matches!(session.state, State::Running(_))).collect();
        if running.is_empty() {
            return;
        }
        let server = self.server();
        let clients = match Client::all(&server, IN_PASSING) {
            Ok(clients) => clients,
            Err(Trouble::Silent) => {
                running.iter_mut().for_each(|session| session.state = State::Silent);
                return;
            }
            Err(_) => return,
        };
        let mut counts: HashMap<&str, usize> = HashMap::new();
        clients.iter().for_each(|client| *counts.entry(&client.looks_at).or_default() += 1);
        for session in running {
            let pane = self.pane(&session.id).ok().flatten();
            if let (State::Running(running), Some(pane)) = (&mut session.state, pane) {
                running.clients = counts.get(pane.name()).copied().unwrap_or(0);
            }
        }
    }
}

impl SessionHost for Tmux {
    fn kind(&self) -> HostKind {
        HostKind::Tmux
    }

    fn caps(&self) -> Caps {
        Caps {
            // All see it in the size of one.
            many_clients: false,
            mode_restore: false,
            exit_status: true,
            log: true,
            resize: true,
            limits: isolation::is_available(),
            survives_logout: isolation::is_available(),
            one_host_each: false,
        }
    }

    fn probe(&self) -> Result<HostInfo, Unavailable> {
        let unavailable =
            |reason: &str| Unavailable { host: HostKind::Tmux, reason: reason.into() };
        if !cfg!(target_os = "linux") {
            return Err(unavailable("it needs Linux so far"));
        }
        Ok(HostInfo { version: self.server().version()? })
    }

    fn spawn(&self, spec: &SpawnSpec) -> Result<Hosted, SpawnError> {
        let started = start::start(self, spec);
        if started.is_err() {
            // It may have been the first, and the server was started for it.
            self.server().end_if_idle();
        }
        started
    }

    fn list(&self) -> Listing {
        // Whoever has never used tmux does not read every directory twice.
        if !self.server().dir().exists() {
            return Listing::default();
        }
        let mut listing = self.sessions.list();
        self.with_clients(listing.sessions.iter_mut());
        listing
    }

    fn look(&self, id: &HostedId) -> Result<Hosted> {
        let mut session = self.sessions.look(id)?;
        self.with_clients(std::iter::once(&mut session));
        Ok(session)
    }

    fn attach(&self, id: &HostedId, options: &AttachOptions) -> Result<AttachPlan> {
        let session = self.sessions.to_attach(id)?;
        let (tmux, options) = (self.clone(), options.clone());
        Ok(AttachPlan::InProcess(Box::new(TmuxClient { tmux, session, options })))
    }

    fn detach(&self, id: &HostedId, who: Detach) -> Result<usize> {
        let session = self.sessions.to_attach(id)?;
        let id = session.id().clone();
        match Pane::of(&self.server(), &session)?.map(|pane| pane.detach(who, PATIENCE)) {
            Some(Ok(count)) => Ok(count),
            // Where there is no server, nobody looks.
            None | Some(Err(Trouble::NoServer)) => Ok(0),
            Some(Err(Trouble::Silent)) => Err(Error::NoAnswer { id }),
            Some(Err(trouble)) => Err(Error::Refused { id, reason: trouble.reason() }),
        }
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
        let pane = self.pane(id)?;
        let exit = self.sessions.stop(id, policy)?;
        self.let_go(pane);
        Ok(exit)
    }

    fn exit(&self, id: &HostedId) -> Result<Option<Exit>> {
        self.sessions.exit(id)
    }

    fn remove(&self, id: &HostedId) -> Result<()> {
        let pane = self.pane(id)?;
        self.sessions.remove(id)?;
        self.let_go(pane);
        Ok(())
    }

    fn inside(&self) -> Inside {
        self.sessions.inside()
    }
}
