//! The tmux server of a home: one of our own, started from an empty environment.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use callboard::process::Here;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::command::{Trouble, in_clean_environment, run};
use super::meeting::remove_litter;
use super::{OwnProgram, TMUX, version};
use crate::builtin::isolation;
use crate::error::{Error, Result, SpawnError};
use crate::host::{HostKind, Unavailable};
use crate::hosted::ProcessId;
use crate::store::{Store, append, create_new, make_directory, read_small};
use crate::system::{self, standing};

/// For how long a server is waited for that was asked for something.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// The same in passing.
pub(super) const IN_PASSING: Duration = Duration::from_millis(500);

/// How often a server is started that ends at once: one that was just told to end may still have
/// the socket.
const ATTEMPTS: u32 = 3;

const CONFIGURATION: &str = include_str!("tmux.conf");

/// The directory of a server, and the program that is started where there is none.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    dir: PathBuf,
    tmux: PathBuf,
}

/// `server.json`: the server that has been started, and where its number means something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServerFile {
    server: ProcessId,
    version: String,
    boot_id: Option<String>,
    pid_ns: Option<u64>,
}

/// A server that runs, and is not ended as long as this is held.
#[derive(Debug)]
pub(super) struct Held {
    _lock: File,
}

impl Server {
    /// That of the sessions in a store.
    pub(super) fn at(store: &Store, tmux: PathBuf) -> Self {
        Self { dir: store.dir().join(".tmux"), tmux }
    }

    /// The one that has this directory, for who only asks it.
    pub(super) fn in_directory(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), tmux: TMUX.into() }
    }

    /// Its directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The version of the program that would be started.
    pub(super) fn version(&self) -> Result<String, Unavailable> {
        let unavailable = |reason: String| Unavailable { host: HostKind::Tmux, reason };
        let mut command = Command::new(&self.tmux);
        let said = run(in_clean_environment(&mut command), &["-V".into()], PATIENCE);
        let said = said.map_err(|trouble| {
            unavailable(format!("{}; install tmux 3.2 or newer", trouble.reason()))
        })?;
        version::usable(&said).map_err(unavailable)
    }

    /// The process of the server, if it runs.
    pub(super) fn process(&self) -> Option<ProcessId> {
        let text = read_small(&self.dir.join("server.json")).ok()??;
        let file: ServerFile = serde_json::from_slice(&text).ok()?;
        let here = Here::detect();
        let is_here =
            file.boot_id.as_deref() == here.boot_id.as_deref() && file.pid_ns == here.pid_ns;
        let found = standing(file.server.pid).filter(|found| !found.is_zombie())?;
        let is_it = is_here && Some(found.start_ticks) == file.server.start_ticks;
        is_it.then_some(file.server)
    }

    /// The program that talks to the server: its own, so that both are of one version. tmux tells
    /// nobody that they are not, and fails in odd ways.
    pub(super) fn program(&self) -> PathBuf {
        let own = self.process().map(|server| PathBuf::from(format!("/proc/{}/exe", server.pid)));
        own.filter(|path| File::open(path).is_ok()).unwrap_or_else(|| self.tmux.clone())
    }

    /// The words that every command begins with. The socket is named from its directory: its whole
    /// path may be longer than the address of a socket can be.
    pub(super) fn words() -> [OsString; 3] {
        ["-u", "-S", "sock"].map(OsString::from)
    }

    /// Asks the server.
    pub(super) fn ask(
        &self,
        arguments: &[impl AsRef<OsStr>],
        patience: Duration,
    ) -> Result<String, Trouble> {
        if self.process().is_none() {
            return Err(Trouble::NoServer);
        }
        match self.ask_once(arguments, patience) {
            // It lives: somebody has removed its socket.
            Err(Trouble::NoServer) if self.heal() => self.ask_once(arguments, patience),
            answer => answer,
        }
    }

    fn ask_once(
        &self,
        arguments: &[impl AsRef<OsStr>],
        patience: Duration,
    ) -> Result<String, Trouble> {
        let mut words = Self::words().to_vec();
        words.extend(arguments.iter().map(|word| word.as_ref().to_owned()));
        let mut command = Command::new(self.program());
        in_clean_environment(&mut command).arg0("tmux").current_dir(&self.dir);
        run(&mut command, &words, patience)
    }

    /// Tells a server that lives to make its socket again; whether it did.
    pub(super) fn heal(&self) -> bool {
        let Some(server) = self.process() else { return false };
        let held =
            system::pid(server.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // Looked at once more, now that it is held.
        let (Some(held), true) = (held, self.process() == Some(server)) else { return false };
        let until = Instant::now() + PATIENCE;
        _ = pidfd_send_signal(&held, Signal::USR1);
        while Instant::now() < until {
            let address = callboard::inside::socket::connect(&self.dir);
            if address.map(|_: UnixStream| ()).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }

    /// The server, started if there is none; it stays as long as what is returned is held.
    pub(super) fn hold(&self, own: &OwnProgram) -> Result<Held, SpawnError> {
        make_directory(&self.dir)?;
        loop {
            let lock = self.lock(FlockOperation::LockShared)?;
            if self.process().is_some() {
                return Ok(Held { _lock: lock });
            }
            drop(lock);
            let _alone = self.lock(FlockOperation::LockExclusive)?;
            if self.process().is_none() {
                self.start(own)?;
            }
        }
    }

    fn lock(&self, how: FlockOperation) -> Result<File> {
        let path = self.dir.join("lock");
        let failed = |error| Error::io("lock", &path, error);
        let file = append(&path).map_err(failed)?;
        flock(&file, how).map_err(|error| failed(error.into()))?;
        Ok(file)
    }

    /// The lock alone, if nobody is starting a session. Who has let go of it may still have it for
    /// a moment: a child of another thread that has been forked, and not yet executed.
    fn lock_if_free(&self) -> Option<File> {
        (0..20).find_map(|attempt| {
            std::thread::sleep(Duration::from_millis(attempt.min(2)));
            self.lock(FlockOperation::NonBlockingLockExclusive).ok()
        })
    }

    fn start(&self, own: &OwnProgram) -> Result<(), SpawnError> {
        let version = self.version()?;
        self.write("conf", CONFIGURATION.as_bytes())?;
        let mut trouble = Trouble::NoServer;
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(50));
            }
            // A scope is worth an attempt, and not a session that is not started.
            let scope = isolation::scope_of_server().filter(|_| attempt == 0);
            match self.start_once(own, scope.unwrap_or_default()) {
                Ok(server) => return Ok(self.write_down(server, version)?),
                Err(error) => trouble = error,
            }
        }
        let reason = format!("its server does not start: {}", trouble.reason());
        Err(SpawnError::Unavailable(Unavailable { host: HostKind::Tmux, reason }))
    }

    /// Starts one, or finds one of which nobody has written down that it was started.
    fn start_once(&self, own: &OwnProgram, scope: Vec<OsString>) -> Result<ProcessId, Trouble> {
        // What the starter has open, and the signals that it ignores, are not the server's.
        let mut words = scope;
        words.extend(own.words_from_elsewhere([OsStr::new("become")]));
        let (program, words) = words.split_first().ok_or(Trouble::NoServer)?;
        let mut command = Command::new(program);
        in_clean_environment(&mut command).args(words).arg(&self.tmux).args(Self::words());
        command.current_dir(&self.dir);
        let words = ["-f", "conf", "start-server", ";", "display-message", "-p", "#{pid}"];
        let said = run(&mut command, &words.map(OsString::from), 5 * PATIENCE)?;
        let pid = said.trim().parse().ok().and_then(system::pid);
        let server = pid.map(system::process_id).filter(|server| server.start_ticks.is_some());
        server.ok_or_else(|| Trouble::Refused(format!("`{}`", said.trim())))
    }

    fn write_down(&self, server: ProcessId, version: String) -> Result<()> {
        let here = Here::detect();
        let boot_id = here.boot_id.as_deref().map(str::to_owned);
        let file = ServerFile { server, version, boot_id, pid_ns: here.pid_ns };
        self.write("server.json", &serde_json::to_vec(&file).unwrap_or_default())
    }

    /// Nobody sees half of it. The lock is held alone.
    fn write(&self, name: &str, text: &[u8]) -> Result<()> {
        let hidden = self.dir.join(format!(".{name}.{:08x}", crate::random::word()));
        let path = self.dir.join(name);
        let mut file = create_new(&hidden)?;
        file.write_all(text).map_err(|error| Error::io("write", &hidden, error))?;
        std::fs::rename(&hidden, &path).map_err(|error| Error::io("write", &path, error))
    }

    /// Ends a server that has no sessions. One that somebody is starting a session in is left.
    pub(super) fn end_if_idle(&self) {
        let Some(server) = self.process() else { return };
        let Some(_alone) = self.lock_if_free() else { return };
        remove_litter(&self.dir, Duration::ZERO);
        let sessions = self.ask(&["list-sessions"], PATIENCE);
        let is_idle = sessions.is_ok_and(|sessions| sessions.trim().is_empty());
        let held =
            system::pid(server.pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        if let (true, Some(held)) = (is_idle, held) {
            _ = self.ask(&["kill-server"], PATIENCE);
            // Until it has ended, it has the socket, and the next one could not start.
            let limit = Timespec::try_from(PATIENCE).ok();
            _ = poll(&mut [PollFd::new(&held, PollFlags::IN)], limit.as_ref());
            _ = std::fs::remove_file(self.dir.join("server.json"));
        }
    }
}
