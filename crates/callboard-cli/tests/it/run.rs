//! `run -- CMD`: as if the shell had started it, and on the board.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::terminal::{Terminal, with_a_terminal};
use crate::world::{World, callboard, ran};

#[test]
fn it_ends_as_its_command_ends() {
    let world = World::new();
    for (script, code) in [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -TERM $$", 128 + 15),
        ("kill -KILL $$", 128 + 9),
    ] {
        let ran = world.run_args(&["run", "--", "sh", "-c", script]);
        assert_eq!((ran.code, &*ran.err), (Some(code), ""), "{script}");
        assert_eq!(left_in(&world), Vec::<String>::new(), "{script}");
    }
}

/// The files that are left in the registry, which a command that was faster never needed.
fn left_in(world: &World) -> Vec<String> {
    let entries = std::fs::read_dir(world.sessions()).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_command_that_cannot_run() {
    let world = World::new();
    let ran = world.run("run -- no-such-command");
    assert_eq!(ran.code, Some(127));
    insta::assert_snapshot!(ran.err, @"callboard: cannot run `no-such-command`: no such command; see $PATH, or give its path");
    std::fs::write(world.path("work/text"), "").unwrap();
    let ran = world.run("run -- ./text");
    assert_eq!(ran.code, Some(126));
    insta::assert_snapshot!(ran.err, @"callboard: cannot run `./text`: Permission denied (os error 13); is it a program, and executable?");
    assert!(!world.path("board").exists());
}

#[test]
fn it_passes_the_streams_through() {
    let world = World::new();
    let mut command = world.callboard(["run", "--", "sh", "-c", "cat; echo err >&2"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"in").unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((&*ran.out, &*ran.err, ran.code), ("in", "err\n", Some(0)));
}

#[test]
fn the_command_is_on_the_board_under_its_own_pid() {
    let world = World::new();
    let arrivals = world.arrivals();
    // `read` holds it until the test has looked.
    let script = "echo $$ $CALLBOARD_SESSION_NAME$CALLBOARD_SESSION_KIND; read go; exit 4";
    let mut command =
        world.callboard(["run", "--name", "job", "--tool", "psql", "--", "sh", "-c", script]);
    command.env("CALLBOARD_SESSION_NAME", "told").env("CALLBOARD_SESSION_KIND", "bg");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    out.read_line(&mut line).unwrap();
    arrivals.wait();
    let row = &world.ps()[0];
    assert_eq!(row["pid"].to_string(), line.trim(), "and the hints were for `run` alone");
    assert_eq!((&row["name"], &row["tool"]), (&"job".into(), &"psql".into()));
    assert_eq!((&row["kind"], &row["verdict"]), (&"bg".into(), &"alive".into()));
    assert_eq!(row["cwd"], world.path("work").to_str().unwrap());
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(4));
    assert_eq!(left_in(&world), Vec::<String>::new());
}

#[test]
fn a_command_changes_its_own_record_and_may_sign_itself_out() {
    let world = World::new();
    let arrivals = world.arrivals();
    let script = r#"
        read go
        "$CB" update --status busy
        "$CB" ps | cut -f1,2
        "$CB" deregister
        exit 6
    "#;
    let mut command = world.callboard(["run", "--", "sh", "-c", script]);
    command.env("CB", callboard());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    arrivals.wait();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(6), "sh\tbusy\n", ""));
}

#[test]
fn what_is_sent_to_it_alone_reaches_the_command() {
    let world = World::new();
    for (name, signal) in
        [("TERM", Signal::TERM), ("HUP", Signal::HUP), ("INT", Signal::INT), ("USR1", Signal::USR1)]
    {
        let script =
            format!("trap 'exit 9' {name}; echo ready; while :; do read x || exit 8; done");
        let mut command = world.callboard(["run", "--", "sh", "-c", &script]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut ready = [0; 6];
        child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
        kill_process(pid_of(&child), signal).unwrap();
        // Some shells look at traps only between two commands: let the read return.
        let mut input = child.stdin.take().unwrap();
        while child.try_wait().unwrap().is_none() && input.write_all(b"\n").is_ok() {}
        drop(input);
        assert_eq!(child.wait().unwrap().code(), Some(9), "{name}");
        assert_eq!(left_in(&world), Vec::<String>::new(), "{name}");
    }
}

fn pid_of(child: &std::process::Child) -> Pid {
    Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap()
}

/// `callboard run` with a terminal of its own, as a shell in a window has one.
fn on_a_terminal(world: &World, arguments: &[&str]) -> Command {
    let mut command = with_a_terminal(world);
    command.arg(callboard()).args(arguments);
    command
}

#[test]
fn the_command_has_the_terminal() {
    let world = World::new();
    let script = "test -t 0 && test -t 1 && test -t 2 && stty size && echo all";
    let mut command = on_a_terminal(&world, &["run", "--", "sh", "-c", script]);
    let (status, screen) = Terminal::start(&mut command, 123).finish();
    assert_eq!(screen, "24 123\r\nall\r\n");
    assert!(status.success());
}

#[test]
fn a_typed_ctrl_c_is_for_the_command() {
    let world = World::new();
    // One that ends by it, and one that does something else with it.
    let mut command = on_a_terminal(&world, &["run", "--", "sh", "-c", "echo ready; exec cat"]);
    let mut terminal = Terminal::start(&mut command, 80);
    terminal.wait_for("ready");
    terminal.type_in("\u{3}");
    let (status, _) = terminal.finish();
    assert_eq!(status.code(), Some(128 + 2));
    assert_eq!(left_in(&world), Vec::<String>::new());

    let script = "trap 'echo caught; exit 7' INT; echo ready; while :; do read x; done";
    let mut command = on_a_terminal(&world, &["run", "--", "sh", "-c", script]);
    let mut terminal = Terminal::start(&mut command, 80);
    terminal.wait_for("ready");
    // In one write: after the first key, nobody may have the terminal any more.
    terminal.type_in("\u{3}\n");
    let (status, screen) = terminal.finish();
    assert_eq!(screen.matches("caught").count(), 1, "told once, not twice: {screen}");
    assert_eq!(status.code(), Some(7));
}

#[test]
fn a_typed_ctrl_backslash_is_for_the_command() {
    let world = World::new();
    let script = "trap 'echo quit; exit 5' QUIT; echo ready; while :; do read x; done";
    let mut command = on_a_terminal(&world, &["run", "--", "sh", "-c", script]);
    let mut terminal = Terminal::start(&mut command, 80);
    terminal.wait_for("ready");
    terminal.type_in("\u{1c}\n");
    let (status, screen) = terminal.finish();
    assert!(screen.contains("quit"), "{screen}");
    assert_eq!(status.code(), Some(5));
}

/// With a shell's job control around it: ctrl-z gives the prompt back, `fg` the command.
#[test]
fn ctrl_z_stops_it_and_fg_continues_it() {
    let world = World::new();
    let mut command = with_a_terminal(&world);
    command.args(["bash", "--norc", "--noprofile", "-i"]);
    command.env("PS1", "prompt> ").env("CB", callboard());
    let mut terminal = Terminal::start(&mut command, 80);
    terminal.wait_for("prompt> ");
    let script = r#"echo rea""dy; while read x; do echo "got $x"; done; exit 3"#;
    terminal.type_in(&format!("\"$CB\" run --name job -- sh -c '{script}'\n"));
    terminal.wait_for("ready");
    for nth in ["one", "two", "three"] {
        // Its answer shows that it runs and has the terminal: before that, `fg` may not be done.
        terminal.type_in(&format!("{nth}\n"));
        terminal.wait_for(&format!("got {nth}"));
        terminal.type_in("\u{1a}");
        terminal.wait_for("Stopped");
        terminal.wait_for("prompt> ");
        assert_eq!(world.names(), ["job"], "stopped is alive");
        terminal.type_in("fg; echo code $?\n");
        terminal.wait_for("run --name job");
    }
    terminal.type_in("\u{4}");
    terminal.wait_for("code 3");
    terminal.type_in("exit\n");
    let (status, _) = terminal.finish();
    assert!(status.success());
    assert_eq!(left_in(&world), Vec::<String>::new());
}

/// What a script started with ignored signals goes on ignoring them, under `run` too.
#[test]
fn nohup_holds_for_the_command() {
    let world = World::new();
    let arrivals = world.arrivals();
    let script = "trap '' HUP; exec \"$CB\" run -- sh -c 'echo ready; read x; exit 2'";
    let mut command = world.command("sh");
    command.args(["-c", script]).env("CB", callboard());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = [0; 6];
    child.stdout.as_mut().unwrap().read_exact(&mut ready).unwrap();
    arrivals.wait();
    let command = world.ps()[0]["pid"].as_u64().unwrap();
    kill_process(pid_of(&child), Signal::HUP).unwrap();
    kill_process(Pid::from_raw(i32::try_from(command).unwrap()).unwrap(), Signal::HUP).unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(2));
}

/// Without a shell that would continue it, it does not stop with its command.
#[test]
fn without_a_terminal_a_stopped_command_is_only_waited_for() {
    let world = World::new();
    let mut command = world.callboard(["run", "--", "sh", "-c", "echo $$; read x; exit 2"]);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let inner = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
    kill_process(inner, Signal::STOP).unwrap();
    kill_process(inner, Signal::CONT).unwrap();
    child.stdin.take().unwrap().write_all(b"\n").unwrap();
    let status = waitpid(Some(pid_of(&child)), WaitOptions::UNTRACED).unwrap().unwrap().1;
    _ = child.wait();
    assert!(!status.stopped());
    assert_eq!(status.exit_status(), Some(2));
}
