//! The programs that tell: one at a time for each way, in order, and none for ever.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Rlimit, pidfd_open};

use crate::commands::exec::spawn;

/// How many tellings of one way may wait for the one that runs. Who has so many to read, reads
/// none.
const MOST_WAITING: usize = 64;

/// No more of what a program complains about is kept.
const MOST_SAID: usize = 512;

/// Runs the programs of one way, one after the other.
pub(super) struct Children {
    limit: Duration,
    /// Of descriptors.
    descriptors: Rlimit,
    waiting: VecDeque<Command>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    pidfd: Option<OwnedFd>,
    until: Instant,
}

/// Why a telling did not come out.
pub(super) type Trouble = String;

impl Children {
    /// Each may take so long, and have so many descriptors.
    pub(super) const fn new(limit: Duration, descriptors: Rlimit) -> Self {
        Self { limit, descriptors, waiting: VecDeque::new(), running: None }
    }

    /// Runs it, or will.
    pub(super) fn add(&mut self, mut command: Command) -> Result<(), Trouble> {
        command.stdin(Stdio::null()).stderr(Stdio::piped());
        if self.waiting.len() >= MOST_WAITING {
            return Err("more to tell than it can take".to_owned());
        }
        self.waiting.push_back(command);
        self.start()
    }

    /// What rings when one has ended, and when to look at the latest.
    pub(super) fn alarm(&self) -> (Option<BorrowedFd<'_>>, Option<Instant>) {
        let running = self.running.as_ref();
        (running.and_then(|one| one.pidfd.as_ref().map(AsFd::as_fd)), running.map(|one| one.until))
    }

    /// Sees whether the one that runs has ended, and starts the next. `None`: nothing has ended.
    pub(super) fn look(&mut self) -> Option<Result<(), Trouble>> {
        let running = self.running.as_mut()?;
        let ended = match running.child.try_wait() {
            Ok(Some(status)) if status.success() => Ok(()),
            Ok(Some(status)) => Err(complaint(running.child.stderr.take(), &status.to_string())),
            Ok(None) if Instant::now() < running.until => return None,
            Ok(None) => {
                _ = running.child.kill();
                _ = running.child.wait();
                Err(format!("it took longer than {}s", self.limit.as_secs()))
            }
            Err(error) => Err(error.to_string()),
        };
        self.running = None;
        Some(ended.and(self.start()))
    }

    fn start(&mut self) -> Result<(), Trouble> {
        if self.running.is_some() {
            return Ok(());
        }
        let Some(mut command) = self.waiting.pop_front() else { return Ok(()) };
        let child = spawn(&mut command, self.descriptors).map_err(|error| {
            format!("cannot run {}: {error}", command.get_program().to_string_lossy())
        })?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        // Without one (an older kernel) its end is seen when something else happens, or at its
        // limit.
        let pidfd = pid.and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        self.running = Some(Running { child, pidfd, until: Instant::now() + self.limit });
        Ok(())
    }
}

/// The last line of what a program that has ended has complained about, else how it ended.
fn complaint(stderr: Option<ChildStderr>, status: &str) -> Trouble {
    let mut said = Vec::new();
    if let Some(mut stderr) = stderr {
        // What it has started may have its end of the pipe, and not be over.
        _ = rustix::io::ioctl_fionbio(&stderr, true);
        let mut bytes = [0; MOST_SAID];
        while let Ok(read @ 1..) = stderr.read(&mut bytes) {
            said.extend_from_slice(&bytes[..read]);
            let surplus = said.len().saturating_sub(MOST_SAID);
            said.drain(..surplus);
        }
    }
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    last.map_or_else(|| status.to_owned(), |line| format!("{status}: {line}"))
}

/// What a program prints, if it ends well within a time.
pub(super) fn output_within(command: &mut Command, limit: Duration) -> Option<String> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let text = read_until(&mut child, Instant::now() + limit);
    if text.is_none() {
        _ = child.kill();
    }
    let status = child.wait().ok()?;
    text.filter(|_| status.success())
}

/// What is printed until its end, if that comes in time.
fn read_until(child: &mut Child, until: Instant) -> Option<String> {
    let mut stdout = child.stdout.take()?;
    let (mut text, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let left = Timespec::try_from(until.checked_duration_since(Instant::now())?).ok()?;
        match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&left)) {
            Ok(0) => return None,
            Err(error) if error != rustix::io::Errno::INTR => return None,
            _ => {}
        }
        match stdout.read(&mut bytes) {
            Ok(0) => return String::from_utf8(text).ok(),
            Ok(read) => text.extend_from_slice(&bytes[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn children(limit: Duration) -> Children {
        Children::new(limit, rustix::process::getrlimit(rustix::process::Resource::Nofile))
    }

    /// Waits for the end of the one that runs.
    fn end(children: &mut Children) -> Result<(), Trouble> {
        loop {
            let (fd, until) = children.alarm();
            let left = until.expect("one runs").saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            poll(&mut [PollFd::from_borrowed_fd(fd.unwrap(), PollFlags::IN)], Some(&left)).unwrap();
            if let Some(ended) = children.look() {
                return ended;
            }
        }
    }

    #[test]
    fn one_after_the_other_and_each_ends_as_it_ends() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        let mut children = children(Duration::from_secs(30));
        let log = format!(">> {}", file.display());
        children.add(sh(&format!("echo a {log}; echo one >&2; echo two >&2; exit 3"))).unwrap();
        children.add(sh(&format!("echo b {log}"))).unwrap();
        children.add(Command::new("/nonexistent/program")).unwrap();
        assert_eq!(end(&mut children), Err("exit status: 3: two".to_owned()));
        let next = end(&mut children).unwrap_err();
        assert!(next.starts_with("cannot run /nonexistent/program: "), "{next}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\nb\n");
        assert_eq!(children.alarm().1, None, "and then nothing rings");
    }

    #[test]
    fn one_that_does_not_end_is_ended() {
        let mut children = children(Duration::from_millis(50));
        children.add(sh("exec sleep 1000")).unwrap();
        let pid = children.running.as_ref().unwrap().child.id();
        assert_eq!(end(&mut children), Err("it took longer than 0s".to_owned()));
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn not_more_than_anybody_reads() {
        let mut children = children(Duration::from_secs(30));
        children.add(sh("exec sleep 1000")).unwrap();
        let more = (0..=MOST_WAITING).map(|_| children.add(sh(""))).filter(Result::is_err).count();
        assert_eq!(more, 1);
        children.running.as_mut().unwrap().child.kill().unwrap();
    }

    #[test]
    fn what_is_printed_in_time() {
        let limit = Duration::from_secs(30);
        assert_eq!(output_within(&mut sh("echo a; echo b"), limit).as_deref(), Some("a\nb\n"));
        assert_eq!(output_within(&mut sh("echo a; exit 1"), limit), None);
        assert_eq!(output_within(&mut Command::new("/nonexistent"), limit), None);
        let soon = Duration::from_millis(50);
        assert_eq!(output_within(&mut sh("echo a; exec sleep 1000"), soon), None);
    }
}
