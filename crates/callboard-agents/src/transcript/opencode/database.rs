//! Reading a database that another program writes, without leaving a trace in it.

use std::cell::Cell;
use std::fmt::Write;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement};

use super::super::backwards;

/// A longer value is left out: answers and what tools put out are shorter.
const LONGEST: i64 = 256 * 1024;
/// What is read of one message, and of one session.
const PARTS: i64 = 1024;
const MESSAGES: i64 = 1024;
/// What is read of one directory.
const SESSIONS: i64 = 16;

const MESSAGES_OF: &str = "SELECT id, time_created, time_updated, \
    CASE WHEN octet_length(data) <= ?2 THEN data END FROM message \
    WHERE session_id = ?1 ORDER BY time_created DESC, id DESC LIMIT ?3";
const PARTS_OF: &str = "SELECT id, time_created, time_updated, \
    CASE WHEN octet_length(data) <= ?2 THEN data END FROM part \
    WHERE message_id = ?1 ORDER BY id DESC LIMIT ?3";
const SESSIONS_IN: &str = "SELECT id FROM session \
    WHERE directory = ?1 AND time_created >= ?2 AND parent_id IS NULL \
    AND time_archived IS NULL ORDER BY time_updated DESC LIMIT ?3";

/// An open database.
pub(super) struct Database {
    connection: Connection,
    /// Bytes of values read so far.
    bytes: Cell<u64>,
}

/// A message or a part.
pub(super) struct Row<'r> {
    pub(super) id: &'r str,
    /// In ms since the epoch.
    pub(super) created: Option<u64>,
    /// In ms since the epoch.
    pub(super) updated: Option<u64>,
    /// JSON; `None` where it is too long.
    pub(super) data: Option<&'r [u8]>,
}

/// Reads something of a database. `None`: its program keeps it locked just now.
///
/// It is opened read-only, and its index of the write-ahead log too, which SQLite would otherwise
/// make where it is missing. Where no program has the database open there is neither log nor index
/// and nothing can be changed behind our back, so it is read as it is.
///
/// # Errors
/// If there is no database, or it is none of opencode's.
pub(super) fn reading<T>(
    path: &Path,
    read: impl Fn(&Database) -> rusqlite::Result<T>,
) -> io::Result<Option<T>> {
    backwards::check(path)?;
    let has_log = || with_suffix(path, "-wal").symlink_metadata().is_ok();
    for _ in 0..2 {
        let is_live = has_log();
        let outcome = Database::open(path, is_live).and_then(|database| read(&database));
        // A program that came in between may have written what we took for unchanging.
        if is_live || !has_log() {
            return match outcome {
                Ok(value) => Ok(Some(value)),
                Err(error) if is_locked(&error) => Ok(None),
                Err(error) => Err(io::Error::other(error)),
            };
        }
    }
    Ok(None)
}

/// The sessions of a directory that were begun since then (ms since the epoch), sub-agents' and
/// archived ones left out; the one that was written to last first, and at most 16.
///
/// # Errors
/// As [`reading`].
pub(crate) fn sessions_in(
    database: &Path,
    directory: &str,
    since: u64,
) -> io::Result<Vec<Box<str>>> {
    let since = i64::try_from(since).unwrap_or(i64::MAX);
    let sessions = reading(database, |database| {
        let mut statement = database.connection.prepare(SESSIONS_IN)?;
        let ids = statement.query_map((directory, since, SESSIONS), |row| row.get(0))?;
        ids.collect::<Result<Vec<_>, _>>()
    })?;
    Ok(sessions.unwrap_or_default())
}

fn with_suffix(path: &Path, suffix: &str) -> std::path::PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn is_locked(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

impl Database {
    fn open(path: &Path, is_live: bool) -> rusqlite::Result<Self> {
        let mut uri = String::from("file:");
        for byte in path.as_os_str().as_bytes() {
            match byte {
                b'/' | b'.' | b'-' | b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => {
                    uri.push(char::from(*byte));
                }
                _ => drop(write!(uri, "%{byte:02x}")),
            }
        }
        uri.push_str(if is_live { "?mode=ro&readonly_shm=1" } else { "?mode=ro&immutable=1" });
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(uri, flags)?;
        // Nobody waits for us, and we wait for nobody. 64 pages of cache are plenty.
        connection.busy_timeout(std::time::Duration::ZERO)?;
        connection.execute_batch("PRAGMA query_only = 1; PRAGMA cache_size = 64")?;
        Ok(Self { connection, bytes: Cell::new(0) })
    }

    /// Bytes of values read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    /// Gives the messages of a session, the newest first, as long as they are wanted.
    pub(super) fn messages(
        &self,
        session_id: &str,
        take: impl FnMut(Row<'_>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        self.rows(self.connection.prepare(MESSAGES_OF)?, session_id, MESSAGES, take)
    }

    /// Gives the parts of a message, the newest first, as long as they are wanted.
    pub(super) fn parts(
        &self,
        message_id: &str,
        take: impl FnMut(Row<'_>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        self.rows(self.connection.prepare(PARTS_OF)?, message_id, PARTS, take)
    }

    fn rows(
        &self,
        mut statement: Statement<'_>,
        of: &str,
        most: i64,
        mut take: impl FnMut(Row<'_>) -> rusqlite::Result<bool>,
    ) -> rusqlite::Result<()> {
        let mut rows = statement.query((of, LONGEST, most))?;
        while let Some(row) = rows.next()? {
            let data = match row.get_ref(3)? {
                ValueRef::Text(text) | ValueRef::Blob(text) => Some(text),
                _ => None,
            };
            self.bytes.set(self.bytes.get() + data.map_or(0, <[u8]>::len) as u64);
            let time = |column| u64::try_from(row.get::<_, i64>(column).ok()?).ok();
            let row =
                Row { id: row.get_ref(0)?.as_str()?, created: time(1), updated: time(2), data };
            if !take(row)? {
                break;
            }
        }
        Ok(())
    }
}
