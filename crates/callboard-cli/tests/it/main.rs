//! The real program in a sealed world: its commands, its errors, its terminal.

// All of this is test code, the functions without `#[test]` too.
#![allow(clippy::unwrap_used)]

mod addressing;
mod board;
mod demo;
mod errors;
mod run;
mod scripts;
mod terminal;
mod untrusted;
mod world;
