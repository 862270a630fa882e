//! What a supervisor is asked over its socket, and what it answers: one JSON object each way, in
//! the frames of the hosts. JSON only grows, as theirs does.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use callboard::Home;
use callboard::inside::socket::connect;
use serde::{Deserialize, Serialize};

use super::instance::directory;
use crate::error::{Error, Result};
use crate::system;
use crate::wire::{self, Frame};

/// How long a supervisor may take to answer: it waits for nobody, but the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many are heard at a time; the oldest gives way.
const MOST_ASKERS: usize = 16;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Request {
    /// How it is.
    Status,
    /// To end.
    Stop,
    /// What only a newer one understands.
    #[serde(other)]
    Unknown,
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub(super) enum Reply {
    /// How it is.
    Status(Report),
    /// It ends.
    Stopping,
    /// It will not.
    Error {
        /// Why.
        reason: String,
    },
    /// What only a newer one says.
    #[serde(other)]
    Unknown,
}

/// How a supervisor is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Report {
    /// Its pid, in its PID namespace.
    pub pid: u32,
    /// The version of its program.
    pub version: String,
    /// When it was started, in ms since the epoch.
    pub since: u64,
    /// How many sessions it supervises that run.
    pub running: usize,
    /// How many wait for their next start.
    pub due: usize,
    /// How many are not started again for a reason.
    pub failed: usize,
    /// How often it has started a session again.
    pub restarts: u64,
    /// For how long it keeps what has ended, in ms; `None`: until somebody removes it.
    pub keep_ended_ms: Option<u64>,
}

/// How the supervisor of a home is; `None` if there is none.
///
/// # Errors
///
/// One that runs and does not answer, or what the system said.
pub fn status(home: &Home) -> Result<Option<Report>> {
    match ask(home, Request::Status)? {
        Some(Reply::Status(report)) => Ok(Some(report)),
        Some(other) => Err(misunderstood(home, other)),
        None => Ok(None),
    }
}

/// Whether a home has a supervisor: somebody listens. It is not asked anything.
#[must_use]
pub fn is_running(home: &Home) -> bool {
    match connect(&directory(home)) {
        // So many wait for one that is stopped that no more can.
        Err(error) => error.kind() == ErrorKind::WouldBlock,
        Ok(_) => true,
    }
}

/// Asks the supervisor of a home to end, which it does without ending a session; its pid, and
/// `None` if there is none.
///
/// # Errors
///
/// As [`status`].
pub fn stop(home: &Home) -> Result<Option<u32>> {
    let Some(report) = status(home)? else { return Ok(None) };
    match ask(home, Request::Stop)? {
        Some(Reply::Stopping) | None => Ok(Some(report.pid)),
        Some(other) => Err(misunderstood(home, other)),
    }
}

fn misunderstood(home: &Home, reply: Reply) -> Error {
    let what = match reply {
        Reply::Error { reason } => reason.chars().filter(|c| !c.is_control()).collect(),
        _ => "it said something else".to_owned(),
    };
    failed(home, io::Error::new(ErrorKind::InvalidData, what))
}

fn failed(home: &Home, error: io::Error) -> Error {
    Error::io("talk to the supervisor over", directory(home).join("sock"), error)
}

/// `None` where nobody listens.
fn ask(home: &Home, request: Request) -> Result<Option<Reply>> {
    let asked = connect(&directory(home)).and_then(|stream| exchange(&stream, request));
    match asked {
        Ok(reply) => Ok(Some(reply)),
        Err(error)
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) =>
        {
            Ok(None)
        }
        Err(error) => Err(failed(home, error)),
    }
}

fn exchange(mut stream: &UnixStream, request: Request) -> io::Result<Reply> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut text = Vec::new();
    wire::say(&mut text, &request);
    stream.write_all(&text)?;
    let (mut heard, mut part) = (Vec::new(), [0; 4096]);
    loop {
        match stream.read(&mut part) {
            Ok(0) => {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, "it ended without a word"));
            }
            Ok(read) => heard.extend_from_slice(&part[..read]),
            // A read with a limit is not taken up again by itself after a signal.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        let no_frame = || io::Error::new(ErrorKind::InvalidData, "it speaks something else");
        if let Some((Frame { payload, .. }, _)) = wire::split(&heard).map_err(|_| no_frame())? {
            return serde_json::from_slice(payload).map_err(io::Error::from);
        }
    }
}

/// Those who have connected and not asked yet.
#[derive(Debug, Default)]
pub(super) struct Askers(Vec<(UnixStream, Vec<u8>)>);

impl Askers {
    /// Their sockets, to wait for.
    pub(super) fn streams(&self) -> impl Iterator<Item = &UnixStream> {
        self.0.iter().map(|(stream, _)| stream)
    }

    /// Takes in who waits, if it is this user.
    pub(super) fn take_in(&mut self, listener: &UnixListener) {
        let own = rustix::process::geteuid().as_raw();
        while let Ok((stream, _)) = listener.accept() {
            let is_own = system::peer(stream.as_fd()).is_ok_and(|(_, uid)| uid == own);
            if is_own && stream.set_nonblocking(true).is_ok() {
                if self.0.len() == MOST_ASKERS {
                    self.0.remove(0);
                }
                self.0.push((stream, Vec::new()));
            }
        }
    }

    /// Hears what they ask, answers, and lets them go.
    pub(super) fn hear(&mut self, mut answer: impl FnMut(Request) -> Reply) {
        self.0.retain_mut(|(stream, heard)| match take_in(stream, heard) {
            Ok(None) => true,
            Ok(Some(request)) => {
                let mut text = Vec::new();
                wire::say(&mut text, &answer(request));
                // A few hundred bytes into an empty socket: they fit, or it is gone.
                _ = stream.write_all(&text);
                false
            }
            Err(_) => false,
        });
    }
}

/// The request, once all of it is there.
fn take_in(stream: &mut UnixStream, heard: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let mut part = [0; 4096];
    loop {
        match stream.read(&mut part) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(read) => heard.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        }
        match wire::split(heard) {
            Ok(None) => {}
            Ok(Some((frame, _))) => return Ok(Some(serde_json::from_slice(frame.payload)?)),
            Err(_) => return Err(ErrorKind::InvalidData.into()),
        }
    }
}
