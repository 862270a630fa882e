//! Which lines of the terminal are for what. Pure.

/// The columns before the table: whether a row is selected, and whether it has just begun to wait.
/// Where columns are few, one of them is worth more in the table.
pub(super) const fn gutter(columns: u16) -> u16 {
    if columns < 40 { 1 } else { 2 }
}

/// With fewer lines than this, details take the place of the table.
const BOTH: u16 = 14;

/// The lines, from 0; `None` where there is no room for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Areas {
    /// How many of what.
    pub(super) top: Option<u16>,
    /// The headings of the table.
    pub(super) headings: Option<u16>,
    /// The first row of the table.
    pub(super) first: u16,
    /// How many rows it has.
    pub(super) rows: u16,
    /// Where the details begin, and how many lines they have.
    pub(super) pane: Option<(u16, u16)>,
    /// What cannot be read.
    pub(super) problem: Option<u16>,
    /// Keys, questions, messages.
    pub(super) foot: Option<u16>,
}

impl Areas {
    /// Of so many lines. What tells least is left out first where there are few.
    pub(super) fn of(lines: u16, with_pane: bool, with_problem: bool) -> Self {
        let top = (lines >= 5).then_some(0);
        let above = u16::from(top.is_some());
        let headings = (lines >= 3).then_some(above);
        let foot = (lines >= 2).then(|| lines - 1);
        let problem = (with_problem && lines >= 6).then(|| lines - 2);
        let first = above + u16::from(headings.is_some());
        let below = u16::from(foot.is_some()) + u16::from(problem.is_some());
        let all = lines.saturating_sub(first + below);
        let mut areas = Self { top, headings, first, rows: all, pane: None, problem, foot };
        if with_pane && lines >= BOTH {
            areas.rows = all - all * 3 / 5;
            areas.pane = Some((first + areas.rows, all * 3 / 5));
        } else if with_pane {
            // The table is behind it.
            areas.headings = None;
            areas.rows = 0;
            areas.pane = Some((above, all + first - above));
        }
        areas
    }

    /// Which row of the table stands on a line.
    pub(super) fn row_at(&self, y: u16) -> Option<u16> {
        y.checked_sub(self.first).filter(|row| *row < self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_by_case() {
        let plain = |lines| Areas::of(lines, false, false);
        assert_eq!(plain(0), Areas::default());
        assert_eq!((plain(1).rows, plain(1).foot), (1, None));
        assert_eq!((plain(2).rows, plain(2).foot, plain(2).headings), (1, Some(1), None));
        assert_eq!((plain(3).first, plain(3).rows, plain(3).headings), (1, 1, Some(0)));
        assert_eq!((plain(5).top, plain(5).first, plain(5).rows), (Some(0), 2, 2));
        assert_eq!((plain(24).first, plain(24).rows, plain(24).foot), (2, 21, Some(23)));
        let problem = Areas::of(24, false, true);
        assert_eq!((problem.rows, problem.problem), (20, Some(22)));
        let both = Areas::of(24, true, true);
        assert_eq!((both.first, both.rows, both.pane), (2, 8, Some((10, 12))));
        let alone = Areas::of(10, true, false);
        assert_eq!((alone.rows, alone.headings, alone.pane), (0, None, Some((1, 8))));
    }

    #[test]
    fn nothing_overlaps_and_nothing_is_outside() {
        for lines in 0..=60 {
            for (pane, problem) in [(false, false), (false, true), (true, false), (true, true)] {
                let areas = Areas::of(lines, pane, problem);
                let single = [areas.top, areas.headings, areas.problem, areas.foot];
                let rows = areas.first..areas.first + areas.rows;
                let pane = areas.pane.map_or(0..0, |(from, height)| from..from + height);
                let mut all: Vec<u16> =
                    single.into_iter().flatten().chain(rows).chain(pane).collect();
                let count = all.len();
                all.sort_unstable();
                all.dedup();
                assert_eq!(all.len(), count, "{lines}: {areas:?}");
                assert!(all.iter().all(|line| *line < lines), "{lines}: {areas:?}");
                assert_eq!(count, usize::from(lines), "{lines}: {areas:?}");
            }
        }
    }

    #[test]
    fn a_click_means_a_row_or_nothing() {
        let areas = Areas::of(24, false, false);
        for (y, row) in [(0, None), (1, None), (2, Some(0)), (22, Some(20)), (23, None)] {
            assert_eq!(areas.row_at(y), row, "{y}");
        }
    }
}
