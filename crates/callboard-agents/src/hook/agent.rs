//! The agents that have hooks.

use super::payload::Payload;
use super::{What, claude, codex, copilot, cursor, gemini, opencode, pi, qwen};

macro_rules! agents {
    ($($variant:ident = $name:literal, $module:ident;)+) => {
        /// An agent that calls `callboard hook`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[allow(missing_docs, reason = "each is the agent of its name")]
        pub enum HookAgent { $($variant),+ }

        /// Every agent, by its name on the board.
        pub const AGENTS: &[(&str, HookAgent)] = &[$(($name, HookAgent::$variant)),+];

        impl HookAgent {
            /// Its name on the board.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What an event of this name tells.
            pub(super) fn what(self, event: &str, payload: &Payload<'_>) -> What {
                match self { $(Self::$variant => $module::what(event, payload),)+ }
            }
        }
    };
}

agents! {
    Claude = "claude", claude;
    Codex = "codex", codex;
    Gemini = "gemini", gemini;
    Qwen = "qwen", qwen;
    Copilot = "copilot", copilot;
    Cursor = "cursor", cursor;
    Opencode = "opencode", opencode;
    Pi = "pi", pi;
}

impl HookAgent {
    /// The agent of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        AGENTS.iter().find(|(known, _)| *known == name).map(|(_, agent)| *agent)
    }
}
