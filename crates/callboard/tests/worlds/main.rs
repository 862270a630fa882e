//! The worlds that a home is shared between: containers of several kinds, boots, views of `/proc`,
//! kernels that refuse a call, file systems. Real ones, made for the length of a test; where one
//! cannot be made the test fails and says so, since what was not tested must not look tested.
//!
//! The matrix in `docs/PLATFORM.md` names these tests (`xtask/src/generate/matrix.rs`).

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[path = "../it/actor.rs"]
#[allow(dead_code, reason = "the same small program as in the other tests, which use all of it")]
mod actor;
mod boots;
mod containers;
mod disks;
mod kernels;
mod network;
mod passthrough;
mod scene;
mod views;
