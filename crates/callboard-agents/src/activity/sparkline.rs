//! How much happened lately, as numbers of events for each interval. Pure.

/// How many intervals a sparkline has.
pub const INTERVALS: usize = 12;

/// Events for each interval, up to now.
///
/// The intervals end at `until`; each is `interval_ms` long. An event of the future (another
/// machine's clock) counts as one of the last interval, an older one than the first not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sparkline {
    /// The end of the last interval, in ms since the epoch.
    pub until: u64,
    /// The length of each, in ms.
    pub interval_ms: u64,
    /// How many events each has, the oldest first. Stays at 65,535 where there are more.
    pub counts: [u16; INTERVALS],
}

impl Sparkline {
    /// One that knows of no event yet. An interval of 0 counts as one of 1 ms.
    #[must_use]
    pub fn new(until: u64, interval_ms: u64) -> Self {
        Self { until, interval_ms: interval_ms.max(1), counts: [0; INTERVALS] }
    }

    /// When the first interval begins, in ms since the epoch: no older event is of use.
    #[must_use]
    pub fn since(&self) -> u64 {
        self.until.saturating_sub(self.interval_ms.saturating_mul(INTERVALS as u64))
    }

    /// Counts an event of this time (ms since the epoch).
    pub fn count(&mut self, at: u64) {
        let ago = self.until.saturating_sub(at) / self.interval_ms;
        let nth = usize::try_from(ago).ok().and_then(|ago| (INTERVALS - 1).checked_sub(ago));
        if let Some(count) = nth.and_then(|nth| self.counts.get_mut(nth)) {
            *count = count.saturating_add(1);
        }
    }

    /// Whether nothing happened in all of it.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_fall_into_their_interval() {
        let last = INTERVALS - 1;
        // (event, interval) of 12 intervals of 10 ms that end at 1,000.
        let cases = [
            (1_000, Some(last)),
            (991, Some(last)),
            (990, Some(last - 1)),
            (881, Some(0)),
            (880, None),
            (0, None),
            (u64::MAX, Some(last)),
        ];
        for (at, interval) in cases {
            let mut sparkline = Sparkline::new(1_000, 10);
            sparkline.count(at);
            let counted = sparkline.counts.iter().position(|count| *count == 1);
            assert_eq!(counted, interval, "{at}");
            assert_eq!(sparkline.is_quiet(), interval.is_none(), "{at}");
        }
        let mut full = Sparkline::new(0, 0);
        full.counts[last] = u16::MAX;
        full.count(0);
        assert_eq!(full.counts[last], u16::MAX);
        assert_eq!(Sparkline::new(5, 10).since(), 0);
        assert_eq!(Sparkline::new(1_000, 10).since(), 880);
    }
}
