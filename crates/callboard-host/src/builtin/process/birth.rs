//! From the first instruction of a host to a program that runs, or to an answer why not.
//!
//! The steps, and what is left when the host is killed between any two, are in
//! `docs/design/hosting.md`.

use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use callboard::Home;
use callboard::inside::socket::with_address;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

use super::board::Board;
use super::program::{Prepared, Program, Terminal};
use super::serve::{Host, Signals};
use super::{Options, remove_link};
use crate::builtin::HOST_ARGUMENT;
use crate::builtin::request::{StartAnswer, StartRequest};
use crate::builtin::start::KEPT;
use crate::error::SpawnError;
use crate::store::{Claimed, Draft, INSIDE, RunFile, Store};
use crate::system::{self, Forked, Shown};
use crate::wire;

/// The host, once its program runs. `None`: nothing was started, and who asked for it knows why;
/// or this is the process that only made another one.
pub(super) fn birth(options: &Options) -> Option<Host> {
    system::close_inherited();
    system::default_signals();
    let starter = take_standard_input()?;
    stand_alone()?;
    hear_and_bear(options, starter, None)
}

/// The same in a process that was forked off its starter, whose memory has what to start. What is
/// left of the starter in it is given up first: whatever it had open, its signals, its directory,
/// its words and its environment.
pub(super) fn birth_of(request: StartRequest, starter: UnixStream, shown: &Shown) -> Option<Host> {
    // Where it is in a process that is executed; what it was is closed with everything else.
    rustix::stdio::dup2_stdin(&starter).ok()?;
    std::mem::forget(starter);
    system::close_inherited();
    system::default_signals();
    system::open_signals();
    let starter = take_standard_input()?;
    let nothing = std::io::stdin();
    rustix::stdio::dup2_stdout(&nothing)
        .and_then(|()| rustix::stdio::dup2_stderr(&nothing))
        .ok()?;
    _ = std::env::set_current_dir("/");
    // Its own way to tell of a panic is the starter's.
    drop(std::panic::take_hook());
    // Of its own session, so that no terminal of the starter's is its terminal; the one that it
    // opens is opened so that it does not become that. The starter ends before long, and this is
    // nobody's child then.
    _ = rustix::process::setsid();
    system::keep_of_environment(&KEPT);
    shown.become_shown_as(&["callboard", HOST_ARGUMENT, &request.id]);
    bear_and_answer(&Options::default(), starter, request, None)
}

/// Goes on in a process that is nobody's child; the one that it was ends.
fn stand_alone() -> Option<()> {
    // Of its own session, so that no terminal of the starter's is its terminal, and not the first
    // process of it, so that no terminal it opens ever becomes that.
    _ = rustix::process::setsid();
    match system::fork() {
        Ok(Forked::Child) => {}
        // The starter waits for this one and for nobody's child.
        Ok(Forked::Parent(_)) => system::end_now(0),
        Err(_) => return None,
    }
    Some(())
}

/// Hears what to start, starts it, on the given terminal or on one of its own, and answers.
pub(super) fn hear_and_bear(
    options: &Options,
    mut starter: UnixStream,
    terminal: Option<Terminal>,
) -> Option<Host> {
    let mut text = Vec::new();
    starter.read_to_end(&mut text).ok()?;
    // A starter that was killed has said half of it, or nothing.
    let request: StartRequest = serde_json::from_slice(&text).ok()?;
    drop(text);
    bear_and_answer(options, starter, request, terminal)
}

fn bear_and_answer(
    options: &Options,
    mut starter: UnixStream,
    request: StartRequest,
    terminal: Option<Terminal>,
) -> Option<Host> {
    let store = Store::at(&Home::at(request.home.to_path()));
    let born = bear(options, &store, request, terminal);
    let answer = match &born {
        Ok((host, warning)) => {
            StartAnswer::Started { run: host.run.clone(), warning: warning.clone() }
        }
        Err(failure) => StartAnswer::from(failure),
    };
    // The starter may be gone by now. What it has started runs.
    _ = starter.write_all(&serde_json::to_vec(&answer).unwrap_or_default());
    drop(starter);
    // Who has waited for the answer may be waiting for this processor now, and nobody for the rest.
    std::thread::yield_now();
    store.remove_litter();
    born.ok().map(|(host, _)| host)
}

/// The socket that is standard input, which is nothing after that.
fn take_standard_input() -> Option<UnixStream> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    let nothing = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null").ok()?;
    rustix::stdio::dup2_stdin(&nothing).ok()?;
    Some(UnixStream::from(socket))
}

/// Why a session was not started.
#[derive(Debug)]
pub(super) enum Stillborn {
    Files(SpawnError),
    Directory(i32),
    Exec(i32),
    System(&'static str, std::io::Error),
}

impl From<SpawnError> for Stillborn {
    fn from(error: SpawnError) -> Self {
        Self::Files(error)
    }
}

impl From<&Stillborn> for StartAnswer {
    fn from(failure: &Stillborn) -> Self {
        match failure {
            Stillborn::Files(SpawnError::Taken { .. }) => Self::Taken,
            Stillborn::Files(error) => Self::Failed { message: error.to_string() },
            Stillborn::Directory(errno) => Self::Directory { errno: *errno },
            Stillborn::Exec(errno) => Self::Exec { errno: *errno },
            Stillborn::System(doing, error) => {
                Self::Failed { message: format!("cannot {doing}: {error}") }
            }
        }
    }
}

/// Everything that a session is, in the order in which it may be interrupted.
fn bear(
    options: &Options,
    store: &Store,
    request: StartRequest,
    terminal: Option<Terminal>,
) -> Result<(Host, Option<String>), Stillborn> {
    let id = request.id().ok_or_else(|| SpawnError::Spec("its id is none".into()))?;
    // What the program leaves behind without a parent is this process's child then.
    _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    // First, so that it is at its last step when its word comes.
    let prepared = Prepared::fork(&request.spec, request.env, terminal)?;
    let draft = store.draft(id, &request.spec).map_err(SpawnError::from)?;
    let listener = listen_in(&draft)?;
    let signals = signals().map_err(|error| Stillborn::System("take signals", error))?;
    let mut claimed = draft.claim(request.replace)?;
    let mut board = Board::new(&request.spec, claimed.session());
    let own = system::process_id(rustix::process::getpid());
    let run = RunFile::new(system::process_id(prepared.pid()), Some(own), &board.here());
    let mut warning = None;
    let started = write_down(store, &claimed, &run, &prepared).and_then(|()| {
        // Before the program can say what it does: its first word would be nobody's.
        warning = board.sign_in(run.program.pid);
        prepared.execute()
    });
    let program = match started {
        Ok(program) => program,
        Err(failure) => {
            board.sign_out();
            remove_link(store.dir(), &run, claimed.session().id());
            claimed.discard();
            return Err(failure);
        }
    };
    claimed.settle();
    let host =
        settle_in(options, claimed, run, program, request.spec, store, listener, signals, board);
    Ok((host, warning))
}

/// Writes down who the program's process is, before it executes anything.
fn write_down(
    store: &Store,
    claimed: &Claimed,
    run: &RunFile,
    prepared: &Prepared,
) -> Result<(), Stillborn> {
    let session = claimed.session();
    session.write_run(run).map_err(SpawnError::from)?;
    if let Some(pane) = prepared.pane() {
        pane.write_down(session).map_err(SpawnError::from)?;
    }
    // Before the program can ask for it. Without it, the program thinks that it is nowhere.
    _ = link(store.dir(), run, claimed);
    Ok(())
}

/// The program runs: everything from here on may fail, and it runs all the same.
#[expect(clippy::too_many_arguments, reason = "the parts of a host, put together once")]
fn settle_in(
    options: &Options,
    claimed: Claimed,
    run: RunFile,
    program: Program,
    spec: crate::store::SpecFile,
    store: &Store,
    listener: UnixListener,
    signals: Signals,
    board: Board,
) -> Host {
    _ = rustix::thread::set_name(c"callboard-host");
    // Nobody is kept from unmounting what a starter stood in.
    _ = std::env::set_current_dir("/");
    Host::new(options, claimed, run, program, spec, store, listener, signals, board)
}

/// A socket in the directory that is being made. Who knows the directory's later name finds it
/// there.
fn listen_in(draft: &Draft) -> Result<UnixListener, Stillborn> {
    with_address(draft.path(), wire::listen)
        .map_err(|error| Stillborn::System("listen on a socket", error))
}

/// The signals that a host hears.
const OF_CHILDREN: [i32; 1] = [SIGCHLD];
const TO_END: [i32; 3] = [SIGTERM, SIGINT, SIGHUP];

/// Whether a fork of this process could hear its signals. Where a handler of the process's own is
/// known to have been installed, a later one is called by it, and by the kernel no more once that
/// was given its default action.
pub(crate) fn may_be_forked(starter: &Shown) -> bool {
    starter.is_one_thread() && !starter.handles(&OF_CHILDREN) && !starter.handles(&TO_END)
}

fn signals() -> std::io::Result<Signals> {
    let (children, _) = system::heard_on_a_stream(&OF_CHILDREN)?;
    let (end, _) = system::heard_on_a_stream(&TO_END)?;
    Ok(Signals { children, end })
}

/// Makes the link by which programs of the session find this host. One of that name is of a
/// session that is over: the number of a kernel session is not used twice at a time.
fn link(store: &Path, run: &RunFile, claimed: &Claimed) -> std::io::Result<()> {
    let links: PathBuf = store.join(INSIDE);
    match std::fs::DirBuilder::new().create(&links) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let name = callboard::inside::link_name(run.pid_ns, run.program.pid);
    let hidden = links.join(format!(".{name}.{:08x}", crate::random::word()));
    std::os::unix::fs::symlink(Path::new("..").join(claimed.session().id()), &hidden)?;
    std::fs::rename(&hidden, links.join(name))
}

/// Something of a host that has to be closed in the process that becomes the program.
pub(super) type Ends = (OwnedFd, OwnedFd);
