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
#[derive(Clone, Copy)]
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
    let mut measure = Measure::new();
    let host_of = |at: usize| Host::of(hosted.get(at).and_then(Option::as_ref));
    for (at, row) in rows.iter().enumerate() {
        measure.take_in(row, &host_of(at), &drawing);
    }
    let layout = measure.layout(drawing.columns);
    let line = move |cells: &[Cell<'_>; COLUMNS.len()]| {
        let mut line = String::new();
        layout.pieces(cells, &mut |paint, text| drawing.palette.push(&mut line, paint, text));
        line
    };
    let lines = rows.iter().enumerate().map(move |(at, row)| cells(row, &host_of(at), &drawing));
    std::iter::once(headings()).chain(lines).map(move |cells| line(&cells))
}

/// What the rows of a table ask of its columns.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    widest: [usize; COLUMNS.len()],
    has_activity: bool,
    has_hosts: bool,
}

impl Measure {
    /// Of no rows yet.
    pub(crate) fn new() -> Self {
        let widest = COLUMNS.map(|column| column.heading.len());
        Self { widest, has_activity: false, has_hosts: false }
    }

    /// One more row.
    pub(crate) fn take_in(&mut self, row: &Row, host: &Host, drawing: &Drawing<'_>) {
        for (widest, cell) in self.widest.iter_mut().zip(&cells(row, host, drawing)) {
            *widest = cell.width().max(*widest);
        }
        self.has_activity |= row.recent.is_some();
        self.has_hosts |= !host.kind.is_empty();
    }

    /// How the columns are laid out on so many.
    pub(crate) fn layout(&self, columns: Option<usize>) -> Layout {
        let mut widest = self.widest;
        if !self.has_activity {
            widest[ACTIVITY] = 0;
        }
        if !self.has_hosts {
            widest[HOST] = 0;
        }
        let want = |at: usize| {
            let Column { widths: [comfort, firm, least], rank, extra, .. } = COLUMNS[at];
            Want { ideal: widest[at], comfort, firm, least, rank, extra }
        };
        let wants: [Want; COLUMNS.len()] = std::array::from_fn(want);
        let widths = fit(&wants, columns);
        Layout(widths.iter().enumerate().filter_map(|(at, width)| Some((at, (*width)?))).collect())
    }
}

/// Which columns are shown, each with its width.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout(Vec<(usize, usize)>);

impl Layout {
    /// Hands over the headings, piece by piece.
    #[cfg(target_os = "linux")]
    pub(crate) fn headings(&self, put: &mut impl FnMut(Paint, &str)) {
        self.pieces(&headings(), put);
    }

    /// Hands over the line of a row, piece by piece; what is in them is sanitised.
    #[cfg(target_os = "linux")]
    pub(crate) fn row(
        &self,
        row: &Row,
        host: &Host,
        drawing: &Drawing<'_>,
        put: &mut impl FnMut(Paint, &str),
    ) {
        self.pieces(&cells(row, host, drawing), put);
    }

    /// The heading of the column that is shown there, the space after it included.
    #[cfg(target_os = "linux")]
    pub(crate) fn heading_at(&self, x: usize) -> Option<&'static str> {
        let mut end = 0;
        let mut shown = self.0.iter().map(|(at, width)| {
            end += width + GAP;
            (COLUMNS[*at].heading, end)
        });
        shown.find(|(_, end)| x < *end).map(|(heading, _)| heading)
    }

    fn pieces(&self, cells: &[Cell<'_>; COLUMNS.len()], put: &mut impl FnMut(Paint, &str)) {
        for (nth, (at, columns)) in self.0.iter().enumerate() {
            if nth > 0 {
                blank(GAP, put);
            }
            cells[*at].put(&COLUMNS[*at], *columns, nth + 1 == self.0.len(), put);
        }
    }
}

/// What the column of hosts says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    /// The kind of host; nothing for a session without one.
    pub(crate) kind: &'static str,
    /// What is said beside it: how many look.
    pub(crate) more: String,
}

impl Host {
    /// As the host itself has said.
    pub(crate) fn of(hosted: Option<&Hosted>) -> Self {
        let Some(hosted) = hosted else { return Self::default() };
        let more = match clients(hosted) {
            Some(0) => String::new(),
            Some(count) => format!("{count} attached"),
            None => hosted.state.as_str().to_owned(),
        };
        Self { kind: hosted.host.as_str(), more }
    }
}

fn headings() -> [Cell<'static>; COLUMNS.len()] {
    let heading =
        |column: Column| Cell { paint: Paint::Dim, text: column.heading.into(), ..Cell::default() };
    COLUMNS.map(heading)
}

fn cells<'a>(row: &'a Row, host: &Host, drawing: &Drawing<'_>) -> [Cell<'a>; COLUMNS.len()] {
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
        // What a host says is no text of the session's.
        Cell { text: host.kind.into(), more: host.more.clone().into(), ..Cell::default() },
        cell(Paint::Plain, clean(cwd)),
        cell(Paint::Dim, row.pid.to_string().into()),
        cell(Paint::Dim, said(short_id(row))),
    ]
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

    /// Hands it over in exactly `columns` columns, or fewer if nothing follows.
    fn put(&self, column: &Column, columns: usize, last: bool, put: &mut impl FnMut(Paint, &str)) {
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
            blank(left, put);
        }
        put(self.paint, &text);
        if !more.is_empty() {
            put(Paint::Plain, " ");
            let paint = if self.paint == Paint::Dim { Paint::Dim } else { Paint::Plain };
            put(paint, &more);
        }
        if !column.to_the_right && !last {
            blank(left, put);
        }
    }
}

/// So many blanks, without a text of their own for each cell of thousands of rows.
fn blank(mut columns: usize, put: &mut impl FnMut(Paint, &str)) {
    const BLANKS: &str = "                                ";
    while columns > 0 {
        let some = columns.min(BLANKS.len());
        put(Paint::Plain, &BLANKS[..some]);
        columns -= some;
    }
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
