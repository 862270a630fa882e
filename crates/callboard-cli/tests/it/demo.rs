//! The demo: three real sessions, and nothing of them left.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::terminal::{Terminal, with_a_terminal};
use crate::world::{World, callboard};

/// What is left in the directories that the demo could have written to.
fn left(world: &World) -> Vec<String> {
    ["tmp", "home", "work"]
        .iter()
        .flat_map(|dir| std::fs::read_dir(world.path(dir)).unwrap())
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect()
}

/// The processes of the program under test whose temporary home is in this world.
fn processes(world: &World) -> Vec<String> {
    let tmp = world.path("tmp").display().to_string();
    let line = |entry: std::io::Result<std::fs::DirEntry>| {
        let bytes = std::fs::read(entry.ok()?.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(line)
        .filter(|line| line.contains(&tmp))
        .collect()
}

#[test]
fn every_session_is_seen_busy_waiting_and_idle_and_nothing_is_left() {
    let world = World::new();
    let ran = world.run("demo");
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    let frames: Vec<&str> = ran.out.split("\n\n").collect();
    assert!(frames.len() >= 5, "{}", ran.out);
    for name in ["billing", "docs", "deploy"] {
        for status in ["● busy", "◆ waiting", "○ idle"] {
            let seen = ran.out.lines().any(|line| line.starts_with(name) && line.contains(status));
            assert!(seen, "{name} {status}: {}", ran.out);
        }
    }
    assert!(!ran.out.contains('\u{1b}'), "{}", ran.out);
    assert_eq!(left(&world), Vec::<String>::new());
    assert_eq!(processes(&world), Vec::<String>::new());
    assert!(!world.path("board").exists(), "the user's own board is not touched");
}

#[test]
fn ctrl_c_leaves_nothing_either() {
    let world = World::new();
    let mut command = with_a_terminal(&world);
    command.arg(callboard()).arg("demo");
    let mut terminal = Terminal::start(&mut command, 80);
    terminal.wait_for("1 waiting");
    assert_eq!(processes(&world).len(), 3);
    terminal.type_in("\u{3}");
    let (status, _) = terminal.finish();
    assert_eq!(status.code(), Some(130));
    assert_eq!(left(&world), Vec::<String>::new());
    assert_eq!(processes(&world), Vec::<String>::new());
}

#[test]
fn a_killed_demo_takes_its_sessions_with_it() {
    let world = World::new();
    let mut child = world.callboard(["demo"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("3 busy")));
    let pids: Vec<Pid> = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let cmdline = std::fs::read(path.join("cmdline")).ok()?;
            let ours = String::from_utf8_lossy(&cmdline).contains(world.path("tmp").to_str()?);
            Pid::from_raw(path.file_name()?.to_str()?.parse().ok()?).filter(|_| ours)
        })
        .collect();
    assert_eq!(pids.len(), 3);
    let watched: Vec<_> = pids
        .iter()
        .map(|pid| rustix::process::pidfd_open(*pid, rustix::process::PidfdFlags::empty()).unwrap())
        .collect();
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::KILL).unwrap();
    child.wait().unwrap();
    for pidfd in &watched {
        let mut fds = [rustix::event::PollFd::new(pidfd, rustix::event::PollFlags::IN)];
        let limit = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
        assert_eq!(rustix::event::poll(&mut fds, Some(&limit)).unwrap(), 1, "a session lives on");
    }
}
