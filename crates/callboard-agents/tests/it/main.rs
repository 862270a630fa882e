//! The board over real directories, with real processes behind the pids.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod actor;
mod discovery;
mod hostile;
mod replay;
mod reports;
mod running;
mod tails;
mod tails_hostile;
mod tails_private;
mod together;
mod transcripts;
mod watch;
mod world;
