//! Ages, short enough for a column.

/// How long ago `since` was at `now` (both in ms since the epoch), in its largest unit: `3s`,
/// `12m`, `4h`, `2d`. Rounded down: an age never claims more than has passed. A time ahead of the
/// clock (another machine wrote it, or the clock was set back) is `0s`.
pub(crate) fn age(now: u64, since: u64) -> String {
    let seconds = now.saturating_sub(since) / 1000;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// In how many ms [`age`] says something else.
#[cfg(target_os = "linux")]
pub(crate) fn age_changes_in(now: u64, since: u64) -> u64 {
    let (second, minute, hour, day) = (1_000, 60_000, 3_600_000, 86_400_000);
    // While a time is ahead of the clock, it is one second old for ever.
    let Some(passed) = now.checked_sub(since) else { return since - now + second };
    let unit = match passed {
        0..60_000 => second,
        60_000..3_600_000 => minute,
        3_600_000..172_800_000 => hour,
        _ => day,
    };
    unit - passed % unit
}

/// The clock, in ms since the epoch; 0 if it stands before that.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_by_case() {
        let (second, minute, hour, day) = (1000, 60_000, 3_600_000, 86_400_000);
        let cases: &[(u64, &str)] = &[
            (0, "0s"),
            (999, "0s"),
            (3 * second, "3s"),
            (minute - 1, "59s"),
            (12 * minute, "12m"),
            (hour - 1, "59m"),
            (4 * hour, "4h"),
            // Up to two days in hours: "1d" would hide whether it was yesterday or the day before.
            (47 * hour, "47h"),
            (2 * day, "2d"),
            (400 * day, "400d"),
        ];
        for (passed, text) in cases {
            assert_eq!(age(1_795_239_570_805, 1_795_239_570_805 - passed), *text, "{passed} ms");
        }
        assert_eq!(age(5, 9000), "0s", "a time in the future");
        assert_eq!(age(u64::MAX, 0), "213503982334d", "the widest one");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_age_stays_until_it_changes() {
        for passed in [0, 999, 3_000, 59_999, 720_000, 3_599_999, 169_200_000, 172_800_000] {
            let (now, since) = (1_795_239_570_805, 1_795_239_570_805 - passed);
            let then = now + age_changes_in(now, since);
            assert_eq!(age(then - 1, since), age(now, since), "{passed} ms: not before");
            assert_ne!(age(then, since), age(now, since), "{passed} ms: and then");
        }
        assert_eq!(age_changes_in(5, 9000), 9995, "a time in the future");
    }
}
