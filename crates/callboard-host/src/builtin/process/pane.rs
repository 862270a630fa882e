//! What is different where the terminal is tmux's: who looks at it and how large it is, tmux knows;
//! and what has been printed is there only when tmux has passed it on.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags, open};
use rustix::termios::{Action, tcflow, tcgetwinsize};

use super::serve::Host;
use crate::size::Size;

/// For how long the rest of what was printed is waited for: a tmux that is stopped passes nothing
/// on.
const PATIENCE: Duration = Duration::from_secs(2);

impl Host {
    /// How many look at the terminal.
    pub(super) fn attached(&self) -> usize {
        self.program.pane.as_ref().map_or_else(|| self.seers(), crate::tmux::Pane::count)
    }

    /// The size that tmux has given the terminal. Nobody tells the host: the signal is for the
    /// programs on the terminal.
    pub(super) fn learn_size(&mut self) {
        let (Some(_), Some(user)) = (&self.program.pane, &self.program.user) else { return };
        if let Ok(size) = tcgetwinsize(user)
            && Size::from(size).sane() != self.model.size()
        {
            self.model.resize(size.into());
        }
    }

    /// The program has ended: waits until everything that it printed has come through tmux. A mark
    /// that no terminal shows is printed after it, and is waited for.
    pub(super) fn await_the_rest(&mut self) {
        let (Some(_), Some(user), false) = (&self.program.pane, &self.program.user, self.hung_up)
        else {
            return;
        };
        let (one, two) = (crate::random::word(), crate::random::word());
        let mark = format!("\x1b]7117;callboard-{one:08x}{two:08x}\x1b\\");
        // Somebody may have held it with ctrl-s.
        _ = tcflow(user, Action::OOn);
        // Opened anew: what is left of the program shares the other, and may not be made to fail.
        let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let again = open(format!("/proc/self/fd/{}", user.as_raw_fd()), flags, Mode::empty());
        let until = Instant::now() + PATIENCE;
        if again.is_ok_and(|end| print_by(until, File::from(end), mark.as_bytes())) {
            self.read_up_to(mark.as_bytes(), until);
        }
    }

    fn read_up_to(&mut self, mark: &[u8], until: Instant) {
        let (mut part, mut held) = (vec![0; 16 << 10], Vec::new());
        loop {
            if !is_ready_by(until, &self.program.controller, PollFlags::IN) {
                break;
            }
            match self.program.controller.read(&mut part) {
                Ok(read) if read > 0 => held.extend_from_slice(&part[..read]),
                Err(error) if is_for_now(&error) => continue,
                Ok(_) | Err(_) => {
                    self.hung_up = true;
                    break;
                }
            }
            if let Some(at) = held.windows(mark.len()).position(|window| window == mark) {
                held.truncate(at);
                break;
            }
            // All but what may be the beginning of it.
            let sure = held.len().saturating_sub(mark.len());
            let rest = held.split_off(sure);
            self.show(&held);
            held = rest;
        }
        self.show(&held);
    }
}

/// Prints a text, where there is room for it by a time. A program that has printed as much as the
/// terminal holds, and ended, leaves none until tmux has read some, which waits for nobody.
fn print_by(until: Instant, mut terminal: File, text: &[u8]) -> bool {
    let mut rest = text;
    while !rest.is_empty() {
        match terminal.write(rest) {
            Ok(written) => rest = &rest[written..],
            Err(error) if is_for_now(&error) && is_ready_by(until, &terminal, PollFlags::OUT) => {}
            Err(_) => return false,
        }
    }
    true
}

/// Waits until there is something to read, or room to write, for as long as a time has not come.
fn is_ready_by(until: Instant, terminal: &File, what: PollFlags) -> bool {
    let left = until.saturating_duration_since(Instant::now());
    let mut fds = [PollFd::new(terminal, what)];
    let ready = poll(&mut fds, Timespec::try_from(left).ok().as_ref());
    !left.is_zero() && ready != Ok(0)
}

fn is_for_now(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::Interrupted)
}
