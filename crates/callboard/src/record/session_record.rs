//! A record: its text, and where in it each value stands.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::MAX_RECORD_BYTES;
use super::field::{FIELDS, Key, SCHEMA_VERSION, Shape};
use super::patch::{Change, Patch};
use super::scan::{Entry, Index, Malformed, Span, entries, integer, scan};
use super::words::{Kind, Status};

/// What a session says about itself.
///
/// A claim, not a truth: whether the session lives is for
/// [`Verdict`](crate::process::Verdict) to say.
///
/// ```
/// use callboard::record::{SessionRecord, Status};
///
/// let text = br#"{"pid":4711,"sessionId":"c3fb","status":"compacting","theirs":{"x":[1]}}"#;
/// let record = SessionRecord::parse(text).unwrap();
/// assert_eq!(record.pid(), 4711);
/// assert_eq!(record.session_id().as_deref(), Some("c3fb"));
/// assert_eq!(record.status(), Some(Status::from("compacting")));
/// assert_eq!(record.raw("theirs"), Some(r#"{"x":[1]}"#));
/// assert_eq!(record.name(), None);
/// ```
#[derive(Clone)]
pub struct SessionRecord {
    text: Box<str>,
    index: Index,
    pid: u32,
    /// Where other text follows the record. A text is shorter than 4 GiB by far.
    trailing: Option<u32>,
    faulty: bool,
    unescaped: bool,
    repeated: bool,
}

/// One thing in a record that is not as it should be, and does not keep it from being listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which key it concerns, if any.
    pub key: Option<Key>,
    /// What is wrong.
    pub kind: FaultKind,
}

/// What can be wrong inside a record that is listed all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The value is of the wrong type or out of range; it reads as absent.
    WrongShape,
    /// More text follows the record, from this byte on: the tail of an older, longer one, or of
    /// a write that was cut short.
    TrailingBytes(usize),
    /// A time that lies more than a minute ahead of the reader's clock.
    InTheFuture,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.map_or("", Key::name);
        match self.kind {
            FaultKind::WrongShape => write!(f, "{key} has the wrong type or range and is ignored"),
            FaultKind::TrailingBytes(at) => {
                write!(f, "more text follows the record at byte {at} and is ignored")
            }
            FaultKind::InTheFuture => write!(f, "{key} is in the future"),
        }
    }
}

macro_rules! texts {
    ($($(#[$meta:meta])* $getter:ident = $key:ident,)+) => {
        $(
            $(#[$meta])*
            #[must_use]
            pub fn $getter(&self) -> Option<Cow<'_, str>> {
                self.text(Key::$key)
            }
        )+
    };
}

macro_rules! numbers {
    ($($(#[$meta:meta])* $getter:ident = $key:ident,)+) => {
        $(
            $(#[$meta])*
            #[must_use]
            pub fn $getter(&self) -> Option<u64> {
                self.number(Key::$key)
            }
        )+
    };
}

impl SessionRecord {
    /// Reads the first JSON object in `bytes`.
    ///
    /// # Errors
    ///
    /// [`Malformed`] when there is no object, or none with a usable `pid`. A value of the wrong
    /// shape under another key is a [`Fault`], and reads as absent.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::from_text(text.into()),
            // A good record with rubbish after it is still a good record.
            Err(error) => {
                let good = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
                let record = Self::from_text(good.into())
                    .map_err(|_| Malformed::NotUtf8(error.valid_up_to()))?;
                Ok(Self { trailing: record.trailing.or(Some(good.len() as u32)), ..record })
            }
        }
    }

    fn from_text(text: Box<str>) -> Result<Self, Malformed> {
        if text.len() > MAX_RECORD_BYTES {
            return Err(Malformed::TooLong(text.len()));
        }
        let mut record = Self::index(text)?;
        let pid = record.number(Key::Pid).and_then(|pid| u32::try_from(pid).ok());
        record.pid = pid.ok_or(Malformed::NoPid)?;
        Ok(record)
    }

    fn index(text: Box<str>) -> Result<Self, Malformed> {
        let found = scan(&text)?;
        Ok(Self {
            text,
            index: found.index,
            pid: 0,
            trailing: found.trailing.map(|at| at as u32),
            faulty: found.faulty,
            unescaped: found.unescaped,
            repeated: found.repeated,
        })
    }

    /// An empty record of this process, to be filled by a [`Patch`].
    pub(crate) fn empty(pid: u32) -> Self {
        Self::from_text(format!("{{\"pid\":{pid}}}").into()).expect("a pid makes a record")
    }

    /// The record as it stands in the file, without anything that follows it there.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text[..self.trailing.map_or(self.text.len(), |at| at as usize)]
    }

    /// The process, by the number that the session sees in its own PID namespace.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.pid
    }

    texts! {
        /// The conversation; it changes under the same process.
        session_id = SessionId,
        /// Its working directory.
        cwd = Cwd,
        /// How it was started.
        entrypoint = Entrypoint,
        /// What people call it.
        name = Name,
        /// Where its output goes.
        log_path = LogPath,
        /// Which agent it runs as.
        agent = Agent,
        /// Its inbox.
        messaging_socket_path = MessagingSocketPath,
        /// Its id on a remote bridge.
        bridge_session_id = BridgeSessionId,
        /// What it waits for.
        waiting_for = WaitingFor,
        /// The program's name.
        tool = Tool,
        /// The program's version.
        version = Version,
        /// Where its pid means something, see [`crate::process::Incarnation`].
        pid_domain = PidDomain,
        /// The registration, as opposed to another one of the same pid.
        instance = Instance,
    }

    numbers! {
        /// When it signed in, in ms since the epoch.
        started_at = StartedAt,
        /// When the record was last written, in ms since the epoch.
        updated_at = UpdatedAt,
        /// Since when the status is what it is, in ms since the epoch.
        status_updated_at = StatusUpdatedAt,
        /// How often the record was written.
        seq = Seq,
    }

    /// What it is doing; `None` until it first says so.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.text(Key::Status).map(|word| Status::from(&*word))
    }

    /// How it is hosted; `None` where the record does not say.
    #[must_use]
    pub fn kind(&self) -> Option<Kind> {
        self.text(Key::Kind).map(|word| Kind::from(&*word))
    }

    /// The version of the format that it was written in; records without one are the oldest.
    #[must_use]
    pub fn schema_version(&self) -> u64 {
        self.number(Key::SchemaVersion).unwrap_or(0)
    }

    /// Whether this code may rewrite it: a newer format is read, never rewritten.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.schema_version() <= SCHEMA_VERSION
    }

    /// The JSON text of any key, understood or not.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<&str> {
        if let Some(key) = Key::from_name(name) {
            return self.value(key);
        }
        // A key without escapes is in the text as it is, or not there.
        if self.unescaped && !self.text.contains(name) {
            return None;
        }
        entries(&self.text)
            .iter()
            .rev()
            .find(|e| e.known.is_none() && key_text(e, &self.text) == name)
            .map(|e| e.value.of(&self.text))
    }

    /// The text of a key; `None` if it is absent, `null` or not a string.
    #[must_use]
    pub fn text(&self, key: Key) -> Option<Cow<'_, str>> {
        let value = self.value(key)?;
        let inner = value.strip_prefix('"')?.strip_suffix('"')?;
        if self.unescaped || !inner.contains('\\') {
            Some(Cow::Borrowed(inner))
        } else {
            serde_json::from_str(value).ok().map(Cow::Owned)
        }
    }

    /// The number under a key; `None` if it is absent or not in the key's range.
    #[must_use]
    pub fn number(&self, key: Key) -> Option<u64> {
        integer(key.field().shape, self.value(key)?)
    }

    /// What is wrong inside it, as seen at `now` (ms since the epoch).
    pub fn faults(&self, now: u64) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.faulty {
            for field in FIELDS.iter().filter(|f| self.value(f.key).is_some()) {
                let readable = match field.shape {
                    Shape::Text => self.text(field.key).is_some(),
                    _ => self.number(field.key).is_some(),
                };
                if !readable && self.raw(field.name) != Some("null") {
                    faults.push(Fault { key: Some(field.key), kind: FaultKind::WrongShape });
                }
            }
        }
        if let Some(at) = self.trailing {
            faults.push(Fault { key: None, kind: FaultKind::TrailingBytes(at as usize) });
        }
        const MINUTE: u64 = 60_000;
        for key in [Key::StartedAt, Key::UpdatedAt, Key::StatusUpdatedAt] {
            if self.number(key).is_some_and(|time| time > now.saturating_add(MINUTE)) {
                faults.push(Fault { key: Some(key), kind: FaultKind::InTheFuture });
            }
        }
        faults
    }

    /// The record with the changes of `patch`, made at `now` (ms since the epoch): what the patch
    /// does not name stays where and as it is. `None` if that would change nothing.
    #[must_use]
    pub fn with(&self, patch: &Patch, now: u64) -> Option<Self> {
        let changes = patch.resolve(self, now);
        if changes.is_empty() {
            return None;
        }
        Some(self.rewrite(&changes, now))
    }

    /// The record as it is, with a new `updatedAt` and `seq`: says "still here".
    #[must_use]
    pub(crate) fn touched(&self, now: u64) -> Self {
        self.rewrite(&[], now)
    }

    fn rewrite(&self, changes: &[Change<'_>], now: u64) -> Self {
        let seq = self.seq().unwrap_or(0).saturating_add(1);
        let stamp =
            [Change::set(Key::UpdatedAt, now.to_string()), Change::set(Key::Seq, seq.to_string())];
        let changes: Vec<&Change<'_>> = changes.iter().chain(&stamp).collect();
        let simple = |change: &&Change<'_>| change.key.is_some() && change.value.is_some();
        if changes.iter().all(simple) && !self.repeated {
            return self.splice(&changes);
        }
        let mut record = self.rebuild(&changes);
        record.pid = self.pid;
        record
    }

    /// The text with the values of some understood keys replaced, and others put at its end: what
    /// nearly every update is, at the cost of copying it once.
    fn splice(&self, changes: &[&Change<'_>]) -> Self {
        let old = self.as_json();
        let close = old.rfind('}').unwrap_or(old.len());
        let mut edits: Vec<(Range<usize>, &str)> = Vec::with_capacity(8);
        for change in changes {
            let place = change.key.and_then(|key| self.index.get(key));
            edits.extend(place.zip(change.value.as_deref()));
        }
        edits.sort_unstable_by_key(|(place, _)| place.start);
        let lengths: Vec<_> = edits.iter().map(|(at, value)| (at.clone(), value.len())).collect();
        let mut index = self.index.shifted(&lengths);
        let mut text = String::with_capacity(old.len() + 160);
        let mut copied = 0;
        for (place, value) in &edits {
            text.push_str(&old[copied..place.start]);
            text.push_str(value);
            copied = place.end;
        }
        text.push_str(old[copied..close].trim_ascii_end());
        for change in changes {
            let (Some(key), Some(value)) = (change.key, &change.value) else { continue };
            if self.index.get(key).is_none() {
                push_member(&mut text, key.name(), value);
                index.set(key, text.len() - value.len(), text.len());
            }
        }
        text.push('}');
        let unescaped = self.unescaped && !text.contains('\\');
        let (pid, faulty) = (self.pid, self.faulty);
        Self { text: text.into(), index, pid, trailing: None, faulty, unescaped, repeated: false }
    }

    /// The text made anew, member by member: removes keys, and changes those of others.
    fn rebuild(&self, changes: &[&Change<'_>]) -> Self {
        let members = entries(&self.text);
        let mut text = String::with_capacity(self.text.len() + 160);
        text.push('{');
        let mut met = vec![false; changes.len()];
        for (at, entry) in members.iter().enumerate() {
            let name = key_text(entry, &self.text);
            // Where a key stands twice, the last one is what everybody reads.
            if members[at + 1..].iter().any(|later| key_text(later, &self.text) == name) {
                continue;
            }
            match changes.iter().position(|change| change.name == name) {
                None => {
                    separate(&mut text);
                    let whole = Span { start: entry.key.start, end: entry.value.end };
                    text.push_str(whole.of(&self.text));
                }
                Some(change) => {
                    met[change] = true;
                    if let Some(value) = &changes[change].value {
                        push_member(&mut text, &name, value);
                    }
                }
            }
        }
        for (change, _) in changes.iter().zip(met).filter(|(_, met)| !met) {
            if let Some(value) = &change.value {
                push_member(&mut text, &change.name, value);
            }
        }
        text.push('}');
        Self::index(text.into()).expect("an object of members that were read is one")
    }

    /// The JSON text of an understood key.
    fn value(&self, key: Key) -> Option<&str> {
        self.text.get(self.index.get(key)?)
    }
}

/// A comma, unless it is the first member.
fn separate(text: &mut String) {
    if !text.ends_with('{') || text.len() > 1 {
        text.push(',');
    }
}

fn push_member(text: &mut String, name: &str, value: &str) {
    separate(text);
    push_string(text, name);
    text.push(':');
    text.push_str(value);
}

impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionRecord").field(&self.as_json()).finish()
    }
}

impl PartialEq for SessionRecord {
    fn eq(&self, other: &Self) -> bool {
        self.as_json() == other.as_json()
    }
}

/// The key of an entry, decoded.
fn key_text<'t>(entry: &Entry, text: &'t str) -> Cow<'t, str> {
    if let Some(key) = entry.known {
        return Cow::Borrowed(key.name());
    }
    let quoted = entry.key.of(text);
    let inner = &quoted[1..quoted.len() - 1];
    if inner.contains('\\') {
        serde_json::from_str(quoted).map_or(Cow::Borrowed(inner), Cow::Owned)
    } else {
        Cow::Borrowed(inner)
    }
}

/// Appends a JSON string.
pub(super) fn push_string(out: &mut String, text: &str) {
    if text.bytes().all(|b| b >= 0x20 && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLAUDE: &str = r#"{"pid":22875,"sessionId":"12901c78","cwd":"/home/dev/project","startedAt":1795239552076,"procStart":"750407","version":"2.1.329","peerProtocol":1,"peerFeatures":["notify_idle"],"asksForConvertedSkills":null,"name":"project-c2","status":"waiting","updatedAt":1795239570805,"waitingFor":"permission prompt"}"#;

    fn parse(text: &str) -> SessionRecord {
        SessionRecord::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_update_keeps_what_it_does_not_understand_where_it_stands() {
        let record = parse(CLAUDE);
        let patch = Patch::new().status(Status::Busy, None).name("new \"name\"\u{1b}");
        let updated = record.with(&patch, 1_795_239_580_000).unwrap();
        assert_eq!(
            updated.as_json(),
            r#"{"pid":22875,"sessionId":"12901c78","cwd":"/home/dev/project","startedAt":1795239552076,"procStart":"750407","version":"2.1.329","peerProtocol":1,"peerFeatures":["notify_idle"],"asksForConvertedSkills":null,"name":"new \"name\"\u001b","status":"busy","updatedAt":1795239580000,"statusUpdatedAt":1795239580000,"seq":1}"#
        );
        assert_eq!(parse(updated.as_json()).as_json(), updated.as_json());
        assert_eq!(updated.name().as_deref(), Some("new \"name\"\u{1b}"));
        assert_eq!(updated.waiting_for(), None);
    }

    #[test]
    fn numbers_and_unknown_values_keep_their_digits() {
        let text = r#"{"pid":7,"big":123456789012345678901234567890,"tiny":1.50e-400,"deep":[[[{"é":"\u00e9"}]]],"Über":"x"}"#;
        let updated = parse(text).with(&Patch::new().name("n"), 5).unwrap();
        for kept in [
            r#""big":123456789012345678901234567890"#,
            r#""tiny":1.50e-400"#,
            r#""deep":[[[{"é":"\u00e9"}]]]"#,
            r#""Über":"x""#,
        ] {
            assert!(updated.as_json().contains(kept), "{kept} in {}", updated.as_json());
        }
    }

    #[test]
    fn the_last_of_a_repeated_key_counts_and_survives() {
        let record = parse(r#"{"pid":7,"name":"a","x":1,"name":"b","\u006eame":"c","x":2}"#);
        assert_eq!(record.name().as_deref(), Some("c"));
        assert_eq!(record.raw("x"), Some("2"));
        let updated = record.with(&Patch::new().cwd("/w"), 5).unwrap();
        assert_eq!(updated.name().as_deref(), Some("c"));
        assert_eq!(updated.raw("x"), Some("2"));
        let renamed = record.with(&Patch::new().name("d"), 5).unwrap();
        assert_eq!(renamed.name().as_deref(), Some("d"));
    }

    #[test]
    fn faults_are_named_and_the_rest_is_read() {
        let record = parse(
            "{\"pid\":7,\"name\":5,\"startedAt\":-3,\"updatedAt\":253402300799999,\"cwd\":\"/w\"}\0\0",
        );
        let faults: Vec<String> = record.faults(1_000).iter().map(ToString::to_string).collect();
        assert_eq!(
            faults,
            [
                "startedAt has the wrong type or range and is ignored",
                "name has the wrong type or range and is ignored",
                "more text follows the record at byte 72 and is ignored",
                "updatedAt is in the future",
            ]
        );
        assert_eq!(record.cwd().as_deref(), Some("/w"));
        assert_eq!(record.started_at(), None);
    }

    #[test]
    fn rubbish_after_a_good_record_does_not_hide_it() {
        let mut bytes = CLAUDE.as_bytes().to_vec();
        bytes.extend([0xff, 0xfe]);
        let record = SessionRecord::parse(&bytes).unwrap();
        assert_eq!(record.as_json(), CLAUDE);
        assert_eq!(record.faults(u64::MAX).len(), 1);
        assert_eq!(SessionRecord::parse(b"{\"pid\xff"), Err(Malformed::NotUtf8(5)));
    }

    #[test]
    fn a_pid_is_what_makes_a_record() {
        for text in ["{}", r#"{"pid":null}"#, r#"{"pid":-4}"#, r#"{"pid":0}"#, r#"{"pid":4.0}"#] {
            assert_eq!(SessionRecord::parse(text.as_bytes()), Err(Malformed::NoPid), "{text}");
        }
    }

    /// Values of every form, in any order, with white space and unknown keys between them.
    fn some_record() -> impl Strategy<Value = String> {
        let member = prop_oneof![
            Just(r#""name":"n""#),
            Just(r#""name" : "é\u0041""#),
            Just(r#""status":"busy""#),
            Just(r#""status": null"#),
            Just(r#""waitingFor":"you""#),
            Just(r#""seq":7"#),
            Just(r#""updatedAt":1795239570805"#),
            Just(r#""theirs":{"a":[1,"}"]}"#),
            Just(r#""x":1e400"#),
            Just(r#""cwd":"/w""#),
            Just(r#""\u0078":2"#),
        ];
        proptest::collection::vec((member, prop_oneof![Just(""), Just(" "), Just("\n\t")]), 0..10)
            .prop_map(|members| {
                let mut text = "{\"pid\":7".to_owned();
                members
                    .iter()
                    .for_each(|(member, space)| text += &format!("{space},{space}{member}"));
                text + " }\n"
            })
    }

    fn some_patch() -> impl Strategy<Value = Patch> {
        prop_oneof![
            ("[ -~é]{1,9}", any::<bool>()).prop_map(|(name, wait)| {
                let waiting = wait.then_some("a \"look\"");
                Patch::new().name(&name).status(Status::Waiting, waiting)
            }),
            Just(Patch::new().status(Status::Idle, None)),
            Just(Patch::new().text(Key::Name, None)),
            Just(Patch::new().cwd("").number(Key::LockIno, Some(u64::MAX))),
            Just(Patch::new().extra("theirs", None)),
            Just(Patch::new().extra("x", Some(&serde_json::json!({"y": [1]})))),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2048))]

        /// The index that an update makes is the one that a reader will make of its text, and
        /// nothing that it was not to change has changed.
        #[test]
        fn an_update_is_what_a_reader_reads(
            text in some_record(),
            patches in proptest::collection::vec(some_patch(), 1..5),
        ) {
            let mut record = parse(&text);
            for (step, patch) in patches.iter().enumerate() {
                let Some(updated) = record.with(patch, 1_000 + step as u64) else { continue };
                let read = parse(updated.as_json());
                serde_json::from_str::<serde::de::IgnoredAny>(updated.as_json()).unwrap();
                let changes = patch.resolve(&record, 1_000 + step as u64);
                for field in FIELDS {
                    prop_assert_eq!(updated.raw(field.name), read.raw(field.name), "{}", field.name);
                    let stamped = matches!(field.key, Key::Seq | Key::UpdatedAt);
                    if !stamped && changes.iter().all(|change| change.name != field.name) {
                        prop_assert_eq!(updated.raw(field.name), record.raw(field.name));
                    }
                }
                for change in &changes {
                    prop_assert_eq!(updated.raw(&change.name), change.value.as_deref());
                }
                record = updated;
            }
        }
    }
}
