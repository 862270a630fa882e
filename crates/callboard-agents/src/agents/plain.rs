//! An agent that is known by its processes alone.

use crate::adapter::Adapter;
use crate::agents::Facts;
use crate::agents::signs::Signs;

/// An agent whose files are not read: its processes are listed.
#[derive(Debug)]
pub(super) struct Plain {
    pub(super) signs: Signs,
    pub(super) facts: Facts,
}

/// What is the same for all of them.
pub(super) const PLAIN: Facts = Facts {
    title: "",
    seen: &[],
    found_by: "process",
    session: "nothing",
    conversation: "not read",
    status: "hooks or `callboard update`",
    unknown: "session id; status",
};

impl Adapter for &'static Plain {
    fn name(&self) -> &'static str {
        self.signs.agent
    }

    fn signs(&self) -> Option<&Signs> {
        Some(&self.signs)
    }

    fn facts(&self) -> Option<Facts> {
        Some(self.facts)
    }
}
