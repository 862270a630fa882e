//! The directory of records: open it, sign in, read, update, sweep.
//!
//! `<home>/sessions/` holds one file for each session and nothing central: each record is its own
//! fault domain, and the directory is the only index. `docs/FORMAT.md` is the contract, and
//! `docs/design/registry.md` tells why it is so and what a crash between any two steps leaves.
//!
//! | file | what it does |
//! |---|---|
//! | `directory` | opens the directory, decides whether it may be trusted |
//! | `read` | reads one entry, whatever it is |
//! | `list` | one pass over all: sessions with verdicts, and problems |
//! | `lock` | the life lock of a session and the write lock of a record |
//! | `publish` | makes a record appear or replaces it, in one step |
//! | `spare` | the file that a record was before, kept by its session to be the next |
//! | `register`, `registration` | signing in, and the guard that signs out |
//! | `update` | changing a record under its lock, for its owner or on its behalf |
//! | `sweep` | removing what is proven dead, planned first |
//! | `watch` | tells what happens in it |
//! | `way` | goes to the directory without following other users' symlinks |

mod directory;
mod home;
mod list;
mod lock;
mod problem;
mod publish;
mod read;
mod register;
mod registration;
mod sign_in;
mod snapshot;
mod spare;
mod sweep;
mod token;
mod update;
mod watch;
mod way;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use home::Home;
pub use list::Visit;
pub use problem::{Problem, ProblemKind};
pub use register::SignedIn;
pub use registration::Registration;
pub use sign_in::SignIn;
pub use snapshot::{Count, Session, Snapshot};
pub use sweep::{SweepItem, SweepPlan, SweepReason, SweepReport};
pub use watch::{Event, Gone, Watch};

use crate::error::{Error, Result};
use crate::process::Here;

/// One directory of records.
///
/// Cheap to clone; nothing on disk is touched until it is used, and the directory is opened anew
/// for every listing, so a registry that is deleted and made again under the same path is simply
/// read again.
///
/// ```
/// # let scratch = tempfile::tempdir().unwrap();
/// # let directory = scratch.path().join("sessions");
/// use callboard::{Registry, SignIn, SignedIn, Status, Verdict};
///
/// let registry = Registry::at(directory);
/// let SignedIn::In(me) = registry.register(SignIn::new().name("billing"))? else {
///     return Ok(()); // a sub-agent of another session is not listed
/// };
/// me.set_status(Status::Waiting, Some("review"))?;
///
/// let seen = registry.list();
/// assert_eq!(seen.sessions.len(), 1);
/// assert_eq!(seen.sessions[0].verdict(), Verdict::Alive);
/// assert_eq!(seen.sessions[0].record.waiting_for().as_deref(), Some("review"));
///
/// drop(me);
/// assert_eq!(registry.count().alive, 0);
/// # Ok::<(), callboard::Error>(())
/// ```
#[derive(Clone)]
pub struct Registry {
    inner: Arc<Inner>,
}

struct Inner {
    dir: PathBuf,
    foreign: bool,
    here: Mutex<Option<Arc<Here>>>,
}

impl Registry {
    /// The registry in any directory, which is made when the first session signs in.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self::new(dir.into(), false)
    }

    /// The registry in the home of this user, see [`Home`].
    ///
    /// # Errors
    ///
    /// As [`Home::from_env`].
    pub fn home() -> Result<Self> {
        Ok(Self::at(Home::from_env()?.sessions()))
    }

    /// Another program's registry: read, and never written. A record that cannot be understood
    /// and was written within the last second is read once more after
    /// 20 ms, since other programs rewrite theirs in place.
    #[must_use]
    pub fn foreign(dir: impl Into<PathBuf>) -> Self {
        Self::new(dir.into(), true)
    }

    /// Another program's registry, see [`Registry::foreign`], that looks from where this one looks
    /// and does not find that out anew.
    #[must_use]
    pub fn foreign_beside(&self, dir: impl Into<PathBuf>) -> Self {
        let other = Self::foreign(dir);
        if let Ok(mut here) = other.inner.here.lock() {
            *here = Some(self.here()).filter(|found| found.is_complete);
        }
        other
    }

    fn new(dir: PathBuf, foreign: bool) -> Self {
        // The path is used again and again, and the host program may change its directory.
        let dir = std::path::absolute(&dir).unwrap_or(dir);
        Self { inner: Arc::new(Inner { dir, foreign, here: Mutex::new(None) }) }
    }

    /// The directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.inner.dir
    }

    /// Whether it is another program's.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.inner.foreign
    }

    /// Where this process stands, found at the first use.
    #[must_use]
    pub fn here(&self) -> Arc<Here> {
        // A child that was forked while another thread held the lock will never get it.
        let Ok(mut kept) = self.inner.here.try_lock() else {
            return Arc::new(Here::detect());
        };
        match &*kept {
            // A forked child has another pid, and perhaps another namespace.
            Some(here) if here.pid == std::process::id() => Arc::clone(here),
            _ => {
                let here = Arc::new(Here::detect());
                *kept = here.is_complete.then(|| Arc::clone(&here));
                here
            }
        }
    }

    /// Where this process stands, for a record that others will judge by it: one that does not say
    /// where its pid means something would be unknown for ever.
    fn here_to_sign_in(&self) -> Result<Arc<Here>> {
        for _ in 0..2 {
            let here = self.here();
            if here.is_complete {
                return Ok(here);
            }
        }
        let why = std::io::Error::other("something in /proc could not be read; try again later");
        Err(Error::io("find out where this process stands", "/proc/self", why))
    }

    fn require_ours(&self) -> Result<()> {
        if self.inner.foreign {
            return Err(Error::ReadOnly { path: self.inner.dir.clone() });
        }
        Ok(())
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry")
            .field("dir", &self.inner.dir)
            .field("foreign", &self.inner.foreign)
            .finish_non_exhaustive()
    }
}
