//! What the file of an agent implements.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use callboard::SessionRecord;

use crate::row::Row;

/// Reads the registry of one agent. Never writes: [`callboard::Registry::foreign`] cannot, and an
/// adapter opens nothing but through it.
pub trait Adapter: fmt::Debug + Send + Sync {
    /// The word for it on the board; also its program's name.
    fn name(&self) -> &'static str;

    /// The directories of records, found anew at every call: an agent that is started for the
    /// first time makes one. Each once, whatever links lead to it.
    fn registries(&self) -> Vec<SessionsDir>;

    /// What a record says. `plain` is what it says in the keys that all registries share; `None`
    /// for a record that is about no process of the agent at all.
    fn row(&self, record: &SessionRecord, plain: Row) -> Option<Row>;

    /// Whether a name in its directory that is no record's is one that the agent puts there:
    /// such a name is not worth a word. It is never opened either way.
    fn is_expected(&self, name: &OsStr) -> bool;

    /// The conversation file of a session in one of the [`registries`](Self::registries), if it
    /// is there. The id comes from a file and may be anything.
    fn transcript(&self, sessions: &Path, session_id: &str) -> Option<PathBuf>;
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
