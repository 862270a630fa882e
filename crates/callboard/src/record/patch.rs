//! A change to a record, as data: made anywhere, applied by whoever holds the record's lock.

use std::borrow::Cow;

use super::field::Key;
use super::session_record::{SessionRecord, push_string};
use super::words::{Kind, Status};

/// A change to a record. What it does not name stays as it is.
///
/// ```
/// use callboard::record::{Patch, SessionRecord, Status};
///
/// let record = SessionRecord::parse(br#"{"pid":7,"name":"old","theirs":1}"#).unwrap();
/// let patch = Patch::new().name("new").status(Status::Waiting, Some("permission prompt"));
/// let record = record.with(&patch, 1_795_239_570_805).unwrap();
/// assert_eq!(record.name().as_deref(), Some("new"));
/// assert_eq!(record.waiting_for().as_deref(), Some("permission prompt"));
/// assert_eq!(record.status_updated_at(), Some(1_795_239_570_805));
/// assert_eq!(record.raw("theirs"), Some("1"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    sets: Vec<(Cow<'static, str>, Option<String>)>,
    activity: Option<Activity>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Activity {
    status: Option<Status>,
    waiting_for: Option<String>,
    at: Option<u64>,
}

/// What becomes of one key.
pub(super) struct Change<'a> {
    /// If it is one that this version understands.
    pub(super) key: Option<Key>,
    pub(super) name: Cow<'a, str>,
    /// JSON text; `None` removes the key.
    pub(super) value: Option<Cow<'a, str>>,
}

impl Change<'_> {
    pub(super) fn set(key: Key, value: String) -> Self {
        let name = Cow::Borrowed(key.name());
        Self { key: Some(key), name, value: Some(Cow::Owned(value)) }
    }
}

impl Patch {
    /// A patch that changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Switches to another conversation under the same process (resume, clear).
    #[must_use]
    pub fn session_id(self, id: &str) -> Self {
        self.text(Key::SessionId, Some(id))
    }

    /// Renames the session. An empty name, or one of white space only, changes nothing.
    #[must_use]
    pub fn name(self, name: &str) -> Self {
        if name.trim().is_empty() { self } else { self.text(Key::Name, Some(name)) }
    }

    /// Sets the id on a remote bridge, or clears it (`None`, or an empty one) when the bridge
    /// goes.
    #[must_use]
    pub fn bridge_session_id(self, id: Option<&str>) -> Self {
        self.text(Key::BridgeSessionId, id.filter(|id| !id.is_empty()))
    }

    /// Says what the session is doing, and what it waits for; forgets what it waited for before.
    #[must_use]
    pub fn status(mut self, status: Status, waiting_for: Option<&str>) -> Self {
        let at = self.activity.take().and_then(|a| a.at);
        let waiting_for = waiting_for.filter(|w| !w.is_empty()).map(str::to_owned);
        self.activity = Some(Activity { status: Some(status), waiting_for, at });
        self
    }

    /// Takes the status back: the session no longer says what it is doing.
    #[must_use]
    pub fn clear_status(mut self) -> Self {
        let at = self.activity.take().and_then(|a| a.at);
        self.activity = Some(Activity { status: None, waiting_for: None, at });
        self
    }

    /// When the status became true, in ms since the epoch, where that is not the moment of
    /// writing. A status that is older than the one on record is ignored: hooks of one session
    /// run side by side and arrive in any order.
    #[must_use]
    pub fn status_at(mut self, at: u64) -> Self {
        if let Some(activity) = &mut self.activity {
            activity.at = Some(at);
        }
        self
    }

    /// Sets the kind.
    #[must_use]
    pub fn kind(self, kind: &Kind) -> Self {
        self.text(Key::Kind, Some(kind.as_str()))
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(self, cwd: &str) -> Self {
        self.text(Key::Cwd, Some(cwd))
    }

    /// Sets the text of any understood key, or removes it. Empty text is kept as such.
    #[must_use]
    pub fn text(self, key: Key, text: Option<&str>) -> Self {
        let value = text.map(|text| {
            let mut json = String::with_capacity(text.len() + 2);
            push_string(&mut json, text);
            json
        });
        self.set(Cow::Borrowed(key.name()), value)
    }

    /// Sets the number of any understood key, or removes it.
    #[must_use]
    pub fn number(self, key: Key, number: Option<u64>) -> Self {
        self.set(Cow::Borrowed(key.name()), number.map(|n| n.to_string()))
    }

    /// Sets a key of the caller's own to a JSON value, or removes it (`None`). Keys that
    /// Callboard understands keep their meaning and are better set by the methods above.
    #[must_use]
    pub fn extra(self, name: impl Into<String>, value: Option<&serde_json::Value>) -> Self {
        self.set(Cow::Owned(name.into()), value.map(ToString::to_string))
    }

    /// Both changes; where both name a key, `later` counts.
    #[must_use]
    pub fn and(mut self, later: Self) -> Self {
        for (name, value) in later.sets {
            self = self.set(name, value);
        }
        self.activity = later.activity.or(self.activity);
        self
    }

    /// Whether it sets or removes this key.
    pub(crate) fn names(&self, key: Key) -> bool {
        self.sets.iter().any(|(name, _)| name == key.name())
    }

    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.activity.is_none()
    }

    fn set(mut self, name: Cow<'static, str>, value: Option<String>) -> Self {
        self.sets.retain(|(other, _)| *other != name);
        self.sets.push((name, value));
        self
    }

    /// The changes that this patch means for this record: those that it has already are none.
    pub(super) fn resolve<'a>(&'a self, record: &SessionRecord, now: u64) -> Vec<Change<'a>> {
        let mut changes: Vec<Change<'a>> = Vec::with_capacity(self.sets.len() + 3);
        let mut change = |name: Cow<'a, str>, value: Option<Cow<'a, str>>| {
            if record.raw(&name) != value.as_deref() {
                changes.push(Change { key: Key::from_name(&name), name, value });
            }
        };
        for (name, value) in &self.sets {
            // The pid is what the record is about, and the other two are for every write to set.
            if [Key::Pid, Key::UpdatedAt, Key::Seq].iter().all(|key| name != key.name()) {
                change(Cow::Borrowed(&**name), value.as_deref().map(Cow::Borrowed));
            }
        }
        if let Some(activity) = &self.activity {
            let since = activity.at;
            let known_since = record.status_updated_at();
            let late = matches!((since, known_since), (Some(new), Some(old)) if new < old);
            let same = activity.status == record.status()
                && activity.waiting_for.as_deref() == record.waiting_for().as_deref();
            if !late && !same {
                let quoted = |text: &str| {
                    let mut json = String::with_capacity(text.len() + 2);
                    push_string(&mut json, text);
                    Cow::Owned(json)
                };
                let status = activity.status.as_ref().map(|s| quoted(s.as_str()));
                let waiting = activity.waiting_for.as_deref().map(quoted);
                change(Cow::Borrowed(Key::Status.name()), status);
                change(Cow::Borrowed(Key::WaitingFor.name()), waiting);
                let since = since.unwrap_or(now).to_string();
                changes.push(Change::set(Key::StatusUpdatedAt, since));
            }
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(text: &str) -> SessionRecord {
        SessionRecord::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn patches_by_case() {
        let base =
            r#"{"pid":7,"name":"n","status":"busy","statusUpdatedAt":100,"bridgeSessionId":"b"}"#;
        // (patch, what the record then has) or None: nothing to write.
        let cases: Vec<(Patch, Option<&[(&str, Option<&str>)]>)> = vec![
            (Patch::new(), None),
            (Patch::new().name(""), None),
            (Patch::new().name("  \t"), None),
            (Patch::new().name("n"), None),
            (Patch::new().name("m"), Some(&[("name", Some("\"m\""))])),
            (Patch::new().bridge_session_id(None), Some(&[("bridgeSessionId", None)])),
            (Patch::new().bridge_session_id(Some("")), Some(&[("bridgeSessionId", None)])),
            (Patch::new().number(Key::Pid, Some(8)), None),
            (Patch::new().number(Key::Seq, Some(8)).number(Key::UpdatedAt, None), None),
            // The same status again is not a new one: its age goes on.
            (Patch::new().status(Status::Busy, None), None),
            (
                Patch::new().status(Status::Idle, None),
                Some(&[("status", Some("\"idle\"")), ("statusUpdatedAt", Some("500"))]),
            ),
            // An event that was overtaken changes nothing.
            (Patch::new().status(Status::Idle, None).status_at(99), None),
            (
                Patch::new().status(Status::Idle, None).status_at(101),
                Some(&[("status", Some("\"idle\"")), ("statusUpdatedAt", Some("101"))]),
            ),
            (
                Patch::new().status(Status::Waiting, Some("input needed")),
                Some(&[("status", Some("\"waiting\"")), ("waitingFor", Some("\"input needed\""))]),
            ),
            (
                Patch::new().clear_status(),
                Some(&[("status", None), ("statusUpdatedAt", Some("500"))]),
            ),
        ];
        for (patch, expected) in cases {
            let after = record(base).with(&patch, 500);
            match (after, expected) {
                (None, None) => {}
                (Some(after), Some(expected)) => {
                    for (key, value) in expected {
                        assert_eq!(after.raw(key), *value, "{key} after {patch:?}");
                    }
                    assert_eq!(after.raw("updatedAt"), Some("500"), "{patch:?}");
                    assert_eq!(after.pid(), 7);
                }
                (after, expected) => panic!("{patch:?} gave {after:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn waiting_for_something_else_is_a_new_wait() {
        let before = record(
            r#"{"pid":7,"status":"waiting","waitingFor":"permission prompt","statusUpdatedAt":100}"#,
        );
        let after = before.with(&Patch::new().status(Status::Waiting, Some("input needed")), 200);
        assert_eq!(after.unwrap().status_updated_at(), Some(200));
    }
}
