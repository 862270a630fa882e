//! The one rule of what status is shown.

use callboard::Status;

use super::{Claim, Known, Said, Tail, TailState};
use crate::row::StatusFrom;

/// Whether the end of the conversation file can change the answer: it cannot where the session's
/// own record says what it is doing. Then the file is not opened at all.
#[must_use]
pub fn wants_tail(said: Option<&Said>) -> bool {
    said.is_none_or(|said| said.from != StatusFrom::Record)
}

/// What is shown of a session that runs, or may run.
///
/// - A **record** that names a status is right: it is written at every change by the program that
///   knows. However old the status is, it stands, and its age is shown with it: a session that
///   has been busy for hours may be wedged or may be working, and nothing here can tell.
/// - A **hook** comes next. It is told most changes as they happen, but not all of them: an
///   interrupt, a refusal and an answered question fire none in most agents. So where the file
///   has moved on since the hook last spoke, the file is believed.
/// - The **file** alone is the last resort: it lags, and it does not show most waits.
///
/// Nobody says anything: then there is no status. None is guessed from silence, from the age of a
/// file or from the use of a processor.
///
/// `started_at` is when the process started (ms since the epoch): a turn that the file shows as
/// going on since before that was cut off with the process that ran it.
#[must_use]
pub fn decide(said: Option<Said>, tail: Option<Tail>, started_at: Option<u64>) -> Option<Known> {
    let tail = tail.filter(|tail| tail.state == TailState::Idle || !is_before(tail, started_at));
    match (said, tail) {
        (Some(said), Some(tail)) if overtakes(&said, &tail) => Some(told_by(tail)),
        (Some(said), _) => Some(Known { claim: said.claim, from: said.from }),
        (None, tail) => tail.map(told_by),
    }
}

/// For how long after the event that a hook told the other hooks of that event may still be
/// started, in ms.
const HOOKS: u64 = 250;

/// Whether a session that a hook saw waiting has been answered, where nothing but its newest child
/// shows that: a process that it started (ms since the epoch) well after the hook was heard is the
/// command that was allowed, and no hook of the prompt. Asked only of agents that tell neither.
#[must_use]
pub fn goes_on(said: &Said, newest_child: Option<u64>) -> bool {
    let heard = said.heard.or(said.claim.since);
    said.from == StatusFrom::Hook
        && said.claim.status == Status::Waiting
        && newest_child > heard.map(|heard| heard.saturating_add(HOOKS))
        && heard.is_some()
}

fn is_before(tail: &Tail, started_at: Option<u64>) -> bool {
    matches!((tail.at, started_at), (Some(at), Some(started_at)) if at < started_at)
}

/// Whether the file knows better than what was said.
fn overtakes(said: &Said, tail: &Tail) -> bool {
    let heard = said.heard.or(said.claim.since);
    if said.from == StatusFrom::Record {
        return false;
    }
    match (said.claim.status == Status::Waiting, tail.state) {
        // The open call is what is waited for: the agent writes the call down, and not that it
        // asks. Only an answer or output since then shows that the question is gone.
        (true, TailState::OpenCall) => tail.moved_at > heard,
        _ => tail.at > heard,
    }
}

fn told_by(tail: Tail) -> Known {
    let status = match tail.state {
        TailState::Idle => Status::Idle,
        TailState::Busy | TailState::OpenCall => Status::Busy,
        TailState::Waiting => Status::Waiting,
    };
    let waiting_for = tail.waiting_for.filter(|_| status == Status::Waiting);
    Known { claim: Claim { status, waiting_for, since: tail.at }, from: StatusFrom::Transcript }
}

#[cfg(test)]
mod tests;
