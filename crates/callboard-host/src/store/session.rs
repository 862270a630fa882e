//! The directory of one session, read.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::draft::{hidden_name, lock_ended};
use super::files::{ExitFile, FORMAT, RunFile, SpecFile};
use super::{create_new, read_small};
use crate::error::{Error, Result};
use crate::hosted::{Ended, Hosted, State};
use crate::id::HostedId;

/// The directory of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionDir {
    id: HostedId,
    path: PathBuf,
}

impl SessionDir {
    pub(crate) const fn new(id: HostedId, path: PathBuf) -> Self {
        Self { id, path }
    }

    /// The session's id.
    #[must_use]
    pub const fn id(&self) -> &HostedId {
        &self.id
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.path.join("sock")
    }

    /// The newest file of its log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// What was asked for.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`] if it is gone, [`Error::NewerFormat`], or what the system said.
    pub fn spec(&self) -> Result<SpecFile> {
        let path = self.path.join("spec.json");
        let gone = || Error::NoSession { id: self.id.clone(), path: self.path.clone() };
        let text = read_small(&path)?.ok_or_else(gone)?;
        // Only the format, first: the rest may be of another shape.
        #[derive(serde::Deserialize)]
        struct Format {
            format: u32,
        }
        match serde_json::from_slice(&text) {
            Ok(Format { format }) if format > FORMAT => Err(Error::NewerFormat { path, format }),
            _ => parse(&path, &text),
        }
    }

    /// Its processes; `None` before there are any.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn run(&self) -> Result<Option<RunFile>> {
        let path = self.path.join("run.json");
        read_small(&path)?.map(|text| parse(&path, &text)).transpose()
    }

    /// How it ended; `None` while it has not.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn ended(&self) -> Result<Option<Ended>> {
        let path = self.path.join("exit");
        let file: Option<ExitFile> =
            read_small(&path)?.map(|text| parse(&path, &text)).transpose()?;
        Ok(file.map(Ended::from))
    }

    /// Writes down the processes of the session, once there are some.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn write_run(&self, run: &RunFile) -> Result<()> {
        self.write_in_one_step("run.json", &serde_json::to_vec(run).unwrap_or_default())
    }

    /// Writes down how it ended, after which it has.
    ///
    /// # Errors
    ///
    /// What the system said: then the session will be found lost.
    pub fn write_ended(&self, ended: Ended) -> Result<()> {
        let text = serde_json::to_vec(&ExitFile::from(ended)).unwrap_or_default();
        self.write_in_one_step("exit", &text)
    }

    /// Writes a file that nobody sees half of.
    pub(crate) fn write_in_one_step(&self, name: &str, text: &[u8]) -> Result<()> {
        let hidden = self.path.join(format!(".{name}.{:08x}", crate::random::word()));
        let written = create_new(&hidden).and_then(|mut file| {
            file.write_all(text).map_err(|error| Error::io("write", &hidden, error))?;
            let path = self.path.join(name);
            std::fs::rename(&hidden, &path).map_err(|error| Error::io("write", &path, error))
        });
        if written.is_err() {
            _ = std::fs::remove_file(&hidden);
        }
        written
    }

    /// Whether a process of the session's host lives: it holds the lock.
    ///
    /// # Errors
    ///
    /// What the system said.
    pub fn is_locked(&self) -> Result<bool> {
        let path = self.path.join("lock");
        is_locked(&path).map_err(|error| Error::io("look at the lock", path, error))
    }

    /// Forgets a session whose lock is free, with its log.
    ///
    /// # Errors
    ///
    /// [`Error::StillRunning`], or what the system said.
    pub fn remove(&self) -> Result<()> {
        let Some(_lock) = lock_ended(&self.path)? else {
            let exists = self.path.try_exists().unwrap_or(true);
            return Err(if exists {
                Error::StillRunning { id: self.id.clone() }
            } else {
                Error::NoSession { id: self.id.clone(), path: self.path.clone() }
            });
        };
        let hidden = hidden_name(self, "old");
        std::fs::rename(&self.path, &hidden)
            .map_err(|error| Error::io("remove", &self.path, error))?;
        std::fs::remove_dir_all(&hidden).map_err(|error| Error::io("remove", &hidden, error))
    }

    /// The session as its files have it, in this state.
    ///
    /// # Errors
    ///
    /// As [`SessionDir::spec`] and [`SessionDir::run`].
    pub fn hosted(&self, state: State) -> Result<Hosted> {
        Ok(self.hosted_as(self.spec()?, self.run()?, state))
    }

    /// The same by what is in its files.
    pub(crate) fn hosted_as(&self, spec: SpecFile, run: Option<RunFile>, state: State) -> Hosted {
        Hosted {
            id: self.id.clone(),
            host: spec.host,
            name: spec.name,
            argv: spec.argv.into_iter().map(|word| word.0).collect(),
            cwd: spec.cwd.to_path(),
            kind: callboard::Kind::from(&*spec.kind),
            started_at: spec.started_at,
            program: run.as_ref().map(|run| run.program),
            host_process: run.and_then(|run| run.host),
            labels: spec.labels,
            directory: self.path.clone(),
            state,
            warning: None,
        }
    }
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T> {
    serde_json::from_slice(text).map_err(|error| Error::Untrusted {
        path: path.into(),
        reason: format!("it is not what a host writes: {error}"),
    })
}

/// Whether somebody holds it. Asks by taking a shared lock and giving it back at once.
pub(super) fn is_locked(path: &Path) -> std::io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}
