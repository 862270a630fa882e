//! An agent in the background: started there, left, and come back to on a terminal of another size.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::board::Asking;
use super::life::Life;
use super::state::State;
use super::terminal::{LIMIT, SIZE, Size, Terminal};
use crate::workspace::output;

/// Where an agent at rest is come back to: none of its rows fits as it was.
pub(super) const SMALLER: Size = Size { rows: 30, columns: 100 };

/// A background session.
pub(super) struct Hosted {
    id: String,
    /// Its program; the agent's process is this one, or below it.
    pub(super) pid: u32,
}

impl Hosted {
    /// Starts a program in the background, as its user would.
    pub(super) fn start(asking: &Asking, program: &Command) -> Result<Self> {
        let size = format!("{}x{}", SIZE.columns, SIZE.rows);
        let mut run = asking.command(&["run", "-d", "--size", &size, "--"]);
        run.arg(program.get_program()).args(program.get_args());
        run.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let id = output(run)?.trim().to_owned();
        let row = row(asking, &id)?.context("a background session that is on no board")?;
        let pid = row["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        Ok(Self { id, pid: pid.context("a session without a pid")? })
    }

    /// The command that brings it into a terminal.
    pub(super) fn attach(&self, asking: &Asking) -> Command {
        asking.command(&["attach", &self.id])
    }
}

/// What the board says of a background session.
fn row(asking: &Asking, id: &str) -> Result<Option<Value>> {
    let board: Vec<Value> = serde_json::from_str(&output(asking.command(&["ps", "--json"]))?)?;
    Ok(board.into_iter().find(|row| row["host"]["id"] == id))
}

impl Life<'_> {
    /// In the background: leaves the agent to itself, comes back on a terminal of this size, and
    /// makes that as large as the first. What the screen shows is there each time, and the board
    /// shows the same state throughout.
    ///
    /// Only at rest another size is tried: some agents leave a sign of work on a screen that has
    /// become smaller under it (Gemini CLI 0.61.0), in any terminal.
    pub(super) fn is_left(
        &mut self,
        state: State,
        size: Size,
        shows: fn(&Self, &str) -> bool,
    ) -> Result<()> {
        let Some(hosted) = &self.hosted else { return Ok(()) };
        let (id, attach) = (hosted.id.clone(), hosted.attach(&self.asking));
        output(self.asking.command(&["detach", &id]))?;
        self.terminal.ended(LIMIT)?;
        self.has_clients(&id, 0)?;
        self.stays(state)?;
        let log = self.scene.place.log(&format!("terminal-{state:?}-{}", self.acted))?;
        self.terminal = Terminal::start(&attach, size, log)?;
        self.terminal.wait("the screen that was left", 0, |shown| shows(self, shown))?;
        self.has_clients(&id, 1)?;
        self.stays(state)?;
        if size == SIZE {
            return Ok(());
        }
        self.act();
        self.terminal.resize(SIZE)?;
        self.terminal.wait("the screen in its old size", self.acted, |shown| shows(self, shown))?;
        self.stays(state)
    }

    /// The board shows this state now.
    fn stays(&mut self, state: State) -> Result<()> {
        self.act();
        self.see(state, self.acted, None)
    }

    fn has_clients(&self, id: &str, count: u64) -> Result<()> {
        let row = row(&self.asking, id)?.context("the session is no longer on the board")?;
        let (said, kind) = (&row["host"]["clients"], &row["kind"]);
        ensure!(*said == count && kind == "bg", "{count} attached, not {said}; {kind}");
        Ok(())
    }
}
