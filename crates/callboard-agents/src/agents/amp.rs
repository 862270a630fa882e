//! Amp: its threads live on its maker's server; older versions kept them under
//! `~/.local/share/amp/threads`.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "amp",
        names: &["amp"],
        packages: &["@sourcegraph/amp"],
        others: &["login", "logout", "mcp", "permissions", "tools", "update", "usage"],
        ..Signs::NONE
    },
    facts: Facts { title: "Amp", conversation: "on its maker's server", ..PLAIN },
};
