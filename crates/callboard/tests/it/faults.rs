//! Every system call of every operation fails once, with every error that a full, broken or
//! read-only disk, a full table of descriptors, a signal or a stranger's filter can give.
//!
//! The operation runs in a forked child, which is the host program: it must neither panic nor
//! hang nor lose a descriptor, and its next operation succeeds. While it stands at the end of the
//! operation the test looks at the board as anybody would; after its end everything that it left
//! can be swept. `testkit::Faulty` says how a call is made to fail, and why so.
//!
//! What may be left after which fault, and nothing else (see `Scene::may_be_left`):
//!
//! | failed | left | until |
//! |---|---|---|
//! | `unlinkat` of a temporary file | it | a sweep after an hour |
//! | `unlinkat` of a record moved aside | it and its lock file | a sweep after ten seconds, an hour |
//! | any call on a lock file that is to be taken or removed | it | the next sign-in of that pid, a sweep after an hour |
//!
//! An interrupted call (EINTR) leaves nothing and is not seen by anybody: it was made again.

mod behalf;
mod owner;
mod reader;
mod scene;
mod sweeper;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};

use callboard::{Error, Patch, Registration, Registry, SessionRecord, SignIn, Status};
use rustix::io::Errno;
use testkit::{Counts, Fault, Faulty, window};

use self::scene::{Cast, Scene};

const ERRORS: [Errno; 7] =
    [Errno::NOSPC, Errno::IO, Errno::ROFS, Errno::MFILE, Errno::INTR, Errno::NOENT, Errno::PERM];

/// What became of an operation.
type Outcome = Result<(), Error>;

/// How it ended, and the error that was injected.
#[derive(Clone, Copy)]
struct Ending {
    is_done: bool,
    errno: Errno,
}

const DONE: Ending = Ending { is_done: true, errno: Errno::INTR };

impl Ending {
    /// Where something should be removed. "No such file" from the call that removes it says that
    /// somebody else was first, which is as good; here it is a lie, and the file stays.
    fn assert_gone(self, stands: bool) {
        assert!(
            stands != self.is_done || (self.is_done && self.errno == Errno::NOENT),
            "out, or not"
        );
    }
}

/// One operation, and what has to be true after it.
struct Operation<'a, S> {
    name: &'a str,
    /// What stands there before.
    stage: &'a dyn Fn(&Scene),
    /// In the child, before calls fail.
    before: &'a dyn Fn(&Scene) -> S,
    /// In the child: calls fail.
    act: &'a dyn Fn(&Scene, &mut S) -> Outcome,
    /// Whether it only looks: then it has nobody to wait for, and need not be watched.
    is_reader: bool,
    /// How many descriptors it keeps on purpose.
    keeps: usize,
    /// In the child, after it: was it done, or not at all? Does the next one succeed?
    after: &'a dyn Fn(&Scene, S, Ending),
}

/// The injections of one operation, and what was wrong after which.
#[derive(Default)]
struct Findings {
    injected: usize,
    /// By operation and call: which errors, and what was wrong after the first of them.
    wrong: BTreeMap<String, (Vec<String>, String)>,
}

impl Findings {
    /// Fails every call of the operation in turn with each of the errors.
    fn hunt<S>(&mut self, cast: &Cast, operation: &Operation<'_, S>) {
        self.hunt_with(cast, operation, &ERRORS, None, &|| Box::new(|_, _| true));
    }

    /// The same where a call is never to be had, on a file system without it.
    fn hunt_with<S>(
        &mut self,
        cast: &Cast,
        operation: &Operation<'_, S>,
        errors: &[Errno],
        never: Option<Errno>,
        counts: &dyn Fn() -> Box<Counts<'static>>,
    ) {
        for errno in errors {
            let mut nth = 0;
            loop {
                let mut struck = None;
                let trial = || strike(cast, operation, nth, *errno, never, counts(), &mut struck);
                if let Err(panic) = catch_unwind(AssertUnwindSafe(trial)) {
                    let what = panic.downcast_ref::<String>().cloned();
                    let what = what.or(panic.downcast_ref::<&str>().map(|s| (*s).to_owned()));
                    let without =
                        never.map(|errno| format!(" without renameat2 ({})", name(errno)));
                    let (call, subject) = struck.clone().unwrap_or_default();
                    let place =
                        format!("{}{}, {nth}: {call}", operation.name, without.unwrap_or_default());
                    let what = what.unwrap_or_default().replace('\n', " ");
                    let wrong =
                        self.wrong.entry(place).or_insert((vec![], format!("{subject}: {what}")));
                    wrong.0.push(name(*errno));
                }
                if struck.is_none() {
                    break;
                }
                self.injected += 1;
                nth += 1;
            }
            assert!(nth > 3, "{}: only {nth} calls", operation.name);
        }
    }

    /// Says how many there were, and fails with all that was wrong.
    fn judge(self, name: &str) {
        eprintln!("{name}: {} faults", self.injected);
        let mut wrong = String::new();
        for (place, (errors, what)) in &self.wrong {
            _ = writeln!(wrong, "{place} with {}: {what}", errors.join(" "));
        }
        assert!(wrong.is_empty(), "{} of {} are wrong:\n{wrong}", self.wrong.len(), self.injected);
    }
}

/// `ENOSPC` for [`Errno::NOSPC`], by the names of those that are injected here.
fn name(errno: Errno) -> String {
    let known = [
        (Errno::NOSPC, "ENOSPC"),
        (Errno::IO, "EIO"),
        (Errno::ROFS, "EROFS"),
        (Errno::MFILE, "EMFILE"),
        (Errno::INTR, "EINTR"),
        (Errno::NOENT, "ENOENT"),
        (Errno::PERM, "EPERM"),
        (Errno::INVAL, "EINVAL"),
        (Errno::NOSYS, "ENOSYS"),
        (Errno::XDEV, "EXDEV"),
    ];
    let known = known.iter().find(|(known, _)| *known == errno);
    known.map_or_else(|| format!("{errno:?}"), |(_, name)| (*name).to_owned())
}

fn strike<S>(
    cast: &Cast,
    operation: &Operation<'_, S>,
    nth: usize,
    errno: Errno,
    never: Option<Errno>,
    mut counts: Box<Counts<'static>>,
    struck: &mut Option<(String, String)>,
) {
    let scene = Scene::new(cast);
    (operation.stage)(&scene);
    let fault = Fault {
        once: Some((nth, errno.raw_os_error())),
        and_then_unwatched: operation.is_reader,
        always: never.map(|errno| ("renameat2", errno.raw_os_error())),
    };
    let child = Faulty::start(fault, &mut counts, || {
        let open = descriptors();
        let mut state = (operation.before)(&scene);
        let outcome = window(|| (operation.act)(&scene, &mut state));
        if let Err(error) = &outcome {
            assert!(errno != Errno::INTR, "an interrupted call is seen: {error}");
            assert!(!error.to_string().is_empty());
        }
        (operation.after)(&scene, state, Ending { is_done: outcome.is_ok(), errno });
        assert!(descriptors() <= open + operation.keeps, "descriptors of the host program");
    });
    *struck = child.struck.clone().map(|struck| (struck.name.to_owned(), struck.subject));
    assert_eq!(child.naps, 0, "nobody else is there to wait for");
    scene.look_around(child.pid(), child.struck.as_ref().map(|struck| (struck, errno)));
    child.finish();
    scene.sweep_all();
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn me() -> u32 {
    std::process::id()
}

fn sign_in() -> SignIn {
    SignIn::new().name("child")
}

fn fresh(scene: &Scene) -> (Registry, Option<Registration>) {
    (Registry::at(scene.home.sessions()), None)
}

/// What an update says.
fn news() -> Patch {
    Patch::new().name("news").status(Status::Busy, None)
}

/// The old record or the new one, whole; then the next update.
fn assert_old_or_new(record: Option<SessionRecord>, old: &str, ending: Ending) {
    let record = record.expect("the old one or the new one");
    let said = (record.name().map(|n| n.into_owned()), record.status());
    let right = if ending.is_done { (Some("news"), Some(Status::Busy)) } else { (Some(old), None) };
    assert_eq!((said.0.as_deref(), said.1), right, "done: {}", ending.is_done);
}
