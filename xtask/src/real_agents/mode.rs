//! How an agent is run.

use anyhow::{Result, bail};

/// With which help of ours, and on whose terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// With our hooks installed.
    Hooks,
    /// With what it writes by itself.
    NoHooks,
    /// With our hooks, as a background session that is left and come back to.
    Background,
}

impl Mode {
    pub(super) const ALL: [Self; 3] = [Self::Hooks, Self::NoHooks, Self::Background];

    pub(super) const fn hooks(self) -> bool {
        !matches!(self, Self::NoHooks)
    }

    /// Its word in a report and among arguments.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Hooks => "hooks",
            Self::NoHooks => "no-hooks",
            Self::Background => "background",
        }
    }

    pub(super) fn named(word: &str) -> Result<Self> {
        match Self::ALL.into_iter().find(|mode| mode.word() == word) {
            Some(mode) => Ok(mode),
            None => bail!("no way to run an agent: {word:?}"),
        }
    }

    /// In a cell of the table.
    pub(super) const fn cell(self) -> &'static str {
        match self {
            Self::Hooks => "with",
            Self::NoHooks => "without",
            Self::Background => "with, in the background",
        }
    }

    /// In a sentence.
    pub(super) const fn phrase(self) -> &'static str {
        match self {
            Self::Hooks => "with hooks",
            Self::NoHooks => "without hooks",
            Self::Background => "with hooks in the background",
        }
    }
}
