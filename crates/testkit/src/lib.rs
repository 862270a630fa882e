//! Sealed homes and small real programs for Callboard's tests.
//!
//! A test of a registry needs processes that really exit, crash, fork and execute. They are
//! *actors*: the test binary starts itself again, with one test selected that does nothing unless
//! it was started so, and the two talk over a socket that is the actor's standard input. So a
//! test never sleeps: it waits for an answer, for the end of a conversation, or for an exit.
//!
//! Nothing in here knows the library, so that every crate's tests can use it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

// The registers of a call differ between machines; so far these are known.
#[cfg(target_arch = "x86_64")]
mod fault;
mod fork;
mod home;
mod process;
mod processor;
#[cfg(target_os = "linux")]
mod refused;
mod stage;
mod step;

#[cfg(target_arch = "x86_64")]
pub use fault::{Call, Counts, Fault, Faulty, Struck, window};
pub use fork::{fork, thread_id, with_action, with_ignored};
pub use home::{Home, is_spare_of_a_record};
pub use process::{Process, Prompt, collect, kill, kill_self, wait_for_exit};
pub use stage::{Place, Stage};
pub use step::{killed_at, paused_at};
