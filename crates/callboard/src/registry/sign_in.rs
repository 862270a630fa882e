//! What a program says when it signs in.

use std::path::PathBuf;

use crate::process::Incarnation;
use crate::record::{Key, Kind, Patch, SCHEMA_VERSION, SessionRecord, Status};
use crate::spawner::Spawner;

/// What a session says about itself when it signs in. Everything has a default.
///
/// ```
/// use callboard::SignIn;
///
/// let sign_in = SignIn::new().tool("my-repl", "1.4.0").session_id("3f48").name("billing");
/// ```
#[derive(Clone, Debug)]
pub struct SignIn {
    pub(crate) session_id: Option<String>,
    pub(crate) cwd: Option<PathBuf>,
    pub(crate) started_at: Option<u64>,
    pub(crate) sub_agent_of: Option<String>,
    /// Said by somebody else than the program, who need not know its conversation.
    pub(crate) on_behalf: bool,
    kind: Option<Kind>,
    patch: Patch,
}

impl Default for SignIn {
    fn default() -> Self {
        Self::new()
    }
}

impl SignIn {
    /// What the spawner said (see [`Spawner`]), and defaults for the rest: a random session id,
    /// the working directory, now, and the name of the running program as the tool.
    #[must_use]
    pub fn new() -> Self {
        Self::spawned_by(Spawner::from_env())
    }

    /// The same with a spawner read from elsewhere, [`Spawner::with_prefix`] say.
    #[must_use]
    pub fn spawned_by(spawner: Spawner) -> Self {
        let blank = Self {
            session_id: None,
            cwd: None,
            started_at: None,
            sub_agent_of: spawner.sub_agent_of,
            on_behalf: false,
            kind: (spawner.kind != Kind::Interactive).then_some(spawner.kind),
            patch: Patch::new(),
        };
        let given = [
            (Key::Name, spawner.name),
            (Key::LogPath, spawner.log_path),
            (Key::Agent, spawner.agent),
            (Key::MessagingSocketPath, spawner.inbox),
        ];
        given.into_iter().fold(blank, |sign_in, (key, value)| match value {
            Some(value) => sign_in.text(key, &value),
            None => sign_in,
        })
    }

    /// The conversation.
    #[must_use]
    pub fn session_id(mut self, id: impl Into<String>) -> Self {
        self.session_id = Some(id.into());
        self
    }

    /// How it is hosted, where the program knows better than its spawner.
    #[must_use]
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// The working directory, if it is not the one of this process.
    #[must_use]
    pub fn cwd(mut self, cwd: impl Into<PathBuf>) -> Self {
        self.cwd = Some(cwd.into());
        self
    }

    /// When the session started, in ms since the epoch, if that is not now.
    #[must_use]
    pub fn started_at(mut self, ms: u64) -> Self {
        self.started_at = Some(ms);
        self
    }

    /// How it was started (`cli`, `sdk-ts`, ...), free text.
    #[must_use]
    pub fn entrypoint(self, entrypoint: &str) -> Self {
        self.text(Key::Entrypoint, entrypoint)
    }

    /// What people call it; an empty name is none.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.patch = self.patch.name(name);
        self
    }

    /// Where its output goes.
    #[must_use]
    pub fn log_path(self, path: &str) -> Self {
        self.text(Key::LogPath, path)
    }

    /// Which agent it runs as.
    #[must_use]
    pub fn agent(self, agent: &str) -> Self {
        self.text(Key::Agent, agent)
    }

    /// Its inbox, a local socket.
    #[must_use]
    pub fn inbox(self, path: &str) -> Self {
        self.text(Key::MessagingSocketPath, path)
    }

    /// The program and its version.
    #[must_use]
    pub fn tool(self, name: &str, version: &str) -> Self {
        self.text(Key::Tool, name).text(Key::Version, version)
    }

    /// The program, where its version is not known.
    #[must_use]
    pub fn tool_name(self, name: &str) -> Self {
        self.text(Key::Tool, name)
    }

    /// What it is doing from the start.
    #[must_use]
    pub fn status(mut self, status: Status, waiting_for: Option<&str>) -> Self {
        self.patch = self.patch.status(status, waiting_for);
        self
    }

    /// A key of the program's own.
    #[must_use]
    pub fn extra(mut self, key: &str, value: &serde_json::Value) -> Self {
        self.patch = self.patch.extra(key, Some(value));
        self
    }

    /// Says that this is a sub-agent of another session: it will be skipped.
    #[must_use]
    pub fn sub_agent_of(mut self, session_id: impl Into<String>) -> Self {
        self.sub_agent_of = Some(session_id.into());
        self
    }

    fn text(mut self, key: Key, text: &str) -> Self {
        self.patch = self.patch.text(key, Some(text));
        self
    }

    /// The record of this sign-in, for the process that `who` identifies. What `before` (a record
    /// of the same process) has and this does not say is kept.
    pub(crate) fn record(
        &self,
        who: &Incarnation<'_>,
        domain: &str,
        instance: &str,
        now: u64,
        before: Option<&SessionRecord>,
    ) -> SessionRecord {
        let base = before.cloned().unwrap_or_else(|| SessionRecord::empty(who.pid));
        let kept = |key| before.and_then(|b| b.text(key)).map(std::borrow::Cow::into_owned);
        let known = self.session_id.clone().or_else(|| kept(Key::SessionId));
        let is_placeholder = known.is_none() && self.on_behalf;
        let session_id = known.unwrap_or_else(super::token::random_uuid);
        let cwd = self.cwd.as_ref().map(|cwd| cwd.to_string_lossy().into_owned());
        let cwd = cwd.or_else(|| kept(Key::Cwd)).unwrap_or_default();
        let started = self.started_at.or_else(|| before.and_then(SessionRecord::started_at));
        // An earlier record knows better than nobody: a hook that has not been told of a spawner
        // must not turn a background session into an interactive one.
        let kind = self.kind.clone().or_else(|| before.and_then(SessionRecord::kind));
        let kind = kind.unwrap_or(Kind::Interactive);
        let patch = Patch::new()
            .session_id(&session_id)
            .cwd(&cwd)
            .number(Key::StartedAt, Some(started.unwrap_or(now)))
            .kind(&kind)
            .and(self.patch.clone());
        let patch = match is_placeholder {
            true => patch.text(Key::PlaceholderId, Some(&session_id)),
            false => patch,
        };
        let patch = who
            .patch(patch, domain)
            .text(Key::Instance, Some(instance))
            .number(Key::SchemaVersion, Some(SCHEMA_VERSION));
        base.with(&patch, now).unwrap_or(base)
    }

    /// Fills in the program's own name where the caller did not say.
    pub(crate) fn with_default_tool(self) -> Self {
        if self.patch.names(Key::Tool) {
            return self;
        }
        let exe = std::env::current_exe().ok();
        match exe.as_deref().and_then(|p| p.file_name()).and_then(|n| n.to_str()) {
            Some(name) => self.text(Key::Tool, name),
            None => self,
        }
    }
}
