//! The registry of the interactive sessions of one person: coding agents, REPLs, long terminal
//! jobs. Each signs in with a small file named after its pid, keeps its activity current, and
//! signs out; anybody can read who is on, and the answer is true.
//!
//! ```
//! # let scratch = tempfile::tempdir().unwrap();
//! # let directory = scratch.path().join("sessions");
//! use callboard::{Registry, SignIn, Status};
//!
//! let registry = Registry::at(directory); // or Registry::home()?
//! let me = registry.register(SignIn::new().tool("my-repl", "1.4.0").name("billing"))?;
//! if let Some(me) = me.registration() {
//!     me.set_status(Status::Waiting, Some("your answer"))?;
//!     for session in registry.list().sessions {
//!         println!("{} {:?} {}", session.record.pid(), session.record.name(), session.verdict());
//!     }
//! } // dropped here: signed out
//! # Ok::<(), callboard::Error>(())
//! ```
//!
//! # What it promises
//!
//! - Whether a session lives is decided by its process, never by its record: see [`process`].
//! - Listing has no errors. What cannot be read is a [`Problem`] beside the sessions that can.
//! - Nobody's record is removed unless its process is proven dead, and nothing in the directory
//!   that is not ours is ever touched.
//! - What a newer version or another program put into a record survives every update.
//! - It is synchronous, prints nothing, never exits, starts no thread, and installs no handler
//!   unless [`Registration::cover`] is called. [`Quiet`] never even fails.
//!
//! Linux is the first platform; `docs/PLATFORM.md` says what the others can and cannot know.

#[cfg(not(unix))]
compile_error!(
    "callboard needs a Unix system so far; docs/PLATFORM.md says what is missing on others"
);

mod error;
mod exit;
pub mod inside;
pub mod process;
mod quiet;
pub mod record;
pub mod registry;
mod spawner;

pub use error::{Error, Result};
pub use exit::{Covered, ExitPaths, emergency_sign_out};
pub use inside::{Background, Inside, Leave, exit_or_detach};
pub use process::{Evidence, Judgement, Verdict};
pub use quiet::Quiet;
pub use record::{Key, Kind, Patch, SessionRecord, Status};
pub use registry::{
    Count, Event, Gone, Home, Problem, ProblemKind, Registration, Registry, Session, SignIn,
    SignedIn, Snapshot, SweepItem, SweepPlan, SweepReason, SweepReport, Visit, Watch,
};
pub use spawner::Spawner;
