//! Adds rows to a log.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::spec::LogPolicy;
use crate::store::append;
use crate::system::now_ms;

/// Rows are written in pieces of at least this size while they keep coming.
const PIECE: usize = 64 << 10;

/// How far apart two times in `log.at` are at least, in ms.
const TIMES_APART: u64 = 1000;

/// The log of a session, as its host writes it. Never fails and never waits for more than the
/// disk: what cannot be written is counted, and the log says so as soon as it can.
#[derive(Debug)]
pub struct RowLog {
    path: PathBuf,
    policy: LogPolicy,
    file: Option<File>,
    length: u64,
    pending: Vec<u8>,
    timed_at: u64,
    lost_rows: u64,
}

impl RowLog {
    /// The log in a session's directory, going on where it ended.
    #[must_use]
    pub fn new(directory: &Path, policy: LogPolicy) -> Self {
        let path = directory.join("log");
        let length = std::fs::metadata(&path).map_or(0, |found| found.len());
        Self { path, policy, file: None, length, pending: Vec::new(), timed_at: 0, lost_rows: 0 }
    }

    /// Whether anything is kept.
    #[must_use]
    pub const fn keeps(&self) -> bool {
        self.policy.bytes > 0 && self.policy.files > 0
    }

    /// How long the newest file is.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.length
    }

    /// Adds rows, with their line ends; they may stay in memory until [`RowLog::flush`].
    pub fn add(&mut self, rows: &str) {
        if self.keeps() {
            self.pending.extend_from_slice(rows.as_bytes());
            if self.pending.len() >= PIECE {
                self.flush();
            }
        }
    }

    /// Writes what was added.
    pub fn flush(&mut self) {
        let mut rows = std::mem::take(&mut self.pending);
        let mut rest = &rows[..];
        while !rest.is_empty() {
            if self.length >= self.policy.bytes {
                self.rotate();
            }
            let room = self.policy.bytes.saturating_sub(self.length);
            let (now, later) = rest.split_at(whole_lines(rest, room));
            self.write_or_count(now);
            rest = later;
        }
        rows.clear();
        rows.shrink_to(2 * PIECE);
        self.pending = rows;
    }

    fn write_or_count(&mut self, rows: &[u8]) {
        let note = self.note_of_loss();
        self.note_time();
        match self.write(&note, rows) {
            Ok(()) => self.lost_rows = 0,
            Err(_) => {
                let lost = rows.iter().filter(|byte| **byte == b'\n').count();
                self.lost_rows += lost as u64;
                // It may have been deleted, or be on a disk that is gone.
                self.file = None;
            }
        }
    }

    fn note_of_loss(&self) -> Vec<u8> {
        match self.lost_rows {
            0 => Vec::new(),
            rows => format!("\n[{rows} rows were lost: they could not be written]\n").into_bytes(),
        }
    }

    fn write(&mut self, note: &[u8], rows: &[u8]) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(append(&self.path)?),
        };
        for part in [note, rows] {
            let mut rest = part;
            while !rest.is_empty() {
                let written = file.write(rest)?;
                if written == 0 {
                    return Err(std::io::ErrorKind::WriteZero.into());
                }
                self.length += written as u64;
                rest = &rest[written..];
            }
        }
        Ok(())
    }

    /// Says how long the log is now, unless it was said within the last second.
    fn note_time(&mut self) {
        let now = now_ms();
        if now.abs_diff(self.timed_at) >= TIMES_APART {
            self.timed_at = now;
            let line = format!("{now} {}\n", self.length);
            // Without it, `--since` shows more than was asked for.
            _ = append(&times_of(&self.path)).and_then(|mut file| file.write_all(line.as_bytes()));
        }
    }

    /// The newest file becomes the one before, and so on; the oldest goes.
    fn rotate(&mut self) {
        self.file = None;
        let oldest = self.policy.files.saturating_sub(1);
        for number in (0..oldest).rev() {
            let (from, to) = (self.numbered(number), self.numbered(number + 1));
            _ = std::fs::rename(times_of(&from), times_of(&to));
            _ = std::fs::rename(from, to);
        }
        if oldest == 0 {
            _ = std::fs::remove_file(&self.path);
            _ = std::fs::remove_file(times_of(&self.path));
        }
        self.length = 0;
        self.timed_at = 0;
    }

    fn numbered(&self, number: u8) -> PathBuf {
        numbered(&self.path, number)
    }
}

/// How much of `rows` fits in a file that has room for so many bytes: whole lines, and at least
/// one.
fn whole_lines(rows: &[u8], room: u64) -> usize {
    let room = usize::try_from(room).unwrap_or(usize::MAX);
    if rows.len() <= room {
        return rows.len();
    }
    let fits = rows[..room].iter().rposition(|byte| *byte == b'\n');
    let end = fits.or_else(|| rows.iter().position(|byte| *byte == b'\n'));
    end.map_or(rows.len(), |at| at + 1)
}

/// `log`, `log.1`, ...
pub(super) fn numbered(newest: &Path, number: u8) -> PathBuf {
    match number {
        0 => newest.to_owned(),
        number => newest.with_file_name(format!("log.{number}")),
    }
}

/// The file that says when a file of the log had which length.
pub(super) fn times_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".at");
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(directory: &Path, name: &str) -> String {
        std::fs::read_to_string(directory.join(name)).unwrap_or_default()
    }

    #[test]
    fn files_give_way_and_the_oldest_goes() {
        let scratch = tempfile::tempdir().unwrap();
        let mut log = RowLog::new(scratch.path(), LogPolicy { bytes: 4, files: 3 });
        for row in ["one\n", "two\n", "three\n", "four\n"] {
            log.add(row);
            log.flush();
        }
        let found = ["log", "log.1", "log.2", "log.3"].map(|name| text(scratch.path(), name));
        assert_eq!(found, ["four\n", "three\n", "two\n", ""]);
        assert!(text(scratch.path(), "log.2.at").ends_with(" 0\n"));
        // It goes on where it ended.
        let mut log = RowLog::new(scratch.path(), LogPolicy { bytes: 100, files: 3 });
        log.add("five\n");
        log.flush();
        assert_eq!(text(scratch.path(), "log"), "four\nfive\n");
    }

    #[test]
    fn a_flood_is_spread_over_files() {
        let scratch = tempfile::tempdir().unwrap();
        let mut log = RowLog::new(scratch.path(), LogPolicy { bytes: 6, files: 9 });
        log.add("a\nb\nc\nd\na long line\ne\nunfinished");
        log.flush();
        let found = ["log", "log.1", "log.2", "log.3"].map(|name| text(scratch.path(), name));
        assert_eq!(found, ["e\nunfinished", "d\na long line\n", "a\nb\nc\n", ""]);
    }

    #[test]
    fn one_file_or_none() {
        let scratch = tempfile::tempdir().unwrap();
        for (policy, expected) in [(LogPolicy { bytes: 2, files: 1 }, "b\n"), (LogPolicy::NONE, "")]
        {
            let mut log = RowLog::new(scratch.path(), policy);
            for row in ["a\n", "b\n"] {
                log.add(row);
                log.flush();
            }
            assert_eq!(text(scratch.path(), "log"), expected);
            _ = std::fs::remove_file(scratch.path().join("log"));
        }
    }

    #[test]
    fn what_could_not_be_written_is_counted_and_said() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("session");
        let mut log = RowLog::new(&directory, LogPolicy::default());
        log.add("a\nb\n");
        log.flush();
        std::fs::create_dir(&directory).unwrap();
        log.add("c\n");
        log.flush();
        log.add("d\n");
        log.flush();
        assert_eq!(
            text(&directory, "log"),
            "\n[2 rows were lost: they could not be written]\nc\nd\n"
        );
    }
}
