//! Changes to a record as an input spells them, as the library is asked for them, and as what
//! they ought to do.

use std::collections::BTreeMap;

use callboard::record::{Key, Kind, MAX_RECORD_BYTES, Patch, Shape, Status};
use serde_json::{Value, json};

use crate::members::Member;
use crate::outcome::{number, text};

/// Between a record and its changes, and between two changes.
pub(crate) const BETWEEN: u8 = 0x1e;

/// Between the parts of one change.
const WITHIN: char = '\u{1f}';

/// One call of a method of [`Patch`].
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Name(String),
    SessionId(String),
    Bridge(Option<String>),
    Status(Status, Option<String>),
    ClearStatus,
    StatusAt(u64),
    ByHook(u64),
    Kind(String),
    Cwd(String),
    Text(Key, Option<String>),
    Number(Key, Option<u64>),
    Extra(String, Option<Value>),
}

impl Wish {
    /// A letter, and what it is about. `None` where the bytes spell nothing.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(bytes);
        let mut chars = text.chars();
        let letter = chars.next()?;
        let all = chars.as_str().to_owned();
        let (first, second) = match all.split_once(WITHIN) {
            Some((first, second)) => (first, Some(second.to_owned())),
            None => (&*all, None),
        };
        Some(match letter {
            'n' => Self::Name(all),
            'i' => Self::SessionId(all),
            'b' => Self::Bridge(Some(all)),
            'B' => Self::Bridge(None),
            's' => Self::Status(Status::from(first), second),
            'c' => Self::ClearStatus,
            'a' => Self::StatusAt(all.parse().ok()?),
            'h' => Self::ByHook(all.parse().ok()?),
            'k' => Self::Kind(all),
            'd' => Self::Cwd(all),
            't' => Self::Text(Key::from_name(first)?, second),
            // A few bytes reach the longest record.
            'l' => Self::Text(Key::from_name(first)?, second.map(|text| lengthened(&text))),
            '#' => Self::Number(Key::from_name(first)?, second.and_then(|n| n.parse().ok())),
            'x' => Self::Extra(first.into(), second.map(value)),
            _ => return None,
        })
    }

    fn apply(&self, patch: Patch) -> Patch {
        match self.clone() {
            Self::Name(name) => patch.name(&name),
            Self::SessionId(id) => patch.session_id(&id),
            Self::Bridge(id) => patch.bridge_session_id(id.as_deref()),
            Self::Status(status, waiting_for) => patch.status(status, waiting_for.as_deref()),
            Self::ClearStatus => patch.clear_status(),
            Self::StatusAt(at) => patch.status_at(at),
            Self::ByHook(at) => patch.by_hook(at),
            Self::Kind(word) => patch.kind(&Kind::from(&*word)),
            Self::Cwd(cwd) => patch.cwd(&cwd),
            Self::Text(key, text) => patch.text(key, text.as_deref()),
            Self::Number(key, number) => patch.number(key, number),
            Self::Extra(name, value) => patch.extra(name, value.as_ref()),
        }
    }
}

/// Repeated until it nearly fills the longest record.
fn lengthened(text: &str) -> String {
    text.repeat((MAX_RECORD_BYTES - 200) / text.len().max(1))
}

/// JSON, or else the text itself.
fn value(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// What a patch is asked for, in the order of asking.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes(pub(crate) Vec<Wish>);

/// What the session was last said to be doing.
#[derive(Default)]
struct Said {
    status: Option<String>,
    waiting_for: Option<String>,
    at: Option<u64>,
    by_hook: bool,
}

/// What the keys must become; `None` removes one.
pub(crate) type Changes = BTreeMap<String, Option<Value>>;

impl Wishes {
    /// As the library takes them: what comes after `split` of them as a patch of its own.
    pub(crate) fn patch(&self, split: usize) -> Patch {
        let make = |wishes: &[Wish]| wishes.iter().fold(Patch::new(), |p, wish| wish.apply(p));
        let (earlier, later) = self.0.split_at(split.min(self.0.len()));
        make(earlier).and(make(later))
    }

    /// What they mean for a record with these members, at `now`.
    pub(crate) fn changes(&self, members: &[Member<'_>], now: u64) -> Changes {
        let (mut sets, said) = self.collected();
        // What a record is about, and what every write sets, are not for a patch to name; what
        // the session does is said by `status` alone, once that was called.
        for fixed in ["pid", "updatedAt", "seq"] {
            sets.remove(fixed);
        }
        if let Some(said) = said {
            for activity in ["status", "waitingFor", "statusUpdatedAt", "reached", "hookAt"] {
                sets.remove(activity);
            }
            said.add_to(&mut sets, members, now);
        }
        let stands = |name: &str| members.iter().find(|m| m.is(name)).map(|m| m.value);
        sets.retain(|name, value| stands(name) != value.as_ref().map(Value::to_string).as_deref());
        sets
    }

    fn collected(&self) -> (Changes, Option<Said>) {
        let mut sets = Changes::new();
        let mut said: Option<Said> = None;
        for wish in self.0.iter().cloned() {
            let (name, value) = match wish {
                Wish::Name(name) if name.trim().is_empty() => continue,
                Wish::Name(name) => ("name".into(), Some(json!(name))),
                Wish::SessionId(id) => ("sessionId".into(), Some(json!(id))),
                Wish::Bridge(id) => {
                    ("bridgeSessionId".into(), id.filter(|id| !id.is_empty()).map(|id| json!(id)))
                }
                Wish::Kind(word) => ("kind".into(), Some(json!(word))),
                Wish::Cwd(cwd) => ("cwd".into(), Some(json!(cwd))),
                Wish::Text(key, text) => (key.name().into(), text.map(|text| json!(text))),
                Wish::Number(key, number) => (key.name().into(), number.map(|n| json!(n))),
                Wish::Extra(name, value) => (name, value),
                activity => {
                    Said::hear(&mut said, activity);
                    continue;
                }
            };
            sets.insert(name, value);
        }
        (sets, said)
    }
}

impl Said {
    fn hear(said: &mut Option<Self>, wish: Wish) {
        match wish {
            Wish::Status(status, waiting_for) => {
                let said = said.get_or_insert_default();
                said.status = Some(status.as_str().to_owned());
                said.waiting_for = waiting_for.filter(|text| !text.is_empty());
            }
            Wish::ClearStatus => {
                let said = said.get_or_insert_default();
                (said.status, said.waiting_for) = (None, None);
            }
            // When and who mean nothing before what.
            Wish::StatusAt(at) => {
                if let Some(said) = said {
                    said.at = Some(at);
                }
            }
            Wish::ByHook(at) => {
                if let Some(said) = said {
                    (said.at, said.by_hook) = (Some(at), true);
                }
            }
            other => unreachable!("{other:?} is no activity"),
        }
    }

    fn add_to(self, sets: &mut Changes, members: &[Member<'_>], now: u64) {
        let value = |name: &str| members.iter().find(|m| m.is(name)).map(|m| m.value);
        let text = |name: &str| value(name).and_then(text);
        let time = |name: &str| value(name).and_then(|value| number(Shape::Time, value));
        let known = time("statusUpdatedAt").max(time("hookAt"));
        if self.at.zip(known).is_some_and(|(at, known)| at < known) {
            return; // Overtaken by a later event.
        }
        if (&self.status, &self.waiting_for) != (&text("status"), &text("waitingFor")) {
            let seq = value("seq").and_then(|seq| number(Shape::Count, seq)).unwrap_or(0);
            if let Some(reached) = self.reached(&text("reached").unwrap_or_default(), seq) {
                sets.insert("reached".into(), Some(json!(reached)));
            }
            sets.insert("status".into(), self.status.map(|status| json!(status)));
            sets.insert("waitingFor".into(), self.waiting_for.map(|text| json!(text)));
            sets.insert("statusUpdatedAt".into(), Some(json!(self.at.unwrap_or(now))));
        }
        let heard = self.at.filter(|_| self.by_hook).map(|at| json!(at));
        sets.insert("hookAt".into(), heard);
    }

    /// The eight last statuses, each with the number of the write that set it last.
    fn reached(&self, before: &str, seq: u64) -> Option<String> {
        let word = self.status.as_deref()?;
        if word.is_empty() || word.len() > 64 || word.contains(char::is_whitespace) {
            return None;
        }
        let parts: Vec<&str> = before.split_ascii_whitespace().collect();
        let sound = parts.chunks_exact(2).take_while(|pair| pair[1].parse::<u64>().is_ok());
        let mut pairs: Vec<(&str, u64)> = sound
            .map(|pair| (pair[0], pair[1].parse().unwrap_or_default()))
            .filter(|(other, _)| *other != word)
            .collect();
        pairs.push((word, seq.saturating_add(1)));
        let kept = &pairs[pairs.len().saturating_sub(8)..];
        let kept: Vec<String> = kept.iter().map(|(word, seq)| format!("{word} {seq}")).collect();
        Some(kept.join(" "))
    }
}
