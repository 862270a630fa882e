//! What can happen to a registry.

use std::fmt;

/// Where a process runs, and with that which pids it has in common with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the PID namespace of the test.
    Host,
    /// In one PID namespace for all of a case, where pids are given out again on purpose.
    Pod,
    /// In a PID namespace that ends with it, under a pid that somebody in the pod has too.
    Apart,
}

/// Which process can be in which place, and under which pid if that is fixed.
pub(crate) const SLOTS: [(Place, Option<u32>); 5] = [
    (Place::Host, None),
    (Place::Host, None),
    (Place::Pod, Some(100)),
    (Place::Pod, Some(200)),
    (Place::Apart, Some(100)),
];

pub(crate) fn place(slot: usize) -> Place {
    SLOTS[slot].0
}

/// What a session says itself, through its registration.
#[derive(Clone, Debug)]
pub(crate) enum Word {
    Rename(&'static str),
    Switch(SessionId),
    Status(&'static str, Option<&'static str>),
    ClearStatus,
    Extra(u64),
    Reassert,
}

/// Never the same twice in a case.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionId(pub(crate) u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s{}", self.0)
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Killed,
    /// Killed and not yet collected by its parent.
    Zombie,
    /// `exit`, which runs no destructors.
    Exits,
    /// Returns from `main`, and drops its registration if it has one.
    Returns,
}

/// What a program does that knows nothing of locks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Foreign {
    AddsInPlace(u64),
    AddsByRename(u64),
    Deletes,
    WritesGarbage,
    Empties,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    Start {
        slot: usize,
    },
    Register {
        slot: usize,
        id: SessionId,
        name: Option<&'static str>,
    },
    /// Without an id it is a hook that signs in who is on record already.
    RegisterOnBehalf {
        slot: usize,
        id: Option<SessionId>,
    },
    Say {
        slot: usize,
        word: Word,
    },
    SayOnBehalf {
        slot: usize,
        by: usize,
        value: u64,
    },
    /// Everybody who can writes the record, at the same time, while others sweep and read.
    Together {
        slot: usize,
    },
    SignOut {
        slot: usize,
    },
    SignOutOnBehalf {
        slot: usize,
    },
    End {
        slot: usize,
        how: End,
    },
    /// Killed between two system calls of an update, wherever that happens to be.
    KillAtWork {
        slot: usize,
    },
    Sweep {
        from: Place,
    },
    /// What the pod sees.
    ReadFromPod,
    Foreign {
        slot: usize,
        what: Foreign,
    },
    /// The home is deleted under everybody.
    HomeVanishes,
}
