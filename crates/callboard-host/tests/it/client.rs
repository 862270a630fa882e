//! A client on a real terminal: what appears on it, what is typed, and what is left of it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use callboard_host::HostedId;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::world::STAGE;

/// No event that a test waits for takes this long, on any machine.
const LIMIT: Duration = Duration::from_secs(40);

/// A terminal, and a client of a session on it.
pub(crate) struct Client {
    controller: File,
    /// Every byte that the terminal was sent.
    pub(crate) bytes: Vec<u8>,
    /// What it shows.
    pub(crate) screen: vt100::Parser,
    child: Child,
}

impl Client {
    /// Attaches a terminal of this size.
    pub(crate) fn attach(home: &Path, id: &HostedId, columns: u16, rows: u16) -> Self {
        Self::with(home, id, columns, rows, &[])
    }

    /// The same with more words for the client.
    pub(crate) fn with(home: &Path, id: &HostedId, columns: u16, rows: u16, more: &[&str]) -> Self {
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", STAGE, "attach"]).arg(home).arg(id.as_str()).args(more);
        Self::start(&mut command, columns, rows)
    }

    /// Any program on a terminal of this size.
    pub(crate) fn start(command: &mut Command, columns: u16, rows: u16) -> Self {
        let size = winsize(columns, rows);
        let pty = rustix_openpty::openpty(None, Some(&size)).unwrap();
        let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        command.stdin(end(&pty.user)).stdout(end(&pty.user)).stderr(end(&pty.user));
        let child = command.spawn().unwrap();
        // The command keeps ends of the terminal as long as it lives.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let cells = |n| std::num::NonZeroU16::new(n).unwrap();
        let screen = vt100::Parser::new(cells(rows), cells(columns), 0);
        Self { controller: pty.controller.into(), bytes: Vec::new(), screen, child }
    }

    /// The client's own process: what `setsid` has become, or its child, which it waits for.
    pub(crate) fn pid(&self) -> u32 {
        let program = std::fs::read_link(format!("/proc/{}/exe", self.child.id()));
        if program.is_ok_and(|program| program == Path::new(STAGE)) {
            return self.child.id();
        }
        let children = format!("/proc/{0}/task/{0}/children", self.child.id());
        let children = std::fs::read_to_string(children).unwrap();
        children.split_whitespace().next().map_or(self.child.id(), |pid| pid.parse().unwrap())
    }

    /// Types.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        let cells = |n| std::num::NonZeroU16::new(n).unwrap();
        self.screen.set_size(cells(rows), cells(columns));
        tcsetwinsize(&self.controller, winsize(columns, rows)).unwrap();
    }

    /// Waits until the screen is as it should be.
    pub(crate) fn wait_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + LIMIT;
        while !is_so(self) {
            let more = self.read(until);
            assert!(more || is_so(self), "never {what}; the screen:\n{}", self.text());
        }
    }

    /// Waits until the screen shows this text.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_until(&format!("`{text}`"), |client| client.text().contains(text));
    }

    /// Waits until this was sent after what was sent before.
    pub(crate) fn wait_for_bytes(&mut self, text: &[u8]) {
        self.wait_until(&text.escape_ascii().to_string(), |client| {
            client.bytes.windows(text.len()).any(|part| part == text)
        });
    }

    /// What the screen shows.
    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the client has ended, and everything that it wrote has appeared.
    pub(crate) fn finish(&mut self) -> ExitStatus {
        let until = Instant::now() + LIMIT;
        while self.read(until) {}
        self.child.wait().unwrap()
    }

    /// Sends the client a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Reads what is there, or waits for it; false at the end.
    fn read(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        let mut fds = [PollFd::new(&self.controller, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&left)).unwrap();
        assert!(ready > 0, "nothing happened for {LIMIT:?}; the screen:\n{}", self.text());
        let mut bytes = [0; 65536];
        // When nobody has the other end any more, the kernel says EIO.
        let read = self.controller.read(&mut bytes).unwrap_or(0);
        self.bytes.extend_from_slice(&bytes[..read]);
        self.screen.process(&bytes[..read]);
        read > 0
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            let client = self.pid();
            _ = self.child.kill();
            _ = self.child.wait();
            if let Some(pid) = Pid::from_raw(i32::try_from(client).unwrap()) {
                _ = kill_process(pid, Signal::KILL);
            }
        }
    }
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}
