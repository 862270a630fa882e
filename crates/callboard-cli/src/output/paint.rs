//! Colours. Sixteen-colour codes only: they follow the reader's own palette, light or dark.

/// What a piece of text is, for the eye.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Paint {
    /// As it is.
    #[default]
    Plain,
    /// What was named by somebody.
    Strong,
    /// What is there for the record.
    Dim,
    /// Somebody is waiting for the reader.
    Calling,
    /// At work.
    Working,
    /// At work in the background.
    Behind,
    /// At rest.
    Resting,
    /// Not as it should be.
    Wrong,
}

impl Paint {
    /// The numbers of its SGR sequence.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "1",
            Self::Dim => "2",
            Self::Calling => "1;33",
            Self::Working => "32",
            Self::Behind => "36",
            Self::Resting => "34",
            Self::Wrong => "31",
        }
    }
}

/// Writes text in colour, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Palette {
    /// Whether colours are shown.
    pub(crate) colours: bool,
}

impl Palette {
    /// Appends `text`, which must have been sanitised.
    pub(crate) fn push(self, line: &mut String, paint: Paint, text: &str) {
        let code = paint.code();
        if !self.colours || code.is_empty() || text.is_empty() {
            line.push_str(text);
            return;
        }
        for part in ["\u{1b}[", code, "m", text, "\u{1b}[0m"] {
            line.push_str(part);
        }
    }

    /// The same as a text of its own.
    pub(crate) fn paint(self, paint: Paint, text: &str) -> String {
        let mut line = String::new();
        self.push(&mut line, paint, text);
        line
    }
}

/// What `--color` was set to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is `dumb`.
    #[default]
    Auto,
    /// Even into a pipe.
    Always,
    /// Never.
    Never,
}

/// Whether to use colours. The choice on the command line outranks the environment, and
/// `NO_COLOR` counts when it is set and not empty (no-color.org).
pub(crate) fn wants_colours(
    choice: ColorChoice,
    terminal: bool,
    no_color: Option<&str>,
    term: Option<&str>,
) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && no_color.is_none_or(str::is_empty) && term != Some("dumb"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_by_case() {
        use ColorChoice::{Always, Auto, Never};
        for (choice, terminal, no_color, term, colours) in [
            (Auto, true, None, Some("xterm-256color"), true),
            (Auto, true, None, None, true),
            (Auto, false, None, Some("xterm"), false),
            (Auto, true, Some("1"), Some("xterm"), false),
            (Auto, true, Some("0"), Some("xterm"), false),
            (Auto, true, Some(""), Some("xterm"), true),
            (Auto, true, None, Some("dumb"), false),
            (Always, false, Some("1"), Some("dumb"), true),
            (Never, true, None, Some("xterm"), false),
        ] {
            let case = format!("{choice:?} {terminal} {no_color:?} {term:?}");
            assert_eq!(wants_colours(choice, terminal, no_color, term), colours, "{case}");
        }
    }

    #[test]
    fn text_is_painted_or_left() {
        let on = Palette { colours: true };
        assert_eq!(on.paint(Paint::Dim, "x"), "\u{1b}[2mx\u{1b}[0m");
        assert_eq!(on.paint(Paint::Plain, "x"), "x");
        assert_eq!(on.paint(Paint::Dim, ""), "");
        assert_eq!(Palette { colours: false }.paint(Paint::Calling, "x"), "x");
    }
}
