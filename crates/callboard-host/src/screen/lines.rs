//! Text and colours, line by line: what `logs` shows and what stands in a log.
//!
//! Each line begins and ends without attributes, so that any of them can be shown alone.

/// Splits text with SGR sequences (and no other) into lines that each stand for themselves.
pub(super) fn split(text: &str) -> Vec<String> {
    let mut active = String::new();
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let mut alone = format!("{active}{line}");
        carry(&mut active, line);
        // What is taken back before the first character says nothing.
        if let Some(taken_back) = leading_reset(&alone) {
            alone.drain(..taken_back);
        }
        if !active.is_empty() {
            alone.push_str(RESET);
        }
        lines.push(alone);
    }
    lines
}

const RESET: &str = "\x1b[m";

/// The sequences that still hold after a line.
fn carry(active: &mut String, line: &str) {
    let mut rest = line;
    while let Some(at) = rest.find('\x1b') {
        let Some(sequence) = sequence(&rest[at..]) else { return };
        if is_reset(sequence) {
            active.clear();
        } else {
            active.push_str(sequence);
        }
        rest = &rest[at + sequence.len()..];
    }
}

/// Where the last reset ends before which nothing is shown.
fn leading_reset(line: &str) -> Option<usize> {
    let (mut at, mut end) = (0, None);
    while let Some(sequence) = sequence(&line[at..]) {
        at += sequence.len();
        if is_reset(sequence) {
            end = Some(at);
        }
    }
    end
}

/// The sequence that a text begins with.
fn sequence(text: &str) -> Option<&str> {
    text.strip_prefix('\x1b').and_then(|rest| rest.find('m')).map(|end| &text[..end + 2])
}

fn is_reset(sequence: &str) -> bool {
    matches!(sequence, RESET | "\x1b[0m")
}

/// The same without the sequences.
pub(crate) fn plain(text: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|b| *b == 0x1b) {
        clean.extend(&rest[..at]);
        // A sequence that is cut has no end.
        let end = rest[at..].iter().position(|b| *b == b'm').map_or(rest.len(), |end| at + end + 1);
        rest = &rest[end..];
    }
    clean.extend(rest);
    clean
}

/// Whether a line shows nothing.
pub(super) fn is_blank(line: &str) -> bool {
    plain(line.as_bytes()).iter().all(|b| *b == b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_stands_for_itself() {
        let text = "a\x1b[31mb\nc\x1b[1m\n\x1b[md\ne";
        assert_eq!(split(text), ["a\x1b[31mb\x1b[m", "\x1b[31mc\x1b[1m\x1b[m", "d", "e"]);
        assert_eq!(plain(text.as_bytes()), b"ab\nc\nd\ne");
        assert_eq!(plain(b"x\x1b[3"), b"x");
        assert!(is_blank("  \x1b[41m \x1b[m") && !is_blank(" x"));
    }
}
