//! From a process that an agent started to the agent.

use callboard::process::Here;

use super::{Proc, Process};
use crate::agents;
use crate::row::Role;

/// How far up an agent is looked for: a hook is run by a shell or two, not by sixteen.
const MAX_ANCESTORS: usize = 16;

/// The process of the session that started `from`, or that `from` is: for a hook or a tool's
/// command, which knows its own ancestors and not which of them is the agent.
///
/// `agent` is the name of an agent (`claude`, `codex`, ...); `None` if it is not known, or if none
/// of the nearest ancestors is a process of it that belongs to this user.
///
/// Where a server of the agent runs the hooks of several sessions (Codex's app-server), that is the
/// nearest: then it is the terminal program that shows the session, if exactly one of the agent's
/// sessions runs in the directory of `from`, else the server itself, which holds several sessions.
#[must_use]
pub fn session_process(agent: &str, from: u32) -> Option<u32> {
    let role = agents::role_of(agent)?;
    let mut proc = Proc::open(&Here::detect())?;
    let mut nearest = None;
    let mut pid = from;
    for _ in 0..MAX_ANCESTORS {
        let Some(process) = (pid > 1).then(|| proc.process(pid)).flatten() else { break };
        match role(&process) {
            // A spare that runs hooks is one that somebody has taken.
            Some(Role::Session | Role::Spare) if nearest.is_none() => return Some(pid),
            Some(Role::Infrastructure) => _ = nearest.get_or_insert(pid),
            // A server was started by the session that was there first; it serves others too.
            Some(_) => break,
            None => {}
        }
        pid = process.parent;
    }
    nearest.map(|server| shown_by(&mut proc, role, from).unwrap_or(server))
}

/// The one session process whose directory is that of `from`.
fn shown_by(proc: &mut Proc, role: impl Fn(&Process) -> Option<Role>, from: u32) -> Option<u32> {
    let from = proc.process(from)?;
    let directory = proc.look_at(&from)?.cwd()?;
    let all = proc.scan(agents::is_candidate);
    let sessions: Vec<_> =
        all.iter().filter(|process| role(process) == Some(Role::Session)).collect();
    let mut here = sessions.iter().filter(|process| {
        super::worker_of(process, sessions.iter().copied()).is_none()
            && proc.look_at(process).and_then(|look| look.cwd()).as_ref() == Some(&directory)
    });
    here.next().filter(|_| here.next().is_none()).map(|process| process.pid)
}
