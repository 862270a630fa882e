//! `callboard demo`: three real sessions in a home of their own, seen through the real board.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use callboard::{Home, Registry};
use callboard_agents::{Board, Row, Sources, attention};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::demo_session::DONE;
use crate::context::Context;
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::stream::{Out, Stop};
use crate::output::terminal::Page;
use crate::view::summary::summary;
use crate::view::table::{Drawing, table};

const AFTER_HELP: &str = "\
The sessions are three processes that sign in with the library, in a temporary home; your own board
is not touched, and nothing is left behind.

Examples:
  callboard demo";

/// show what the board looks like: three real sessions, for five seconds
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Demo {}

const NAMES: [&str; 3] = ["billing", "docs", "deploy"];

/// What each of them does, step by step.
const SCRIPT: [[&str; 3]; 5] = [
    ["busy", "busy", "busy"],
    ["waiting permission prompt", "busy", "busy"],
    ["busy", "waiting answer to a question", "busy"],
    ["idle", "busy", "waiting approval of the plan"],
    ["idle", "idle", "idle"],
];

/// How long a person needs to read a step.
const READING_TIME: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

impl Demo {
    pub(crate) fn run(self, context: &Context) -> Result<Ended, Failure> {
        let page = context.page();
        let interrupt = Interrupt::new().map_err(|e| failed("take signals", &e))?;
        let scratch = tempfile::Builder::new()
            .prefix("callboard-demo-")
            .tempdir()
            .map_err(|e| failed("make a temporary directory (see TMPDIR)", &e))?;
        let mut players = Vec::new();
        for name in NAMES {
            players.push(Player::start(scratch.path(), name)?);
        }
        let result = play(&mut players, scratch.path(), page, &interrupt);
        // In this order: their input ends, they sign out and end, then the home goes.
        players.into_iter().try_for_each(Player::end).map_err(|e| failed("end a session", &e))?;
        scratch.close().map_err(|e| failed("remove the temporary home", &e))?;
        match result? {
            Some(signal) => Ok(Ended::AsTheirs(u8::try_from(128 + signal).unwrap_or(u8::MAX))),
            None => Ok(Exit::Yes.into()),
        }
    }
}

fn failed(doing: &str, error: &std::io::Error) -> Failure {
    Failure::no(format!("the demo cannot {doing}: {error}; `callboard run -- CMD` shows the same"))
}

/// Goes through the script; early, if a signal says so.
fn play(
    players: &mut [Player],
    scratch: &Path,
    page: Page,
    interrupt: &Interrupt,
) -> Result<Option<i32>, Failure> {
    let sources = Sources::new(Registry::at(Home::at(scratch).sessions()));
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let mut screen = Screen { page, in_place: page.for_people && !dumb, drawn: 0 };
    let mut out = Out::new();
    for step in SCRIPT {
        for (player, orders) in players.iter_mut().zip(step) {
            player.obey(orders).map_err(|e| failed("talk to a session", &e))?;
        }
        screen.draw(&mut out, Board::read(&sources).rows, scratch)?;
        if let Some(signal) = interrupt.wait(READING_TIME) {
            return Ok(Some(signal));
        }
    }
    out.text("\nthat was the demo: three real processes; nothing of them is left behind\n")?;
    out.text("put a command of your own on the board: callboard run -- CMD\n")?;
    out.finish()?;
    Ok(None)
}

/// Where the frames are drawn: one over the other on a terminal, one below the other elsewhere.
struct Screen {
    page: Page,
    in_place: bool,
    drawn: usize,
}

impl Screen {
    fn draw(&mut self, out: &mut Out, mut rows: Vec<Row>, scratch: &Path) -> Result<(), Stop> {
        rows.retain(Row::is_listed);
        rows.sort_by(attention);
        let Page { columns, palette, .. } = self.page;
        let home = scratch.to_str();
        let drawing = Drawing { now: now(), home, columns, palette };
        let mut lines: Vec<String> = table(&rows, &[], drawing).collect();
        lines.push(summary(&rows, 0, palette, columns));
        if self.drawn > 0 {
            out.text(&if self.in_place { format!("\u{1b}[{}A", self.drawn) } else { "\n".into() })?;
        }
        for line in &lines {
            out.line(&if self.in_place { format!("{line}\u{1b}[K") } else { line.clone() })?;
        }
        self.drawn = lines.len();
        out.flush()
    }
}

/// One of the sessions, from outside.
struct Player {
    process: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Player {
    fn start(scratch: &Path, name: &str) -> Result<Self, Failure> {
        let directory = scratch.join("src").join(name);
        std::fs::create_dir_all(&directory).map_err(|e| failed("make a directory", &e))?;
        let program = std::env::current_exe().map_err(|e| failed("find its own program", &e))?;
        let mut process = Command::new(program)
            .arg("--home")
            .arg(scratch)
            .args(["demo-session", name])
            .current_dir(directory)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A ctrl-c is for the demo, which then ends them in good order.
            .process_group(0)
            .spawn()
            .map_err(|e| failed("start a session", &e))?;
        let streams = (process.stdin.take(), process.stdout.take());
        let (Some(orders), Some(answers)) = streams else {
            return Err(Failure::no("the demo cannot talk to its sessions; try again"));
        };
        let answers = BufReader::new(answers);
        let mut player = Self { process, orders: Some(orders), answers };
        player.await_answer().map_err(|e| failed("sign a session in", &e))?;
        Ok(player)
    }

    /// Gives an order and returns when it has been followed.
    fn obey(&mut self, order: &str) -> std::io::Result<()> {
        if let Some(orders) = &mut self.orders {
            orders.write_all(format!("{order}\n").as_bytes())?;
        }
        self.await_answer()
    }

    fn await_answer(&mut self) -> std::io::Result<()> {
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer.trim_end() == DONE {
            return Ok(());
        }
        Err(std::io::Error::other("one of them ended early"))
    }

    /// Ends the session's input, and waits until it has signed out and ended.
    fn end(mut self) -> std::io::Result<()> {
        self.orders = None;
        self.process.wait().map(drop)
    }
}

impl Drop for Player {
    /// When the demo cannot go on, no process of it is left behind either.
    fn drop(&mut self) {
        self.orders = None;
        _ = self.process.wait();
    }
}

/// The signals that end the demo, as something that can be waited for together with a clock.
struct Interrupt {
    arrivals: Vec<(i32, UnixStream)>,
}

impl Interrupt {
    fn new() -> std::io::Result<Self> {
        let mut arrivals = Vec::new();
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let (arrival, noted) = UnixStream::pair()?;
            signal_hook::low_level::pipe::register(signal, noted)?;
            arrivals.push((signal, arrival));
        }
        Ok(Self { arrivals })
    }

    /// Waits for the time to pass, or for one of the signals.
    fn wait(&self, time: Timespec) -> Option<i32> {
        let arrivals = self.arrivals.iter();
        let mut fds: Vec<_> = arrivals.map(|(_, fd)| PollFd::new(fd, PollFlags::IN)).collect();
        // Interrupted by a signal that has its byte in the pipe already, or by one that is none
        // of ours: look once more, for what is there.
        if poll(&mut fds, Some(&time)).is_err() {
            _ = poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        }
        let arrived = fds.iter().position(|fd| fd.revents().contains(PollFlags::IN))?;
        Some(self.arrivals[arrived].0)
    }
}
