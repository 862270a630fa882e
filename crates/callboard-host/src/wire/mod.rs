//! What is said between a host and who connects to it: frames of bytes and of JSON.
//!
//! | file | what it does |
//! |---|---|
//! | `message` | the requests and the replies |
//! | `version` | which protocol two ends speak |

pub(crate) mod message;
pub(crate) mod version;

use std::io;
use std::os::unix::net::UnixListener;

pub(crate) use callboard::inside::frame::{Frame, FrameKind, NotAFrame, push, split};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen as take_in, socket_with,
};
use serde::Serialize;

/// How many may wait to be taken in.
const BACKLOG: i32 = 128;

/// Listens on an address. Who waits there waits for readiness, not for a connection.
pub(crate) fn listen(address: &SocketAddrUnix) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    bind(&socket, address)?;
    take_in(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// Adds a message to what is to be sent.
pub(crate) fn say(to: &mut Vec<u8>, message: &impl Serialize) {
    // Of plain structures and strings, none of which can fail.
    let text = serde_json::to_vec(message).unwrap_or_default();
    push(to, FrameKind::Control, &text);
}
