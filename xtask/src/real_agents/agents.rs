//! What has to be known about each agent to take it through its states.

mod claude;
mod codex;
mod copilot;
mod gemini;
mod opencode;
mod pi;
mod qwen;

use anyhow::Result;

use super::place::Place;
use super::state::State;
use super::terminal::Key;

/// All that are known.
pub(super) const AGENTS: &[&Agent] = &[
    &claude::CLAUDE,
    &codex::CODEX,
    &codex::ALONE,
    &qwen::QWEN,
    &gemini::GEMINI,
    &opencode::OPENCODE,
    &copilot::COPILOT,
    &pi::PI,
];

/// An agent.
pub(super) struct Agent {
    /// What it is called here and in the table.
    pub(super) name: &'static str,
    /// What Callboard calls it.
    pub(super) known_as: &'static str,
    /// What npm calls it.
    pub(super) package: &'static str,
    pub(super) versions: &'static [&'static str],
    /// The oldest node that runs it; 0 if it is a program of its own.
    pub(super) node: u32,
    /// The program and its arguments.
    pub(super) command: fn(&Place) -> Vec<String>,
    /// Variables of its own.
    pub(super) environment: fn(&Place) -> Vec<(&'static str, String)>,
    /// Writes the files with which it starts without a question and talks to the stand-in.
    pub(super) configure: fn(&Place) -> Result<()>,
    pub(super) screen: Screen,
    pub(super) keys: Keys,
    /// What it asks at its start when it has hooks that its user has not looked at, and the keys
    /// that say yes.
    pub(super) trusts_hooks: Option<(&'static str, &'static [Key])>,
    /// What this agent makes impossible.
    pub(super) impossible: &'static [Impossible],
    /// Its own word on its status, where it keeps one: the status, and since when, in ms.
    pub(super) says: Option<fn(&Place) -> Option<(String, u64)>>,
}

/// Why a wait cannot be told from work.
const FILE_IS_THE_SAME: &str = "its file says the same while it asks and while the command runs";

/// What its screen shows, any one of several.
pub(super) struct Screen {
    /// Only when it takes a prompt.
    pub(super) ready: &'static [&'static str],
    /// As long as a turn goes on, and never else.
    pub(super) busy: &'static [&'static str],
    /// While it asks for permission.
    pub(super) dialog: &'static [&'static str],
}

/// What it is told.
pub(super) struct Keys {
    /// Allows a command once.
    pub(super) allow: Key,
    /// How often Escape has to be pressed to interrupt.
    pub(super) escapes: u32,
    /// Begins a new conversation.
    pub(super) clear: &'static str,
    /// Ends the program.
    pub(super) exit: &'static str,
}

/// A state that cannot be known, or cannot be reached.
pub(super) struct Impossible {
    pub(super) state: State,
    pub(super) when: When,
    pub(super) why: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    /// It never comes to this state; there is nothing to try.
    Never,
    /// Nothing that it writes tells, and no hook.
    Ever,
    /// Nothing that it writes tells; its hooks do.
    WithoutHooks,
}

impl Impossible {
    const fn without_hooks(state: State, why: &'static str) -> Self {
        Self { state, when: When::WithoutHooks, why }
    }
}

impl Agent {
    /// Why it cannot be known, if it cannot.
    pub(super) fn impossible(&self, state: State, hooks: bool) -> Option<&'static Impossible> {
        let counts = |one: &&Impossible| !hooks || one.when != When::WithoutHooks;
        self.impossible.iter().filter(counts).find(|one| one.state == state)
    }
}

impl Screen {
    pub(super) fn is_ready(&self, shown: &str) -> bool {
        has_any(shown, self.ready) && !self.is_busy(shown)
    }

    pub(super) fn is_busy(&self, shown: &str) -> bool {
        has_any(shown, self.busy)
    }

    pub(super) fn asks(&self, shown: &str) -> bool {
        has_any(shown, self.dialog)
    }
}

fn has_any(shown: &str, words: &[&str]) -> bool {
    words.iter().any(|word| shown.contains(word))
}

/// How npm calls this processor.
pub(super) fn processor() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => other,
    }
}
