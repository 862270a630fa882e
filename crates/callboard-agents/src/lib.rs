//! What runs, over all registries: our own and those of the coding agents.
//!
//! ```no_run
//! use callboard_agents::{Board, Sources};
//!
//! let sources = Sources::from_env(callboard::Registry::home()?, &[]);
//! let board = Board::read(&sources);
//! for row in board.rows.iter().filter(|row| row.is_listed()) {
//!     println!("{} {:?} {:?}", row.pid, row.name, row.status);
//! }
//! # Ok::<(), callboard::Error>(())
//! ```
//!
//! The pieces:
//!
//! - [`Sources`]: which registries there are. [`Sources::from_env`] finds them,
//!   [`Sources::from_lookup`] with another source of variables, [`Sources::new`] and
//!   [`Sources::with`] put them together by hand; [`Sources::registries`] names them for a
//!   report, [`Sources::transcript`] finds the conversation file of one row, on request only.
//! - [`Board::read`]: one [`Row`] for each session that some registry knows, the proven dead
//!   included, however many registries know it. [`Board::hidden`] has what an agent keeps running for itself, [`Board::problems`]
//!   what could not be read, [`Board::notices`] what lies in an agent's directory and is nobody's
//!   problem.
//! - [`Row`]: plain data. [`Row::sources`] says which registry each field came from,
//!   [`Row::is_here`] whether its pid may be used from this process.
//!   [`attention`] orders rows by how much they want the user.
//! - [`Adapter`]: what an agent's file in this crate implements. Nothing an adapter does ever
//!   writes, renames or deletes in an agent's directory, or opens a name that is not a record.

pub mod activity;
mod adapter;
pub mod agents;
mod board;
mod consult;
mod fields;
pub mod hook;
mod identity;
mod merge;
mod parked;
pub mod processes;
mod row;
mod sources;
pub mod transcript;
mod unrecorded;

#[cfg(target_os = "linux")]
mod watch;

pub use adapter::{Adapter, Held, Seen, SessionsDir};
pub use agents::{ClaudeCode, QwenCode};
pub use board::Board;
pub use fields::{Field, Fields};
pub use row::{FoundBy, JobLink, Role, Row, RowSource, StatusFrom, Window, attention};
pub use sources::Sources;
#[cfg(target_os = "linux")]
pub use watch::{BoardEvent, BoardWatch};

/// The name of our own registry on the board.
pub const OWN: &str = "callboard";
