//! A change to a record, as data: made anywhere, applied by whoever holds the record's lock.

use std::borrow::Cow;

use super::field::{Key, Shape};
use super::scan::integer;
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
    by_hook: bool,
}

impl Activity {
    /// What it decides; nothing else in the same patch does, or a key would stand there twice.
    const KEYS: &[Key] =
        &[Key::Status, Key::WaitingFor, Key::StatusUpdatedAt, Key::Reached, Key::HookAt];

    /// What it means for this record. Hooks of one session run side by side: an event that another
    /// one has overtaken changes nothing.
    fn changes<'a>(&self, record: &SessionRecord, now: u64) -> Vec<Change<'a>> {
        let heard = record.number(Key::HookAt);
        let known = record.status_updated_at().max(heard);
        if matches!((self.at, known), (Some(new), Some(old)) if new < old) {
            return Vec::new();
        }
        let mut changes = Vec::new();
        let same = self.status == record.status()
            && self.waiting_for.as_deref() == record.waiting_for().as_deref();
        if !same {
            let status = self.status.as_ref().map(|status| quoted(status.as_str()));
            changes.extend(Change::to(record, Key::Status, status));
            let waiting = self.waiting_for.as_deref().map(quoted);
            changes.extend(Change::to(record, Key::WaitingFor, waiting));
            let since = self.at.unwrap_or(now).to_string();
            changes.push(Change::set(Key::StatusUpdatedAt, since));
            if let Some(reached) = self.status.as_ref().and_then(|new| reached(record, new)) {
                changes.push(Change::set(Key::Reached, quoted(&reached)));
            }
        }
        let heard = self.at.filter(|_| self.by_hook).map(|at| at.to_string());
        changes.extend(Change::to(record, Key::HookAt, heard));
        changes
    }
}

/// What [`Key::Reached`] says once this status is set. `None` for one that cannot stand in it.
fn reached(record: &SessionRecord, status: &Status) -> Option<String> {
    const KEPT: usize = 8;
    /// Longer than any word for a status, short enough that eight of them are no burden.
    const LONGEST: usize = 64;
    let word = status.as_str();
    if word.is_empty() || word.len() > LONGEST || word.contains(char::is_whitespace) {
        return None;
    }
    let seq = record.number(Key::Seq).unwrap_or(0).saturating_add(1);
    let before = record.text(Key::Reached).unwrap_or_default();
    let others: Vec<_> = words_and_numbers(&before).filter(|(other, _)| *other != word).collect();
    let kept = &others[others.len().saturating_sub(KEPT - 1)..];
    let mut text = String::with_capacity(before.len() + word.len() + 8);
    for (other, seq) in kept.iter().copied().chain([(word, seq)]) {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&format!("{other} {seq}"));
    }
    Some(text)
}

/// The pairs in a text like `busy 12 idle 13`, as far as it is one.
pub(super) fn words_and_numbers(text: &str) -> impl Iterator<Item = (&str, u64)> {
    let mut parts = text.split_ascii_whitespace();
    std::iter::from_fn(move || Some((parts.next()?, parts.next()?.parse().ok()?)))
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    push_string(&mut json, text);
    json
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

    /// Sets the key or removes it; `None` where the record has it so already.
    fn to(record: &SessionRecord, key: Key, value: Option<String>) -> Option<Self> {
        let name = Cow::Borrowed(key.name());
        (record.raw(&name) != value.as_deref()).then(|| Self {
            key: Some(key),
            name,
            value: value.map(Cow::Owned),
        })
    }

    /// Whether a value that is set has the shape of its key: whoever embeds the library may set
    /// any understood key to anything.
    pub(super) fn fits(&self) -> bool {
        let Some((key, value)) = self.key.zip(self.value.as_deref()) else { return true };
        match key.field().shape {
            Shape::Text => value.starts_with('"'),
            shape => integer(shape, value).is_some(),
        }
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
        let waiting_for = waiting_for.filter(|w| !w.is_empty()).map(str::to_owned);
        self.activity = Some(Activity { status: Some(status), waiting_for, ..self.when_and_who() });
        self
    }

    /// Takes the status back: the session no longer says what it is doing.
    #[must_use]
    pub fn clear_status(mut self) -> Self {
        self.activity = Some(Activity { status: None, waiting_for: None, ..self.when_and_who() });
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

    /// Says that it is a hook of the program that knows the status, from an event of that time (ms
    /// since the epoch); [`status_at`](Self::status_at) comes with it. Hooks miss events (an
    /// interrupt fires none), so what they say counts for less than what the session says itself,
    /// and readers are told by [`Key::HookAt`].
    #[must_use]
    pub fn by_hook(mut self, at: u64) -> Self {
        if let Some(activity) = &mut self.activity {
            (activity.at, activity.by_hook) = (Some(at), true);
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
        self.set(Cow::Borrowed(key.name()), text.map(quoted))
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

    /// What was said of the activity so far, but for the activity itself.
    fn when_and_who(&mut self) -> Activity {
        let nothing = Activity { status: None, waiting_for: None, at: None, by_hook: false };
        self.activity.take().unwrap_or(nothing)
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
            // The pid is what the record is about, the next two are for every write to set, and
            // where the patch says what the session does, that says the rest.
            let ours = [Key::Pid, Key::UpdatedAt, Key::Seq];
            let said = if self.activity.is_some() { Activity::KEYS } else { &[] };
            if ours.iter().chain(said).all(|key| name != key.name()) {
                change(Cow::Borrowed(&**name), value.as_deref().map(Cow::Borrowed));
            }
        }
        if let Some(activity) = &self.activity {
            changes.extend(activity.changes(record, now));
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
    fn what_hooks_say_is_marked_and_ordered_by_the_time_of_their_events() {
        let said = |status, at| Patch::new().status(status, None).by_hook(at);
        let field = |record: &SessionRecord| {
            (record.status(), record.status_updated_at(), record.number(Key::HookAt))
        };
        let mut now = record(r#"{"pid":7}"#);
        // (patch, status, since, heard): each on top of the one before it.
        let steps = [
            (said(Status::Busy, 100), Status::Busy, 100, Some(100)),
            // Heard again: the same status, and its age goes on.
            (said(Status::Busy, 150), Status::Busy, 100, Some(150)),
            // Late: it happened before the event at 150, which knew better.
            (said(Status::Idle, 120), Status::Busy, 100, Some(150)),
            (said(Status::Idle, 200), Status::Idle, 200, Some(200)),
            // The session itself speaks: no hook's word any more, even where it says the same.
            (Patch::new().status(Status::Idle, None), Status::Idle, 200, None),
            (said(Status::Waiting, 300), Status::Waiting, 300, Some(300)),
            (Patch::new().status(Status::Shell, None), Status::Shell, 900, None),
            // A hook of before that.
            (said(Status::Busy, 800), Status::Shell, 900, None),
        ];
        for (step, (patch, status, since, heard)) in steps.into_iter().enumerate() {
            now = now.with(&patch, 900).unwrap_or(now);
            assert_eq!(field(&now), (Some(status), Some(since), heard), "step {step}");
        }
        // A patch that says nothing of the status leaves the mark.
        let renamed = record(r#"{"pid":7,"status":"busy","hookAt":5}"#);
        let renamed = renamed.with(&Patch::new().name("n"), 900).unwrap();
        assert_eq!(renamed.number(Key::HookAt), Some(5));
    }

    #[test]
    fn a_status_that_was_there_for_a_moment_leaves_its_number() {
        let mut now = record(r#"{"pid":7,"seq":4}"#);
        let steps: &[(&str, &str)] = &[
            ("busy", "busy 5"),
            ("idle", "busy 5 idle 6"),
            ("busy", "idle 6 busy 7"),
            // Not a word: it cannot be waited for by its number, and the others stay.
            ("two words", "idle 6 busy 7"),
            ("a", "idle 6 busy 7 a 9"),
        ];
        for (status, reached) in steps {
            now = now.with(&Patch::new().status(Status::from(*status), None), 900).unwrap();
            assert_eq!(now.text(Key::Reached).as_deref(), Some(*reached), "{status}");
        }
        assert_eq!(now.reached(&Status::Idle), Some(6));
        assert_eq!(now.reached(&Status::Waiting), None);
        for (nth, status) in ["b", "c", "d", "e", "f", "g"].into_iter().enumerate() {
            now = now.with(&Patch::new().status(Status::from(status), None), 900).unwrap();
            assert_eq!(now.number(Key::Seq), Some(10 + nth as u64));
        }
        // The eight last ones.
        assert_eq!(now.text(Key::Reached).unwrap(), "busy 7 a 9 b 10 c 11 d 12 e 13 f 14 g 15");
        let long = "x".repeat(65);
        let after = now.with(&Patch::new().status(Status::from(&*long), None), 900).unwrap();
        assert_eq!(after.text(Key::Reached), now.text(Key::Reached), "nor one of any length");
        // Somebody else's idea of it is read as far as it goes, and mended by the next status.
        let odd = record(r#"{"pid":7,"reached":"idle x busy 3"}"#);
        assert_eq!(odd.reached(&Status::Busy), None);
        let odd = odd.with(&Patch::new().status(Status::Busy, None), 900).unwrap();
        assert_eq!(odd.text(Key::Reached).as_deref(), Some("busy 1"));
    }

    #[test]
    fn a_status_decides_its_keys_whatever_else_the_patch_sets() {
        let base = r#"{"pid":7,"status":"busy","statusUpdatedAt":100}"#;
        let status = || Patch::new().status(Status::Idle, None);
        let patches = [
            status().number(Key::StatusUpdatedAt, Some(5)),
            status().text(Key::Status, Some("else")).text(Key::Reached, Some("else 9")),
            Patch::new()
                .text(Key::WaitingFor, Some("you"))
                .number(Key::HookAt, Some(5))
                .and(status()),
        ];
        for text in [base, r#"{"pid":7}"#] {
            for patch in &patches {
                let after = record(text).with(patch, 500).unwrap();
                assert_eq!(after, record(text).with(&status(), 500).unwrap(), "{patch:?}");
                assert_eq!(after.as_json().matches("statusUpdatedAt").count(), 1, "{patch:?}");
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
