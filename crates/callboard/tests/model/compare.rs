//! The invariants: what a listing shows and what is in the directory, beside the model.

use std::collections::BTreeSet;
use std::fs;

use crate::model::{Model, Remains, Session, Standing, key_of};
use crate::operation::{Place, SLOTS, place};
use crate::seen::{Seen, SeenSession};
use crate::system::{STRAYS, System, id_of, is_stray, lock_stem};

impl System {
    pub(crate) fn compare(&self, seen: &Seen, model: &Model, from: Place) {
        let mut expected = 0;
        for slot in 0..SLOTS.len() {
            let Some(session) = &model.sessions[slot] else { continue };
            let found = seen.find(id_of(session));
            if session.standing != Standing::Here {
                assert!(found.is_none(), "{session:?} is {:?}: {seen:#?}", session.standing);
                continue;
            }
            expected += 1;
            let found = found.unwrap_or_else(|| panic!("missing: {session:?} in {seen:#?}"));
            assert_eq!(found.pid, self.pid(slot));
            // Nobody holds a lock for whom others have signed in.
            let provable = session.own || place(slot) == from;
            let right = found.verdict == "alive" || !provable && found.verdict == "unknown";
            assert!(right, "{session:?} from {from:?}: {found:#?}");
            same_content(session, found);
        }
        for dead in &model.dead {
            let found = seen.find(&dead.id);
            if let Some(found) = found {
                let provable = dead.place == from;
                let right = found.verdict == "dead" || !provable && found.verdict == "unknown";
                assert!(right, "a ghost, {dead:?} from {from:?}: {found:#?}");
                expected += 1;
            }
            let right = match dead.remains {
                Remains::Must => found.is_some(),
                Remains::May => true,
                Remains::MustNot => found.is_none(),
            };
            assert!(right, "{dead:?}: {found:#?}");
        }
        assert_eq!(seen.sessions.len(), expected, "{seen:#?}");
        let problems: BTreeSet<&str> = seen.problems.iter().map(|p| p.file.as_str()).collect();
        for spoiled in &self.spoiled {
            let named = seen.problems.iter().any(|p| p.file == *spoiled && p.hides_a_session);
            assert!(named, "{spoiled} hides a session and is not named: {seen:#?}");
        }
        let known = |name: &str| self.spoiled.contains(name) || is_stray(name);
        assert!(problems.iter().all(|name| known(name)), "{seen:#?}");
    }

    /// Nothing is in the directory that nobody answers for, and nobody has touched what was
    /// there before.
    pub(crate) fn nothing_strange(&self, seen: &Seen) {
        let names = self.home.names();
        for name in &names {
            let is_record = seen.sessions.iter().any(|s| s.file == *name);
            let is_lock = lock_stem(name).is_some_and(|stem| self.stems.contains(stem));
            let is_spare = name
                .strip_suffix(".spare")
                .and_then(|name| name.strip_prefix('.')?.split_once('.'))
                .is_some_and(|(stem, _)| self.stems.contains(stem));
            let is_litter = name.ends_with(".tmp")
                && self.killed_at_work.iter().any(|stem| name.starts_with(&format!(".{stem}.")));
            let expected = is_record
                || is_lock
                || is_spare
                || is_litter
                || is_stray(name)
                || self.spoiled.contains(name.as_str());
            assert!(expected, "{name} is litter, in {names:?} with {seen:#?}");
        }
        for (name, content) in STRAYS.iter().filter(|_| self.strays) {
            assert_eq!(fs::read_to_string(self.home.entry(name)).unwrap(), *content);
        }
    }
}

/// Every key that any operation writes is what it was last said to be, or not there.
fn same_content(session: &Session, found: &SeenSession) {
    let by = (0..=SLOTS.len()).map(key_of);
    let keys = ["sessionId", "name", "status", "waitingFor", "own", "theirs"];
    for key in keys.iter().map(|key| (*key).to_owned()).chain(by) {
        let expected = session.said.get(&key);
        assert_eq!(found.record.get(&key), expected, "{key} of {session:#?} in {found:#?}");
    }
}
