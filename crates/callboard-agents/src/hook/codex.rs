//! OpenAI Codex: Claude Code's events, and `Interrupt`.
//!
//! Its events name the root thread, in sub-agents too, whose own id is the `agent_id`. A call of
//! `notify` (`agent-turn-complete`) has no session id: it is also made for threads that nobody
//! sees, and says nothing that a hook does not.
//!
//! Source: the schemas in `codex-rs/hooks`, and calls that 0.169.0 made.

use super::What;
use super::payload::Payload;

pub(super) fn what(event: &str, payload: &Payload<'_>) -> What {
    match event {
        // Fires with the first prompt, just before `UserPromptSubmit`.
        "SessionStart" => What::SignIn,
        "Interrupt" => What::IDLE,
        _ => super::claude::what(event, payload),
    }
}
