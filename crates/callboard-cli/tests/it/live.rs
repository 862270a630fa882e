//! `callboard watch` on a real terminal: what is on its screen, and what is left of it afterwards.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcgetpgrp, tcsetwinsize};

use crate::hosting::Hosting;
use crate::terminal::with_a_terminal;
use crate::world::{World, callboard};

/// No event that a test waits for takes this long, on any machine.
const LIMIT: Duration = Duration::from_secs(40);

fn some(number: u16) -> NonZero<u16> {
    NonZero::new(number).unwrap()
}

/// A terminal with the program on it.
struct Live {
    controller: File,
    /// The other end, so that its modes can be asked for when nobody has it any more.
    user: OwnedFd,
    emulator: vt100::Parser,
    /// Everything that was written to it.
    raw: Vec<u8>,
    child: Child,
}

impl Live {
    /// `callboard watch` in a world, on so many columns and lines.
    fn watch(world: &World, arguments: &[&str], size: (u16, u16)) -> Self {
        let mut command = with_a_terminal(world);
        command.arg(callboard()).arg("watch").args(arguments);
        Self::start(&mut command, size)
    }

    fn start(command: &mut Command, (columns, lines): (u16, u16)) -> Self {
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = rustix_openpty::openpty(None, Some(&size)).unwrap();
        let end = || Stdio::from(pty.user.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let emulator = vt100::Parser::new(some(lines), some(columns), 0);
        let controller = pty.controller.into();
        Self { controller, user: pty.user, emulator, raw: Vec::new(), child }
    }

    fn type_in(&mut self, keys: &str) {
        self.controller.write_all(keys.as_bytes()).unwrap();
    }

    /// The screen, without what follows the last character of a line.
    fn screen(&self) -> String {
        self.emulator.screen().contents()
    }

    /// Takes in what is written until it is so.
    fn wait_until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + LIMIT;
        while !is_so(self) {
            let left = until.saturating_duration_since(Instant::now());
            let mut fds = [PollFd::new(&self.controller, PollFlags::IN)];
            let ready = poll(&mut fds, Some(&Timespec::try_from(left).unwrap())).unwrap();
            assert!(ready > 0, "{what}: never so on\n{}", self.screen());
            let mut bytes = [0; 4096];
            let read = self.controller.read(&mut bytes).unwrap_or(0);
            assert!(read > 0, "{what}: the terminal is closed on\n{}", self.screen());
            self.raw.extend(&bytes[..read]);
            self.emulator.process(&bytes[..read]);
        }
    }

    fn wait_for(&mut self, text: &str) {
        self.wait_until(text, |live| live.screen().contains(text));
    }

    fn wait_for_absence(&mut self, text: &str) {
        self.wait_until(&format!("no {text}"), |live| !live.screen().contains(text));
    }

    /// Waits until the board has a line that begins so.
    fn wait_for_line(&mut self, start: &str) {
        self.wait_until(start, |live| live.screen().lines().any(|line| line.starts_with(start)));
    }

    fn resize(&mut self, columns: u16, lines: u16) {
        self.emulator.screen_mut().set_size(some(lines), some(columns));
        let size = Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.controller, size).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Waits for its end.
    fn end(&mut self) -> ExitStatus {
        let until = Instant::now() + LIMIT;
        let pidfd = rustix::process::pidfd_open(self.pid(), rustix::process::PidfdFlags::empty());
        let pidfd = pidfd.unwrap();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            let mut fds =
                [PollFd::new(&self.controller, PollFlags::IN), PollFd::new(&pidfd, PollFlags::IN)];
            assert!(poll(&mut fds, Some(&left)).unwrap() > 0, "it never ends:\n{}", self.screen());
            let has_written = fds[0].revents().contains(PollFlags::IN);
            let has_ended = fds[1].revents().contains(PollFlags::IN);
            if has_written {
                let mut bytes = [0; 4096];
                let read = self.controller.read(&mut bytes).unwrap();
                self.raw.extend(&bytes[..read]);
                self.emulator.process(&bytes[..read]);
            } else if has_ended {
                return self.child.wait().unwrap();
            }
        }
    }

    /// Whether keys are lines with an echo again, and the screen is the one before.
    fn is_given_back(&self) -> bool {
        let modes = tcgetattr(&self.user).unwrap().local_modes;
        let screen = self.emulator.screen();
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    /// Whether it is raw, and shows the board.
    fn is_taken(&self) -> bool {
        let modes = tcgetattr(&self.user).unwrap().local_modes;
        let screen = self.emulator.screen();
        !modes.intersects(LocalModes::ICANON | LocalModes::ECHO) && screen.alternate_screen()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn sessions_appear_change_and_go() {
    let world = World::new();
    let mut live = Live::watch(&world, &[], (90, 16));
    live.wait_for("nobody is on");
    let mut billing = world.session("billing", &["--status", "busy", "--tool", "claude"]);
    live.wait_for_line("> billing  ● busy");
    let _api = world.session("api", &["--status", "busy"]);
    live.wait_for("2 busy");
    world.ok("update api --status waiting --waiting-for review");
    // It moves to the top, with a mark; and its status is in reverse, for an eye without colours.
    live.wait_until("api is on top and calls", |live| {
        let (screen, text) = (live.emulator.screen(), live.screen());
        let line = text.lines().nth(2).unwrap_or_default().to_owned();
        let status = screen.cell(2, 11);
        line.starts_with(" !api      ◆ waiting review")
            && status.is_some_and(|cell| cell.contents() == "◆" && cell.inverse() && cell.bold())
    });
    assert!(live.screen().starts_with("1 waiting · 1 busy"), "{}", live.screen());
    billing.kill();
    live.wait_for("`billing` is gone: died");
    live.wait_for_absence("> billing");
    live.type_in("q");
    assert_eq!(live.end().code(), Some(0));
    assert!(live.is_given_back());
}

#[test]
fn a_filter_a_search_and_an_order() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "busy", "--tool", "claude"]);
    let _b = world.session("beta", &["--status", "idle", "--tool", "qwen"]);
    let _c = world.session("gamma", &["--status", "idle", "--tool", "claude"]);
    let mut live = Live::watch(&world, &["--sort", "name", "--reverse"], (90, 16));
    live.wait_for_line("> gamma");
    live.type_in("ftool:claude");
    live.wait_for("(2 of 3 shown)");
    live.wait_for("filter: tool:claude");
    live.wait_for_absence("beta");
    live.type_in(" status:idle\r");
    live.wait_for("(1 of 3 shown)");
    live.wait_for("q quit");
    live.type_in("\u{1b}");
    live.wait_for("beta");
    // More than a directory of a random name is likely to spell: `l1aLpi` has an `alp`.
    live.type_in("/alpha\r");
    live.wait_for_line("> alpha");
    live.type_in("S");
    live.wait_until("by name, the first first", |live| {
        live.screen().lines().nth(2).is_some_and(|line| line.starts_with("> alpha"))
    });
    // The heading of the second column, and the third session, by the mouse.
    live.type_in("\u{1b}[<0;14;2M");
    live.wait_for("by status ▲");
    live.type_in("\u{1b}[<0;9;5M");
    live.wait_until("the third is selected", |live| {
        live.screen().lines().nth(4).is_some_and(|line| line.starts_with('>'))
    });
}

#[test]
fn a_new_name() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "busy"]);
    let mut live = Live::watch(&world, &[], (90, 10));
    live.wait_for_line("> alpha");
    live.type_in("r");
    live.wait_for("new name: alpha");
    live.type_in("\u{15}größer\r");
    live.wait_for_line("> größer");
    assert_eq!(world.names(), ["größer"]);
    live.type_in("r\u{15}\r");
    live.wait_for("an empty name names nobody");
}

#[test]
fn a_background_session_is_read_attached_to_and_ended() {
    let world = Hosting::new();
    let script = r#"echo "I am up"; while read x; do echo "got <$x>"; done"#;
    world.start("talk", script);
    let mut live = Live::watch(&world, &[], (100, 24));
    live.wait_for("builtin");
    live.type_in("\r");
    live.wait_for("── log ─");
    live.wait_for("I am up");
    live.type_in("a");
    live.wait_for("ctrl-\\ leaves it running");
    live.type_in("hello\r");
    live.wait_for("got <hello>");
    live.type_in("\u{1c}");
    live.wait_for("left `talk` running");
    assert!(live.is_taken());
    live.wait_for("got <hello>");
    live.type_in("xn");
    live.wait_for("q quit");
    live.type_in("x");
    live.wait_for("end talk with everything it has started? y/n");
    live.type_in("y");
    live.wait_for("nobody is on");
    assert!(world.ps().is_empty());
}

#[test]
fn a_session_with_a_terminal_of_its_own_is_not_ended_from_here() {
    let world = World::new();
    let alpha = world.session("alpha", &["--status", "busy"]);
    let mut live = Live::watch(&world, &[], (90, 10));
    live.wait_for_line("> alpha");
    for key in ["x", "a"] {
        live.type_in(key);
        live.wait_for("`alpha` has a terminal of its own");
        live.type_in("jy");
        live.wait_for("q quit");
    }
    assert!(std::path::Path::new(&format!("/proc/{}", alpha.pid())).exists());
}

#[test]
fn every_size_shows_what_it_has_room_for() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "waiting", "--waiting-for", "permission prompt"]);
    let mut live = Live::watch(&world, &[], (100, 20));
    live.wait_for("◆ waiting permission prompt");
    live.type_in("\r");
    live.wait_for("verdict      alive");
    live.resize(30, 12);
    live.wait_until("the details, on 30 columns", |live| {
        let is_cut = |line: &str| line.starts_with("  session id") && line.ends_with('…');
        live.screen().lines().any(is_cut) && !live.screen().contains("NAME")
    });
    for (columns, lines) in [(8, 2), (1, 1), (3, 40), (300, 60)] {
        live.resize(columns, lines);
        live.type_in("\u{c}");
    }
    live.type_in("\u{1b}");
    live.wait_for("s sort");
    // Not at once: the terminal may have grown while it was drawn.
    live.wait_for_line("> alpha");
    live.resize(20, 5);
    live.wait_until("name and status, on 20 columns", |live| {
        live.screen().lines().any(|line| line.starts_with(">alpha  ◆ waiting"))
    });
}

#[test]
fn what_cannot_be_read_has_a_line_until_it_is_gone() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "busy"]);
    let mut live = Live::watch(&world, &[], (120, 12));
    live.wait_for_line("> alpha");
    world.write_record("4.json", b"{\"pid\":");
    live.wait_for("sessions/4.json: ");
    live.wait_for("1 unreadable");
    std::fs::remove_file(world.sessions().join("4.json")).unwrap();
    live.wait_for_absence("4.json");
}

/// Changes come faster than anybody could draw them: all of them are taken in, now and then.
#[test]
fn a_board_that_never_rests_is_seen() {
    let world = World::new();
    let sessions: Vec<_> =
        (0..8).map(|nth| world.session(&format!("s{nth}"), &["--status", "busy"])).collect();
    let registry = callboard::Registry::at(world.sessions());
    let mut live = Live::watch(&world, &["--sort", "name"], (90, 16));
    live.wait_for("8 busy");
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let statuses = [callboard::Status::Waiting, callboard::Status::Busy];
            for status in statuses.iter().cycle().take_while(|_| !is_over.load(Ordering::SeqCst)) {
                for session in &sessions[1..] {
                    let patch = callboard::Patch::new().status(status.clone(), None);
                    registry.update(session.pid(), &patch).unwrap();
                }
            }
        });
        let over = OnDrop(|| is_over.store(true, Ordering::SeqCst));
        for name in ["late", "later", "latest"] {
            world.ok(&format!("update {} --name {name}", sessions[0].pid()));
            live.wait_for_line(&format!("> {name} "));
        }
        drop(over);
    });
}

/// Ends a thread, also when the test has failed.
struct OnDrop<F: Fn()>(F);

impl<F: Fn()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// What other programs write has no power over the terminal.
#[test]
fn names_with_sequences_in_them_are_text() {
    let world = World::new();
    let name = "a\u{1b}[2J\u{1b}]0;x\u{7}b";
    let _a = world.session(name, &["--status", "busy"]);
    let mut live = Live::watch(&world, &["--color", "never"], (120, 12));
    live.wait_for("a\\u{1b}[2J\\u{1b}]0;x\\u{7}b");
    live.type_in("\r");
    live.wait_for("── a\\u{1b}");
    let raw = String::from_utf8_lossy(&live.raw);
    assert!(!raw.contains("\u{1b}]0;") && !raw.contains("a\u{1b}[2J"), "{raw:?}");
}

#[test]
fn every_frame_is_whole_and_colours_are_those_that_are_wanted() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "busy"]);
    for (arguments, no_color, coloured) in
        [(&[][..], "", true), (&[][..], "1", false), (&["--color", "never"][..], "", false)]
    {
        let mut command = with_a_terminal(&world);
        command.arg(callboard()).arg("watch").args(arguments).env("NO_COLOR", no_color);
        let mut live = Live::start(&mut command, (90, 10));
        live.wait_for_line("> alpha");
        live.type_in("?");
        live.wait_for("any key goes back");
        live.type_in("\u{3}");
        assert_eq!(live.end().code(), Some(0), "ctrl-c leaves it");
        let raw = String::from_utf8(live.raw.clone()).unwrap();
        let begins = raw.matches("\u{1b}[?2026h").count();
        assert!(begins >= 2, "{raw:?}");
        // One more end than beginnings: leaving makes sure of it.
        assert_eq!(raw.matches("\u{1b}[?2026l").count(), begins + 1);
        // Outside of frames there is only what takes the terminal and gives it back.
        let outside: String = raw
            .split("\u{1b}[?2026l")
            .map(|part| part.split_once("\u{1b}[?2026h").map_or(part, |(outside, _)| outside))
            .collect();
        assert!(!outside.contains("alpha") && !outside.contains("goes back"), "{outside:?}");
        assert_eq!(raw.contains("\u{1b}[0;32m"), coloured, "{arguments:?} {no_color:?}");
        // Sixteen colours are all that any terminal needs.
        assert!(!raw.contains("38;") && !raw.contains("48;"), "{raw:?}");
    }
}

#[test]
fn signals_give_the_terminal_back() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "busy"]);
    for (signal, code) in
        [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130), (Signal::QUIT, 131)]
    {
        let mut live = Live::watch(&world, &[], (90, 10));
        live.wait_for_line("> alpha");
        assert!(live.is_taken());
        kill_process(live.pid(), signal).unwrap();
        assert_eq!(live.end().code(), Some(code));
        assert!(live.is_given_back(), "{signal:?}");
    }
    // Also while a line is typed, and while half of a key has come.
    let mut live = Live::watch(&world, &[], (90, 10));
    live.wait_for_line("> alpha");
    live.type_in("f\u{1b}[1");
    live.wait_for("filter:");
    kill_process(live.pid(), Signal::TERM).unwrap();
    assert_eq!(live.end().code(), Some(143));
    assert!(live.is_given_back());
}

#[test]
fn a_terminal_that_goes_away_ends_it() {
    let world = World::new();
    let mut live = Live::watch(&world, &[], (90, 10));
    live.wait_for("nobody is on");
    let pidfd = rustix::process::pidfd_open(live.pid(), rustix::process::PidfdFlags::empty());
    let gone = File::open("/dev/null").unwrap();
    drop(std::mem::replace(&mut live.controller, gone));
    let limit = Timespec::try_from(LIMIT).unwrap();
    let mut fds = [PollFd::from_borrowed_fd(
        std::os::fd::AsFd::as_fd(pidfd.as_ref().unwrap()),
        PollFlags::IN,
    )];
    assert_eq!(poll(&mut fds, Some(&limit)).unwrap(), 1, "it goes on without a terminal");
    assert_eq!(live.child.wait().unwrap().code(), Some(129));
}

/// As a shell with job control sees it: it stops, the terminal is the shell's, it comes back.
#[test]
fn ctrl_z_stops_it_and_fg_brings_it_back() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "busy"]);
    let mut shell = with_a_terminal(&world);
    shell
        .args(["bash", "--norc", "--noprofile", "-i"])
        .env("PS1", "prompt> ")
        .env("CB", callboard());
    let mut live = Live::start(&mut shell, (90, 14));
    live.wait_for("prompt> ");
    for stops in ["\u{1a}", "kill -TSTP"] {
        live.type_in("\"$CB\" watch\r");
        live.wait_for_line("> alpha");
        live.wait_until("it is taken", Live::is_taken);
        if stops == "\u{1a}" {
            live.type_in(stops);
        } else {
            // From elsewhere, to it alone.
            let job = tcgetpgrp(&live.controller).unwrap();
            kill_process(job, Signal::TSTP).unwrap();
        }
        live.wait_until("the shell has it", |live| {
            !live.emulator.screen().alternate_screen() && live.screen().contains("Stopped")
        });
        live.type_in("echo $((40 + 2)) $-\r");
        live.wait_for("42");
        assert!(!live.emulator.screen().hide_cursor());
        live.type_in("fg\r");
        live.wait_until("it is back", |live| {
            live.is_taken() && live.screen().lines().any(|line| line.starts_with("> alpha"))
        });
        live.type_in("q");
        // What is typed before the terminal is given back is for nobody.
        live.wait_until("the shell asks again", |live| {
            let text = live.screen();
            let last = text.trim_end().lines().last().unwrap_or_default().to_owned();
            !live.emulator.screen().alternate_screen() && last.trim_end() == "prompt>"
        });
        live.type_in("clear\r");
        live.wait_for_absence("42");
    }
}

/// Nobody could ever continue it: there is no shell in its session.
#[test]
fn it_does_not_stop_where_nobody_could_continue_it() {
    let world = World::new();
    let _a = world.session("alpha", &["--status", "busy"]);
    let mut live = Live::watch(&world, &[], (90, 10));
    live.wait_for_line("> alpha");
    live.type_in("\u{1a}");
    live.wait_until("it was drawn twice", |live| {
        String::from_utf8_lossy(&live.raw).matches("\u{1b}[?1049h").count() == 2
    });
    live.type_in("?");
    live.wait_for("any key goes back");
    assert!(waitpid(Some(live.pid()), WaitOptions::NOHANG).unwrap().is_none());
}

#[test]
fn it_says_what_to_do_without_a_terminal() {
    let world = World::new();
    let ran = world.run("watch");
    assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("`callboard events`"), "{ran:?}");
    let mut command = with_a_terminal(&world);
    command.arg(callboard()).arg("watch").env("TERM", "dumb");
    let mut live = Live::start(&mut command, (200, 10));
    assert_eq!(live.end().code(), Some(1));
    assert!(live.screen().contains("`callboard events`"), "{}", live.screen());
    assert!(!live.raw.contains(&0x1b));
}

/// A server of its own, which ends with the test.
struct Tmux<'w>(&'w World);

impl Tmux<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.0.command("tmux");
        command.arg("-S").arg(self.0.path("tmp/tmux")).args(["-f", "/dev/null"]).args(arguments);
        command
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }
}

impl Drop for Tmux<'_> {
    fn drop(&mut self) {
        _ = self.command(&["kill-server"]).output();
    }
}

#[test]
fn it_goes_to_the_pane_of_a_session() {
    let world = World::new();
    let tmux = Tmux(&world);
    // A shell that signs itself in, in the second pane of the second of three windows.
    let cb = callboard().display();
    let other = format!("{cb} register --name alpha; exec cat");
    tmux.ok(&["new-session", "-d", "-s", "work", "-x", "90", "-y", "20", "cat"]);
    tmux.ok(&["new-window", "-t", "work:", "cat"]);
    let arrivals = world.arrivals();
    let pane = tmux.ok(&["split-window", "-P", "-F", "#{pane_id}", "-t", "work:1", &other]);
    arrivals.wait();
    tmux.ok(&["select-pane", "-t", "work:1.0"]);
    tmux.ok(&["new-window", "-t", "work:", &format!("{cb} watch")]);
    // Somebody who looks at it.
    let mut client = with_a_terminal(&world);
    client.arg("tmux").arg("-S").arg(world.path("tmp/tmux")).args(["attach", "-t", "work"]);
    let mut live = Live::start(&mut client, (90, 20));
    live.wait_for("> alpha");
    live.type_in("t");
    live.wait_until("another window is shown", |live| !live.screen().contains("> alpha"));
    let selected = tmux.ok(&["display-message", "-p", "-t", "work:", "#{window_index} #{pane_id}"]);
    assert_eq!(selected, format!("1 {pane}"));
}

#[test]
fn it_says_where_a_session_is_that_it_cannot_go_to() {
    let world = World::new();
    let mut command = with_a_terminal(&world);
    command.args([
        "sh",
        "-c",
        &format!("{} register --name alpha; exec cat", callboard().display()),
    ]);
    let arrivals = world.arrivals();
    let elsewhere = Live::start(&mut command, (80, 24));
    arrivals.wait();
    let terminal = rustix::termios::ttyname(&elsewhere.user, Vec::new()).unwrap();
    let mut live = Live::watch(&world, &[], (90, 10));
    live.wait_for_line("> alpha");
    live.type_in("t");
    live.wait_for(&format!("`alpha` is on {}; this is no tmux", terminal.to_str().unwrap()));
}
