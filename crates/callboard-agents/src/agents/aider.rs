//! Aider: a Python program; the conversation is Markdown in the working directory, without ids.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "aider",
        names: &["aider"],
        other_options: &[
            "--list-models",
            "--models",
            "--lint",
            "--show-repo-map",
            "--install-main-branch",
            "--just-check-update",
            "--shell-completions",
        ],
        ..Signs::NONE
    },
    facts: Facts {
        title: "Aider",
        conversation: "`.aider.chat.history.md` in its directory; read where it is described (below)",
        ..PLAIN
    },
};
