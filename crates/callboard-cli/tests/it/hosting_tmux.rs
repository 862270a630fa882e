//! Background sessions in tmux, as people and scripts use them.

use std::ops::Deref;

use crate::hosting::{Hosting, detached_from_outside_and_from_inside, left_and_come_back_to};
use crate::world::ran;

/// A world whose tmux server ends with it.
struct InTmux(Hosting);

impl Deref for InTmux {
    type Target = Hosting;

    fn deref(&self) -> &Hosting {
        &self.0
    }
}

impl Drop for InTmux {
    fn drop(&mut self) {
        self.run("stop --all --grace 0");
        // The last one takes the server with it.
        self.run("rm --all");
    }
}

impl InTmux {
    fn new() -> Self {
        Self(Hosting::new())
    }
}

const IN_TMUX: [&str; 2] = ["--host", "tmux"];

#[test]
fn a_session_in_tmux_is_left_and_come_back_to() {
    left_and_come_back_to(&InTmux::new(), "tmux");
}

/// A shell in the session may take the client off, and may not attach the session to itself.
#[test]
fn in_tmux_one_client_is_detached_from_outside_and_one_from_inside() {
    detached_from_outside_and_from_inside(&InTmux::new(), "tmux");
}

/// Whatever a user has in it: it is for the user's own server.
#[test]
fn the_users_configuration_is_not_read() {
    let world = InTmux::new();
    let conf = "set -g status on\nset -g status-left USERS\nrun-shell 'touch ~/was-read'\n";
    std::fs::write(world.path("home/.tmux.conf"), conf).unwrap();
    let id = world.start_with(&IN_TMUX, "plain", "stty quit undef; echo up; exec cat");
    world.printed(&id, 1);
    let mut terminal = world.attach(&["plain"]);
    terminal.wait_for("up");
    terminal.wait_for("leaves it running");
    // Another client's key is a key to the program.
    let mut other = world.attach(&["plain", "--detach-key", "ctrl-q"]);
    other.wait_for("up");
    other.type_in("\u{1c}");
    terminal.type_in("still\n");
    other.wait_for("still");
    other.type_in("\u{11}");
    let (_, screen) = other.finish();
    assert!(screen.contains("left plain running"), "{screen}");
    terminal.type_in("\u{1c}");
    let (_, screen) = terminal.finish();
    assert!(!screen.contains("USERS"), "{screen}");
    assert!(!world.path("home/was-read").exists());
}

#[test]
fn a_session_in_tmux_is_stopped_and_restarted_where_it_was() {
    let world = InTmux::new();
    let script = "echo \"run in $TERM, tmux <$TMUX>\"; exec cat";
    let id = world.start_with(&IN_TMUX, "job", script);
    world.printed(&id, 1);
    assert!(world.ok("ps").lines().any(|line| line.contains("\ttmux\t")), "{}", world.ok("ps"));
    assert_eq!(world.ok("stop job"), "job\tsignal 15\n");
    assert_eq!(world.ok("logs job"), "run in tmux-256color, tmux <>\n");
    assert_eq!(world.ok("restart job").trim_end(), id);
    assert_eq!(world.row("job")["host"]["kind"], "tmux", "and not with another host");
    world.printed(&id, 2);
    assert_eq!(world.ok("restart job").trim_end(), id, "while it runs, too");
    world.printed(&id, 3);
    assert_eq!(world.ps()[0]["host"]["id"], *id);
    assert_eq!(world.ok("logs job").lines().count(), 3);
    // Beside one of the other host.
    world.start("other", "exec cat");
    assert_eq!(world.ps().len(), 2);
}

/// One that is not there is an error, and never another host.
#[test]
fn without_a_tmux_there_is_no_session() {
    let world = InTmux::new();
    let mut command = world.callboard(["run", "-d", "--host", "tmux", "--", "true"]);
    let ran = ran(command.env("PATH", "/nonexistent").output().unwrap());
    assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{ran:?}");
    assert!(ran.err.contains("the tmux host cannot be used: "), "{}", ran.err);
    assert!(ran.err.contains("install tmux 3.2 or newer"), "{}", ran.err);
    assert_eq!(world.left(), Vec::<String>::new());
    assert_eq!(world.ok("ps --all"), "");
}
