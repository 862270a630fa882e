//! Real processes against real directories. One file for each family of stories; a test that
//! keeps a known bug of another registry out is named in its comment by that bug's report.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod actor;
mod between;
mod crash;
#[cfg(target_arch = "x86_64")]
mod faults;
mod foreign;
mod handover;
mod hostile;
mod meanwhile;
mod namespaces;

mod quiet;
mod repair;
#[cfg(target_os = "linux")]
mod spare;
mod sweep;
mod trouble;
#[cfg(target_os = "linux")]
mod watch;
mod writers;

#[cfg(feature = "signals")]
mod signals;
