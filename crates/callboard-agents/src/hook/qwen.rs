//! Qwen Code: Claude Code's events, with their times.
//!
//! An interrupt is told, as a notification `idle_prompt`; `PreToolUse` comes only after the answer
//! to a request for permission, so it ends the wait.
//!
//! Source: the hooks page that comes with 0.24.4, and calls that it made.

pub(super) use super::claude::what;
