//! An agent being taken through its states, one after the other.

use std::time::Duration;

use anyhow::Result;

use super::agents::When;
use super::background::SMALLER;
use super::life::Life;
use super::model::Asked;
use super::processes::{Watched, children, descends};
use super::state::State;
use super::terminal::{Key, LIMIT, SIZE, without_space};

/// An Enter that was taken for a part of the text is pressed again.
const TAKEN: Duration = Duration::from_secs(5);
/// Between two keys that belong together, where the screen never rests.
const APART: Duration = Duration::from_millis(300);

impl Life<'_> {
    /// The whole way. What cannot be reached ends it; what was seen until then is kept.
    pub(super) fn goes_the_whole_way(&mut self) -> Result<()> {
        self.may_have_hooks()?;
        let edge = self.is_there()?;
        self.see(State::Started, edge, None)?;
        self.terminal.rest(LIMIT);
        self.is_left(State::Started, SMALLER, |life, shown| {
            life.scene.agent.screen.is_ready(shown)
        })?;
        self.answers()?;
        let impossible = self.scene.agent.impossible(State::Waiting, self.scene.mode.hooks());
        if impossible.is_some_and(|one| one.when == When::Never) {
            self.runs_a_command()?;
        } else {
            self.asks_for_permission()?;
        }
        self.is_cut_early()?;
        self.is_cut_late()?;
        self.is_cleared()?;
        self.ends()
    }

    /// Once more, and its process is killed while it waits for a prompt: what it wrote stays.
    pub(super) fn is_killed(&mut self) -> Result<()> {
        self.is_there()?;
        self.terminal.rest(LIMIT);
        let there = self.board.wait_for_a_row()?;
        let root = self.root();
        let pid = there.filter(|pid| descends(*pid, root));
        let pid = pid.unwrap_or(root);
        // A launcher's worker learns of it from the terminal that is hung up.
        let workers = children(pid).into_iter().filter_map(|pid| Watched::new(pid).ok());
        let workers: Vec<Watched> = workers.collect();
        let session = Watched::new(pid)?;
        self.act();
        session.kill()?;
        let mut edge = session.ended(LIMIT)?;
        for worker in &workers {
            edge = edge.max(worker.ended(LIMIT)?);
        }
        self.see(State::Killed, edge, None)
    }

    /// Says yes where the agent wants to know about its hooks.
    fn may_have_hooks(&mut self) -> Result<()> {
        let asks = self.scene.agent.trusts_hooks.filter(|_| self.scene.mode.hooks());
        let Some((question, keys)) = asks else { return Ok(()) };
        self.terminal.wait("a question about hooks", 0, |shown| shown.contains(question))?;
        for key in keys {
            self.terminal.press(*key)?;
            self.terminal.rest(LIMIT);
        }
        let gone = |shown: &str| !shown.contains(question);
        self.terminal.wait("the end of the question", 0, gone)?;
        Ok(())
    }

    /// It takes a prompt; since when.
    fn is_there(&mut self) -> Result<u64> {
        self.act();
        let screen = &self.scene.agent.screen;
        self.terminal.wait("an input line", 0, |shown| screen.is_ready(shown))
    }

    /// A prompt that is answered in two pieces.
    fn answers(&mut self) -> Result<()> {
        let asked = self.prompt()?;
        self.is_left(State::FirstBusy, SIZE, |life, shown| life.scene.agent.screen.is_busy(shown))?;
        asked.say(&self.says("one "))?;
        self.act();
        let said = asked.finish("and that is all.")?;
        self.done(said)
    }

    /// A prompt that leads to a command, which the user has to allow.
    fn asks_for_permission(&mut self) -> Result<()> {
        let asked = self.prompt()?;
        self.act();
        asked.call(&self.command())?;
        let screen = &self.scene.agent.screen;
        let edge = self.terminal.wait("a dialog", self.acted, |shown| screen.asks(shown))?;
        self.see(State::Waiting, edge, None)?;
        self.hear()?;
        self.terminal.rest(LIMIT);
        self.is_left(State::Waiting, SIZE, |life, shown| life.scene.agent.screen.asks(shown))?;
        self.act();
        self.terminal.press(self.scene.agent.keys.allow)?;
        self.finishes_the_command()
    }

    /// The same where nobody is asked.
    fn runs_a_command(&mut self) -> Result<()> {
        let asked = self.prompt()?;
        self.act();
        asked.call(&self.command())?;
        self.finishes_the_command()
    }

    fn finishes_the_command(&mut self) -> Result<()> {
        let edge = self.scene.hold.started(LIMIT)?;
        self.see(State::Allowed, edge, None)?;
        self.act();
        self.scene.model.expect(&self.word(), true);
        self.scene.hold.let_go()?;
        let asked = self.scene.model.asked(LIMIT)?;
        self.act();
        let said = asked.finish(&self.says("It has run."))?;
        self.done(said)
    }

    fn is_cut_early(&mut self) -> Result<()> {
        let asked = self.prompt()?;
        self.cut(State::CutEarly)?;
        // Some put the prompt back into the input line.
        self.terminal.press(Key::ClearLine)?;
        drop(asked);
        self.terminal.rest(LIMIT);
        Ok(())
    }

    fn is_cut_late(&mut self) -> Result<()> {
        let asked = self.prompt()?;
        let piece = self.says("halfway");
        asked.say(&format!("{piece}\n\n"))?;
        let shown = without_space(&piece);
        self.terminal
            .wait("the first piece", self.acted, |screen| without_space(screen).contains(&shown))?;
        self.cut(State::CutLate)?;
        self.terminal.press(Key::ClearLine)?;
        drop(asked);
        self.terminal.rest(LIMIT);
        Ok(())
    }

    fn cut(&mut self, state: State) -> Result<()> {
        for nth in 0..self.scene.agent.keys.escapes {
            if nth > 0 {
                // The first has to be understood as a key of its own, and is forgotten soon.
                self.terminal.rest(APART);
            }
            self.act();
            self.terminal.press(Key::Escape)?;
        }
        let screen = &self.scene.agent.screen;
        let edge =
            self.terminal.wait("the interrupt", self.acted, |shown| !screen.is_busy(shown))?;
        self.see(state, edge, None)
    }

    fn is_cleared(&mut self) -> Result<()> {
        self.hear()?;
        let before = self.board.rows().iter().find_map(|row| row.session_id.clone());
        let answer = without_space(&self.scene.place.secrets.answer);
        self.terminal.type_in(self.scene.agent.keys.clear)?;
        self.act();
        self.terminal.press(Key::Enter)?;
        let screen = &self.scene.agent.screen;
        let edge = self.terminal.wait("an empty conversation", self.acted, |shown| {
            screen.is_ready(shown) && !without_space(shown).contains(&answer)
        })?;
        self.see(State::Cleared, edge, before)?;
        self.terminal.rest(LIMIT);
        Ok(())
    }

    fn ends(&mut self) -> Result<()> {
        let root = self.root();
        let rows = self.board.rows();
        let listed = rows.iter().find(|row| row.listed && descends(row.pid, root));
        let session = Watched::new(listed.map_or(root, |row| row.pid))?;
        self.terminal.type_in(self.scene.agent.keys.exit)?;
        self.act();
        self.terminal.press(Key::Enter)?;
        let edge = session.ended(LIMIT)?;
        self.see(State::Ended, edge, None)
    }

    /// Types the next prompt; its request to the model.
    fn prompt(&mut self) -> Result<Asked> {
        self.scene.prompts += 1;
        let word = self.word();
        self.terminal.type_in(&format!("please {word}"))?;
        self.scene.model.expect(&word, false);
        self.act();
        self.terminal.press(Key::Enter)?;
        let asked = match self.scene.model.asked(TAKEN) {
            Ok(asked) => asked,
            Err(_) => {
                self.act();
                self.terminal.press(Key::Enter)?;
                self.scene.model.asked(LIMIT)?
            }
        };
        // Else the end of work could not be told from its beginning.
        let screen = &self.scene.agent.screen;
        self.terminal.wait("a sign of work", self.acted, |shown| screen.is_busy(shown))?;
        let state = if self.scene.prompts == 1 { State::FirstBusy } else { State::Busy };
        self.see(state, asked.at, None)?;
        Ok(asked)
    }

    /// The word of the newest prompt.
    fn word(&self) -> String {
        format!("{}n{}", self.scene.place.secrets.prompt, self.scene.prompts)
    }

    /// The end of a turn: the answer was complete, and the screen no longer shows work.
    fn done(&mut self, said: u64) -> Result<()> {
        let screen = &self.scene.agent.screen;
        let edge =
            self.terminal.wait("the end of the turn", said, |shown| screen.is_ready(shown))?;
        self.see(State::Done, edge, None)?;
        self.terminal.rest(LIMIT);
        Ok(())
    }

    /// What the model says, with the mark of what no board may show.
    fn says(&self, text: &str) -> String {
        format!("{} {text}", self.scene.place.secrets.answer)
    }

    fn command(&self) -> String {
        format!("sh hold.sh {}", self.scene.place.secrets.tool_input)
    }
}
