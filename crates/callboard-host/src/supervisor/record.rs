//! `restart.json`: what a session's policy is, what was decided about which of its runs, and what
//! counts. Written in one step, by who holds the session's directory.

use std::fs::File;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};
use serde::{Deserialize, Serialize};

use super::policy::{Restart, Standing, Tally};
use crate::environment::Environment;
use crate::error::{Error, Result};
use crate::hosted::{Exit, Hosted};
use crate::id::HostedId;
use crate::store::{ENVIRONMENT, OsText, RESTART, SessionDir, Store, read_small};

/// The format that this version writes.
const FORMAT: u32 = 1;

/// What a session's files say of its policy. [`Supervision::of`] reads it; the design note says
/// what each standing means.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Supervision {
    format: u32,
    policy: Restart,
    /// Which run was decided about: when that was started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    about: Option<u64>,
    #[serde(flatten)]
    standing: Standing,
    #[serde(flatten)]
    tally: Tally,
}

impl Supervision {
    pub(super) fn new(policy: Restart) -> Self {
        let (standing, tally) = (Standing::Watched, Tally::default());
        Self { format: FORMAT, policy, about: None, standing, tally }
    }

    /// That of a session; `None` if it has no policy.
    ///
    /// # Errors
    ///
    /// [`Error::NewerFormat`], [`Error::Untrusted`], or what the system said.
    pub fn of(session: &Hosted) -> Result<Option<Self>> {
        Self::read(&session.directory)
    }

    pub(super) fn read(directory: &Path) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let path = directory.join(RESTART);
        let Some(text) = read_small(&path)? else { return Ok(None) };
        match serde_json::from_slice(&text) {
            Ok(Format { format }) if format > FORMAT => Err(Error::NewerFormat { path, format }),
            _ => serde_json::from_slice(&text).map(Some).map_err(|error| {
                let reason = format!("it is not what a supervisor writes: {error}");
                Error::Untrusted { path, reason }
            }),
        }
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> Restart {
        self.policy
    }

    /// Where the session stands whose present run was started then (see [`Hosted::started_at`]).
    #[must_use]
    pub fn standing(&self, started_at: u64) -> &Standing {
        if self.about == Some(started_at) { &self.standing } else { &Standing::Watched }
    }

    /// How often it was started again by a supervisor since a person has started it, when its
    /// present run was started then.
    #[must_use]
    pub fn restarts(&self, started_at: u64) -> u32 {
        self.tally(started_at).restarts
    }

    /// Whether the run that was started then, and has ended so, is to have a successor: that was
    /// decided, or is what a supervisor would decide that has not seen it yet.
    #[must_use]
    pub fn awaits_start(&self, started_at: u64, exit: Exit) -> bool {
        match self.standing(started_at) {
            Standing::Due { .. } => true,
            Standing::Watched => self.policy.wants_again(exit),
            _ => false,
        }
    }

    /// What counts for this run.
    pub(super) fn tally(&self, started_at: u64) -> Tally {
        let tally = self.tally.clone();
        match (self.about, &self.standing) {
            (Some(about), _) if about == started_at => tally,
            // It was to be started again, and was.
            (Some(_), Standing::Due { .. }) => {
                Tally { restarts: tally.restarts.saturating_add(1), ..tally }
            }
            // A person has started it.
            (Some(_), _) => Tally::default(),
            (None, _) => tally,
        }
    }

    /// The same after a decision about the run that was started then.
    pub(super) fn decided(&self, about: u64, standing: Standing, tally: Tally) -> Self {
        Self { format: FORMAT, policy: self.policy, about: Some(about), standing, tally }
    }
}

/// A session's directory, held so that nobody else decides about it.
#[derive(Debug)]
pub(super) struct Held {
    session: SessionDir,
    _directory: File,
}

impl Held {
    /// Waits until nobody else holds it.
    pub(super) fn wait(store: &Store, id: &HostedId) -> Result<Self> {
        loop {
            if let Some(held) = Self::take(store, id, FlockOperation::LockExclusive)? {
                return Ok(held);
            }
        }
    }

    /// `None` if somebody else holds it, or it gives way to another one just now.
    pub(super) fn try_now(store: &Store, id: &HostedId) -> Result<Option<Self>> {
        Self::take(store, id, FlockOperation::NonBlockingLockExclusive)
    }

    fn take(store: &Store, id: &HostedId, how: FlockOperation) -> Result<Option<Self>> {
        let session = store.session(id)?;
        let failed = |error| Error::io("lock", session.path(), error);
        let directory = File::open(session.path()).map_err(failed)?;
        match retry_on_intr(|| flock(&directory, how)) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        }
        // Who held it may have put another one in its place.
        let ours = directory.metadata().map_err(failed)?.ino();
        let is_still = std::fs::metadata(session.path()).is_ok_and(|now| now.ino() == ours);
        Ok(is_still.then_some(Self { session, _directory: directory }))
    }

    pub(super) const fn session(&self) -> &SessionDir {
        &self.session
    }

    pub(super) fn read(&self) -> Result<Option<Supervision>> {
        Supervision::read(self.session.path())
    }

    pub(super) fn write(&self, supervision: &Supervision) -> Result<()> {
        let text = serde_json::to_vec(supervision).unwrap_or_default();
        self.session.write_in_one_step(RESTART, &text)
    }

    /// Keeps the environment that the session is to be started with again, for this user alone.
    pub(super) fn keep_environment(&self, env: &Environment) -> Result<()> {
        let pairs: Vec<(OsText, OsText)> =
            env.iter().map(|(name, value)| (OsText::from(name), OsText::from(value))).collect();
        let text = serde_json::to_vec(&pairs).unwrap_or_default();
        self.session.write_in_one_step(ENVIRONMENT, &text)
    }

    /// What was kept; `None` if nothing that can be read was.
    pub(super) fn environment(&self) -> Result<Option<Environment>> {
        let text = read_small(&self.session.path().join(ENVIRONMENT))?;
        let pairs: Option<Vec<(OsText, OsText)>> =
            text.and_then(|text| serde_json::from_slice(&text).ok());
        Ok(pairs.map(|pairs| {
            Environment::exactly(pairs.into_iter().map(|(name, value)| (name.0, value.0)))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::policy::Reason;
    use super::*;

    #[test]
    fn a_decision_is_about_one_run() {
        let tally = || Tally { restarts: 2, in_a_row: 3, starts: vec![7] };
        let first = Supervision::new(Restart::Always);
        assert_eq!((first.standing(10), first.restarts(10)), (&Standing::Watched, 0));
        let due = first.decided(10, Standing::Due { at: 99 }, tally());
        assert_eq!((due.standing(10), due.restarts(10)), (&Standing::Due { at: 99 }, 2));
        // The next run is the restart; nothing had to be written for that.
        assert_eq!((due.standing(11), due.restarts(11)), (&Standing::Watched, 3));
        assert_eq!(due.tally(11).in_a_row, 3);
        assert!(due.awaits_start(10, Exit::Code(0)));
        let after = |exit| first.awaits_start(10, exit);
        assert_eq!([0, 1, 127].map(|code| after(Exit::Code(code))), [true, true, false]);
        let failed = Standing::Failed { reason: Reason::Cwd, text: "gone".into() };
        for standing in [Standing::Done, Standing::Stopped, failed, Standing::Unknown] {
            let over = first.decided(10, standing.clone(), tally());
            assert_eq!(over.standing(10), &standing);
            assert!(!over.awaits_start(10, Exit::Lost));
            assert_eq!((over.standing(11), over.tally(11)), (&Standing::Watched, Tally::default()));
        }
    }

    #[test]
    fn files_by_case() {
        let home = tempfile::tempdir().unwrap();
        let read = |text: &str| {
            std::fs::write(home.path().join(RESTART), text).unwrap();
            Supervision::read(home.path())
        };
        let text = r#"{"format":1,"policy":"always","standing":"watched","new":[1]}"#;
        assert_eq!(read(text).unwrap(), Some(Supervision::new(Restart::Always)));
        let text = r#"{"format":1,"policy":"on-failure","about":5,"standing":"failed",
            "reason":"tired","text":"x","restarts":4,"inARow":1,"starts":[1,2]}"#;
        let found = read(text).unwrap().unwrap();
        assert_eq!((found.policy(), found.restarts(5)), (Restart::OnFailure, 4));
        let Standing::Failed { reason: Reason::Unknown, .. } = found.standing(5) else {
            panic!("{found:?}")
        };
        let dancing = r#"{"format":1,"policy":"always","about":5,"standing":"dancing"}"#;
        assert_eq!(read(dancing).unwrap().unwrap().standing(5), &Standing::Unknown);
        assert!(matches!(read(r#"{"format":2,"policy":{}}"#), Err(Error::NewerFormat { .. })));
        let daily = r#"{"format":1,"policy":"daily","standing":"watched"}"#;
        let nowhere = r#"{"format":1,"policy":"always"}"#;
        for broken in ["", "{", "[]", r#"{"format":1}"#, daily, nowhere] {
            assert!(matches!(read(broken), Err(Error::Untrusted { .. })), "{broken}");
        }
        for standing in [Standing::Watched, Standing::Due { at: 3 }, Standing::Done] {
            let written = Supervision::new(Restart::Always).decided(5, standing, Tally::default());
            let text = serde_json::to_string(&written).unwrap();
            assert_eq!(read(&text).unwrap().unwrap(), written, "{text}");
        }
    }
}
