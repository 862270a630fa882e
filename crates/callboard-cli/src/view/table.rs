//! The table that people look at all day.

use std::borrow::Cow;

use callboard::Kind;
use callboard_agents::Row;
use callboard_agents::activity::INTERVALS;
use callboard_host::Hosted;

use super::bars::bars;
use super::hosted::clients;
use super::naming::{given_name, short_id, shown_name, tilde};
use super::state::{State, status_word};
use crate::output::age::age;
use crate::output::columns::{GAP, Want, fit};
use crate::output::paint::{Paint, Palette};
use crate::output::sanitize::sanitize;
use crate::output::width::{Keep, cut, width};

/// What the table is drawn for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drawing<'a> {
    /// Now, in ms since the epoch.
    pub(crate) now: u64,
    /// The user's home, shown as `~`.
    pub(crate) home: Option<&'a str>,
    /// The columns there are.
    pub(crate) columns: Option<usize>,
    /// Colours or none.
    pub(crate) palette: Palette,
}

/// One cell: its text, and more that is said in another tone and cut first.
#[derive(Default)]
struct Cell<'a> {
    paint: Paint,
    text: Cow<'a, str>,
    more: Cow<'a, str>,
}

/// One column: what it is called, how it is cut, and where it stands when there is little room.
struct Column {
    heading: &'static str,
    keep: Keep,
    to_the_right: bool,
    /// As in [`Want`]: comfort, firm, least.
    widths: [usize; 3],
    rank: u8,
    extra: bool,
}

const fn column(heading: &'static str, widths: [usize; 3], rank: u8) -> Column {
    let keep = Keep::Beginning;
    Column { heading, keep, to_the_right: false, widths, rank, extra: false }
}

/// The status holds on to `waiting permission prompt` at the expense of names and directories,
/// which are still told apart when they are cut.
const COLUMNS: [Column; 9] = [
    column("NAME", [24, 14, 8], 0),
    column("STATUS", [30, 27, 9], 1),
    Column { to_the_right: true, ..column("AGE", [3, 3, 3], 2) },
    Column { extra: true, ..column("ACTIVITY", [INTERVALS; 3], 7) },
    column("TOOL", [12, 7, 6], 5),
    Column { extra: true, ..column("HOST", [18, 18, 7], 6) },
    Column { keep: Keep::End, ..column("DIRECTORY", [28, 14, 10], 3) },
    Column { to_the_right: true, ..column("PID", [7, 7, 7], 4) },
    Column { extra: true, ..column("SESSION", [8, 8, 8], 8) },
];

/// The places of the columns that may have nothing in them.
const ACTIVITY: usize = 3;
const HOST: usize = 5;

/// The lines of the table, headings first; none is wider than the terminal.
///
/// `hosted` has the background session of each row, or nothing. Each row is gone through twice, to measure and to draw, and only one at a time is in memory.
pub(crate) fn table<'a>(
    rows: &'a [Row],
    hosted: &'a [Option<Hosted>],
    drawing: Drawing<'a>,
) -> impl Iterator<Item = String> + 'a {
    let mut widest = COLUMNS.map(|column| column.heading.len());
    let host_of = |at: usize| hosted.get(at).and_then(Option::as_ref);
    for (at, row) in rows.iter().enumerate() {
        for (widest, cell) in widest.iter_mut().zip(&cells(row, host_of(at), &drawing)) {
            *widest = cell.width().max(*widest);
        }
    }
    if rows.iter().all(|row| row.recent.is_none()) {
        widest[ACTIVITY] = 0;
    }
    if hosted.iter().all(Option::is_none) {
        widest[HOST] = 0;
    }
    let want = |at: usize| {
        let Column { widths: [comfort, firm, least], rank, extra, .. } = COLUMNS[at];
        Want { ideal: widest[at], comfort, firm, least, rank, extra }
    };
    let wants: [Want; COLUMNS.len()] = std::array::from_fn(want);
    let widths = fit(&wants, drawing.columns);
    let layout: Vec<(usize, usize)> =
        widths.iter().enumerate().filter_map(|(at, width)| Some((at, (*width)?))).collect();
    let headings = COLUMNS.map(|column| Cell {
        paint: Paint::Dim,
        text: column.heading.into(),
        ..Cell::default()
    });
    std::iter::once(headings)
        .chain(rows.iter().enumerate().map(move |(at, row)| cells(row, host_of(at), &drawing)))
        .map(move |cells| line(&cells, &layout, drawing.palette))
}

fn cells<'a>(
    row: &'a Row,
    hosted: Option<&Hosted>,
    drawing: &Drawing<'_>,
) -> [Cell<'a>; COLUMNS.len()] {
    let state = State::of(row);
    let tone = |paint| if state.is_dim() { Paint::Dim } else { paint };
    let cell = |paint, text: Cow<'a, str>| Cell { paint: tone(paint), text, ..Cell::default() };
    let said = |text: Option<&'a str>| sanitize(text.filter(|t| !t.is_empty()).unwrap_or("-"));
    let name = if given_name(row).is_some() { Paint::Strong } else { Paint::Plain };
    let since = row.status.as_ref().and(row.status_since);
    let kind = row.kind.as_ref().filter(|kind| **kind != Kind::Interactive);
    let cwd = tilde(row.cwd.as_deref().filter(|cwd| !cwd.is_empty()).unwrap_or("-"), drawing.home);
    [
        cell(name, clean(shown_name(row))),
        Cell {
            paint: tone(state.paint()),
            text: format!("{} {}", state.sign(), sanitize(status_word(row))).into(),
            more: sanitize(row.waiting_for.as_deref().unwrap_or_default()),
        },
        cell(
            state.paint(),
            since.map_or(Cow::Borrowed(""), |since| age(drawing.now, since).into()),
        ),
        cell(state.paint(), row.recent.as_deref().map_or("".into(), |recent| bars(recent).into())),
        Cell {
            more: sanitize(kind.map_or("", |kind| kind.as_str())),
            ..cell(Paint::Plain, said(row.tool.as_deref()))
        },
        host(hosted),
        cell(Paint::Plain, clean(cwd)),
        cell(Paint::Dim, row.pid.to_string().into()),
        cell(Paint::Dim, said(short_id(row))),
    ]
}

/// The kind of host, and how many look; what a host says is no text of the session's.
fn host<'a>(hosted: Option<&Hosted>) -> Cell<'a> {
    let Some(hosted) = hosted else { return Cell::default() };
    let more = match clients(hosted) {
        Some(0) => String::new(),
        Some(count) => format!("{count} attached"),
        None => hosted.state.as_str().to_owned(),
    };
    Cell { text: hosted.host.as_str().into(), more: more.into(), ..Cell::default() }
}

fn clean(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => sanitize(text),
        Cow::Owned(text) => Cow::Owned(sanitize(&text).into_owned()),
    }
}

impl Cell<'_> {
    fn width(&self) -> usize {
        let more = if self.more.is_empty() { 0 } else { 1 + width(&self.more) };
        width(&self.text) + more
    }

    /// Appends it in exactly `columns` columns, or fewer if nothing follows.
    fn push(
        &self,
        line: &mut String,
        column: &Column,
        columns: usize,
        last: bool,
        palette: Palette,
    ) {
        let text = cut(&self.text, columns, column.keep);
        let left = columns - width(&text);
        let more = match left.checked_sub(1) {
            Some(room) if room > 1 && !self.more.is_empty() => {
                cut(&self.more, room, Keep::Beginning)
            }
            _ => Cow::Borrowed(""),
        };
        let left = left - if more.is_empty() { 0 } else { 1 + width(&more) };
        if column.to_the_right {
            line.extend(std::iter::repeat_n(' ', left));
        }
        palette.push(line, self.paint, &text);
        if !more.is_empty() {
            line.push(' ');
            let paint = if self.paint == Paint::Dim { Paint::Dim } else { Paint::Plain };
            palette.push(line, paint, &more);
        }
        if !column.to_the_right && !last {
            line.extend(std::iter::repeat_n(' ', left));
        }
    }
}

fn line(cells: &[Cell<'_>], layout: &[(usize, usize)], palette: Palette) -> String {
    let mut line = String::new();
    for (nth, (at, columns)) in layout.iter().enumerate() {
        if nth > 0 {
            line.extend([' '; GAP]);
        }
        cells[*at].push(&mut line, &COLUMNS[*at], *columns, nth + 1 == layout.len(), palette);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{NOW, board, recent, row};

    fn draw(rows: &[Row], columns: Option<usize>) -> String {
        let palette = Palette { colours: false };
        let drawing = Drawing { now: NOW, home: Some("/home/u"), columns, palette };
        let lines: Vec<String> = table(rows, &[], drawing).collect();
        for line in &lines {
            assert!(columns.is_none_or(|columns| width(line) <= columns), "{columns:?}: {line:?}");
        }
        lines.join("\n")
    }

    #[test]
    fn eighty_columns() {
        insta::assert_snapshot!(draw(&board(), Some(80)), @r#"
        NAME            STATUS                       AGE  TOOL     DIRECTORY         PID
        billing         ◆ waiting permission prompt   3s  claude   ~/src/billing   48211
        fix the flaky…  ● busy                       12m  claude   …/api-gateway   48102
        nightly-migra…  ● busy                        4h  qwen bg  …/migrations    39977
        日本語のセッ…   • compacting                 41s  claude   …/プロジェクト  48733
        🚀 deploy       ◐ shell                       4m  claude   ~/infra         47110
        notes           ○ idle                        3d  python3  ~/notes          9120
        make            · -                               make     ~                 811
        devbox          ? waiting                     2d  claude   /workspace         12
        "#);
    }

    #[test]
    fn two_hundred_columns() {
        insta::assert_snapshot!(draw(&board(), Some(200)), @r#"
        NAME                                          STATUS                       AGE  TOOL     DIRECTORY                              PID  SESSION
        billing                                       ◆ waiting permission prompt   3s  claude   ~/src/billing                        48211  52fb8bf5
        fix the flaky tests                           ● busy                       12m  claude   ~/src/platform/services/api-gateway  48102  7c1d90aa
        nightly-migration-of-every-customer-database  ● busy                        4h  qwen bg  /srv/migrations                      39977  b0a7c2d4
        日本語のセッション                            • compacting                 41s  claude   ~/日本語/プロジェクト                48733  c41f
        🚀 deploy                                     ◐ shell                       4m  claude   ~/infra                              47110  d00d
        notes                                         ○ idle                        3d  python3  ~/notes                               9120  e1e1e1e1
        make                                          · -                               make     ~                                      811  f00f
        devbox                                        ? waiting                     2d  claude   /workspace                              12  0a0b0c0d
        "#);
    }

    #[test]
    fn a_sparkline_where_a_conversation_was_read() {
        let mut rows = board();
        rows.truncate(3);
        rows[0].recent = Some(Box::new(recent(&[(11, 3), (9, 1), (8, 5), (2, 30), (0, 12)])));
        rows[1].recent = Some(Box::new(recent(&[])));
        insta::assert_snapshot!(draw(&rows, Some(120)), @r#"
        NAME                       STATUS                       AGE  ACTIVITY      TOOL     DIRECTORY                        PID
        billing                    ◆ waiting permission prompt   3s  ▁ ▁▂     █ ▃  claude   ~/src/billing                  48211
        fix the flaky tests        ● busy                       12m                claude   …/services/api-gateway         48102
        nightly-migration-of-eve…  ● busy                        4h                qwen bg  /srv/migrations                39977
        "#);
        // It is of use only where there is room for it.
        assert!(!draw(&rows, Some(80)).contains("ACTIVITY"));
    }

    #[test]
    fn forty_and_twenty_columns() {
        insta::assert_snapshot!(draw(&board(), Some(40)), @r#"
        NAME        STATUS      AGE  DIRECTORY
        billing     ◆ waiting    3s  …/billing
        fix the f…  ● busy      12m  …pi-gateway
        nightly-m…  ● busy       4h  …migrations
        日本語の…   • compact…  41s  …ロジェクト
        🚀 deploy   ◐ shell      4m  ~/infra
        notes       ○ idle       3d  ~/notes
        make        · -              ~
        devbox      ? waiting    2d  /workspace
        "#);
        insta::assert_snapshot!(draw(&board(), Some(20)), @r#"
        NAME       STATUS
        billing    ◆ waiting
        fix the…   ● busy
        nightly-…  ● busy
        日本語の…  • compac…
        🚀 deploy  ◐ shell
        notes      ○ idle
        make       · -
        devbox     ? waiting
        "#);
    }

    #[test]
    fn no_width_is_too_small_or_too_large() {
        let rows = board();
        for columns in (0..=260).map(Some).chain([None]) {
            let text = draw(&rows, columns);
            assert_eq!(text.split('\n').count(), rows.len() + 1);
        }
    }

    #[test]
    fn nothing_untrusted_is_drawn_raw() {
        let bad = "\\u001b]0;x\\u0007\\n\\u202e";
        let row = row(&format!(
            r#"{{"pid":7,"name":"a{bad}","cwd":"/b{bad}","tool":"c{bad}","kind":"d{bad}",
                "status":"e{bad}","waitingFor":"f{bad}","sessionId":"{bad}"}}"#
        ));
        for columns in [None, Some(80), Some(20)] {
            let text = draw(std::slice::from_ref(&row), columns);
            assert_eq!(text.split('\n').count(), 2);
            assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text:?}");
        }
    }

    #[test]
    fn colours_do_not_move_columns() {
        let drawing = |colours| Drawing {
            now: NOW,
            home: None,
            columns: Some(100),
            palette: Palette { colours },
        };
        let bare = |line: String| {
            let mut bare = String::new();
            for (nth, part) in line.split('\u{1b}').enumerate() {
                bare.push_str(if nth == 0 { part } else { part.split_once('m').unwrap().1 });
            }
            bare
        };
        let rows = board();
        let painted: Vec<_> = table(&rows, &[], drawing(true)).map(bare).collect();
        assert_eq!(painted, table(&rows, &[], drawing(false)).collect::<Vec<_>>());
    }
}
