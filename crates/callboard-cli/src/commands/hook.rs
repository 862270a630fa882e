//! `callboard hook AGENT`: an agent tells of one event.
//!
//! The agent waits for this, or shows what it prints to a model, or takes its exit code for an
//! answer. So it prints nothing, ends with 0 whatever happens, and is done in a few milliseconds;
//! `docs/design/hooks.md` tells how. Why nothing happened is in the log that `CALLBOARD_HOOK_LOG`
//! names, if it names one.

mod asked;
mod deadline;
mod input;
mod log;
mod moment;
mod record;
mod seen;

use std::panic::catch_unwind;
use std::process::ExitCode;

use callboard::{Home, Registry};
use callboard_agents::hook::{HookAgent, Nothing, What, read};
use callboard_agents::processes::session_process;

use crate::exit::Exit;
use crate::output::age::now;
use crate::settings::file::read_bounded;
use asked::Asked;
use log::Log;

pub(crate) use log::last_line;
pub(crate) use seen::last_seen;

const AFTER_HELP: &str = "\
This is for agents, which `callboard hooks install AGENT` sets up to call it; the event comes as
JSON on standard input. It prints nothing and always ends with 0. CALLBOARD_HOOK_LOG=FILE, in the
environment of the agent, writes down what came of each event, and how long that took.

AGENT is claude, codex, gemini, qwen, copilot, cursor, opencode or pi. EVENT is its name, for agents
that do not say it.

Examples:
  callboard hook claude                what the settings of Claude Code have for each of its events
  callboard hook opencode session.idle < event.json";

/// take note of what an agent's session does; its hooks call this
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Hook {
    /// the agent that calls
    agent: String,
    /// the event, where the agent does not say
    event: Option<String>,
}

impl Hook {
    /// Never reached from a command line, which [`answer`] looks at before this is parsed.
    pub(crate) fn run(self) -> Exit {
        let agent = HookAgent::named(&self.agent);
        hear(&Asked { agent, event: self.event, ..Asked::default() }, now());
        Exit::Yes
    }
}

/// Does what a hook is asked to do, if this process was started as one: before anything else looks
/// at the command line, and may complain of it.
pub(crate) fn answer() -> Option<ExitCode> {
    let at = now();
    let asked = Asked::of(std::env::args_os().skip(1))?;
    std::panic::set_hook(Box::new(|_| {}));
    if catch_unwind(|| hear(&asked, at)).is_err() {
        Log::open(&asked, at).say("a bug in callboard: it panicked");
    }
    Some(ExitCode::SUCCESS)
}

/// Hears of one event that was told at `at`, and writes down what came of it.
fn hear(asked: &Asked, at: u64) {
    let mut log = Log::open(asked, at);
    let outcome = match asked.agent {
        Some(agent) => take_note(agent, asked, at, &mut log),
        None => Err("no agent of this name has hooks".into()),
    };
    log.say(&outcome.unwrap_or_else(|why| format!("nothing: {why}")));
}

/// What was done, or why nothing was.
type Outcome = Result<String, String>;

fn take_note(agent: HookAgent, asked: &Asked, told_at: u64, log: &mut Log) -> Outcome {
    let payload = match &asked.payload {
        Some(payload) => payload.clone(),
        None => input::read()?,
    };
    log.is_told();
    let event = read(agent, asked.event.as_deref(), &payload).ok_or("no event of a session")?;
    drop(payload);
    log.is_about(&event);
    // From here on everything is bounded by one deadline, whatever holds it up.
    deadline::start(log);
    let home = home(asked);
    if let Some(home) = &home {
        seen::note(home, agent);
    }
    match event.what {
        What::Ignored => return Err(Nothing::NoNews.explain().into()),
        What::Switch => return Err(Nothing::AnotherFollows.explain().into()),
        What::SignIn | What::Starts | What::Says(..) | What::SignOut => {}
    }
    // From this process on, and not from its parent: Codex runs hooks in the directory of their
    // session, and its server in that of the first.
    let pid = session_process(agent.name(), std::process::id())
        .ok_or("none of its ancestors is a process of the agent")?;
    log.is_of(pid);
    if agent == HookAgent::Codex && is_server(pid) {
        return Err("a server of several sessions runs it, and none of them shows which".into());
    }
    let registry = match (&asked.registry, home) {
        (Some(dir), _) => Registry::at(dir),
        (None, Some(home)) => Registry::at(home.sessions()),
        (None, None) => return Err("there is no home for records".into()),
    };
    let event = record::Told { agent, pid, at: moment::of_event(event.at, told_at), event };
    event.write(&registry)
}

/// Whether this is Codex's server, which runs the hooks of every session that is connected to it.
/// A record is about a process, and this one's would be about another session with every event.
fn is_server(pid: u32) -> bool {
    let words = read_bounded(format!("/proc/{pid}/cmdline").as_ref(), 64 * 1024);
    words.is_ok_and(|words| words.split(|byte| *byte == 0).any(|word| word == b"app-server"))
}

/// The home, unless one directory of records was given.
fn home(asked: &Asked) -> Option<Home> {
    match (&asked.registry, &asked.home) {
        (Some(_), _) => None,
        (None, Some(home)) => Some(Home::at(home)),
        (None, None) => Home::from_env().ok(),
    }
}
