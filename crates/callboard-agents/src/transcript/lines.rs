//! Reading a conversation of lines, as far back as needed and no further.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use super::backwards::{Backwards, Line, open};
use super::fold::Fold;
use super::moment::Moment;
use super::{Depth, Reading};
use crate::activity::Sparkline;

/// What is read at most to find out how a conversation ends. Claude Code writes requests of some
/// 100 KB between its lines, so the last of the conversation can be far from the end; a line of any
/// length takes up to 5 MiB, so there may be one.
const FOR_STATUS: u64 = 8 * 1024 * 1024;
/// What is read at most of what happened lately.
const FOR_ACTIVITY: u64 = 128 * 1024;
/// What is read at most beyond that, for the last tool, model or count of tokens.
const FOR_THE_REST: u64 = 64 * 1024;

/// A format of lines.
pub(super) trait Format {
    /// Takes a line, the last first; breaks where nothing older is of the conversation.
    fn take(&mut self, line: &Line<'_>, fold: &mut Fold) -> ControlFlow<()>;

    /// There is no older line.
    fn end(&mut self, _fold: &mut Fold) {}
}

/// A format whose every line stands for itself.
pub(super) struct Alone(pub(super) fn(&[u8]) -> Option<Moment>);

impl Format for Alone {
    fn take(&mut self, line: &Line<'_>, fold: &mut Fold) -> ControlFlow<()> {
        if let Some(moment) = (self.0)(line.text) {
            fold.take(&moment);
        }
        ControlFlow::Continue(())
    }
}

/// Reads the end of a file.
pub(super) fn read<F: Format>(
    path: &Path,
    depth: Depth,
    sparkline: Sparkline,
    format: impl Fn() -> F,
) -> io::Result<Reading> {
    let file = open(path)?;
    // An agent that takes back a prompt rewrites its file in place. Whoever does it while we read
    // leaves another end behind: that one is read, once.
    for is_last in [false, true] {
        let mut fold = Fold::new(depth, sparkline);
        let mut lines = Backwards::new(&file)?;
        let is_whole = take_lines(&mut lines, &mut format(), &mut fold)?;
        if is_last || !lines.shrank() {
            return Ok(fold.finish(is_whole));
        }
    }
    Ok(Reading::default())
}

/// Whether it came to the beginning.
fn take_lines(
    lines: &mut Backwards<'_>,
    format: &mut impl Format,
    fold: &mut Fold,
) -> io::Result<bool> {
    let mut bound = Bound::default();
    while bound.allows(fold, lines.read()) {
        match lines.next()? {
            Some(line) if format.take(&line, fold).is_continue() => {}
            Some(_) => return Ok(true),
            None => {
                format.end(fold);
                return Ok(!lines.shrank());
            }
        }
    }
    Ok(false)
}

/// How far back it is read.
#[derive(Debug, Default)]
pub(super) struct Bound {
    /// How much was read when the sparkline was done.
    past: Option<u64>,
}

impl Bound {
    /// Whether to go on, after so many bytes.
    pub(super) fn allows(&mut self, fold: &Fold, read: u64) -> bool {
        if fold.is_complete() {
            return false;
        }
        if fold.is_past() {
            self.past.get_or_insert(read);
        }
        read <= match self.past {
            _ if !fold.is_settled() => FOR_STATUS,
            Some(past) => past.saturating_add(FOR_THE_REST).min(FOR_ACTIVITY),
            None => FOR_ACTIVITY,
        }
    }
}

#[cfg(test)]
mod tests;
