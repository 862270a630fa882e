//! Nothing that a record holds reaches a terminal or a pipe as more than text.

use crate::terminal::{Terminal, bare};
use crate::world::World;

/// Moves the cursor, sets the title, ends the line, turns the text around, hides.
const EVIL: &str =
    "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\nx\ty\u{202e}z\u{2066}\u{200b}\u{2028}\u{7f}";

const RAW: [char; 9] = [
    '\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{2066}', '\u{200b}', '\u{2028}', '\u{7f}', '\u{8}',
];

fn world_with_evil() -> (World, crate::world::Living) {
    let world = World::new();
    let evil = EVIL;
    let session = world.session(
        &format!("n{evil}"),
        &[
            "--cwd",
            &format!("/c{evil}"),
            "--tool",
            &format!("t{evil}"),
            "--kind",
            &format!("k{evil}"),
            "--status",
            &format!("s{evil}"),
            "--waiting-for",
            &format!("w{evil}"),
            "--session-id",
            &format!("i{evil}"),
            "--agent",
            &format!("a{evil}"),
            "--log-path",
            &format!("l{evil}"),
            "--entrypoint",
            &format!("e{evil}"),
        ],
    );
    (world, session)
}

#[test]
fn a_pipe_gets_one_clean_line() {
    let (world, session) = world_with_evil();
    let pid = session.pid();
    for line in ["ps", "ps --json", &format!("show {pid}"), &format!("show {pid} --json"), "doctor"]
    {
        let out = world.ok(line);
        assert!(!out.contains(RAW), "{line}: {out:?}");
        assert!(!out.contains('\r'), "{line}: {out:?}");
    }
    assert_eq!(world.ok("ps").lines().count(), 1);
    assert_eq!(world.ok("ps").trim_end().split('\t').count(), 13);
    assert_eq!(world.ps()[0]["name"], format!("n{EVIL}"), "JSON gives it back whole");
}

#[test]
fn a_terminal_gets_clean_lines_at_any_width() {
    let (world, _session) = world_with_evil();
    for columns in [20, 80, 200] {
        let (_, screen) = Terminal::start(&mut world.callboard(["ps"]), columns).finish();
        let text = bare(&screen);
        assert!(!text.contains(RAW), "{columns}: {text:?}");
        assert_eq!(text.matches("\r\n").count(), 3, "{columns}: {text:?}");
        assert!(text.split("\r\n").all(|line| line.chars().count() <= usize::from(columns)));
    }
}

#[test]
fn messages_are_clean_too() {
    let (world, _session) = world_with_evil();
    let _twin = world.session(&format!("n{EVIL}"), &[]);
    world.write_record("77\u{1b}[2J.json", b"{}");
    world.write_record("78.json", "{\"pid\":\u{1b}[2J\u{202e}".as_bytes());
    let name = format!("n{EVIL}");
    for arguments in [
        vec!["show", &name],
        vec!["show", EVIL],
        vec!["ps"],
        vec!["ps", EVIL],
        vec![EVIL],
        vec!["ps", "--color", EVIL],
        vec!["run", "--", EVIL],
    ] {
        let ran = world.run_args(&arguments);
        assert!(!ran.err.is_empty(), "{arguments:?}");
        assert!(!ran.err.contains(RAW), "{arguments:?}: {:?}", ran.err);
    }
}
