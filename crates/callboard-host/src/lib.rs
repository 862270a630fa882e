//! Background sessions: start one, leave it, come back, stop it.
//!
//! A session that runs without anybody's terminal needs somebody who owns one: a *host*. All
//! hosts stand behind one trait, [`SessionHost`]; [`Builtin`] is one small process for each
//! session, and needs nothing else to be installed or running. [`Hosts`] has every host of a
//! home, and finds the one that has a session.
//!
//! ```no_run
//! use callboard_host::{AttachOptions, HostKind, Hosts, SpawnSpec, StopPolicy};
//!
//! // First thing in `main`: a host is this very program, executed again.
//! if let Some(code) = callboard_host::builtin::take_over(std::env::args_os()) {
//!     std::process::exit(code.into());
//! }
//! let hosts = Hosts::at(&callboard::Home::from_env()?);
//! let session = hosts.host(HostKind::Builtin)?.spawn(&SpawnSpec::new(["vim", "notes"]))?;
//! let host = hosts.host_of(&session.id)?;
//! host.attach(&session.id, &AttachOptions::default())?.run()?; // until the detach key
//! host.stop(&session.id, StopPolicy::default())?;
//! host.remove(&session.id)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! `docs/design/hosting.md` says which files there are, what is said on the sockets, and what is
//! left when any of the processes is killed between any two steps.
//!
//! | module | what it does |
//! |---|---|
//! | `host`, `spec`, `hosted` | the trait, and what goes in and out of it |
//! | `store` | the directories of sessions: claimed, read, removed |
//! | `wire` | frames and messages, and which version two ends agree on |
//! | `screen` | the model of a screen, and how a terminal is made to look like it |
//! | `log` | rows that left a screen, written and read |
//! | `builtin` | one process for each session: the start, the host itself, how it is asked |
//! | `tmux` | the same with a pane of tmux as its terminal |
//! | `sessions` | what both have in common |
//! | `attach` | this terminal as a client |
//! | `supervisor` | what starts sessions again that have a policy that says so |

mod attach;
pub mod builtin;
mod environment;
mod error;
mod host;
mod hosted;
mod hosts;
mod id;
pub mod log;
mod random;
mod screen;
mod sessions;
mod size;
mod spec;
pub mod store;
pub mod supervisor;
mod system;
mod tmux;
mod wire;

pub use attach::TerminalSignals;
pub use builtin::Builtin;
pub use environment::Environment;
pub use error::{Error, Result, SpawnError};
pub use host::{
    Attach, AttachEnd, AttachOptions, AttachPlan, Caps, Detach, DetachKey, HostInfo, HostKind,
    Input, SessionHost, SnapshotFormat, StopPolicy, Unavailable, terminal_size,
};
pub use hosted::{Ended, Exit, Hosted, Listing, Problem, ProcessId, Running, State};
pub use hosts::Hosts;
pub use id::HostedId;
pub use size::Size;
pub use spec::{Isolation, Limits, LogPolicy, OnBoard, SpawnSpec};
pub use tmux::Tmux;
