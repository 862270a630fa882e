//! One start of an agent: its terminal, the board beside it, and what was seen of both.

use std::io::Write as _;

use anyhow::Result;

use super::background::Hosted;
use super::board::{Asking, Board};
use super::calls;
use super::judge::{Outcome, Wanted, judge, word};
use super::mode::Mode;
use super::scene::Scene;
use super::state::{State, now};
use super::terminal::{SIZE, Terminal};

/// The agent from its start to its end.
pub(super) struct Life<'s> {
    pub(super) scene: &'s mut Scene,
    pub(super) terminal: Terminal,
    pub(super) board: Board,
    pub(super) asking: Asking,
    /// The agent as a background session, if it is one.
    pub(super) hosted: Option<Hosted>,
    /// When something was last done to the agent, in ms since the epoch.
    pub(super) acted: u64,
}

impl<'s> Life<'s> {
    /// Starts the agent, and begins to watch the board.
    pub(super) fn start(scene: &'s mut Scene, name: &str) -> Result<Self> {
        let log = scene.place.log(&format!("terminal-{name}"))?;
        let hosted = match scene.mode {
            Mode::Background => Some(Hosted::start(&scene.asking, &scene.program)?),
            Mode::Hooks | Mode::NoHooks => None,
        };
        let terminal = match &hosted {
            Some(hosted) => Terminal::start(&hosted.attach(&scene.asking), SIZE, log)?,
            None => Terminal::start(&scene.program, SIZE, log)?,
        };
        let root = hosted.as_ref().map_or(terminal.pid(), |hosted| hosted.pid);
        let asking = Asking { root, ..scene.asking.clone() };
        let said = scene.place.log(&format!("said/ps-{name}.json"))?;
        let board = Board::watch(asking.clone(), said);
        Ok(Self { scene, terminal, board, asking, hosted, acted: now() })
    }

    /// The process that was started: the agent's, or its launcher's.
    pub(super) fn root(&self) -> u32 {
        self.asking.root
    }

    /// Something is about to be done to the agent: from here on the board is watched.
    pub(super) fn act(&mut self) {
        self.acted = now();
        self.board.ask();
    }

    /// Watches the board until it shows the state or is clear not to, and judges.
    pub(super) fn see(
        &mut self,
        state: State,
        observed: u64,
        not_id: Option<String>,
    ) -> Result<()> {
        let wanted = Wanted { state, not_id };
        let samples = self.board.settle(self.acted, observed, &wanted)?;
        let edge = self.own_edge(state).unwrap_or(observed);
        let outcome = self.with_its_word(judge(&samples, edge, &wanted), edge, state);
        self.tell(&format!(
            "{state:?}: acted {}, seen {observed}, own edge {edge}: {outcome:?}",
            self.acted
        ));
        for sample in &samples {
            let row = sample.rows.iter().find(|row| row.listed);
            let from = row.and_then(|row| row.from.as_deref()).unwrap_or("-");
            let after = i128::from(sample.at) - i128::from(edge);
            self.tell(&format!("  {after:+} ms: {} ({from})", word(&sample.rows)));
        }
        let worst = match self.scene.outcomes.remove(&state) {
            Some(before) => before.worse(outcome),
            None => outcome,
        };
        self.scene.outcomes.insert(state, worst);
        self.board.rest();
        Ok(())
    }

    /// Of what is late and comes from a hook: when the agent called it.
    fn with_its_word(&self, outcome: Outcome, edge: u64, state: State) -> Outcome {
        match outcome {
            Outcome::Late { after, from, .. } if from == "hook" => {
                let log = std::fs::read_to_string(self.scene.place.hook_log()).unwrap_or_default();
                let status = state.status().unwrap_or_default();
                let called = calls::last(&log, status, self.acted, edge + after);
                Outcome::Late { after, from, told: called.map(|at| at.saturating_sub(edge)) }
            }
            other => other,
        }
    }

    /// Where the agent keeps a word on its status, that is its edge.
    fn own_edge(&self, state: State) -> Option<u64> {
        let (status, since) = self.scene.agent.says?(&self.scene.place)?;
        (Some(&*status) == state.status() && since >= self.acted).then_some(since)
    }

    /// Everything that the command says of the session, kept for the search for secrets.
    pub(super) fn hear(&mut self) -> Result<()> {
        let pid = self.board.rows().iter().find(|row| row.listed).map(|row| row.pid.to_string());
        let pid = pid.unwrap_or_default();
        let all: [&[&str]; 5] = [
            &["ps", "--all"],
            &["ps", "--color", "always"],
            &["show", &pid],
            &["doctor"],
            &["hooks", "status", self.scene.agent.known_as],
        ];
        for arguments in all {
            // Whether it succeeds is no matter here: what it says when it fails is said, too.
            let output = self.asking.command(arguments).output()?;
            let mut log = self.scene.place.log(&format!("said/{}-{}", arguments[0], now()))?;
            log.write_all(&output.stdout)?;
            log.write_all(&output.stderr)?;
        }
        Ok(())
    }

    fn tell(&mut self, line: &str) {
        self.scene.story.push(format!("{} {line}", now()));
    }
}
