//! The processes of a session, to be ended.
//!
//! Between finding a number and signalling it, its process may end and another may get the number.
//! So each is first held by a pidfd, and only then looked at: what is then still the child of one
//! of the tree is what the pidfd holds.

use std::collections::HashSet;
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::process::{Standing, standing};

/// How often a tree is walked in which somebody ends during each walk: one that is never at rest is
/// not empty, either.
const WALKS: usize = 16;

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
        let member = Self { pid: number, fd };
        standing(number).is_some_and(|found| fits(&found) && !member.has_ended()).then_some(member)
    }

    /// Whether all of its threads have ended: the first may have, and others go on.
    fn has_ended(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Sends it a signal. It may have ended by now, which is as good.
    pub(crate) fn signal(&self, signal: Signal) {
        _ = pidfd_send_signal(&self.fd, signal);
    }
}

/// All descendants of a process that have not ended, itself not among them. A reaper's descendants
/// are all that came of what it started, whoever their parents were.
pub(crate) fn descendants(root: u32) -> Vec<Member> {
    let mut known_to_have_ended = HashSet::new();
    let (mut found, mut ended) = walk(root);
    // Who ended during a walk has left its children to the reaper, whose own list may have been read
    // before that. Who had ended before the walk, has not.
    for _ in 1..WALKS {
        if ended.is_subset(&known_to_have_ended) {
            break;
        }
        known_to_have_ended = ended;
        (found, ended) = walk(root);
    }
    found
}

/// The descendants that one walk comes by, and those of them that had ended when their own children
/// were to be seen.
fn walk(root: u32) -> (Vec<Member>, HashSet<u32>) {
    let mut family = HashSet::from([root]);
    let (mut found, mut ended): (Vec<Member>, _) = (Vec::new(), HashSet::new());
    let mut parent = root;
    for at in 0.. {
        for child in children(parent) {
            match Member::hold(child, |child| family.contains(&child.parent)) {
                Some(member) if family.insert(child) => found.push(member),
                Some(_) => {}
                None => _ = ended.insert(child),
            }
        }
        if at > 0 && found[at - 1].has_ended() {
            ended.insert(parent);
        }
        match found.get(at) {
            Some(next) => parent = next.pid,
            None => break,
        }
    }
    (found, ended)
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

    /// A session was taken for empty while its program ended, whose child came to the host between
    /// two looks.
    #[test]
    fn whose_parent_ends_under_our_eyes_is_found() {
        use std::io::{BufRead as _, BufReader, Write as _};
        use std::process::{Command, Stdio};
        rustix::process::set_child_subreaper(Some(rustix::process::getpid())).unwrap();
        for _ in 0..200 {
            let mut parent = Command::new("sh")
                .args(["-c", "sleep 1000 <&- >&- & echo $!; read x; exit"])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let mut child = String::new();
            BufReader::new(parent.stdout.take().unwrap()).read_line(&mut child).unwrap();
            let child: u32 = child.trim().parse().unwrap();
            parent.stdin.take().unwrap().write_all(b"\n").unwrap();
            loop {
                let found = descendants(std::process::id());
                let member = found.iter().find(|member| member.pid == child);
                let member = member.expect("it has lived all the time");
                if parent.try_wait().unwrap().is_some() {
                    member.signal(Signal::KILL);
                    break;
                }
            }
            let child = rustix::process::Pid::from_raw(child.cast_signed());
            rustix::process::waitpid(child, rustix::process::WaitOptions::empty()).unwrap();
        }
    }
}
