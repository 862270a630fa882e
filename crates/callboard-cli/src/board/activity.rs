//! What happened lately in the conversations of the sessions on the screen: counts and names of
//! tools, never a text of them.
//!
//! A watch of the board reads a conversation only where a status hangs on it, so this is read
//! beside it: when a session comes into sight, after it has changed, and once a minute while its
//! sparkline has something that moves.

use std::collections::BTreeMap;

use callboard::{Problem, Status};
use callboard_agents::transcript::Depth;
use callboard_agents::{Board, Row, Sources};

use super::model::{Entry, Id, Model};

/// The length of an interval of the sparkline, in ms.
const MINUTE: u64 = 60_000;

/// How soon after a reading a change of the session is worth another, in ms.
const AGAIN: u64 = 5_000;

/// What a reading was of: another conversation or status is worth a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Of {
    session_id: Option<Box<str>>,
    status: Option<Status>,
    since: Option<u64>,
}

impl Of {
    fn row(row: &Row) -> Self {
        let (session_id, status) = (row.session_id.clone(), row.status.clone());
        Self { session_id, status, since: row.status_since }
    }
}

/// When each was read, in ms since the epoch, and as what.
#[derive(Debug, Default)]
pub(super) struct Activity {
    read: BTreeMap<Id, (u64, Of)>,
}

impl Activity {
    /// Reads those that are due; what could not be read.
    pub(super) fn refresh(
        &mut self,
        model: &mut Model,
        sources: &Sources,
        now: u64,
    ) -> Vec<Problem> {
        let due: Vec<(Id, Row)> = shown(model)
            .filter(|entry| self.due_at(entry).is_some_and(|at| at <= now))
            .map(|entry| (entry.id.clone(), entry.row.clone()))
            .collect();
        if due.is_empty() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for (id, row) in due {
            let of = Of::row(&row);
            let mut board = Board::of(row);
            board.consult(sources, Depth::Activity, now);
            problems.append(&mut board.problems);
            if let (Some(entry), Some(row)) = (model.entry_mut(&id), board.rows.pop()) {
                entry.row.recent = row.recent;
            }
            self.read.insert(id, (now, of));
        }
        self.read.retain(|id, _| model.entry(id).is_some());
        model.arrange();
        problems
    }

    /// In how many ms the next one is due.
    pub(super) fn due_in(&self, model: &Model, now: u64) -> Option<u64> {
        let due = shown(model).filter_map(|entry| self.due_at(entry)).min();
        due.map(|at| at.saturating_sub(now))
    }

    fn due_at(&self, entry: &Entry) -> Option<u64> {
        let Some((at, of)) = self.read.get(&entry.id) else { return Some(0) };
        if *of != Of::row(&entry.row) {
            return Some(at + AGAIN);
        }
        let recent = entry.row.recent.as_deref()?;
        let moves = !recent.sparkline.is_quiet() || entry.row.status == Some(Status::Busy);
        moves.then_some(at + MINUTE)
    }
}

fn shown(model: &Model) -> impl Iterator<Item = &Entry> {
    let pane = model.selected().filter(|_| model.areas().rows == 0);
    model.in_sight().chain(pane)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::board::order::Sort;
    use crate::view::filter::Filter;
    use crate::view::sample::{NOW, recent, row};

    fn of(text: &str) -> Model {
        let mut model = Model::new((80, 24), Filter::default(), Sort::default(), None);
        model.take_in(std::iter::once(row(text)), NOW);
        model
    }

    #[test]
    fn read_when_it_comes_changes_and_moves() {
        let idle = r#"{"pid":7,"sessionId":"a","status":"idle","statusUpdatedAt":1}"#;
        let busy = r#"{"pid":7,"sessionId":"a","status":"busy","statusUpdatedAt":2}"#;
        let mut model = of(idle);
        let mut activity = Activity::default();
        assert_eq!(activity.due_in(&model, NOW), Some(0), "it has come into sight");
        let id = model.entries[0].id.clone();
        activity.read.insert(id.clone(), (NOW, Of::row(&model.entries[0].row)));
        assert_eq!(activity.due_in(&model, NOW), None, "no conversation was found");
        model.entries[0].row.recent = Some(Box::new(recent(&[])));
        assert_eq!(activity.due_in(&model, NOW), None, "it is idle, and was");
        model.entries[0].row.recent = Some(Box::new(recent(&[(3, 1)])));
        assert_eq!(activity.due_in(&model, NOW + 10), Some(MINUTE - 10), "bars move on");
        model.take_in(std::iter::once(row(busy)), NOW);
        assert!(model.entries[0].row.recent.is_some(), "kept until it is read again");
        assert_eq!(activity.due_in(&model, NOW + 10), Some(AGAIN - 10));
        model.set_filter("nobody");
        assert_eq!(activity.due_in(&model, NOW + MINUTE), None, "out of sight");
    }
}
