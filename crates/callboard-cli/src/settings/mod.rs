//! Editing the settings of other programs: one small change, everything else as it was, byte by
//! byte. `docs/design/hooks.md` says what a crash between any two steps leaves.
//!
//! | file | what it does |
//! |---|---|
//! | `agents` | which file of which agent, and what goes into it: data |
//! | `entries` | the change to the text of a file, both ways. Pure |
//! | `difference` | the change for people, without what is nobody's business. Pure |
//! | `file` | reading, backing up, replacing a file in one step |
//! | `trouble` | what keeps an agent from calling hooks that are there |

pub(crate) mod agents;
pub(crate) mod difference;
pub(crate) mod entries;
pub(crate) mod file;
pub(crate) mod trouble;
