//! What is said between a host and who connects to it: frames of bytes and of JSON.
//!
//! | file | what it does |
//! |---|---|
//! | `message` | the requests and the replies |
//! | `version` | which protocol two ends speak |

pub(crate) mod message;
pub(crate) mod version;

pub(crate) use callboard::inside::frame::{Frame, FrameKind, NotAFrame, push, split};
use serde::Serialize;

/// Adds a message to what is to be sent.
pub(crate) fn say(to: &mut Vec<u8>, message: &impl Serialize) {
    // Of plain structures and strings, none of which can fail.
    let text = serde_json::to_vec(message).unwrap_or_default();
    push(to, FrameKind::Control, &text);
}
