//! By what a process is known to be an agent's, and what it is to the agent. Pure.

use super::head::is_uuid;
use crate::processes::Process;
use crate::row::Role;

/// How many bytes of a program's name the kernel keeps.
const COMM: usize = 15;

/// What tells the processes of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Signs {
    /// The agent's name.
    pub agent: &'static str,
    /// File names of its program.
    pub names: &'static [&'static str],
    /// Packages of npm whose entry point is its program.
    pub packages: &'static [&'static str],
    /// Directories that its program is in, for one whose file is called like its version.
    pub dirs: &'static [&'static str],
    /// Whether only a script counts, since a program of another kind has the same name.
    pub only_scripts: bool,
    /// Subcommands that hold a conversation, where all others do not; empty: all but `others` do.
    pub only: &'static [&'static str],
    /// Subcommands that hold no conversation.
    pub others: &'static [&'static str],
    /// Options that make it something else than a session.
    pub other_options: &'static [&'static str],
    /// Options of a process that was started ahead of need.
    pub spare_options: &'static [&'static str],
    /// Options whose value is the id of the session that it goes on with, a UUID.
    pub session_options: &'static [&'static str],
}

impl Signs {
    /// Nothing, to be filled in.
    pub const NONE: Self = Self {
        agent: "",
        names: &[],
        packages: &[],
        dirs: &[],
        only_scripts: false,
        only: &[],
        others: &[],
        other_options: &[],
        spare_options: &[],
        session_options: &[],
    };

    /// Whether a process of this name, as the kernel keeps it, may be the agent's. One that an
    /// interpreter runs is found by the interpreter's name.
    #[must_use]
    pub fn may_be(&self, comm: &str) -> bool {
        self.names.iter().any(|name| name.get(..COMM).unwrap_or(name) == comm)
    }

    /// What the process is to the agent; `None` if it is not the agent's.
    #[must_use]
    pub fn role(&self, process: &Process) -> Option<Role> {
        let program = process.program();
        let is_in = |path: &str| self.dirs.iter().any(|dir| path.contains(dir));
        let is_own = program.is(self.names, self.packages)
            || is_in(program.path)
            || process.exe.as_deref().is_some_and(is_in);
        if !is_own || (self.only_scripts && !program.is_script) {
            return None;
        }
        let is_named =
            |list: &[&str]| program.subcommand().is_some_and(|word| list.contains(&word));
        let is_other = is_named(self.others)
            || (!self.only.is_empty() && program.subcommand().is_some() && !is_named(self.only));
        Some(if program.has(self.spare_options) {
            Role::Spare
        } else if is_other || program.is_question() || program.has(self.other_options) {
            Role::Infrastructure
        } else {
            Role::Session
        })
    }

    /// The session that its command line names.
    #[must_use]
    pub fn named(&self, process: &Process) -> Option<Box<str>> {
        let id = process.program().value(self.session_options)?;
        is_uuid(id).then(|| id.into())
    }
}
