//! System calls that the kernel refuses a program: a filter as old container engines set it.

use std::collections::BTreeMap;
use std::io::Error;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

/// A filter that answers some calls with `EPERM`, and lets all others through.
#[derive(Clone, Debug)]
pub(crate) struct Refused(Arc<BpfProgram>);

impl Refused {
    pub(crate) fn new(calls: &[libc::c_long]) -> Self {
        let rules: BTreeMap<_, _> = calls.iter().map(|call| (*call, Vec::new())).collect();
        let refuse = SeccompAction::Errno(libc::EPERM as u32);
        let machine = std::env::consts::ARCH.try_into().unwrap();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, machine).unwrap();
        Self(Arc::new(filter.try_into().unwrap()))
    }

    /// The program that the command starts, and all that it starts, has the filter.
    pub(crate) fn apply_to(&self, command: &mut Command) {
        let filter = Arc::clone(&self.0);
        // SAFETY: runs in the forked child, makes two system calls and allocates nothing.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(move || apply_filter(&filter).map_err(|_| Error::last_os_error()));
        }
    }
}
