//! A sparkline as characters.

use callboard_agents::transcript::Recent;

/// From one eighth of a line to a whole one.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// So many events in one interval are worth a whole line, unless another interval has more.
const BUSY: u16 = 16;

/// Where it is not known what happened: the file was not read so far back.
const UNKNOWN: char = '·';

/// One character for each interval, the oldest first; a space where nothing happened.
///
/// The tallest is the busiest interval of this session, so that the shape shows whatever its
/// scale; a session with few events has low bars all the same.
pub(crate) fn bars(recent: &Recent) -> String {
    let sparkline = &recent.sparkline;
    let top = sparkline.counts.iter().copied().max().unwrap_or(0).max(BUSY);
    let bar = |count: u16| match count {
        0 => ' ',
        count => BARS[usize::from(count - 1) * BARS.len() / usize::from(top)],
    };
    let unknown = |nth: usize| {
        let end = sparkline.since() + sparkline.interval_ms * (nth as u64 + 1);
        recent.known_since.is_some_and(|since| end <= since)
    };
    let all = sparkline.counts.iter().enumerate();
    all.map(|(nth, count)| if unknown(nth) { UNKNOWN } else { bar(*count) }).collect()
}

#[cfg(test)]
mod tests {
    use callboard_agents::activity::Sparkline;

    use super::*;

    #[test]
    fn bars_by_count() {
        for (counts, drawn) in [
            (&[][..], "            "),
            (&[1], "▁           "),
            (&[1, 2, 3, 4, 8, 9, 15, 16], "▁▁▂▂▄▅██    "),
            (&[1, 100, 99, 50, 12, 13], "▁██▄▁▁      "),
            (&[u16::MAX, 1], "█▁          "),
        ] {
            let mut sparkline = Sparkline::new(0, 1);
            sparkline.counts[..counts.len()].copy_from_slice(counts);
            assert_eq!(bars(&Recent::new(sparkline)), drawn, "{counts:?}");
        }
        let mut recent = Recent::new(Sparkline::new(1_000, 10));
        recent.known_since = Some(980);
        assert_eq!(bars(&recent), "··········  ", "the last two are read, and quiet");
    }
}
