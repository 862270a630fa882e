//! Being told, by the real program: by every way, once, and not of what one looks at.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::time::Instant;

use crate::terminal::{Terminal, with_a_terminal};
use crate::world::{Living, World, callboard, listens, ran};

/// Statuses count as soon as they are there: what lasts for how long, is a rule with cases of its
/// own.
const AT_ONCE: [&str; 3] = ["notify", "--settle", "0"];

/// `notify`, once it listens.
struct Told {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    complaints: std::io::Lines<BufReader<ChildStderr>>,
    _herald: Living,
}

impl Told {
    fn start(world: &World, arguments: &[&str]) -> Self {
        Self::start_with(world, arguments, |_| {})
    }

    /// A session that waits already is told of when it listens.
    fn start_with(world: &World, arguments: &[&str], with: impl FnOnce(&mut Command)) -> Self {
        let herald = world.session("herald", &["--status", "waiting"]);
        let mut command = world.callboard(AT_ONCE.iter().chain(&["--present"]).chain(arguments));
        with(&mut command);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let complaints = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut told = Self { child, lines, complaints, _herald: herald };
        assert_eq!(told.next(), "herald waits for you: cat · work");
        told
    }

    fn next(&mut self) -> String {
        self.lines.next().expect("it goes on").unwrap()
    }

    fn complaint(&mut self) -> String {
        self.complaints.next().expect("it goes on").unwrap()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Puts a program before all others.
fn program(world: &World, name: &str, script: &str) -> String {
    let bin = world.path("bin");
    std::fs::create_dir_all(&bin).unwrap();
    let path = bin.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

#[test]
fn waiting_idle_and_died() {
    let world = World::new();
    let billing = world.session("billing", &["--status", "busy", "--tool", "claude"]);
    let began = Instant::now();
    let _worker = world.session("worker", &["--status", "busy"]);
    let mut doomed = world.session("doomed", &["--status", "busy"]);
    let mut told = Told::start(&world, &["--idle-after", "0", "--by", "command", "--", "true"]);
    world.ok("update billing --status waiting --waiting-for review");
    assert_eq!(told.next(), "billing waits for you: review · claude · work");
    world.ok("update worker --status idle");
    // On a busy machine it may have worked for longer than no second.
    let line = told.next();
    let idle = |s| line == format!("worker is idle: after {s}s of work · cat · work");
    assert!((0..=began.elapsed().as_secs()).any(idle), "{line}");
    // Who signs out has not died.
    world.ok("deregister billing");
    drop(billing);
    doomed.kill();
    assert_eq!(told.next(), "doomed has died: it was busy · cat · work");
}

#[test]
fn idle_only_after_long_work() {
    let world = World::new();
    let _short = world.session("short", &["--status", "busy"]);
    let _other = world.session("other", &["--status", "busy"]);
    let mut told = Told::start(&world, &["--idle-after", "1h", "--by", "command", "--", "true"]);
    world.ok("update short --status idle");
    world.ok("update other --status waiting");
    assert_eq!(told.next(), "other waits for you: cat · work");
}

/// What it is does not count before it has lasted; that it is gone, at once.
#[test]
fn what_does_not_last_is_not_told() {
    let world = World::new();
    let _asks = world.session("asks", &["--status", "busy"]);
    let mut dies = world.session("dies", &["--status", "busy"]);
    let mut command = world.callboard(["notify", "--settle", "1h", "--", "true"]);
    let mut child = Living(command.stdout(Stdio::piped()).spawn().unwrap());
    listens(child.pid(), 2);
    world.ok("update asks --status waiting");
    dies.kill();
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "dies has died: it was busy · cat · work");
}

#[test]
fn a_command_has_the_session_in_its_environment() {
    let world = World::new();
    let evil = "it's $(touch hacked)";
    let _evil = world.session(evil, &["--status", "busy"]);
    let script = "echo \"$CALLBOARD_EVENT $CALLBOARD_STATUS $CALLBOARD_NAME\" >&2; exit 3";
    let mut told = Told::start(&world, &["--name", "it's,herald", "--", "sh", "-c", script]);
    let expected = "callboard: cannot tell by command: exit status: 3: waiting waiting herald; \
                    give one that works after `--`, or as `command` in [notify]";
    assert_eq!(told.complaint(), expected);
    world.run_args(&["update", evil, "--status", "waiting"]);
    assert!(told.complaint().contains(&format!("waiting waiting {evil};")));
    assert!(!world.path("work/hacked").exists());
}

#[test]
fn the_desktop_is_told_and_a_way_that_fails_is_said_once() {
    let world = World::new();
    let _a = world.session("<b>a</b>", &["--status", "busy"]);
    let log = world.path("work/log");
    let path = program(
        &world,
        "notify-send",
        &format!("printf '%s|' \"$@\" >> {0}; echo >> {0}; echo no bus >&2; exit 1", log.display()),
    );
    // No terminal either: two ways fail, and the third goes on.
    let ways = ["--by", "bell,desktop", "--", "sh", "-c", "echo \"$CALLBOARD_NAME\" > told"];
    let mut command = with_no_terminal(&world, &ways);
    let herald = world.session("herald", &["--status", "waiting"]);
    let child = command.env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = Living(child.unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "herald waits for you: cat · work");
    let mut complaints = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let mut complaint = || complaints.next().unwrap().unwrap();
    assert!(complaint().starts_with("callboard: cannot tell by bell: there is no terminal: "));
    let desktop = complaint();
    assert!(desktop.starts_with("callboard: cannot tell by desktop: exit status: 1: no bus; "));
    world.run_args(&["update", "<b>a</b>", "--status", "waiting"]);
    assert_eq!(lines.next().unwrap().unwrap(), "<b>a</b> waits for you: cat · work");
    // The end of this one is told of when the others have been tried again.
    drop(herald);
    assert_eq!(lines.next().unwrap().unwrap(), "herald has died: it was waiting · cat · work");
    let told = std::fs::read_to_string(&log).unwrap();
    let first = "--app-name=callboard|--urgency=normal|--|herald waits for you|cat · work|";
    assert_eq!(told.lines().next(), Some(first), "{told}");
    child.kill();
    assert!(complaints.next().is_none(), "each way has been said once");
}

/// In a session of its own, which has no terminal.
fn with_no_terminal(world: &World, arguments: &[&str]) -> Command {
    let mut command = world.command("setsid");
    command.args(["--wait", callboard().to_str().unwrap()]);
    command.args(AT_ONCE).arg("--present").args(arguments);
    command
}

#[test]
fn a_terminal_is_told_and_does_not_obey() {
    let world = World::new();
    let evil = "x\u{1b}]0;owned\u{7};\u{9b}31m";
    let _evil = world.session(evil, &["--status", "waiting"]);
    let mut command = with_a_terminal(&world);
    command.arg(callboard()).args(AT_ONCE);
    command.args(["--present", "--quiet", "--by", "bell,osc9,osc777"]);
    let mut terminal = Terminal::start(&mut command, 80);
    let name = "x\\u{1b}]0,owned\\u{7},\\u{9b}31m";
    terminal.wait_for(&format!("\u{7}\u{1b}]9;{name} waits for you: cat · work\u{7}"));
    terminal.wait_for(&format!("\u{1b}]777;notify;{name} waits for you;cat · work\u{7}"));
}

#[test]
fn a_trial_says_whether_it_comes_through() {
    let world = World::new();
    let log = world.path("work/log");
    let works = program(&world, "notify-send", &format!("echo \"$4: $5\" >> {}", log.display()));
    let mut trial = world.callboard(["notify", "--try"]);
    let found = ran(trial.env("PATH", &works).output().unwrap());
    assert_eq!((found.code, &*found.err), (Some(0), ""), "{found:?}");
    assert_eq!(found.out, "an example waits for you: nothing · callboard\n");
    let told = std::fs::read_to_string(&log).unwrap();
    assert_eq!(told, "an example waits for you: nothing · callboard\n");
    let fails = program(&world, "notify-send", "exit 1");
    let found = ran(trial.env("PATH", &fails).output().unwrap());
    assert_eq!(found.code, Some(1), "{found:?}");
    assert!(found.err.contains("cannot tell by desktop: exit status: 1; "), "{found:?}");
    assert!(world.ps().is_empty(), "nobody was signed in for it");
}

#[test]
fn the_file_says_how_and_the_command_line_outranks_it() {
    let world = World::new();
    let dir = world.path("home/.config/callboard");
    std::fs::create_dir_all(&dir).unwrap();
    let config = "[notify]\non = [\"died\", \"ilde\"]\nby = [\"command\"]\nquiet_for = [\"NIGHT\"]\n\
                  command = [\"sh\", \"-c\", \"echo from the file >&2; exit 1\"]\nlooking = \"soon\"\n";
    std::fs::write(dir.join("config.toml"), config).unwrap();
    let _night = world.session("nightly", &["--status", "busy"]);
    let mut dies = world.session("dies", &["--status", "busy"]);
    let mut told = Told::start(&world, &["--on", "waiting,died"]);
    let (first, second) = (told.complaint(), told.complaint());
    assert!(first.ends_with("line 2: `on` does not know \"ilde\", which is ignored; did you mean \"idle\"? (there are waiting, idle, died)"), "{first}");
    assert!(second.contains("config.toml: line 6: `looking` takes a length of time"), "{second}");
    assert!(told.complaint().contains("from the file"));
    assert_eq!(world.run("update nightly --status waiting").code, Some(0));
    dies.kill();
    assert_eq!(told.next(), "dies has died: it was busy · cat · work");
    let doctor = world.run("doctor");
    assert_eq!((doctor.code, &*doctor.err), (Some(1), ""), "{doctor:?}");
    assert!(doctor.out.contains("config.toml: line 2: `on` does not know"), "{doctor:?}");
    assert!(doctor.out.contains("-> docs/CONFIG.md"), "{doctor:?}");
    let line = world.run("status-line");
    assert_eq!(&*line.err, "", "a status bar has no room for warnings: {line:?}");
}

/// What an attached client of tmux shows, and was typed into lately, is not told of; what it does
/// not show, is.
#[test]
fn what_one_looks_at_in_tmux_is_not_told() {
    let world = World::new();
    let sockets = world.path(&format!("tmux-{}", rustix::process::geteuid().as_raw()));
    std::fs::DirBuilder::new().mode(0o700).create(&sockets).unwrap();
    let socket = sockets.join("default");
    let tmux = |arguments: &[&str]| {
        let mut tmux = world.command("tmux");
        tmux.arg("-S").arg(&socket).args(["-f", "/dev/null"]).args(arguments);
        let ran = ran(tmux.output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.out.trim().to_owned()
    };
    let pane = |target: &str, name: &str| {
        let pid = tmux(&["display-message", "-p", "-t", target, "#{pane_pid}"]);
        world.ok(&format!("register --pid {pid} --name {name} --status busy"));
    };
    tmux(&["new-session", "-d", "-s", "s", "-n", "shown", "cat"]);
    tmux(&["new-window", "-d", "-t", "s:", "-n", "hidden", "cat"]);
    tmux(&["split-window", "-d", "-t", "s:shown", "cat"]);
    pane("s:shown.0", "shown");
    pane("s:shown.1", "beside");
    pane("s:hidden", "hidden");
    // Somebody attaches, which counts as a key, and sees the first window.
    let mut attach = with_a_terminal(&world);
    attach.args(["tmux", "-S", socket.to_str().unwrap(), "attach-session", "-t", "s"]);
    let mut client = Terminal::start(attach.env("LANG", "C.UTF-8"), 80);
    client.wait_for("shown");
    let root = sockets.parent().unwrap().to_owned();
    let looking = ["--looking", "1h", "--by", "command", "--", "true"];
    let mut told = Told::start_with(&world, &looking, |command| {
        command.env("TMUX_TMPDIR", root);
    });
    world.ok("update shown --status waiting");
    world.ok("update hidden --status waiting");
    assert_eq!(told.next(), "hidden waits for you: cat · work");
    world.ok("update beside --status waiting");
    assert_eq!(told.next(), "beside waits for you: cat · work", "another pane has the keys");
    tmux(&["kill-server"]);
}

/// A session of the background that nobody is attached to, has nobody's eyes; one that somebody
/// has typed into, may have.
#[test]
fn what_one_is_attached_to_is_not_told() {
    let world = World::new();
    for name in ["attached", "alone"] {
        let ran = world.run(&format!("run -d --name {name} -- cat"));
        assert_eq!(ran.code, Some(0), "{ran:?}");
        world.ok(&format!("update {name} --status busy"));
    }
    let mut attach = with_a_terminal(&world);
    let mut client = Terminal::start(attach.arg(callboard()).args(["attach", "attached"]), 80);
    client.wait_for("leaves it running");
    client.type_in("typed\r");
    client.wait_for("typed\r\ntyped");
    let looking = ["--looking", "1h", "--by", "command", "--", "true"];
    let mut told = Told::start(&world, &looking);
    world.ok("update attached --status waiting");
    world.ok("update alone --status waiting");
    assert_eq!(told.next(), "alone waits for you: cat · work");
    for name in ["attached", "alone"] {
        world.run(&format!("stop {name}"));
    }
}
