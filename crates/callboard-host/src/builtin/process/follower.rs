//! The lines of a session as they become final, for who follows its log.
//!
//! Each line has a number. One that leaves the screen is final; one above the cursor most likely
//! is, and is sent at once. A program that goes back up and writes something else there has
//! written new lines.

use std::collections::VecDeque;

/// What a follower has been sent.
#[derive(Debug, Default)]
pub(super) struct Follower {
    /// The number of the next line.
    next: u64,
    /// The lines before that which may still be on the screen.
    sent: VecDeque<String>,
    /// The beginning of a line of which the rest is still on the screen.
    partial: String,
    /// How many lines were not sent because too much was waiting.
    skipped: u64,
}

impl Follower {
    /// From this line on.
    pub(super) fn from(next: u64) -> Self {
        Self { next, ..Self::default() }
    }

    /// Lines that have left the screen, the first of them with this number; the last may be cut.
    /// Returns what is to be sent.
    pub(super) fn left(&mut self, first: u64, rows: &str) -> String {
        let mut text = String::new();
        for (number, row) in (first..).zip(rows.split_inclusive('\n')) {
            self.partial.push_str(row.trim_end_matches('\n'));
            if row.ends_with('\n') {
                let line = std::mem::take(&mut self.partial);
                self.line(number, line, &mut text);
            }
        }
        text
    }

    /// The lines that are on the screen and will hardly change, the first of them with this
    /// number. Returns what is to be sent.
    pub(super) fn settled(&mut self, first: u64, lines: Vec<String>) -> String {
        let mut text = String::new();
        // Below the cursor now: whatever comes there is new.
        let end = first + lines.len() as u64;
        while self.next > end.max(first) {
            self.sent.pop_back();
            self.next -= 1;
        }
        for (number, mut line) in (first..).zip(lines) {
            if number == first {
                line.insert_str(0, &self.partial);
            }
            self.line(number, line, &mut text);
        }
        while self.next.saturating_sub(self.sent.len() as u64) < first && !self.sent.is_empty() {
            self.sent.pop_front();
        }
        text
    }

    fn line(&mut self, number: u64, line: String, text: &mut String) {
        let line = line.trim_end_matches(' ');
        if number < self.next {
            let back = usize::try_from(self.next - number).unwrap_or(usize::MAX);
            let known = self.sent.len().checked_sub(back).map(|at| self.sent[at] == line);
            match known {
                Some(false) => {
                    self.sent.truncate(self.sent.len() - back);
                    self.next = number;
                }
                // Sent before, or before it began to follow.
                Some(true) | None => return,
            }
        }
        text.push_str(line);
        text.push('\n');
        self.next = number + 1;
        self.sent.push_back(line.to_owned());
    }

    /// So much was not sent.
    pub(super) fn skip(&mut self, text: &str) {
        self.skipped += text.lines().count() as u64;
    }

    /// What is to be said about that, once there is room.
    pub(super) fn note_of_skipped(&mut self) -> Option<String> {
        let skipped = std::mem::take(&mut self.skipped);
        (skipped > 0)
            .then(|| format!("[{skipped} rows were skipped: they were not read in time]\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn every_line_is_sent_once() {
        let mut follower = Follower::from(0);
        assert_eq!(follower.settled(0, lines("a\nb")), "a\nb\n");
        assert_eq!(follower.settled(0, lines("a\nb\nc ")), "c\n");
        assert_eq!(follower.left(0, "a\nb\n"), "");
        assert_eq!(follower.settled(2, lines("c\nd")), "d\n");
        // A flood: what came and went between two looks.
        assert_eq!(follower.left(2, "c\nd\ne\nf\n"), "e\nf\n");
        assert_eq!(follower.settled(6, lines("g")), "g\n");
    }

    #[test]
    fn what_is_written_anew_is_sent_anew() {
        let mut follower = Follower::from(5);
        assert_eq!(follower.settled(5, lines("a\nb\nc")), "a\nb\nc\n");
        // The screen was cleared.
        assert_eq!(follower.settled(5, lines("x")), "x\n");
        assert_eq!(follower.settled(5, lines("x\ny")), "y\n");
        assert_eq!(follower.settled(5, lines("x\nz\nw")), "z\nw\n");
        // Cleared, and the first line is what it was.
        assert_eq!(follower.settled(5, lines("")), "");
        assert_eq!(follower.settled(5, lines("x")), "x\n");
    }

    #[test]
    fn a_line_in_two_parts() {
        let mut follower = Follower::from(0);
        assert_eq!(follower.left(0, "one\nlong "), "one\n");
        assert_eq!(follower.settled(1, lines("line\nend")), "long line\nend\n");
        assert_eq!(follower.left(1, "line\nend\n"), "");
        assert_eq!(follower.settled(3, lines("more")), "more\n");
    }

    #[test]
    fn what_was_skipped_is_said_once() {
        let mut follower = Follower::from(0);
        follower.skip("a\nb\n");
        assert!(follower.note_of_skipped().is_some_and(|note| note.contains("[2 rows")));
        assert_eq!(follower.note_of_skipped(), None);
    }
}
