//! What somebody waits for, and whether it has come. Pure: rows go in.

use callboard::Status;
use callboard_agents::Row;

/// What is waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// The end of the session.
    Gone,
    /// A status.
    Status(Status),
}

impl From<&str> for Goal {
    fn from(word: &str) -> Self {
        match word {
            "gone" => Self::Gone,
            word => Self::Status(Status::from(word)),
        }
    }
}

/// How far one of the sessions is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Not there yet.
    Waiting,
    /// There: by this word.
    Reached(String),
    /// The session ended before.
    Ended,
}

/// One session that is waited for.
#[derive(Clone, Debug)]
pub(crate) struct Awaited {
    goals: Vec<Goal>,
    /// Up to this write of its record nothing counts.
    since: Option<u64>,
    progress: Progress,
}

impl Awaited {
    /// Begins with what the session is now. With `from_now` a status that it has already does not
    /// count: it must take it on again.
    pub(crate) fn new(goals: &[Goal], row: &Row, from_now: bool) -> Self {
        let since = row.seq();
        let mut awaited = Self { goals: goals.to_vec(), since, progress: Progress::Waiting };
        if !from_now {
            awaited.look(row);
        }
        awaited
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The session as it is now; `changed` says whether its status is what changed.
    pub(crate) fn see(&mut self, row: &Row, changed: bool) {
        if changed {
            self.look(row);
            self.look_back(row);
        }
    }

    /// The session is over.
    pub(crate) fn end(&mut self) {
        if self.progress == Progress::Waiting {
            let wanted = self.goals.contains(&Goal::Gone);
            self.progress = if wanted { Progress::Reached("gone".into()) } else { Progress::Ended };
        }
    }

    fn look(&mut self, row: &Row) {
        let has = |goal: &&Goal| matches!(goal, Goal::Status(status) if row.status.as_ref() == Some(status));
        self.reach(self.goals.iter().find(has).cloned());
    }

    /// A status that came and went before anybody could look has left its number.
    fn look_back(&mut self, row: &Row) {
        let Some(since) = self.since else { return };
        let was = |goal: &&Goal| matches!(goal, Goal::Status(status) if row.reached(status).is_some_and(|at| at > since));
        self.reach(self.goals.iter().find(was).cloned());
    }

    fn reach(&mut self, goal: Option<Goal>) {
        if let (Progress::Waiting, Some(Goal::Status(status))) = (&self.progress, goal) {
            self.progress = Progress::Reached(status.as_str().to_owned());
        }
    }
}

/// What has come of all of them together; `None`: go on waiting.
pub(crate) fn outcome<'p>(
    all: impl Iterator<Item = &'p Progress> + Clone,
    any: bool,
) -> Option<bool> {
    let reached = all.clone().filter(|one| matches!(one, Progress::Reached(_))).count();
    let ended = all.clone().filter(|one| **one == Progress::Ended).count();
    let count = all.count();
    match any {
        true if reached > 0 => Some(true),
        true if ended == count => Some(false),
        false if ended > 0 => Some(false),
        false if reached == count => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::row;

    fn session(status: &str, seq: u64, reached: &str) -> Row {
        row(&format!(
            r#"{{"pid":7,"status":"{status}","seq":{seq},"reached":"{reached}","statusUpdatedAt":1}}"#
        ))
    }

    #[test]
    fn one_session_by_case() {
        let until = |words: &[&str]| words.iter().map(|word| Goal::from(*word)).collect::<Vec<_>>();
        let before = session("busy", 5, "idle 3 busy 5");
        // (what for, from now on, what is seen, whether that is a change of status, how far it is)
        let reached = |word: &str| Progress::Reached(word.to_owned());
        let cases = [
            (&["busy"][..], false, None, false, reached("busy")),
            (&["busy"], true, None, false, Progress::Waiting),
            (&["idle"], false, None, false, Progress::Waiting),
            (&["idle"], false, Some(session("idle", 6, "busy 5 idle 6")), true, reached("idle")),
            // It was idle for less time than it takes to look.
            (&["idle"], false, Some(session("busy", 7, "idle 6 busy 7")), true, reached("idle")),
            // It was idle before, and not since.
            (&["idle"], false, Some(session("busy", 7, "idle 3 busy 7")), true, Progress::Waiting),
            (&["busy"], true, Some(session("busy", 7, "idle 6 busy 7")), true, reached("busy")),
            (&["busy"], true, Some(session("busy", 6, "idle 3 busy 5")), false, Progress::Waiting),
            (
                &["idle", "waiting"],
                true,
                Some(session("waiting", 6, "waiting 6")),
                true,
                reached("waiting"),
            ),
            (
                &["compacting"],
                false,
                Some(session("compacting", 6, "compacting 6")),
                true,
                reached("compacting"),
            ),
        ];
        for (words, from_now, seen, changed, progress) in cases {
            let mut awaited = Awaited::new(&until(words), &before, from_now);
            if let Some(seen) = &seen {
                awaited.see(seen, changed);
            }
            assert_eq!(*awaited.progress(), progress, "{words:?} {from_now} {seen:?}");
        }
        // A record that no number is in: another program's.
        let mut foreign =
            Awaited::new(&until(&["idle"]), &row(r#"{"pid":7,"status":"busy"}"#), true);
        foreign.see(&row(r#"{"pid":7,"status":"idle"}"#), true);
        assert_eq!(*foreign.progress(), reached("idle"));
    }

    #[test]
    fn the_end_is_what_was_waited_for_or_not() {
        let before = session("busy", 5, "busy 5");
        for (word, progress) in
            [("gone", Progress::Reached("gone".into())), ("idle", Progress::Ended)]
        {
            let mut awaited = Awaited::new(&[Goal::from(word)], &before, false);
            awaited.end();
            assert_eq!(*awaited.progress(), progress);
        }
        let mut done = Awaited::new(&[Goal::from("busy")], &before, false);
        done.end();
        assert_eq!(*done.progress(), Progress::Reached("busy".into()), "it was there before");
    }

    #[test]
    fn several_sessions_by_case() {
        let (w, r, e) = (Progress::Waiting, Progress::Reached("idle".into()), Progress::Ended);
        let cases = [
            (vec![&w, &r], true, Some(true)),
            (vec![&w, &r], false, None),
            (vec![&r, &r], false, Some(true)),
            (vec![&e, &w], true, None),
            (vec![&e, &e], true, Some(false)),
            (vec![&e, &r], true, Some(true)),
            (vec![&e, &w], false, Some(false)),
        ];
        for (all, any, expected) in cases {
            assert_eq!(outcome(all.iter().copied(), any), expected, "{all:?} {any}");
        }
    }
}
