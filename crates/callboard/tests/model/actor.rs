//! The processes of the model: this test binary, started again with the one test `actor::actor`
//! selected, told what to do line by line.

use std::path::{Path, PathBuf};

use callboard::{Patch, Registration, Registry, SignIn, Status};
use serde_json::{Value, json};
use testkit::{Home, Process, Prompt, Stage, kill_self};

use crate::seen::Seen;

/// Says to the binary that it is an actor now; the value is the directory of records.
const STAGE_DOOR: &str = "CALLBOARD_MODEL_ACTOR";

/// An actor, as the system sees it.
#[derive(Debug)]
pub(crate) struct Actor {
    pub(crate) process: Process,
    /// In its own PID namespace.
    pub(crate) pid: u32,
}

impl Actor {
    pub(crate) fn start(stage: &Stage, home: &Home) -> Self {
        let mut command = stage.command(&std::env::current_exe().unwrap());
        command
            .args(["--exact", "actor::actor", "--nocapture"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env(STAGE_DOOR, home.sessions())
            .current_dir(home.path());
        let mut process = Process::start(&mut command);
        let Some(hello) = process.hear() else {
            panic!("{command:?} did not come up: {}; is this not root?", process.wait());
        };
        let pid = hello.parse().unwrap();
        Self { process, pid }
    }

    /// Says a verb, and returns what is answered; a refusal is the name of the error.
    pub(crate) fn ask(&mut self, verb: &str, argument: Value) -> Result<Value, String> {
        self.tell(verb, argument);
        self.answer()
    }

    pub(crate) fn tell(&mut self, verb: &str, argument: Value) {
        self.process.say(&json!([verb, argument]).to_string());
    }

    pub(crate) fn answer(&mut self) -> Result<Value, String> {
        let line = self.process.hear().expect("the actor has ended");
        serde_json::from_str(&line).unwrap()
    }
}

/// Not a test of anything: what an actor runs. Does nothing when the tests are run.
#[test]
fn actor() {
    let Some(sessions) = std::env::var_os(STAGE_DOOR) else { return };
    let mut prompt = Prompt::on_stdin();
    prompt.say(&std::process::id().to_string());
    let mut role = Role { registry: Registry::at(PathBuf::from(sessions)), me: None };
    while let Some(line) = prompt.hear() {
        let (verb, argument): (String, Value) = serde_json::from_str(&line).unwrap();
        match verb.as_str() {
            "return" => return,
            "exit" => std::process::exit(0),
            "kill" => kill_self(),
            "work" => role.work(&mut prompt),
            _ => {}
        }
        let answer = role.act(&verb, &argument).map_err(|error| error_name(&error));
        prompt.say(&serde_json::to_string(&answer).unwrap());
    }
}

struct Role {
    registry: Registry,
    me: Option<Registration>,
}

impl Role {
    fn act(&mut self, verb: &str, argument: &Value) -> callboard::Result<Value> {
        let registry = &self.registry;
        match verb {
            "register" => {
                let mut sign_in = SignIn::new().session_id(argument[0].as_str().unwrap());
                if let Some(name) = argument[1].as_str() {
                    sign_in = sign_in.name(name);
                }
                self.me = registry.register(sign_in)?.registration();
            }
            "say" => self.say(argument)?,
            "sign out" => self.me.take().unwrap().sign_out()?,
            "path" => return Ok(json!(self.me.as_ref().map(Registration::path))),
            "register on behalf" => register_on_behalf(registry, argument)?,
            "update" => update(registry, argument)?,
            "sign out on behalf" => registry.remove(pid(argument))?,
            "list" => return Ok(Seen::by(registry).to_json()),
            "sweep" => return sweep(registry),
            unknown => panic!("no verb {unknown}"),
        }
        Ok(Value::Null)
    }

    fn say(&self, argument: &Value) -> callboard::Result<()> {
        let me = self.me.as_ref().unwrap();
        let (word, value) = (argument[0].as_str().unwrap(), &argument[1]);
        match word {
            "rename" => me.rename(value.as_str().unwrap()),
            "switch" => me.set_session_id(value.as_str().unwrap()),
            "status" => me.set_status(Status::from(value[0].as_str().unwrap()), value[1].as_str()),
            "clear status" => me.clear_status(),
            "extra" => me.patch(&Patch::new().extra("own", Some(value))),
            "reassert" => me.reassert(),
            unknown => panic!("no word {unknown}"),
        }
    }

    /// Writes until it is killed, and says how far it has come.
    fn work(&self, prompt: &mut Prompt) -> ! {
        for n in 1_u64.. {
            let patch = Patch::new().extra("work", Some(&json!(n)));
            self.me.as_ref().unwrap().patch(&patch).unwrap();
            if n == WORDS_AT_WORK {
                prompt.say(&json!({ "Ok": n }).to_string());
            }
        }
        unreachable!("somebody has died of old age")
    }
}

/// How many updates are acknowledged before a worker may be killed.
pub(crate) const WORDS_AT_WORK: u64 = 3;

pub(crate) fn register_on_behalf(registry: &Registry, argument: &Value) -> callboard::Result<()> {
    let sign_in = match argument[1].as_str() {
        Some(id) => SignIn::new().session_id(id),
        None => SignIn::new(),
    };
    registry.register_process(pid(&argument[0]), sign_in).map(drop)
}

/// `[pid, key, from, to]`: counts a key of that session from one number to the other.
pub(crate) fn update(registry: &Registry, argument: &Value) -> callboard::Result<()> {
    let key = argument[1].as_str().unwrap();
    for n in argument[2].as_u64().unwrap()..=argument[3].as_u64().unwrap() {
        registry.update(pid(&argument[0]), &Patch::new().extra(key, Some(&json!(n))))?;
    }
    Ok(())
}

/// The names of the files that were removed.
pub(crate) fn sweep(registry: &Registry) -> callboard::Result<Value> {
    let report = registry.sweep(&registry.plan_sweep()?)?;
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    let names: Vec<String> =
        report.done.iter().map(|item| crate::seen::name_of(Path::new(&item.path))).collect();
    Ok(json!(names))
}

fn pid(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

pub(crate) fn error_name(error: &callboard::Error) -> String {
    let name = format!("{error:?}");
    name.split([' ', '(']).next().unwrap_or_default().to_owned()
}
