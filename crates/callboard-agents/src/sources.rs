//! Which registries make the board.

use std::ffi::OsString;
use std::path::PathBuf;

use callboard::Registry;

use crate::adapter::{Adapter, SessionsDir};
use crate::claude::ClaudeCode;
use crate::qwen::QwenCode;
use crate::row::Row;

/// The registry of our own, and the agents to look for.
#[derive(Debug)]
pub struct Sources {
    own: Registry,
    adapters: Vec<Box<dyn Adapter>>,
}

impl Sources {
    /// The registry of our own alone.
    #[must_use]
    pub fn new(own: Registry) -> Self {
        Self { own, adapters: Vec::new() }
    }

    /// With one more agent. Where two agents know a process, the one added first has the first
    /// word, unless the other's record is newer.
    #[must_use]
    pub fn with(mut self, adapter: impl Adapter + 'static) -> Self {
        self.adapters.push(Box::new(adapter));
        self
    }

    /// The registry of our own and every agent that this crate knows, where this process's
    /// environment says that they are. `claude_config_dirs` are looked into besides.
    #[must_use]
    pub fn from_env(own: Registry, claude_config_dirs: &[PathBuf]) -> Self {
        Self::from_lookup(own, claude_config_dirs, |name| std::env::var_os(name))
    }

    /// The same, from any source of variables.
    #[must_use]
    pub fn from_lookup(
        own: Registry,
        claude_config_dirs: &[PathBuf],
        lookup: impl Fn(&str) -> Option<OsString>,
    ) -> Self {
        Self::new(own)
            .with(ClaudeCode::from_lookup(&lookup, claude_config_dirs))
            .with(QwenCode::from_lookup(&lookup))
    }

    /// The registry of our own.
    #[must_use]
    pub fn own(&self) -> &Registry {
        &self.own
    }

    /// The agents.
    pub fn adapters(&self) -> impl Iterator<Item = &dyn Adapter> {
        self.adapters.iter().map(|adapter| &**adapter)
    }

    /// The agents' registries as they are at this moment, each with its agent's name.
    #[must_use]
    pub fn registries(&self) -> Vec<(&'static str, SessionsDir)> {
        self.adapters()
            .flat_map(|agent| agent.registries().into_iter().map(|place| (agent.name(), place)))
            .collect()
    }

    /// The conversation file of a row, where its agent keeps one and it is there.
    ///
    /// Looks into every project of the agent: for one row on request, not for a whole board.
    #[must_use]
    pub fn transcript(&self, row: &Row) -> Option<PathBuf> {
        let id = row.session_id.as_deref()?;
        row.sources.iter().find_map(|source| {
            let agent = self.adapters().find(|agent| agent.name() == source.registry)?;
            agent.transcript(&source.dir, id)
        })
    }
}
