//! The program asks about itself.
//!
//! By the kernel's account: it is in the session of the program, on its terminal, and in its
//! process group. The last tells what the program, or a wrapper like `sh -c`, has started in its
//! own place from what an interactive shell has started as a job: that has a group of its own, and
//! to leave it means to return to that shell. Of several, the first that asks is it, while it
//! lives.

use std::os::fd::OwnedFd;

use rustix::process::{PidfdFlags, pidfd_open};

use super::serve::Host;
use crate::host::Detach;
use crate::system::{self, Standing};
use crate::wire::message::InsideReply;

/// The process that has claimed the session.
#[derive(Debug)]
pub(super) struct Claimant {
    pid: u32,
    pub(super) process: OwnedFd,
}

/// What a process is to the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Relation {
    Program,
    Nested,
    None,
}

/// The rule. `program` is the session's first process, `terminal` its terminal, and `claimant` who
/// has claimed the session, if somebody has and lives.
fn relation(
    asking: u32,
    standing: &Standing,
    program: u32,
    terminal: u64,
    claimant: Option<u32>,
) -> Relation {
    if standing.session != program || standing.terminal != terminal {
        return Relation::None;
    }
    let is_first = claimant.is_none_or(|claimant| claimant == asking);
    if standing.group == program && is_first { Relation::Program } else { Relation::Nested }
}

impl Host {
    /// Answers, and remembers who has claimed the session.
    pub(super) fn inside(&mut self, pid: u32) -> InsideReply {
        let relation = self.relation_of(pid);
        let answer = match relation {
            Relation::Program => "yes",
            Relation::Nested => "nested",
            Relation::None => "no",
        };
        if relation != Relation::Program {
            return InsideReply { answer: answer.into(), ..InsideReply::default() };
        }
        let log = self.claimed.session().log().to_string_lossy().into_owned();
        InsideReply {
            answer: answer.into(),
            id: self.claimed.session().id().to_string(),
            host: self.spec.host.as_str().into(),
            clients: self.attached(),
            kind: self.spec.kind.clone(),
            name: self.spec.name.clone(),
            log_path: self.log.keeps().then_some(log),
            agent: self.spec.agent.clone(),
        }
    }

    /// The program wants to be left alone by who typed last; how many have been detached.
    pub(super) fn leave(&mut self, pid: u32) -> usize {
        match self.relation_of(pid) {
            Relation::Program => self.detach(Detach::LastTypist),
            Relation::Nested | Relation::None => 0,
        }
    }

    /// What a process is to the session; the first that is its program claims it.
    fn relation_of(&mut self, pid: u32) -> Relation {
        // Held before it is looked at: what is looked at is then what is held.
        let held = system::pid(pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let (Some(process), Some(standing)) = (held, system::standing(pid)) else {
            return Relation::None;
        };
        let Some(terminal) = self.terminal_number() else { return Relation::None };
        let claimant = self.claimant.as_ref().map(|claimant| claimant.pid);
        let program = self.run.program.pid;
        let relation = relation(pid, &standing, program, terminal, claimant);
        if relation == Relation::Program && claimant.is_none() {
            self.claimant = Some(Claimant { pid, process });
            // The row of the session is that of the process that it is about.
            if pid != program {
                self.board.sign_in(pid);
            }
        }
        relation
    }

    fn terminal_number(&self) -> Option<u64> {
        let user = self.program.user.as_ref()?;
        rustix::fs::fstat(user).ok().map(|found| found.st_rdev)
    }

    /// It has ended, and the wrapper that had started it may start another.
    pub(super) fn forget_claimant(&mut self) {
        let Some(claimant) = self.claimant.take() else { return };
        let program = self.run.program.pid;
        if claimant.pid != program && self.exited.is_none() {
            self.board.sign_in(program);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relations_by_case() {
        const PROGRAM: u32 = 10;
        const TERMINAL: u64 = 0x8801;
        let own = Standing {
            state: b'S',
            parent: 1,
            group: PROGRAM,
            session: PROGRAM,
            terminal: TERMINAL,
            start_ticks: 0,
        };
        let job = Standing { group: 20, ..own };
        let other_session = Standing { session: 30, ..own };
        let other_terminal = Standing { terminal: 0x8802, ..own };
        let none = Standing { terminal: 0, ..own };
        for (asking, standing, claimant, expected) in [
            (PROGRAM, own, None, Relation::Program),
            (PROGRAM, own, Some(PROGRAM), Relation::Program),
            (11, own, None, Relation::Program),
            (11, own, Some(11), Relation::Program),
            (12, own, Some(11), Relation::Nested),
            (PROGRAM, own, Some(11), Relation::Nested),
            (20, job, None, Relation::Nested),
            (30, other_session, None, Relation::None),
            (12, other_terminal, None, Relation::None),
            (12, none, None, Relation::None),
        ] {
            let found = relation(asking, &standing, PROGRAM, TERMINAL, claimant);
            assert_eq!(found, expected, "{asking} {standing:?} {claimant:?}");
        }
    }
}
