//! opencode: events of its bus, as the plugin that `callboard hooks install` writes passes them
//! on, without what they are about.
//!
//! Source: events that 1.18.33 sent.

use super::What;
use super::payload::Payload;

pub(super) fn what(event: &str, payload: &Payload<'_>) -> What {
    match event {
        // Not one of the bus: the plugin says it of itself.
        "plugin.loaded" => What::Starts,
        "session.created" => What::SignIn,
        "session.status" => match payload.status() {
            "busy" | "retry" => What::BUSY,
            "idle" => What::IDLE,
            _ => What::Ignored,
        },
        "session.idle" => What::IDLE,
        "permission.asked" | "permission.updated" => What::ASKS_PERMISSION,
        "question.asked" => What::ASKS,
        "permission.replied" | "question.replied" | "question.rejected" => What::BUSY,
        "session.deleted" | "server.instance.disposed" => What::SignOut,
        _ => What::Ignored,
    }
}
