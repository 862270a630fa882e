//! The board over real directories, with real processes behind the pids.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where something is not as it must be")]

mod discovery;
mod hostile;
mod replay;
mod reports;
mod together;
mod transcripts;
mod world;
