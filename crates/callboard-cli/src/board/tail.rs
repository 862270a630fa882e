//! The end of the log of a background session, as it grows.

use std::collections::VecDeque;
use std::io::{PipeWriter, Write as _};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use callboard_host::log::LogQuery;
use callboard_host::{HostKind, HostedId};

use crate::background::Background;
use crate::context::Context;

/// No terminal shows more lines of it.
const LINES: usize = 400;

/// A line that is longer is no line for people.
const LONGEST: usize = 4096;

/// Follows one log on a thread, which stands still while nobody takes in what it has read, and ends
/// with the session or with this program.
pub(super) struct Tail {
    pub(super) id: HostedId,
    parts: Receiver<Vec<u8>>,
    lines: Lines,
    /// Whether more may come.
    pub(super) goes_on: bool,
}

impl Tail {
    pub(super) fn start(
        context: &Context,
        (kind, id): (HostKind, HostedId),
        mut bell: PipeWriter,
    ) -> Self {
        let (sender, parts) = sync_channel(1);
        let (context, of) = (context.clone(), id.clone());
        let follow = move || {
            let query = LogQuery { last: Some(LINES), follow: true, ..LogQuery::default() };
            let Ok(background) = Background::open(&context) else { return };
            let host = background.hosts.host(kind);
            let Ok(mut logs) = host.and_then(|host| host.logs(&of, &query)) else { return };
            while let Ok(Some(part)) = logs.next_part() {
                // Waits here until the part before is taken in.
                if sender.send(part).is_err() || bell.write_all(b"!").is_err() {
                    return;
                }
            }
            drop(sender);
            _ = bell.write_all(b"!");
        };
        // Without a thread there is no log, and the rest of the board is there.
        let started = std::thread::Builder::new().spawn(follow).is_ok();
        Self { id, parts, lines: Lines::default(), goes_on: started }
    }

    /// Takes in what has come; whether there was anything.
    pub(super) fn take_in(&mut self) -> bool {
        match self.parts.try_recv() {
            Ok(part) => {
                self.lines.push(&part);
                true
            }
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => std::mem::take(&mut self.goes_on),
        }
    }

    /// The last lines, not sanitised.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.all.iter().cloned().collect()
    }
}

/// The last lines of what was pushed.
#[derive(Debug, Default)]
struct Lines {
    all: VecDeque<String>,
    /// The last one has no end yet.
    is_open: bool,
}

impl Lines {
    fn push(&mut self, part: &[u8]) {
        let text = String::from_utf8_lossy(part);
        for line in text.split_inclusive('\n') {
            let ended = line.strip_suffix('\n');
            let body = ended.unwrap_or(line).trim_end_matches('\r');
            match self.all.back_mut().filter(|_| self.is_open) {
                Some(last) => last.push_str(body),
                None => self.all.push_back(body.to_owned()),
            }
            self.is_open = ended.is_none();
            if let Some(last) = self.all.back_mut() {
                let end = (0..=LONGEST.min(last.len())).rfind(|at| last.is_char_boundary(*at));
                last.truncate(end.unwrap_or(0));
            }
            if self.all.len() > LINES {
                self.all.pop_front();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_by_case() {
        let cases: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["a\nb\n"], &["a", "b"]),
            (&["a\nb", "c\nd\n"], &["a", "bc", "d"]),
            (&["a\r\n", "\n"], &["a", ""]),
        ];
        for (parts, expected) in cases {
            let mut lines = Lines::default();
            parts.iter().for_each(|part| lines.push(part.as_bytes()));
            assert_eq!(lines.all, *expected, "{parts:?}");
        }
    }

    #[test]
    fn memory_is_bounded_whatever_is_printed() {
        let mut lines = Lines::default();
        lines.push("x\n".repeat(LINES * 3).as_bytes());
        assert_eq!(lines.all.len(), LINES);
        (0..10).for_each(|_| lines.push("é".repeat(LONGEST).as_bytes()));
        assert_eq!(lines.all.len(), LINES);
        assert!(lines.all.iter().all(|line| line.len() <= LONGEST));
    }
}
