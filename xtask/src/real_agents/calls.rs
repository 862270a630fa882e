//! What our hooks wrote down of the agent's calls (`CALLBOARD_HOOK_LOG`). Pure.

/// Between a hook's last change of the record, which the board may have read by then, and its line.
const LINE: u64 = 20;

/// When the agent had told a hook of this status for the last time before the board knew it: in ms
/// since the epoch, as all times here.
pub(super) fn last(log: &str, status: &str, since: u64, known: u64) -> Option<u64> {
    log.lines().rev().find_map(|line| {
        let (call, outcome) = line.split_once(": ")?;
        let news = outcome.strip_prefix("told of ").or_else(|| outcome.strip_prefix("signed in, "));
        let (call, took) = call.strip_suffix(" of them to hear it")?.rsplit_once(" after ")?;
        let (took, to_hear) = took.split_once(" ms, ")?;
        let (took, to_hear) = (took.parse::<u64>().ok()?, to_hear.parse().ok()?);
        let at: jiff::Timestamp = call.split(' ').next()?.parse().ok()?;
        let at = u64::try_from(at.as_millisecond()).ok()?;
        let says = news.is_some_and(|news| news.split(',').next() == Some(status));
        let is_it = says && (since..=known + LINE).contains(&at);
        is_it.then(|| at.saturating_sub(took.saturating_sub(to_hear)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_call_that_told_it_before_the_board_knew() {
        let log = "\
            2026-11-29T01:00:00.100Z qwen PreToolUse pid 7 session abc after 4 ms, 0 of them to hear it: told of busy\n\
            2026-11-29T01:00:00.200Z qwen Notification pid 7 session abc after 3 ms, 0 of them to hear it: told of waiting, permission prompt\n\
            2026-11-29T01:00:00.300Z qwen PostToolUse pid 7 session abc after 12 ms, 3 of them to hear it: told of busy\n\
            2026-11-29T01:00:00.310Z qwen PostToolUse pid 7 session abc after 2 ms, 0 of them to hear it: nothing: it is on record already\n\
            2026-11-29T01:00:00.900Z qwen SessionStart pid 7 session abc after 2 ms, 0 of them to hear it: signed in, idle\n";
        let hour = 1_795_914_000_000;
        let cases = [
            ("busy", 0, 295, Some(291)),
            ("busy", 0, 305, Some(291)),
            ("busy", 0, 200, Some(96)),
            ("busy", 150, 200, None),
            ("waiting", 0, 205, Some(197)),
            ("idle", 0, 901, Some(898)),
            ("idle", 0, 700, None),
        ];
        for (status, since, known, expected) in cases {
            let found = last(log, status, hour + since, hour + known);
            assert_eq!(found, expected.map(|at| hour + at), "{status} {since} {known}");
        }
        for log in [
            "",
            "x",
            "a: b",
            "2026-11-29T01:00:00Z x after y ms, 0 of them to hear it: told of busy",
        ] {
            assert_eq!(last(log, "busy", 0, u64::MAX - LINE), None, "{log}");
        }
    }
}
