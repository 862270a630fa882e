//! Starts a session in tmux, and hears whether its program runs.

use std::ffi::{OsStr, OsString};

use super::command::Trouble;
use super::inherited::Inherited;
use super::meeting::Meeting;
use super::pane::Pane;
use super::server::{PATIENCE, Server};
use super::words::{argument, shell_command};
use super::{OwnProgram, Tmux};
use crate::builtin::isolation;
use crate::builtin::request::{StartAnswer, StartRequest};
use crate::builtin::start::{begin, converse};
use crate::environment::Environment;
use crate::error::SpawnError;
use crate::hosted::Hosted;
use crate::size::Size;
use crate::spec::SpawnSpec;

pub(super) fn start(tmux: &Tmux, spec: &SpawnSpec) -> Result<Hosted, SpawnError> {
    let spec = SpawnSpec { env: of_this_terminal(spec.env.clone()), ..spec.clone() };
    begin(&tmux.sessions, &spec, |request| ask(tmux, &spec, &request))
}

/// A program is told which terminal it has, if it is told of one at all.
fn of_this_terminal(env: Environment) -> Environment {
    const PLACES: [&str; 4] =
        ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/local/share/terminfo"];
    if env.get("TERM").is_none() {
        return env;
    }
    let is_known =
        PLACES.iter().any(|place| std::path::Path::new(place).join("t/tmux-256color").exists());
    env.with("TERM", if is_known { "tmux-256color" } else { "screen-256color" })
}

/// Has tmux run a keeper, tells it, and hears how it went.
fn ask(tmux: &Tmux, spec: &SpawnSpec, request: &StartRequest) -> Result<StartAnswer, SpawnError> {
    let failed = |doing| move |source| SpawnError::Host { doing, source };
    let server = tmux.server();
    let wrapper = isolation::wrapper(request.spec.host, spec, &request.id)?;
    let mut _held = server.hold(&tmux.own)?;
    let meeting = Meeting::open(server.dir()).map_err(failed("listen for the keeper"))?;
    let name = format!("callboard-{:08x}-{}", crate::random::word(), request.id);
    let words = command(&tmux.own, &wrapper, &meeting, &name, request.spec.size);
    let opened = match server.ask(&words, 5 * PATIENCE) {
        // It was killed since it was looked at.
        Err(Trouble::NoServer) => {
            _held = server.hold(&tmux.own)?;
            server.ask(&words, 5 * PATIENCE)
        }
        opened => opened,
    };
    opened.map_err(|trouble| SpawnError::Failed(trouble.reason()))?;
    let target = format!("={name}");
    // Silence is no "no": a busy machine's server may answer late.
    let will_come = || {
        let asked = server.ask(&["has-session", "-t", &target], PATIENCE);
        !matches!(asked, Err(Trouble::NoServer | Trouble::Refused(_)))
    };
    let keeper = meeting.keeper(will_come);
    let answer =
        keeper.map_err(failed("meet the keeper")).and_then(|keeper| converse(&keeper, request));
    if !matches!(answer, Ok(StartAnswer::Started { .. })) {
        // It ends by itself, if it does not hang; the server is to be known to be idle now.
        Pane::new(server, name, String::new()).close();
    }
    answer
}

/// One command, so that not a byte is printed before there is a pipe.
fn command(
    own: &OwnProgram,
    wrapper: &[OsString],
    meeting: &Meeting,
    name: &str,
    size: Size,
) -> Vec<OsString> {
    let (columns, rows) = (size.columns.to_string(), size.rows.to_string());
    let start = ["new-session", "-d", "-s", name, "-x", &columns, "-y", &rows, "-c", "/"];
    let inherited = Inherited::here().word();
    let dir = meeting.dir().as_os_str();
    let mut words = start.map(OsString::from).to_vec();
    let keeper =
        own.words_from_elsewhere([OsStr::new("keep"), dir, name.as_ref(), inherited.as_ref()]);
    words.extend(wrapper.iter().chain(&keeper).map(|word| argument(word)));
    let target = format!("={name}:");
    words.extend([";", "pipe-pane", "-IO", "-t", &target].map(OsString::from));
    let pipe = own.words_from_elsewhere([OsStr::new("pipe"), dir]);
    words.push(argument(&shell_command(&pipe)));
    // It keeps this size until somebody comes who does not only look: see `attach`.
    words.extend([";", "resize-window", "-t", &target].map(OsString::from));
    words
}

impl Tmux {
    pub(super) fn server(&self) -> Server {
        Server::at(self.sessions.store(), self.tmux.clone())
    }
}
