//! What hosts share whose sessions have a process of ours that answers on a socket.

use callboard::{Home, Inside};

use crate::builtin::{Connection, Failure, explain, follow, leftover, remove_link};
use crate::error::{Error, Result};
use crate::host::{HostKind, StopPolicy};
use crate::hosted::{Exit, Hosted, Listing, Problem, State};
use crate::id::HostedId;
use crate::log::{LogQuery, LogRef, LogStream};
use crate::store::{SessionDir, Store};
use crate::wire::message::Reply;

/// The sessions of one kind of host, below a home.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    home: Home,
    store: Store,
    kind: HostKind,
}

/// Where a session stands. A host that ends meanwhile is not taken for lost: its `exit` is looked
/// for once more after it has turned out to be gone.
pub(crate) fn state(session: &SessionDir) -> Result<State> {
    if let Some(ended) = session.ended()? {
        return Ok(State::Ended(ended));
    }
    let asked = Connection::in_passing(session).and_then(|mut connection| connection.status());
    let is_gone = match asked {
        Ok(running) => return Ok(State::Running(running)),
        Err(Failure::Gone) => true,
        Err(_) => false,
    };
    let is_locked = session.is_locked()?;
    if let Some(ended) = session.ended()? {
        return Ok(State::Ended(ended));
    }
    Ok(match (is_locked, is_gone) {
        (false, _) => State::Lost,
        (true, true) => State::Starting,
        (true, false) => State::Silent,
    })
}

impl Sessions {
    /// Those of a home.
    pub(crate) fn of(home: &Home, kind: HostKind) -> Self {
        Self { home: home.clone(), store: Store::at(home), kind }
    }

    pub(crate) const fn home(&self) -> &Home {
        &self.home
    }

    pub(crate) const fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) const fn kind(&self) -> HostKind {
        self.kind
    }

    /// One of them: another host's is none.
    pub(crate) fn get(&self, id: &HostedId) -> Result<SessionDir> {
        let session = self.store.session(id)?;
        if session.spec()?.host != self.kind {
            return Err(Error::NoSession { id: id.clone(), path: self.store.dir().to_owned() });
        }
        Ok(session)
    }

    /// One that has not ended.
    pub(crate) fn to_attach(&self, id: &HostedId) -> Result<SessionDir> {
        let session = self.get(id)?;
        match session.ended()? {
            None => Ok(session),
            Some(ended) => {
                let state = State::Ended(ended).as_str();
                Err(Error::NotRunning { id: id.clone(), state })
            }
        }
    }

    pub(crate) fn connect(&self, id: &HostedId) -> Result<Connection> {
        let session = self.get(id)?;
        Connection::to(&session).map_err(|failure| explain(&session, failure))
    }

    pub(crate) fn list(&self) -> Listing {
        let (sessions, mut problems) = self.store.sessions();
        let mut found = Vec::new();
        for session in sessions {
            let looked = session.spec().and_then(|spec| match spec.host == self.kind {
                true => session.hosted(state(&session)?).map(Some),
                false => Ok(None),
            });
            match looked {
                Ok(Some(hosted)) => found.push(hosted),
                // Another host's, or removed since.
                Ok(None) | Err(Error::NoSession { .. }) => {}
                Err(error) => {
                    let (path, reason) = (session.path().to_owned(), error.to_string());
                    problems.push(Problem { path, reason });
                }
            }
        }
        found.sort_by(|a, b| (a.started_at, &a.id).cmp(&(b.started_at, &b.id)));
        Listing { sessions: found, problems }
    }

    pub(crate) fn look(&self, id: &HostedId) -> Result<Hosted> {
        let session = self.get(id)?;
        session.hosted(state(&session)?)
    }

    pub(crate) fn log(&self, id: &HostedId) -> Result<LogRef> {
        Ok(LogRef::in_directory(self.get(id)?.path()))
    }

    pub(crate) fn logs(&self, id: &HostedId, query: &LogQuery) -> Result<LogStream> {
        follow::logs(&self.get(id)?, query)
    }

    pub(crate) fn stop(&self, id: &HostedId, policy: StopPolicy) -> Result<Exit> {
        let session = self.get(id)?;
        if let Some(ended) = session.ended()? {
            return Ok(ended.exit);
        }
        let grace = policy.grace.unwrap_or(session.spec()?.grace());
        match Connection::to(&session) {
            Ok(mut connection) => match connection.stop(grace) {
                Ok(Reply::Exit { .. }) | Err(Failure::Gone) => leftover::ended(&session, grace),
                Ok(_) => Err(Error::Protocol { id: id.clone(), reason: "no end after `stop`" }),
                Err(failure) => Err(explain(&session, failure)),
            },
            Err(Failure::Gone) => leftover::ended(&session, grace),
            Err(failure) => Err(explain(&session, failure)),
        }
    }

    pub(crate) fn exit(&self, id: &HostedId) -> Result<Option<Exit>> {
        Ok(state(&self.get(id)?)?.exit())
    }

    pub(crate) fn remove(&self, id: &HostedId) -> Result<()> {
        let session = self.get(id)?;
        let run = session.run()?;
        session.remove()?;
        if let Some(run) = run {
            remove_link(self.store.dir(), &run, session.id());
        }
        Ok(())
    }

    pub(crate) fn inside(&self) -> Inside {
        Inside::ask_at(&self.home)
    }
}
