//! In which order the sessions stand. Pure.

use std::cmp::{Ordering, Reverse};

use callboard_agents::{Row, attention};

use crate::view::naming::shown_name;
use crate::view::state::State;

/// What the sessions are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum SortBy {
    /// Who wants you most, as in `ps`.
    #[default]
    Attention,
    /// The name.
    Name,
    /// The status, in the order in which it wants you.
    Status,
    /// How long the status is what it is, the youngest first.
    Age,
    /// The program.
    Tool,
    /// The directory.
    Directory,
    /// The pid.
    Pid,
}

impl SortBy {
    /// All of them, in the order in which a key goes through them.
    pub(super) const ALL: [Self; 7] = [
        Self::Attention,
        Self::Name,
        Self::Status,
        Self::Age,
        Self::Tool,
        Self::Directory,
        Self::Pid,
    ];

    /// The word for it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Attention => "attention",
            Self::Name => "name",
            Self::Status => "status",
            Self::Age => "age",
            Self::Tool => "tool",
            Self::Directory => "directory",
            Self::Pid => "pid",
        }
    }

    /// The one whose column has this heading.
    pub(super) fn of_heading(heading: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| by.word().eq_ignore_ascii_case(heading))
    }

    /// The next one.
    pub(super) fn next(self) -> Self {
        let at = Self::ALL.iter().position(|by| *by == self).unwrap_or(0);
        Self::ALL[(at + 1) % Self::ALL.len()]
    }

    fn compare(self, a: &Row, b: &Row) -> Ordering {
        // What is not known comes last.
        let text = |text: &Option<Box<str>>| (text.is_none(), text.clone());
        match self {
            Self::Attention => Ordering::Equal,
            Self::Name => shown_name(a).to_lowercase().cmp(&shown_name(b).to_lowercase()),
            Self::Status => State::of(a).cmp(&State::of(b)),
            Self::Age => Reverse(a.status_since).cmp(&Reverse(b.status_since)),
            Self::Tool => text(&a.tool).cmp(&text(&b.tool)),
            Self::Directory => text(&a.cwd).cmp(&text(&b.cwd)),
            Self::Pid => a.pid.cmp(&b.pid),
        }
    }
}

/// An order, and whether it is turned around.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sort {
    /// By what.
    pub(crate) by: SortBy,
    /// Whether the last comes first.
    pub(crate) reversed: bool,
}

impl Sort {
    /// Which of two rows comes first; equal ones stand as they want the user.
    pub(super) fn compare(self, a: &Row, b: &Row) -> Ordering {
        let order = match self.by {
            SortBy::Attention => attention(a, b),
            by => by.compare(a, b),
        };
        let order = if self.reversed { order.reverse() } else { order };
        order.then_with(|| attention(a, b))
    }

    /// As it is shown: `age ▲` counts up, `age ▼` down.
    pub(super) fn words(self) -> String {
        format!("{} {}", self.by.word(), if self.reversed { '▼' } else { '▲' })
    }

    /// After a click on a heading: by that column, or the other way round.
    pub(super) fn clicked(self, by: SortBy) -> Self {
        Self { by, reversed: self.by == by && !self.reversed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::board;

    #[test]
    fn orders_by_case() {
        let cases: &[(SortBy, [u32; 8])] = &[
            (SortBy::Attention, [48211, 48102, 39977, 48733, 47110, 9120, 811, 12]),
            (SortBy::Name, [48211, 12, 48102, 811, 39977, 9120, 48733, 47110]),
            (SortBy::Status, [48211, 48102, 39977, 48733, 47110, 9120, 811, 12]),
            (SortBy::Age, [48211, 48733, 47110, 48102, 39977, 12, 9120, 811]),
            (SortBy::Tool, [48211, 48102, 48733, 47110, 12, 811, 9120, 39977]),
            (SortBy::Directory, [811, 47110, 9120, 48211, 48102, 48733, 39977, 12]),
            (SortBy::Pid, [12, 811, 9120, 39977, 47110, 48102, 48211, 48733]),
        ];
        for (by, pids) in cases {
            let mut rows = board();
            rows.sort_by(|a, b| Sort { by: *by, reversed: false }.compare(a, b));
            assert_eq!(rows.iter().map(|row| row.pid).collect::<Vec<_>>(), pids, "{by:?}");
        }
        let mut rows = board();
        rows.sort_by(|a, b| Sort { by: SortBy::Pid, reversed: true }.compare(a, b));
        assert_eq!(rows[0].pid, 48733);
    }

    #[test]
    fn equal_ones_stand_as_they_want_the_user_whichever_way_round() {
        for reversed in [false, true] {
            let mut rows = board();
            rows.reverse();
            rows.sort_by(|a, b| Sort { by: SortBy::Tool, reversed }.compare(a, b));
            let claudes = rows.iter().filter(|row| row.tool.as_deref() == Some("claude"));
            let pids: Vec<u32> = claudes.map(|row| row.pid).collect();
            assert_eq!(pids, [48211, 48102, 48733, 47110, 12]);
        }
    }

    #[test]
    fn a_key_goes_through_all_and_a_heading_means_its_column() {
        let mut by = SortBy::default();
        for _ in SortBy::ALL {
            by = by.next();
        }
        assert_eq!(by, SortBy::default());
        assert_eq!(SortBy::of_heading("DIRECTORY"), Some(SortBy::Directory));
        assert_eq!(SortBy::of_heading("ACTIVITY"), None);
        let sort = Sort::default().clicked(SortBy::Age);
        assert_eq!((sort.by, sort.reversed), (SortBy::Age, false));
        assert!(sort.clicked(SortBy::Age).reversed);
        assert_eq!(sort.clicked(SortBy::Age).words(), "age ▼");
    }
}
