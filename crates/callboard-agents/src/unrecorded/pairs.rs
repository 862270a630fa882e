//! Which window of an agent shows which session of the agent's server. Pure.
//!
//! A server runs the sessions of all windows of its agent, and nothing says which window is on
//! which. Guessing by the directory alone binds the wrong one as soon as two are in it (Irrlicht
//! #109, #345, marmonitor #68), so a pair is made only where nothing else is possible.

use std::path::Path;

/// A process that shows one session.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window<'w> {
    /// Its directory; `None` where that is not to be seen.
    pub(super) cwd: Option<&'w Path>,
    /// The session that a record says it is on.
    pub(super) session_id: Option<&'w str>,
}

/// A session that a server runs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Served<'w> {
    pub(super) session_id: &'w str,
    pub(super) cwd: Option<&'w Path>,
}

/// What was found out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs {
    /// For each window, its session.
    pub(super) of_window: Vec<Option<usize>>,
    /// The sessions that no window can be showing: they are listed as the server's. Any other is
    /// counted by one of the windows.
    pub(super) unshown: Vec<usize>,
}

/// `sessions` has the one that was loaded last first.
///
/// - A window that has a session's directory to itself shows the session that was loaded last: what
///   it was on before stays loaded for a while (and a record may still name that).
/// - Of several windows in one directory, those that a record brings together with a session.
pub(super) fn pairs(windows: &[Window<'_>], sessions: &[Served<'_>]) -> Pairs {
    let fits = |window: usize, session: usize| match (windows[window].cwd, sessions[session].cwd) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let fitting = |session: usize| (0..windows.len()).filter(move |window| fits(*window, session));
    let shown_by = |window: usize| {
        let mut own = (0..sessions.len()).filter(|session| fits(window, *session));
        let newest = own.next()?;
        let is_alone = fitting(newest).count() == 1;
        let named = || {
            let id = windows[window].session_id?;
            sessions.iter().position(|session| session.session_id == id)
        };
        if is_alone { Some(newest) } else { named() }
    };
    let of_window = (0..windows.len()).map(shown_by).collect();
    let unshown =
        (0..sessions.len()).filter(|session| fitting(*session).next().is_none()).collect();
    Pairs { of_window, unshown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_made_where_nothing_else_is_possible() {
        type Case<'c> = (
            &'c str,
            &'c [(Option<&'c str>, Option<&'c str>)],
            &'c [(&'c str, Option<&'c str>)],
            &'c [Option<usize>],
            &'c [usize],
        );
        let (a, b) = (Some("/a"), Some("/b"));
        let cases: &[Case<'_>] = &[
            ("one of each", &[(a, None)], &[("x", a)], &[Some(0)], &[]),
            (
                "two directories",
                &[(a, None), (b, None)],
                &[("y", b), ("x", a)],
                &[Some(1), Some(0)],
                &[],
            ),
            (
                "two windows in one directory",
                &[(a, None), (a, None)],
                &[("x", a), ("y", a)],
                &[None, None],
                &[],
            ),
            ("two windows, one session", &[(a, None), (a, None)], &[("x", a)], &[None, None], &[]),
            (
                "one window, two sessions: one is left from before",
                &[(a, None)],
                &[("x", a), ("y", a)],
                &[Some(0)],
                &[],
            ),
            ("the window is gone, the server holds on", &[], &[("x", a)], &[], &[0]),
            ("a session of another directory", &[(a, None)], &[("x", b)], &[None], &[0]),
            (
                "a hook said which; the other one may be left from before",
                &[(a, Some("y")), (a, None)],
                &[("x", a), ("y", a)],
                &[Some(1), None],
                &[],
            ),
            (
                "a hook said one that is not loaded any more",
                &[(a, Some("z"))],
                &[("x", a)],
                &[Some(0)],
                &[],
            ),
            ("directories that are not to be seen", &[(None, None)], &[("x", a)], &[Some(0)], &[]),
            ("the same, and two sessions", &[(None, None)], &[("x", a), ("y", b)], &[Some(0)], &[]),
            (
                "a new session, and two windows that may have begun it",
                &[(a, None), (b, None)],
                &[("x", None), ("y", a)],
                &[None, None],
                &[],
            ),
            ("a session without a first prompt", &[(a, None)], &[("x", None)], &[Some(0)], &[]),
            ("nobody", &[], &[], &[], &[]),
        ];
        for (story, windows, sessions, of_window, unshown) in cases {
            let windows: Vec<_> = windows
                .iter()
                .map(|(cwd, session_id)| Window {
                    cwd: cwd.map(Path::new),
                    session_id: *session_id,
                })
                .collect();
            let sessions: Vec<_> = sessions
                .iter()
                .map(|(session_id, cwd)| Served { session_id, cwd: cwd.map(Path::new) })
                .collect();
            let found = pairs(&windows, &sessions);
            let expected = Pairs { of_window: of_window.to_vec(), unshown: unshown.to_vec() };
            assert_eq!(found, expected, "{story}");
        }
    }
}
