//! `callboard status-line`.

use callboard_agents::Board;
use callboard_agents::transcript::Depth;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::paint::Paint;
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;
use crate::view::filter::Filter;
use crate::view::gauge::gauge;
use crate::view::state::State;

const AFTER_HELP: &str = "\
Prints who waits and who works, and nothing of those that rest; an empty line if nobody does
either. Never complains: a status bar has no room for it. `callboard doctor` does.

Examples:
  set -g status-right '#(callboard status-line --style tmux)'     in tmux.conf
  callboard status-line --all                                     1 waiting · 2 busy · 4 idle
  callboard status-line --dir . --empty '-'";

/// What is between two numbers.
const SEPARATOR: &str = " · ";

/// print one short line for a status bar or a prompt: 2 waiting · 3 busy
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct StatusLine {
    /// those that rest, too
    #[arg(long, short)]
    all: bool,
    /// what to say when there is nothing to say
    #[arg(long, value_name = "TEXT", default_value = "")]
    empty: String,
    /// between two numbers
    #[arg(long, value_name = "TEXT", default_value = SEPARATOR)]
    separator: String,
    /// how colours are written
    #[arg(long, value_enum, default_value_t)]
    style: Style,
    #[command(flatten)]
    filter: Filter,
}

/// What the reader of the line understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
enum Style {
    /// No colours.
    #[default]
    Plain,
    /// The markup of tmux's status line.
    Tmux,
    /// Escape sequences of terminals.
    Ansi,
}

/// As the options say where none is given.
impl Default for StatusLine {
    fn default() -> Self {
        Self {
            all: false,
            empty: String::new(),
            separator: SEPARATOR.to_owned(),
            style: Style::default(),
            filter: Filter::default(),
        }
    }
}

impl StatusLine {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let sources = context.sources()?;
        let mut board = Board::read(&sources);
        board.consult(&sources, Depth::Status, now());
        let unreadable = board.problems.iter().any(callboard::Problem::hides_a_session);
        let filter = self.filter.clone().resolved();
        let rows = board.rows.iter().filter(|row| row.is_listed() && filter.fits(row));
        let line = self.line(&gauge(rows), unreadable);
        let mut out = Out::new();
        out.line(&line)?;
        out.finish()?;
        Ok(Exit::Yes)
    }

    /// With a `+` where there may be more than could be read.
    fn line(&self, counts: &[(State<'_>, usize)], at_least: bool) -> String {
        let shown = |state: &State<'_>| {
            self.all || matches!(state, State::Waiting | State::Busy | State::Other(_))
        };
        let mut parts: Vec<String> = counts
            .iter()
            .filter(|(state, _)| shown(state))
            .map(|(state, count)| {
                let word = sanitize(state.word()).into_owned();
                self.style.paint(state.paint(), &format!("{count} {word}"))
            })
            .collect();
        if at_least {
            parts.push(self.style.paint(Paint::Wrong, "+"));
        }
        if parts.is_empty() { self.empty.clone() } else { parts.join(&self.separator) }
    }
}

impl Style {
    fn paint(self, paint: Paint, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => crate::output::paint::Palette { colours: true }.paint(paint, text),
            // `#` begins a directive of tmux, and a word from a file may have one.
            Self::Tmux => {
                let style = match paint {
                    Paint::Plain | Paint::Strong | Paint::Resting => "default",
                    Paint::Dim => "dim",
                    Paint::Calling => "fg=yellow,bold",
                    Paint::Working => "fg=green",
                    Paint::Behind => "fg=cyan",
                    Paint::Wrong => "fg=red",
                };
                format!("#[{style}]{}#[default]", text.replace('#', "##"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::sample::{board, row};

    fn line(all: bool, style: Style, rows: &[callboard_agents::Row], at_least: bool) -> String {
        let (empty, separator) = ("-".to_owned(), " · ".to_owned());
        let filter = Filter::default();
        StatusLine { all, empty, separator, style, filter }.line(&gauge(rows), at_least)
    }

    #[test]
    fn lines_by_case() {
        let rows = board();
        assert_eq!(line(false, Style::Plain, &rows, false), "1 waiting · 2 busy · 1 compacting");
        assert_eq!(
            line(true, Style::Plain, &rows, true),
            "1 waiting · 2 busy · 1 compacting · 1 shell · 1 idle · 1 without a status · 1 unknown · +"
        );
        assert_eq!(line(false, Style::Plain, &[], false), "-");
        assert_eq!(line(false, Style::Plain, &rows[5..6], false), "-", "who rests is not shown");
        assert_eq!(
            line(false, Style::Tmux, &rows[..2], false),
            "#[fg=yellow,bold]1 waiting#[default] · #[fg=green]1 busy#[default]"
        );
        assert_eq!(line(false, Style::Ansi, &rows[..1], false), "\u{1b}[1;33m1 waiting\u{1b}[0m");
    }

    #[test]
    fn a_word_from_a_file_is_no_directive() {
        let rows = [row("{\"pid\":7,\"status\":\"#(reboot)\\u001b[31m\"}")];
        let tmux = line(false, Style::Tmux, &rows, false);
        assert_eq!(tmux, "#[default]1 ##(reboot)\\u{1b}[31m#[default]");
    }
}
