//! A program that one of the two users runs: this test binary, started again with the one test
//! `actor::actor` selected, told what to do line by line.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use testkit::{Process, Prompt, Stage};

use crate::attacker::Attacker;
use crate::victim::Victim;

/// Says to the binary that it is an actor now; the value is the directory of records.
const STAGE_DOOR: &str = "CALLBOARD_SECURITY_ACTOR";

/// A running actor, as the test sees it.
pub(crate) struct Actor {
    pub(crate) process: Process,
    pub(crate) pid: u32,
}

impl Actor {
    /// Starts `program`, which is a copy of this binary that the user of the stage may execute.
    pub(crate) fn start(stage: &Stage, program: &Path, sessions: &Path) -> Self {
        Self::start_with(stage, program, sessions, &[])
    }

    pub(crate) fn start_with(
        stage: &Stage,
        program: &Path,
        sessions: &Path,
        variables: &[(&str, &Path)],
    ) -> Self {
        let mut command: Command = stage.command(program);
        command.args(["--exact", "actor::actor", "--nocapture"]).env_clear().current_dir("/");
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env(STAGE_DOOR, sessions).envs(variables.iter().copied());
        let mut process = Process::start(&mut command);
        match process.hear().and_then(|hello| hello.parse().ok()) {
            Some(pid) => Self { process, pid },
            None => panic!("{command:?} did not come up: {}; is this not root?", process.wait()),
        }
    }

    /// Says a verb and returns what is answered.
    pub(crate) fn ask(&mut self, verb: &str, argument: Value) -> Value {
        self.tell(verb, argument);
        self.answer()
    }

    /// Says a verb whose answer is heard later.
    pub(crate) fn tell(&mut self, verb: &str, argument: Value) {
        self.process.say(&json!([verb, argument]).to_string());
    }

    pub(crate) fn answer(&mut self) -> Value {
        let line = self.process.hear().expect("the actor has ended");
        serde_json::from_str(&line).unwrap()
    }

    /// Says a verb that has to work.
    pub(crate) fn must(&mut self, verb: &str, argument: Value) {
        let answer = self.ask(verb, argument.clone());
        assert_eq!(answer, json!("done"), "{verb} {argument}");
    }
}

/// Not a test of anything: what an actor runs. Does nothing when the tests are run.
#[test]
fn actor() {
    let Some(sessions) = std::env::var_os(STAGE_DOOR) else { return };
    let mut prompt = Prompt::on_stdin();
    prompt.say(&std::process::id().to_string());
    let mut victim = Victim::new(PathBuf::from(sessions));
    let mut attacker = Attacker::default();
    while let Some(line) = prompt.hear() {
        let (verb, argument): (String, Value) = serde_json::from_str(&line).unwrap();
        let answer = match attacker.act(&verb, &argument, &mut prompt) {
            Some(answer) => answer,
            None => victim.act(&verb, &argument),
        };
        prompt.say(&answer.to_string());
    }
}
