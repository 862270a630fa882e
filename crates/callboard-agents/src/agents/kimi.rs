//! Kimi CLI: a Python program.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "kimi",
        names: &["kimi", "kimi-cli"],
        only_scripts: true,
        others: &["export", "info", "login", "logout", "mcp"],
        ..Signs::NONE
    },
    facts: Facts { title: "Kimi CLI", ..PLAIN },
};
