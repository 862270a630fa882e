//! Goose. Another program of that name migrates databases; its subcommands are other ones.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "goose",
        names: &["goose"],
        only: &["session", "s", "run"],
        ..Signs::NONE
    },
    facts: Facts {
        title: "Goose",
        conversation: "`~/.local/share/goose/sessions/sessions.db`; not read",
        ..PLAIN
    },
};
