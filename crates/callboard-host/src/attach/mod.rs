//! This terminal as a client of a session.
//!
//! | file | what it does |
//! |---|---|
//! | `terminal` | raw while attached, and as it was before on every way out |
//! | `keys` | finds the detach key, however the terminal encodes it |
//! | `signals` | signals as something to wait for |

mod keys;
mod signals;
mod terminal;

use std::collections::VecDeque;
use std::io::{ErrorKind, Write as _};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGTSTP, SIGWINCH};

use crate::builtin::{Connection, Failure, Heard, explain};
use crate::error::{Error, Result};
use crate::host::{Attach, AttachEnd, AttachOptions};
use crate::hosted::Exit;
use crate::log::{LogQuery, LogRef};
use crate::store::SessionDir;
use crate::wire::message::{Reply, Request};
use crate::wire::{self, FrameKind};
use keys::{Keys, Typed};
use terminal::RawTerminal;

pub use signals::TerminalSignals;
pub(crate) use terminal::require as require_terminal;

/// How long the hint stands over the screen, if nothing is typed.
const HINT_STAYS: Duration = Duration::from_millis(1500);

/// A host that is stopped takes nothing in. What is typed at it beyond this is lost.
const MOST_TYPED: usize = 1 << 20;

/// Attaches the terminal on standard input and output.
#[derive(Debug)]
pub(crate) struct TerminalClient {
    session: SessionDir,
    options: AttachOptions,
}

impl TerminalClient {
    pub(crate) const fn new(session: SessionDir, options: AttachOptions) -> Self {
        Self { session, options }
    }
}

impl Attach for TerminalClient {
    fn run(self: Box<Self>) -> Result<AttachEnd> {
        let failed = |failure| explain(&self.session, failure);
        // First, so that nothing that comes from here on leaves the terminal raw.
        let signals = TerminalSignals::take().map_err(|error| failed(error.into()))?;
        terminal::require()?;
        let connection = Connection::to(&self.session).map_err(failed)?;
        let mut attached = Attached {
            connection,
            signals,
            keys: Keys::new(self.options.detach_key),
            to_host: VecDeque::new(),
            read_only: self.options.read_only,
            hint: self.options.hint.clone(),
            hint_until: None,
            terminal: RawTerminal::enter(&self.above())?,
        };
        let ended = attached.until_the_end();
        attached.terminal.leave();
        ended.map_err(failed)
    }
}

impl TerminalClient {
    /// Rows of the log to stand above the screen. Without them, there is less to scroll back to.
    fn above(&self) -> Vec<u8> {
        if self.options.history == 0 {
            return Vec::new();
        }
        let last = Some(self.options.history);
        let query = LogQuery { last, colour: true, ..LogQuery::default() };
        LogRef::in_directory(self.session.path()).read(&query, None).unwrap_or_default()
    }
}

/// A terminal that is attached.
struct Attached {
    connection: Connection,
    signals: TerminalSignals,
    keys: Keys,
    to_host: VecDeque<u8>,
    read_only: bool,
    hint: Option<String>,
    hint_until: Option<Instant>,
    terminal: RawTerminal,
}

impl Attached {
    fn until_the_end(&mut self) -> Result<AttachEnd, Failure> {
        let size = self.terminal.size();
        self.say(&Request::Attach { size, read_only: self.read_only });
        self.connection.stream().set_nonblocking(true)?;
        loop {
            let ready = self.wait();
            let signals = if ready.signals { self.signals.come() } else { Vec::new() };
            for signal in signals {
                if let Some(end) = self.signal(signal) {
                    return Ok(end);
                }
            }
            if ready.keys {
                if let Some(end) = self.type_in() {
                    return Ok(end);
                }
                // Before anything is shown: somebody waits for the echo.
                self.flush()?;
            }
            if ready.host
                && let Some(end) = self.show()?
            {
                return Ok(end);
            }
            if self.hint_until.is_some_and(|until| Instant::now() >= until) {
                self.end_hint();
            }
            self.flush()?;
        }
    }

    fn wait(&self) -> Ready {
        let stdin = std::io::stdin();
        let mut host = PollFlags::IN;
        host.set(PollFlags::OUT, !self.to_host.is_empty());
        let mut fds = [
            PollFd::new(&stdin, PollFlags::IN),
            PollFd::new(self.connection.stream(), host),
            PollFd::new(&self.signals, PollFlags::IN),
        ];
        let left = self.hint_until.map(|until| until.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        // Interrupted by a signal: what it means stands on its stream.
        _ = poll(&mut fds, left.as_ref());
        let came = PollFlags::IN | PollFlags::HUP | PollFlags::ERR;
        let [keys, host, signals] = fds.map(|fd| fd.revents().intersects(came));
        Ready { keys, host, signals }
    }

    fn say(&mut self, request: &Request) {
        let mut text = Vec::new();
        wire::say(&mut text, request);
        self.to_host.extend(text);
    }

    fn flush(&mut self) -> Result<(), Failure> {
        while !self.to_host.is_empty() {
            let (first, _) = self.to_host.as_slices();
            match self.connection.stream().write(first) {
                Ok(written) => drop(self.to_host.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // What it said before it went is still to be heard.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => self.to_host.clear(),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What was typed.
    fn type_in(&mut self) -> Option<AttachEnd> {
        let mut bytes = [0; 4096];
        let read = match rustix::io::read(std::io::stdin(), &mut bytes) {
            Ok(0) => return Some(AttachEnd::Signal(SIGHUP)),
            Ok(read) => read,
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => return None,
            // The terminal is gone.
            Err(_) => return Some(AttachEnd::Signal(SIGHUP)),
        };
        self.end_hint();
        let Typed { before, detach } = self.keys.typed(&bytes[..read]);
        if !self.read_only && !before.is_empty() && self.to_host.len() < MOST_TYPED {
            let mut frame = Vec::new();
            wire::push(&mut frame, FrameKind::Data, &before);
            self.to_host.extend(frame);
        }
        if detach {
            // What was typed before it is to arrive; a host that hangs is not waited for.
            _ = self.flush();
            return Some(AttachEnd::Detached);
        }
        None
    }

    /// What the host says.
    fn show(&mut self) -> Result<Option<AttachEnd>, Failure> {
        let is_there = match self.connection.take_in() {
            Ok(()) | Err(Failure::Silent) => true,
            Err(Failure::Gone) => false,
            Err(failure) => return Err(failure),
        };
        while let Some(heard) = self.connection.pending()? {
            match heard {
                Heard::Data(bytes) => {
                    if self.terminal.write(&bytes).is_err() {
                        return Ok(Some(AttachEnd::Signal(SIGHUP)));
                    }
                    self.begin_hint();
                }
                Heard::Reply(Reply::Left { .. }) => return Ok(Some(AttachEnd::Detached)),
                Heard::Reply(Reply::Exit { code, signal }) => {
                    let exit = signal.map(Exit::Signal).or(code.map(Exit::Code));
                    return Ok(Some(AttachEnd::Ended(exit.unwrap_or(Exit::Lost))));
                }
                Heard::Reply(Reply::Error { reason }) => return Err(Failure::Refused(reason)),
                Heard::Reply(_) => {}
            }
        }
        Ok((!is_there).then_some(AttachEnd::HostGone))
    }

    /// Writes the hint over the last row, once the screen is there.
    fn begin_hint(&mut self) {
        if let Some(hint) = self.hint.take() {
            let width = usize::from(self.terminal.size().columns.saturating_sub(3));
            let hint: String = hint.chars().filter(|c| !c.is_control()).take(width).collect();
            let text = format!("\x1b7\x1b[999;1H\x1b[7m {hint} \x1b[m\x1b8");
            _ = self.terminal.write(text.as_bytes());
            self.hint_until = Some(Instant::now() + HINT_STAYS);
        }
    }

    /// What was under it is shown again.
    fn end_hint(&mut self) {
        if self.hint_until.take().is_some() {
            self.say(&Request::Refresh);
        }
    }

    fn signal(&mut self, signal: i32) -> Option<AttachEnd> {
        match signal {
            SIGWINCH => {
                let size = self.terminal.size();
                self.say(&Request::Resize { size });
                None
            }
            SIGTSTP => {
                // As if there was no handler, but with the terminal as the shell wants it.
                self.terminal.leave();
                let own = rustix::process::getpid();
                _ = rustix::process::kill_process(own, rustix::process::Signal::STOP);
                None
            }
            SIGCONT => {
                // The shell has had the terminal in between.
                self.terminal.enter_again();
                let size = self.terminal.size();
                self.say(&Request::Resize { size });
                self.say(&Request::Refresh);
                None
            }
            signal => Some(AttachEnd::Signal(signal)),
        }
    }
}

/// What there is to do.
struct Ready {
    keys: bool,
    host: bool,
    signals: bool,
}

/// Whether an error is that there is no terminal.
impl From<terminal::NotATerminal> for Error {
    fn from(_: terminal::NotATerminal) -> Self {
        Self::NoTerminal
    }
}
