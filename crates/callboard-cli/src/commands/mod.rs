//! The commands, one file each.

pub(crate) mod completions;
pub(crate) mod count;
pub(crate) mod demo;
pub(crate) mod demo_session;
pub(crate) mod deregister;
pub(crate) mod doctor;
pub(crate) mod ps;
pub(crate) mod register;
pub(crate) mod rename;
pub(crate) mod run;
pub(crate) mod show;
pub(crate) mod sweep;
pub(crate) mod target;
pub(crate) mod update;
