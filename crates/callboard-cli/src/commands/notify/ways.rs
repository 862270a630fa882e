//! The ways of telling, each by itself: one that fails is said once, and the others go on.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use callboard_agents::Row;
use rustix::process::Rlimit;

use super::children::{Children, Trouble};
use super::spoken::{BELL, desktop, osc9, osc777};
use super::telling::Words;
use crate::commands::exec::with_session;
use crate::config::{Edge, Way};
use crate::output::sanitize::sanitize;
use crate::output::stream::complain;

/// A desktop that does not answer within this is none.
const DESKTOP_LIMIT: Duration = Duration::from_secs(10);

/// A command that takes longer has something else to do.
const COMMAND_LIMIT: Duration = Duration::from_secs(60);

/// The ways that were asked for.
pub(super) struct Ways {
    by: Vec<Way>,
    command: Vec<std::ffi::OsString>,
    terminal: Option<File>,
    in_tmux: bool,
    children: BTreeMap<Way, Children>,
    /// What each way failed with last; told once, until it works again.
    failed: BTreeMap<Way, Trouble>,
    failures: usize,
}

impl Ways {
    /// The programs of the ways get this limit of descriptors.
    pub(super) fn new(by: Vec<Way>, command: Vec<std::ffi::OsString>, limit: Rlimit) -> Self {
        let in_tmux = std::env::var_os("TMUX").is_some_and(|tmux| !tmux.is_empty());
        let children = BTreeMap::from([
            (Way::Desktop, Children::new(DESKTOP_LIMIT, limit)),
            (Way::Command, Children::new(COMMAND_LIMIT, limit)),
        ]);
        let (failed, failures) = (BTreeMap::new(), 0);
        Self { by, command, terminal: None, in_tmux, children, failed, failures }
    }

    /// Tells by every way.
    pub(super) fn tell(&mut self, row: &Row, edge: Edge, words: &Words) {
        for way in self.by.clone() {
            let told = match way {
                Way::Desktop => self.notify_desktop(words),
                Way::Bell => self.write(BELL),
                Way::Osc9 => self.write(&osc9(words, self.in_tmux)),
                Way::Osc777 => self.write(&osc777(words, self.in_tmux)),
                Way::Command => self.run(row, edge),
            };
            self.judge(way, told, !matches!(way, Way::Desktop | Way::Command));
        }
    }

    /// What rings when a program has ended, and when to look at the latest.
    pub(super) fn alarms(&self) -> (Vec<BorrowedFd<'_>>, Option<Instant>) {
        let alarms: Vec<_> = self.children.values().map(Children::alarm).collect();
        let fds = alarms.iter().filter_map(|(fd, _)| *fd).collect();
        (fds, alarms.iter().filter_map(|(_, until)| *until).min())
    }

    /// Sees which programs have ended, and how.
    pub(super) fn look(&mut self) {
        let ended: Vec<_> = self
            .children
            .iter_mut()
            .filter_map(|(way, children)| Some((*way, children.look()?)))
            .collect();
        for (way, result) in ended {
            self.judge(way, result, true);
        }
    }

    /// How often it did not come out so far.
    pub(super) const fn failures(&self) -> usize {
        self.failures
    }

    fn judge(&mut self, way: Way, told: Result<(), Trouble>, is_over: bool) {
        match told {
            Ok(()) if is_over => _ = self.failed.remove(&way),
            Ok(()) => {}
            Err(trouble) => {
                self.failures += 1;
                let before = self.failed.insert(way, trouble.clone());
                if before.is_none_or(|before| before != trouble) {
                    complain(format_args!(
                        "cannot tell by {}: {}; {}",
                        way.as_str(),
                        sanitize(&trouble),
                        next_step(way)
                    ));
                }
            }
        }
    }

    fn notify_desktop(&mut self, words: &Words) -> Result<(), Trouble> {
        let call = desktop(words, cfg!(target_os = "macos"), is_on_the_path)
            .ok_or("there is neither notify-send nor gdbus")?;
        let mut command = Command::new(call.program);
        command.args(call.arguments).stdout(Stdio::null());
        self.add(Way::Desktop, command)
    }

    fn run(&mut self, row: &Row, edge: Edge) -> Result<(), Trouble> {
        let (program, arguments) = self.command.split_first().ok_or("no command is given")?;
        let mut command = Command::new(program);
        with_session(command.args(arguments), row, edge.as_str());
        self.add(Way::Command, command)
    }

    fn add(&mut self, way: Way, command: Command) -> Result<(), Trouble> {
        self.children.get_mut(&way).map_or(Ok(()), |children| children.add(command))
    }

    /// Writes to the terminal that this process has, wherever its output goes.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let terminal = match &mut self.terminal {
            Some(terminal) => terminal,
            // One that is stopped (ctrl-s) must not stop the other ways.
            None => {
                let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits();
                let flags = i32::try_from(flags).unwrap_or(0);
                let opened = OpenOptions::new().write(true).custom_flags(flags).open("/dev/tty");
                let opened = opened.map_err(|error| format!("there is no terminal: {error}"))?;
                self.terminal.insert(opened)
            }
        };
        let written = terminal.write_all(bytes);
        if written.is_err() {
            self.terminal = None;
        }
        written.map_err(|error| format!("the terminal takes nothing: {error}"))
    }
}

const fn next_step(way: Way) -> &'static str {
    match way {
        Way::Desktop => "install notify-send, see $DBUS_SESSION_BUS_ADDRESS, or tell another way",
        Way::Bell | Way::Osc9 | Way::Osc777 => {
            "run it in a terminal, or tell another way: --by desktop, or a command"
        }
        Way::Command => "give one that works after `--`, or as `command` in [notify]",
    }
}

pub(in crate::commands) fn is_on_the_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.is_absolute() && dir.join(program).is_file())
}
