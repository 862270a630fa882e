//! GitHub Copilot CLI.
//!
//! Most of its payloads do not name their event: the command that is installed does. The start is
//! told with the first prompt, and may come after it. `/clear` ends a session like any other end,
//! and the next one is told when it is prompted. An interrupt is not told.
//!
//! Source: calls that 1.0.102 made.

use super::What;
use super::payload::Payload;

pub(super) fn what(event: &str, payload: &Payload<'_>) -> What {
    match event {
        "sessionStart" => What::SignIn,
        "userPromptSubmitted"
        | "preToolUse"
        | "postToolUse"
        | "postToolUseFailure"
        | "preCompact"
        | "subagentStart" => What::BUSY,
        "notification" | "Notification" => match payload.notification_type() {
            "permission_prompt" => What::ASKS_PERMISSION,
            "elicitation_dialog" => What::ASKS,
            // A shell command or an agent in the background has ended.
            _ => What::Ignored,
        },
        "agentStop" => What::IDLE,
        "sessionEnd" => What::end(payload.reason()),
        _ => What::Ignored,
    }
}
