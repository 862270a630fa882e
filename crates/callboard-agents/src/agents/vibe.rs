//! Mistral Vibe: a Python program.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs { agent: "vibe", names: &["vibe"], only_scripts: true, ..Signs::NONE },
    facts: Facts {
        title: "Mistral Vibe",
        conversation: "`~/.vibe/logs/session/<id>/messages.jsonl`; not read",
        ..PLAIN
    },
};
