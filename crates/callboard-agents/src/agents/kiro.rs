//! Kiro CLI: `kiro-cli` starts `kiro-cli-chat`, which holds the conversation.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "kiro",
        names: &["kiro-cli-chat"],
        only: &["chat", "acp"],
        ..Signs::NONE
    },
    facts: Facts {
        title: "Kiro CLI",
        conversation: "`~/.kiro/sessions/cli/<id>.jsonl`; not read",
        ..PLAIN
    },
};
