//! Hermes agent: a Python program. The native program of that name runs JavaScript.

use super::plain::{PLAIN, Plain};
use super::{Facts, Signs};

pub(super) const AGENT: Plain = Plain {
    signs: Signs {
        agent: "hermes",
        names: &["hermes"],
        only_scripts: true,
        only: &["chat"],
        ..Signs::NONE
    },
    facts: Facts { title: "Hermes agent", conversation: "`~/.hermes/state.db`; not read", ..PLAIN },
};
