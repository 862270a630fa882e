//! `callboard detach S`.

use callboard_host::Detach as Who;

use super::completions::live_sessions;
use crate::background::{Background, First, refused};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::complain;
use crate::view::hosted::hosted_name;

const AFTER_HELP: &str = "\
Examples:
  callboard detach                            typed in a background session: gives the terminal back
  callboard detach build --all

Exits with 1 if nobody was attached.";

/// give a terminal back to whoever has brought a session there; the session goes on
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Detach {
    /// a name, a pid, or the first characters of an id; without it, the session that it is typed in
    #[arg(value_name = "S", add = live_sessions())]
    session: Option<String>,
    /// every terminal, not the one that typed last
    #[arg(long, short)]
    all: bool,
}

impl Detach {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let background = Background::open(context)?;
        let session = match &self.session {
            Some(text) => background.find(context, text, First::Live)?,
            None => background.own().ok_or_else(|| {
                Failure::usage("this runs in no background session; say which one is meant")
            })?,
        };
        let who = if self.all { Who::All } else { Who::LastTypist };
        let host = background.hosts.host(session.host);
        let detached = host.and_then(|host| host.detach(&session.id, who));
        if detached.map_err(|error| refused(&error))? > 0 {
            return Ok(Exit::Yes);
        }
        let name = hosted_name(&session);
        complain(format_args!("nobody is attached to `{}`", sanitize(&name)));
        Ok(Exit::No)
    }
}
