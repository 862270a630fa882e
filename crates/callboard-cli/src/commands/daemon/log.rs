//! The log of a supervisor: a line for each transition, `key=value`, on standard error.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;

use callboard_host::supervisor::Transition;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::output::json::push_string;

/// Where the lines go, and in which form.
pub(super) struct Log {
    /// The journal has times, and takes a priority at the beginning of a line.
    is_journal: bool,
    dropped: u64,
}

/// A pipe takes so much at once, and a longer line might have to wait for its reader.
const LONGEST: usize = 4000;

impl Log {
    pub(super) fn on_standard_error() -> Self {
        Self { is_journal: is_journal(), dropped: 0 }
    }

    /// Writes a line. Where nobody reads, the supervisor does not wait: lines are dropped, and the
    /// next one says how many.
    pub(super) fn tell(&mut self, transition: &Transition) {
        if !may_write() {
            self.dropped += 1;
            return;
        }
        let now = (!self.is_journal).then(jiff::Timestamp::now);
        let mut line = line(transition, now, std::mem::take(&mut self.dropped));
        if line.len() > LONGEST {
            let end = (0..=LONGEST).rev().find(|at| line.is_char_boundary(*at));
            line.truncate(end.unwrap_or_default());
            line.push('\n');
        }
        let _nobody_left_to_tell = std::io::stderr().write_all(line.as_bytes());
    }
}

/// Whether standard error is the journal: the variable is inherited by others, too.
fn is_journal() -> bool {
    let told = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    std::fs::metadata("/proc/self/fd/2")
        .is_ok_and(|found| told == format!("{}:{}", found.dev(), found.ino()))
}

fn may_write() -> bool {
    let stderr = std::io::stderr();
    let mut fds = [PollFd::new(&stderr, PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

fn line(transition: &Transition, now: Option<jiff::Timestamp>, dropped: u64) -> String {
    let mut line = match now {
        Some(now) => format!("time={now:.3} "),
        // As sd-daemon(3) has it: 4 is a warning, 6 information.
        None if transition.event.is_trouble() => "<4>".to_owned(),
        None => "<6>".to_owned(),
    };
    line.push_str(&format!("event={}", transition.event.as_str()));
    if let Some(session) = &transition.session {
        line.push_str(&format!(" session={session}"));
    }
    for (key, text) in &transition.fields {
        line.push_str(&format!(" {key}="));
        push_value(&mut line, text);
    }
    if dropped > 0 {
        line.push_str(&format!(" dropped={dropped}"));
    }
    line.push('\n');
    line
}

/// A word as it is, everything else as a JSON string: in one line, and with nothing in it that a
/// terminal would act on.
fn push_value(line: &mut String, text: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:@%+-".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        line.push_str(text);
    } else {
        push_string(line, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_word_or_a_string() {
        for (text, expected) in [
            ("on-failure", "on-failure"),
            ("/srv/a:b", "/srv/a:b"),
            ("", "\"\""),
            ("exit code 3", "\"exit code 3\""),
            ("a\n\u{1b}[2J\"\u{202e}", "\"a\\n\\u001b[2J\\\"\\u202e\""),
            ("k=v", "\"k=v\""),
        ] {
            let mut line = String::new();
            push_value(&mut line, text);
            assert_eq!(line, expected, "{text:?}");
        }
    }
}
