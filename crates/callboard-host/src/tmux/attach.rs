//! This terminal as a client of a session in tmux: tmux does it, and this process waits, ends it
//! with itself, and sees to it that the terminal is as it was.

use std::ffi::{OsStr, OsString};
use std::io::Read as _;
use std::os::fd::AsFd as _;
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

use super::Tmux;
use super::command::{Trouble, in_clean_environment};
use super::pane::Pane;
use super::server::{PATIENCE, Server};
use super::words::{argument, literally};
use crate::attach::{TerminalSignals, require_terminal};
use crate::error::{Error, Result};
use crate::host::{Attach, AttachEnd, AttachOptions, DetachKey};
use crate::screen::{LEAVE, PUSH_TITLE};
use crate::store::SessionDir;
use crate::system;

/// The title that the terminal had before.
const POP_TITLE: &[u8] = b"\x1b[23;0t";

/// How long a client, or a session, may take to end that is about to.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long the hint stands over the screen, in ms.
const HINT_STAYS: &str = "1500";

/// When the wheel and the mouse are the program's, and not for looking back.
const WHEEL_IS_THE_PROGRAMS: &str = "#{||:#{alternate_on},#{||:#{pane_in_mode},#{mouse_any_flag}}}";
const MOUSE_IS_THE_PROGRAMS: &str = "#{||:#{pane_in_mode},#{mouse_any_flag}}";

/// What a terminal is called that says nothing about itself, or that nobody has described: the one
/// whose sequences all of them know.
const TERM: &str = "xterm-256color";

/// Attaches the terminal on standard input and output.
#[derive(Debug)]
pub(super) struct TmuxClient {
    pub(super) tmux: Tmux,
    pub(super) session: SessionDir,
    pub(super) options: AttachOptions,
}

impl Attach for TmuxClient {
    fn run(self: Box<Self>) -> Result<AttachEnd> {
        let io = |doing| move |error: std::io::Error| Error::io(doing, "tmux", error);
        // First, so that no signal leaves the terminal as tmux has made it.
        let signals = TerminalSignals::take().map_err(io("take signals for"))?;
        require_terminal()?;
        let server = self.tmux.server();
        let pane = self.pane(&server)?;
        let before = Before::of_this_terminal()?;
        let mut child = self.client(&server, &pane).map_err(io("run"))?;
        let signal = wait(&child, &signals);
        let status = child.wait().map_err(io("wait for"))?;
        let mut said = String::new();
        if let Some(stderr) = &mut child.stderr {
            _ = stderr.take(4096).read_to_string(&mut said);
        }
        // Told to end, it ends with a code; killed, or left alone by its server, it has cleaned up
        // nothing.
        let is_clean = status.success() || (signal.is_some() && status.code().is_some());
        before.restore(is_clean);
        pane.tidy_up();
        match signal {
            Some(signal) => Ok(AttachEnd::Signal(signal)),
            None => self.end(status, &said, &server),
        }
    }
}

impl TmuxClient {
    /// Its place in tmux, that is there right now.
    fn pane(&self, server: &Server) -> Result<Pane> {
        let id = || self.session.id().clone();
        let state = || crate::sessions::state(&self.session).map_or("gone", |state| state.as_str());
        let Some(pane) = Pane::of(server, &self.session)? else {
            return Err(Error::NotRunning { id: id(), state: state() });
        };
        match server.ask(&["has-session", "-t", &pane.target()], PATIENCE) {
            Ok(_) => Ok(pane),
            Err(Trouble::Silent) => Err(Error::NoAnswer { id: id() }),
            Err(_) if !self.session.is_locked()? => {
                Err(Error::NotRunning { id: id(), state: state() })
            }
            Err(trouble) => Err(Error::Refused { id: id(), reason: trouble.reason() }),
        }
    }

    /// The client, on this terminal.
    fn client(&self, server: &Server, pane: &Pane) -> std::io::Result<Child> {
        let mut command = self.tmux.own.command(["client"]);
        command.arg(std::process::id().to_string()).arg(server.program()).args(Server::words());
        command.args(words(&self.options, pane));
        in_clean_environment(&mut command).current_dir(server.dir());
        for name in ["TERM", "COLORTERM"] {
            if let Some(value) = std::env::var_os(name).filter(|value| !value.is_empty()) {
                command.env(name, value);
            }
        }
        if std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb") {
            command.env("TERM", TERM);
        }
        // What it says at its end is for this process to say in its own words.
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()
    }

    /// What the end of the client means.
    fn end(&self, status: ExitStatus, said: &str, server: &Server) -> Result<AttachEnd> {
        if self.session.ended()?.is_some() || !self.session.is_locked()? {
            return Ok(self.end_of_session());
        }
        let said: String = said.trim().chars().filter(|c| !c.is_control()).collect();
        match status.success() {
            true if self.is_closed(server)? => Ok(self.end_of_session()),
            true => Ok(AttachEnd::Detached),
            false if server.process().is_none() => Ok(AttachEnd::HostGone),
            false if said.is_empty() => Ok(AttachEnd::Failed(status)),
            false => Err(Error::Refused { id: self.session.id().clone(), reason: said }),
        }
    }
}

impl TmuxClient {
    /// Whether tmux has closed it: somebody has told it to, and the program is just about to hear.
    fn is_closed(&self, server: &Server) -> Result<bool> {
        let Some(pane) = Pane::of(server, &self.session)? else { return Ok(false) };
        let asked = server.ask(&["has-session", "-t", &pane.target()], PATIENCE);
        Ok(matches!(asked, Err(Trouble::Refused(_))))
    }

    /// How a session ended that has, or is about to.
    fn end_of_session(&self) -> AttachEnd {
        let until = Instant::now() + FAREWELL;
        loop {
            let is_live = self.session.is_locked().unwrap_or(false);
            if let Ok(Some(ended)) = self.session.ended() {
                return AttachEnd::Ended(ended.exit);
            }
            if !is_live {
                return AttachEnd::HostGone;
            }
            if Instant::now() >= until {
                // It goes on without a terminal.
                return AttachEnd::Detached;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A tmux session of its own in the group of the session, with keys of its own. It is taken away
/// when the client has left: to have tmux do that (`destroy-unattached`) crashes the server (3.3a)
/// now and then, when a client is detached by a command.
fn words(options: &AttachOptions, pane: &Pane) -> Vec<OsString> {
    let name = format!("{}-{:08x}", pane.name(), crate::random::word());
    let mut line = Line::default();
    let table = bind_keys(options, &mut line);
    let target = pane.target();
    let mut open = vec!["new-session", "-t", &target, "-s", &name];
    if options.read_only {
        open.extend(["-f", "read-only,ignore-size"]);
    }
    line.say(&open);
    if !options.read_only {
        // With none but lookers, tmux would give the terminal the size of one of them; so it has
        // a fixed one until now.
        line.say(&["set-option", "-w", "window-size", "latest"]);
    }
    line.say(&["set-option", "key-table", &table]);
    if let Some(hint) = &options.hint {
        line.say(&["display-message", "-d", HINT_STAYS, "--", &literally(hint)]);
    }
    line.0
}

/// What keys mean to a client that leaves in this way. Returns the name of the table; all clients
/// with the same options share it.
fn bind_keys(options: &AttachOptions, line: &mut Line) -> String {
    let key = options.detach_key.map(|key| key.to_string().replace("ctrl-", "C-"));
    let looks = if options.read_only { "look" } else { "type" };
    let byte = options.detach_key.map_or(0, DetachKey::byte);
    let table = format!("callboard-{looks}-{byte}");
    for (event, unless, instead) in [
        ("WheelUpPane", WHEEL_IS_THE_PROGRAMS, "copy-mode -e"),
        ("MouseDrag1Pane", MOUSE_IS_THE_PROGRAMS, "copy-mode -M"),
    ] {
        let meaning = ["if-shell", "-F", unless, "send-keys -M", instead];
        line.say(&[&["bind-key", "-T", &table, event][..], &meaning].concat());
    }
    if let Some(key) = key {
        line.say(&["bind-key", "-T", &table, &key, "detach-client"]);
        // Right after an escape, the two look like one key with Alt.
        let (both, escape) = (format!("M-{key}"), ["send-keys", "Escape", ";"]);
        let escape = if options.read_only { &[][..] } else { &escape };
        let bind = ["bind-key", "-T", &table, &both];
        line.say(&[&bind[..], escape, &["detach-client"]].concat());
    }
    table
}

/// A command line of tmux.
#[derive(Default)]
struct Line(Vec<OsString>);

impl Line {
    /// Adds a command.
    fn say(&mut self, command: &[&str]) {
        if !self.0.is_empty() {
            self.0.push(";".into());
        }
        self.0.extend(command.iter().map(|word| argument(OsStr::new(word))));
    }
}

/// Waits until the client has ended; a signal to this process ends it, too, and is returned.
fn wait(child: &Child, signals: &TerminalSignals) -> Option<i32> {
    let held = system::pid(child.id()).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok())?;
    let mut ended_by = None;
    loop {
        let mut fds = [PollFd::new(&held, PollFlags::IN), PollFd::new(signals, PollFlags::IN)];
        let limit = ended_by.and(Timespec::try_from(FAREWELL).ok());
        // Interrupted by a signal: what it means stands on its stream.
        if poll(&mut fds, limit.as_ref()) == Ok(0) {
            // It waits for a server that does not answer.
            _ = pidfd_send_signal(held.as_fd(), Signal::KILL);
        }
        let has_ended = !fds[0].revents().is_empty();
        let ends = |signal: &i32| matches!(*signal, SIGHUP | SIGINT | SIGQUIT | SIGTERM);
        if let Some(signal) = signals.come().into_iter().find(ends) {
            ended_by = ended_by.or(Some(signal));
            _ = pidfd_send_signal(held.as_fd(), Signal::TERM);
        }
        if has_ended {
            return ended_by;
        }
    }
}

/// What the terminal was before.
struct Before(Termios);

impl Before {
    fn of_this_terminal() -> Result<Self> {
        let before = tcgetattr(std::io::stdin()).map_err(|_| Error::NoTerminal)?;
        write(PUSH_TITLE);
        Ok(Self(before))
    }

    /// A server that was killed has left it as it was for its last client.
    fn restore(self, is_clean: bool) {
        if !is_clean {
            write(LEAVE);
        }
        write(POP_TITLE);
        // What the terminal still had to say to the program is dropped: a shell would take it for
        // something typed.
        _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}

/// A terminal that takes nothing is gone.
fn write(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match rustix::io::write(std::io::stdout(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
