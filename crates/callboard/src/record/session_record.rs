//! A record: its text, and where in it each value stands.

use std::borrow::Cow;
use std::fmt;

use super::field::{FIELDS, Key, SCHEMA_VERSION, Shape};
use super::patch::{Change, Patch};
use super::scan::{Entry, Index, Malformed, Span, integer, scan};
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
    entries: Vec<Entry>,
    index: Index,
    pid: u32,
    trailing: Option<usize>,
    faulty: bool,
    unescaped: bool,
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
                Ok(Self { trailing: record.trailing.or(Some(good.len())), ..record })
            }
        }
    }

    fn from_text(text: Box<str>) -> Result<Self, Malformed> {
        let found = scan(&text)?;
        let mut record = Self {
            text,
            entries: found.entries,
            index: found.index,
            pid: 0,
            trailing: found.trailing,
            faulty: found.faulty,
            unescaped: found.unescaped,
        };
        record.pid = record
            .number(Key::Pid)
            .and_then(|pid| u32::try_from(pid).ok())
            .ok_or(Malformed::NoPid)?;
        Ok(record)
    }

    /// An empty record of this process, to be filled by a [`Patch`].
    pub(crate) fn empty(pid: u32) -> Self {
        Self::from_text(format!("{{\"pid\":{pid}}}").into()).expect("a pid makes a record")
    }

    /// The record as it stands in the file, without anything that follows it there.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text[..self.trailing.unwrap_or(self.text.len())]
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
            return self.entry(key).map(|e| e.value.of(&self.text));
        }
        self.entries
            .iter()
            .rev()
            .find(|e| e.known.is_none() && key_text(e, &self.text) == name)
            .map(|e| e.value.of(&self.text))
    }

    /// The text of a key; `None` if it is absent, `null` or not a string.
    #[must_use]
    pub fn text(&self, key: Key) -> Option<Cow<'_, str>> {
        let value = self.entry(key)?.value.of(&self.text);
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
        let value = self.entry(key)?.value.of(&self.text);
        integer(key.field().shape, value)
    }

    /// What is wrong inside it, as seen at `now` (ms since the epoch).
    pub fn faults(&self, now: u64) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.faulty {
            for field in FIELDS.iter().filter(|f| self.entry(f.key).is_some()) {
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
            faults.push(Fault { key: None, kind: FaultKind::TrailingBytes(at) });
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
        let change_of = |entry: &Entry| {
            let concerns = |change: &&Change<'_>| match entry.known {
                Some(key) => change.key == Some(key),
                None => change.key.is_none() && change.name == key_text(entry, &self.text),
            };
            changes.iter().chain(&stamp).find(concerns)
        };
        let mut writer = Writer::new(self.text.len() + 160, self.entries.len() + changes.len() + 2);
        for (at, entry) in self.entries.iter().enumerate() {
            if self.is_overruled(at) {
                continue;
            }
            match change_of(entry) {
                None => writer.copy(entry, &self.text),
                Some(change) => {
                    if let Some(value) = &change.value {
                        writer.member(&change.name, change.key, value);
                    }
                }
            }
        }
        for change in changes.iter().chain(&stamp) {
            if let (Some(value), false) = (&change.value, writer.wrote(change)) {
                writer.member(&change.name, change.key, value);
            }
        }
        writer.finish(self.pid, self.faulty)
    }

    /// Whether the key of this entry stands once more further on: the last one is what everybody
    /// reads.
    fn is_overruled(&self, at: usize) -> bool {
        let entry = &self.entries[at];
        match entry.known {
            Some(key) => self.index.get(key) != Some(at),
            None => {
                let key = entry.key.of(&self.text);
                self.entries[at + 1..]
                    .iter()
                    .any(|later| later.known.is_none() && later.key.of(&self.text) == key)
            }
        }
    }

    fn entry(&self, key: Key) -> Option<&Entry> {
        self.entries.get(self.index.get(key)?)
    }
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

/// Writes a record and its index in one go.
struct Writer {
    text: String,
    entries: Vec<Entry>,
    index: Index,
}

impl Writer {
    fn new(bytes: usize, members: usize) -> Self {
        let mut text = String::with_capacity(bytes);
        text.push('{');
        Self { text, entries: Vec::with_capacity(members), index: Index::new() }
    }

    fn member(&mut self, name: &str, known: Option<Key>, value: &str) {
        if !self.entries.is_empty() {
            self.text.push(',');
        }
        let key = self.text.len();
        push_string(&mut self.text, name);
        let colon = self.text.len();
        self.text.push(':');
        let start = self.text.len();
        self.text.push_str(value);
        if let Some(key) = known {
            self.index.set(key, self.entries.len());
        }
        self.entries.push(Entry {
            key: Span::new(key, colon),
            value: Span::new(start, self.text.len()),
            known,
        });
    }

    /// A member that stays as it is, with the spelling of its key.
    fn copy(&mut self, entry: &Entry, text: &str) {
        if !self.entries.is_empty() {
            self.text.push(',');
        }
        let key = self.text.len();
        self.text.push_str(Span { start: entry.key.start, end: entry.value.end }.of(text));
        let moved = |at: u32| at as usize - entry.key.start as usize + key;
        if let Some(key) = entry.known {
            self.index.set(key, self.entries.len());
        }
        self.entries.push(Entry {
            key: Span::new(key, moved(entry.key.end)),
            value: Span::new(moved(entry.value.start), self.text.len()),
            known: entry.known,
        });
    }

    fn wrote(&self, change: &Change<'_>) -> bool {
        match change.key {
            Some(key) => self.index.get(key).is_some(),
            None => self
                .entries
                .iter()
                .any(|e| e.known.is_none() && key_text(e, &self.text) == change.name),
        }
    }

    fn finish(mut self, pid: u32, faulty: bool) -> SessionRecord {
        self.text.push('}');
        let Self { text, entries, index } = self;
        let unescaped = !text.contains('\\');
        SessionRecord { text: text.into(), entries, index, pid, trailing: None, faulty, unescaped }
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
}
