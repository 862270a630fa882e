//! Signals as something to wait for.

use std::cell::RefCell;
use std::io::Read as _;
use std::os::unix::net::UnixStream;

use signal_hook::SigId;
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGWINCH};
use signal_hook::low_level::{pipe, unregister};

/// Those that end an attachment, or change the terminal. A raw terminal sends none of them for a
/// key: these come from elsewhere.
const TAKEN: [i32; 7] = [SIGWINCH, SIGTSTP, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM];

/// Each of them on a stream of its own. Their default actions are not given back: after an
/// attachment a program ends.
#[derive(Debug)]
pub(crate) struct Signals {
    taken: Vec<(i32, RefCell<UnixStream>, SigId)>,
    streams: Vec<UnixStream>,
}

impl Signals {
    pub(crate) fn take() -> std::io::Result<Self> {
        let mut signals = Self { taken: Vec::new(), streams: Vec::new() };
        for signal in TAKEN {
            let (read, write) = UnixStream::pair()?;
            read.set_nonblocking(true)?;
            write.set_nonblocking(true)?;
            signals.streams.push(read.try_clone()?);
            let id = pipe::register(signal, write)?;
            signals.taken.push((signal, RefCell::new(read), id));
        }
        Ok(signals)
    }

    /// Readable once one has come.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &UnixStream> {
        self.streams.iter()
    }

    /// Those that have come since this was asked last.
    pub(crate) fn pending(&self) -> Vec<i32> {
        let mut bytes = [0; 64];
        let has_come = |stream: &RefCell<UnixStream>, bytes: &mut [u8]| {
            stream.borrow_mut().read(bytes).is_ok_and(|read| read > 0)
        };
        let come = self.taken.iter().filter(|(_, stream, _)| has_come(stream, &mut bytes));
        come.map(|(signal, ..)| *signal).collect()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for (_, _, id) in &self.taken {
            unregister(*id);
        }
    }
}
