//! The model of a session's screen.
//!
//! It runs on whatever a program prints, so it may break: then it is thrown away, a new one takes
//! its place, and the program is to draw again. Nothing but pictures and the log depends on it.

use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vt100::{Parser, Screen};

use super::flood::Flood;
use super::lines;
use super::modes::Modes;
use super::scan::Scan;
use super::witness::{Witness, remaining};
use crate::host::SnapshotFormat;
use crate::size::Size;

/// The screen of one session, as far as it is known.
#[derive(Default)]
pub(crate) struct Model {
    size: Size,
    /// Made at the first output: a session that prints nothing takes no memory for it.
    parser: Option<Parser<Witness>>,
    scan: Scan,
    broke: bool,
    trap: Option<Box<[u8]>>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Model {
    /// An empty screen. Rows that leave it are kept until they are taken.
    pub(crate) fn new(size: Size) -> Self {
        Self { size: size.sane(), ..Self::default() }
    }

    /// For tests: panics in the middle of any output that contains this.
    pub(crate) fn set_trap(&mut self, bytes: &[u8]) {
        self.trap = Some(bytes.into());
    }

    /// What the program has printed. With `answering`, questions in it are answered.
    pub(crate) fn feed(&mut self, bytes: &[u8], answering: bool) {
        let mut rest = bytes;
        while !rest.is_empty() {
            if let Some(flood) = self.flood(rest) {
                rest = flood.rest;
                self.pass_by(&flood, answering);
                continue;
            }
            // A full reset is the one thing that the model carries out and does not report.
            let end =
                rest.windows(2).position(|two| two == b"\x1bc").map_or(rest.len(), |at| at + 2);
            let (part, after) = rest.split_at(end);
            let resets = self.scan.resets();
            self.scan.feed(part);
            let trap = self.trap.take();
            self.guarded(|parser| {
                parser.callbacks_mut().answering = answering;
                if trap.as_deref().is_some_and(|trap| part.windows(trap.len()).any(|w| w == trap)) {
                    panic!("the model was made to break");
                }
                parser.process(part);
            });
            if self.scan.resets() != resets {
                self.guarded(|parser| parser.callbacks_mut().tracked.reset());
            }
            if trap.is_some() && !self.broke {
                self.trap = trap;
            }
            rest = after;
        }
    }

    /// The lines that `bytes` begin with, if there are more than the screen can show, and all that
    /// they do is to scroll through it.
    fn flood<'b>(&mut self, bytes: &'b [u8]) -> Option<Flood<'b>> {
        let is_plain = self.trap.is_none() && self.is_ground() && self.scan.margins().is_none();
        let flood = is_plain.then(|| Flood::of(bytes, self.size.columns, self.size.rows))??;
        let scrolls = self.guarded(|parser| {
            let screen = parser.screen();
            !screen.alternate_screen() && has_no_attributes(screen)
        });
        scrolls?.then_some(flood)
    }

    fn pass_by(&mut self, flood: &Flood<'_>, answering: bool) {
        let passed = self.guarded(|parser| {
            parser.callbacks_mut().answering = answering;
            parser.process(flood.head);
            parser.callbacks_mut().leave(flood.left, flood.lines);
            // What leaves the screen now has been told of.
            parser.callbacks_mut().is_told = true;
            parser.process(flood.tail);
            parser.callbacks_mut().is_told = false;
        });
        if passed.is_none() {
            self.guarded(|parser| {
                parser.callbacks_mut().is_told = false;
                parser.process(flood.tail);
            });
        }
    }

    /// Runs `with` on the parser. If that panics there is a new one, in the same modes, and
    /// [`Model::has_broken`] says so once.
    fn guarded<T>(&mut self, with: impl FnOnce(&mut Parser<Witness>) -> T) -> Option<T> {
        let size = self.size;
        let parser = self.parser.get_or_insert_with(|| blank(size, Witness::default()));
        match catch_unwind(AssertUnwindSafe(|| with(parser))) {
            Ok(done) => Some(done),
            Err(_) => {
                self.broke = true;
                self.parser = self.parser.take().map(|broken| anew(broken, size));
                None
            }
        }
    }

    /// Whether it broke since this was asked last: the program has to be told to draw.
    pub(crate) fn has_broken(&mut self) -> bool {
        std::mem::take(&mut self.broke)
    }

    /// The terminal has another size.
    pub(crate) fn resize(&mut self, size: Size) {
        self.size = size.sane();
        self.scan.forget_margins();
        if self.parser.is_some() {
            let (rows, columns) = cells(self.size);
            self.guarded(|parser| parser.set_size(rows, columns));
        }
    }

    /// Its size.
    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Whether something else may be put into the stream here.
    pub(crate) fn is_ground(&self) -> bool {
        self.scan.is_ground()
    }

    /// What questions are to be answered with.
    pub(crate) fn take_answers(&mut self) -> Vec<u8> {
        self.parser
            .as_mut()
            .map(|p| std::mem::take(&mut p.callbacks_mut().answers))
            .unwrap_or_default()
    }

    /// The rows that have left the screen since this was asked last, given to `with` with the
    /// number of the line that they begin with.
    pub(crate) fn take_rows(&mut self, with: impl FnOnce(u64, &str)) {
        if let Some(parser) = &mut self.parser {
            let witness = parser.callbacks_mut();
            if !witness.rows.is_empty() {
                with(witness.first_line, &witness.rows);
                witness.rows.clear();
                // After a flood it would stay as long as the flood was.
                witness.rows.shrink_to(16 << 10);
            }
            witness.first_line = witness.lines;
        }
    }

    /// What the main screen still shows, for the log.
    pub(crate) fn remaining(&mut self) -> String {
        self.with_main(|screen, _| remaining(screen)).unwrap_or_default()
    }

    /// What the program calls its window.
    pub(crate) fn title(&self) -> Option<String> {
        let title = self.parser.as_ref()?.callbacks().tracked.title()?;
        Some(String::from_utf8_lossy(title).into_owned())
    }

    /// Whether pasted text has to be put in brackets.
    pub(crate) fn brackets_paste(&mut self) -> bool {
        self.with_screen(|_, modes, _| modes.brackets_paste()).unwrap_or(false)
    }

    /// What is on the screen.
    pub(crate) fn snapshot(&mut self, format: SnapshotFormat) -> Vec<u8> {
        match format {
            SnapshotFormat::Restore => self.restore(),
            SnapshotFormat::Main => self.remaining().into_bytes(),
            SnapshotFormat::Colour => {
                self.with_screen(|screen, _, _| remaining(screen)).unwrap_or_default().into_bytes()
            }
            SnapshotFormat::Plain => lines::plain(&self.snapshot(SnapshotFormat::Colour)),
        }
    }

    /// Calls `with` with the screen that is shown, its modes and the scrolling region.
    pub(super) fn with_screen<T>(
        &mut self,
        with: impl FnOnce(&Screen, &Modes, Option<(u16, u16)>) -> T,
    ) -> Option<T> {
        let margins = self.scan.margins();
        self.guarded(|parser| {
            let modes = Modes::of(parser.screen(), &parser.callbacks().tracked);
            with(parser.screen(), &modes, margins)
        })
    }

    /// Calls `with` with the main screen, shown or not, and how many lines have left it.
    pub(super) fn with_main<T>(&mut self, with: impl FnOnce(&Screen, u64) -> T) -> Option<T> {
        let size = self.size;
        self.guarded(|parser| {
            let lines = parser.callbacks().lines;
            if !parser.screen().alternate_screen() {
                return with(parser.screen(), lines);
            }
            // The model shows the other one only to who switches to it: a copy does.
            let mut copy = blank(size, ());
            *copy.screen_mut() = parser.screen().clone();
            copy.process(b"\x1b[?47l");
            with(copy.screen(), lines)
        })
    }

    /// The lines of the main screen above the cursor's, with the number that the first of them has
    /// among all lines that the program has printed. With `all`, the cursor's and what is below it
    /// are among them.
    pub(crate) fn settled_lines(&mut self, all: bool) -> (u64, Vec<String>) {
        let settled = self.with_main(|screen, left| {
            let (cursor, _) = screen.cursor_position();
            let above = (0..cursor).filter(|row| !screen.row_wrapped(*row)).count();
            let mut lines = lines::split(&screen.contents_formatted_basic());
            if all {
                while lines.last().is_some_and(|line| lines::is_blank(line)) {
                    lines.pop();
                }
            } else {
                lines.truncate(above);
            }
            (left, lines)
        });
        settled.unwrap_or_default()
    }
}

fn has_no_attributes(screen: &Screen) -> bool {
    let colours = [screen.fgcolor(), screen.bgcolor()];
    let modes =
        [screen.bold(), screen.dim(), screen.italic(), screen.underline(), screen.inverse()];
    colours == [vt100::Color::Default; 2] && modes == [false; 5]
}

fn cells(size: Size) -> (NonZeroU16, NonZeroU16) {
    (
        NonZeroU16::new(size.rows).unwrap_or(NonZeroU16::MIN),
        NonZeroU16::new(size.columns).unwrap_or(NonZeroU16::MIN),
    )
}

fn blank<C: vt100::Callbacks>(size: Size, callbacks: C) -> Parser<C> {
    let (rows, columns) = cells(size);
    Parser::new_with_callbacks(rows, columns, 0, callbacks)
}

/// A new parser in the modes of a broken one, as far as it can still say them.
fn anew(mut broken: Parser<Witness>, size: Size) -> Parser<Witness> {
    let witness = std::mem::take(broken.callbacks_mut());
    let mut modes = Vec::new();
    let known = catch_unwind(AssertUnwindSafe(|| {
        if broken.screen().alternate_screen() {
            modes.extend(b"\x1b[?1049h");
        }
        Modes::of(broken.screen(), &witness.tracked).write(&mut modes);
    }));
    let mut parser = blank(size, Witness::default());
    if known.is_ok() {
        parser.process(&modes);
    }
    *parser.callbacks_mut() = witness;
    parser
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(bytes: &[u8]) -> Model {
        let mut model = Model::new(Size { columns: 20, rows: 4 });
        model.feed(bytes, true);
        model
    }

    fn rows(model: &mut Model) -> String {
        let mut all = String::new();
        model.take_rows(|_, rows| all.push_str(rows));
        all
    }

    #[test]
    fn rows_that_leave_are_lines_of_text_and_colour() {
        let mut model =
            fed(b"1\r\n\x1b[31mtwo\x1b[m\r\n\r\nxxxxxxxxxxxxxxxxxxxxyy\r\na\r\nb\r\nc\r\nd");
        assert_eq!(rows(&mut model), "1\n\x1b[31mtwo\x1b[m\n\nxxxxxxxxxxxxxxxxxxxxyy\n");
        assert_eq!(rows(&mut model), "");
        assert_eq!(model.remaining(), "a\nb\nc\nd\n");
        assert_eq!(model.settled_lines(false), (4, vec!["a".into(), "b".into(), "c".into()]));
        assert_eq!(model.settled_lines(true).1.len(), 4);
    }

    #[test]
    fn the_alternate_screen_leaves_nothing_and_hides_nothing() {
        let mut model = fed(b"main\r\n\x1b[?1049h1\r\n2\r\n3\r\n4\r\n5\r\n6");
        assert_eq!(rows(&mut model), "");
        assert_eq!(model.remaining(), "main\n");
        assert_eq!(model.snapshot(SnapshotFormat::Plain), b"3\n4\n5\n6\n");
    }

    #[test]
    fn questions_are_answered_where_they_stand() {
        let mut model = fed(b"ab\x1b[6n\x1b[5;3H\x1b[6n\x1b[c\x1b[?u\x1b[>5u\x1b[?u");
        assert_eq!(model.take_answers(), b"\x1b[1;3R\x1b[4;3R\x1b[?62;22c\x1b[?0u\x1b[?5u");
        model.feed(b"\x1b[c", false);
        assert_eq!(model.take_answers(), b"");
    }

    #[test]
    fn a_full_reset_resets_what_is_tracked() {
        let mut model = fed(b"\x1b[?1004h\x1b[>4;2m\x1bc\x1b[?2004h");
        let fresh = fed(b"\x1b[?2004h").with_screen(|_, modes, _| modes.clone());
        assert_eq!(model.with_screen(|_, modes, _| modes.clone()), fresh);
    }

    #[test]
    fn a_model_that_breaks_is_made_anew_in_the_same_modes() {
        let mut model = fed(b"\x1b[?1049h\x1b[?2004h\x1b[>1uold");
        let before = model.with_screen(|_, modes, _| modes.clone());
        model.set_trap(b"BREAK");
        model.feed(b"all is well", true);
        assert!(!model.has_broken());
        model.feed(b"now BREAK it", true);
        assert!(model.has_broken());
        assert!(!model.has_broken());
        assert_eq!(model.with_screen(|_, modes, _| modes.clone()), before);
        model.feed(b"\x1b[Hnew", true);
        assert_eq!(model.snapshot(SnapshotFormat::Plain), b"new\n");
    }

    /// Lines that the model did not see leave the same log and the same screen behind as if it had.
    #[test]
    fn a_flood_ends_as_if_it_had_come_line_by_line() {
        let colours = ["", "\x1b[31m", "\x1b[1;38;5;200m", "\x1b[48;2;1;2;3m"];
        let odd = ["\x1b[32m", "\ttab", "\x1b[2K", "12345678901234567890wrapped", "é", "\x1b[2;3r"];
        let before = ["", "text", "\x1b[33m", "\x1b[?1049h", "\x1b[1;2r", "1\r\n2\r\n3\r\n4\r\n5"];
        let line = |n: usize| {
            // Long without colours at first: whatever was on before stays on.
            let colour = if n < 20 { "" } else { colours[n % 4] };
            let off = if colour.is_empty() { "" } else { "\x1b[m" };
            format!("{colour}line {n}{off}{}\r\n", " ".repeat(n % 3))
        };
        for before in before {
            for odd in odd {
                let mut text: String = (0..40).map(line).collect();
                text.push_str(odd);
                text.push_str("\r\n");
                text.extend((40..77).map(line));
                text.push_str("the end");
                let [mut at_once, mut by_line] = [fed(before.as_bytes()), fed(before.as_bytes())];
                at_once.feed(text.as_bytes(), true);
                text.split_inclusive('\n').for_each(|line| by_line.feed(line.as_bytes(), true));
                let lines = |model: &Model| model.parser.as_ref().unwrap().callbacks().lines;
                assert_eq!(lines(&at_once), lines(&by_line), "{before:?} {odd:?}");
                let [logged, expected] = [rows(&mut at_once), rows(&mut by_line)];
                assert_eq!(
                    lines::plain(logged.as_bytes()),
                    lines::plain(expected.as_bytes()),
                    "{before:?} {odd:?}"
                );
                assert_eq!(drawn(&logged), drawn(&expected), "{before:?} {odd:?}");
                assert_eq!(
                    at_once.snapshot(SnapshotFormat::Restore),
                    by_line.snapshot(SnapshotFormat::Restore),
                    "{before:?} {odd:?}"
                );
                assert_eq!(at_once.settled_lines(true), by_line.settled_lines(true));
            }
        }
    }

    /// A log with its colours, as a terminal shows it that is long enough for all of it.
    fn drawn(log: &str) -> String {
        let mut parser = blank(Size { columns: 40, rows: 200 }, ());
        parser.process(log.replace('\n', "\r\n").as_bytes());
        parser.screen().contents_formatted()
    }

    #[test]
    fn any_bytes_at_any_size() {
        let mut model = Model::new(Size { columns: 1, rows: 0 });
        let noise: Vec<u8> = (0..=255_u8).cycle().step_by(7).take(4096).collect();
        for (columns, rows) in [(2, 1), (1000, 500), (3, 2), (0, 0), (80, 24)] {
            model.feed(&noise, true);
            model.feed("漢字🎭é".as_bytes(), true);
            model.resize(Size { columns, rows });
            for format in [SnapshotFormat::Plain, SnapshotFormat::Colour, SnapshotFormat::Restore] {
                model.snapshot(format);
            }
            model.settled_lines(true);
        }
        assert!(!model.has_broken());
    }
}
