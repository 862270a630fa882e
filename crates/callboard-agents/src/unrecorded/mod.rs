//! What runs and no record names: the safety net under the registries.
//!
//! A record may be torn, or swept by somebody; a nested session is not registered by its vendor
//! (claude-code #76269); most agents register nothing at all. Their processes run all the same, and
//! are on the board with what can be known of them. A process that an agent's record explains adds
//! nothing; one that only our own registry knows (a hook signed it in) adds what the record lacks.

mod pairs;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use callboard::process::Here;
use callboard::{Evidence, Judgement};

use crate::OWN;
use crate::adapter::{Adapter, Held, Seen};
use crate::identity::Identity;
use crate::processes::{Flocks, Look, Proc, Process, TICK_MS, is_interpreter_comm, worker_of};
use crate::row::{FoundBy, Role, Row};
use crate::sources::Sources;
use pairs::{Served, Window, pairs};

/// The agents' processes that run, as of one look.
pub(crate) struct Running<'s> {
    proc: Proc,
    flocks: Flocks,
    processes: Vec<Candidate<'s>>,
    domain: Box<str>,
    /// The sessions of several processes that our own registry knows.
    launched: Vec<Launched>,
}

/// The process that a session is known by, and when it started, in ticks.
pub(crate) type KnownBy = (u32, u64);

/// A session of several processes some of which our own registry knows: a host or `callboard run`
/// has signed in the launcher that it started, a hook the worker that it ran under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Launched {
    pub(crate) launchers: Vec<u32>,
    pub(crate) worker: u32,
    pub(crate) known_by: KnownBy,
}

/// A process of an agent.
struct Candidate<'s> {
    process: Process,
    agent: &'s dyn Adapter,
    role: Role,
    /// Its launcher, where our own registry knows it by that.
    signed_in_as: Option<KnownBy>,
}

impl Candidate<'_> {
    /// The process that its row is known by.
    fn known_by(&self) -> KnownBy {
        self.signed_in_as.unwrap_or((self.process.pid, self.process.start_ticks))
    }
}

/// How much of a process the records explain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Explained {
    /// An agent's record names it, or it is the launcher or the worker of one that is named.
    Wholly,
    /// Our own registry knows it, and the conversation that it is on, if it says.
    ByUs(Option<Box<str>>),
    /// No record.
    Not,
}

/// A process that is to have a row, and what it was brought together with.
struct Found<'r, 's> {
    candidate: &'r Candidate<'s>,
    look: Look,
    /// Where it stands, also if that was removed; and where it is, if it is there. Of one reading: a
    /// process that ends in between has no place at the second.
    place: Option<PathBuf>,
    cwd: Option<PathBuf>,
    session_id: Option<Box<str>>,
    held: Vec<Held>,
}

impl<'s> Running<'s> {
    /// Looks once at the processes of this user. `None` where that is not possible.
    pub(crate) fn look(sources: &'s Sources, here: &Here) -> Option<Self> {
        let agents: Vec<&dyn Adapter> = sources.adapters().collect();
        let mut proc = Proc::open(here).filter(|_| !agents.is_empty())?;
        let is_wanted = |comm: &str| {
            is_interpreter_comm(comm) || agents.iter().any(|agent| agent.is_candidate(comm))
        };
        let processes = proc.scan(is_wanted).into_iter().filter_map(|process| {
            let found = agents.iter().find_map(|agent| Some((*agent, agent.role(&process)?)));
            found.map(|(agent, role)| Candidate { process, agent, role, signed_in_as: None })
        });
        let processes = processes.collect();
        let domain = here.pid_domain().into();
        Some(Self { proc, flocks: Flocks::default(), processes, domain, launched: Vec::new() })
    }

    /// The registries that only the environment of a process names: each with its agent, and not
    /// those that were read already. Looked for where a process has no record.
    pub(crate) fn other_registries(
        &mut self,
        explained: &[Explained],
    ) -> Vec<(&'s dyn Adapter, PathBuf)> {
        let mut found: Vec<(&dyn Adapter, PathBuf)> = Vec::new();
        for (candidate, explained) in self.processes.iter().zip(explained) {
            let agent = candidate.agent;
            let Some(variable) = agent.home_variable() else { continue };
            if *explained == Explained::Wholly || candidate.role != Role::Session {
                continue;
            }
            let look = self.proc.look_at(&candidate.process);
            let home = look.and_then(|look| look.variable(variable)).map(PathBuf::from);
            let sessions = home.and_then(|home| home.join("sessions").canonicalize().ok());
            let Some(sessions) = sessions.filter(|dir| dir.is_absolute()) else { continue };
            let is_known = agent.registries().iter().any(|place| place.sessions == sessions)
                || found.iter().any(|(_, known)| *known == sessions);
            if !is_known {
                found.push((agent, sessions));
            }
        }
        found
    }

    /// The rows of what no record explains, and of what our own registry alone knows.
    pub(crate) fn rows(&mut self, explained: Vec<Explained>, rows: &[Row]) -> Vec<(Row, Identity)> {
        let (mut sessions, mut servers) = (Vec::new(), Vec::new());
        for (candidate, explained) in self.processes.iter().zip(explained) {
            let session_id = match explained {
                Explained::Wholly => continue,
                Explained::ByUs(session_id) => session_id,
                Explained::Not => None,
            };
            let Some(look) = self.proc.look_at(&candidate.process) else { continue };
            let seen = Seen::new(&candidate.process, candidate.role, &look, &self.flocks);
            let held = candidate.agent.held(&seen);
            let (place, is_there) = look.stands_in().unzip();
            let cwd = place.clone().filter(|_| is_there == Some(true));
            // One that ends has closed its files and left its directory before it is a zombie: what
            // it had is not to be seen, and it would pass for one that might have anything.
            if cwd.is_none() && self.proc.process(candidate.process.pid).is_none() {
                continue;
            }
            let found = Found { candidate, look, place, cwd, session_id, held };
            match candidate.role {
                Role::Session => sessions.push(found),
                // One that has a record of its own is what its record says.
                _ if !found.held.is_empty() => servers.push(found),
                _ => {}
            }
        }
        let mut claimed: HashSet<&str> = rows
            .iter()
            .filter(|row| row.is_listed())
            .filter_map(|r| r.session_id.as_deref())
            .collect();
        // What our own registry says of a process is no claim against that process.
        for found in sessions.iter().chain(&servers) {
            if let Some(id) = found.session_id.as_deref() {
                claimed.remove(id);
            }
        }
        let mut made = Vec::new();
        show_served(&mut sessions, &mut servers);
        bind_begun(&mut sessions, rows, &claimed);
        for found in sessions.iter().chain(&servers) {
            let is_free = |held: &&Held| !is_claimed(held, &claimed);
            let held: Vec<&Held> = found.held.iter().filter(is_free).collect();
            if held.is_empty() && found.candidate.role == Role::Session {
                made.push(self.row(found, None));
            }
            made.extend(held.into_iter().map(|held| self.row(found, Some(held))));
        }
        made
    }

    /// How much of each process the records explain, in the order of the processes.
    pub(crate) fn explained(&mut self, rows: &[Row], identities: &[Identity]) -> Vec<Explained> {
        let mut all: Vec<Explained> = Vec::with_capacity(self.processes.len());
        for candidate in &self.processes {
            let by = by_records(candidate, rows, identities);
            let mut nested = || is_nested_known(&mut self.proc, &candidate.process, identities);
            all.push(if by == Explained::Not && nested() { Explained::Wholly } else { by });
        }
        self.join_twins(&mut all);
        all
    }

    /// A launcher, what it starts in its place, and so on, are one session: the innermost counts,
    /// and what explains any of them explains all.
    fn join_twins(&mut self, all: &mut [Explained]) {
        self.launched.clear();
        for chain in self.chains() {
            let of_chain: Vec<Explained> = chain.iter().map(|at| all[*at].clone()).collect();
            let (explained, known_by) = together(of_chain);
            if let Some(known_by) = known_by {
                self.launch(&chain, chain[known_by]);
            }
            chain.iter().for_each(|at| all[*at] = Explained::Wholly);
            chain.last().into_iter().for_each(|innermost| all[*innermost] = explained.clone());
        }
    }

    /// Each launcher that is nobody's worker, with its worker, that one's, and so on, by their
    /// places in the list.
    fn chains(&self) -> Vec<Vec<usize>> {
        let name = |candidate: &Candidate<'_>| candidate.agent.name();
        let worker = |candidate: &Candidate<'s>| {
            let same = self.processes.iter().filter(|other| name(other) == name(candidate));
            let worker = worker_of(&candidate.process, same.map(|other| &other.process))?;
            self.processes.iter().position(|other| other.process.pid == worker.pid)
        };
        let workers: Vec<Option<usize>> = self.processes.iter().map(worker).collect();
        let begins = |at: &usize| workers[*at].is_some() && !workers.contains(&Some(*at));
        let chain = |at: usize| {
            // A worker started after its launcher, so that no chain comes back to itself; but pids
            // are read one after the other.
            std::iter::successors(Some(at), |at| workers[*at]).take(workers.len()).collect()
        };
        (0..workers.len()).filter(begins).map(chain).collect()
    }

    fn launch(&mut self, chain: &[usize], known_by: usize) {
        let process = |at: usize| &self.processes[at].process;
        let launched = Launched {
            launchers: chain[..chain.len() - 1].iter().map(|at| process(*at).pid).collect(),
            worker: process(chain[chain.len() - 1]).pid,
            known_by: (process(known_by).pid, process(known_by).start_ticks),
        };
        let worker = &mut self.processes[chain[chain.len() - 1]];
        let is_itself = launched.known_by.0 == launched.worker;
        worker.signed_in_as = (!is_itself).then_some(launched.known_by);
        self.launched.push(launched);
    }

    /// The sessions that [`Running::explained`] found our own registry to know by their launchers:
    /// all our records of its processes are about it.
    pub(crate) fn launchers(&self) -> &[Launched] {
        &self.launched
    }

    fn row(&self, found: &Found<'_, '_>, held: Option<&Held>) -> (Row, Identity) {
        let Candidate { process, agent, signed_in_as, .. } = found.candidate;
        let (pid, start_ticks) = found.candidate.known_by();
        let found_by = held.map_or(FoundBy::Process, |held| held.found_by);
        let registry = if found_by == FoundBy::Process { PROCESS } else { agent.name() };
        let cwd = found.cwd.as_ref().map(|cwd| cwd.to_string_lossy().into());
        let mut row = Row::running(pid, Judgement::from(Evidence::Running), registry);
        row.worker = signed_in_as.map(|_| process.pid);
        row.session_id = held.and_then(|held| held.session_id.clone());
        row.tool = Some(agent.name().into());
        row.cwd = cwd.or_else(|| held.and_then(|held| held.cwd.clone()));
        row.started_at = found.look.started_at();
        row.found_by = found_by;
        row.pid_domain = Some(self.domain.clone());
        row.transcript_path = held.and_then(|held| held.transcript.clone());
        (row, Identity::seen(pid, start_ticks))
    }
}

/// What stands for a registry where nothing but the process is known.
const PROCESS: &str = "process";

/// How much the records explain of a session of several processes, each of which was started by the
/// one before it; and which of them it is known by. Pure.
///
/// The agent itself may have said which process it is. Else it is the outermost that was signed in:
/// what starts an agent does that before its hooks can, and a session keeps its process.
fn together(chain: Vec<Explained>) -> (Explained, Option<usize>) {
    if let Some(named) = chain.iter().rposition(|by| *by == Explained::Wholly) {
        return (Explained::Wholly, Some(named));
    }
    let Some(first) = chain.iter().position(|by| *by != Explained::Not) else {
        return (Explained::Not, None);
    };
    let conversation = chain.into_iter().rev().find_map(|by| match by {
        Explained::ByUs(conversation) => conversation,
        _ => None,
    });
    (Explained::ByUs(conversation), Some(first))
}

fn by_records(candidate: &Candidate<'_>, rows: &[Row], identities: &[Identity]) -> Explained {
    let pid = candidate.process.pid;
    let is_of =
        |(_, identity): &(&Row, &Identity)| identity.pid == pid && identity.is_running_here();
    let mut named = rows.iter().zip(identities).filter(is_of).map(|(row, _)| row).peekable();
    if named.peek().is_none() {
        return Explained::Not;
    }
    let mut session_id = None;
    for row in named {
        if row.registry != OWN {
            return Explained::Wholly;
        }
        session_id = session_id.or_else(|| row.conversation().map(Box::from));
    }
    Explained::ByUs(session_id)
}

/// Whether a record is about this process under the number that it has in a container.
fn is_nested_known(proc: &mut Proc, process: &Process, identities: &[Identity]) -> bool {
    let nested = proc.look_at(process).and_then(|look| look.nested());
    nested.is_some_and(|(ns, pid)| {
        identities.iter().any(|identity| identity.is_of_nested(ns, pid, process.start_ticks))
    })
}

/// Whether another row has the conversation already.
fn is_claimed(held: &Held, claimed: &HashSet<&str>) -> bool {
    held.session_id.as_deref().is_some_and(|id| claimed.contains(id))
}

/// Gives each session of a server to the window that shows it, and leaves the server those that no
/// window can be showing.
fn show_served(windows: &mut [Found<'_, '_>], servers: &mut [Found<'_, '_>]) {
    for server in servers {
        let agent = server.candidate.agent.name();
        let open: Vec<usize> = (0..windows.len())
            .filter(|w| windows[*w].candidate.agent.name() == agent && windows[*w].held.is_empty())
            .collect();
        // One whose directory was removed is in none of the others.
        let seen = |w: &usize| Window {
            cwd: windows[*w].place.as_deref(),
            session_id: windows[*w].session_id.as_deref(),
        };
        let seen: Vec<_> = open.iter().map(seen).collect();
        let served = |held: &Held| (held.session_id.clone().unwrap_or_default(), held.cwd.clone());
        let sessions: Vec<_> = server.held.iter().map(served).collect();
        let sessions: Vec<_> = sessions
            .iter()
            .map(|(id, cwd)| Served { session_id: id, cwd: cwd.as_deref().map(Path::new) })
            .collect();
        let found = pairs(&seen, &sessions);
        for (w, session) in open.iter().zip(found.of_window) {
            windows[*w].held.extend(session.map(|session| server.held[session].clone()));
        }
        let mut alone = found.unshown;
        alone.retain(|_| server.candidate.agent.serves_alone(&server.candidate.process));
        server.held = alone.into_iter().map(|session| server.held[session].clone()).collect();
    }
}

/// Brings a process that holds nothing together with its conversation, by its command line or by
/// its directory. By the directory only if it is the one process of its agent in it, and one
/// conversation was begun there since it started: a second process or conversation, and it is left
/// open which is which (Irrlicht #109, #345, marmonitor #68).
fn bind_begun(found: &mut [Found<'_, '_>], rows: &[Row], claimed: &HashSet<&str>) {
    let name = |found: &Found<'_, '_>| found.candidate.agent.name();
    for at in 0..found.len() {
        let this = &found[at];
        if !this.held.is_empty() || this.session_id.is_some() {
            continue;
        }
        let Some((cwd, since)) = this.cwd.clone().zip(this.look.started_at()) else { continue };
        let is_beside =
            |other: &Found<'_, '_>| name(other) == name(this) && other.cwd.as_ref() == Some(&cwd);
        let own = [this.candidate.process.pid, this.candidate.known_by().0];
        let is_recorded = |row: &Row| {
            row.is_listed()
                && !own.contains(&row.pid)
                && row.tool.as_deref() == Some(name(this))
                && row.cwd.as_deref().is_some_and(|dir| Path::new(dir) == cwd)
        };
        let alone = found.iter().filter(|other| is_beside(other)).count() == 1
            && !rows.iter().any(is_recorded);
        let agent = this.candidate.agent;
        // What is as old as the process may be older.
        let mut begun = agent.begun(&cwd, since + TICK_MS + 1);
        begun.retain(|held| !is_claimed(held, claimed));
        let named = agent.named(&this.candidate.process);
        let held = match (named, &*begun) {
            (Some(session_id), []) => Some(Held {
                session_id: Some(session_id),
                found_by: FoundBy::Process,
                transcript: None,
                cwd: None,
            }),
            // It may have gone on to another conversation than the one on its command line.
            (session_id @ Some(_), [one]) if one.session_id == session_id => Some(one.clone()),
            (None, [one]) if alone => Some(one.clone()),
            _ => None,
        };
        found[at].held.extend(held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn launchers_and_workers_by_case() {
        use Explained::{ByUs, Not, Wholly};
        let us = |id: &str| ByUs((!id.is_empty()).then(|| id.into()));
        let cases = [
            ("nobody knows them", vec![Not, Not], (Not, None)),
            ("the agent's record names the worker", vec![Not, Wholly], (Wholly, Some(1))),
            ("the agent's record names the launcher", vec![Wholly, Not], (Wholly, Some(0))),
            ("a host signed the launcher in", vec![us(""), Not], (us(""), Some(0))),
            ("a hook signed the worker in", vec![Not, us("a")], (us("a"), Some(1))),
            ("both", vec![us(""), us("a")], (us("a"), Some(0))),
            ("both say a conversation: the worker's", vec![us("b"), us("a")], (us("a"), Some(0))),
            ("a host, and the agent's record", vec![us(""), Wholly], (Wholly, Some(1))),
            (
                "a host, a hook, and a child that is about to be a command",
                vec![us(""), us("a"), Not],
                (us("a"), Some(0)),
            ),
            ("three, the middle one signed in", vec![Not, us("a"), Not], (us("a"), Some(1))),
            (
                "three, the agent's record names the last",
                vec![us(""), us("a"), Wholly],
                (Wholly, Some(2)),
            ),
        ];
        for (story, chain, expected) in cases {
            assert_eq!(together(chain), expected, "{story}");
        }
    }
}
