//! Antigravity CLI (`agy`).

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs { agent: "antigravity", names: &["agy"], ..Signs::NONE },
    facts: Facts {
        title: "Antigravity CLI",
        conversation: "`~/.gemini/antigravity-cli/brain/<id>`; not read",
        ..PLAIN
    },
};
