//! The commands, one file each.

pub(crate) mod attach;
pub(crate) mod completions;
pub(crate) mod count;
#[cfg(target_os = "linux")]
pub(crate) mod daemon;
pub(crate) mod demo;
pub(crate) mod demo_session;
pub(crate) mod deregister;
pub(crate) mod detach;
pub(crate) mod doctor;
#[cfg(target_os = "linux")]
pub(crate) mod events;
#[cfg(target_os = "linux")]
pub(crate) mod exec;
pub(crate) mod hook;
pub(crate) mod hooks;
pub(crate) mod logs;
pub(crate) mod man;
pub(crate) mod metrics;
#[cfg(target_os = "linux")]
pub(crate) mod notify;
pub(crate) mod ps;
pub(crate) mod register;
pub(crate) mod rename;
pub(crate) mod restart;
pub(crate) mod rm;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod status_line;
pub(crate) mod stop;
pub(crate) mod sweep;
pub(crate) mod target;
pub(crate) mod update;
#[cfg(target_os = "linux")]
pub(crate) mod wait;
#[cfg(target_os = "linux")]
pub(crate) mod watch;
#[cfg(target_os = "linux")]
pub(crate) mod watching;

pub(crate) use watching::timeout as length_of_time;
