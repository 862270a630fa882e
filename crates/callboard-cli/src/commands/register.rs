//! `callboard register`.

use std::path::PathBuf;

use callboard::{Kind, SignIn, Spawner, Status};

use super::target::{parent, program_of, with_program};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::json::push_string;
use crate::output::sanitize::sanitize;
use crate::output::stream::{Out, complain};

const AFTER_HELP: &str = "\
Prints the session id. The record stays until the process is signed out or is gone: a script that
dies is not on the board, whether it signed out or not. Registering again changes what is given.

A sub-agent of another session ($CALLBOARD_SUBAGENT_OF) is not signed in; that is no error.

Examples:
  callboard register --name nightly-import            in a script: its own shell
  trap 'callboard deregister' EXIT
  callboard update --status busy
  callboard register --pid \"$PID\" --tool my-repl --cwd /srv/app
  id=$(callboard register --status waiting --waiting-for review)";

/// sign in the script or shell that calls this, or any running process
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Register {
    /// the process to sign in; without it, the one that calls
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pid: Option<u32>,
    /// its conversation; without it, a random one
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    session_id: Option<String>,
    /// what people call it
    #[arg(long)]
    name: Option<String>,
    /// its directory; without it, the one that the process is in
    #[arg(long, value_name = "DIR")]
    cwd: Option<PathBuf>,
    /// how it is hosted: interactive, bg, daemon, daemon-worker
    #[arg(long)]
    kind: Option<String>,
    /// the program's name; without it, that of its executable
    #[arg(long)]
    tool: Option<String>,
    /// the program's version
    #[arg(long = "tool-version", value_name = "VERSION", requires = "tool")]
    version: Option<String>,
    /// which agent it runs as
    #[arg(long)]
    agent: Option<String>,
    /// where its output goes
    #[arg(long, value_name = "FILE")]
    log_path: Option<String>,
    /// its inbox, a local socket
    #[arg(long, value_name = "SOCKET")]
    inbox: Option<String>,
    /// how it was started, any text
    #[arg(long, value_name = "TEXT")]
    entrypoint: Option<String>,
    /// what it is doing: busy, idle, waiting, shell, or any other word
    #[arg(long)]
    status: Option<String>,
    /// what it waits for
    #[arg(long, value_name = "TEXT", requires = "status")]
    waiting_for: Option<String>,
    /// print the whole record
    #[arg(long)]
    json: bool,
}

impl Register {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let registry = context.registry()?;
        let pid = self.pid.map_or_else(parent, Ok)?;
        let spawner = Spawner::from_lookup("CALLBOARD", pid, |name| std::env::var(name).ok());
        if let Some(session) = spawner.sub_agent_of {
            complain(format_args!(
                "not signed in: a sub-agent of session {}, which stands for it",
                sanitize(&session)
            ));
            return Ok(Exit::Yes);
        }
        let json = self.json;
        let record = registry.register_process(pid, self.sign_in(pid, spawner)?)?;
        let mut out = Out::new();
        if json {
            out.line(&visible(record.as_json()))?;
        } else {
            out.line(&sanitize(&record.session_id().unwrap_or_default()))?;
        }
        out.finish()?;
        Ok(Exit::Yes)
    }

    fn sign_in(self, pid: u32, spawner: Spawner) -> Result<SignIn, Failure> {
        let mut sign_in = SignIn::spawned_by(spawner);
        if let Some(id) = self.session_id {
            sign_in = sign_in.session_id(id);
        }
        if let Some(kind) = self.kind {
            sign_in = sign_in.kind(Kind::from(&*kind));
        }
        if let Some(cwd) = self.cwd {
            let absolute = std::path::absolute(&cwd).map_err(|error| {
                Failure::usage(format!("cannot use {}: {error}; give a directory", cwd.display()))
            })?;
            sign_in = sign_in.cwd(absolute);
        }
        if let Some(tool) = self.tool.or_else(|| program_of(pid)) {
            sign_in = with_program(sign_in, &tool, self.version.as_deref());
        }
        type Set = fn(SignIn, &str) -> SignIn;
        let texts: [(Option<String>, Set); 5] = [
            (self.name, SignIn::name),
            (self.agent, SignIn::agent),
            (self.log_path, SignIn::log_path),
            (self.inbox, SignIn::inbox),
            (self.entrypoint, SignIn::entrypoint),
        ];
        for (text, set) in texts {
            if let Some(text) = text {
                sign_in = set(sign_in, &text);
            }
        }
        if let Some(status) = self.status {
            sign_in = sign_in.status(Status::from(&*status), self.waiting_for.as_deref());
        }
        Ok(sign_in)
    }
}

/// JSON with whatever acts or hides on a terminal escaped. Outside of strings there is nothing of
/// the kind, so the text as a whole can be gone through.
pub(super) fn visible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if crate::output::sanitize::is_hidden(c) && !matches!(c, '\n' | '\r' | '\t') {
            let mut quoted = String::new();
            push_string(&mut quoted, c.encode_utf8(&mut [0; 4]));
            out.push_str(quoted.trim_matches('"'));
        } else {
            out.push(c);
        }
    }
    out
}
