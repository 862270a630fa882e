//! `callboard attach S`.

use callboard_host::{AttachEnd, AttachOptions, DetachKey, Hosted};

use super::completions::live_sessions;
use crate::background::{Background, First, refused};
use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::output::stream::{Out, complain};
use crate::view::hosted::{handle, hosted_name};

const AFTER_HELP: &str = "\
Several terminals can be attached at once; the session has the size of the one that typed last, and
the others see as much of it as they have room for.

Examples:
  callboard attach build
  callboard attach build --read-only          look, and touch nothing
  callboard attach build --detach-key ctrl-q

Exits with 0 when it was detached or the session has ended, with 1 if it does not run, with 4 if its
host does not answer or was killed.";

/// bring a background session into this terminal, until the detach key (ctrl-\)
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Attach {
    /// a name, a pid, or the first characters of an id
    #[arg(value_name = "S", add = live_sessions())]
    session: String,
    /// look, and touch nothing: only the detach key is heard
    #[arg(long, short)]
    read_only: bool,
    /// which key leaves: ctrl and a letter, as ctrl-q, or none; without it, as configured: ctrl-\
    #[arg(long, value_name = "KEY", value_parser = key)]
    detach_key: Option<Key>,
    /// so many rows of the log above the screen, to scroll back to
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    history: usize,
}

/// A key or none.
#[derive(Clone, Copy, Debug)]
struct Key(Option<DetachKey>);

impl Attach {
    pub(crate) fn run(self, context: &Context) -> Result<Ended, Failure> {
        let background = Background::open(context)?;
        let session = background.find(context, &self.session, First::Live)?;
        let ended = attach(&background, &session, &self.options(context, &hosted_name(&session)))?;
        say_how(&session, ended)
    }

    fn options(&self, context: &Context, name: &str) -> AttachOptions {
        let mut options = AttachOptions::default();
        options.read_only = self.read_only;
        options.detach_key = match self.detach_key {
            Some(Key(key)) => key,
            None => context.config().background.detach_key,
        };
        options.history = self.history;
        options.hint = hint(name, &options);
        options
    }
}

/// What stands over the session for a moment: how to leave it.
pub(crate) fn hint(name: &str, options: &AttachOptions) -> Option<String> {
    let looks = if options.read_only { " (read-only)" } else { "" };
    options.detach_key.map(|key| format!("{}{looks}: {key} leaves it running", sanitize(name)))
}

/// Attaches this terminal, and returns when that is over.
pub(crate) fn attach(
    background: &Background,
    session: &Hosted,
    options: &AttachOptions,
) -> Result<AttachEnd, Failure> {
    // It would show itself in itself.
    if background.own().is_some_and(|own| own.id == session.id) {
        return Err(Failure::no(format!(
            "this is `{}` already; attach to it from another terminal",
            sanitize(&hosted_name(session))
        )));
    }
    let host = background.hosts.host(session.host).map_err(|error| refused(&error))?;
    let ended = host.attach(&session.id, options).and_then(callboard_host::AttachPlan::run);
    ended.map_err(|error| refused(&error))
}

/// Below what the session has left on the screen.
fn say_how(session: &Hosted, end: AttachEnd) -> Result<Ended, Failure> {
    let name = hosted_name(session);
    let name = sanitize(&name);
    let back = format!("callboard attach {}", handle(session));
    let (line, ended) = match end {
        AttachEnd::Detached => (format!("left {name} running; back with: {back}"), Exit::Yes),
        AttachEnd::Ended(exit) => (format!("{name} has ended: {exit}"), Exit::Yes),
        AttachEnd::HostGone => {
            complain(format_args!(
                "the host of `{name}` is gone, or could not serve this terminal any more; \
                 `callboard show {}` says which",
                handle(session)
            ));
            return Ok(Exit::Unreachable.into());
        }
        // There may be no terminal any more to say it to.
        AttachEnd::Signal(signal) => {
            return Ok(Ended::AsTheirs(u8::try_from(128 + signal).unwrap_or(u8::MAX)));
        }
        _ => (format!("no longer attached to {name}; back with: {back}"), Exit::No),
    };
    let mut out = Out::new();
    out.line(&line)?;
    out.finish()?;
    Ok(ended.into())
}

fn key(text: &str) -> Result<Key, String> {
    if text == "none" {
        return Ok(Key(None));
    }
    let key = DetachKey::parse(text).map(|key| Key(Some(key)));
    key.ok_or_else(|| "not a key that can be told apart; write ctrl-q, ctrl-] or none".to_owned())
}
