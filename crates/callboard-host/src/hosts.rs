//! Every host of a home, and which of them has a session.

use std::sync::Arc;

use callboard::Home;

use crate::builtin::Builtin;
use crate::environment::Environment;
use crate::error::{Error, Result, SpawnError};
use crate::host::{HostKind, SessionHost, StopPolicy};
use crate::hosted::{Hosted, Listing};
use crate::id::HostedId;
use crate::store::Store;
use crate::tmux::Tmux;

/// The hosts of one home.
///
/// Never chooses one by itself: who starts a session says which host is to have it, and one that
/// cannot be used is an error.
#[derive(Clone, Debug)]
pub struct Hosts {
    store: Store,
    hosts: Vec<Arc<dyn SessionHost>>,
}

impl Hosts {
    /// Those that this program has, for a home.
    #[must_use]
    pub fn at(home: &Home) -> Self {
        let hosts: Vec<Arc<dyn SessionHost>> =
            vec![Arc::new(Builtin::at(home)), Arc::new(Tmux::at(home))];
        Self { store: Store::at(home), hosts }
    }

    /// The same with another host, or another one of a kind.
    #[must_use]
    pub fn with(mut self, host: Arc<dyn SessionHost>) -> Self {
        self.hosts.retain(|known| known.kind() != host.kind());
        self.hosts.push(host);
        self
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &dyn SessionHost> {
        self.hosts.iter().map(|host| &**host)
    }

    /// The directories of the sessions.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// The host of a kind.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] if this program has none.
    pub fn host(&self, kind: HostKind) -> Result<&dyn SessionHost> {
        let found = self.iter().find(|host| host.kind() == kind);
        found.ok_or(Error::Unsupported { host: kind, what: "be used by this program" })
    }

    /// The host that has a session.
    ///
    /// # Errors
    ///
    /// [`Error::NoSession`], [`Error::Unsupported`], or what could not be read.
    pub fn host_of(&self, id: &HostedId) -> Result<&dyn SessionHost> {
        self.host(self.store.session(id)?.spec()?.host)
    }

    /// One session, whichever host has it.
    ///
    /// # Errors
    ///
    /// As [`Hosts::host_of`] and [`SessionHost::look`].
    pub fn look(&self, id: &HostedId) -> Result<Hosted> {
        self.host_of(id)?.look(id)
    }

    /// The sessions of all hosts, oldest first.
    #[must_use]
    pub fn list(&self) -> Listing {
        let mut all = Listing::default();
        for host in self.iter() {
            let mut listing = host.list();
            all.sessions.append(&mut listing.sessions);
            // Each of them reads the same directories.
            listing.problems.retain(|problem| !all.problems.contains(problem));
            all.problems.append(&mut listing.problems);
        }
        all.sessions.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        all
    }

    /// Starts a session once more, under its id, with its log: stops it first if it runs. Its
    /// environment was kept nowhere, so this is the one to give.
    ///
    /// # Errors
    ///
    /// As [`SessionHost::stop`] and [`SessionHost::spawn`].
    pub fn restart(&self, id: &HostedId, env: Environment) -> Result<Hosted, SpawnError> {
        let host = self.host_of(id)?;
        let spec = self.store.session(id)?.spec()?;
        host.stop(id, StopPolicy::default())?;
        host.spawn(&spec.again(id.clone(), env))
    }

    /// Forgets the sessions that ended before a time (in ms since the epoch); those that are lost
    /// have no end, and are kept until somebody removes them. How many went.
    #[must_use]
    pub fn remove_ended_before(&self, time: u64) -> usize {
        let (sessions, _) = self.store.sessions();
        let is_over = |ended: Option<crate::hosted::Ended>| ended.is_some_and(|e| e.at < time);
        let over = sessions.iter().filter(|session| session.ended().is_ok_and(is_over));
        // One with a policy may be about to be started again.
        let over = over.filter(|session| !crate::supervisor::awaits_start(session));
        // Somebody else may be removing it, or starting it again.
        let remove = |id: &HostedId| self.host_of(id)?.remove(id);
        over.filter(|session| remove(session.id()).is_ok()).count()
    }
}
