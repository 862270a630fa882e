//! `callboard restart S`.

use callboard_host::{Environment, supervisor};

use super::completions::live_sessions;
use super::run::{announce, not_hosted};
use crate::background::{Background, First};
use crate::context::Context;
use crate::exit::Ended;
use crate::failure::Failure;

const AFTER_HELP: &str = "\
It is stopped first if it runs, and keeps its id, its directory and its log. Only of a session with
a restart policy the environment is kept, and it gets that again; with --update-env, and any other
session always, it gets the environment of this command. What has failed is given a new try.

Examples:
  callboard restart build
  env API_KEY=\"$key\" callboard restart --update-env api";

/// start a background session once more, under its id
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Restart {
    /// a name, a pid, or the first characters of an id
    #[arg(value_name = "S", add = live_sessions())]
    session: String,
    /// with the environment of this command, also where one was kept; it is kept from then on
    #[arg(long)]
    update_env: bool,
}

impl Restart {
    pub(crate) fn run(self, context: &Context) -> Result<Ended, Failure> {
        let background = Background::open(context)?;
        let session = background.find(context, &self.session, First::Live)?;
        let env = self.update_env.then(Environment::inherited);
        match supervisor::restart(&background.hosts, &session.id, env) {
            Ok(session) => announce(context, &session),
            Err(error) => not_hosted(&error),
        }
    }
}
