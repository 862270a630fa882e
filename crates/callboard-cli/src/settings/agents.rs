//! Which file of which agent the hooks go into, and which hooks.
//!
//! Sources: the vendors' references, the schemas in their programs, and runs of these versions:
//! Claude Code 2.1.197 and 2.1.329, Codex 0.169.0, Gemini CLI 0.61.0, Qwen Code 0.24.4, GitHub
//! Copilot CLI 1.0.102, opencode 1.18.33, Pi 0.73.1. Cursor's after its reference alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use callboard_agents::hook::HookAgent;
use serde_json::{Value, json};

use super::entries::{self, Form, Wanted, quoted};

/// What is installed for an agent.
#[derive(Clone, Debug)]
pub(crate) enum Install {
    /// Entries in a file that is the user's too.
    Entries(Form, Vec<Wanted>),
    /// A file of our own.
    Whole(String),
}

/// The file that an agent's hooks go into.
pub(crate) fn settings_file(
    agent: HookAgent,
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Option<PathBuf> {
    let set = |name: &str| lookup(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = |below: &str| set("HOME").map(|home| home.join(below));
    let of = |variable: &str, usual: &str| set(variable).or_else(|| home(usual));
    let (dir, name) = match agent {
        HookAgent::Claude => (of("CLAUDE_CONFIG_DIR", ".claude"), "settings.json"),
        HookAgent::Codex => (of("CODEX_HOME", ".codex"), "hooks.json"),
        HookAgent::Gemini => (home(".gemini"), "settings.json"),
        HookAgent::Qwen => (of("QWEN_HOME", ".qwen"), "settings.json"),
        HookAgent::Copilot => (of("COPILOT_HOME", ".copilot"), "hooks/callboard.json"),
        HookAgent::Cursor => (home(".cursor"), "hooks.json"),
        HookAgent::Opencode => {
            (set("XDG_CONFIG_HOME").or_else(|| home(".config")), "opencode/plugins/callboard.js")
        }
        HookAgent::Pi => (of("PI_CODING_AGENT_DIR", ".pi/agent"), "extensions/callboard.js"),
        _ => return None,
    };
    dir.map(|dir| dir.join(name))
}

/// What is installed so that `program` is called. `None` for a path that is not UTF-8, which JSON
/// cannot hold.
///
/// Only events that observe: none whose hook decides whether something may be done, and none that
/// carries a whole conversation at every call to a model.
pub(crate) fn install(agent: HookAgent, program: &Path) -> Option<Install> {
    let command = format!("{} hook {}", quoted(program)?, agent.name());
    let command = || ("command", json!(command));
    let kind = ("type", json!("command"));
    let groups = |events: &[&'static str], hook: &dyn Fn() -> Hook| {
        Install::Entries(Form::Groups, wanted(events, hook))
    };
    Some(match agent {
        HookAgent::Claude => {
            let words = ("args", json!(["hook", agent.name()]));
            let program = ("command", json!(program.to_str()?));
            groups(CLAUDE, &|| {
                vec![
                    kind.clone(),
                    program.clone(),
                    words.clone(),
                    BACKGROUND,
                    ("timeout", json!(5)),
                ]
            })
        }
        // Versions before 0.130 skip a hook that is `async`, and none has to wait: 3 ms.
        HookAgent::Codex => groups(CODEX, &|| vec![kind.clone(), command(), ("timeout", json!(3))]),
        HookAgent::Gemini => groups(GEMINI, &|| {
            vec![kind.clone(), ("name", json!("callboard")), command(), ("timeout", json!(5000))]
        }),
        // The time in ms up to some version and in seconds since, where 1000 or more still means ms.
        HookAgent::Qwen => {
            groups(QWEN, &|| vec![kind.clone(), command(), BACKGROUND, ("timeout", json!(5000))])
        }
        HookAgent::Cursor => Install::Entries(Form::Flat, wanted(CURSOR, &|| vec![command()])),
        HookAgent::Copilot => {
            let program = quoted(program)?;
            let hook = |event: &&'static str| Wanted {
                event,
                hook: vec![
                    kind.clone(),
                    ("bash", json!(format!("{program} hook copilot {event}"))),
                    ("timeoutSec", json!(5)),
                ],
            };
            let hooks: Vec<_> = COPILOT.iter().map(hook).collect();
            Install::Whole(entries::install("", Form::Flat, agent.name(), &hooks).ok()?)
        }
        HookAgent::Opencode => Install::Whole(script(OPENCODE, program)?),
        HookAgent::Pi => Install::Whole(script(PI, program)?),
        _ => return None,
    })
}

/// Every event that all versions from 2.1.119 on know; an older one may not read settings that name
/// one that it does not know.
const CLAUDE: &[&str] = &[
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PermissionDenied",
    "Notification",
    "PostToolUse",
    "PostToolUseFailure",
    "Stop",
    "StopFailure",
    "CwdChanged",
    "SessionEnd",
];

const CODEX: &[&str] = &[
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "PostToolUse",
    "Stop",
    "Interrupt",
    "SessionEnd",
];

/// Without `BeforeModel` and `AfterModel`, which are given the conversation at every call.
const GEMINI: &[&str] =
    &["SessionStart", "BeforeAgent", "AfterTool", "Notification", "AfterAgent", "SessionEnd"];

const QWEN: &[&str] = &[
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PermissionRequest",
    "Notification",
    "PostToolUse",
    "PostToolUseFailure",
    "Stop",
    "StopFailure",
    "SessionEnd",
];

/// Without `permissionRequest` and `preToolUse`, whose hooks decide.
const COPILOT: &[&str] = &[
    "sessionStart",
    "userPromptSubmitted",
    "postToolUse",
    "notification",
    "agentStop",
    "sessionEnd",
];

/// Without `preToolUse` and the other `before`s, whose hooks decide; a prompt is not told
/// otherwise.
const CURSOR: &[&str] =
    &["sessionStart", "beforeSubmitPrompt", "postToolUse", "stop", "sessionEnd"];

const OPENCODE: &str = include_str!("opencode.js");
const PI: &str = include_str!("pi.js");

type Hook = Vec<(&'static str, Value)>;

/// Not waited for.
const BACKGROUND: (&str, Value) = ("async", Value::Bool(true));

fn wanted(events: &[&'static str], hook: &dyn Fn() -> Hook) -> Vec<Wanted> {
    let one = |event: &&'static str| {
        let mut hook = hook();
        // An agent that has ended waits for nobody: its end must be told while it waits.
        hook.retain(|member| *event != "SessionEnd" || *member != BACKGROUND);
        Wanted { event, hook }
    };
    events.iter().map(one).collect()
}

/// A script with the path of the program in it.
fn script(template: &str, program: &Path) -> Option<String> {
    Some(template.replace("\"@PROGRAM@\"", &serde_json::to_string(program.to_str()?).ok()?))
}
