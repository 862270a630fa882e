//! Droid, of Factory.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "droid",
        names: &["droid"],
        others: &["daemon", "help", "mcp", "plugin", "update"],
        ..Signs::NONE
    },
    facts: Facts {
        title: "Droid (Factory)",
        conversation: "`~/.factory/sessions/<project>/<id>.jsonl`; not read",
        ..PLAIN
    },
};
