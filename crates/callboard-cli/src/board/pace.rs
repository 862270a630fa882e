//! How often to look at the board and to draw it, when changes come faster than anybody reads.

use std::time::{Duration, Instant};

/// Between two frames: 30 of them in a second.
const FRAME: Duration = Duration::from_millis(33);

/// What looking and drawing may take of one core: one part in so many.
const SHARE: u32 = 400;

/// A change is never seen later than this.
const LATEST: Duration = Duration::from_secs(1);

/// When the next look and the next frame may be. After a quiet time both are at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    looked: Instant,
    look: Instant,
    frame: Instant,
}

impl Pace {
    pub(super) fn new(now: Instant) -> Self {
        Self { looked: now, look: now, frame: now }
    }

    /// The board was looked at, which took so much time of the processor: its share is left alone
    /// before the next look.
    pub(super) fn looked(&mut self, now: Instant, cost: Duration) {
        self.looked = now;
        self.look = now + (cost * SHARE).clamp(FRAME, LATEST);
    }

    /// A frame was drawn. What it took is part of what the last look cost, unless that is long ago;
    /// but however many are drawn for a user's keys, the next look is not put off beyond its limit.
    pub(super) fn drew(&mut self, now: Instant, cost: Duration) {
        self.frame = now + FRAME;
        if self.look > now {
            self.look = (self.look + cost * SHARE).min(self.looked + LATEST);
        }
    }

    /// How long to leave the board alone; `None`: it may be looked at.
    pub(super) fn look_in(&self, now: Instant) -> Option<Duration> {
        left(self.look, now)
    }

    /// How long to wait with the next frame; `None`: it may be drawn.
    pub(super) fn frame_in(&self, now: Instant) -> Option<Duration> {
        left(self.frame, now)
    }
}

fn left(then: Instant, now: Instant) -> Option<Duration> {
    then.checked_duration_since(now).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn rests_by_what_it_cost() {
        let now = Instant::now();
        assert_eq!(Pace::new(now).look_in(now), None, "the first change is seen at once");
        // (cost of the look, costs of frames after it, rest), in ms.
        for (look, frames, rest) in [
            (0, &[][..], 33),
            (1, &[], 400),
            (1, &[1], 800),
            (50, &[], 1000),
            (1, &[1, 1, 1, 1], 1000),
        ] {
            let mut pace = Pace::new(now);
            pace.looked(now, ms(look));
            frames.iter().for_each(|cost| pace.drew(now, ms(*cost)));
            assert_eq!(pace.look_in(now), Some(ms(rest)), "{look} {frames:?}");
            assert_eq!(pace.look_in(now + ms(rest)), None, "{look} {frames:?}");
        }
    }

    #[test]
    fn frames_do_not_put_off_a_look_for_ever() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        pace.looked(now, ms(1));
        let limit = now + LATEST;
        while now < limit {
            pace.drew(now, ms(5));
            now += FRAME;
        }
        assert_eq!(pace.look_in(now), None);
        // After a quiet time, what a key draws delays nothing.
        pace.drew(now, ms(5));
        assert_eq!(pace.look_in(now), None);
    }

    #[test]
    fn thirty_frames_a_second() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        assert_eq!(pace.frame_in(now), None);
        pace.drew(now, ms(1));
        assert_eq!(pace.frame_in(now), Some(FRAME));
        assert_eq!(pace.frame_in(now + FRAME), None);
    }
}
