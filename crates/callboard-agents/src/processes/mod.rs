//! The processes of this user that may be an agent's.
//!
//! One pass over `/proc` reads the name of every process (`comm`: fifteen bytes that the kernel
//! keeps, so that no process, however stuck, can make the reader wait), and the rest only of those
//! whose name is an agent's or that of an interpreter: the command line, the parent, the start.
//! What is read later of one of them (its directory, its open files) is read through a handle on
//! its directory in `/proc` whose start was compared first: a process that has the pid by then
//! is another one, and is not taken for it.
//!
//! Command lines and environments hold prompts and keys. They are looked at here and by the
//! adapters, and none of them goes into a [`Row`](crate::Row), an error or a log.
//!
//! Only this user's processes are looked at: the board is one person's. Root sees root's.
//! A process of a nested PID namespace (a container's) is one that runs here, and is known by its
//! pid here. Where `/proc` is that of another PID namespace its numbers mean nothing here, and
//! nothing is looked at. Systems without `/proc` have an empty list behind the same seam.

mod program;
mod twins;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
use linux as system;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
#[cfg(not(target_os = "linux"))]
use elsewhere as system;

mod ancestry;

use std::fmt;

pub use ancestry::session_process;
pub use program::Program;
pub(crate) use program::is_interpreter_comm;
pub(crate) use system::{Flocks, Look, Proc};
pub(crate) use twins::worker_of;

/// How exactly the start of a process is known, in ms: Linux counts in hundredths of a second, for
/// every program (`USER_HZ`).
pub(crate) const TICK_MS: u64 = 10;

/// A process, as far as it tells which program it runs.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Process {
    /// Its number in this PID namespace.
    pub pid: u32,
    /// The process that started it, or the one that adopted it.
    pub parent: u32,
    /// The name that the kernel has for it: at most fifteen bytes, and its own to change.
    pub comm: Box<str>,
    /// Its command line, without empty words at the end. It may hold a prompt or a key.
    pub argv: Vec<Box<str>>,
    /// The file that it runs, where neither name nor command line can tell (a program whose file
    /// is called like its version).
    pub exe: Option<Box<str>>,
    /// When it started, in clock ticks since boot: with the pid, which run of it this is.
    pub start_ticks: u64,
    /// It has executed nothing since it was forked off, as far as the system says that.
    pub(crate) is_fork: bool,
}

impl Process {
    /// One that was seen somewhere. For what decides, and its tests.
    #[must_use]
    pub fn new(pid: u32, parent: u32, comm: &str, argv: &[&str]) -> Self {
        let argv = argv.iter().map(|word| Box::from(*word)).collect();
        Self { pid, parent, comm: comm.into(), argv, exe: None, start_ticks: 0, is_fork: false }
    }

    /// The program that it runs.
    #[must_use]
    pub fn program(&self) -> Program<'_> {
        Program::of(self)
    }
}

/// Without the command line: what is printed may be kept, and prompts are nobody's business.
impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process")
            .field("pid", &self.pid)
            .field("parent", &self.parent)
            .field("comm", &self.comm)
            .finish_non_exhaustive()
    }
}
