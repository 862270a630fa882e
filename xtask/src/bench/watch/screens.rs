//! Live views: how long until something that has changed on disk is on their screen, and what they
//! cost while nothing changes. Every tool gets the same home, the same processes and the same file.

use std::ffi::{OsStr, OsString};
use std::num::NonZeroU16;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::Pid;

use super::claudes::Claudes;
use crate::bench::hosts::processes::{self, Process};
use crate::bench::hosts::terminal::Terminal;
use crate::bench::timing::Samples;

/// A tool that shows sessions and goes on doing so.
pub(super) struct View {
    pub(super) name: &'static str,
    /// The words after the program; nothing of it where the program is ours.
    words: &'static [&'static str],
    program: Option<&'static str>,
}

pub(super) const VIEWS: &[View] = &[
    View { name: "callboard watch", words: &["watch"], program: None },
    View { name: "callboard events", words: &["events"], program: None },
    View { name: "abtop", words: &[], program: Some("abtop") },
    View { name: "claudectl", words: &[], program: Some("claudectl") },
    View { name: "agent-ps", words: &[], program: Some("agent-ps") },
    View { name: "claude agents", words: &["agents"], program: Some("claude") },
];

/// What was measured of one.
pub(super) struct Shown {
    /// How many names came, of how many.
    pub(super) came: usize,
    pub(super) of: usize,
    /// From the new record to its name on the screen, in microseconds; nothing if it never came.
    pub(super) times: Option<Samples>,
    /// While nothing changed, of one processor.
    pub(super) idle_share: f64,
    /// While nothing changed, in a second.
    pub(super) wakeups: f64,
    pub(super) pss_mib: f64,
}

/// How long something may take to appear: tools that look every five seconds are known.
const LONGEST: Duration = Duration::from_secs(15);

/// A tool has settled when it has drawn nothing for this long, or, if it always draws, after
/// [`LONGEST`].
const SETTLED: Duration = Duration::from_secs(3);

/// Room for every session and for what else a tool shows.
const COLUMNS: NonZeroU16 = NonZeroU16::new(160).unwrap();
const ROWS: NonZeroU16 = NonZeroU16::new(70).unwrap();

/// The sessions that stand there before; the others come one by one.
const PRESENT: usize = 10;

impl View {
    /// The command, if the tool is here.
    pub(super) fn command(
        &self,
        callboard: &Path,
        path: &OsString,
        home: &Path,
    ) -> Option<Command> {
        let program = match self.program {
            None => callboard.to_owned(),
            Some(name) => {
                std::env::split_paths(path).map(|dir| dir.join(name)).find(|p| p.is_file())?
            }
        };
        let mut command = Command::new(program);
        command
            .args(self.words)
            .env_clear()
            .current_dir(home.join("work"))
            .envs(sealed(home, path));
        Some(command)
    }
}

/// The environment of everything that is started here.
pub(super) fn sealed<'a>(home: &'a Path, path: &'a OsString) -> [(&'static str, &'a OsStr); 7] {
    [
        ("PATH", path),
        ("HOME", home.as_os_str()),
        ("CALLBOARD_HOME", home.as_os_str()),
        ("XDG_RUNTIME_DIR", home.as_os_str()),
        ("TERM", OsStr::new("xterm-256color")),
        ("LANG", OsStr::new("C.UTF-8")),
        ("SHELL", OsStr::new("/bin/sh")),
    ]
}

pub(super) fn measure(
    view: &View,
    callboard: &Path,
    path: &OsString,
    rounds: usize,
    idle: Duration,
) -> Result<Option<Shown>> {
    let home = tempfile::Builder::new().prefix("cbw-").tempdir()?;
    let Some(command) = view.command(callboard, path, home.path()) else { return Ok(None) };
    let claudes = Claudes::start(home.path(), PRESENT + rounds)?;
    for nth in 0..PRESENT {
        claudes.sign_in(nth)?;
    }
    let mut screen = Screen::start(command)?;
    screen.settle()?;
    let mut times = Vec::new();
    for nth in PRESENT..PRESENT + rounds {
        let begin = Instant::now();
        claudes.sign_in(nth)?;
        if !screen.shows(&Claudes::name(nth))? {
            break;
        }
        times.push(begin.elapsed().as_secs_f64() * 1e6);
        // The next change comes at no fixed moment of whoever polls.
        screen.terminal.read_for(Duration::from_millis(137 * (1 + nth as u64 % 7)))?;
    }
    screen.settle()?;
    let all = tree(screen.terminal.pid().context("the tool is gone")?);
    let (work, switches) = (processes::processor_time(&all), processes::switches(&all));
    let begin = Instant::now();
    screen.terminal.read_for(idle)?;
    let seconds = begin.elapsed().as_secs_f64();
    Ok(Some(Shown {
        came: times.len(),
        of: rounds,
        times: (!times.is_empty()).then(|| Samples::new(times)),
        idle_share: (processes::processor_time(&all) - work) / 1e3 / seconds,
        wakeups: (processes::switches(&all) - switches) as f64 / seconds,
        pss_mib: processes::memory(&all).pss / 1024.0,
    }))
}

/// A terminal, and a model of what stands there: who draws only what has changed does not send a
/// name that is half there already.
struct Screen {
    terminal: Terminal,
    model: vt100::Parser,
}

impl Screen {
    fn start(command: Command) -> Result<Self> {
        let model = vt100::Parser::new(ROWS, COLUMNS, 0);
        let terminal = Terminal::start_sized(command, COLUMNS.get(), ROWS.get())?;
        Ok(Self { terminal, model })
    }

    /// Waits until this stands there; false if it does not come.
    fn shows(&mut self, text: &str) -> Result<bool> {
        let until = Instant::now() + LONGEST;
        loop {
            self.model.process(&std::mem::take(&mut self.terminal.bytes));
            if self.model.screen().contents().contains(text) {
                return Ok(true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if !self.terminal.read(left)? {
                return Ok(false);
            }
        }
    }

    /// Waits until it has drawn what it has to draw.
    fn settle(&mut self) -> Result<()> {
        let until = Instant::now() + LONGEST;
        loop {
            let before = self.terminal.bytes.len();
            self.terminal.read_for(SETTLED)?;
            if self.terminal.bytes.len() == before || Instant::now() > until {
                return Ok(());
            }
        }
    }
}

/// A process and all that it has started.
pub(super) fn tree(pid: Pid) -> Vec<Process> {
    let pid = pid.as_raw_nonzero().get().unsigned_abs();
    let mut all = processes::descendants_of(pid);
    all.push(Process { pid, name: String::new() });
    all
}
