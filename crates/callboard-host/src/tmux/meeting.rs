//! Where a starter meets what tmux runs for it: the keeper of the session, and the command of the
//! pipe, which hands over its end and is done.
//!
//! tmux is told nothing but where that is. What is private goes over the sockets.

use std::io::{self, ErrorKind, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callboard::inside::socket;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::system;
use crate::wire;

/// How long a command that tmux has started may take to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// After that it is asked whether it will come at all.
const DOUBT: Duration = Duration::from_secs(1);

/// A meeting whose starter was killed is removed by a later start after this time, if not before.
const LITTER_AGE: Duration = Duration::from_secs(3600);

const KEEPER: u8 = b'K';
const PIPE: u8 = b'P';

/// A directory with a socket, for one start.
#[derive(Debug)]
pub(super) struct Meeting {
    dir: PathBuf,
    listener: UnixListener,
}

impl Meeting {
    /// In the server's directory.
    pub(super) fn open(server: &Path) -> io::Result<Self> {
        remove_litter(server, LITTER_AGE);
        let dir = server.join(format!("{:08x}.start", crate::random::word()));
        std::fs::DirBuilder::new().mode(0o700).create(&dir)?;
        let bound = socket::with_address(&dir, wire::listen);
        let listener = bound.inspect_err(|_| _ = std::fs::remove_dir_all(&dir))?;
        Ok(Self { dir, listener })
    }

    /// What to tell those who are to come.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Waits for both; the keeper is told the other's end of the pipe. `will_come` is asked now
    /// and then whether there is still somebody to wait for.
    pub(super) fn keeper(&self, will_come: impl Fn() -> bool) -> io::Result<UnixStream> {
        let until = Instant::now() + PATIENCE;
        let (mut keeper, mut pipe) = (None, None);
        loop {
            if let (Some(stream), Some(end)) = (&keeper, &pipe) {
                send(stream, PIPE, Some(OwnedFd::as_fd(end)))?;
                return keeper.ok_or_else(|| ErrorKind::NotFound.into());
            }
            let Some(stream) = self.accept()? else {
                if Instant::now() >= until || !will_come() {
                    return Err(io::Error::new(ErrorKind::TimedOut, "nobody came"));
                }
                continue;
            };
            stream.set_read_timeout(Some(PATIENCE))?;
            match receive(&stream)? {
                (KEEPER, _) => keeper = Some(stream),
                (PIPE, Some(end)) => pipe = Some(end),
                _ => {}
            }
        }
    }

    /// Somebody of this user; `None` if nobody has come for a while.
    fn accept(&self) -> io::Result<Option<UnixStream>> {
        let doubt = Timespec::try_from(DOUBT).ok();
        if poll(&mut [PollFd::new(&self.listener, PollFlags::IN)], doubt.as_ref())? == 0 {
            return Ok(None);
        }
        let (stream, _) = self.listener.accept()?;
        let own = rustix::process::geteuid().as_raw();
        let is_own = system::peer(stream.as_fd()).is_ok_and(|(_, user)| user == own);
        Ok(is_own.then_some(stream))
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Comes as the keeper; the starter, and the session's end of the pipe.
pub(super) fn come_as_keeper(dir: &Path) -> io::Result<(UnixStream, OwnedFd)> {
    let stream = socket::connect(dir)?;
    send(&stream, KEEPER, None)?;
    match receive(&stream)? {
        (PIPE, Some(end)) => Ok((stream, end)),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// Comes as the command of the pipe, and leaves its end there.
pub(super) fn bring_pipe(dir: &Path) -> io::Result<()> {
    // What is under way is kept when its sender has ended.
    send(&socket::connect(dir)?, PIPE, Some(io::stdin().as_fd()))
}

fn send(stream: &UnixStream, what: u8, fd: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = SendAncillaryBuffer::new(&mut space);
    let fds = [fd.unwrap_or(stream.as_fd())];
    if fd.is_some() {
        beside.push(SendAncillaryMessage::ScmRights(&fds));
    }
    sendmsg(stream, &[IoSlice::new(&[what])], &mut beside, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// One byte, and what was sent beside it.
fn receive(stream: &UnixStream) -> io::Result<(u8, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut beside = RecvAncillaryBuffer::new(&mut space);
    let mut what = [0];
    let into = &mut [IoSliceMut::new(&mut what)];
    let received = recvmsg(stream, into, &mut beside, RecvFlags::CMSG_CLOEXEC)?;
    if received.bytes == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    let fd = beside.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    Ok((what[0], fd))
}

/// Removes meetings of this age, whose starters were killed. Who has the server's lock alone knows
/// that nobody is starting anything.
pub(super) fn remove_litter(server: &Path, age: Duration) {
    for entry in std::fs::read_dir(server).into_iter().flatten().flatten() {
        let is_meeting = entry.file_name().to_string_lossy().ends_with(".start");
        let written = entry.metadata().and_then(|found| found.modified());
        let is_old = written.is_ok_and(|at| at.elapsed().is_ok_and(|found| found >= age));
        if is_meeting && is_old {
            _ = std::fs::remove_dir_all(entry.path());
        }
    }
}
