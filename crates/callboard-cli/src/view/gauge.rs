//! How many sessions are in which state.

use callboard_agents::Row;

use super::state::State;

/// Each state that there is, with how many sessions are in it, in the order in which they want the
/// user.
pub(crate) fn gauge<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Vec<(State<'r>, usize)> {
    let mut counts: Vec<(State<'_>, usize)> = Vec::new();
    for state in rows.into_iter().map(State::of) {
        match counts.iter_mut().find(|(known, _)| *known == state) {
            Some((_, count)) => *count += 1,
            None => counts.push((state, 1)),
        }
    }
    counts.sort_by_key(|(state, _)| *state);
    counts
}
