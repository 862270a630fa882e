//! The processes of a session, to be ended.
//!
//! Between finding a number and signalling it, its process may end and another may get the number.
//! So each is first held by a pidfd, and only then looked at: what is then still the child of one
//! of the tree is what the pidfd holds.

use std::collections::HashSet;
use std::os::fd::OwnedFd;

use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::process::{Standing, standing};

/// A process that is held.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) pid: u32,
    fd: OwnedFd,
}

impl Member {
    /// Holds the process with this number, if it is there, runs, and fits once it is held.
    fn hold(number: u32, fits: impl Fn(&Standing) -> bool) -> Option<Self> {
        let fd = pidfd_open(super::pid(number)?, PidfdFlags::empty()).ok()?;
        let found = standing(number).filter(|found| !found.is_zombie() && fits(found))?;
        _ = found;
        Some(Self { pid: number, fd })
    }

    /// Sends it a signal. It may have ended by now, which is as good.
    pub(crate) fn signal(&self, signal: Signal) {
        _ = pidfd_send_signal(&self.fd, signal);
    }
}

/// All descendants of a process that have not ended, itself not among them. A reaper's descendants
/// are all that came of what it started, whoever their parents were.
pub(crate) fn descendants(root: u32) -> Vec<Member> {
    let mut family = HashSet::from([root]);
    let mut found = Vec::new();
    let mut parents = vec![root];
    while let Some(parent) = parents.pop() {
        for child in children(parent) {
            // A zombie's children have gone to the reaper, which is asked for its own.
            let Some(member) = Member::hold(child, |child| family.contains(&child.parent)) else {
                continue;
            };
            if family.insert(child) {
                parents.push(child);
                found.push(member);
            }
        }
    }
    found
}

/// The children of all threads of a process.
fn children(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for thread in threads {
        match std::fs::read_to_string(thread.path().join("children")) {
            Ok(text) => found.extend(text.split_whitespace().filter_map(|n| n.parse::<u32>().ok())),
            // A kernel without the list (CONFIG_PROC_CHILDREN), or a thread that has just ended.
            Err(_) => return every_process().filter(|n| is_child(*n, pid)).collect(),
        }
    }
    found
}

fn is_child(number: u32, parent: u32) -> bool {
    standing(number).is_some_and(|found| found.parent == parent)
}

/// The processes of a kernel session that have not ended. The number of a session is not used
/// again while anybody is in it.
pub(crate) fn of_session(session: u32) -> Vec<Member> {
    let in_it = |found: &Standing| found.session == session;
    every_process().filter_map(|number| Member::hold(number, in_it)).collect()
}

fn every_process() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_found_and_no_longer_once_it_has_ended() {
        let mut child =
            std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let among = |pid| descendants(std::process::id()).iter().any(|member| member.pid == pid);
        assert!(among(child.id()));
        let found = descendants(std::process::id());
        found.iter().filter(|member| member.pid == child.id()).for_each(|m| m.signal(Signal::KILL));
        child.wait().unwrap();
        assert!(!among(child.id()));
    }
}
