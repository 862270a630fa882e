//! Signals as bytes on a socket, which a loop waits for.

use std::io::{self, Read as _};
use std::os::unix::net::UnixStream;

use signal_hook::SigId;

/// Where a byte comes for each of these signals from now on, and what takes that back.
pub(crate) fn heard_on_a_stream(signals: &[i32]) -> io::Result<(UnixStream, Vec<SigId>)> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    write.set_nonblocking(true)?;
    let register = |signal| signal_hook::low_level::pipe::register(signal, write.try_clone()?);
    let registered = signals.iter().copied().map(register).collect::<io::Result<_>>()?;
    Ok((read, registered))
}

/// Reads what signals have left there.
pub(crate) fn drain(mut stream: &UnixStream) {
    while stream.read(&mut [0; 64]).is_ok_and(|read| read > 0) {}
}
