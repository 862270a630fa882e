//! The log of a session: what is on disk, what is on its screen, and what comes.

use super::ask::{Connection, Failure, Heard, explain};
use crate::error::Result;
use crate::host::SnapshotFormat;
use crate::log::{Follow, LogQuery, LogRef, LogStream, last_lines};
use crate::store::SessionDir;
use crate::wire::message::{Reply, Request};

pub(crate) fn logs(session: &SessionDir, query: &LogQuery) -> Result<LogStream> {
    let log = LogRef::in_directory(session.path());
    let asked = match query.follow {
        true => follow(session, &log, query),
        false => with_screen(session, &log, query),
    };
    match asked {
        Ok(stream) => stream,
        // All that there will ever be is on disk: that is written before a host lets go.
        Err(Failure::Gone) => Ok(LogStream::new(query, log.read(query, None)?, None)),
        Err(failure) => Err(explain(session, failure)),
    }
}

/// What is in the log, and then rows as they come.
fn follow(
    session: &SessionDir,
    log: &LogRef,
    query: &LogQuery,
) -> Result<Result<LogStream>, Failure> {
    let mut connection = Connection::to(session)?;
    connection.say(&Request::Follow)?;
    let Reply::Following { bytes } = connection.hear_reply()? else {
        return Err(Failure::Protocol("does not follow"));
    };
    connection.set_patience(None)?;
    let more = Box::new(Rows { connection, session: session.clone() });
    let history = log.read(query, Some(bytes));
    Ok(history.map(|history| LogStream::new(query, history, Some(more))))
}

/// What is in the log, and on the screen.
fn with_screen(
    session: &SessionDir,
    log: &LogRef,
    query: &LogQuery,
) -> Result<Result<LogStream>, Failure> {
    let mut connection = Connection::to(session)?;
    let printed = connection.status()?.output_at;
    let (screen, up_to) = connection.screen(SnapshotFormat::Main)?;
    let is_recent = query.since.is_none_or(|since| printed.is_some_and(|at| at >= since));
    Ok(log.read(query, up_to).map(|mut text| {
        if is_recent {
            text.extend(screen);
        }
        let last = query.last.map_or(&text[..], |last| last_lines(&text, last));
        LogStream::new(query, last.to_vec(), None)
    }))
}

/// Rows of a running session, as its host sends them.
struct Rows {
    connection: Connection,
    session: SessionDir,
}

impl Follow for Rows {
    fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            match self.connection.hear() {
                Ok(Heard::Data(rows)) => return Ok(Some(rows)),
                Ok(Heard::Reply(Reply::Exit { .. })) => return Ok(None),
                Ok(Heard::Reply(_)) => {}
                Err(failure) => return Err(explain(&self.session, failure)),
            }
        }
    }
}
