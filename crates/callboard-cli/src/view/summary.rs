//! How many of what: the last line under the table.

use callboard_agents::Row;

use super::gauge::gauge;
use crate::output::paint::{Paint, Palette};
use crate::output::sanitize::sanitize;
use crate::output::width::{Keep, cut, width};

/// `1 waiting · 2 busy · 1 idle`, with how many could not be read.
pub(crate) fn summary(
    rows: &[Row],
    unreadable: usize,
    palette: Palette,
    columns: Option<usize>,
) -> String {
    let painted = parts(rows, unreadable, columns);
    painted.iter().map(|(paint, text)| palette.paint(*paint, text)).collect()
}

/// The same in pieces, sanitised, separators included.
pub(crate) fn parts<'r>(
    rows: impl IntoIterator<Item = &'r Row>,
    unreadable: usize,
    columns: Option<usize>,
) -> Vec<(Paint, String)> {
    let mut parts: Vec<(Paint, String)> = Vec::new();
    let states = gauge(rows).into_iter();
    let counts =
        states.map(|(state, count)| (state.paint(), format!("{count} {}", sanitize(state.word()))));
    let unreadable = (unreadable > 0).then(|| (Paint::Wrong, format!("{unreadable} unreadable")));
    for part in counts.chain(unreadable) {
        if !parts.is_empty() {
            parts.push((Paint::Dim, " · ".to_owned()));
        }
        parts.push(part);
    }
    let plain: String = parts.iter().map(|(_, text)| &**text).collect();
    match columns.filter(|columns| *columns < width(&plain)) {
        Some(columns) => vec![(Paint::Dim, cut(&plain, columns, Keep::Beginning).into_owned())],
        None => parts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{board, row};

    const PLAIN: Palette = Palette { colours: false };

    #[test]
    fn summaries_by_case() {
        let rows = board();
        let full =
            "1 waiting · 2 busy · 1 compacting · 1 shell · 1 idle · 1 without a status · 1 unknown";
        assert_eq!(summary(&rows, 0, PLAIN, None), full);
        assert_eq!(summary(&rows, 0, PLAIN, Some(20)), "1 waiting · 2 busy…");
        assert_eq!(summary(&[], 2, PLAIN, Some(80)), "2 unreadable");
        assert_eq!(
            summary(&[row(r#"{"pid":7,"status":"busy"}"#)], 1, PLAIN, None),
            "1 busy · 1 unreadable"
        );
    }

    #[test]
    fn an_unknown_status_is_sanitised() {
        let rows = [row("{\"pid\":7,\"status\":\"\\u001b[31m\"}")];
        assert_eq!(summary(&rows, 0, PLAIN, None), "1 \\u{1b}[31m");
    }
}
