//! Sub-agents that go on after the main thread's turn has ended: each has a file of its own.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::lines::{self, Alone};
use super::super::{Depth, Reading};
use super::moment_of_agent;
use crate::activity::{Sparkline, TailState};

/// A session of weeks has hundreds of such files; those that are written to are few.
const FILES: usize = 16;
/// The clock of the file system's times is coarser than the one in the lines, and may be another's.
const SLACK: Duration = Duration::from_secs(2);

/// When a sub-agent last wrote that is in the middle of its work; `None`: all have ended.
///
/// Only one that wrote after the main thread was done (`idle_at`) counts: the file of one that was
/// killed stays as if it went on. So one that says nothing for a while after the main thread's end
/// is overlooked in files of versions that do not count them at the turn's end.
pub(super) fn newest_at_work(transcript: &Path, idle_at: Option<u64>) -> Option<u64> {
    let idle_at = idle_at?;
    let since = UNIX_EPOCH.checked_add(Duration::from_millis(idle_at))?.checked_sub(SLACK)?;
    written_since(&transcript.with_extension("").join("subagents"), since)
        .into_iter()
        .filter_map(|file| at_work(&file))
        .filter(|at| *at > idle_at)
        .max()
}

/// The conversations that were written to since then, the newest first.
fn written_since(dir: &Path, since: SystemTime) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let is_conversation = |path: &Path| path.extension().is_some_and(|end| end == "jsonl");
    let mut files: Vec<_> = entries
        .flatten()
        .filter(|entry| is_conversation(Path::new(&entry.file_name())))
        .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
        .filter(|(modified, _)| *modified >= since)
        .collect();
    files.sort_by(|(one, _), (other, _)| other.cmp(one));
    files.truncate(FILES);
    files.into_iter().map(|(_, path)| path).collect()
}

fn at_work(file: &Path) -> Option<u64> {
    let nothing = Sparkline::new(0, 1);
    let Reading { tail, .. } =
        lines::read(file, Depth::Status, nothing, || Alone(moment_of_agent)).ok()?;
    tail.filter(|tail| tail.state != TailState::Idle).and_then(|tail| tail.at)
}
