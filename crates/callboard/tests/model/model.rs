//! What ought to be: who is signed in, and what each last said.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Union;
use proptest_state_machine::ReferenceStateMachine;
use serde_json::{Value, json};

use crate::operation::{End, Foreign, Operation, Place, SLOTS, SessionId, Word, place};

/// What a record says beyond the identity of its process: every key that an operation sets.
pub(crate) type Content = BTreeMap<String, Value>;

/// How often each of those who write together writes.
pub(crate) const TOGETHER: u64 = 15;

/// Where the record of a live session is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Here,
    /// Deleted by a foreign program, or signed out by somebody else.
    Absent,
    /// A foreign program has made something else of it.
    Spoiled,
}

#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The last that was acknowledged, by whomever.
    pub(crate) said: Content,
    /// The last that the process itself has read or written: that it can bring back.
    pub(crate) known: Content,
    /// Whether the process holds a registration; otherwise it was signed in on its behalf.
    pub(crate) own: bool,
    pub(crate) standing: Standing,
}

/// Whether the record of a dead session has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remains {
    Must,
    May,
    MustNot,
}

#[derive(Clone, Debug)]
pub(crate) struct Dead {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) remains: Remains,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) running: [bool; SLOTS.len()],
    pub(crate) sessions: [Option<Session>; SLOTS.len()],
    pub(crate) dead: Vec<Dead>,
    next_id: u64,
}

/// Everybody who can speak for a session: whoever runs in the same place, the process itself, and
/// one more that the system always has there (`SLOTS.len()`), except in a place of one's own.
pub(crate) fn speakers(model: &Model, slot: usize) -> Vec<usize> {
    let mut speakers: Vec<usize> = (0..SLOTS.len())
        .filter(|other| model.running[*other])
        .filter(|other| *other == slot || place(*other) == place(slot))
        .collect();
    if place(slot) != Place::Apart {
        speakers.push(SLOTS.len());
    }
    speakers
}

impl Model {
    fn is_here(&self, slot: usize) -> bool {
        self.sessions[slot].as_ref().is_some_and(|s| s.standing == Standing::Here)
    }

    fn is_own(&self, slot: usize) -> bool {
        self.sessions[slot].as_ref().is_some_and(|s| s.own)
    }

    fn possible(&self, operation: &Operation) -> bool {
        use Operation as O;
        match *operation {
            O::Start { slot } => !self.running[slot],
            O::Register { slot, .. } => self.running[slot] && !self.is_own(slot),
            // A hook that signs a process in whose record somebody deleted ends the process's own
            // registration, as documented; what it says then is refused, and not modelled.
            O::RegisterOnBehalf { slot, id } => {
                self.running[slot]
                    && place(slot) != Place::Apart
                    && (self.is_here(slot) || !self.is_own(slot))
                    && id.is_none() == self.is_here(slot)
            }
            O::Say { slot, .. } | O::SignOut { slot } => self.is_own(slot),
            O::SayOnBehalf { slot, by, .. } => {
                self.sessions[slot].is_some() && speakers(self, slot).contains(&by)
            }
            O::Together { slot } | O::SignOutOnBehalf { slot } | O::Foreign { slot, .. } => {
                self.is_here(slot)
            }
            O::End { slot, how } => {
                self.running[slot] && (how != End::Zombie || place(slot) == Place::Host)
            }
            O::KillAtWork { slot } => self.is_own(slot) && place(slot) == Place::Host,
            O::Sweep { .. } | O::ReadFromPod | O::HomeVanishes => true,
        }
    }

    /// A new record under a pid that others may have had: theirs may have been in its way.
    fn make_way(&mut self, slot: usize) {
        for dead in self.dead.iter_mut().filter(|_| place(slot) != Place::Host) {
            if dead.place != Place::Host && dead.remains == Remains::Must {
                dead.remains = Remains::May;
            }
        }
    }

    /// Signs in; what an earlier record of the same process says is kept.
    fn sign_in(&mut self, slot: usize, id: Option<SessionId>, name: Option<&str>, own: bool) {
        self.make_way(slot);
        let before = self.sessions[slot].take();
        let before = before.filter(|session| session.standing == Standing::Here);
        let own = own || before.as_ref().is_some_and(|session| session.own);
        let known = before.as_ref().map(|session| session.known.clone());
        let mut said = before.map(|session| session.said).unwrap_or_default();
        if let Some(id) = id {
            said.insert("sessionId".into(), json!(id.to_string()));
        }
        if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
            said.insert("name".into(), json!(name));
        }
        // Who is signed in by a hook does not learn of that before its next word.
        let known = known.filter(|_| id.is_none()).unwrap_or_else(|| said.clone());
        self.sessions[slot] = Some(Session { said, known, own, standing: Standing::Here });
    }

    fn say(&mut self, slot: usize, word: &Word) {
        let session = self.sessions[slot].as_mut().unwrap();
        if session.standing != Standing::Here {
            session.said = session.known.clone();
        }
        let said = &mut session.said;
        match word {
            Word::Rename(name) if name.trim().is_empty() => {}
            Word::Rename(name) => drop(said.insert("name".into(), json!(name))),
            Word::Switch(id) => drop(said.insert("sessionId".into(), json!(id.to_string()))),
            Word::Status(status, waiting_for) => {
                said.insert("status".into(), json!(status));
                said.remove("waitingFor");
                if let Some(waiting_for) = waiting_for {
                    said.insert("waitingFor".into(), json!(waiting_for));
                }
            }
            Word::ClearStatus => {
                said.remove("status");
                said.remove("waitingFor");
            }
            Word::Extra(value) => drop(said.insert("own".into(), json!(value))),
            Word::Reassert => {}
        }
        session.known = session.said.clone();
        session.standing = Standing::Here;
    }

    fn end(&mut self, slot: usize, how: End) {
        self.running[slot] = false;
        let Some(session) = self.sessions[slot].take() else { return };
        if (how == End::Returns && session.own) || session.standing != Standing::Here {
            return;
        }
        let id = session.said["sessionId"].as_str().unwrap().to_owned();
        self.dead.push(Dead { id, place: place(slot), remains: Remains::Must });
    }

    fn together(&mut self, slot: usize) {
        for speaker in speakers(self, slot) {
            let session = self.sessions[slot].as_mut().unwrap();
            session.said.insert(key_of(speaker), json!(TOGETHER));
        }
        // In the end the session itself has a look, if it can.
        if self.is_own(slot) {
            self.say(slot, &Word::Reassert);
        }
    }

    fn happen(&mut self, operation: &Operation) {
        use Operation as O;
        match *operation {
            O::Start { slot } => self.running[slot] = true,
            O::Register { slot, id, name } => self.sign_in(slot, Some(id), name, true),
            O::RegisterOnBehalf { slot, id } => self.sign_in(slot, id, None, false),
            O::Say { slot, ref word } => self.say(slot, word),
            O::SayOnBehalf { slot, by, value } if self.is_here(slot) => {
                let session = self.sessions[slot].as_mut().unwrap();
                session.said.insert(key_of(by), json!(value));
            }
            // Nobody is there, and an update never brings anybody back.
            O::SayOnBehalf { .. } | O::ReadFromPod => {}
            O::Together { slot } => self.together(slot),
            O::SignOut { slot } => self.sessions[slot] = None,
            O::SignOutOnBehalf { slot } if !self.is_own(slot) => self.sessions[slot] = None,
            O::SignOutOnBehalf { slot } => self.stand(slot, Standing::Absent),
            O::End { slot, how } => self.end(slot, how),
            O::KillAtWork { slot } => {
                self.say(slot, &Word::Reassert);
                self.end(slot, End::Killed);
            }
            O::Sweep { from } => {
                for dead in &mut self.dead {
                    let sure = dead.place == from || dead.remains == Remains::MustNot;
                    dead.remains = if sure { Remains::MustNot } else { Remains::May };
                }
            }
            O::Foreign { slot, what } => match what {
                Foreign::AddsInPlace(value) | Foreign::AddsByRename(value) => {
                    let session = self.sessions[slot].as_mut().unwrap();
                    session.said.insert("theirs".into(), json!(value));
                }
                Foreign::Deletes => self.stand(slot, Standing::Absent),
                Foreign::WritesGarbage | Foreign::Empties => self.stand(slot, Standing::Spoiled),
            },
            O::HomeVanishes => {
                (0..SLOTS.len()).for_each(|slot| self.stand(slot, Standing::Absent));
                self.dead.iter_mut().for_each(|dead| dead.remains = Remains::MustNot);
            }
        }
        if let Some(id) = new_id(operation) {
            self.next_id = self.next_id.max(id.0 + 1);
        }
    }

    fn stand(&mut self, slot: usize, standing: Standing) {
        if let Some(session) = &mut self.sessions[slot] {
            session.standing = standing;
        }
    }
}

/// The key that a speaker writes.
pub(crate) fn key_of(speaker: usize) -> String {
    format!("by{speaker}")
}

fn new_id(operation: &Operation) -> Option<SessionId> {
    match *operation {
        Operation::Register { id, .. } => Some(id),
        Operation::RegisterOnBehalf { id, .. } => id,
        Operation::Say { word: Word::Switch(id), .. } => Some(id),
        _ => None,
    }
}

/// Names that people give, and some that nobody should.
const NAMES: &[&str] = &["billing", "émile's \"api\"", "", " \t", "\u{1b}[31mred", "{\"pid\":1}"];

fn word(id: SessionId) -> impl Strategy<Value = Word> {
    prop_oneof![
        2 => select(NAMES).prop_map(Word::Rename),
        2 => Just(Word::Switch(id)),
        3 => (
            select(vec!["busy", "idle", "waiting", "compacting"]),
            select(vec![None, Some("your answer")]),
        )
            .prop_map(|(status, waiting_for)| Word::Status(status, waiting_for)),
        1 => Just(Word::ClearStatus),
        2 => (0..5_u64).prop_map(Word::Extra),
        1 => Just(Word::Reassert),
    ]
}

fn foreign() -> impl Strategy<Value = Foreign> {
    prop_oneof![
        3 => (0..100_u64).prop_map(Foreign::AddsInPlace),
        3 => (0..100_u64).prop_map(Foreign::AddsByRename),
        2 => Just(Foreign::Deletes),
        1 => Just(Foreign::WritesGarbage),
        1 => Just(Foreign::Empties),
    ]
}

/// What can happen to one of the processes, or to its session.
fn about(model: &Model, slot: usize) -> Vec<(u32, BoxedStrategy<Operation>)> {
    use Operation as O;
    let id = SessionId(model.next_id);
    let new_id = (!model.is_here(slot)).then_some(id);
    let name = select(vec![None, Some(NAMES[0]), Some(NAMES[1]), Some("")]);
    let ends = select(vec![End::Killed, End::Zombie, End::Exits, End::Returns]);
    let by = select(speakers(model, slot));
    vec![
        (6, Just(O::Start { slot }).boxed()),
        (6, name.prop_map(move |name| O::Register { slot, id, name }).boxed()),
        (2, Just(O::RegisterOnBehalf { slot, id: new_id }).boxed()),
        (6, word(id).prop_map(move |word| O::Say { slot, word }).boxed()),
        (
            4,
            (by, 0..50_u64).prop_map(move |(by, value)| O::SayOnBehalf { slot, by, value }).boxed(),
        ),
        (1, Just(O::Together { slot }).boxed()),
        (1, Just(O::SignOut { slot }).boxed()),
        (1, Just(O::SignOutOnBehalf { slot }).boxed()),
        (2, ends.prop_map(move |how| O::End { slot, how }).boxed()),
        (1, Just(O::KillAtWork { slot }).boxed()),
        (4, foreign().prop_map(move |what| O::Foreign { slot, what }).boxed()),
    ]
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(model: &Self) -> BoxedStrategy<Operation> {
        let mut all = vec![
            (6, Just(Operation::Sweep { from: Place::Host }).boxed()),
            (3, Just(Operation::Sweep { from: Place::Pod }).boxed()),
            (3, Just(Operation::ReadFromPod).boxed()),
            (1, Just(Operation::HomeVanishes).boxed()),
        ];
        for slot in 0..SLOTS.len() {
            // Nobody can speak for whom nobody is beside; then nothing about it is possible but
            // that it starts.
            if !model.running[slot] {
                all.push((6, Just(Operation::Start { slot }).boxed()));
                continue;
            }
            all.extend(about(model, slot));
        }
        let model = model.clone();
        Union::new_weighted(all)
            .prop_filter("possible", move |operation| model.possible(operation))
            .boxed()
    }

    fn preconditions(model: &Self, operation: &Operation) -> bool {
        model.possible(operation)
    }

    fn apply(mut model: Self, operation: &Operation) -> Self {
        model.happen(operation);
        model
    }
}
