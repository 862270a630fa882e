//! Reads a log, also while it is written.

use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::write::{numbered, times_of};
use super::{LogQuery, last_lines};
use crate::error::{Error, Result};
use crate::store::open_small;

/// Where the log of a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRef {
    newest: PathBuf,
}

/// How far a line's time may be behind the one that `log.at` has for it, in ms.
const TIME_IS_FROM: u64 = 1000;

impl LogRef {
    /// The log in a session's directory.
    #[must_use]
    pub fn in_directory(directory: &Path) -> Self {
        Self { newest: directory.join("log") }
    }

    /// The newest file.
    #[must_use]
    pub fn newest(&self) -> &Path {
        &self.newest
    }

    /// Its files, oldest first; none if nothing has left the screen yet.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let names = (0..u8::MAX).map(|number| numbered(&self.newest, number));
        let mut files: Vec<PathBuf> = names.take_while(|path| path.exists()).collect();
        files.reverse();
        files
    }

    /// What is on disk of what is wanted. Of the newest file no more than `up_to` bytes.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn read(&self, query: &LogQuery, up_to: Option<u64>) -> Result<Vec<u8>> {
        let mut parts: Vec<Vec<u8>> = Vec::new();
        let mut lines = 0;
        for file in self.files().iter().rev() {
            let start = query.since.map_or(Some(0), |since| start_of(file, since));
            // Nothing of this file is young enough, and so nothing of an older one.
            let Some(start) = start else { break };
            let end = if *file == self.newest { up_to } else { None };
            let wanted = query.last.map(|last| last.saturating_sub(lines));
            let part = read_part(file, start, end, wanted)?;
            lines += part.iter().filter(|byte| **byte == b'\n').count();
            parts.push(part);
            if query.last.is_some_and(|last| lines >= last) || start > 0 {
                break;
            }
        }
        parts.reverse();
        Ok(parts.concat())
    }
}

/// Where in a file that begins which was printed since a time; `None` if nothing of it was.
fn start_of(file: &Path, since: u64) -> Option<u64> {
    // A log without times is shown whole.
    let Ok(times) = std::fs::read_to_string(times_of(file)) else { return Some(0) };
    let entries = times.lines().filter_map(|line| {
        let (time, length) = line.split_once(' ')?;
        Some((time.parse::<u64>().ok()?, length.parse::<u64>().ok()?))
    });
    entries.into_iter().find(|(time, _)| time + TIME_IS_FROM >= since).map(|(_, length)| length)
}

/// From `start` to `end` of a file, or the last `lines` of that, read from the end.
fn read_part(file: &Path, start: u64, end: Option<u64>, lines: Option<usize>) -> Result<Vec<u8>> {
    const BLOCK: u64 = 64 << 10;
    let failed = |error| Error::io("read", file, error);
    let mut open = match open_small(file) {
        Ok(open) => open,
        // It has given way to a newer one.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let length = open.metadata().map_err(failed)?.len();
    let end = end.unwrap_or(length).min(length).max(start);
    let mut from = match lines {
        Some(_) => end.saturating_sub(BLOCK).max(start),
        None => start,
    };
    loop {
        let mut bytes = Vec::new();
        open.seek(SeekFrom::Start(from)).map_err(failed)?;
        (&open).take(end - from).read_to_end(&mut bytes).map_err(failed)?;
        let Some(count) = lines else { return Ok(bytes) };
        let found = bytes.iter().filter(|byte| **byte == b'\n').count();
        // One more than is wanted: the first may be cut.
        if found > count || from == start {
            return Ok(last_lines(&bytes, count).to_vec());
        }
        from = end.saturating_sub((end - from) * 4).max(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::RowLog;
    use crate::spec::LogPolicy;

    fn written(rows: usize, policy: LogPolicy) -> (tempfile::TempDir, LogRef) {
        let scratch = tempfile::tempdir().unwrap();
        let mut log = RowLog::new(scratch.path(), policy);
        for row in 1..=rows {
            log.add(&format!("{row}\n"));
            log.flush();
        }
        let reference = LogRef::in_directory(scratch.path());
        (scratch, reference)
    }

    fn numbers(range: std::ops::RangeInclusive<usize>) -> String {
        range.map(|row| format!("{row}\n")).collect()
    }

    fn read(log: &LogRef, query: LogQuery) -> String {
        String::from_utf8(log.read(&query, None).unwrap()).unwrap()
    }

    #[test]
    fn the_last_lines_across_files() {
        let policy = LogPolicy { bytes: 20_000, files: 100 };
        let (_scratch, log) = written(30_000, policy);
        assert!(log.files().len() > 5);
        for last in [0, 1, 10, 5000, 12_000, 29_999, 30_000, 99_999] {
            let query = LogQuery { last: Some(last), ..LogQuery::default() };
            let expected = numbers(30_001 - last.min(30_000)..=30_000);
            assert!(read(&log, query) == expected, "the last {last}");
        }
        assert!(read(&log, LogQuery::default()) == numbers(1..=30_000));
    }

    #[test]
    fn since_a_time() {
        let scratch = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(scratch.path().join(name), text).unwrap();
        put("log.2", "a\n");
        put("log.2.at", "1000 0\n");
        put("log.1", "b\nc\n");
        put("log.1.at", "5000 0\n9000 2\n");
        put("log", "d\n");
        put("log.at", "20000 0\n");
        let log = LogRef::in_directory(scratch.path());
        for (since, expected) in [
            (0, "a\nb\nc\nd\n"),
            (2001, "b\nc\nd\n"),
            (6500, "c\nd\n"),
            (10_001, "d\n"),
            (21_001, ""),
        ] {
            let query = LogQuery { since: Some(since), ..LogQuery::default() };
            assert_eq!(read(&log, query), expected, "{since}");
        }
        let both = LogQuery { since: Some(0), last: Some(3), ..LogQuery::default() };
        assert_eq!(read(&log, both), "b\nc\nd\n");
    }

    #[test]
    fn up_to_a_length_and_of_nothing() {
        let (scratch, log) = written(3, LogPolicy::default());
        assert_eq!(log.read(&LogQuery::default(), Some(4)).unwrap(), b"1\n2\n");
        let nothing = LogRef::in_directory(&scratch.path().join("nobody"));
        assert_eq!(nothing.read(&LogQuery::default(), None).unwrap(), b"");
    }
}
