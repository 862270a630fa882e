//! The three answers, and what they rest on.

use std::fmt;

/// Whether the incarnation that a record names is running.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verdict {
    /// It runs.
    Alive,
    /// Nothing here can tell. Listed and marked; never hidden, never swept.
    Unknown,
    /// Proven to be gone: the only verdict that lets a record be removed.
    Dead,
}

impl Verdict {
    /// The word in `--json` and on the board.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Unknown => "unknown",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

macro_rules! evidence {
    ($($(#[$meta:meta])* $variant:ident $verdict:ident $code:literal $text:literal,)+) => {
        /// What a verdict rests on. Each piece of evidence leads to one verdict.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Evidence { $($(#[$meta])* $variant,)+ }

        impl Evidence {
            /// Every kind of evidence.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The verdict that it leads to.
            #[must_use]
            pub const fn verdict(self) -> Verdict {
                match self { $(Self::$variant => Verdict::$verdict,)+ }
            }

            /// The word in `--json`, stable.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The same for people.
            #[must_use]
            pub const fn explain(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }
    };
}

evidence! {
    /// The pidfd of the pid has the recorded inode number, and the process has not exited.
    Pidfd Alive "pidfd" "the process has the recorded pidfd identity",
    /// The process with this pid has the recorded start time, and is not a zombie.
    StartTime Alive "start-time" "the process has the recorded start time",
    /// The record names no start time; a process with this pid runs, and it is not younger than
    /// the record.
    OlderThanRecord Alive "pid" "the pid runs and is not younger than the record, which names no start time",
    /// Another PID namespace on this kernel; the session holds its lock.
    LockHeld Alive "lock-held" "elsewhere on this kernel; the session holds its lock",
    /// Another PID namespace on this kernel, which can be looked into from here.
    SeenInside Alive "seen-inside" "another pid namespace, seen from this one",

    /// No record names the process: it was found running, so nothing was to be checked. Never the
    /// judgement of a record.
    Running Alive "running" "no record; the process was found running",

    /// It has exited, and its parent has not collected it yet.
    Exited Dead "exited" "the process has exited (a zombie)",
    /// No process has this pid.
    NoProcess Dead "no-process" "no process has this pid",
    /// Another process has this pid now.
    PidReused Dead "pid-reused" "another process has this pid now",
    /// Another PID namespace on this kernel; the lock that the session held is free.
    LockFree Dead "lock-free" "another pid namespace; the session's lock is free",
    /// Another PID namespace; seen from the initial one, no process has this identity.
    NotInside Dead "not-inside" "another pid namespace; no process on this kernel has this identity",
    /// Written before this boot of this machine.
    Rebooted Dead "rebooted" "this machine has booted since",

    /// Another PID namespace, and neither lock nor sight of it.
    OtherNamespace Unknown "other-namespace" "another pid namespace",
    /// Another boot, and no proof that it was one of this machine that is over.
    OtherBoot Unknown "other-boot" "another boot, or another machine",
    /// Another machine, or a container that looks like one.
    OtherHost Unknown "other-host" "another machine or container",
    /// Another operating system under the same home.
    OtherSystem Unknown "other-system" "another operating system",
    /// The record does not say where it was written, and no process here fits it.
    OriginUnstated Unknown "origin-unstated" "the record does not say where its pid means something, and no process here fits it",
    /// A process with this pid runs, but its identity cannot be looked at from here.
    Hidden Unknown "hidden" "the process cannot be looked at from here",
    /// The system gives no answer at all (no /proc, out of file descriptors).
    CannotLook Unknown "cannot-look" "the system would not say",
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A verdict with its evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The answer.
    pub verdict: Verdict,
    /// What it rests on.
    pub evidence: Evidence,
}

impl From<Evidence> for Judgement {
    fn from(evidence: Evidence) -> Self {
        Self { verdict: evidence.verdict(), evidence }
    }
}
