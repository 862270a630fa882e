//! A real terminal around the program: a pty of a size, what appears on it, what is typed.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::Winsize;

use crate::world::World;

/// No event that a test waits for takes this long, on any machine.
const LIMIT: Duration = Duration::from_secs(40);

/// A program on a terminal.
pub(crate) struct Terminal {
    controller: File,
    /// Everything that has appeared so far.
    pub(crate) screen: String,
    child: Child,
}

impl Terminal {
    /// Starts a command with a terminal of this width as its three streams.
    pub(crate) fn start(command: &mut Command, columns: u16) -> Self {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = rustix_openpty::openpty(None, Some(&size)).unwrap();
        let end = |fd: &OwnedFd| Stdio::from(fd.try_clone().unwrap());
        command.stdin(end(&pty.user)).stdout(end(&pty.user)).stderr(end(&pty.user));
        let child = command.spawn().unwrap();
        // The command keeps ends of the terminal as long as it lives.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { controller: pty.controller.into(), screen: String::new(), child }
    }

    /// Types.
    pub(crate) fn type_in(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits until `text` has appeared after what was waited for before, and forgets up to it.
    pub(crate) fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.screen.find(text) {
                self.screen.drain(..at + text.len());
                return;
            }
            assert!(self.read(until), "`{text}` never appeared in:\n{}", self.screen);
        }
    }

    /// Waits until the program has ended and all that it wrote has appeared.
    pub(crate) fn finish(mut self) -> (ExitStatus, String) {
        let until = Instant::now() + LIMIT;
        while self.read(until) {}
        (self.child.wait().unwrap(), std::mem::take(&mut self.screen))
    }

    /// Reads what is there, or waits for it; false at the end.
    fn read(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).unwrap();
        let mut fds = [PollFd::new(&self.controller, PollFlags::IN)];
        let ready = poll(&mut fds, Some(&left)).unwrap();
        assert!(ready > 0, "nothing happened for {LIMIT:?} after:\n{}", self.screen);
        let mut bytes = [0; 4096];
        // When nobody has the other end any more, the kernel says EIO.
        let read = self.controller.read(&mut bytes).unwrap_or(0);
        self.screen.push_str(&String::from_utf8_lossy(&bytes[..read]));
        read > 0
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The beginning of a command that has its terminal as its controlling one, to be followed by a
/// program. What the tests were started with as ignored (in the background, by a service) the
/// program must not inherit.
pub(crate) fn with_a_terminal(world: &World) -> Command {
    let mut command = world.command("setsid");
    command.args(["--ctty", "env", "--default-signal=INT,QUIT,TSTP,HUP,TERM"]);
    command
}

/// `text` without colours.
pub(crate) fn bare(text: &str) -> String {
    let mut bare = String::new();
    for (nth, part) in text.split("\u{1b}[").enumerate() {
        bare.push_str(if nth == 0 {
            part
        } else {
            part.split_once('m').map_or("", |(_, rest)| rest)
        });
    }
    bare
}
