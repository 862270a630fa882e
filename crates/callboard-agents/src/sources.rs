//! Which registries make the board.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use callboard::Registry;

use crate::activity::Sparkline;
use crate::adapter::{Adapter, SessionsDir};
use crate::agents::{self, Described};
use crate::row::Row;
use crate::transcript::{Depth, Reading, Transcript};

/// The registry of our own, and the agents to look for.
#[derive(Debug)]
pub struct Sources {
    own: Registry,
    adapters: Vec<Box<dyn Adapter>>,
    looks_at_processes: bool,
}

impl Sources {
    /// The registry of our own alone.
    #[must_use]
    pub fn new(own: Registry) -> Self {
        Self { own, adapters: Vec::new(), looks_at_processes: true }
    }

    /// Without a look at what runs: records alone. For tests, which would see the agents of
    /// whoever runs them.
    #[must_use]
    pub fn without_processes(self) -> Self {
        Self { looks_at_processes: false, ..self }
    }

    /// With one more agent. Where two agents know a process, the one added first has the first
    /// word, unless the other's record is newer.
    #[must_use]
    pub fn with(mut self, adapter: impl Adapter + 'static) -> Self {
        self.adapters.push(Box::new(adapter));
        self
    }

    /// The registry of our own and every agent that this crate knows, where this process's
    /// environment says that they are. `claude_config_dirs` are looked into besides. With
    /// `CALLBOARD_PROCESSES=off` it is records alone, as [`without_processes`](Self::without_processes).
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
        let adapters = agents::all(&lookup, claude_config_dirs);
        let looks_at_processes = lookup("CALLBOARD_PROCESSES").is_none_or(|word| word != "off");
        Self { own, adapters, looks_at_processes }
    }

    /// With the agents that were described. One that is called like an agent known here takes its
    /// place.
    #[must_use]
    pub fn with_described(mut self, described: Vec<Described>) -> Self {
        for agent in described {
            self.adapters.retain(|known| known.name() != agent.name());
            self.adapters.push(Box::new(agent));
        }
        self
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

    /// The directories in which something is made or removed when a session of an agent begins or
    /// ends.
    pub(crate) fn doorbells(&self) -> Vec<PathBuf> {
        self.adapters().flat_map(Adapter::doorbells).collect()
    }

    /// Whether the conversation of a session that has none on disk has not begun: its id is known,
    /// and its agent makes the file with the first prompt.
    pub(crate) fn begins_with_the_first_prompt(&self, row: &Row) -> bool {
        row.session_id.is_some()
            && self.agent_of(row).is_some_and(|agent| agent.begins_with_the_first_prompt(row))
    }

    /// Whether it is only by its processes that a session is seen to go on after a prompt.
    pub(crate) fn hides_answers(&self, row: &Row) -> bool {
        self.agent_of(row).is_some_and(Adapter::hides_answers)
    }

    /// The process that runs a session's commands, and no other's.
    pub(crate) fn runs_commands_of(&self, row: &Row) -> Option<u32> {
        self.agent_of(row)?.runs_commands_of(row)
    }

    /// Whether it is a session of an agent that is looked for.
    pub(crate) fn is_of_an_agent(&self, row: &Row) -> bool {
        self.agent_of(row).is_some()
    }

    /// Whether the session's agent is one whose conversations are known.
    pub(crate) fn knows_the_agent_of(&self, row: &Row) -> bool {
        self.agent_of(row).is_some_and(|agent| agent.format().is_some())
    }

    /// Whether a board has what runs and no record names, too.
    pub(crate) fn looks_at_processes(&self) -> bool {
        self.looks_at_processes
    }

    /// The conversation file of a row, where its agent keeps one and it is there.
    ///
    /// Looks into every project of the agent: for one row on request, not for a whole board.
    #[must_use]
    pub fn transcript(&self, row: &Row) -> Option<Transcript> {
        let agent = self.agent_of(row)?;
        if let (Some(path), Some(format)) = (&row.transcript_path, agent.format()) {
            let session_id = row.session_id.clone().unwrap_or_default();
            return Some(Transcript { format, path: path.clone(), session_id });
        }
        let session_id = row.session_id.as_deref()?;
        let of_agent = row.sources.iter().filter(|source| source.registry == agent.name());
        let places = of_agent.map(|source| Some(&*source.dir));
        places.chain([None]).find_map(|dir| agent.transcript(dir, session_id))
    }

    /// Reads the end of the conversation of a row.
    ///
    /// # Errors
    /// As [`Transcript::read`].
    pub fn read(
        &self,
        row: &Row,
        transcript: &Transcript,
        depth: Depth,
        sparkline: Sparkline,
    ) -> io::Result<Reading> {
        match self.agent_of(row) {
            Some(agent) => agent.read(transcript, depth, sparkline),
            None => transcript.read(depth, sparkline),
        }
    }

    /// The agent whose session a row is: one of those that have a record of it, else the one whose
    /// program it is.
    fn agent_of(&self, row: &Row) -> Option<&dyn Adapter> {
        let named = |name: &str| self.adapters().find(|agent| agent.name() == name);
        let recorded = row.sources.iter().find_map(|source| named(source.registry));
        recorded.or_else(|| named(row.tool.as_deref()?))
    }
}
