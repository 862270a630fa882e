//! The directories of background sessions: `<home>/hosts/<id>/`, whichever host has them.
//!
//! | file | what it does |
//! |---|---|
//! | `draft` | makes a directory under a hidden name, and claims its id in one step |
//! | `session` | reads one session's directory, and removes it |
//! | `files` | what stands in its files |
//! | `trust` | makes and opens what only this user may read |

mod draft;
mod files;
mod session;
mod text;
mod trust;

use std::path::{Path, PathBuf};

use callboard::Home;

pub use draft::{Claimed, Draft};
pub use files::{LimitsFile, RunFile, SpecFile};
pub use session::SessionDir;
pub use text::OsText;
pub(crate) use trust::{append, create_new, make_directory, open_small, read_small};

use crate::error::{Error, Result};
use crate::hosted::Problem;
use crate::id::HostedId;

/// The directory that has one directory for each background session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    dir: PathBuf,
}

/// Where programs find the host that they run in: links named after kernel sessions.
pub(crate) const INSIDE: &str = ".inside";

/// What a supervisor has to know of a session, and what it starts the session with again. Both go
/// along when a session is started once more under its id.
pub(crate) const RESTART: &str = "restart.json";
pub(crate) const ENVIRONMENT: &str = "environment";

impl Store {
    /// That of a home. Nothing is made before the first session is.
    #[must_use]
    pub fn at(home: &Home) -> Self {
        Self { dir: home.path().join("hosts") }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory of one session.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], [`Error::Untrusted`], or what the system said.
    pub fn session(&self, id: &HostedId) -> Result<SessionDir> {
        let path = self.dir.join(id);
        match trust::check_directory(&path) {
            Ok(()) => Ok(SessionDir::new(id.clone(), path)),
            Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Err(Error::NoSession { id: id.clone(), path: self.dir.clone() })
            }
            Err(error) => Err(error),
        }
    }

    /// All of them, in no order; what cannot be read is a problem beside them. A directory that is
    /// not there has none.
    #[must_use]
    pub fn sessions(&self) -> (Vec<SessionDir>, Vec<Problem>) {
        let mut problems = Vec::new();
        let problem = |path: &Path, reason: String| Problem { path: path.to_owned(), reason };
        let entries = match std::fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return (Vec::new(), problems);
            }
            Err(error) => return (Vec::new(), vec![problem(&self.dir, error.to_string())]),
        };
        let mut sessions = Vec::new();
        for entry in entries {
            let name = match entry {
                Ok(entry) => entry.file_name(),
                Err(error) => {
                    problems.push(problem(&self.dir, error.to_string()));
                    continue;
                }
            };
            // Hidden names are sessions in the making or being removed, and the links.
            let Some(id) = name.to_str().and_then(HostedId::parse) else { continue };
            match self.session(&id) {
                Ok(session) => sessions.push(session),
                // Somebody was faster to remove it.
                Err(Error::NoSession { .. }) => {}
                Err(error) => problems.push(problem(&self.dir.join(&id), error.to_string())),
            }
        }
        (sessions, problems)
    }
}
