//! Systems whose processes are not looked at yet: there are none to be seen.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use callboard::process::Here;

use super::Process;

/// Nothing to look at.
#[derive(Debug)]
pub(crate) struct Proc;

impl Proc {
    pub(crate) fn open(_: &Here) -> Option<Self> {
        None
    }

    pub(crate) fn scan(&mut self, _: impl Fn(&str) -> bool) -> Vec<Process> {
        Vec::new()
    }

    pub(crate) fn newest_child(&mut self, _: u32) -> Option<u64> {
        None
    }

    pub(crate) fn process(&mut self, _: u32) -> Option<Process> {
        None
    }

    pub(crate) fn look_at(&mut self, _: &Process) -> Option<Look> {
        None
    }
}

/// Nobody is ever looked at.
#[derive(Debug)]
pub(crate) enum Look {}

impl Look {
    pub(crate) fn cwd(&self) -> Option<PathBuf> {
        match *self {}
    }

    pub(crate) fn stands_in(&self) -> Option<(PathBuf, bool)> {
        match *self {}
    }

    pub(crate) fn started_at(&self) -> Option<u64> {
        match *self {}
    }

    pub(crate) fn open_files(&self) -> Vec<PathBuf> {
        match *self {}
    }

    pub(crate) fn variable(&self, _: &str) -> Option<OsString> {
        match *self {}
    }

    pub(crate) fn nested(&self) -> Option<(u64, u32)> {
        match *self {}
    }
}

/// Nobody is known to lock anything.
#[derive(Debug, Default)]
pub(crate) struct Flocks;

impl Flocks {
    pub(crate) fn holder_of(&self, _: &Path) -> Option<(u32, usize)> {
        None
    }

    pub(crate) fn held_in(&self, _: u32, _: &Path) -> Vec<PathBuf> {
        Vec::new()
    }
}
