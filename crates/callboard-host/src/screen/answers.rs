//! What a program asks its terminal, and what it is answered when there is none.
//!
//! The answers are those of a plain xterm-like terminal: nothing that a client's terminal might
//! not be able to do is claimed. Numbers are from ctlseqs (xterm) and the kitty keyboard protocol.

/// What was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// DA1: what are you?
    Attributes,
    /// DA2: and of which version?
    Version,
    /// DSR 5: are you well?
    Status,
    /// DSR 6: where is the cursor?
    Cursor { private: bool },
    /// DECRQM: is this private mode on?
    PrivateMode(u16),
    /// How are keys encoded?
    Keyboard,
    /// XTVERSION: what are you called?
    Name,
    /// XTWINOPS 18: how large are you?
    Size,
    /// DSR 996: dark or light?
    Scheme,
    /// OSC 10, 11, 12: which colour?
    Colour(u8),
}

/// What the answer depends on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// From 0.
    pub(crate) cursor: (u16, u16),
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) keyboard: u8,
    /// Of the mode that was asked for.
    pub(crate) private_mode: Option<bool>,
}

/// The question in a control sequence, if there is one.
pub(crate) fn question(
    intermediates: (Option<u8>, Option<u8>),
    parameters: &[&[u16]],
    last: char,
) -> Option<Question> {
    let first = parameters.first().and_then(|p| p.first()).copied().unwrap_or(0);
    Some(match (intermediates, last, first) {
        ((None, None), 'c', 0) => Question::Attributes,
        ((Some(b'>'), None), 'c', 0) => Question::Version,
        ((None, None), 'n', 5) => Question::Status,
        ((None, None), 'n', 6) => Question::Cursor { private: false },
        ((Some(b'?'), None), 'n', 6) => Question::Cursor { private: true },
        ((Some(b'?'), None), 'n', 996) => Question::Scheme,
        ((Some(b'?'), Some(b'$')), 'p', mode) => Question::PrivateMode(mode),
        ((Some(b'?'), None), 'u', _) => Question::Keyboard,
        ((Some(b'>'), None), 'q', 0) => Question::Name,
        ((None, None), 't', 18) => Question::Size,
        _ => return None,
    })
}

/// The question in an operating system command, if there is one.
pub(crate) fn colour_question(parameters: &[&[u8]]) -> Option<Question> {
    match parameters {
        [b"10", b"?"] => Some(Question::Colour(10)),
        [b"11", b"?"] => Some(Question::Colour(11)),
        [b"12", b"?"] => Some(Question::Colour(12)),
        _ => None,
    }
}

/// What a terminal answers.
pub(crate) fn answer(question: Question, facts: &Facts) -> String {
    let (row, column) = facts.cursor;
    // After the last column has been written to, the cursor still stands on it.
    let (row, column) = (row + 1, column.min(facts.columns.saturating_sub(1)) + 1);
    match question {
        // A VT220 with colours.
        Question::Attributes => "\x1b[?62;22c".into(),
        Question::Version => "\x1b[>1;10;0c".into(),
        Question::Status => "\x1b[0n".into(),
        Question::Cursor { private: false } => format!("\x1b[{row};{column}R"),
        Question::Cursor { private: true } => format!("\x1b[?{row};{column}R"),
        Question::PrivateMode(mode) => {
            let state = match facts.private_mode {
                Some(true) => 1,
                Some(false) => 2,
                None => 0,
            };
            format!("\x1b[?{mode};{state}$y")
        }
        Question::Keyboard => format!("\x1b[?{}u", facts.keyboard),
        Question::Name => format!("\x1bP>|callboard({})\x1b\\", env!("CARGO_PKG_VERSION")),
        Question::Size => format!("\x1b[8;{};{}t", facts.rows, facts.columns),
        Question::Scheme => "\x1b[?997;1n".into(),
        Question::Colour(11) => "\x1b]11;rgb:0000/0000/0000\x1b\\".into(),
        Question::Colour(which) => format!("\x1b]{which};rgb:d0d0/d0d0/d0d0\x1b\\"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_by_case() {
        let none = (None, None);
        for (intermediates, parameters, last, expected) in [
            (none, &[][..], 'c', Some(Question::Attributes)),
            (none, &[&[0][..]][..], 'c', Some(Question::Attributes)),
            // An answer, echoed by the terminal's own driver, is no question.
            ((Some(b'?'), None), &[&[62]], 'c', None),
            ((Some(b'>'), None), &[], 'c', Some(Question::Version)),
            (none, &[&[5]], 'n', Some(Question::Status)),
            (none, &[&[6]], 'n', Some(Question::Cursor { private: false })),
            (none, &[&[0]], 'n', None),
            ((Some(b'?'), Some(b'$')), &[&[2026]], 'p', Some(Question::PrivateMode(2026))),
            ((Some(b'?'), None), &[], 'u', Some(Question::Keyboard)),
            ((Some(b'>'), None), &[&[1]], 'u', None),
            ((Some(b'>'), None), &[], 'q', Some(Question::Name)),
            (none, &[&[18]], 't', Some(Question::Size)),
            (none, &[&[22], &[0]], 't', None),
        ] {
            assert_eq!(
                question(intermediates, parameters, last),
                expected,
                "{last} {parameters:?}"
            );
        }
        assert_eq!(colour_question(&[b"11", b"?"]), Some(Question::Colour(11)));
        assert_eq!(colour_question(&[b"11", b"#fff"]), None);
    }

    #[test]
    fn answers_by_case() {
        let facts = Facts {
            cursor: (4, 120),
            rows: 40,
            columns: 120,
            keyboard: 5,
            private_mode: Some(true),
        };
        for (question, expected) in [
            (Question::Attributes, "\x1b[?62;22c"),
            (Question::Cursor { private: false }, "\x1b[5;120R"),
            (Question::Cursor { private: true }, "\x1b[?5;120R"),
            (Question::Keyboard, "\x1b[?5u"),
            (Question::PrivateMode(2004), "\x1b[?2004;1$y"),
            (Question::Size, "\x1b[8;40;120t"),
            (Question::Colour(10), "\x1b]10;rgb:d0d0/d0d0/d0d0\x1b\\"),
        ] {
            assert_eq!(answer(question, &facts), expected);
        }
        let unknown = Facts { private_mode: None, ..facts };
        assert_eq!(answer(Question::PrivateMode(9999), &unknown), "\x1b[?9999;0$y");
    }
}
