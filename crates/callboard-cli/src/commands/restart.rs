//! `callboard restart S`.

use callboard_host::Environment;

use super::completions::live_sessions;
use super::run::{announce, not_hosted};
use crate::background::{Background, First};
use crate::context::Context;
use crate::exit::Ended;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
It is stopped first if it runs, and keeps its id, its directory and its log. What it was started
with in its environment is kept nowhere: it gets the environment of this command.

Examples:
  callboard restart build
  env API_KEY=\"$key\" callboard restart api";

/// start a background session once more, under its id
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Restart {
    /// a name, a pid, or the first characters of an id
    #[arg(value_name = "S", add = live_sessions())]
    session: String,
}

impl Restart {
    pub(crate) fn run(self, context: &Context) -> Result<Ended, Failure> {
        let background = Background::open(context)?;
        let session = background.find(context, &self.session, First::Live)?;
        match background.hosts.restart(&session.id, Environment::inherited()) {
            Ok(session) => announce(context, &session),
            Err(error) => not_hosted(&error),
        }
    }
}
