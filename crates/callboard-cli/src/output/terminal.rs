//! What the other end of standard output is.

use std::io::IsTerminal as _;

use super::paint::{ColorChoice, Palette, wants_colours};

/// How to write for whoever reads standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// Whether a person reads it: a table with headings, instead of lines for a program.
    pub(crate) for_people: bool,
    /// The columns there are; `None` for as many as it takes.
    pub(crate) columns: Option<usize>,
    /// Colours or none.
    pub(crate) palette: Palette,
}

impl Page {
    /// Asks the terminal and the environment. Who asks for colours into a pipe (`watch -c`, a
    /// pager) means to look at it, and gets what a terminal gets.
    pub(crate) fn of_stdout(choice: ColorChoice) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let var = |name| std::env::var(name).ok();
        let colours =
            wants_colours(choice, terminal, var("NO_COLOR").as_deref(), var("TERM").as_deref());
        let for_people = terminal || choice == ColorChoice::Always;
        let window = terminal.then(window_columns).flatten();
        Self {
            for_people,
            columns: columns(terminal, window, var("COLUMNS").as_deref()),
            palette: Palette { colours },
        }
    }
}

fn window_columns() -> Option<usize> {
    rustix::termios::tcgetwinsize(rustix::stdio::stdout()).ok().map(|size| size.ws_col.into())
}

/// What the terminal says, else `$COLUMNS`, else 80 on a terminal. A terminal that was never told
/// its size (a serial line, some test harnesses) says 0.
fn columns(terminal: bool, window: Option<usize>, variable: Option<&str>) -> Option<usize> {
    let positive = |columns: &usize| *columns > 0;
    let variable = variable.and_then(|text| text.trim().parse().ok()).filter(positive);
    window.filter(positive).or(variable).or(terminal.then_some(80))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_by_case() {
        for (terminal, window, variable, expected) in [
            (true, Some(120), Some("60"), Some(120)),
            (true, Some(0), Some("60"), Some(60)),
            (true, Some(0), Some("wide"), Some(80)),
            (true, None, None, Some(80)),
            (true, Some(20), None, Some(20)),
            (false, None, None, None),
            (false, None, Some("60"), Some(60)),
            (false, None, Some("0"), None),
            (false, None, Some("-3"), None),
        ] {
            let case = format!("{terminal} {window:?} {variable:?}");
            assert_eq!(columns(terminal, window, variable), expected, "{case}");
        }
    }
}
