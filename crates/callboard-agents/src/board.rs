//! Reading every registry into one board.

use std::path::Path;
use std::sync::Arc;

use callboard::process::Here;
use callboard::{Problem, ProblemKind, Registry, Session, Visit};

use crate::adapter::Adapter;
use crate::identity::Identity;
use crate::merge::merge;
use crate::parked::fold_parked_windows;
use crate::row::{Role, Row, RowSource};
use crate::sources::Sources;
use crate::unrecorded::{Launched, Running};

/// What all registries say together.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Board {
    /// The sessions, the proven dead ones too, in the order of the registries.
    pub rows: Vec<Row>,
    /// Processes that an agent runs for itself: spares and supervisors. Nobody's conversation, so
    /// neither listed nor counted.
    pub hidden: Vec<Row>,
    /// What could not be read, and what was odd in what could.
    pub problems: Vec<Problem>,
    /// Names in an agent's directory that are neither records nor the agent's own: a user's
    /// notes, say. Never opened; worth a word only to somebody who asks what is there.
    pub notices: Vec<Problem>,
}

impl Board {
    /// Reads every registry once. Never fails: what cannot be read is a problem, and the rest is
    /// listed. Writes nothing anywhere.
    #[must_use]
    pub fn read(sources: &Sources) -> Self {
        let mut reading = Reading::default();
        reading.own(sources.own());
        for adapter in sources.adapters() {
            for place in adapter.registries() {
                reading.foreign(adapter, &sources.own().foreign_beside(&place.sessions));
            }
        }
        if sources.looks_at_processes() {
            reading.running(sources);
        }
        reading.board(now())
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading {
    rows: Vec<Row>,
    /// Of each row, in the same order.
    identities: Vec<Identity>,
    problems: Vec<Problem>,
    notices: Vec<Problem>,
}

impl Reading {
    fn own(&mut self, registry: &Registry) {
        let place = Place::of(registry);
        registry.visit(|visit| match visit {
            Visit::Session(session) => {
                self.draft(&place, &session, place.plain(crate::OWN, &session));
            }
            Visit::Problem(problem) => self.problems.push(problem),
        });
    }

    fn foreign(&mut self, adapter: &dyn Adapter, registry: &Registry) {
        let place = Place::of(registry);
        registry.visit(|visit| match visit {
            Visit::Session(session) => {
                let plain = place.plain(adapter.name(), &session);
                if let Some(row) = adapter.row(&session.record, plain) {
                    self.draft(&place, &session, row);
                }
            }
            Visit::Problem(problem) => self.foreign_problem(adapter, problem),
        });
    }

    /// What runs and no record names, or names without saying all that can be known.
    fn running(&mut self, sources: &Sources) {
        let here = sources.own().here();
        let Some(mut running) = Running::look(sources, &here) else { return };
        // An agent that was started with a home of its own has its record there.
        let mut explained = running.explained(&self.rows, &self.identities);
        let others = running.other_registries(&explained);
        for (adapter, sessions) in &others {
            self.foreign(*adapter, &sources.own().foreign_beside(sessions));
        }
        if !others.is_empty() {
            explained = running.explained(&self.rows, &self.identities);
        }
        for launched in running.launchers() {
            self.join(launched);
        }
        for (row, identity) in running.rows(explained, &self.rows) {
            self.rows.push(row);
            self.identities.push(identity);
        }
    }

    /// Has our records of a launcher and of its worker be about one session.
    fn join(&mut self, launched: &Launched) {
        let (pid, start_ticks) = launched.known_by;
        for (row, identity) in self.rows.iter_mut().zip(&mut self.identities) {
            let named = identity.pid;
            if row.registry != crate::OWN || !identity.is_running_here() {
                continue;
            }
            let is_launcher = launched.launchers.contains(&named);
            if is_launcher || named == launched.worker {
                row.pid = pid;
                *identity = Identity::seen(pid, start_ticks);
            }
            // `node`, say: neither the agent's name nor the session's.
            if is_launcher {
                row.name = row.name.take().filter(|name| row.tool.as_ref() != Some(name));
                row.tool = None;
            }
        }
    }

    /// A stray name in an agent's directory is no problem of the agent, nor of its sessions.
    fn foreign_problem(&mut self, adapter: &dyn Adapter, problem: Problem) {
        match problem.kind {
            ProblemKind::StrayName
                if problem.path.file_name().is_some_and(|name| adapter.is_expected(name)) => {}
            ProblemKind::StrayName | ProblemKind::MoreStrayNames(_) => self.notices.push(problem),
            _ => self.problems.push(problem),
        }
    }

    /// Keeps what the board shows of a record, and lets go of the record: with thousands of them
    /// the texts would be most of the memory.
    fn draft(&mut self, place: &Place, session: &Session, mut row: Row) {
        let fields = row.fields();
        row.sources.iter_mut().for_each(|source| source.fields = fields);
        let identity = Identity::of(&session.record, session.evidence(), &place.here);
        self.rows.push(row);
        self.identities.push(identity);
    }

    fn board(self, now: u64) -> Board {
        let mut rows = merge(self.rows, self.identities, now);
        let hidden = rows.extract_if(.., |row| row.role != Role::Session).collect();
        fold_parked_windows(&mut rows);
        Board { rows, hidden, problems: self.problems, notices: self.notices }
    }
}

/// What one record says, on its own; `None` where it is about no session.
pub(crate) fn row_of(
    sources: &Sources,
    agent: Option<&str>,
    registry: &Registry,
    session: &Session,
) -> Option<Row> {
    let place = Place::of(registry);
    let mut row = match agent {
        None => place.plain(crate::OWN, session),
        Some(name) => {
            let adapter = sources.adapters().find(|adapter| adapter.name() == name)?;
            adapter.row(&session.record, place.plain(adapter.name(), session))?
        }
    };
    let fields = row.fields();
    row.sources.iter_mut().for_each(|source| source.fields = fields);
    Some(row)
}

/// A registry that is being read.
struct Place {
    dir: Arc<Path>,
    here: Arc<Here>,
}

impl Place {
    fn of(registry: &Registry) -> Self {
        Self { dir: registry.dir().into(), here: registry.here() }
    }

    fn plain(&self, registry: &'static str, session: &Session) -> Row {
        let source = RowSource::new(registry, &self.dir, session.file);
        Row::plain(source, &session.record, session.judgement)
    }
}

/// Now, in ms since the epoch.
pub(crate) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |elapsed| u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
}
