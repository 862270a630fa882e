//! When an event happened, as near as can be known.

use rustix::time::{ClockId, clock_gettime};

use crate::output::age::now;

/// Events told longer ago than this are not believed: a clock was set.
const LATEST: u64 = 60 * 60 * 1000;

/// When the event happened, in ms since the epoch: as the agent says, unless that cannot be (a time
/// in the future would keep out every event until then); else when it started this process, which
/// began to run at `began`.
///
/// On a loaded machine, or behind a login shell, much may happen in between, and events that run
/// side by side would change places.
pub(super) fn of_event(said: Option<u64>, began: u64) -> u64 {
    let is_possible = |said: &u64| *said <= began && began - said < LATEST;
    said.filter(is_possible).unwrap_or_else(|| match age() {
        Some(age) => started(began, now(), age),
        None => began,
    })
}

/// When this process was started at the latest, having been there for `age` at `now`. A clock that
/// is set between the two looks changes nothing for the worse.
fn started(began: u64, now: u64, age: u64) -> u64 {
    if age < LATEST { now.saturating_sub(age).min(began) } else { began }
}

/// How long this process has been there for at least, in ms. The system counts in ticks, of 10 ms
/// mostly: it started before the end of the tick that it names.
#[cfg(target_os = "linux")]
fn age() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The name of the program is in parentheses and may hold anything; proc_pid_stat(5), field 22.
    let ticks: u64 = stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()?;
    let end_of_tick = (ticks + 1) * 1000 / rustix::param::clock_ticks_per_second();
    let up = clock_gettime(ClockId::Boottime);
    let up = u64::try_from(up.tv_sec).ok()? * 1000 + u64::try_from(up.tv_nsec).ok()? / 1_000_000;
    Some(up.saturating_sub(end_of_tick))
}

#[cfg(not(target_os = "linux"))]
fn age() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_time_that_its_agent_says_if_that_can_be() {
        let began = 1_795_239_552_092;
        for (said, expected) in
            [(began - 7, began - 7), (began, began), (began - LATEST + 1, began - LATEST + 1)]
        {
            assert_eq!(of_event(Some(said), began), expected);
        }
        // Else that of this process, which has been there for a while.
        for said in [None, Some(began + 1), Some(u64::MAX), Some(began - LATEST), Some(0)] {
            assert!(of_event(said, began) <= began, "{said:?}");
            assert!(of_event(said, began) > began - LATEST, "{said:?}");
        }
    }

    #[test]
    fn the_process_started_before_it_began_to_run() {
        let began = 1_000_000_000;
        // What came between beginning and looking is not taken off twice.
        for (now, age, expected) in [
            (began, 0, began),
            (began + 5, 0, began),
            (began + 5, 4, began),
            (began + 5, 205, began - 200),
            (began + 5, LATEST, began),
        ] {
            assert_eq!(started(began, now, age), expected, "{age} at {now}");
        }
    }
}
