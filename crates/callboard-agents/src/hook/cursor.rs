//! Cursor's agent in a terminal. A resumed session tells no start; a stop is told also where it
//! was interrupted or failed. What it waits for is not told.
//!
//! Source: the vendor's hooks reference.

use super::What;
use super::payload::Payload;

pub(super) fn what(event: &str, payload: &Payload<'_>) -> What {
    match event {
        "sessionStart" => What::SignIn,
        "beforeSubmitPrompt"
        | "preToolUse"
        | "postToolUse"
        | "postToolUseFailure"
        | "afterShellExecution"
        | "afterMCPExecution"
        | "afterFileEdit"
        | "afterAgentThought"
        | "subagentStart" => What::BUSY,
        "stop" => What::IDLE,
        "sessionEnd" => What::end(payload.reason()),
        _ => What::Ignored,
    }
}
