//! The agents, one file each: where they keep what they write, which processes are theirs, and how
//! a process is brought together with its conversation.
//!
//! Those that were run and recorded are adapters of their own. Of the others only what is
//! documented is used: their processes are listed, and what they write is not read.

mod aider;
mod amp;
mod antigravity;
mod claude;
mod codex;
mod copilot;
mod cursor;
mod described;
mod droid;
mod facts;
mod gemini;
mod goose;
mod head;
mod hermes;
mod home;
mod kimi;
mod kiro;
mod opencode;
mod pi;
mod plain;
mod qwen;
mod signs;
mod vibe;

use std::ffi::OsString;
use std::path::PathBuf;

pub use claude::ClaudeCode;
pub use codex::Codex;
pub use copilot::Copilot;
pub use described::{Described, Descriptions};
pub use facts::Facts;
pub use gemini::Gemini;
pub use opencode::Opencode;
pub use pi::Pi;
pub use qwen::QwenCode;

use crate::adapter::Adapter;
use crate::processes::{Process, is_interpreter_comm};
use crate::row::Role;
use plain::Plain;
pub use signs::Signs;

/// The processes of every agent.
const SIGNS: [&Signs; 18] = [
    &claude::SIGNS,
    &qwen::SIGNS,
    &codex::SIGNS,
    &gemini::SIGNS,
    &opencode::SIGNS,
    &copilot::SIGNS,
    &pi::SIGNS,
    &pi::OMP,
    &cursor::AGENT.signs,
    &aider::AGENT.signs,
    &goose::AGENT.signs,
    &amp::AGENT.signs,
    &kiro::AGENT.signs,
    &droid::AGENT.signs,
    &vibe::AGENT.signs,
    &kimi::AGENT.signs,
    &hermes::AGENT.signs,
    &antigravity::AGENT.signs,
];

/// Every agent, where the variables say that it keeps its files. `claude_config_dirs` are looked
/// into besides.
pub(crate) fn all(
    lookup: &dyn Fn(&str) -> Option<OsString>,
    claude_config_dirs: &[PathBuf],
) -> Vec<Box<dyn Adapter>> {
    let mut agents: Vec<Box<dyn Adapter>> = vec![
        Box::new(ClaudeCode::from_lookup(lookup, claude_config_dirs)),
        Box::new(QwenCode::from_lookup(lookup)),
        Box::new(Codex::from_lookup(lookup)),
        Box::new(Gemini::from_lookup(lookup)),
        Box::new(Opencode::from_lookup(lookup)),
        Box::new(Copilot::from_lookup(lookup)),
        Box::new(Pi::from_lookup(lookup)),
        Box::new(Pi::omp_from_lookup(lookup)),
    ];
    let others: [&'static Plain; 10] = [
        &cursor::AGENT,
        &aider::AGENT,
        &goose::AGENT,
        &amp::AGENT,
        &kiro::AGENT,
        &droid::AGENT,
        &vibe::AGENT,
        &kimi::AGENT,
        &hermes::AGENT,
        &antigravity::AGENT,
    ];
    for other in others {
        agents.push(Box::new(other));
    }
    agents
}

/// What is known of every agent, in the order in which they are asked.
#[must_use]
pub fn facts() -> Vec<Facts> {
    all(&|_| None, &[]).iter().filter_map(|agent| agent.facts()).collect()
}

/// What the processes of an agent are to it; `None` for an agent that is not known.
pub(crate) fn role_of(agent: &str) -> Option<impl Fn(&Process) -> Option<Role> + Copy> {
    let signs = SIGNS.into_iter().find(|signs| signs.agent == agent)?;
    Some(|process: &Process| signs.role(process))
}

/// Whether a process of this name may be an agent's.
pub(crate) fn is_candidate(comm: &str) -> bool {
    is_interpreter_comm(comm) || SIGNS.iter().any(|signs| signs.may_be(comm))
}

#[cfg(test)]
mod tests;
