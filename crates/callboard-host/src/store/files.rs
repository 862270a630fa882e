//! What stands in the files of a session. Members that a newer version has added are ignored; a
//! file whose `format` is above ours is not acted upon.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use callboard::Kind;
use serde::{Deserialize, Serialize};

use super::text::OsText;
use crate::environment::Environment;
use crate::error::SpawnError;
use crate::host::HostKind;
use crate::hosted::{Ended, Exit, ProcessId};
use crate::id::HostedId;
use crate::size::Size;
use crate::spec::{Isolation, Limits, LogPolicy, OnBoard, SpawnSpec};

/// The format of `spec.json` that this version writes.
pub(crate) const FORMAT: u32 = 1;

/// `spec.json`: what was asked for, without the environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SpecFile {
    /// The format of this file.
    pub format: u32,
    /// Which kind of host has the session.
    pub host: HostKind,
    /// See [`SpawnSpec::name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// See [`SpawnSpec::argv`].
    pub argv: Vec<OsText>,
    /// Its directory, absolute.
    pub cwd: OsText,
    /// See [`SpawnSpec::kind`].
    pub kind: String,
    /// When it was started, in ms since the epoch.
    pub started_at: u64,
    /// See [`SpawnSpec::size`].
    pub size: Size,
    /// See [`LogPolicy::bytes`].
    pub log_bytes: u64,
    /// See [`LogPolicy::files`].
    pub log_files: u8,
    /// See [`SpawnSpec::limits`].
    #[serde(default)]
    pub limits: LimitsFile,
    /// See [`SpawnSpec::grace`].
    pub grace_ms: u64,
    /// See [`SpawnSpec::isolation`].
    #[serde(default)]
    pub isolation: String,
    /// The registry that it is signed in to; `None`: it is not.
    pub registry: Option<OsText>,
    /// See [`SpawnSpec::tool`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// See [`SpawnSpec::agent`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// See [`SpawnSpec::session_id`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// See [`SpawnSpec::labels`].
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// [`Limits`] as they stand in a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[allow(missing_docs, reason = "Limits has the meaning of each")]
pub struct LimitsFile {
    pub memory: Option<u64>,
    pub tasks: Option<u64>,
    pub cpu_seconds: Option<u64>,
    pub open_files: Option<u64>,
    pub file_bytes: Option<u64>,
    pub core_bytes: Option<u64>,
}

impl From<Limits> for LimitsFile {
    fn from(limits: Limits) -> Self {
        let Limits { memory, tasks, cpu_seconds, open_files, file_bytes, core_bytes } = limits;
        Self { memory, tasks, cpu_seconds, open_files, file_bytes, core_bytes }
    }
}

impl From<LimitsFile> for Limits {
    fn from(limits: LimitsFile) -> Self {
        let LimitsFile { memory, tasks, cpu_seconds, open_files, file_bytes, core_bytes } = limits;
        Self { memory, tasks, cpu_seconds, open_files, file_bytes, core_bytes }
    }
}

impl SpecFile {
    /// What `spec` asks `host` for, with everything that depends on this process resolved.
    /// `sessions` is the registry of the home.
    ///
    /// # Errors
    ///
    /// [`SpawnError::Spec`] if it cannot be a command.
    pub fn of(spec: &SpawnSpec, host: HostKind, sessions: &Path) -> Result<Self, SpawnError> {
        check(spec)?;
        let cwd = match &spec.cwd {
            Some(cwd) => std::path::absolute(cwd),
            None => std::env::current_dir(),
        };
        let cwd = cwd.map_err(|source| SpawnError::Directory {
            path: spec.cwd.clone().unwrap_or_else(|| PathBuf::from(".")),
            source,
        })?;
        let registry = match &spec.board {
            OnBoard::Home => Some(OsText::from(sessions)),
            OnBoard::At(registry) => Some(OsText::from(registry)),
            OnBoard::No => None,
        };
        let isolation = match spec.isolation {
            Isolation::None => "",
            Isolation::IfAvailable => "if-available",
            Isolation::Scope => "scope",
        };
        Ok(Self {
            format: FORMAT,
            host,
            name: spec.name.clone(),
            argv: spec.argv.iter().map(OsText::from).collect(),
            cwd: cwd.into(),
            kind: spec.kind.as_str().to_owned(),
            started_at: crate::system::now_ms(),
            size: spec.size.sane(),
            log_bytes: spec.log.bytes,
            log_files: spec.log.files,
            limits: spec.limits.into(),
            grace_ms: u64::try_from(spec.grace.as_millis()).unwrap_or(u64::MAX),
            isolation: isolation.to_owned(),
            registry,
            tool: spec.tool.clone(),
            agent: spec.agent.clone(),
            session_id: spec.session_id.clone(),
            labels: spec.labels.clone(),
        })
    }

    /// What to ask for to start the same once more, in the place of the ended one, with an
    /// environment: that of the first start is kept nowhere.
    #[must_use]
    pub fn again(&self, id: HostedId, env: Environment) -> SpawnSpec {
        let argv: Vec<OsString> = self.argv.iter().map(|word| word.0.clone()).collect();
        let mut spec = SpawnSpec::new(argv).id(id).cwd(self.cwd.to_path()).env(env).size(self.size);
        spec.replace = true;
        spec.name.clone_from(&self.name);
        spec.log = self.log();
        spec.limits = self.limits.into();
        spec.grace = self.grace();
        spec.isolation = match &*self.isolation {
            "if-available" => Isolation::IfAvailable,
            "scope" => Isolation::Scope,
            _ => Isolation::None,
        };
        spec.kind = Kind::from(&*self.kind);
        spec.board = self.registry.as_ref().map_or(OnBoard::No, |dir| OnBoard::At(dir.to_path()));
        spec.tool.clone_from(&self.tool);
        spec.agent.clone_from(&self.agent);
        // The conversation goes on where the program can resume one; it says so itself.
        spec.session_id.clone_from(&self.session_id);
        spec.labels.clone_from(&self.labels);
        spec
    }

    /// What is kept of its output.
    #[must_use]
    pub const fn log(&self) -> LogPolicy {
        LogPolicy { bytes: self.log_bytes, files: self.log_files }
    }

    /// How long it has between being asked to stop and being killed.
    #[must_use]
    pub const fn grace(&self) -> Duration {
        Duration::from_millis(self.grace_ms)
    }
}

/// What no system call could be told.
fn check(spec: &SpawnSpec) -> Result<(), SpawnError> {
    let wrong = |what: &str| Err(SpawnError::Spec(what.to_owned()));
    if spec.argv.first().is_none_or(|program| program.is_empty()) {
        return wrong("there is no command");
    }
    if spec.argv.iter().any(|word| word.as_bytes().contains(&0)) {
        return wrong("an argument has a zero byte in it");
    }
    let is_name = |name: &[u8]| !name.is_empty() && !name.iter().any(|b| matches!(b, 0 | b'='));
    for (name, value) in spec.env.iter() {
        if !is_name(name.as_bytes()) || value.as_bytes().contains(&0) {
            return wrong("a variable's name or value cannot be in an environment");
        }
    }
    Ok(())
}

/// `run.json`: the processes of a session, and where their numbers mean something. What is left to
/// be swept when a host was killed is found by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RunFile {
    /// The program; its pid is the id of its kernel session, too.
    pub program: ProcessId,
    /// The process that hosts it, where it has one to itself.
    pub host: Option<ProcessId>,
    /// This boot of the kernel.
    pub boot_id: Option<String>,
    /// The PID namespace.
    pub pid_ns: Option<u64>,
}

impl RunFile {
    /// For a program that has just been started in this PID namespace.
    #[must_use]
    pub fn new(
        program: ProcessId,
        host: Option<ProcessId>,
        here: &callboard::process::Here,
    ) -> Self {
        Self {
            program,
            host,
            boot_id: here.boot_id.as_deref().map(str::to_owned),
            pid_ns: here.pid_ns,
        }
    }

    /// Whether its numbers mean something where this process is.
    #[must_use]
    pub fn is_of(&self, here: &callboard::process::Here) -> bool {
        self.boot_id.as_deref() == here.boot_id.as_deref() && self.pid_ns == here.pid_ns
    }
}

/// `exit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ExitFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signal: Option<i32>,
    ended_at: u64,
}

impl From<Ended> for ExitFile {
    fn from(ended: Ended) -> Self {
        let (code, signal) = match ended.exit {
            Exit::Code(code) => (Some(code), None),
            Exit::Signal(signal) => (None, Some(signal)),
            Exit::Lost => (None, None),
        };
        Self { code, signal, ended_at: ended.at }
    }
}

impl From<ExitFile> for Ended {
    fn from(file: ExitFile) -> Self {
        let exit = match (file.code, file.signal) {
            (_, Some(signal)) => Exit::Signal(signal),
            (Some(code), None) => Exit::Code(code),
            (None, None) => Exit::Lost,
        };
        Self { exit, at: file.ended_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(spec: &SpawnSpec) -> SpecFile {
        SpecFile::of(spec, HostKind::Builtin, Path::new("/home/x/sessions")).unwrap()
    }

    #[test]
    fn what_was_asked_for_can_be_asked_for_again() {
        let mut spec = SpawnSpec::new(["vim", "a b"]).name("notes").cwd("/srv");
        spec.limits.memory = Some(1 << 30);
        spec.isolation = Isolation::IfAvailable;
        spec.labels.insert("restart".into(), "always".into());
        let first = file(&spec);
        let id = HostedId::parse("w1").unwrap();
        let again = first.again(id.clone(), Environment::exactly([("A", "b")]));
        assert!(again.replace);
        assert_eq!(again.id, Some(id));
        let mut second = file(&again);
        second.started_at = first.started_at;
        assert_eq!(second, first);
    }

    #[test]
    fn nothing_of_the_environment_is_in_the_file() {
        let env = Environment::exactly([("API_KEY", "s3cret")]);
        let text = serde_json::to_string(&file(&SpawnSpec::new(["true"]).env(env))).unwrap();
        assert!(!text.contains("s3cret") && !text.contains("API_KEY"), "{text}");
    }

    #[test]
    fn what_cannot_be_a_command() {
        let refused =
            |spec: &SpawnSpec| SpecFile::of(spec, HostKind::Builtin, Path::new("/x")).is_err();
        assert!(refused(&SpawnSpec::new([] as [&str; 0])));
        assert!(refused(&SpawnSpec::new([""])));
        assert!(refused(&SpawnSpec::new(["a", "b\0c"])));
        for (name, value) in [("", "x"), ("A=B", "x"), ("A", "x\0y")] {
            let env = Environment::exactly([(name, value)]);
            assert!(refused(&SpawnSpec::new(["true"]).env(env)), "{name:?}");
        }
    }

    #[test]
    fn exits_by_file() {
        for (text, exit) in [
            (r#"{"code":3,"endedAt":7}"#, Exit::Code(3)),
            (r#"{"signal":9,"endedAt":7,"new":[]}"#, Exit::Signal(9)),
            (r#"{"endedAt":7}"#, Exit::Lost),
        ] {
            let file: ExitFile = serde_json::from_str(text).unwrap();
            assert_eq!(Ended::from(file), Ended { exit, at: 7 });
            assert_eq!(ExitFile::from(Ended::from(file)), file);
        }
    }
}
