//! Whether the board showed a state, and how long after the agent's own edge. Nothing here looks
//! at anything but samples.

use super::state::State;

/// What the board may take from the edge on.
pub(super) const TOLERANCE: u64 = 250;

/// How much of it may be left when an agent calls its hook, for the agent to be what was late: it
/// takes this long to start one and to ask the board on two processors that have other work.
const LEFT: u64 = 50;

/// What is compared of one row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) pid: u32,
    pub(super) status: Option<String>,
    pub(super) from: Option<String>,
    pub(super) session_id: Option<String>,
    /// Not proven dead.
    pub(super) listed: bool,
}

/// What the board said from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sample {
    /// When `ps` had said it, in ms since the epoch.
    pub(super) at: u64,
    /// The rows of the agent that is looked at.
    pub(super) rows: Vec<Shown>,
}

/// What the board must show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) state: State,
    /// The conversation before, where there has to be another one.
    pub(super) not_id: Option<String>,
}

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Right from so many ms after the edge on, by whom.
    Right { after: u64, from: String },
    /// Right, but later than it may be; how long after the edge the agent told it to a hook, if that
    /// is where the board has it from.
    Late { after: u64, from: String, told: Option<u64> },
    /// Nothing was claimed: the session is there and has no status.
    Silent,
    /// Something else was shown in the end.
    Wrong { shown: String },
    /// The agent could not be brought there.
    NotTried { why: String },
}

impl Outcome {
    pub(super) fn is_right(&self) -> bool {
        matches!(self, Self::Right { .. })
    }

    /// When the agent told it, if it did so too late for anybody to be in time.
    pub(super) fn late_word(&self) -> Option<u64> {
        let Self::Late { after, told, .. } = self else { return None };
        told.filter(|told| told + LEFT >= TOLERANCE && after.saturating_sub(*told) <= LEFT)
    }

    /// The worse of two, to be told of both.
    pub(super) fn worse(self, other: Self) -> Self {
        if other.rank() > self.rank() { other } else { self }
    }

    fn rank(&self) -> (u8, u64) {
        match self {
            Self::Right { after, .. } => (0, *after),
            Self::Late { after, .. } if self.late_word().is_some() => (1, *after),
            Self::Late { after, .. } => (2, *after),
            Self::Silent => (3, 0),
            Self::Wrong { .. } => (4, 0),
            Self::NotTried { .. } => (5, 0),
        }
    }
}

/// In a word, what a sample says of the agent.
pub(super) fn word(rows: &[Shown]) -> String {
    let mut listed = rows.iter().filter(|row| row.listed);
    match (listed.next(), listed.next()) {
        (None, _) => "not listed".to_owned(),
        (Some(row), None) => row.status.clone().unwrap_or_else(|| "no status".to_owned()),
        (Some(_), Some(_)) => format!("{} rows", rows.iter().filter(|row| row.listed).count()),
    }
}

impl Wanted {
    /// Whether a sample shows it.
    pub(super) fn is_met(&self, rows: &[Shown]) -> bool {
        let Some(status) = self.state.status() else {
            return !rows.iter().any(|row| row.listed);
        };
        let mut listed = rows.iter().filter(|row| row.listed);
        let (Some(row), None) = (listed.next(), listed.next()) else { return false };
        let other = self.not_id.is_none() || row.session_id != self.not_id;
        row.status.as_deref() == Some(status) && other
    }
}

/// Judges the samples from before the edge to the end of what was watched.
///
/// It counts from when the board is right for good: what is right, then wrong, then right again
/// was not known the first time.
pub(super) fn judge(samples: &[Sample], edge: u64, wanted: &Wanted) -> Outcome {
    let Some(last) = samples.last() else {
        return Outcome::NotTried { why: "the board was not asked".to_owned() };
    };
    let known = samples.iter().any(|sample| sample.rows.iter().any(|row| row.listed));
    if wanted.state.status().is_none() && !known {
        // Who was never there is not gone, either.
        return Outcome::Wrong { shown: word(&[]) };
    }
    if !wanted.is_met(&last.rows) {
        let unspoken = word(&last.rows) == "no status" && wanted.state.status().is_some();
        if unspoken {
            return Outcome::Silent;
        }
        let same = wanted.not_id.is_some() && Some(&*word(&last.rows)) == wanted.state.status();
        let shown = if same { "the old session id".to_owned() } else { word(&last.rows) };
        return Outcome::Wrong { shown };
    }
    let right = samples.iter().rev().take_while(|sample| wanted.is_met(&sample.rows));
    let since = right.last().map_or(last.at, |sample| sample.at);
    let after = since.saturating_sub(edge);
    let from = last.rows.iter().find_map(|row| row.from.clone()).unwrap_or_default();
    if after <= TOLERANCE {
        Outcome::Right { after, from }
    } else {
        Outcome::Late { after, from, told: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: &str, id: &str) -> Shown {
        let status = Some(status.to_owned()).filter(|s| !s.is_empty());
        let from = status.as_ref().map(|_| "hook".to_owned());
        Shown { pid: 7, status, from, session_id: Some(id.to_owned()), listed: true }
    }

    /// Samples from `time status` in short: `0 idle, 120 busy`.
    fn samples(text: &str) -> Vec<Sample> {
        let one = |text: &str| {
            let mut words = text.trim().split(' ');
            let at = words.next().unwrap().parse().unwrap();
            let rows = words.filter(|word| *word != "gone").map(|word| match word {
                "silent" => row("", "a"),
                "dead" => Shown { listed: false, ..row("idle", "a") },
                "new" => row("idle", "b"),
                "other-busy" => row("busy", "b"),
                status => row(status, "a"),
            });
            Sample { at, rows: rows.collect() }
        };
        text.split(',').map(one).collect()
    }

    #[test]
    fn outcomes_by_case() {
        let right = |after| Outcome::Right { after, from: "hook".to_owned() };
        let late = |after| Outcome::Late { after, from: "hook".to_owned(), told: None };
        let wrong = |shown: &str| Outcome::Wrong { shown: shown.to_owned() };
        let gone = |after| Outcome::Right { after, from: String::new() };
        let cases = [
            ("known before the agent's edge", State::Busy, "0 idle, 90 busy", right(0)),
            ("in time, to the last ms", State::Busy, "0 idle, 350 busy", right(250)),
            ("one ms too late", State::Busy, "0 idle, 351 busy", late(251)),
            ("never", State::Busy, "0 idle", wrong("idle")),
            ("honestly absent", State::Busy, "0 idle, 110 silent", Outcome::Silent),
            ("right, then wrong", State::Busy, "0 idle, 110 busy, 400 idle", wrong("idle")),
            (
                "for good only the second time",
                State::Busy,
                "0 idle, 110 busy, 200 idle, 390 busy",
                late(290),
            ),
            (
                "right, and more known later",
                State::Busy,
                "0 idle, 110 busy, 390 other-busy",
                right(10),
            ),
            ("right all the time", State::Done, "0 idle", right(0)),
            ("counted twice", State::Busy, "0 idle, 110 busy busy", wrong("2 rows")),
            ("not on the board", State::Busy, "0 gone", wrong("not listed")),
            ("a dead row beside it", State::Busy, "110 dead busy", right(10)),
            ("ended, and never known", State::Ended, "0 gone", wrong("not listed")),
            ("ended, record removed", State::Ended, "0 idle, 120 gone", gone(20)),
            ("ended, shown as dead", State::Ended, "0 idle, 120 dead", right(20)),
            ("ended, still there", State::Ended, "0 idle", wrong("idle")),
            ("ended, still there without a status", State::Ended, "0 silent", wrong("no status")),
        ];
        for (name, state, text, expected) in cases {
            let wanted = Wanted { state, not_id: None };
            assert_eq!(judge(&samples(text), 100, &wanted), expected, "{name}: {text}");
        }
        let wanted = Wanted { state: State::Cleared, not_id: Some("a".to_owned()) };
        let cleared = |text| judge(&samples(text), 100, &wanted);
        assert_eq!(cleared("0 idle, 120 new"), right(20));
        assert_eq!(cleared("0 idle"), wrong("the old session id"));
        assert_eq!(cleared("0 busy"), wrong("busy"));
        assert!(matches!(judge(&[], 100, &wanted), Outcome::NotTried { .. }));
    }

    #[test]
    fn an_agent_is_late_if_nobody_could_have_been_in_time_after_its_word() {
        for (after, told, expected) in [
            (683, Some(670), Some(670)),
            (251, Some(240), Some(240)),
            (251, Some(201), Some(201)),
            // There was time enough.
            (251, Some(199), None),
            // It was late, and so was the board.
            (683, Some(600), None),
            (683, None, None),
        ] {
            let outcome = Outcome::Late { after, from: "hook".to_owned(), told };
            assert_eq!(outcome.late_word(), expected, "{outcome:?}");
        }
        assert_eq!(Outcome::Silent.late_word(), None);
    }

    #[test]
    fn the_worse_of_two_is_told() {
        let right = |after| Outcome::Right { after, from: String::new() };
        let late = Outcome::Late { after: 900, from: String::new(), told: None };
        let by_agent = Outcome::Late { after: 950, from: String::new(), told: Some(940) };
        let wrong = Outcome::Wrong { shown: "idle".to_owned() };
        let cases = [
            (right(3), right(9), right(9)),
            (right(9), right(3), right(9)),
            (right(3), late.clone(), late.clone()),
            (right(3), by_agent.clone(), by_agent.clone()),
            (late.clone(), by_agent.clone(), late.clone()),
            (late.clone(), Outcome::Silent, Outcome::Silent),
            (wrong.clone(), Outcome::Silent, wrong.clone()),
        ];
        for (one, other, expected) in cases {
            assert_eq!(one.clone().worse(other.clone()), expected, "{one:?} {other:?}");
        }
    }
}
