//! Which directories are read: claude-code #90188 and agent-flow #68 (several accounts), each once.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use callboard_agents::{Board, Sources};

use crate::world::{Process, World, listed, problems};

fn sources(world: &World, configured: &[PathBuf], variables: &[(&str, &Path)]) -> Sources {
    let variables: HashMap<_, _> = variables.iter().copied().collect();
    Sources::from_lookup(world.own(), configured, |name| {
        variables.get(name).map(|path| path.as_os_str().to_owned())
    })
    .without_processes()
}

#[test]
fn cc_90188_every_config_directory_is_read() {
    let world = World::new();
    let home = world.home().join("home");
    let dirs = ["home/.claude", "home/.claude-work", "elsewhere", "configured"];
    let processes: Vec<_> = dirs.iter().map(|_| Process::start()).collect();
    for (dir, process) in dirs.iter().zip(&processes) {
        world.claude_session_in(dir, process, "");
    }
    // Not a configuration directory: one that was never used, an archive, another program.
    fs::create_dir(home.join(".claude-unused")).unwrap();
    fs::write(home.join(".claude-backup.tgz"), "x").unwrap();
    let other = Process::start();
    world.claude_session_in("home/.claudette", &other, "");

    let configured = [world.home().join("configured"), world.home().join("missing")];
    let elsewhere = world.home().join("elsewhere");
    let found = sources(&world, &configured, &[("HOME", &home), ("CLAUDE_CONFIG_DIR", &elsewhere)]);
    let mut expected: Vec<_> = processes.iter().map(Process::pid).collect();
    expected.sort_unstable();
    let board = Board::read(&found);
    assert_eq!(listed(&board), expected);
    assert_eq!(problems(&board), Vec::<String>::new());
    let places: Vec<_> =
        found.registries().into_iter().map(|(agent, dir)| (agent, dir.sessions)).collect();
    let place = |dir: &str| ("claude", world.sessions(dir).canonicalize().unwrap());
    assert_eq!(places, ["elsewhere", "configured", "home/.claude", "home/.claude-work"].map(place));
}

#[test]
fn a_linked_directory_is_counted_once() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session(&process, "");
    let home = world.home();
    // Accounts that share their sessions, a home that is a link, and the variable naming the usual.
    fs::create_dir(home.join(".claude-next")).unwrap();
    symlink("../.claude/sessions", home.join(".claude-next/sessions")).unwrap();
    symlink(".claude", home.join(".claude-link")).unwrap();
    let variables = [("HOME", home), ("CLAUDE_CONFIG_DIR", &home.join(".claude/../.claude"))];
    let found = sources(&world, &[home.join(".claude")], &variables);
    let registries = found.registries();
    assert_eq!(registries.len(), 1);
    assert!(registries[0].1.homes.contains(&home.join(".claude-next")));
    let board = Board::read(&found);
    assert_eq!(board.rows.len(), 1);
    assert_eq!(board.rows[0].sources.len(), 1);
}

#[test]
fn a_directory_that_appears_later_is_read_from_then_on() {
    let (world, process) = (World::new(), Process::start());
    let found = sources(&world, &[], &[("HOME", world.home())]);
    let board = Board::read(&found);
    assert!(board.rows.is_empty() && board.problems.is_empty(), "nothing there is no problem");
    world.claude_session(&process, "");
    assert_eq!(listed(&Board::read(&found)), [process.pid()]);
}

#[test]
fn sessions_that_is_no_directory_is_a_problem_and_hides_no_other() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session_in(".claude-work", &process, "");
    for dir in [".claude", ".claude-loop"] {
        fs::create_dir(world.home().join(dir)).unwrap();
    }
    fs::write(world.home().join(".claude/sessions"), "a file").unwrap();
    symlink("sessions", world.home().join(".claude-loop/sessions")).unwrap();
    let board = world.board();
    assert_eq!(listed(&board), [process.pid()]);
    assert_eq!(board.problems.len(), 2, "{:?}", problems(&board));
    assert!(board.problems.iter().all(callboard::Problem::hides_a_session));
}

#[test]
fn qwen_home_moves_everything() {
    let (world, usual, moved) = (World::new(), Process::start(), Process::start());
    for (dir, process) in [(".qwen", &usual), ("moved", &moved)] {
        world.claude_session_in(dir, process, "");
    }
    let board = |variables: &[(&str, &Path)]| Board::read(&sources(&world, &[], variables));
    let (home, other) = (world.home(), world.home().join("moved"));
    assert_eq!(listed(&board(&[("HOME", home)])), [usual.pid()]);
    assert_eq!(listed(&board(&[("HOME", home), ("QWEN_HOME", &other)])), [moved.pid()]);
    assert_eq!(listed(&board(&[("HOME", home), ("QWEN_HOME", Path::new(""))])), [usual.pid()]);
    assert_eq!(listed(&board(&[])), Vec::<u32>::new());
}
