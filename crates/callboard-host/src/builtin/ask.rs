//! A connection to a host: one question after the other.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use callboard::inside::socket;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::host::{Detach, Input, SnapshotFormat};
use crate::hosted::Running;
use crate::id::HostedId;
use crate::store::SessionDir;
use crate::wire::message::{Reply, Request};
use crate::wire::version::{OURS, Speaks, agree};
use crate::wire::{self, Frame, FrameKind};

/// Why a host gave no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no host.
    Gone,
    /// It does not answer.
    Silent,
    /// It speaks another protocol.
    Incompatible(u32),
    /// It speaks none.
    Protocol(&'static str),
    /// It would not.
    Refused(String),
    /// Something else.
    Io(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound
            | ErrorKind::ConnectionRefused
            | ErrorKind::ConnectionReset
            | ErrorKind::BrokenPipe
            | ErrorKind::UnexpectedEof => Self::Gone,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => Self::Silent,
            _ => Self::Io(error),
        }
    }
}

/// What a failure means to who asked about a session.
pub(crate) fn explain(session: &SessionDir, failure: Failure) -> Error {
    let id: HostedId = session.id().clone();
    match failure {
        Failure::Gone => {
            let state = crate::sessions::state(session).map_or("gone", |state| state.as_str());
            Error::NotRunning { id, state }
        }
        Failure::Silent => Error::NoAnswer { id },
        Failure::Incompatible(theirs) => Error::Incompatible { id, ours: OURS.proto, theirs },
        Failure::Protocol(reason) => Error::Protocol { id, reason },
        Failure::Refused(reason) => Error::Refused { id, reason },
        Failure::Io(error) => Error::io("talk to the host over", session.socket(), error),
    }
}

/// A connection to a host that has said hello.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: UnixStream,
    heard: Vec<u8>,
    session: SessionDir,
}

/// A frame, taken out of what was heard.
#[derive(Debug)]
pub(crate) enum Heard {
    Reply(Reply),
    Data(Vec<u8>),
}

/// A person who has asked for something waits longer than a listing does: a program that prints
/// what is hard to draw keeps its host busy.
const LONG_PATIENCE: Duration = Duration::from_secs(5);

impl Connection {
    /// Connects and says hello, for something that was asked for.
    pub(crate) fn to(session: &SessionDir) -> Result<Self, Failure> {
        Self::with_patience(session, LONG_PATIENCE)
    }

    /// The same for a look in passing.
    pub(crate) fn in_passing(session: &SessionDir) -> Result<Self, Failure> {
        Self::with_patience(session, socket::PATIENCE)
    }

    fn with_patience(session: &SessionDir, patience: Duration) -> Result<Self, Failure> {
        let stream = socket::connect(session.path())?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        let mut connection = Self { stream, heard: Vec::new(), session: session.clone() };
        connection.say(&Request::Hello { proto: OURS.proto, min: OURS.oldest })?;
        match connection.hear_reply()? {
            Reply::Hello { proto, min, .. } => {
                agree(OURS, Speaks { proto, oldest: min }).ok_or(Failure::Incompatible(proto))?;
                Ok(connection)
            }
            _ => Err(Failure::Protocol("no hello")),
        }
    }

    /// The socket, for who waits for it beside other things.
    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// How long to wait for what comes; `None`: for ever.
    pub(crate) fn set_patience(&self, patience: Option<Duration>) -> io::Result<()> {
        self.stream.set_read_timeout(patience)
    }

    /// Sends a message.
    pub(crate) fn say(&mut self, message: &impl Serialize) -> Result<(), Failure> {
        let mut text = Vec::new();
        wire::say(&mut text, message);
        Ok(self.stream.write_all(&text)?)
    }

    /// Sends data.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut text = Vec::new();
        wire::push(&mut text, FrameKind::Data, bytes);
        Ok(self.stream.write_all(&text)?)
    }

    /// A frame that has been heard already.
    pub(crate) fn pending(&mut self) -> Result<Option<Heard>, Failure> {
        let split = wire::split(&self.heard).map_err(|_| Failure::Protocol("no frame"))?;
        let Some((Frame { kind, payload }, length)) = split else { return Ok(None) };
        let heard = match kind {
            FrameKind::Data => Heard::Data(payload.to_vec()),
            FrameKind::Control => Heard::Reply(
                serde_json::from_slice(payload).map_err(|_| Failure::Protocol("no message"))?,
            ),
        };
        self.heard.drain(..length);
        Ok(Some(heard))
    }

    /// Takes in what has come; nothing more will come is [`Failure::Gone`].
    pub(crate) fn take_in(&mut self) -> Result<(), Failure> {
        let mut part = [0; 16 << 10];
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => return Err(Failure::Gone),
                Ok(read) => {
                    self.heard.extend_from_slice(&part[..read]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The next frame.
    pub(crate) fn hear(&mut self) -> Result<Heard, Failure> {
        loop {
            if let Some(heard) = self.pending()? {
                return Ok(heard);
            }
            self.take_in()?;
        }
    }

    /// The next reply; one that only a newer client would understand is passed over.
    pub(crate) fn hear_reply(&mut self) -> Result<Reply, Failure> {
        loop {
            match self.hear()? {
                Heard::Reply(Reply::Error { reason }) => {
                    let reason = reason.chars().filter(|c| !c.is_control()).collect();
                    return Err(Failure::Refused(reason));
                }
                Heard::Reply(Reply::Unknown) | Heard::Data(_) => {}
                Heard::Reply(reply) => return Ok(reply),
            }
        }
    }

    /// How the session is.
    pub(crate) fn status(&mut self) -> Result<Running, Failure> {
        self.say(&Request::Status)?;
        match self.hear_reply()? {
            Reply::State { running, .. } => Ok(running),
            _ => Err(Failure::Protocol("no state")),
        }
    }

    /// Detaches clients; how many.
    pub(crate) fn detach(mut self, who: Detach) -> Result<usize> {
        let asked = self.say(&Request::Detach { who }).and_then(|()| self.hear_done());
        asked.map_err(|failure| explain(&self.session, failure))
    }

    fn hear_done(&mut self) -> Result<usize, Failure> {
        match self.hear_reply()? {
            Reply::Done { count } => Ok(count),
            _ => Err(Failure::Protocol("not done")),
        }
    }

    /// Types. Waits as long as the program takes to read what is before it.
    pub(crate) fn input(mut self, input: Input<'_>) -> Result<()> {
        let (bytes, paste) = match input {
            Input::Bytes(bytes) => (bytes, false),
            Input::Paste(text) => (text, true),
        };
        let mut type_in = || {
            self.say(&Request::Input { length: bytes.len(), paste })?;
            self.send(bytes)?;
            self.hear_done()
        };
        let typed = type_in();
        typed.map(|_| ()).map_err(|failure| explain(&self.session, failure))
    }

    /// What is on the screen.
    pub(crate) fn snapshot(mut self, format: SnapshotFormat) -> Result<Vec<u8>> {
        let taken = self.screen(format).map(|(screen, _)| screen);
        taken.map_err(|failure| explain(&self.session, failure))
    }

    /// What is on the screen, and, where it was asked for as the log goes on with it, how long the
    /// log was when the screen was this.
    pub(crate) fn screen(
        &mut self,
        format: SnapshotFormat,
    ) -> Result<(Vec<u8>, Option<u64>), Failure> {
        self.say(&Request::Snapshot { format })?;
        let (mut screen, mut log) = (Vec::new(), None);
        loop {
            match self.hear()? {
                Heard::Data(part) => screen.extend(part),
                Heard::Reply(Reply::Following { bytes }) => log = Some(bytes),
                Heard::Reply(Reply::Done { .. }) => return Ok((screen, log)),
                Heard::Reply(Reply::Error { reason }) => return Err(Failure::Refused(reason)),
                Heard::Reply(_) => {}
            }
        }
    }

    /// Ends the session, and waits until it has ended.
    pub(crate) fn stop(&mut self, grace: Duration) -> Result<Reply, Failure> {
        let grace_ms = u64::try_from(grace.as_millis()).ok();
        self.say(&Request::Stop { grace_ms })?;
        if self.hear_reply()? != Reply::Stopping {
            return Err(Failure::Protocol("not stopping"));
        }
        // The host insists for a second after the grace, and then writes down how it ended.
        self.set_patience(Some(grace + Duration::from_secs(5)))?;
        self.hear_reply()
    }
}
