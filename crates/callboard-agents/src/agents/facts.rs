//! What is known of an agent, for the table in `docs/AGENTS.md`.

/// What is known of an agent: one row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What its maker calls it.
    pub title: &'static str,
    /// The versions that were run and looked at; empty where only what is documented or reported
    /// is used.
    pub seen: &'static [&'static str],
    /// How its sessions are found, the surest way first.
    pub found_by: &'static str,
    /// What says which conversation a process holds.
    pub session: &'static str,
    /// Where the conversation is, and whether its end is read.
    pub conversation: &'static str,
    /// What says what it is doing, the surest first.
    pub status: &'static str,
    /// What nothing on this machine tells.
    pub unknown: &'static str,
}
