//! How a piece of text looks, and how a terminal is told so. Pure.
//!
//! Which look a piece has is decided in `output::paint`, for every command alike: the sixteen
//! colours that follow the reader's own palette, so it is right on terminals of 16, of 256 and of
//! all colours. Nothing is told by colour alone.

use ratatui::style::{Color, Modifier, Style};

use crate::output::paint::Paint;

/// Colours or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Theme {
    /// Without them, bold, dim and reverse are left.
    pub(super) colours: bool,
}

impl Theme {
    /// The look of a piece.
    pub(super) fn style(self, paint: Paint) -> Style {
        let numbers = paint.code().split(';').filter_map(|number| number.parse::<u8>().ok());
        numbers.fold(Style::new(), |style, number| match number {
            1 => style.add_modifier(Modifier::BOLD),
            2 => style.add_modifier(Modifier::DIM),
            30..=37 if self.colours => style.fg(Color::Indexed(number - 30)),
            _ => style,
        })
    }
}

/// The SGR sequence of a look, from whatever was before.
pub(super) fn sgr(foreground: Color, modifier: Modifier) -> String {
    let mut text = String::from("\u{1b}[0");
    for (flag, number) in [
        (Modifier::BOLD, ";1"),
        (Modifier::DIM, ";2"),
        (Modifier::UNDERLINED, ";4"),
        (Modifier::REVERSED, ";7"),
    ] {
        if modifier.contains(flag) {
            text.push_str(number);
        }
    }
    if let Color::Indexed(number @ 0..=7) = foreground {
        text.push_str(&format!(";3{number}"));
    }
    text.push('m');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_are_those_of_every_command() {
        let on = Theme { colours: true };
        let off = Theme { colours: false };
        for (paint, coloured, plain) in [
            (Paint::Plain, "\u{1b}[0m", "\u{1b}[0m"),
            (Paint::Calling, "\u{1b}[0;1;33m", "\u{1b}[0;1m"),
            (Paint::Working, "\u{1b}[0;32m", "\u{1b}[0m"),
            (Paint::Dim, "\u{1b}[0;2m", "\u{1b}[0;2m"),
            (Paint::Wrong, "\u{1b}[0;31m", "\u{1b}[0m"),
        ] {
            let told = |theme: Theme| {
                let style = theme.style(paint);
                sgr(style.fg.unwrap_or(Color::Reset), style.add_modifier)
            };
            assert_eq!((&*told(on), &*told(off)), (coloured, plain), "{paint:?}");
        }
        let reversed = Modifier::REVERSED | Modifier::UNDERLINED;
        assert_eq!(sgr(Color::Reset, reversed), "\u{1b}[0;4;7m");
    }
}
