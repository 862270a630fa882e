//! Signals as something to wait for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::low_level::unregister;
use signal_hook::{SigId, flag};

use crate::system;

/// Those that end who has a terminal, and those that change the terminal. In this order: the kernel
/// also continues whom it tells that the terminal is gone, and that is no time to draw. A raw
/// terminal sends none of them for a key: these come from elsewhere.
const TAKEN: [i32; 7] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT];

/// The signals that concern who has a terminal, all of them on one stream: it is waited for twice
/// for each key, and seven would cost that seven times.
///
/// TERM, INT, QUIT, HUP, WINCH, TSTP and CONT. Their default actions are not given back: what takes
/// them ends when it has given the terminal back.
#[derive(Debug)]
pub struct TerminalSignals {
    stream: UnixStream,
    come: Vec<(i32, Arc<AtomicBool>)>,
    registered: Vec<SigId>,
}

impl TerminalSignals {
    /// Takes them.
    ///
    /// # Errors
    ///
    /// What the system said: there are no descriptors left.
    pub fn take() -> io::Result<Self> {
        let mut come = Vec::new();
        let mut registered = Vec::new();
        // Before the stream: who reads that finds the flag.
        for signal in TAKEN {
            let has_come = Arc::new(AtomicBool::new(false));
            registered.push(flag::register(signal, Arc::clone(&has_come))?);
            come.push((signal, has_come));
        }
        let (stream, ids) = system::heard_on_a_stream(&TAKEN)?;
        registered.extend(ids);
        Ok(Self { stream, come, registered })
    }

    /// Those that have come since this was asked last; those that end first.
    #[must_use]
    pub fn come(&self) -> Vec<i32> {
        // First: one that comes in between is told now, and rings for nothing later.
        system::drain(&self.stream);
        let came = self.come.iter().filter(|(_, come)| come.swap(false, Ordering::SeqCst));
        came.map(|(signal, _)| *signal).collect()
    }

    /// As if these had not come.
    pub fn forget(&self, signals: &[i32]) {
        for (_, come) in self.come.iter().filter(|(signal, _)| signals.contains(signal)) {
            come.store(false, Ordering::SeqCst);
        }
    }
}

impl AsFd for TerminalSignals {
    /// Readable once one has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Drop for TerminalSignals {
    fn drop(&mut self) {
        for id in &self.registered {
            unregister(*id);
        }
    }
}
