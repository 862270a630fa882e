//! A hostile user on the same machine. Two real users without any privilege meet over one
//! registry: the *victim*, whose sessions are in it, and the *attacker*, who does what the system
//! lets him. Nothing here is tested as root, whom the system lets do everything; root only builds
//! the scene, and is the careless administrator where a story needs one.
//!
//! Each test is one story, and each checks that its attack really took place: what the attacker
//! did worked, the swapped states were both met, the lock was held. What is promised, and what is
//! not, is in `docs/SECURITY.md`, which names these tests.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod actor;
mod attacker;
mod canary;
mod claims;
mod crowded;
mod environment;
mod exhausted;
mod locks;
mod planted;
mod pointers;
mod scene;
mod swapped;
mod victim;
