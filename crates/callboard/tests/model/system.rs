//! What is: a directory, and processes that do what the model says.

use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::time::Duration;

use callboard::Registry;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::{self, Actor, WORDS_AT_WORK, error_name};
use crate::model::{Model, Session, Standing, TOGETHER, key_of, speakers};
use crate::operation::{End, Foreign, Operation, Place, SLOTS, Word, place};
use crate::seen::{Seen, name_of};

/// What is nobody's record, and must stay for ever as it is.
pub(crate) const STRAYS: [(&str, &str); 4] = [
    ("2026-03-14_notes.md", "my notes"),
    ("100.json.bak", "{\"pid\":100}"),
    ("0100.json", "{\"pid\":100,\"procStart\":\"1\"}"),
    (".notes.tmp", "x"),
];

pub(crate) struct System {
    pub(crate) home: Home,
    pub(crate) registry: Registry,
    /// The first process of the pod: it sweeps and reads there, and speaks for others. With the
    /// pid that it has here.
    pod: Option<(Actor, u32)>,
    pub(crate) actors: [Option<Actor>; SLOTS.len()],
    zombies: Vec<Actor>,
    pub(crate) strays: bool,
    /// Files that a foreign program has spoiled; nobody may remove them before a day is over.
    pub(crate) spoiled: BTreeSet<String>,
    /// The stems of all who ever were on record: their lock files may outlive them for an hour.
    pub(crate) stems: HashSet<String>,
    /// The stems of those who were killed in the middle of a write.
    pub(crate) killed_at_work: HashSet<String>,
}

impl StateMachineTest for System {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let home = Home::with_sessions();
        for (name, content) in STRAYS {
            home.put(name, content);
            home.age(name, Duration::from_secs(60 * 24 * 3600));
        }
        let registry = Registry::at(home.sessions());
        Self {
            home,
            registry,
            pod: None,
            actors: Default::default(),
            zombies: Vec::new(),
            strays: true,
            spoiled: BTreeSet::new(),
            stems: HashSet::new(),
            killed_at_work: HashSet::new(),
        }
    }

    fn apply(mut system: Self, model: &Model, operation: Operation) -> Self {
        system.happen(model, operation);
        system.remember_stems();
        system
    }

    fn check_invariants(system: &Self, model: &Model) {
        let seen = Seen::by(&system.registry);
        system.compare(&seen, model, Place::Host);
        system.nothing_strange(&seen);
    }

    fn teardown(mut system: Self, model: <Model as ReferenceStateMachine>::State) {
        system.everybody_leaves(&model);
    }
}

impl System {
    fn happen(&mut self, model: &Model, operation: Operation) {
        use Operation as O;
        match operation {
            O::Start { slot } => self.start(slot),
            O::Register { slot, id, name } => {
                self.actor(slot).ask("register", json!([id.to_string(), name])).unwrap();
            }
            O::RegisterOnBehalf { slot, id } => {
                let whom = json!([self.pid(slot), id.map(|id| id.to_string())]);
                self.ask(slot, SLOTS.len(), "register on behalf", whom).unwrap();
            }
            O::Say { slot, word } => {
                self.actor(slot).ask("say", said(&word)).unwrap();
            }
            O::SayOnBehalf { slot, by, value } => {
                let update = json!([self.pid(slot), key_of(by), value, value]);
                let done = self.ask(slot, by, "update", update).map(drop);
                let session = model.sessions[slot].as_ref().unwrap();
                let here = session.standing == Standing::Here;
                let expected = if here { Ok(()) } else { Err("NoSession".to_owned()) };
                assert_eq!(done, expected);
            }
            O::Together { slot } => self.together(slot, model),
            O::SignOut { slot } => {
                let lock = self.lock_of(slot);
                self.actor(slot).ask("sign out", Value::Null).unwrap();
                self.is_gone(lock);
            }
            O::SignOutOnBehalf { slot } => {
                let by = *speakers(model, slot).last().unwrap();
                let whom = json!(self.pid(slot));
                self.ask(slot, by, "sign out on behalf", whom).unwrap();
            }
            O::End { slot, how: End::Returns } => {
                let lock = self.lock_of(slot);
                self.end(slot, End::Returns);
                self.is_gone(lock);
            }
            O::End { slot, how } => self.end(slot, how),
            O::KillAtWork { slot } => self.kill_at_work(slot),
            O::Sweep { from } => self.sweep(model, from),
            O::ReadFromPod => {
                let seen = self.pod().ask("list", Value::Null).unwrap();
                self.compare(&Seen::from_json(seen), model, Place::Pod);
            }
            O::Foreign { slot, what } => self.interfere(slot, what, model),
            O::HomeVanishes => self.vanish(),
        }
    }

    fn start(&mut self, slot: usize) {
        let (place, pid) = SLOTS[slot];
        let stage = match (place, pid) {
            (Place::Host, _) | (_, None) => Stage::here(),
            (Place::Apart, Some(pid)) => Stage::pid_namespace().with_pid(pid),
            (Place::Pod, Some(pid)) => {
                self.pod();
                let (_, first) = self.pod.as_ref().unwrap();
                Stage::beside(*first).with_pid(pid)
            }
        };
        let actor = Actor::start(&stage, &self.home);
        assert!(pid.is_none_or(|pid| pid == actor.pid), "{pid:?} was not to be had");
        self.actors[slot] = Some(actor);
    }

    fn pod(&mut self) -> &mut Actor {
        let (actor, _) = self.pod.get_or_insert_with(|| {
            let actor = Actor::start(&Stage::pid_namespace(), &self.home);
            let pid = Stage::only_child_of(&actor.process);
            (actor, pid)
        });
        actor
    }

    fn actor(&mut self, slot: usize) -> &mut Actor {
        self.actors[slot].as_mut().unwrap()
    }

    pub(crate) fn pid(&self, slot: usize) -> u32 {
        self.actors[slot].as_ref().unwrap().pid
    }

    /// The life lock of who holds a registration: it goes when its holder signs out.
    fn lock_of(&mut self, slot: usize) -> Option<String> {
        let path = self.actor(slot).ask("path", Value::Null).unwrap();
        let path = std::path::PathBuf::from(path.as_str()?);
        Some(format!(".{}.lock", stem(&name_of(&path))))
    }

    /// After the home had vanished another session may have taken the same name.
    fn is_gone(&self, lock: Option<String>) {
        let Some(lock) = lock else { return };
        let names = self.home.names();
        let record = lock_stem(&lock).map(|stem| format!("{stem}.json")).unwrap();
        let is_left = names.contains(&lock) && !names.contains(&record);
        assert!(!is_left, "{lock} was left, in {names:?}");
    }

    /// Lets somebody who is where a session is do something on its behalf.
    fn ask(&mut self, slot: usize, by: usize, verb: &str, what: Value) -> Result<Value, String> {
        if by < SLOTS.len() {
            return self.actor(by).ask(verb, what);
        }
        match (place(slot), verb) {
            (Place::Host, "update") => actor::update(&self.registry, &what),
            (Place::Host, "register on behalf") => actor::register_on_behalf(&self.registry, &what),
            (Place::Host, _) => {
                self.registry.remove(u32::try_from(what.as_u64().unwrap()).unwrap())
            }
            _ => return self.pod().ask(verb, what),
        }
        .map(|()| Value::Null)
        .map_err(|error| error_name(&error))
    }

    /// All who can write the record at once; the test itself sweeps, reads and writes meanwhile.
    fn together(&mut self, slot: usize, model: &Model) {
        let session = model.sessions[slot].as_ref().unwrap();
        let pid = self.pid(slot);
        let speakers = speakers(model, slot);
        let count = |by: usize| json!([pid, key_of(by), 1, TOGETHER]);
        for by in speakers.iter().filter(|by| **by < SLOTS.len()) {
            self.actor(*by).tell("update", count(*by));
        }
        if place(slot) == Place::Pod {
            self.pod().tell("update", count(SLOTS.len()));
        }
        for n in 1..=TOGETHER {
            if place(slot) == Place::Host {
                let update = json!([pid, key_of(SLOTS.len()), n, n]);
                actor::update(&self.registry, &update).unwrap();
            }
            let seen = Seen::by(&self.registry);
            let found = seen.find(id_of(session)).unwrap_or_else(|| panic!("missing: {seen:#?}"));
            assert_ne!(found.verdict, "dead", "{seen:#?}");
        }
        for by in speakers {
            if by < SLOTS.len() {
                self.actor(by).answer().unwrap();
            } else if place(slot) == Place::Pod {
                self.pod().answer().unwrap();
            }
        }
        if session.own {
            self.actor(slot).ask("say", json!(["reassert"])).unwrap();
        }
    }

    fn end(&mut self, slot: usize, how: End) {
        let mut actor = self.actors[slot].take().unwrap();
        match (how, place(slot)) {
            (End::Returns, _) => actor.tell("return", Value::Null),
            (End::Exits, _) => actor.tell("exit", Value::Null),
            (End::Killed | End::Zombie, Place::Host) => actor.process.kill(),
            // From here only what it was started through could be killed.
            (End::Killed | End::Zombie, _) => actor.tell("kill", Value::Null),
        }
        if how == End::Zombie {
            actor.process.wait_without_collecting();
            self.zombies.push(actor);
        } else {
            let status = actor.process.wait();
            let killed = how == End::Killed;
            assert_eq!(status.success(), !killed, "{how:?}: {status}");
        }
    }

    fn kill_at_work(&mut self, slot: usize) {
        let actor = self.actor(slot);
        actor.ask("work", Value::Null).unwrap();
        // It goes on: this meets it anywhere.
        actor.process.kill();
        actor.process.wait_without_collecting();
        let pid = actor.pid;
        _ = self.actors[slot].take().unwrap().process.wait();
        let seen = Seen::by(&self.registry);
        let of_it = seen.sessions.iter().filter(|s| s.pid == pid);
        let furthest = of_it.filter_map(|s| s.record["work"].as_u64()).max();
        assert!(furthest >= Some(WORDS_AT_WORK), "{furthest:?} in {seen:#?}");
        for session in seen.sessions.iter().filter(|s| s.pid == pid) {
            self.killed_at_work.insert(stem(&session.file).to_owned());
        }
    }

    /// A sweep removes the records of the dead, and nothing else that was there before.
    fn sweep(&mut self, model: &Model, from: Place) {
        let before = Seen::by(&self.registry);
        let swept = match from {
            Place::Pod => self.pod().ask("sweep", Value::Null).unwrap(),
            _ => actor::sweep(&self.registry).unwrap(),
        };
        for name in swept.as_array().unwrap() {
            let found = before.sessions.iter().find(|s| s.file == *name);
            let Some(found) = found else { panic!("{name} was swept, of {before:#?}") };
            let dead = model.dead.iter().any(|dead| found.record["sessionId"] == dead.id);
            assert!(dead, "swept: {found:#?}");
        }
    }

    /// What a program does that knows the directory and nothing of its rules.
    fn interfere(&mut self, slot: usize, what: Foreign, model: &Model) {
        let session = model.sessions[slot].as_ref().unwrap();
        let seen = Seen::by(&self.registry);
        let found = seen.find(id_of(session)).unwrap();
        let path = self.home.entry(&found.file);
        let with = |value: u64| {
            let mut record = found.record.clone();
            record["theirs"] = json!(value);
            record.to_string()
        };
        match what {
            Foreign::AddsInPlace(value) => fs::write(path, with(value)).unwrap(),
            Foreign::AddsByRename(value) => drop(self.home.put(&found.file, with(value))),
            Foreign::Deletes => fs::remove_file(path).unwrap(),
            Foreign::WritesGarbage => {
                fs::write(path, "{\"pid\":").unwrap();
                self.spoiled.insert(found.file.clone());
            }
            Foreign::Empties => {
                let mut options = fs::OpenOptions::new();
                options.write(true).open(path).unwrap().set_len(0).unwrap();
                self.spoiled.insert(found.file.clone());
            }
        }
    }

    fn vanish(&mut self) {
        match fs::remove_dir_all(self.home.sessions()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
            _ => {}
        }
        self.strays = false;
        self.spoiled.clear();
        self.stems.clear();
        self.killed_at_work.clear();
    }

    fn remember_stems(&mut self) {
        for session in Seen::by(&self.registry).sessions {
            self.stems.insert(stem(&session.file).to_owned());
        }
    }
}

/// The end.
impl System {
    /// In the end all processes end, and sweeps from everywhere leave nothing of theirs.
    fn everybody_leaves(&mut self, model: &Model) {
        for slot in 0..SLOTS.len() {
            if model.running[slot] {
                self.end(slot, End::Returns);
            }
        }
        self.zombies.clear();
        for name in self.home.names().iter().filter(|name| name.starts_with('.')) {
            if !is_stray(name) {
                self.home.age(name, Duration::from_secs(2 * 3600));
            }
        }
        for from in [Place::Pod, Place::Host, Place::Host] {
            if from == Place::Host {
                drop(self.pod.take());
                actor::sweep(&self.registry).unwrap();
            } else if let Some((pod, _)) = &mut self.pod {
                pod.ask("sweep", Value::Null).unwrap();
            }
        }
        let left = self.home.names();
        for name in &left {
            let beside_spoiled =
                lock_stem(name).is_some_and(|stem| self.spoiled.contains(&format!("{stem}.json")));
            let right = is_stray(name) || self.spoiled.contains(name) || beside_spoiled;
            assert!(right, "{name} is left for ever, in {left:?}");
        }
        self.nothing_strange(&Seen::by(&self.registry));
    }
}

pub(crate) fn id_of(session: &Session) -> &str {
    session.said["sessionId"].as_str().unwrap()
}

fn said(word: &Word) -> Value {
    match word {
        Word::Rename(name) => json!(["rename", name]),
        Word::Switch(id) => json!(["switch", id.to_string()]),
        Word::Status(status, waiting_for) => json!(["status", [status, waiting_for]]),
        Word::ClearStatus => json!(["clear status"]),
        Word::Extra(value) => json!(["extra", value]),
        Word::Reassert => json!(["reassert"]),
    }
}

fn stem(file: &str) -> &str {
    file.strip_suffix(".json").unwrap()
}

pub(crate) fn lock_stem(name: &str) -> Option<&str> {
    name.strip_prefix('.')?.strip_suffix(".lock")
}

pub(crate) fn is_stray(name: &str) -> bool {
    STRAYS.iter().any(|(stray, _)| *stray == name)
}
