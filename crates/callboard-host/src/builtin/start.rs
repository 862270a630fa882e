//! Executes a host, or forks one, and hears whether the session's program runs.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use callboard::Home;
use rustix::process::{WaitOptions, waitpid};

use super::request::{StartAnswer, StartRequest};
use super::{Builtin, isolation, process};
use crate::error::{Result, SpawnError};
use crate::hosted::{Hosted, Running, State};
use crate::id::HostedId;
use crate::sessions::Sessions;
use crate::spec::SpawnSpec;
use crate::store::{OsText, SessionDir, SpecFile};
use crate::system::{self, Forked, Shown};

/// Executing a program from a slow disk takes a while; a host that says nothing for so long hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a random id may turn out to be taken.
const ATTEMPTS: usize = 4;

/// What a host keeps of its starter's environment: where libraries are, and what `systemd-run`
/// needs. The session's own travels apart.
pub(super) const KEPT: [&str; 4] =
    ["PATH", "LD_LIBRARY_PATH", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

pub(super) fn start(builtin: &Builtin, spec: &SpawnSpec) -> Result<Hosted, SpawnError> {
    begin(&builtin.sessions, spec, |request| ask(builtin, spec, request))
}

/// Starts a session; `ask` starts a host for it, tells that, and hears how it went.
pub(crate) fn begin(
    sessions: &Sessions,
    spec: &SpawnSpec,
    ask: impl Fn(StartRequest) -> Result<StartAnswer, SpawnError>,
) -> Result<Hosted, SpawnError> {
    let home = sessions.home();
    let file = SpecFile::of(spec, sessions.kind(), &home.sessions())?;
    let environment = environment(home, spec, &file);
    for _ in 0..ATTEMPTS {
        let id = spec.id.clone().unwrap_or_else(HostedId::random);
        let request = StartRequest {
            home: OsText::from(home.path()),
            id: id.to_string(),
            replace: spec.replace,
            spec: file.clone(),
            env: environment.clone(),
        };
        match ask(request)? {
            StartAnswer::Started { run, warning } => {
                let running = Running { size: file.size, ..Running::default() };
                // What is in its files; it may have ended, and been removed, by now.
                let session = SessionDir::new(id.clone(), sessions.store().dir().join(&id));
                let hosted = session.hosted_as(file, Some(run), State::Running(running));
                return Ok(Hosted { warning, ..hosted });
            }
            StartAnswer::Taken if spec.id.is_none() => {}
            StartAnswer::Taken => return Err(SpawnError::Taken { id }),
            StartAnswer::Directory { errno } => {
                let source = io::Error::from_raw_os_error(errno);
                return Err(SpawnError::Directory { path: file.cwd.to_path(), source });
            }
            StartAnswer::Exec { errno } => return Err(not_executed(spec, errno)),
            StartAnswer::Failed { message } => return Err(SpawnError::Failed(message)),
        }
    }
    Err(SpawnError::Failed("no id is free".into()))
}

/// What the session's program starts with.
fn environment(home: &Home, spec: &SpawnSpec, file: &SpecFile) -> Vec<(OsText, OsText)> {
    let mut env = spec.env.clone().in_directory(&file.cwd.to_path());
    // What the program finds by itself has to be the home that it was started below.
    let found = Home::from_lookup(|name| env.get(name).map(ToOwned::to_owned));
    if !found.is_ok_and(|found| found == *home) {
        env = env.with("CALLBOARD_HOME", home.path());
    }
    env.iter().map(|(name, value)| (OsText::from(name), OsText::from(value))).collect()
}

fn not_executed(spec: &SpawnSpec, errno: i32) -> SpawnError {
    let program = spec.argv.first().cloned().unwrap_or_default();
    let source = io::Error::from_raw_os_error(errno);
    match source.kind() {
        io::ErrorKind::NotFound => SpawnError::NotFound { program },
        _ => SpawnError::NotExecutable { program, source },
    }
}

/// Starts a host, tells it, and hears how it went.
fn ask(
    builtin: &Builtin,
    spec: &SpawnSpec,
    request: StartRequest,
) -> Result<StartAnswer, SpawnError> {
    let wrapper = isolation::wrapper(request.spec.host, spec, &request.id)?;
    let (ours, theirs) = UnixStream::pair().map_err(failed("make a pair of sockets"))?;
    let this = || Shown::look().filter(process::may_be_forked);
    if wrapper.is_empty()
        && builtin.forks
        && let Some(this) = this()
    {
        return ask_forked(request, &this, &ours, theirs);
    }
    let mut command = command(builtin, &wrapper)?;
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(failed("execute the host's program"))?;
    // The command keeps a copy of their end, which would keep the conversation open.
    drop(command);
    let answer = converse(&ours, &request);
    // The first process ends as soon as the host stands on its own feet; also when it was killed.
    _ = child.wait();
    answer
}

/// The same with a host that is not executed: it is a copy of this process, which has one thread,
/// and has what to start in its memory.
fn ask_forked(
    request: StartRequest,
    this: &Shown,
    ours: &UnixStream,
    theirs: UnixStream,
) -> Result<StartAnswer, SpawnError> {
    match system::fork().map_err(failed("fork"))? {
        Forked::Child => process::main_of(request, theirs, this),
        Forked::Parent(host) => {
            drop(theirs);
            let answer = hear(ours);
            match &answer {
                // Until this process ends, and it is the system's child then.
                Ok(StartAnswer::Started { .. }) => {}
                // It ends by itself.
                Ok(_) => _ = waitpid(Some(host), WaitOptions::empty()),
                // It may hang.
                Err(_) => _ = waitpid(Some(host), WaitOptions::NOHANG),
            }
            answer
        }
    }
}

fn failed(doing: &'static str) -> impl Fn(io::Error) -> SpawnError {
    move |source| SpawnError::Host { doing, source }
}

/// Tells a host what to start, and hears how it went.
pub(crate) fn converse(
    mut host: &UnixStream,
    request: &StartRequest,
) -> Result<StartAnswer, SpawnError> {
    // A host that has ended already hears nothing; its silence tells.
    let text = serde_json::to_vec(request).unwrap_or_default();
    _ = host.write_all(&text);
    _ = host.shutdown(Shutdown::Write);
    hear(host)
}

/// Hears from a host how it went.
fn hear(mut host: &UnixStream) -> Result<StartAnswer, SpawnError> {
    host.set_read_timeout(Some(PATIENCE)).map_err(failed("wait for the host"))?;
    let mut answer = Vec::new();
    host.read_to_end(&mut answer).map_err(failed("hear from the host"))?;
    serde_json::from_slice(&answer).map_err(|_| {
        let ended = io::Error::new(io::ErrorKind::UnexpectedEof, "it ended without a word");
        SpawnError::Host { doing: "hear from the host", source: ended }
    })
}

/// The command that executes a host, inside of a scope where that is asked for.
fn command(builtin: &Builtin, wrapper: &[OsString]) -> Result<Command, SpawnError> {
    let mut program = builtin.program.clone();
    let mut command = match wrapper.split_first() {
        None => Command::new(&program),
        Some((first, rest)) => {
            // To `systemd-run` it would mean that.
            if program == Path::new("/proc/self/exe") {
                let own = std::env::current_exe();
                program = own.map_err(|source| SpawnError::Host { doing: "find", source })?;
            }
            let mut command = Command::new(first);
            command.args(rest).arg(&program);
            command
        }
    };
    command.args(&builtin.arguments).current_dir("/").env_clear();
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    Ok(command)
}
