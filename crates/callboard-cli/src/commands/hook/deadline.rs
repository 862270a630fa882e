//! The end of a hook's patience, whatever it waits for: a lock that a stopped program holds, a
//! file system that does not answer.

use std::time::Duration;

use super::log::Log;

/// Longer than any work takes, also where fifty agents tell of something at once on two cores that
/// have other work: 50 ms lost one event in eight then, for no lock that was not let go. Shorter
/// than any agent waits.
///
/// In naps, not by the clock: on a machine so loaded that a nap lasts far too long, so does the
/// work of whoever holds the lock, and giving up would lose the event for nothing.
const NAPS: u32 = 40;
const NAP: Duration = Duration::from_millis(25);

/// Ends this process, as if all were done, unless it has ended before. What it was writing is then
/// as after a crash at that moment: the old record or the new one.
pub(super) fn start(log: &Log) {
    let log = log.clone();
    let nap = move || {
        (0..NAPS).for_each(|_| std::thread::sleep(NAP));
        log.say("nothing: it was held up, and gave up");
        std::process::exit(0);
    };
    // Where no thread can be had, there is no deadline either.
    _ = std::thread::Builder::new().stack_size(64 * 1024).spawn(nap);
}
