//! What a hook writes into the registry.

use std::path::{Path, PathBuf};

use callboard::process::identify;
use callboard::record::MAX_RECORD_BYTES;
use callboard::{Error, Key, Patch, Registry, SessionRecord, SignIn, Spawner};
use callboard_agents::hook::{
    Event, HookAgent, Recorded, Step, config_dir, speaks_for_itself, step,
};

use super::Outcome;
use crate::output::age::now;

/// The key of the conversation file in a record.
const TRANSCRIPT: &str = "transcriptPath";

/// An event, with whose it is and when it happened.
pub(super) struct Told {
    pub(super) agent: HookAgent,
    pub(super) pid: u32,
    /// In ms since the epoch.
    pub(super) at: u64,
    pub(super) event: Event,
}

impl Told {
    /// Brings the record of the session up to date.
    pub(super) fn write(&self, registry: &Registry) -> Outcome {
        if self.agent == HookAgent::Claude && self.is_told_by_claude(registry) {
            return Err("Claude Code's own record says what it does".into());
        }
        self.written(registry).unwrap_or_else(|error| Err(whole(&error)))
    }

    fn written(&self, registry: &Registry) -> Result<Outcome, Error> {
        let recorded = self.recorded(registry)?;
        Ok(match step(&self.event, self.at, recorded.as_ref()) {
            Step::Nothing(why) => Err(why.explain().into()),
            Step::SignIn => self.sign_in(registry)?,
            Step::Change { moves } => {
                let patch = self.patch(moves);
                if patch.is_empty() {
                    return Ok(Err("it is on record already".into()));
                }
                registry.update(self.pid, &patch)?;
                Ok(format!("told of {}", self.words()))
            }
            Step::SignOut => {
                registry.remove(self.pid)?;
                Ok("signed out".into())
            }
        })
    }

    /// What is on record of the process.
    fn recorded(&self, registry: &Registry) -> Result<Option<Recorded>, Error> {
        let look = |patch: &Patch| match registry.update(self.pid, patch) {
            Ok(record) => Ok(Some(Recorded::of(&record))),
            Err(Error::NoSession { .. }) => Ok(None),
            Err(error) => Err(error),
        };
        let recorded = look(&Patch::new())?;
        // The clock was set back: every event from now on would be older than what is on record.
        match recorded.as_ref().and_then(|recorded| recorded.heard) {
            Some(heard) if heard > now() => {
                let times = [Key::HookAt, Key::StatusUpdatedAt];
                look(&times.into_iter().fold(Patch::new(), |patch, key| patch.number(key, None)))
            }
            _ => Ok(recorded),
        }
    }

    fn sign_in(&self, registry: &Registry) -> Result<Outcome, Error> {
        let variable = |name: &str| std::env::var(name).ok();
        let spawner = Spawner::from_lookup("CALLBOARD", self.pid, variable);
        if spawner.sub_agent_of.is_some() {
            return Ok(Err("a sub-agent of another session, which stands for it".into()));
        }
        let mut sign_in = SignIn::spawned_by(spawner)
            .tool_name(self.agent.name())
            .entrypoint(Recorded::ENTRYPOINT);
        if let Some(id) = self.event.session_id.as_deref() {
            sign_in = sign_in.session_id(id);
        }
        if let Some(cwd) = self.event.cwd.as_deref() {
            sign_in = sign_in.cwd(cwd);
        }
        if let Some(path) = self.event.transcript_path.as_deref() {
            sign_in = sign_in.extra(TRANSCRIPT, &path.into());
        }
        registry.register_process(self.pid, sign_in)?;
        let patch = self.patch(false);
        if !patch.is_empty() {
            registry.update(self.pid, &patch)?;
        }
        Ok(Ok(format!("signed in, {}", self.words())))
    }

    fn patch(&self, moves: bool) -> Patch {
        let mut patch = Patch::new();
        if let Some((status, waiting_for)) = self.event.says() {
            patch = patch.status(status, waiting_for).by_hook(self.at);
        }
        if !moves {
            return patch;
        }
        if let Some(id) = self.event.session_id.as_deref() {
            patch = patch.session_id(id);
        }
        if let Some(cwd) = self.event.cwd.as_deref() {
            patch = patch.cwd(cwd);
        }
        let transcript = self.event.transcript_path.as_deref().map(Into::into);
        patch.extra(TRANSCRIPT, transcript.as_ref())
    }

    fn words(&self) -> String {
        match self.event.says() {
            Some((status, Some(waiting_for))) => format!("{status}, {waiting_for}"),
            Some((status, None)) => status.to_string(),
            None => "without a status".into(),
        }
    }

    /// Whether Claude Code's own record makes this one superfluous.
    fn is_told_by_claude(&self, registry: &Registry) -> bool {
        let Some(record) = claude_config(&self.event).and_then(|dir| claude_record(&dir, self.pid))
        else {
            return false;
        };
        identify(self.pid, &registry.here())
            .is_ok_and(|who| speaks_for_itself(&record, &self.event, &who))
    }
}

fn claude_config(event: &Event) -> Option<PathBuf> {
    let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    config_dir(event)
        .map(Path::to_owned)
        .or_else(|| absolute("CLAUDE_CONFIG_DIR"))
        .or_else(|| absolute("HOME").map(|home| home.join(".claude")))
}

fn claude_record(config: &Path, pid: u32) -> Option<SessionRecord> {
    let path = config.join("sessions").join(format!("{pid}.json"));
    let bytes = crate::settings::file::read_bounded(&path, MAX_RECORD_BYTES as u64).ok()?;
    SessionRecord::parse(&bytes).ok()
}

/// The library's message with what the system said.
fn whole(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
