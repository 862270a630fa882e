//! Cursor's agent. Its launcher gives the interpreter the launcher's name, so that the command line
//! begins with `cursor-agent`; the program is also installed as `agent`, which is too common a name
//! to go by.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "cursor",
        names: &["cursor-agent"],
        others: &[
            "about",
            "create-chat",
            "help",
            "install-shell-integration",
            "login",
            "logout",
            "ls",
            "mcp",
            "models",
            "status",
            "update",
            "whoami",
            "worker-server",
        ],
        ..Signs::NONE
    },
    facts: Facts {
        title: "Cursor agent",
        conversation: "`~/.cursor/projects/<project>/agent-transcripts/<id>`; not read",
        ..PLAIN
    },
};
