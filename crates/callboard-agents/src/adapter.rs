//! What the file of an agent implements.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use callboard::SessionRecord;

use crate::activity::Sparkline;
use crate::agents::{Facts, Signs};
use crate::processes::{Flocks, Look, Process};
use crate::row::{FoundBy, Role, Row};
use crate::transcript::{Depth, Format, Reading, Transcript};

/// One agent: its registry, its processes, its conversations. Never writes:
/// [`callboard::Registry::foreign`] cannot, and records are read through nothing else.
///
/// Each part has a default, for agents that have no such thing.
pub trait Adapter: fmt::Debug + Send + Sync {
    /// The word for it on the board; also its program's name.
    fn name(&self) -> &'static str;

    /// The directories of records, found anew at every call: an agent that is started for the
    /// first time makes one. Each once, whatever links lead to it.
    fn registries(&self) -> Vec<SessionsDir> {
        Vec::new()
    }

    /// What a record says. `plain` is what it says in the keys that all registries share; `None`
    /// for a record that is about no process of the agent at all.
    fn row(&self, _record: &SessionRecord, plain: Row) -> Option<Row> {
        Some(plain)
    }

    /// Whether a name in its directory that is no record's is one that the agent puts there:
    /// such a name is not worth a word. It is never opened either way.
    fn is_expected(&self, _name: &OsStr) -> bool {
        false
    }

    /// The variable that moves its registry, where a process may have been started with another
    /// value than ours.
    fn home_variable(&self) -> Option<&'static str> {
        None
    }

    /// The conversation file of a session, if it is there: of one in this of the
    /// [`registries`](Self::registries), or wherever the agent keeps its conversations. The id
    /// comes from a file and may be anything.
    fn transcript(&self, _sessions: Option<&Path>, _session_id: &str) -> Option<Transcript> {
        None
    }

    /// How it writes its conversations; `None` for an agent whose conversations are not read.
    fn format(&self) -> Option<Format> {
        None
    }

    /// Whether this session makes the file of its conversation with the first prompt, no later: then
    /// one whose file is not there waits for that prompt. Not so where the file comes with the
    /// first answer, or where it was switched off.
    fn begins_with_the_first_prompt(&self, _: &Row) -> bool {
        false
    }

    /// Whether nothing tells that a permission prompt was answered, neither a hook nor a line, until
    /// the command has run: then the process of that command is what shows it.
    fn hides_answers(&self) -> bool {
        false
    }

    /// The process that runs the commands of a session, where it is not the session's own; `None`
    /// where it is not known, or runs those of other sessions too.
    fn runs_commands_of(&self, row: &Row) -> Option<u32> {
        Some(row.working_pid())
    }

    /// Reads the end of a conversation of it.
    ///
    /// # Errors
    /// As [`Transcript::read`].
    fn read(
        &self,
        transcript: &Transcript,
        depth: Depth,
        sparkline: Sparkline,
    ) -> io::Result<Reading> {
        transcript.read(depth, sparkline)
    }

    /// What tells its processes, for an agent of which a list can tell.
    fn signs(&self) -> Option<&Signs> {
        None
    }

    /// Whether a process of this name (as the kernel keeps it, at most fifteen bytes) may be its
    /// own. One that an interpreter runs is looked at without being asked for. Pure, and asked for
    /// every process there is.
    fn is_candidate(&self, comm: &str) -> bool {
        self.signs().is_some_and(|signs| signs.may_be(comm))
    }

    /// What a process is to it: a session, or something that holds none (a daemon, a spare, a
    /// server of tools, a question about its version). `None` if it is not its own. Pure.
    fn role(&self, process: &Process) -> Option<Role> {
        self.signs()?.role(process)
    }

    /// The conversations that a process of it holds, by its locks and open files, the one that it
    /// came to last first. Asked of sessions, and of what runs beside them.
    fn held(&self, _seen: &Seen<'_>) -> Vec<Held> {
        Vec::new()
    }

    /// Whether a session that this process runs for others is one while no process of the agent can
    /// be showing it. Pure.
    fn serves_alone(&self, _process: &Process) -> bool {
        true
    }

    /// The conversation that its command line names: the one that it was started with. Pure.
    fn named(&self, process: &Process) -> Option<Box<str>> {
        self.signs()?.named(process)
    }

    /// The conversations that were begun in this working directory since a time (ms since the
    /// epoch), for a process that nothing else brings together with one.
    fn begun(&self, _cwd: &Path, _since: u64) -> Vec<Held> {
        Vec::new()
    }

    /// Directories in which it makes or removes something when a session begins or ends, for a watch
    /// to listen to; they need not be there.
    fn doorbells(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    /// What is known of it, for the table in `docs/AGENTS.md`.
    fn facts(&self) -> Option<Facts> {
        None
    }
}

/// A conversation, and what brought a process together with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Its id, where it has one.
    pub session_id: Option<Box<str>>,
    /// By what.
    pub found_by: FoundBy,
    /// Its file, where that is known already.
    pub transcript: Option<PathBuf>,
    /// Its working directory, where its file says so.
    pub cwd: Option<Box<str>>,
}

/// A process that is being looked at, through a handle that stays its own.
pub struct Seen<'s> {
    /// The process.
    pub process: &'s Process,
    /// What it is to its agent.
    pub role: Role,
    look: &'s Look,
    flocks: &'s Flocks,
}

impl<'s> Seen<'s> {
    pub(crate) fn new(
        process: &'s Process,
        role: Role,
        look: &'s Look,
        flocks: &'s Flocks,
    ) -> Self {
        Self { process, role, look, flocks }
    }

    /// The files that it has open, each by its path. None where the process hides them, even
    /// from its own user.
    #[must_use]
    pub fn open_files(&self) -> Vec<PathBuf> {
        self.look.open_files()
    }

    /// Its pid in the PID namespace that it lives in: what it itself would write down.
    #[must_use]
    pub fn own_pid(&self) -> u32 {
        self.look.nested().map_or(self.process.pid, |(_, pid)| pid)
    }

    /// When it started, in ms since the epoch.
    #[must_use]
    pub fn started_at(&self) -> Option<u64> {
        self.look.started_at()
    }

    /// The files of a directory on which it holds a lock of flock(2), by name. Also of a process
    /// that hides its open files.
    #[must_use]
    pub fn locked_in(&self, dir: &Path) -> Vec<PathBuf> {
        self.flocks.held_in(self.process.pid, dir)
    }
}

impl fmt::Debug for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("process", &self.process).finish_non_exhaustive()
    }
}

/// A directory of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionsDir {
    /// Its real path.
    pub sessions: PathBuf,
    /// The directories of the agent that it belongs to: usually one; more where they share it
    /// through links.
    pub homes: Vec<PathBuf>,
}

impl SessionsDir {
    /// The homes of one of `known`, or of another directory of records the one that it is in: that
    /// of an agent whose home only its own process knew.
    pub(crate) fn homes_of(known: Vec<Self>, sessions: &Path) -> Vec<PathBuf> {
        let found = known.into_iter().find(|place| place.sessions == sessions);
        found.map_or_else(
            || sessions.parent().map(Path::to_owned).into_iter().collect(),
            |place| place.homes,
        )
    }

    /// The `sessions` below each of `homes`, each once by its real path, in the order given.
    ///
    /// A home without one is left out: the agent has not run there. A `sessions` that is there
    /// and cannot be resolved stays in, so that reading it says what is wrong.
    #[must_use]
    pub fn below(homes: impl IntoIterator<Item = PathBuf>) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        for home in homes {
            let path = home.join("sessions");
            let sessions = match path.canonicalize() {
                Ok(real) => real,
                Err(error) if is_absent(&error) => continue,
                Err(_) => path,
            };
            match found.iter_mut().find(|known| known.sessions == sessions) {
                Some(known) if known.homes.contains(&home) => {}
                Some(known) => known.homes.push(home),
                None => found.push(Self { sessions, homes: vec![home] }),
            }
        }
        found
    }
}

/// Nothing is there, or something that cannot hold a directory (`~/.claude-backup.tgz`).
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
