//! The terminal of this process: raw while attached, and as it was before on every way out.

use std::io::{self, IsTerminal as _};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::host::terminal_size;
use crate::screen::{LEAVE, PUSH_TITLE};
use crate::size::Size;

/// Standard input or output is something else.
#[derive(Debug)]
pub(crate) struct NotATerminal;

/// Both must be a terminal.
pub(crate) fn require() -> Result<(), NotATerminal> {
    let is = io::stdin().is_terminal() && io::stdout().is_terminal();
    is.then_some(()).ok_or(NotATerminal)
}

/// A raw terminal. What it was before it is again when this is dropped, also by a panic.
#[derive(Debug)]
pub(super) struct RawTerminal {
    before: Termios,
    is_raw: bool,
}

impl RawTerminal {
    /// Makes it raw, and scrolls what it shows out of the way, with `above` after that.
    pub(super) fn enter(above: &[u8]) -> Result<Self, NotATerminal> {
        let before = tcgetattr(io::stdin()).map_err(|_| NotATerminal)?;
        let mut terminal = Self { before, is_raw: false };
        let mut text = PUSH_TITLE.to_vec();
        text.extend(b"\x1b[999;1H\r\n");
        for line in above.split_inclusive(|byte| *byte == b'\n') {
            text.extend(line.strip_suffix(b"\n").unwrap_or(line));
            text.extend(b"\r\n");
        }
        text.extend(std::iter::repeat_n(b'\n', usize::from(terminal.size().rows)));
        terminal.enter_again();
        // A terminal that takes nothing is found out by what comes next.
        _ = terminal.write(&text);
        Ok(terminal)
    }

    /// Makes it raw once more.
    pub(super) fn enter_again(&mut self) {
        let mut raw = self.before.clone();
        raw.make_raw();
        self.is_raw = true;
        _ = tcsetattr(io::stdin(), OptionalActions::Now, &raw);
    }

    /// Makes it what it was before. What the terminal still had to say to the program is dropped:
    /// a shell would take it for something typed.
    pub(super) fn leave(&mut self) {
        if std::mem::take(&mut self.is_raw) {
            let mut text = LEAVE.to_vec();
            text.extend(b"\x1b[23;0t\x1b[999;1H\r\n");
            _ = self.write(&text);
            _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.before);
        }
    }

    /// Its size now.
    pub(super) fn size(&self) -> Size {
        terminal_size().unwrap_or(Size { columns: 80, rows: 24 })
    }

    /// Shows something, at once.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match rustix::io::write(io::stdout(), rest) {
                Ok(written) => rest = &rest[written..],
                Err(rustix::io::Errno::INTR) => {}
                // Somebody else has made it so: it is the same terminal in other hands.
                Err(rustix::io::Errno::AGAIN) => wait_to_write(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

fn wait_to_write() {
    use rustix::event::{PollFd, PollFlags, poll};
    let stdout = io::stdout();
    _ = poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None);
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        self.leave();
    }
}
