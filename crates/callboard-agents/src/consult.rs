//! Asking the conversation files, where that is of use.

use callboard::{Problem, ProblemKind, Status};

use crate::activity::{Claim, Known, Said, Sparkline, decide, goes_on, wants_tail};
use crate::board::Board;
use crate::fields::Field;
use crate::processes::Proc;
use crate::row::{Row, StatusFrom};
use crate::sources::Sources;
use crate::transcript::{Depth, Reading};

/// How long each interval of [`Recent::sparkline`](crate::transcript::Recent::sparkline) is, in ms.
const INTERVAL_MS: u64 = 60_000;

impl Board {
    /// A board of one session, to [`consult`](Self::consult) only about it.
    #[must_use]
    pub fn of(row: Row) -> Self {
        Self { rows: vec![row], ..Self::default() }
    }

    /// Reads the ends of conversation files, and settles by them what each session is doing.
    ///
    /// With [`Depth::Status`] only those of sessions whose status they can change are looked for
    /// and opened: where every record says what its session is doing, nothing is. With
    /// [`Depth::Activity`] those of all sessions that may run are, for what happened in them
    /// lately. `now` is in ms since the epoch.
    ///
    /// A file that cannot be read is one more of [`problems`](Self::problems); its session stays
    /// as its records say.
    pub fn consult(&mut self, sources: &Sources, depth: Depth, now: u64) {
        let sparkline = Sparkline::new(now, INTERVAL_MS);
        for row in self.rows.iter_mut().filter(|row| row.is_listed()) {
            if depth == Depth::Status && !wants_tail(said(row).as_ref()) {
                continue;
            }
            if let Some(since) = allowed_since(row, sources) {
                (row.status, row.waiting_for) = (Some(Status::Busy), None);
                row.status_since = Some(since);
            }
            let Some(transcript) = sources.transcript(row) else {
                if sources.begins_with_the_first_prompt(row) {
                    settle(row, Reading::not_begun(row.started_at));
                }
                continue;
            };
            match sources.read(row, &transcript, depth, sparkline) {
                Ok(reading) => settle(row, reading),
                Err(error) => self.problems.push(Problem {
                    path: transcript.path.clone(),
                    kind: ProblemKind::Conversation(error),
                }),
            }
            row.transcript_path = Some(transcript.path);
        }
    }
}

/// Since when a session runs what it was allowed to, where a hook saw it waiting and only its
/// processes show the answer.
fn allowed_since(row: &Row, sources: &Sources) -> Option<u64> {
    let said = said(row).filter(|said| said.claim.status == Status::Waiting)?;
    if said.from != StatusFrom::Hook || !row.is_here() || !sources.hides_answers(row) {
        return None;
    }
    let runner = sources.runs_commands_of(row)?;
    let child = Proc::open(&sources.own().here())?.newest_child(runner);
    child.filter(|_| goes_on(&said, child))
}

/// Whether a session waits by the word of a hook, and its answer would not ring.
pub(crate) fn may_go_on_silently(row: &Row, sources: &Sources) -> bool {
    row.status == Some(Status::Waiting)
        && row.status_from == Some(StatusFrom::Hook)
        && sources.hides_answers(row)
}

/// Whether the conversation can change what is said of a session that may run.
pub(crate) fn wants_conversation(row: &Row) -> bool {
    row.is_listed() && wants_tail(said(row).as_ref())
}

/// What the row's records and hooks said of its activity.
fn said(row: &Row) -> Option<Said> {
    let claim = Claim {
        status: row.status.clone()?,
        waiting_for: row.waiting_for.clone(),
        since: row.status_since,
    };
    Some(Said { claim, from: row.status_from?, heard: row.heard })
}

/// Puts into the row what is believed now that the file was read.
fn settle(row: &mut Row, reading: Reading) {
    row.recent = reading.recent.map(Box::new);
    let Some(Known { claim, from }) = decide(said(row), reading.tail, row.started_at) else {
        return;
    };
    if from != StatusFrom::Transcript {
        return;
    }
    row.status = Some(claim.status);
    row.waiting_for = claim.waiting_for;
    row.status_since = claim.since;
    row.status_from = Some(from);
    row.edges = None;
    // No record has a part in it any more.
    for source in &mut row.sources {
        for field in [Field::Status, Field::WaitingFor, Field::StatusSince] {
            source.fields.remove(field);
        }
    }
}
