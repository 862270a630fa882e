//! Standard input of a hook: one JSON object, of an agent that may never close the pipe.

use std::time::{Duration, Instant};

use callboard_agents::hook::Extent;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// As much of an object is kept. What an agent's tool returned may be much longer; what counts
/// here stands before it.
const MAX_KEPT: usize = 1 << 20;

/// How long the agent may take to write the whole of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// The object, or as many of its members as were kept whole. Takes all of it off the pipe: an agent
/// that cannot write on would say that its hook failed.
pub(super) fn read() -> Result<Vec<u8>, String> {
    let stdin = rustix::stdio::stdin();
    if rustix::termios::isatty(stdin) {
        return Err("standard input is a terminal, not an agent".into());
    }
    let until = Instant::now() + PATIENCE;
    let mut extent = Extent::keeping(MAX_KEPT);
    let mut kept = Vec::new();
    let mut seen = 0;
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        wait(until)?;
        let read = match rustix::io::read(stdin, &mut buffer) {
            Ok(read) => &buffer[..read],
            Err(Errno::INTR | Errno::AGAIN) => continue,
            Err(errno) => return Err(format!("standard input cannot be read: {errno}")),
        };
        seen += read.len();
        let room = MAX_KEPT - kept.len();
        kept.extend_from_slice(&read[..read.len().min(room)]);
        match extent.feed(read) {
            Some(end) if end <= kept.len() => kept.truncate(end),
            Some(_) => {}
            None if read.is_empty() => {}
            None => continue,
        }
        break;
    }
    if seen <= MAX_KEPT {
        return Ok(kept);
    }
    extent.close(kept).ok_or_else(|| "the event is longer than can be kept".into())
}

fn wait(until: Instant) -> Result<(), String> {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let timeout = Timespec::try_from(left).map_err(|error| error.to_string())?;
        let mut fds = [PollFd::from_borrowed_fd(rustix::stdio::stdin(), PollFlags::IN)];
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) => return Err("the agent did not write the whole event in time".into()),
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(format!("standard input cannot be waited for: {errno}")),
        }
    }
}
