//! What must hold of a record that was read, whichever text it was read from.

use std::borrow::Cow;

use callboard::process::Incarnation;
use callboard::record::{
    FIELDS, Fault, FaultKind, Field, Key, SCHEMA_VERSION, SessionRecord, Shape,
};

use crate::NOW;
use crate::members::{Member, last_of_each, members, units};

type Text = for<'r> fn(&'r SessionRecord) -> Option<Cow<'r, str>>;
type Number = fn(&SessionRecord) -> Option<u64>;

const TEXTS: &[(Key, Text)] = &[
    (Key::SessionId, SessionRecord::session_id),
    (Key::Cwd, SessionRecord::cwd),
    (Key::Entrypoint, SessionRecord::entrypoint),
    (Key::Name, SessionRecord::name),
    (Key::LogPath, SessionRecord::log_path),
    (Key::Agent, SessionRecord::agent),
    (Key::MessagingSocketPath, SessionRecord::messaging_socket_path),
    (Key::BridgeSessionId, SessionRecord::bridge_session_id),
    (Key::WaitingFor, SessionRecord::waiting_for),
    (Key::Tool, SessionRecord::tool),
    (Key::Version, SessionRecord::version),
    (Key::PidDomain, SessionRecord::pid_domain),
    (Key::Instance, SessionRecord::instance),
];

const NUMBERS: &[(Key, Number)] = &[
    (Key::StartedAt, SessionRecord::started_at),
    (Key::UpdatedAt, SessionRecord::updated_at),
    (Key::StatusUpdatedAt, SessionRecord::status_updated_at),
    (Key::Seq, SessionRecord::seq),
];

/// What must be read from a text.
pub(crate) struct Outcome<'t> {
    /// The last member of each key.
    members: Vec<Member<'t>>,
    /// What each of [`FIELDS`] says.
    fields: Vec<Said<'t>>,
    /// Where more text follows.
    trailing: Option<usize>,
}

/// What stands under one key, and what it means.
struct Said<'t> {
    raw: Option<&'t str>,
    text: Option<String>,
    number: Option<u64>,
}

impl<'t> Outcome<'t> {
    /// Of a text that begins with `object`, and goes on at `trailing`.
    pub(crate) fn of(object: &'t str, trailing: Option<usize>) -> Self {
        let members = last_of_each(members(object));
        let say = |field: &Field| {
            let raw = members.iter().find(|m| m.is(field.name)).map(|m| m.value);
            Said {
                raw,
                text: raw.and_then(text),
                number: raw.and_then(|raw| number(field.shape, raw)),
            }
        };
        Self { fields: FIELDS.iter().map(say).collect(), members, trailing }
    }

    /// Asks the record everything that can be asked.
    pub(crate) fn check(&self, record: &SessionRecord) {
        for member in &self.members {
            // A key that is no text cannot be asked for; it is kept all the same.
            let Some(name) = member.name() else { continue };
            assert_eq!(record.raw(&name), Some(member.value), "the text of {name:?}");
        }
        let stands = |name: &str| self.members.iter().find(|m| m.is(name)).map(|m| m.value);
        let longer = self.members.first().and_then(Member::name).unwrap_or_default() + "x";
        for absent in ["", "\"", &longer] {
            assert_eq!(record.raw(absent), stands(absent), "a key that may be absent");
        }
        for (field, said) in FIELDS.iter().zip(&self.fields) {
            assert_eq!(record.raw(field.name), said.raw, "{}", field.name);
            assert_eq!(record.text(field.key).as_deref(), said.text.as_deref(), "{}", field.name);
            assert_eq!(record.number(field.key), said.number, "{}", field.name);
        }
        check_accessors(record);
        let found = record.faults(NOW);
        assert_eq!(found, self.faults(), "faults");
        assert!(found.iter().all(|fault| !fault.to_string().is_empty()));
    }

    fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        for (field, said) in FIELDS.iter().zip(&self.fields) {
            let readable = match field.shape {
                Shape::Text => said.text.is_some(),
                _ => said.number.is_some(),
            };
            if said.raw.is_some_and(|raw| raw != "null") && !readable {
                faults.push(Fault { key: Some(field.key), kind: FaultKind::WrongShape });
            }
        }
        faults.extend(
            self.trailing.map(|at| Fault { key: None, kind: FaultKind::TrailingBytes(at) }),
        );
        for key in [Key::StartedAt, Key::UpdatedAt, Key::StatusUpdatedAt] {
            if self.fields[key as usize].number.is_some_and(|time| time > NOW + 60_000) {
                faults.push(Fault { key: Some(key), kind: FaultKind::InTheFuture });
            }
        }
        faults
    }
}

/// What a string says, with U+FFFD for half a sign.
pub(crate) fn text(value: &str) -> Option<String> {
    if !value.contains('\\') {
        return Some(value.strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    Some(String::from_utf16_lossy(&units(value)?))
}

/// What a number says, if it is an integer in the range of its key.
pub(crate) fn number(shape: Shape, value: &str) -> Option<u64> {
    let number = serde_json::from_str::<serde_json::Number>(value).ok()?.as_u64()?;
    let range = match shape {
        Shape::Text => return None,
        Shape::Pid => 1..=i32::MAX as u64,
        Shape::Count => 0..=u64::MAX,
        Shape::Time => 0..=253_402_300_799_999,
    };
    range.contains(&number).then_some(number)
}

fn check_accessors(record: &SessionRecord) {
    for (key, get) in TEXTS {
        assert_eq!(get(record), record.text(*key), "{key:?}");
    }
    for (key, get) in NUMBERS {
        assert_eq!(get(record), record.number(*key), "{key:?}");
    }
    let word = |key| record.text(key).map(Cow::into_owned);
    assert_eq!(record.status().map(|s| s.as_str().to_owned()), word(Key::Status));
    assert_eq!(record.kind().map(|k| k.as_str().to_owned()), word(Key::Kind));
    assert_eq!(record.number(Key::Pid), Some(u64::from(record.pid())));
    assert_eq!(record.schema_version(), record.number(Key::SchemaVersion).unwrap_or(0));
    assert_eq!(record.is_writable(), record.schema_version() <= SCHEMA_VERSION);
    if let Some(status) = record.status() {
        let reached = record.text(Key::Reached).unwrap_or_default();
        let known = record.reached(&status).is_some();
        assert!(!known || reached.contains(status.as_str()));
    }
    let incarnation = Incarnation::of(record);
    assert_eq!(incarnation.pid, record.pid());
    assert_eq!(incarnation.lock_ino, record.number(Key::LockIno));
}
