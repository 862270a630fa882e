//! Pi: events of its extensions, as the extension that `callboard hooks install` writes passes
//! them on. It never asks for permission.
//!
//! Source: the extensions page that comes with 0.73.1, and events that it sent.

use super::What;
use super::payload::Payload;

pub(super) fn what(event: &str, payload: &Payload<'_>) -> What {
    match event {
        "session_start" => What::Starts,
        "agent_start" => What::BUSY,
        "agent_end" => What::IDLE,
        "session_shutdown" => match payload.reason() {
            "quit" | "" => What::SignOut,
            // For another session, or to load the extensions anew.
            _ => What::Switch,
        },
        _ => What::Ignored,
    }
}
