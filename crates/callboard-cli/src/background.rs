//! The background sessions of a home: which one is meant, which row of the board is one, and what
//! to do when their hosts say no.
//!
//! A record alone is believed by nobody who acts: a session is one of ours because its host says
//! so, and a row is one because the kernel has its process in that host's session.

use std::cmp::Reverse;

use callboard::process::session_leader;
use callboard::{Kind, Registry};
use callboard_agents::Row;
use callboard_host::{Error, Hosted, Hosts, Problem, State};

use crate::address::rows::{nobody, take_meant};
use crate::address::{Called, Meant, Naming};
use crate::context::{Context, is_ours, pid_here};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::complain;
use crate::view::hosted::{hosted_name, standing};

/// The hosts of a home.
pub(crate) struct Background {
    pub(crate) hosts: Hosts,
}

/// Which sessions of one name come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// Those that run.
    Live,
    /// Those that have ended.
    Over,
}

impl Background {
    /// Those of the home that the command line means.
    pub(crate) fn open(context: &Context) -> Result<Self, Failure> {
        Ok(Self { hosts: Hosts::at(&context.home()?) })
    }

    /// All sessions; tells what cannot be read.
    pub(crate) fn list(&self) -> Vec<Hosted> {
        self.list_telling(tell_problem)
    }

    fn list_telling(&self, tell: impl Fn(&Problem)) -> Vec<Hosted> {
        let listing = self.hosts.list();
        listing.problems.iter().for_each(tell);
        listing.sessions
    }

    /// The session that `text` means: by what it was started as, else by what the board calls it.
    pub(crate) fn find(
        &self,
        context: &Context,
        text: &str,
        first: First,
    ) -> Result<Hosted, Failure> {
        let (live, over): (Vec<Hosted>, Vec<Hosted>) =
            self.list().into_iter().partition(|session| session.state.is_live());
        let mut groups = if first == First::Over { [over, live] } else { [live, over] };
        let mut rows = None;
        for naming in Naming::IN_TURN {
            for group in &mut groups {
                match look(naming, text, group) {
                    Meant::One(at) => return Ok(group.swap_remove(at)),
                    Meant::Several(several) => {
                        return Err(ambiguous(text, several.iter().map(|at| &group[*at])));
                    }
                    Meant::Nobody => {}
                }
            }
            // Renamed, or by the id of its conversation.
            let rows = match &mut rows {
                Some(rows) => rows,
                none => none.insert(context.listed()?),
            };
            if let Some(row) = take_meant(naming, text, rows)? {
                return hosted(context, text, &row, groups);
            }
        }
        Err(nobody(text))
    }

    /// The session that this very process runs in, by the kernel's account.
    pub(crate) fn own(&self) -> Option<Hosted> {
        let own = Some(session_leader(std::process::id())?);
        let is_own = |session: &Hosted| {
            session.state.is_live() && session.program.map(|program| program.pid) == own
        };
        self.hosts.list().sessions.into_iter().find(is_own)
    }

    /// For each row, the background session that it is. Asks no host where no row can be one.
    pub(crate) fn beside(
        context: &Context,
        rows: &[Row],
        everything: bool,
    ) -> (Vec<Option<Hosted>>, Vec<Hosted>) {
        Self::beside_telling(context, rows, everything, tell_problem)
    }

    /// The same for who has no standard error to write to.
    pub(crate) fn beside_telling(
        context: &Context,
        rows: &[Row],
        everything: bool,
        tell: impl Fn(&Problem),
    ) -> (Vec<Option<Hosted>>, Vec<Hosted>) {
        let none = || rows.iter().map(|_| None).collect();
        if !everything && !rows.iter().any(may_be_hosted) {
            return (none(), Vec::new());
        }
        // With a registry of its own, a board has no hosts.
        let (Ok(background), Ok(registry)) = (Self::open(context), context.registry()) else {
            return (none(), Vec::new());
        };
        let mut sessions = background.list_telling(tell);
        sessions.retain(|session| everything || !matches!(session.state, State::Ended(_)));
        // The number of a lost one may be a later one's.
        sessions.sort_by_key(|session| (!session.state.is_live(), Reverse(session.started_at)));
        let found = rows.iter().map(|row| take(&mut sessions, numbers(&registry, row))).collect();
        sessions.sort_by_key(|session| session.started_at);
        (found, sessions)
    }
}

/// The session among these groups whose program a row of the board is about.
fn hosted(
    context: &Context,
    text: &str,
    row: &Row,
    groups: [Vec<Hosted>; 2],
) -> Result<Hosted, Failure> {
    let numbers = numbers(&context.registry()?, row);
    take(&mut groups.into_iter().flatten().collect(), numbers).ok_or_else(|| {
        Failure::no(format!(
            "`{}` has a terminal of its own, and no host in the background; \
             `callboard run -d -- CMD` starts a session that has one",
            sanitize(text)
        ))
    })
}

/// Whether a host of ours may have the session.
pub(crate) fn may_be_hosted(row: &Row) -> bool {
    is_ours(row) && is_background(row)
}

fn is_background(row: &Row) -> bool {
    row.kind.as_ref().is_some_and(|kind| *kind != Kind::Interactive)
}

/// The numbers of which one is that of the session's program, if the row is a background session:
/// its own, or, where a wrapper has started it, that of its kernel session. A program that runs
/// inside a session and is none itself (an agent in a shell) has another kind.
fn numbers(registry: &Registry, row: &Row) -> Option<[u32; 2]> {
    // In another PID namespace, the number is somebody else's.
    if !may_be_hosted(row) || pid_here(registry, row).is_err() {
        return None;
    }
    Some([row.pid, session_leader(row.pid).unwrap_or(row.pid)])
}

/// Takes the session whose program has one of these numbers.
fn take(sessions: &mut Vec<Hosted>, numbers: Option<[u32; 2]>) -> Option<Hosted> {
    let numbers = numbers?;
    let at = sessions.iter().position(|session| {
        let may_run = !matches!(session.state, State::Ended(_));
        may_run && session.program.is_some_and(|program| numbers.contains(&program.pid))
    })?;
    Some(sessions.remove(at))
}

fn look(naming: Naming, text: &str, sessions: &[Hosted]) -> Meant {
    let shown: Vec<_> = sessions.iter().map(hosted_name).collect();
    naming.find(text, sessions.iter().zip(&shown).map(|(session, shown)| called(session, shown)))
}

fn called<'a>(session: &'a Hosted, shown: &'a str) -> Called<'a> {
    // Once it has ended, the number may be another process's. Nobody has 0.
    let pid = session.program.filter(|_| session.state.is_live()).map_or(0, |program| program.pid);
    let (name, session_id) = (session.name.as_deref(), Some(session.id.as_str()));
    Called { pid, name, session_id, shown }
}

fn ambiguous<'a>(text: &str, sessions: impl Iterator<Item = &'a Hosted>) -> Failure {
    let mut message = format!("`{}` could be any of these:\n", sanitize(text));
    for session in sessions {
        message.push_str(&format!(
            "  {}  {}  {}  {}\n",
            session.id,
            sanitize(&hosted_name(session)),
            standing(session),
            sanitize(&session.cwd.to_string_lossy())
        ));
    }
    message.push_str("give the id, which is the first word of its line");
    Failure::Told { exit: Exit::Usage, message }
}

fn tell_problem(problem: &Problem) {
    complain(sanitize(&problem.to_string()));
}

/// What a host, or its files, said no with, and what to do about it.
pub(crate) fn refused(error: &Error) -> Failure {
    let exit = match error {
        Error::NoAnswer { .. } | Error::Incompatible { .. } | Error::Protocol { .. } => {
            Exit::Unreachable
        }
        _ => Exit::No,
    };
    Failure::Told { exit, message: format!("{error}; {}", next_step(error)) }
}

fn next_step(error: &Error) -> &'static str {
    match error {
        Error::Io { .. } => "`callboard doctor` looks at the home and its file system",
        Error::Untrusted { .. } => "make it yours alone, or use another --home",
        Error::NoSession { .. } => "`callboard ps --all` lists what there is",
        Error::NotRunning { .. } => {
            "`callboard logs` shows what it said, `callboard restart` starts it again"
        }
        Error::StillRunning { .. } => "`callboard stop` ends it",
        Error::NoAnswer { .. } => {
            "it may be stopped: continue the process that `callboard show` names as its host"
        }
        Error::Refused { .. } | Error::Protocol { .. } => "`callboard show` says more of it",
        Error::Incompatible { .. } => {
            "use the version that started it, or end it by the pid that `callboard show` names"
        }
        Error::Unsupported { .. } => "`--host builtin` can be used always",
        Error::NoTerminal => "`callboard logs` needs none",
        Error::NewerFormat { .. } => "update this callboard",
        _ => "`callboard doctor` says more",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use callboard_host::HostedId;

    #[test]
    fn what_cannot_be_reached_has_its_own_code() {
        let id = || HostedId::parse("0a1b2c3d").unwrap();
        for (error, code) in [
            (Error::NoAnswer { id: id() }, Exit::Unreachable),
            (Error::Incompatible { id: id(), ours: 1, theirs: 9 }, Exit::Unreachable),
            (Error::StillRunning { id: id() }, Exit::No),
            (Error::NoTerminal, Exit::No),
        ] {
            let Failure::Told { exit, message } = refused(&error) else { panic!("{error}") };
            assert_eq!(exit, code, "{error}");
            assert!(message.contains("; ") && message.starts_with(char::is_lowercase), "{message}");
        }
    }
}
