//! Of what to tell, and when. Pure: statuses and a clock go in, what is to be told comes out.
//!
//! What a session says it is counts once it has lasted for the settling time; until then it still
//! is what it was. So a question that is answered at once has never been one, and a wait that is
//! interrupted for a moment is one wait.
//!
//! What is to be told is first held against the user's eyes, with [`look`]: who looks at the
//! session is not told; who may look at it is told when it has turned out that nobody did, if it is
//! still so. Nothing is lost by that, only late.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::Edge;

/// A time in ms, on one clock that never goes back.
pub(super) type Ms = u64;

/// What a session is, as far as telling goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doing {
    /// It waits for the user.
    Waits,
    /// It works, or something that it has started does.
    Works,
    /// It is idle.
    Rests,
    /// It does not say, or may not run.
    Silent,
    /// It has died.
    Dead,
}

/// What somebody wants to be told of.
#[derive(Clone, Debug)]
pub(super) struct Wishes {
    pub(super) on: Vec<Edge>,
    pub(super) idle_after: Duration,
    pub(super) settle: Duration,
}

/// Whether somebody looks at a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eyes {
    /// Nobody does.
    Away,
    /// Somebody has typed there since.
    Seen,
    /// Somebody typed there shortly before; until then it is not known.
    Perhaps(Ms),
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling<K> {
    pub(super) key: K,
    pub(super) edge: Edge,
    /// How long it has worked, before it was idle.
    pub(super) worked: Duration,
}

/// What was last known of each session.
#[derive(Debug)]
pub(super) struct Rule<K> {
    wishes: Wishes,
    sessions: BTreeMap<K, Known>,
}

/// One session.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// What it has been for long enough to count, and since when.
    is: (Doing, Ms),
    /// What it has become since then and may not stay.
    becomes: Option<(Doing, Ms)>,
    /// How long it has worked since it was last idle, up to the time when it became what it is.
    worked: Ms,
    /// What is to be told of it.
    held: Option<Held>,
}

/// What is to be told, when it happened, and when to look whether somebody has seen it.
#[derive(Clone, Copy, Debug)]
struct Held {
    edge: Edge,
    at: Ms,
    worked: Ms,
    due: Ms,
}

impl<K: Ord + Clone> Rule<K> {
    pub(super) fn new(wishes: Wishes) -> Self {
        Self { wishes, sessions: BTreeMap::new() }
    }

    /// A session that was there before: what it is already, is no news.
    pub(super) fn begin(&mut self, key: K, doing: Doing, since: Ms) {
        let known = Known { is: (doing, since), becomes: None, worked: 0, held: None };
        self.sessions.insert(key, known);
    }

    /// What a session says it is, at `now` and since then.
    pub(super) fn see(&mut self, key: K, doing: Doing, now: Ms) {
        self.settle(now);
        if !self.sessions.contains_key(&key) {
            self.begin(key.clone(), Doing::Silent, now);
        }
        let Some(known) = self.sessions.get_mut(&key) else { return };
        known.becomes = match known.becomes {
            _ if known.is.0 == doing => None,
            Some((before, since)) if before == doing => Some((doing, since)),
            _ => Some((doing, now)),
        };
        // Nothing to wait for: it does not come back from that.
        if doing == Doing::Dead {
            known.turn(&self.wishes, now);
        }
        self.settle(now);
    }

    /// A session has another key from now on.
    pub(super) fn rename(&mut self, before: &K, key: K) {
        if let Some(known) = self.sessions.remove(before) {
            self.sessions.insert(key, known);
        }
    }

    /// A session has signed out, or it is not known how it ended.
    pub(super) fn forget(&mut self, key: &K) {
        self.sessions.remove(key);
    }

    /// When [`Rule::told_by`] may have something to say.
    pub(super) fn due(&self) -> Option<Ms> {
        let settle = millis(self.wishes.settle);
        let when = |known: &Known| match (known.becomes, known.held) {
            (Some((_, since)), _) => Some(since.saturating_add(settle)),
            (None, held) => held.map(|held| held.due),
        };
        self.sessions.values().filter_map(when).min()
    }

    /// What is to be told at `now`; `eyes` says whether somebody looks at a session since a time.
    pub(super) fn told_by(
        &mut self,
        now: Ms,
        mut eyes: impl FnMut(&K, Ms) -> Eyes,
    ) -> Vec<Telling<K>> {
        self.settle(now);
        let mut told = Vec::new();
        for (key, known) in &mut self.sessions {
            // Of what has just become something else, the next settling decides.
            let Some(held) = known.held.filter(|held| held.due <= now && known.becomes.is_none())
            else {
                continue;
            };
            known.held = match eyes(key, held.at) {
                Eyes::Perhaps(due) if due > now => Some(Held { due, ..held }),
                Eyes::Seen => None,
                Eyes::Away | Eyes::Perhaps(_) => {
                    let (key, worked) = (key.clone(), Duration::from_millis(held.worked));
                    told.push(Telling { key, edge: held.edge, worked });
                    None
                }
            };
        }
        self.sessions.retain(|_, known| known.is.0 != Doing::Dead || known.held.is_some());
        told
    }

    /// What has lasted for long enough, counts.
    fn settle(&mut self, now: Ms) {
        let settle = millis(self.wishes.settle);
        for known in self.sessions.values_mut() {
            if known.becomes.is_some_and(|(_, since)| since.saturating_add(settle) <= now) {
                known.turn(&self.wishes, now);
            }
        }
    }
}

impl Known {
    /// What it becomes, it is. What was held of what it was, is over.
    fn turn(&mut self, wishes: &Wishes, now: Ms) {
        let Some((doing, at)) = self.becomes.take() else { return };
        let (was, since) = std::mem::replace(&mut self.is, (doing, at));
        if was == Doing::Works {
            self.worked += at.saturating_sub(since);
        }
        let worked = self.worked;
        if matches!(doing, Doing::Rests | Doing::Silent) {
            self.worked = 0;
        }
        let edge = match doing {
            Doing::Waits => Some(Edge::Waiting),
            // Work that ended in a question has been told of by the question.
            Doing::Rests if was == Doing::Works && worked >= millis(wishes.idle_after) => {
                Some(Edge::Idle)
            }
            Doing::Dead => Some(Edge::Died),
            _ => None,
        };
        let edge = edge.filter(|edge| wishes.on.contains(edge));
        self.held = edge.map(|edge| Held { edge, at, worked, due: now });
    }
}

fn millis(time: Duration) -> Ms {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What the last key that was typed where a session is shown says of something that happened
/// there `at` a time. `grace` is how long after a key somebody is taken to be there still.
pub(super) fn look(at: Ms, now: Ms, typed: Option<Ms>, grace: Duration) -> Eyes {
    let Some(typed) = typed.filter(|_| !grace.is_zero()) else { return Eyes::Away };
    let until = typed.saturating_add(millis(grace));
    match () {
        () if typed > at => Eyes::Seen,
        () if until > now => Eyes::Perhaps(until),
        () => Eyes::Away,
    }
}

#[cfg(test)]
mod tests;
