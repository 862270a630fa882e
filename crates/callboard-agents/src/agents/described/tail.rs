//! The end of a conversation that is lines of text.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use callboard::Status;

use super::Rule;
use crate::activity::{Tail, TailState};
use crate::agents::head::open_regular;
use crate::transcript::Reading;

/// How much of the end is read.
const MAX_BYTES: u64 = 64 * 1024;

/// The last line that some rule knows tells; of two rules that know it, the first.
pub(super) fn read(path: &Path, rules: &[Rule]) -> io::Result<Reading> {
    let mut reading = Reading::default();
    if rules.is_empty() {
        return Ok(reading);
    }
    let file = open_regular(path)?;
    let written_at = file.metadata()?.modified().ok();
    let text = end_of(file)?;
    let mut lines = text.lines().rev().filter(|line| !line.trim().is_empty()).enumerate();
    let told = lines.find_map(|(back, line)| {
        rules.iter().find(|rule| rule.line.is_match(line)).map(|rule| (back, rule))
    });
    reading.tail = told.map(|(back, rule)| {
        // Lines have no times. That of the last one is when the file was written.
        let at = written_at
            .filter(|_| back == 0)
            .and_then(|time| u64::try_from(time.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok());
        let state = match rule.status {
            Status::Idle => TailState::Idle,
            Status::Waiting => TailState::Waiting,
            _ => TailState::Busy,
        };
        Tail { state, at, moved_at: at, waiting_for: rule.waiting_for.clone() }
    });
    Ok(reading)
}

/// The last lines of a file, whole ones.
fn end_of(mut file: File) -> io::Result<String> {
    let from = file.metadata()?.len().saturating_sub(MAX_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut bytes)?;
    let torn = if from == 0 { 0 } else { memchr::memchr(b'\n', &bytes).unwrap_or(bytes.len()) };
    Ok(String::from_utf8_lossy(&bytes[torn..]).into_owned())
}
