//! How wide each column of a table may be.

/// What a column would like, and what it can do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Want {
    /// The width of its widest cell, heading included; 0 for a column with nothing in it, which
    /// is left out.
    pub(crate) ideal: usize,
    /// As much as it may ask of the others: an extra column gives way before a needed one gets
    /// less than this.
    pub(crate) comfort: usize,
    /// What it holds on to as long as another one has more than that.
    pub(crate) firm: usize,
    /// With less it tells nothing and is left out.
    pub(crate) least: usize,
    /// Which one goes first when there is no room: the highest.
    pub(crate) rank: u8,
    /// Whether it is only there when there is room to spare.
    pub(crate) extra: bool,
}

/// The space between two columns.
pub(crate) const GAP: usize = 2;

/// The width of each column in a table of `room` columns, `None` for those that are left out.
/// The one with the lowest rank always stays, cut to the room if need be.
pub(crate) fn fit(wants: &[Want], room: Option<usize>) -> Vec<Option<usize>> {
    let mut widths: Vec<_> =
        wants.iter().map(|want| Some(want.ideal).filter(|ideal| *ideal > 0)).collect();
    let Some(room) = room else { return widths };
    for extra in [true, false] {
        let floor = |want: &Want| want.ideal.min(if extra { want.comfort } else { want.least });
        while total(&widths, |at| floor(&wants[at])) > room {
            let last = |at: &usize| widths[*at].is_some() && (!extra || wants[*at].extra);
            let Some(at) = (0..wants.len()).filter(last).max_by_key(|at| wants[*at].rank) else {
                break;
            };
            if widths.iter().flatten().count() == 1 {
                widths[at] = Some(room);
                return widths;
            }
            widths[at] = None;
        }
    }
    shrink(wants, &mut widths, room);
    widths
}

/// Takes from the columns that have most to give until the table fits.
fn shrink(wants: &[Want], widths: &mut [Option<usize>], room: usize) {
    while total(widths, |at| widths[at].unwrap_or(0)) > room {
        // First what goes beyond comfort, then what is not held on to, then down to the least.
        let give = |at: usize, floor: usize| widths[at].unwrap_or(0).saturating_sub(floor);
        let beyond = |at: &usize| {
            let Want { comfort, firm, least, .. } = wants[*at];
            (give(*at, comfort), give(*at, firm), give(*at, least))
        };
        match (0..widths.len()).max_by_key(beyond) {
            Some(at) if beyond(&at).2 > 0 => widths[at] = widths[at].map(|w| w - 1),
            _ => return,
        }
    }
}

fn total(widths: &[Option<usize>], of: impl Fn(usize) -> usize) -> usize {
    let shown = widths.iter().enumerate().filter(|(_, width)| width.is_some());
    let (count, sum) = shown.fold((0, 0), |(n, sum), (at, _)| (n + 1, sum + of(at)));
    sum + GAP * usize::saturating_sub(count, 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn want(ideal: usize, comfort: usize, least: usize, rank: u8) -> Want {
        Want { ideal, comfort, firm: least, least, rank, extra: false }
    }

    fn table() -> [Want; 4] {
        [
            want(30, 16, 8, 0),
            want(9, 9, 9, 1),
            want(40, 20, 10, 2),
            Want { extra: true, ..want(8, 8, 8, 9) },
        ]
    }

    #[test]
    fn widths_by_room() {
        let cases: &[(Option<usize>, [Option<usize>; 4])] = &[
            (None, [Some(30), Some(9), Some(40), Some(8)]),
            (Some(93), [Some(30), Some(9), Some(40), Some(8)]),
            // Comfort is shared before the extra column goes ...
            (Some(83), [Some(28), Some(9), Some(32), Some(8)]),
            (Some(59), [Some(16), Some(9), Some(20), Some(8)]),
            // ... and it goes before anybody has less than comfort.
            (Some(58), [Some(21), Some(9), Some(24), None]),
            (Some(40), [Some(13), Some(9), Some(14), None]),
            (Some(31), [Some(8), Some(9), Some(10), None]),
            (Some(30), [Some(19), Some(9), None, None]),
            (Some(20), [Some(9), Some(9), None, None]),
            (Some(19), [Some(8), Some(9), None, None]),
            (Some(18), [Some(18), None, None, None]),
            (Some(3), [Some(3), None, None, None]),
            (Some(0), [Some(0), None, None, None]),
        ];
        for (room, widths) in cases {
            let got = fit(&table(), *room);
            if let Some(room) = room {
                assert!(total(&got, |at| got[at].unwrap_or(0)) <= *room, "{room}: {got:?}");
            }
            assert_eq!(got, widths, "{room:?}");
        }
        assert_eq!(fit(&[], Some(80)), []);
        let nothing_in_it = [want(30, 16, 8, 0), want(0, 9, 9, 1)];
        assert_eq!(fit(&nothing_in_it, None), [Some(30), None]);
        assert_eq!(fit(&nothing_in_it, Some(20)), [Some(20), None]);
    }

    #[test]
    fn the_firmer_gives_way_later() {
        let wants = [want(20, 20, 8, 0), Want { firm: 18, ..want(20, 20, 8, 1) }];
        for (room, widths) in [
            (42, [20, 20]),
            (40, [18, 20]),
            (32, [10, 20]),
            (28, [8, 18]),
            (27, [8, 17]),
            (18, [8, 8]),
        ] {
            assert_eq!(fit(&wants, Some(room)), widths.map(Some), "{room}");
        }
    }
}
