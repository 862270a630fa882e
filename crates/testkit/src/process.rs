//! A program that is talked to, line by line.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{WaitId, WaitIdOptions, waitid};

/// Longer than anything takes on the slowest machine: who has not answered by then hangs.
const PATIENCE: Duration = Duration::from_secs(40);

/// A running program with a socket for its standard input, on which it also answers (its output
/// belongs to the test harness that it may have been started through). Killed when dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    socket: BufReader<UnixStream>,
}

impl Process {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_read_timeout(Some(PATIENCE)).unwrap();
        command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
        let child = command.spawn().unwrap_or_else(|e| panic!("cannot start {command:?}: {e}"));
        // The command keeps its copy of the other end, which would keep the conversation open.
        command.stdin(Stdio::null());
        Self { child, socket: BufReader::new(ours) }
    }

    /// Its pid, as this process sees it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Says one line.
    pub fn say(&mut self, line: &str) {
        // A program that has ended hears nothing: the answer, or its absence, tells.
        _ = self.socket.get_mut().write_all(format!("{line}\n").as_bytes());
    }

    /// Hears one line; `None` once nobody is left to say one.
    pub fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.socket.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
            Err(e) if e.kind() == ErrorKind::ConnectionReset => None,
            Err(e) => panic!("process {} does not answer: {e}", self.id()),
        }
    }

    /// Kills it without a chance to clean up.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Waits until it has stopped itself.
    pub fn wait_until_stopped(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let stopped = WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
        rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), stopped)).unwrap();
    }

    /// Waits until it has ended, and leaves it a zombie.
    pub fn wait_without_collecting(&self) {
        wait_for_exit(self.id());
    }

    /// Waits until it has ended, and collects it.
    pub fn wait(&mut self) -> ExitStatus {
        // It may wait for more to be said.
        self.wait_without_collecting();
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Waits until a process has exited, whoever's child it is, and does not collect it.
pub fn wait_for_exit(pid: u32) {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::process::{Pid, PidfdFlags, pidfd_open};
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let Ok(pidfd) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    let mut poll_fd = [PollFd::from_borrowed_fd(pidfd.as_fd(), PollFlags::IN)];
    let patience = Timespec { tv_sec: PATIENCE.as_secs() as i64, tv_nsec: 0 };
    let ready = poll(&mut poll_fd, Some(&patience)).unwrap();
    assert_eq!(ready, 1, "process {pid} does not end");
}

/// The other end: what a program hears and answers on its standard input.
#[derive(Debug)]
pub struct Prompt {
    socket: BufReader<UnixStream>,
}

impl Prompt {
    /// Over the standard input of this process.
    #[must_use]
    pub fn on_stdin() -> Self {
        let fd = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
        Self { socket: BufReader::new(UnixStream::from(fd)) }
    }

    /// The next line; `None` when the other end has gone.
    pub fn hear(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.socket.read_line(&mut line) {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(line.trim_end().to_owned()),
        }
    }

    /// Answers.
    pub fn say(&mut self, line: &str) {
        self.socket.get_mut().write_all(format!("{line}\n").as_bytes()).unwrap();
    }
}

/// Collects a child that was forked; its exit code, if it was not killed.
#[must_use]
pub fn collect(pid: u32) -> Option<i32> {
    use rustix::process::{Pid, WaitOptions, waitpid};
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let (_, status) = waitpid(pid, WaitOptions::empty()).unwrap().unwrap();
    status.exit_status()
}

/// Ends this process at once, with nothing cleaned up.
pub fn kill_self() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    kill_process(getpid(), Signal::KILL).unwrap();
    loop {
        std::thread::park();
    }
}

/// Kills another process.
pub fn kill(pid: u32) {
    use rustix::process::{Pid, Signal, kill_process};
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), Signal::KILL).unwrap();
}
