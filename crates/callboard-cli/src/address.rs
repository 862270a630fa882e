//! Which session the user means.
//!
//! What is exact comes before what is a beginning: a session that is named `ab` is meant by `ab`,
//! however many session ids begin so (a prefix that beat an exact name sent messages to the wrong
//! session: openclaude #1753), and also once it has ended. What could mean several sessions means
//! none: ids that are made from the time share their first eight characters (pi-intercom #83), so
//! a guess would be wrong just when several were started together.
//!
//! A beginning has to say enough to be no accident. A single character begins the id of every
//! sixteenth session: a script that waited for a session called `c`, which had ended, had the
//! answer of another one.

pub(crate) mod rows;

/// What a session can be called by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Called<'a> {
    /// Its process.
    pub(crate) pid: u32,
    /// Its name.
    pub(crate) name: Option<&'a str>,
    /// Its conversation.
    pub(crate) session_id: Option<&'a str>,
    /// What the board shows in the place of a name.
    pub(crate) shown: &'a str,
}

/// What came of looking.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Meant {
    /// This one, by position.
    One(usize),
    /// Any of these.
    Several(Vec<usize>),
    /// None.
    Nobody,
}

/// How a text names a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// Its exact name, its session id, or its pid.
    Exact,
    /// The first characters of its session id, or else what the board shows for one without a
    /// name.
    Partial,
}

impl Naming {
    /// In the order in which they are to be tried, each with all sessions that there are.
    pub(crate) const IN_TURN: [Self; 2] = [Self::Exact, Self::Partial];

    /// Finds the session that the text names so.
    pub(crate) fn find<'a>(
        self,
        text: &str,
        sessions: impl Iterator<Item = Called<'a>> + Clone,
    ) -> Meant {
        if text.is_empty() {
            return Meant::Nobody;
        }
        let is_enough = text.chars().count() >= fewest_characters(text);
        let named = |s: &Called<'_>| s.name == Some(text);
        let whole = |s: &Called<'_>| s.session_id == Some(text);
        let pid = |s: &Called<'_>| text.parse() == Ok(s.pid) && !text.starts_with(['+', '0']);
        let begun =
            |s: &Called<'_>| is_enough && s.session_id.is_some_and(|id| id.starts_with(text));
        let shown = |s: &Called<'_>| s.shown == text;
        let tests: &[&dyn Fn(&Called<'_>) -> bool] = match self {
            Self::Exact => &[&named, &whole, &pid],
            Self::Partial => &[&begun, &shown],
        };
        for test in tests {
            let found: Vec<usize> =
                sessions.clone().enumerate().filter(|(_, s)| test(s)).map(|(at, _)| at).collect();
            match found[..] {
                [] => {}
                [one] => return Meant::One(one),
                _ => return Meant::Several(found),
            }
        }
        Meant::Nobody
    }
}

/// How many characters this text would need to be the beginning of a session id.
pub(crate) fn fewest_characters(text: &str) -> usize {
    // Digits alone may be the pid of a session that has ended, of at most seven digits
    // (`PID_MAX_LIMIT` in the kernel's `include/linux/threads.h` is 4,194,304).
    if text.bytes().all(|byte| byte.is_ascii_digit()) { 8 } else { 4 }
}

#[cfg(test)]
mod tests {
    use super::Meant::{Nobody, One, Several};
    use super::*;

    const BOARD: [(u32, Option<&str>, Option<&str>, &str); 10] = [
        (11, Some("billing"), Some("52fb8bf5-aaaa"), "billing"),
        // Ids from one clock tick: the same beginning.
        (12, Some("0199f00d"), Some("0199f00d-7000-1"), "0199f00d"),
        (13, None, Some("0199f00d-7000-2"), "api"),
        // A name that is the beginning of somebody else's id.
        (14, Some("52fb"), Some("77777777"), "52fb"),
        // A name that is somebody else's pid.
        (15, Some("11"), Some("88888888"), "11"),
        // Two of one name.
        (16, Some("twin"), Some("a1"), "twin"),
        (17, Some("twin"), Some("a2"), "twin"),
        // An id that begins like a pid.
        (18, None, Some("19ff"), "web"),
        (19, None, None, "api"),
        // The whole of another id begins its own.
        (20, None, Some("19ff0000"), "19ff0000"),
    ];

    /// Where there is nowhere else to look.
    fn meant<'a>(text: &str, sessions: impl Iterator<Item = Called<'a>> + Clone) -> Meant {
        let found = Naming::IN_TURN.map(|naming| naming.find(text, sessions.clone()));
        found.into_iter().find(|meant| *meant != Nobody).unwrap_or(Nobody)
    }

    #[test]
    fn who_is_meant_by_case() {
        let cases: &[(&str, Meant)] = &[
            ("billing", One(0)),
            ("bill", Nobody), // the beginning of a name is none of the three
            ("52fb8", One(0)),
            ("52fb", One(3)), // the exact name, not the id that begins so
            ("52fb8bf5-aaaa", One(0)),
            ("52f", Nobody), // too little to be no accident
            ("5", Nobody),
            ("7777777", Nobody), // a pid that has ended, as likely
            ("77777777", One(3)),
            ("0199f00d", One(1)),
            ("0199f00d-7000-2", One(2)),
            ("0199f00d-7000", Several(vec![1, 2])),
            ("0199f", Several(vec![1, 2])),
            ("0199", Nobody),
            ("11", One(4)), // the exact name, not the pid
            ("12", One(1)),
            ("19", One(8)), // the pid, not the beginning of an id
            ("19f", Nobody),
            ("19ff", One(7)),
            ("19ff0", One(9)),
            ("+12", Nobody),
            ("012", Nobody),
            ("twin", Several(vec![5, 6])),
            ("a", Nobody),
            ("a1", One(5)),
            ("16", One(5)),
            ("web", One(7)), // as the board shows it
            ("api", Several(vec![2, 8])),
            ("TWIN", Nobody),
            ("", Nobody),
            (" ", Nobody),
            ("99999999999999999999", Nobody),
        ];
        let sessions = BOARD.iter().map(|(pid, name, session_id, shown)| Called {
            pid: *pid,
            name: *name,
            session_id: *session_id,
            shown,
        });
        for (text, expected) in cases {
            assert_eq!(meant(text, sessions.clone()), *expected, "{text:?}");
        }
        assert_eq!(meant("x", std::iter::empty()), Nobody);
    }
}
