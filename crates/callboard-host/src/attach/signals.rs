//! Signals as something to wait for.

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::low_level::{pipe, unregister};
use signal_hook::{SigId, flag};

/// Those that end an attachment, or change the terminal. A raw terminal sends none of them for a
/// key: these come from elsewhere.
const TAKEN: [i32; 7] = [SIGWINCH, SIGTSTP, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// All of them on one stream: it is waited for twice for each key, and seven would cost that seven
/// times. Their default actions are not given back: after an attachment a program ends.
#[derive(Debug)]
pub(crate) struct Signals {
    stream: UnixStream,
    come: Vec<(i32, Arc<AtomicBool>)>,
    registered: Vec<SigId>,
}

impl Signals {
    pub(crate) fn take() -> std::io::Result<Self> {
        let (stream, write) = UnixStream::pair()?;
        stream.set_nonblocking(true)?;
        write.set_nonblocking(true)?;
        let mut signals = Self { stream, come: Vec::new(), registered: Vec::new() };
        for signal in TAKEN {
            let has_come = Arc::new(AtomicBool::new(false));
            // In this order they are called: when the stream tells of it, it is there to be seen.
            signals.registered.push(flag::register(signal, Arc::clone(&has_come))?);
            signals.registered.push(pipe::register(signal, write.try_clone()?)?);
            signals.come.push((signal, has_come));
        }
        Ok(signals)
    }

    /// Readable once one has come.
    pub(crate) const fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Those that have come since this was asked last.
    pub(crate) fn pending(&self) -> Vec<i32> {
        // First: one that comes in between is told now, and rings for nothing later.
        let mut bytes = [0; 64];
        while (&self.stream).read(&mut bytes).is_ok_and(|read| read > 0) {}
        let come = self.come.iter().filter(|(_, come)| come.swap(false, Ordering::SeqCst));
        come.map(|(signal, _)| *signal).collect()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in &self.registered {
            unregister(*id);
        }
    }
}
