//! `callboard exec --on STATUS -- CMD`.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};

use callboard_agents::{BoardEvent, Row};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::watching::start;
use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::complain;
use crate::view::filter::Filter;
use crate::view::naming::shown_name;

const AFTER_HELP: &str = "\
The command runs once for each change, one after the other; what happens meanwhile is not lost. It
finds the session in its environment: CALLBOARD_EVENT (appeared, changed, gone), CALLBOARD_PID,
CALLBOARD_ID, CALLBOARD_NAME, CALLBOARD_STATUS, CALLBOARD_WAITING_FOR, CALLBOARD_CWD,
CALLBOARD_TOOL; empty where nothing is known. They hold what other programs wrote: quote them.

Examples:
  callboard exec --on waiting -- notify-send 'somebody waits for you'
  callboard exec --on idle --name nightly --once -- ./collect-results
  callboard exec --on gone -- sh -c 'logger \"$CALLBOARD_NAME is gone\"'

Goes on until it is ended; with --once it ends as the command ends.";

/// run a command when a session waits, is idle, is gone, or whatever else
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Exec {
    /// when: waiting, idle, busy, shell, any other status, appeared, gone
    #[arg(long, value_name = "STATUS", value_delimiter = ',', required = true,
        value_parser = clap::builder::NonEmptyStringValueParser::new())]
    on: Vec<String>,
    /// only the first time
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    filter: Filter,
    /// the command and its arguments
    #[arg(value_name = "CMD", required = true, last = true)]
    command: Vec<OsString>,
}

impl Exec {
    pub(crate) fn run(self, context: &Context) -> Result<Ended, Failure> {
        let limit = getrlimit(Resource::Nofile);
        let filter = self.filter.clone().resolved();
        let mut watch = start(context)?;
        loop {
            let Some(event) = watch.next_within(None)? else { continue };
            let Some((row, what)) = self.wanted(&event).filter(|(row, _)| filter.fits(row)) else {
                continue;
            };
            let status = self.execute(row, what, limit);
            match (status, self.once) {
                (Ok(status), true) => {
                    let signal = status.signal().map_or(0, |signal| 128 + signal);
                    let code = status.code().unwrap_or(signal);
                    return Ok(Ended::AsTheirs(u8::try_from(code).unwrap_or(1)));
                }
                (Err(failure), true) => return Err(failure),
                // One that cannot be started now may be there the next time.
                (Err(Failure::Told { message, .. }), false) => complain(message),
                _ => {}
            }
        }
    }

    fn wanted<'e>(&self, event: &'e BoardEvent) -> Option<(&'e Row, &'static str)> {
        let on = |word: &str| self.on.iter().any(|wanted| wanted == word);
        let has = |row: &Row| row.status.as_ref().is_some_and(|status| on(status.as_str()));
        match event {
            BoardEvent::Appeared(row) => (on("appeared") || has(row)).then_some((row, "appeared")),
            BoardEvent::Changed { row, fields, .. } => {
                (fields.contains(&"status") && has(row)).then_some((row, "changed"))
            }
            BoardEvent::Gone { row, .. } => on("gone").then_some((row, "gone")),
            _ => None,
        }
    }

    fn execute(
        &self,
        row: &Row,
        what: &str,
        limit: Rlimit,
    ) -> Result<std::process::ExitStatus, Failure> {
        let (program, arguments) = self.command.split_first().unwrap_or_else(|| unreachable!());
        let mut command = Command::new(program);
        with_session(command.args(arguments).stdin(Stdio::null()), row, what);
        let child = spawn(&mut command, limit);
        child.and_then(|mut child| child.wait()).map_err(|error| Failure::Told {
            exit: Exit::No,
            message: format!(
                "cannot run {}: {error}; give a program that is there and may be executed",
                sanitize(&program.to_string_lossy())
            ),
        })
    }
}

/// Puts a session into the environment of a command, and what has happened to it.
pub(super) fn with_session(command: &mut Command, row: &Row, what: &str) {
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or_default().replace('\0', "");
    command
        .env("CALLBOARD_EVENT", what)
        .env("CALLBOARD_PID", row.pid.to_string())
        .env("CALLBOARD_ID", text(&row.session_id))
        .env("CALLBOARD_NAME", shown_name(row).replace('\0', ""))
        .env("CALLBOARD_STATUS", row.status.as_ref().map_or("", |status| status.as_str()))
        .env("CALLBOARD_WAITING_FOR", text(&row.waiting_for))
        .env("CALLBOARD_CWD", text(&row.cwd))
        .env("CALLBOARD_TOOL", text(&row.tool));
}

/// Starts a command with this limit of descriptors. Ours is raised for the watch; programs that use
/// select(2) need the old one.
pub(super) fn spawn(command: &mut Command, limit: Rlimit) -> std::io::Result<Child> {
    let ours = getrlimit(Resource::Nofile);
    _ = setrlimit(Resource::Nofile, limit);
    let child = command.spawn();
    _ = setrlimit(Resource::Nofile, ours);
    child
}
