//! The real program in a sealed world: its commands, its errors, its terminal.

// All of this is test code, the functions without `#[test]` too.
#![allow(clippy::unwrap_used)]

mod addressing;
mod board;
#[allow(dead_code, reason = "the library's tests use all of it")]
#[path = "../../../callboard/tests/security/canary.rs"]
mod canary;
#[cfg(target_os = "linux")]
mod configured;
#[cfg(target_os = "linux")]
mod conversations;
#[cfg(target_os = "linux")]
mod daemon;
mod demo;
mod errors;
mod hook;
mod hook_silence;
mod hooks;
#[cfg(target_os = "linux")]
mod hosting;
#[cfg(target_os = "linux")]
mod hosting_tmux;
#[cfg(target_os = "linux")]
mod live;
#[cfg(target_os = "linux")]
mod no_leader;
#[cfg(target_os = "linux")]
mod notify;
mod read_only;
#[cfg(target_os = "linux")]
mod recipes;
mod run;
mod scripts;
mod security;
mod terminal;
mod tools;
mod untrusted;
#[cfg(target_os = "linux")]
mod waiting;
mod world;
