//! opencode: rows of its SQLite database, messages and their parts. Seen of 1.18.33.
//!
//! What cannot be known from it: a permission that is asked for looks like a tool that runs, until
//! the tool notes something of its run.

mod database;

use std::io;
use std::path::Path;

use serde::Deserialize;

use super::fold::Fold;
use super::json::{self, Count, Object, Text, Time};
use super::lines::Bound;
use super::moment::{Id, Moment, What};
use super::{Depth, Reading, Tokens};
use crate::activity::Sparkline;

pub(crate) use database::sessions_in;
use database::{Row, reading};

/// Reads the end of one session's conversation.
pub(super) fn read(
    database: &Path,
    session_id: &str,
    depth: Depth,
    sparkline: Sparkline,
) -> io::Result<Reading> {
    let read = reading(database, |database| {
        let mut fold = Fold::new(depth, sparkline);
        let mut bound = Bound::default();
        let mut is_whole = true;
        database.messages(session_id, |message| {
            take_message(&message, database, &mut fold, &mut bound)?;
            is_whole = bound.allows(&fold, database.bytes());
            Ok(is_whole)
        })?;
        Ok(fold.finish(is_whole))
    })?;
    Ok(read.unwrap_or_default())
}

/// Takes a message with its parts, the newest first.
fn take_message(
    row: &Row<'_>,
    database: &database::Database,
    fold: &mut Fold,
    bound: &mut Bound,
) -> rusqlite::Result<()> {
    let data = row.data.and_then(|data| json::read(data, |data| MessageData::of(data, row)));
    let Some(data) = data else { return Ok(()) };
    if let Some(over) = data.over {
        fold.take(&over);
    }
    if data.has_parts {
        let mut calls = Calls::default();
        database.parts(row.id, |part| {
            take_part(&part, &mut calls, fold);
            Ok(bound.allows(fold, database.bytes()))
        })?;
        calls.give(fold);
    }
    fold.take(&data.begun);
    Ok(())
}

fn take_part(row: &Row<'_>, calls: &mut Calls, fold: &mut Fold) {
    let part = row.data.map(|data| {
        json::read(data, |data| Some(serde_json::from_slice::<Part<'_>>(data).ok()?.tell(row)))
    });
    match part {
        Some(Some(Told::Tool(call))) => calls.taken.push(call),
        Some(Some(Told::Other(moment))) => {
            calls.give(fold);
            fold.take(&moment);
        }
        Some(None) => {}
        // Longer than what is read of one: something was written.
        None => fold.take(&Moment::new(row.updated, [What::Output])),
    }
}

/// What of a message's row is of interest.
struct MessageData {
    /// It failed or was interrupted.
    over: Option<Moment>,
    has_parts: bool,
    begun: Moment,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Message<'a> {
    #[serde(borrow)]
    role: Text<'a>,
    #[serde(borrow, rename = "modelID")]
    model_id: Text<'a>,
    tokens: Object<Usage>,
    error: Object<Failed>,
    time: Object<MessageTime>,
}

#[derive(Deserialize)]
struct Failed {}

#[derive(Deserialize, Default)]
#[serde(default)]
struct MessageTime {
    completed: Time,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Usage {
    input: Count,
    output: Count,
    cache: Object<Cache>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Cache {
    read: Count,
    write: Count,
}

impl MessageData {
    fn of(data: &[u8], row: &Row<'_>) -> Option<Self> {
        let message: Message<'_> = serde_json::from_slice(data).ok()?;
        if message.role.get() == Some("user") {
            let begun = Moment::new(row.created, [What::Prompt]);
            return Some(Self { over: None, has_parts: false, begun });
        }
        let completed = message.time.0.and_then(|time| time.completed.0);
        let failed = message.error.0.is_some();
        let tokens = message.tokens.0.as_ref().map(Usage::tokens);
        let begun = Moment {
            model: message.model_id.get().map(Into::into),
            // One that was interrupted is noted with none.
            tokens: tokens.filter(|tokens| *tokens != Tokens::default()),
            ..Moment::new(row.created, [What::Going])
        };
        let over = failed.then(|| Moment::new(completed.or(row.updated), [What::Over]));
        Some(Self { over, has_parts: true, begun })
    }
}

impl Usage {
    fn tokens(&self) -> Tokens {
        let cached = self
            .cache
            .0
            .as_ref()
            .map_or(0, |cache| cache.read.or_zero().saturating_add(cache.write.or_zero()));
        let context = self.input.or_zero().saturating_add(cached);
        Tokens { context, output: self.output.or_zero() }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Part<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    tool: Text<'a>,
    #[serde(borrow, rename = "callID")]
    call_id: Text<'a>,
    #[serde(borrow)]
    reason: Text<'a>,
    #[serde(borrow)]
    state: Object<ToolState<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ToolState<'a> {
    #[serde(borrow)]
    status: Text<'a>,
    metadata: Object<Noted>,
    time: Object<ToolTime>,
}

#[derive(Deserialize)]
struct Noted {}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ToolTime {
    start: Time,
    end: Time,
}

/// What a part tells.
enum Told {
    Tool(ToolCall),
    Other(Moment),
}

/// A call of a tool, from its beginning to its end.
struct ToolCall {
    begun: Moment,
    id: Id,
    ended_at: Option<u64>,
    is_open: bool,
    /// It runs, and noted something of its run then: it is not waiting for permission.
    noted_at: Option<u64>,
}

impl Part<'_> {
    fn tell(&self, row: &Row<'_>) -> Told {
        let what = match self.kind.or_empty() {
            "tool" => return Told::Tool(self.call(row)),
            "text" => What::Output,
            "reasoning" | "step-start" => What::Going,
            // The loop goes on after these two.
            "step-finish" if matches!(self.reason.or_empty(), "tool-calls" | "unknown") => {
                What::Going
            }
            "step-finish" => What::Over,
            _ => return Told::Other(Moment::default()),
        };
        Told::Other(Moment::new(row.created, [what]))
    }

    fn call(&self, row: &Row<'_>) -> ToolCall {
        let state = self.state.0.as_ref();
        let time = state.and_then(|state| state.time.0.as_ref());
        let is_open =
            state.is_some_and(|state| matches!(state.status.or_empty(), "pending" | "running"));
        let is_noted = is_open && state.is_some_and(|state| state.metadata.0.is_some());
        let id = Id::of(self.call_id.get().unwrap_or(row.id));
        let asks = (self.tool.get() == Some("question")).then_some("input needed");
        let begun_at = time.and_then(|time| time.start.0).or(row.created);
        ToolCall {
            begun: Moment {
                tool: self.tool.get().map(Into::into),
                ..Moment::new(begun_at, [What::Call { id, asks }])
            },
            id,
            ended_at: time.and_then(|time| time.end.0).or(row.updated),
            is_open,
            noted_at: row.updated.filter(|_| is_noted),
        }
    }
}

/// Calls next to each other, which ran at the same time: the newest first.
#[derive(Default)]
struct Calls {
    taken: Vec<ToolCall>,
}

impl Calls {
    fn give(&mut self, fold: &mut Fold) {
        let open = || self.taken.iter().filter(|call| call.is_open);
        // One that says nothing of itself may be waiting while others run.
        if open().all(|call| call.noted_at.is_some())
            && let Some(noted) = open().map(|call| call.noted_at).max()
        {
            fold.take(&Moment::new(noted, [What::Going]));
        }
        for call in self.taken.iter().filter(|call| !call.is_open) {
            fold.take(&Moment::new(call.ended_at, [What::Result { id: call.id }]));
        }
        self.taken.drain(..).for_each(|call| fold.take(&call.begun));
    }
}

#[cfg(test)]
mod tests;
