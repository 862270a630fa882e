//! A record: its text, and where in it each value stands.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

use super::MAX_RECORD_BYTES;
use super::field::{FIELDS, Key, SCHEMA_VERSION, Shape};
use super::patch::{Change, Patch, words_and_numbers};
use super::scan::{Entry, Index, Malformed, Span, entries, integer, scan, unescaped, well_formed};
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

    /// The record as it stands in the file, without anything that follows it there: blanks fill
    /// a file that was longer before.
    #[must_use]
    pub fn as_json(&self) -> &str {
        let whole = self.trailing.map_or(&*self.text, |at| &self.text[..at as usize]);
        whole.trim_end_matches([' ', '\n', '\t', '\r'])
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

    /// Whether its session id names no conversation: it was made up by somebody who signed the
    /// process in on its behalf.
    #[must_use]
    pub fn has_placeholder_id(&self) -> bool {
        let made_up = self.value(Key::PlaceholderId);
        made_up.is_some() && made_up == self.value(Key::SessionId)
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
            .find(|e| e.known.is_none() && *key_bytes(e, &self.text) == *name.as_bytes())
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
            unescaped(value).map(|wtf8| Cow::Owned(well_formed(&wtf8)))
        }
    }

    /// The number under a key; `None` if it is absent or not in the key's range.
    #[must_use]
    pub fn number(&self, key: Key) -> Option<u64> {
        integer(key.field().shape, self.value(key)?)
    }

    /// With which [`Key::Seq`] the session last took on a status; `None` where it never did, or
    /// its program does not write that down. Higher than the `seq` of a record that was read
    /// before: the session has had that status since, if only for a moment.
    #[must_use]
    pub fn reached(&self, status: &Status) -> Option<u64> {
        self.all_reached().into_iter().find(|(other, _)| other == status).map(|(_, seq)| seq)
    }

    /// The same for every status that is known of.
    #[must_use]
    pub fn all_reached(&self) -> Vec<(Status, u64)> {
        let text = self.text(Key::Reached).unwrap_or_default();
        words_and_numbers(&text).map(|(word, seq)| (Status::from(word), seq)).collect()
    }

    /// The keys whose value differs between two records, or that only one of them has: those of
    /// this one in its order, then the other's. Without those that every write may change.
    pub(crate) fn differences(&self, before: &Self) -> Vec<String> {
        const PASSING: [Key; 5] =
            [Key::UpdatedAt, Key::StatusUpdatedAt, Key::Seq, Key::Reached, Key::HookAt];
        // Where a key stands twice, the last one is what everybody reads. In order, to be searched:
        // somebody may have put thousands of keys in, and the usual thirty are not worth hashing.
        fn last<'t>(entries: &[Entry], text: &'t str) -> Vec<(Name<'t>, usize)> {
            let keys = entries.iter().enumerate().map(|(at, entry)| (Name::of(entry, text), at));
            let mut keys: Vec<_> = keys.collect();
            keys.sort_unstable_by(|(a, at), (b, other)| a.cmp(b).then(other.cmp(at)));
            keys.dedup_by(|(later, _), (kept, _)| later == kept);
            keys
        }
        fn find(keys: &[(Name<'_>, usize)], name: &Name<'_>) -> Option<usize> {
            let found = keys.binary_search_by(|(key, _)| key.cmp(name));
            found.ok().map(|found| keys[found].1)
        }
        let (now, then) = (entries(&self.text), entries(&before.text));
        let (new, old) = (last(&now, &self.text), last(&then, &before.text));
        let is_passing = |entry: &Entry| entry.known.is_some_and(|key| PASSING.contains(&key));
        let mut keys = Vec::new();
        // One that came and went in between leaves its number.
        let came_and_went = self.text(Key::Reached) != before.text(Key::Reached);
        if came_and_went && self.text(Key::Status) == before.text(Key::Status) {
            keys.push(Key::Status.name().to_owned());
        }
        let mut tell =
            |name: Name<'_>| keys.push(String::from_utf8_lossy(name.bytes()).into_owned());
        for (at, entry) in now.iter().enumerate().filter(|(_, entry)| !is_passing(entry)) {
            let name = Name::of(entry, &self.text);
            let was = find(&old, &name).map(|at| then[at].value.of(&before.text));
            if was != Some(entry.value.of(&self.text)) && find(&new, &name) == Some(at) {
                tell(name);
            }
        }
        for (at, entry) in then.iter().enumerate().filter(|(_, entry)| !is_passing(entry)) {
            let name = Name::of(entry, &before.text);
            if find(&new, &name).is_none() && find(&old, &name) == Some(at) {
                tell(name);
            }
        }
        keys
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
        let pid = self.pid;
        let faulty = self.faulty || !changes.iter().all(|change| change.fits());
        Self { text: text.into(), index, pid, trailing: None, faulty, unescaped, repeated: false }
    }

    /// The text made anew, member by member: removes keys, and changes those of others.
    fn rebuild(&self, changes: &[&Change<'_>]) -> Self {
        let members = entries(&self.text);
        let mut text = String::with_capacity(self.text.len() + 160);
        text.push('{');
        let mut met = vec![false; changes.len()];
        let names: Vec<_> = members.iter().map(|entry| key_bytes(entry, &self.text)).collect();
        // Where a key stands twice, the last one is what everybody reads. Looked up, since a
        // foreign program may have written thousands, and others wait for the lock meanwhile.
        let last: HashMap<&[u8], usize> =
            names.iter().enumerate().map(|(at, name)| (&**name, at)).collect();
        for (at, (entry, name)) in members.iter().zip(&names).enumerate() {
            if last.get(&**name) != Some(&at) {
                continue;
            }
            match changes.iter().position(|change| change.name.as_bytes() == &**name) {
                None => {
                    separate(&mut text);
                    let whole = Span { start: entry.key.start, end: entry.value.end };
                    text.push_str(whole.of(&self.text));
                }
                Some(change) => {
                    met[change] = true;
                    if let Some(value) = &changes[change].value {
                        push_member(&mut text, &changes[change].name, value);
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

/// The key of an entry: two are the same key if these are the same, however they are spelt.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name<'t> {
    /// Nearly all of them, and compared as a number.
    Known(Key),
    Other(Cow<'t, [u8]>),
}

impl<'t> Name<'t> {
    fn of(entry: &Entry, text: &'t str) -> Self {
        entry.known.map_or_else(|| Self::Other(key_bytes(entry, text)), Self::Known)
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Known(key) => key.name().as_bytes(),
            Self::Other(name) => name,
        }
    }
}

/// The key of an entry, decoded.
fn key_bytes<'t>(entry: &Entry, text: &'t str) -> Cow<'t, [u8]> {
    if let Some(key) = entry.known {
        return Cow::Borrowed(key.name().as_bytes());
    }
    let quoted = entry.key.of(text);
    let inner = &quoted.as_bytes()[1..quoted.len() - 1];
    if inner.contains(&b'\\') {
        unescaped(quoted).map_or(Cow::Borrowed(inner), Cow::Owned)
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
mod tests;
