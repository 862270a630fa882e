//! Gemini CLI.
//!
//! `AfterAgent` is told of an interrupt too. An answer to a request for permission is not told;
//! the end of the tool is. The end of the program is told three times.
//!
//! Source: the hooks reference that comes with 0.61.0, and calls that it made.

use super::What;
use super::payload::Payload;

pub(super) fn what(event: &str, payload: &Payload<'_>) -> What {
    match event {
        "SessionStart" => What::Starts,
        "BeforeAgent"
        | "BeforeModel"
        | "AfterModel"
        | "BeforeToolSelection"
        | "BeforeTool"
        | "AfterTool" => What::BUSY,
        // Of its own accord it is part of a turn; `/compress` is typed between two.
        "PreCompress" if payload.trigger() == "auto" => What::BUSY,
        "Notification" if payload.notification_type() == "ToolPermission" => What::ASKS_PERMISSION,
        "AfterAgent" => What::IDLE,
        "SessionEnd" => What::end(payload.reason()),
        _ => What::Ignored,
    }
}
