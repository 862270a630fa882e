//! An agent and everything around it that outlives one start of it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::agents::Agent;
use super::board::Asking;
use super::hold::Hold;
use super::judge::Outcome;
use super::mode::Mode;
use super::model::Model;
use super::one::Task;
use super::place::Place;
use super::state::State;
use crate::workspace;

/// The agent, ready to be started.
pub(super) struct Scene {
    pub(super) agent: &'static Agent,
    pub(super) mode: Mode,
    pub(super) place: Place,
    pub(super) model: Model,
    pub(super) hold: Hold,
    pub(super) program: Command,
    pub(super) asking: Asking,
    pub(super) outcomes: BTreeMap<State, Outcome>,
    /// What was done and seen, in ms since the epoch.
    pub(super) story: Vec<String>,
    /// Prompts so far; each has a word of its own.
    pub(super) prompts: u32,
}

impl Scene {
    /// Configures the agent, and installs our hooks if they are wanted.
    pub(super) fn set(task: &Task, place: Place, model: Model) -> Result<Self> {
        let agent = task.agent;
        (agent.configure)(&place)?;
        fs::create_dir(place.logs.join("said"))?;
        let mut environment = place.environment();
        let asking = Asking {
            callboard: task.callboard.clone(),
            environment: environment.clone(),
            project: place.project.clone(),
            root: 0,
        };
        if task.mode.hooks() {
            let install = asking.command(&["hooks", "install", "--yes", agent.known_as]);
            let said = workspace::output(install).context("hooks cannot be installed")?;
            fs::write(place.logs.join("said/install"), said)?;
        }
        let own = (agent.environment)(&place);
        environment.extend(own.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let words = (agent.command)(&place);
        let (name, arguments) = words.split_first().context("no program")?;
        let mut program = Command::new(name);
        program.args(arguments).envs(environment).current_dir(&place.project);
        Ok(Self {
            agent,
            mode: task.mode,
            hold: Hold::make(&place.project, &place.runtime)?,
            place,
            model,
            program,
            asking,
            outcomes: BTreeMap::new(),
            story: Vec::new(),
            prompts: 0,
        })
    }
}
