//! The size of a terminal.

use serde::{Deserialize, Serialize};

/// Columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Characters in a row.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl Default for Size {
    /// That of a session that nobody has looked at yet. Not 80 by 24, which makes full-screen
    /// programs hide half of what they have.
    fn default() -> Self {
        Self { columns: 120, rows: 40 }
    }
}

impl Size {
    /// A terminal says 0 by 0 when it does not know, and a model of 65 535 by 65 535 would take
    /// the machine's memory. One column is too narrow for a wide character.
    #[must_use]
    pub fn sane(self) -> Self {
        match self {
            Self { columns: 0, .. } | Self { rows: 0, .. } => Self { columns: 80, rows: 24 },
            Self { columns, rows } => {
                Self { columns: columns.clamp(2, 1000), rows: rows.clamp(1, 500) }
            }
        }
    }
}

impl From<Size> for rustix::termios::Winsize {
    fn from(size: Size) -> Self {
        Self { ws_col: size.columns, ws_row: size.rows, ws_xpixel: 0, ws_ypixel: 0 }
    }
}

impl From<rustix::termios::Winsize> for Size {
    fn from(size: rustix::termios::Winsize) -> Self {
        Self { columns: size.ws_col, rows: size.ws_row }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_can_have() {
        for ((columns, rows), expected) in [
            ((120, 40), (120, 40)),
            ((0, 0), (80, 24)),
            ((100, 0), (80, 24)),
            ((1, 1), (2, 1)),
            ((u16::MAX, u16::MAX), (1000, 500)),
        ] {
            let sane = Size { columns, rows }.sane();
            assert_eq!((sane.columns, sane.rows), expected);
        }
    }
}
