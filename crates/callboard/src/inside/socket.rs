//! Reaching the host of a session.

use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect as join, socket_with,
};

/// How long a host may take to answer before it counts as not answering.
pub const PATIENCE: Duration = Duration::from_millis(500);

/// Calls `with` with the address of the socket in a session's directory. That directory's path may
/// be longer than an address can be (107 bytes): then it is gone through by its descriptor.
///
/// # Errors
///
/// What the system said.
pub fn with_address<T>(
    directory: &Path,
    with: impl FnOnce(&SocketAddrUnix) -> io::Result<T>,
) -> io::Result<T> {
    if let Ok(address) = SocketAddrUnix::new(directory.join("sock")) {
        return with(&address);
    }
    let flags = OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::PATH;
    let directory: OwnedFd = openat(CWD, directory, flags, Mode::empty())?;
    with(&SocketAddrUnix::new(format!("/proc/self/fd/{}/sock", directory.as_raw_fd()))?)
}

/// Connects to the host of the session that has this directory.
///
/// # Errors
///
/// `ConnectionRefused` or `NotFound` where there is none, `WouldBlock` where so many wait already
/// that it will not answer soon.
pub fn connect(directory: &Path) -> io::Result<UnixStream> {
    with_address(directory, |address| {
        // A host that is stopped does not take anybody in. Who waits in line for it is not to
        // wait for ever.
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        join(&socket, address)?;
        let stream = UnixStream::from(socket);
        stream.set_nonblocking(false)?;
        Ok(stream)
    })
}
