//! Signals as something to wait for.

use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};

/// Those that end the board, and those that change what it is shown on. In this order: the kernel
/// also continues whom it tells that the terminal is gone, and that is no time to draw.
const TAKEN: [i32; 7] = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT];

/// All of them, on one stream.
pub(super) struct Signals {
    read: UnixStream,
    come: Vec<(i32, Arc<AtomicBool>)>,
}

impl Signals {
    /// Their default actions are not given back: after the board the program ends.
    pub(super) fn take() -> io::Result<Self> {
        let (read, write) = UnixStream::pair()?;
        read.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let mut come = Vec::new();
        for signal in TAKEN {
            let flag = Arc::new(AtomicBool::new(false));
            // In this order: who reads the stream finds the flag.
            signal_hook::flag::register(signal, flag.clone())?;
            signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
            come.push((signal, flag));
        }
        Ok(Self { read, come })
    }

    /// Those that have come since this was asked last.
    pub(super) fn come(&mut self) -> Vec<i32> {
        while self.read.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
        let came = self.come.iter().filter(|(_, flag)| flag.swap(false, Ordering::SeqCst));
        came.map(|(signal, _)| *signal).collect()
    }

    /// As if these had not come.
    pub(super) fn forget(&mut self, signals: &[i32]) {
        for (_, flag) in self.come.iter().filter(|(signal, _)| signals.contains(signal)) {
            flag.store(false, Ordering::SeqCst);
        }
    }
}

impl AsFd for Signals {
    /// Readable once one has come.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
