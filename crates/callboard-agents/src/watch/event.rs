//! What a watch of the board tells.

use callboard::{Gone, Problem};

use crate::row::Row;

/// Something happened on the board.
#[derive(Debug)]
#[non_exhaustive]
pub enum BoardEvent {
    /// A session is there that was not.
    Appeared(Row),
    /// A session is another than it was.
    Changed {
        /// As it is now.
        row: Row,
        /// As it was.
        before: Box<Row>,
        /// What changed, by its key in `--json`, in the order there. `status` is among them where
        /// the session had another status in between, too.
        fields: Vec<&'static str>,
    },
    /// A session is over, or not known any more.
    Gone {
        /// As it last was.
        row: Row,
        /// Why.
        why: Gone,
    },
    /// Something cannot be read. Told once, until it says something else.
    Problem(Problem),
}

impl BoardEvent {
    /// The session that it is about, as it is now or last was.
    #[must_use]
    pub fn row(&self) -> Option<&Row> {
        match self {
            Self::Appeared(row) | Self::Changed { row, .. } | Self::Gone { row, .. } => Some(row),
            Self::Problem(_) => None,
        }
    }
}
