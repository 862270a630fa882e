//! Who is alive: the only place that may say so.
//!
//! A pid is not an identity: it is reused, it means another process in another PID namespace, and
//! a zombie still has one. So a record carries its [`Incarnation`], and [`judge`] decides from it
//! between three answers, each with its [`Evidence`]. The rule is pure (`rule.rs`, a table of
//! cases is its test); what it wants to know it asks of a [`Witness`], and the one that looks at
//! the real system is in `linux.rs`, or `portable.rs` where there is none better.
//!
//! The facts behind the rule, and the matrix of what was tested, are in `docs/PLATFORM.md`.

mod here;
mod incarnation;
mod job;
mod rule;
mod verdict;

#[cfg(all(target_os = "linux", not(callboard_portable)))]
mod linux;
#[cfg(all(target_os = "linux", not(callboard_portable)))]
use linux as system;
#[cfg(any(not(target_os = "linux"), callboard_portable))]
mod portable;
#[cfg(any(not(target_os = "linux"), callboard_portable))]
use portable as system;

pub use here::Here;
pub use incarnation::{Incarnation, System};
pub use job::{process_group, session_leader};
pub use rule::{InsideSight, LockSight, PidfdSight, StatSight, Witness, judge};
pub use system::{Processes, identify, signal_zero};
pub use verdict::{Evidence, Judgement, Verdict};
