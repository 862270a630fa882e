//! The loop: waits for something to happen, and does what there is to do. While nothing happens,
//! it is not woken.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::fd::BorrowedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::AsFd as _;

use super::Options;
use super::board::Board;
use super::client::{Client, Role};
use super::ending::Ending;
use super::inside::Claimant;
use super::program::Program;
use crate::hosted::Exit;
use crate::log::RowLog;
use crate::screen::Model;
use crate::store::{Claimed, RunFile, SpecFile, Store};
use crate::system;

/// How much may wait for the program. What is more waits with who sends it.
pub(super) const MOST_TYPED: usize = 1 << 20;

/// How many may be connected at a time. Who comes after waits in line.
const MOST_CLIENTS: usize = 200;

/// For how long the terminal is read in a row before clients are looked after.
const READING: Duration = Duration::from_millis(5);

/// Less than this at a time is what a person's key causes: it is shown before anything else is
/// looked for, and not kept back to be sent with more.
pub(super) const A_FEW: usize = 1024;

/// While no more time than this passes between one reading and the next, a program prints on.
const GOES_ON: Duration = Duration::from_millis(2);

/// Where nobody watches, the terminal of a program that prints on is left alone for so long after
/// each reading: in a flood, much of the kernel's buffer of 64 KiB is full by then.
const REST: Duration = Duration::from_micros(500);

/// Where signals are heard.
#[derive(Debug)]
pub(super) struct Signals {
    /// A child has ended.
    pub(super) children: UnixStream,
    /// Somebody wants this process to end.
    pub(super) end: UnixStream,
}

/// A session, and everybody who looks at it.
#[derive(Debug)]
pub(super) struct Host {
    pub(super) claimed: Claimed,
    pub(super) spec: SpecFile,
    pub(super) run: RunFile,
    pub(super) store: PathBuf,
    pub(super) listener: UnixListener,
    pub(super) signals: Signals,
    pub(super) program: Program,
    pub(super) board: Board,
    pub(super) model: Model,
    pub(super) log: RowLog,
    pub(super) clients: Vec<Client>,
    /// Numbers of clients, and of keys, grow by one.
    pub(super) counter: u64,
    pub(super) leader: Option<u64>,
    pub(super) to_program: VecDeque<u8>,
    pub(super) output_at: Option<u64>,
    /// When pictures and rows may be sent again, and whether there is something new in them.
    pub(super) pictures: Cadence,
    /// Until when a stream that is in the middle of a sequence is waited for.
    pub(super) ground_by: Option<Instant>,
    pub(super) claimant: Option<Claimant>,
    pub(super) ending: Option<Ending>,
    pub(super) exited: Option<Exit>,
    /// The terminal is of no use any more.
    pub(super) hung_up: bool,
    /// Something was typed, and nothing has been printed since.
    awaits_echo: bool,
    /// When something was read last, and until when nothing is, so that much comes together.
    read_at: Option<Instant>,
    rests_until: Option<Instant>,
    buffer: Vec<u8>,
}

/// Something that is done when there is something new, and not too often.
#[derive(Debug)]
pub(super) struct Cadence {
    pub(super) is_new: bool,
    not_before: Instant,
}

impl Cadence {
    /// Pictures a second.
    const EVERY: Duration = Duration::from_millis(50);

    /// Whether it is time; then the next time is later.
    pub(super) fn is_due(&mut self, now: Instant) -> bool {
        let due = self.is_new && now >= self.not_before;
        if due {
            self.is_new = false;
            self.not_before = now + Self::EVERY;
        }
        due
    }

    fn deadline(&self) -> Option<Instant> {
        self.is_new.then_some(self.not_before)
    }
}

/// What is ready.
struct Ready {
    connection: bool,
    child: bool,
    end: bool,
    terminal: PollFlags,
    claimant: bool,
    clients: Vec<PollFlags>,
}

impl Host {
    #[expect(clippy::too_many_arguments, reason = "the parts of a host, put together once")]
    pub(super) fn new(
        options: &Options,
        claimed: Claimed,
        run: RunFile,
        program: Program,
        spec: SpecFile,
        store: &Store,
        listener: UnixListener,
        signals: Signals,
        board: Board,
    ) -> Self {
        let log = RowLog::new(claimed.session().path(), spec.log());
        let mut model = Model::new(spec.size);
        if let Some(trap) = &options.break_model_at {
            model.set_trap(trap);
        }
        Self {
            claimed,
            spec,
            run,
            store: store.dir().to_owned(),
            listener,
            signals,
            program,
            board,
            model,
            log,
            clients: Vec::new(),
            counter: 0,
            leader: None,
            to_program: VecDeque::new(),
            output_at: None,
            pictures: Cadence { is_new: false, not_before: Instant::now() },
            ground_by: None,
            claimant: None,
            ending: None,
            exited: None,
            hung_up: false,
            awaits_echo: false,
            read_at: None,
            rests_until: None,
            buffer: Vec::new(),
        }
    }

    /// Until the session has ended.
    pub(super) fn serve(mut self) {
        // The program's process is older than the hearing of signals: somebody may have ended it.
        self.reap();
        while !self.is_over() {
            let ready = self.wait();
            if self.rests_until.is_some_and(|until| Instant::now() >= until) {
                self.rests_until = None;
            }
            if ready.child {
                system::drain(&self.signals.children);
                self.reap();
            }
            if ready.end {
                system::drain(&self.signals.end);
                self.begin_to_end(self.spec.grace(), None);
            }
            if !ready.terminal.is_empty() {
                self.read_terminal();
            }
            self.type_in();
            // Before the next one asks whether it is taken.
            if ready.claimant {
                self.forget_claimant();
            }
            self.serve_clients(&ready.clients);
            if ready.connection {
                self.take_in();
            }
            self.go_on_ending();
            self.settle();
        }
        self.finish();
    }

    fn wait(&mut self) -> Ready {
        let in_and_out = |wants_in: bool, wants_out: bool| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, wants_in);
            flags.set(PollFlags::OUT, wants_out);
            flags
        };
        let may_type = self.to_program.len() < MOST_TYPED;
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(self.clients.len() + 5);
        let takes_more = self.clients.len() < MOST_CLIENTS;
        fds.push(PollFd::new(&self.listener, in_and_out(takes_more, false)));
        fds.push(PollFd::new(&self.signals.children, PollFlags::IN));
        fds.push(PollFd::new(&self.signals.end, PollFlags::IN));
        for client in &self.clients {
            let wants = in_and_out(may_type && !client.is_leaving, !client.queue.is_empty());
            fds.push(PollFd::new(&client.stream, wants));
        }
        // Those that may be missing come last.
        let terminal = (!self.hung_up).then(|| {
            let wants = in_and_out(self.rests_until.is_none(), !self.to_program.is_empty());
            fds.push(PollFd::new(&self.program.controller, wants));
            fds.len() - 1
        });
        let claimant = self.claimant.as_ref().map(|claimant| {
            fds.push(PollFd::from_borrowed_fd(claimant.fd(), PollFlags::IN));
            fds.len() - 1
        });
        let timeout = self.timeout();
        // Interrupted by a signal: what it means stands on its socket.
        _ = poll(&mut fds, timeout.as_ref());
        let is_ready = |at: usize| !fds[at].revents().is_empty();
        Ready {
            connection: is_ready(0),
            child: is_ready(1),
            end: is_ready(2),
            terminal: terminal.map_or(PollFlags::empty(), |at| fds[at].revents()),
            claimant: claimant.is_some_and(is_ready),
            clients: fds[3..3 + self.clients.len()].iter().map(PollFd::revents).collect(),
        }
    }

    /// Until the next thing that has its time; for ever if there is none.
    fn timeout(&self) -> Option<Timespec> {
        let ending = self.ending.as_ref().map(Ending::deadline);
        let next = [self.pictures.deadline(), self.ground_by, ending, self.rests_until]
            .into_iter()
            .flatten()
            .min()?;
        let left = next.saturating_duration_since(Instant::now());
        Timespec::try_from(left).ok()
    }

    /// What the program has printed.
    pub(super) fn read_terminal(&mut self) {
        let mut buffer = std::mem::take(&mut self.buffer);
        if buffer.is_empty() {
            // Not before there is something: many sessions say nothing for long.
            buffer = vec![0; 64 << 10];
        }
        let until = Instant::now() + READING;
        while !self.hung_up && Instant::now() < until {
            let read = self.read_into(&mut buffer);
            if read == 0 {
                break;
            }
            self.show(&buffer[..read]);
            // Was it what a key caused? What else there is, the next look tells. In a flood, the
            // next look comes later.
            let is_echo = std::mem::take(&mut self.awaits_echo);
            if is_echo || self.rest() {
                break;
            }
        }
        self.buffer = buffer;
    }

    /// Something has been read: whether to let more come together before the next look. A terminal
    /// that is emptied again and again wakes this process for every few lines, and holds the
    /// program up each time.
    fn rest(&mut self) -> bool {
        let now = Instant::now();
        let is_watched = self
            .clients
            .iter()
            .any(|client| matches!(client.role, Role::Seeing(_) | Role::Following(_)));
        let goes_on = self.read_at.replace(now).is_some_and(|last| now - last < GOES_ON);
        let rests = goes_on && !is_watched && self.exited.is_none();
        if rests {
            self.rests_until = Some(now + REST);
        }
        rests
    }

    /// Reads what is there now, as much as there is room for: the kernel gives out at most 4 KiB at
    /// a time, and what comes at once is shown at once.
    fn read_into(&mut self, buffer: &mut [u8]) -> usize {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.program.controller.read(&mut buffer[filled..]) {
                Ok(read) if read > 0 => {
                    filled += read;
                    // Whoever waits for an echo does not wait for a look whether there is more.
                    if self.awaits_echo && filled < A_FEW {
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // Nobody has the other side any more, and nobody will.
                Ok(_) | Err(_) => {
                    self.hung_up = true;
                    break;
                }
            }
        }
        filled
    }

    /// Gives the program what was typed, as much as it takes.
    pub(super) fn type_in(&mut self) {
        while !self.to_program.is_empty() {
            // What it says to that is looked for at once.
            (self.awaits_echo, self.rests_until, self.read_at) = (true, None, None);
            let (first, _) = self.to_program.as_slices();
            match self.program.controller.write(first) {
                Ok(written) if written > 0 => drop(self.to_program.drain(..written)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // The terminal is hung up: nobody will read it.
                Ok(_) | Err(_) => self.to_program.clear(),
            }
        }
        self.to_program.shrink_to(16 << 10);
    }

    /// Takes in who waits to be.
    fn take_in(&mut self) {
        while self.clients.len() < MOST_CLIENTS {
            let Ok((stream, _)) = self.listener.accept() else { return };
            let own = rustix::process::geteuid().as_raw();
            let is_own = system::peer(stream.as_fd()).is_ok_and(|(_, uid)| uid == own);
            // The directory keeps others out; one that was opened to them does not.
            if is_own && stream.set_nonblocking(true).is_ok() {
                self.counter += 1;
                self.clients.push(Client::new(self.counter, stream));
            }
        }
    }

    /// Hears what clients say, and lets go of those that are gone or have all that they wanted.
    fn serve_clients(&mut self, ready: &[PollFlags]) {
        let numbers: Vec<u64> = self.clients.iter().map(|client| client.number).collect();
        for (number, ready) in numbers.into_iter().zip(ready) {
            if ready.is_empty() {
                continue;
            }
            let Some(at) = self.clients.iter().position(|client| client.number == number) else {
                continue;
            };
            let client = &mut self.clients[at];
            let mut is_there = client.flush().is_ok();
            let speaks = ready.intersects(PollFlags::IN | PollFlags::HUP | PollFlags::ERR);
            if is_there && speaks && !client.is_leaving {
                // What it has said before it went still counts.
                is_there = client.take_in().is_ok();
                is_there &= self.hear(number).is_ok();
            } else if ready.intersects(PollFlags::HUP | PollFlags::ERR) {
                is_there = false;
            }
            if !is_there {
                self.let_go(number);
            }
        }
    }

    /// A client is gone.
    pub(super) fn let_go(&mut self, number: u64) {
        self.clients.retain(|client| client.number != number);
        if self.leader == Some(number) {
            self.leader = None;
        }
    }

    /// The attached clients.
    pub(super) fn seers(&self) -> usize {
        self.clients.iter().filter(|client| client.sees()).count()
    }

    /// The client with this number.
    pub(super) fn client(&mut self, number: u64) -> Option<&mut Client> {
        self.clients.iter_mut().find(|client| client.number == number)
    }
}

impl Claimant {
    /// Readable once it has ended.
    fn fd(&self) -> BorrowedFd<'_> {
        self.process.as_fd()
    }
}
