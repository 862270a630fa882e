//! One line of the board: plain data, and where each part of it came from.

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use callboard::record::RecordName;
use callboard::{Evidence, Judgement, Key, Kind, SessionRecord, Status, Verdict};

use crate::fields::{Field, Fields};
use crate::identity::is_seen_here;
use crate::transcript::Recent;

/// One session, as all registries that know it say together.
///
/// Texts come from files that anybody's program wrote: they are for a printer to escape. Secrets
/// and inboxes (`messagingSocketPath`, `ipcPath`, `ipcToken`) are never in here.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// The process, in its own PID namespace.
    pub pid: u32,
    /// The process that does the work, where the session is known by its launcher.
    pub(crate) worker: Option<u32>,
    /// The conversation; it changes under the same process.
    pub session_id: Option<Box<str>>,
    /// The session id is no conversation's: our registry made it up for a process that somebody
    /// else signed in.
    pub(crate) has_placeholder_id: bool,
    /// What people call it.
    pub name: Option<Box<str>>,
    /// The program's name (`claude`, `qwen`, or what a program of our own registry says).
    pub tool: Option<Box<str>>,
    /// How it is hosted.
    pub kind: Option<Kind>,
    /// How it was started, free text.
    pub entrypoint: Option<Box<str>>,
    /// What it is doing, as it last said; `None` where it never says.
    pub status: Option<Status>,
    /// What it waits for, free text.
    pub waiting_for: Option<Box<str>>,
    /// Since when the status is what it is, in ms since the epoch.
    pub status_since: Option<u64>,
    /// Who knew the status; `None` where there is none.
    pub status_from: Option<StatusFrom>,
    /// When the source of the status last said anything of it, in ms since the epoch: what
    /// decides between a hook and the conversation file.
    pub(crate) heard: Option<u64>,
    /// With which write each status came, where the session's record says so.
    pub(crate) edges: Option<Box<Edges>>,
    /// Its working directory.
    pub cwd: Option<Box<str>>,
    /// When it signed in, in ms since the epoch. May be later than the other times.
    pub started_at: Option<u64>,
    /// When any of its records was last written, in ms since the epoch.
    pub updated_at: Option<u64>,
    /// Whether it runs.
    pub verdict: Verdict,
    /// How that is known.
    pub evidence: Evidence,
    /// The registry that has the first word on it: `callboard`, `claude`, `qwen`, ...; `process`
    /// where no record names it.
    pub registry: &'static str,
    /// How it came onto the board.
    pub found_by: FoundBy,
    /// Where its pid means something.
    pub pid_domain: Option<Box<str>>,
    /// Its conversation file. `None` after [`Board::read`](crate::Board::read), unless something
    /// named it: finding it costs a look into every project, which
    /// [`Board::consult`](crate::Board::consult) takes where it is wanted.
    pub transcript_path: Option<PathBuf>,
    /// What happened lately in its conversation. `None` until
    /// [`Board::consult`](crate::Board::consult) has looked.
    pub recent: Option<Box<Recent>>,
    /// Which agent it runs as.
    pub agent: Option<Box<str>>,
    /// The program's version.
    pub version: Option<Box<str>>,
    /// Where its output goes.
    pub log_path: Option<Box<str>>,
    /// Its id on a remote bridge.
    pub bridge_session_id: Option<Box<str>>,
    /// The background job that it is, or was parked on.
    pub linked_job: Option<Box<JobLink>>,
    /// Whether it is somebody's session at all.
    pub role: Role,
    /// The records that it was made from, the one with the first word first.
    pub sources: Vec<RowSource>,
}

impl Row {
    /// The process that does the work.
    pub(crate) fn working_pid(&self) -> u32 {
        self.worker.unwrap_or(self.pid)
    }

    /// The conversation, where the session id is one's.
    pub(crate) fn conversation(&self) -> Option<&str> {
        self.session_id.as_deref().filter(|_| !self.has_placeholder_id)
    }

    /// What a record says in the keys that all registries share.
    pub(crate) fn plain(source: RowSource, record: &SessionRecord, judged: Judgement) -> Self {
        let status = record.status().filter(|status| !status.as_str().is_empty());
        let waits = matches!(status, Some(Status::Waiting | Status::Other(_)));
        // Records from before `statusUpdatedAt` have the time of the last write instead: the
        // status was true then, which is all that can be said.
        let since = record.status_updated_at().or(record.updated_at());
        let told_by_hook = record.number(Key::HookAt);
        let from = if told_by_hook.is_some() { StatusFrom::Hook } else { StatusFrom::Record };
        Self {
            pid: record.pid(),
            worker: None,
            session_id: kept(record.session_id()),
            has_placeholder_id: record.has_placeholder_id(),
            name: kept(record.name()),
            tool: kept(record.tool()),
            kind: record.kind().filter(|kind| !kind.as_str().is_empty()),
            entrypoint: kept(record.entrypoint()),
            waiting_for: kept(record.waiting_for()).filter(|_| waits),
            status_since: since.filter(|_| status.is_some()),
            status_from: status.as_ref().map(|_| from),
            heard: told_by_hook.filter(|_| status.is_some()),
            edges: Edges::of(record),
            status,
            cwd: kept(record.cwd()),
            started_at: record.started_at(),
            updated_at: record.updated_at(),
            verdict: judged.verdict,
            evidence: judged.evidence,
            registry: source.registry,
            found_by: FoundBy::Record,
            pid_domain: kept(record.pid_domain()),
            transcript_path: None,
            recent: None,
            agent: kept(record.agent()),
            version: kept(record.version()),
            log_path: kept(record.log_path()),
            bridge_session_id: kept(record.bridge_session_id()),
            linked_job: None,
            role: Role::Session,
            sources: vec![source],
        }
    }

    /// A process that was found running and that no record was needed for: nothing but that.
    pub(crate) fn running(pid: u32, judged: Judgement, registry: &'static str) -> Self {
        Self {
            pid,
            worker: None,
            session_id: None,
            has_placeholder_id: false,
            name: None,
            tool: None,
            kind: None,
            entrypoint: None,
            waiting_for: None,
            status_since: None,
            status_from: None,
            heard: None,
            edges: None,
            status: None,
            cwd: None,
            started_at: None,
            updated_at: None,
            verdict: judged.verdict,
            evidence: judged.evidence,
            registry,
            found_by: FoundBy::Process,
            pid_domain: None,
            transcript_path: None,
            recent: None,
            agent: None,
            version: None,
            log_path: None,
            bridge_session_id: None,
            linked_job: None,
            role: Role::Session,
            sources: Vec::new(),
        }
    }

    /// The fields that it has, for a row of one source.
    pub(crate) fn fields(&self) -> Fields {
        Field::ALL.iter().copied().filter(|field| self.has(*field)).collect()
    }

    fn has(&self, field: Field) -> bool {
        match field {
            Field::SessionId => self.session_id.is_some(),
            Field::Name => self.name.is_some(),
            Field::Tool => self.tool.is_some(),
            Field::Kind => self.kind.is_some(),
            Field::Entrypoint => self.entrypoint.is_some(),
            Field::Status => self.status.is_some(),
            Field::WaitingFor => self.waiting_for.is_some(),
            Field::StatusSince => self.status_since.is_some(),
            Field::Cwd => self.cwd.is_some(),
            Field::StartedAt => self.started_at.is_some(),
            Field::UpdatedAt => self.updated_at.is_some(),
            Field::Verdict => true,
            Field::PidDomain => self.pid_domain.is_some(),
            Field::Agent => self.agent.is_some(),
            Field::Version => self.version.is_some(),
            Field::LogPath => self.log_path.is_some(),
            Field::BridgeSessionId => self.bridge_session_id.is_some(),
        }
    }

    /// Whether it is listed without `--all`: everything but the proven dead.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.verdict != Verdict::Dead
    }

    /// Whether its pid is that of a running process of this PID namespace. The pid of a container's
    /// session (1, say) is another process here: nothing may be sent to it.
    #[must_use]
    pub fn is_here(&self) -> bool {
        is_seen_here(self.evidence)
    }

    /// The number of the last write of its record, where [`reached`](Self::reached) can be compared
    /// with it.
    #[must_use]
    pub fn seq(&self) -> Option<u64> {
        self.edges.as_deref().map(|edges| edges.seq)
    }

    /// With which write of its record it last took on a status, see
    /// [`SessionRecord::reached`]. `None` where it never did, or nobody writes it down.
    #[must_use]
    pub fn reached(&self, status: &Status) -> Option<u64> {
        self.all_reached().iter().find(|(other, _)| other == status).map(|(_, seq)| *seq)
    }

    pub(crate) fn all_reached(&self) -> &[(Status, u64)] {
        self.edges.as_deref().map_or(&[], |edges| &edges.reached)
    }

    /// The source that a field came from; `None` where no source had it.
    #[must_use]
    pub fn source_of(&self, field: Field) -> Option<&RowSource> {
        self.sources.iter().find(|source| source.fields.has(field))
    }
}

/// With which write of a record each status came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edges {
    seq: u64,
    reached: Vec<(Status, u64)>,
}

impl Edges {
    fn of(record: &SessionRecord) -> Option<Box<Self>> {
        let reached = record.all_reached();
        let seq = record.seq().filter(|_| !reached.is_empty())?;
        Some(Box::new(Self { seq, reached }))
    }
}

/// A text that says something.
fn kept(text: Option<Cow<'_, str>>) -> Option<Box<str>> {
    text.filter(|text| !text.is_empty()).map(|text| text.into_owned().into())
}

/// The text under a key of an agent's own; `None` if it is absent, empty or not a string.
pub(crate) fn text_of(record: &SessionRecord, key: &str) -> Option<Box<str>> {
    let text: String = serde_json::from_str(record.raw(key)?).ok()?;
    (!text.is_empty()).then(|| text.into())
}

/// How a session came onto the board.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FoundBy {
    /// A record names it.
    #[default]
    Record,
    /// A lock file of its agent names its pid, and the process holds it.
    Lock,
    /// The process has a file of the session open.
    OpenFile,
    /// The process is one of the agent's, and nothing names its session: what is known of it is
    /// its command line, its directory and its start.
    Process,
}

impl FoundBy {
    /// The word in `--json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Lock => "lock",
            Self::OpenFile => "open-file",
            Self::Process => "process",
        }
    }
}

/// How the status is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StatusFrom {
    /// A record says so.
    Record,
    /// A hook of the agent said so.
    Hook,
    /// Read off the end of the conversation file.
    Transcript,
}

impl StatusFrom {
    /// The word in `--json`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Hook => "hook",
            Self::Transcript => "transcript",
        }
    }
}

impl fmt::Display for StatusFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a process is somebody's session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// It is.
    #[default]
    Session,
    /// A worker that an agent started ahead of need; nobody talks to it yet.
    Spare,
    /// A supervisor or worker that an agent runs to host sessions, and is none itself.
    Infrastructure,
}

/// A background job of an agent: the session that runs it, and the windows that show it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JobLink {
    /// The row is the job. The windows parked on it are in here and have no rows of their own.
    Job {
        /// The job's id.
        id: Box<str>,
        /// Windows whose conversation moved into the job.
        windows: Vec<Window>,
    },
    /// The row is a window whose conversation moved into a job that is not known to run; it
    /// stands for itself until that is.
    Parked {
        /// The job's id.
        id: Box<str>,
    },
}

impl JobLink {
    /// The job's id.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Job { id, .. } | Self::Parked { id } => id,
        }
    }

    /// The windows parked on the job.
    #[must_use]
    pub fn windows(&self) -> &[Window] {
        match self {
            Self::Job { windows, .. } => windows,
            Self::Parked { .. } => &[],
        }
    }
}

/// A window that shows a background job.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Window {
    /// Its process.
    pub pid: u32,
    /// The conversation that it had before.
    pub session_id: Option<Box<str>>,
    /// What people call it.
    pub name: Option<Box<str>>,
    /// Whether it runs.
    pub verdict: Verdict,
    /// The records that say so.
    pub sources: Vec<RowSource>,
}

/// One record behind a row, and the fields that it won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowSource {
    /// Whose registry it is in: `callboard`, `claude`, `qwen`, ...
    pub registry: &'static str,
    /// The directory.
    pub dir: Arc<Path>,
    /// The file in it.
    pub file: RecordName,
    /// Which fields of the row came from it.
    pub fields: Fields,
}

impl RowSource {
    pub(crate) fn new(registry: &'static str, dir: &Arc<Path>, file: RecordName) -> Self {
        Self { registry, dir: dir.clone(), file, fields: Fields::NONE }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.dir.join(self.file.to_string())
    }
}

/// Orders rows by how much they want the user: what waits comes first, longest wait on top; then
/// what works, then what is done; what may be gone last.
#[must_use]
pub fn attention(a: &Row, b: &Row) -> Ordering {
    let key = |row: &Row| (row.verdict, urgency(row));
    key(a)
        .cmp(&key(b))
        .then_with(|| match a.status {
            Some(Status::Waiting) => since(a).cmp(&since(b)),
            _ => Reverse(since(a)).cmp(&Reverse(since(b))),
        })
        .then_with(|| a.name.cmp(&b.name))
        .then_with(|| a.pid.cmp(&b.pid))
}

fn since(row: &Row) -> u64 {
    row.status_since.or(row.started_at).unwrap_or(0)
}

fn urgency(row: &Row) -> u8 {
    match row.status {
        Some(Status::Waiting) => 0,
        Some(Status::Busy) => 1,
        // A word of a newer agent: shown among what works, where it is seen.
        Some(Status::Other(_)) => 2,
        Some(Status::Shell) => 3,
        Some(Status::Idle) => 4,
        _ => 5,
    }
}
