//! What the commands share that stay on and listen.

use std::time::Duration;

use callboard_agents::{Board, BoardWatch};
use rustix::process::{Resource, getrlimit, setrlimit};

use crate::context::{Context, complain_on_one_line};
use crate::failure::Failure;

/// Starts to watch the board, and reads what is there.
pub(crate) fn start_silently(context: &Context) -> Result<(Board, BoardWatch), Failure> {
    let sources = context.sources()?;
    raise_the_limit_of_descriptors();
    Ok(BoardWatch::start(sources)?)
}

/// Starts to watch the board; tells what cannot be read.
pub(crate) fn start(context: &Context) -> Result<BoardWatch, Failure> {
    let (board, watch) = start_silently(context)?;
    board.problems.iter().for_each(complain_on_one_line);
    Ok(watch)
}

/// A watch holds a descriptor for each living session, and the usual limit is 1,024 for the sake
/// of programs that use select(2), which this one does not.
fn raise_the_limit_of_descriptors() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused, some sessions are looked at now and then instead.
    _ = setrlimit(Resource::Nofile, limit);
}

/// A length of time on the command line.
pub(crate) fn timeout(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
    let friendly = || text.parse::<jiff::SignedDuration>().ok()?.try_into().ok();
    seconds
        .or_else(friendly)
        .ok_or_else(|| "not a length of time; write 90s, 5m or 1h 30m".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_by_case() {
        for (text, ms) in [
            ("90s", Some(90_000)),
            ("5m", Some(300_000)),
            ("1h 30m", Some(5_400_000)),
            ("500ms", Some(500)),
            ("2", Some(2_000)),
            ("0.25", Some(250)),
            ("0", Some(0)),
            ("-1", None),
            ("-5s", None),
            ("soon", None),
            ("", None),
            ("NaN", None),
        ] {
            assert_eq!(timeout(text).ok(), ms.map(Duration::from_millis), "{text}");
        }
    }
}
