//! What is left of a session without a host.

use std::time::{Duration, Instant};

use callboard::process::Here;
use rustix::process::Signal;

use crate::error::Result;
use crate::hosted::Exit;
use crate::store::{RunFile, SessionDir};
use crate::system::{ignores, of_session, standing};

/// How long processes may take to be gone after they were killed.
const INSISTENCE: Duration = Duration::from_secs(1);

/// How a session ended whose host is gone. One that was killed has left no word; then what its
/// program has left behind is ended here.
pub(crate) fn ended(session: &SessionDir, grace: Duration) -> Result<Exit> {
    let deadline = Instant::now() + INSISTENCE;
    loop {
        if let Some(ended) = session.ended()? {
            return Ok(ended.exit);
        }
        // It says that it has ended, lets go of its socket, and only then of its lock.
        if !session.is_locked()? || Instant::now() >= deadline {
            break;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    if let Some(ended) = session.ended()? {
        return Ok(ended.exit);
    }
    if let Some(run) = session.run()?
        && is_unmistakable(&run)
    {
        end_session(run.program.pid, grace);
    }
    Ok(Exit::Lost)
}

/// Whether the number of the session still means that session: it was this boot and this PID
/// namespace, and no later process has it. While anybody is in the session, no later one gets it.
fn is_unmistakable(run: &RunFile) -> bool {
    let same_program = match standing(run.program.pid) {
        Some(found) => Some(found.start_ticks) == run.program.start_ticks,
        None => true,
    };
    run.is_of(&Here::detect()) && same_program
}

/// Asks, and after the grace insists.
fn end_session(session: u32, grace: Duration) {
    for member in of_session(session) {
        member.signal(if ignores(member.pid, Signal::TERM) { Signal::HUP } else { Signal::TERM });
        member.signal(Signal::CONT);
    }
    let asked = Instant::now();
    while asked.elapsed() < grace + INSISTENCE {
        let left = of_session(session);
        if left.is_empty() {
            return;
        }
        if asked.elapsed() >= grace {
            left.iter().for_each(|member| member.signal(Signal::KILL));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
