//! `callboard hooks install | uninstall | status`.

mod change;
mod status;

use std::path::{Path, PathBuf};

use callboard_agents::hook::{AGENTS, HookAgent};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::agents::settings_file;

const AFTER_HELP: &str = "\
AGENT is claude, codex, gemini, qwen, copilot, cursor, opencode or pi. The agent then calls
`callboard hook AGENT` when a turn begins or ends and when it asks for something, and the board
knows at once who waits. Claude Code's own record says as much; its hooks add the sessions that
have none.

The change is shown first: only lines that are callboard's own, since settings hold keys. What was
there is kept beside it.

Examples:
  callboard hooks install codex
  callboard hooks install claude --settings .claude/settings.json     for one project
  callboard hooks status                                              of every agent
  callboard hooks uninstall codex";

/// let agents tell at once what their sessions do: set up, take back, look whether it works
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Hooks {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// add the hooks to an agent's settings, or bring them up to date
    Install(Edit),
    /// take them out again
    Uninstall(Edit),
    /// look whether they are there and are called
    Status(Which),
}

/// What is to be changed.
#[derive(Debug, clap::Args)]
struct Edit {
    #[command(flatten)]
    agent: Agent,
    /// show the change and make none
    #[arg(long)]
    dry_run: bool,
    /// make the change without asking
    #[arg(long, short)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// the agent; without it, all of them
    #[arg(value_name = "AGENT", value_parser = agent_named)]
    name: Option<HookAgent>,
    /// its settings, if they are not where it usually has them
    #[arg(long, value_name = "FILE", requires = "name")]
    settings: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Agent {
    /// the agent
    #[arg(value_name = "AGENT", value_parser = agent_named)]
    name: HookAgent,
    /// its settings, if they are not where it usually has them
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

fn agent_named(name: &str) -> Result<HookAgent, String> {
    HookAgent::named(name).ok_or_else(|| {
        let known: Vec<_> = AGENTS.iter().map(|(name, _)| *name).collect();
        format!("hooks are known of {}", known.join(", "))
    })
}

impl Hooks {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        match self.what {
            What::Install(edit) => change::run(&edit, change::Way::In, context),
            What::Uninstall(edit) => change::run(&edit, change::Way::Out, context),
            What::Status(which) => status::run(&which, context),
        }
    }
}

/// The file of an agent's settings: that given, or the usual one.
fn settings_of(agent: HookAgent, given: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = given {
        return Ok(path.to_owned());
    }
    settings_file(agent, |name| std::env::var_os(name)).ok_or_else(|| {
        Failure::usage(format!(
            "cannot tell where {} keeps its settings: HOME is not an absolute path; give --settings",
            agent.name()
        ))
    })
}

/// The program that hooks are to run: as it was called, so that a new version under the same name
/// is found, if that leads to the one that runs.
fn this_program() -> Result<PathBuf, Failure> {
    let runs = std::env::current_exe()
        .map_err(|error| Failure::no(format!("cannot tell which program this is: {error}")))?;
    let called = std::env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let is_path = called.components().nth(1).is_some();
    let candidates: Vec<PathBuf> = if is_path {
        std::path::absolute(&called).into_iter().collect()
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs: Vec<_> = std::env::split_paths(&path).collect();
        dirs.iter().filter(|dir| dir.is_absolute()).map(|dir| dir.join(&called)).collect()
    };
    let real = runs.canonicalize().ok();
    let is_this = |path: &PathBuf| {
        real.is_some()
            && path.canonicalize().ok() == real
            && path.file_name().is_some_and(|name| name == "callboard")
    };
    let program = candidates.into_iter().find(is_this).unwrap_or(runs);
    if program.file_name().is_none_or(|name| name != "callboard") {
        return Err(Failure::no(format!(
            "this program is called {}, and hooks would not be found again; call it `callboard`",
            program.display()
        )));
    }
    Ok(program)
}
