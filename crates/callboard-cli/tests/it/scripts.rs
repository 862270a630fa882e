//! `register`, `update`, `deregister` and `rename`, as scripts use them.

use std::process::Stdio;

use crate::world::{World, ran};

#[test]
fn a_script_signs_its_own_shell_in_and_out() {
    let world = World::new();
    let script = r#"
        set -e
        id=$("$CB" register --name import --status busy --entrypoint cron)
        "$CB" show "$id" --json | grep -q "\"pid\":$$,"
        "$CB" update --status waiting --waiting-for "review of row 7"
        "$CB" ps | cut -f1,2,4
        "$CB" update --session-id second --name "import again" --bridge-session-id b1
        "$CB" ps | cut -f1,2,9
        "$CB" update --clear-status --no-bridge
        "$CB" ps | cut -f1,2
        "$CB" deregister
        "$CB" count
        : the shell must not replace itself with the last command
    "#;
    let mut command = world.command("sh");
    command.args(["-c", script]).env("CB", crate::world::callboard());
    let ran = ran(command.output().unwrap());
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    assert_eq!(
        ran.out,
        "import\twaiting\treview of row 7\n\
         import again\twaiting\tsecond\n\
         import again\t-\n\
         0\n"
    );
}

#[test]
fn the_tool_is_the_program_that_runs() {
    let world = World::new();
    let _session = world.session("x", &[]);
    let row = &world.ps()[0];
    // `cat` itself, or the one program that is all the small ones (busybox, uutils).
    let exe = std::fs::read_link(format!("/proc/{}/exe", row["pid"])).unwrap();
    assert_eq!(row["tool"], exe.file_name().unwrap().to_str().unwrap());
    assert_eq!(row["cwd"], world.path("work").to_str().unwrap());
}

#[test]
fn registering_again_changes_what_is_given_and_keeps_the_rest() {
    let world = World::new();
    let session = world.session("x", &["--session-id", "s1", "--status", "busy"]);
    world.ok(&format!("register --pid {} --name y", session.pid()));
    let rows = world.ps();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["name"], &rows[0]["sessionId"]), (&"y".into(), &"s1".into()));
    assert_eq!(rows[0]["status"], "busy");
}

#[test]
fn an_empty_name_changes_nothing() {
    let world = World::new();
    let _session = world.session("x", &[]);
    let ran = world.run_args(&["update", "x", "--name", ""]);
    assert_eq!(ran.code, Some(0));
    assert_eq!(world.names(), ["x"]);
    let ran = world.run_args(&["rename", "x", " "]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("an empty name"), "{}", ran.err);
}

#[test]
fn what_a_newer_version_wrote_survives() {
    let world = World::new();
    let session = world.session("x", &[]);
    let file = world.sessions().join(format!("{}.json", session.pid()));
    let record = std::fs::read_to_string(&file).unwrap();
    let theirs = r#","theirs":{"b":[1,2.50],"a":null}}"#;
    std::fs::write(&file, format!("{}{theirs}", record.trim_end().strip_suffix('}').unwrap()))
        .unwrap();
    world.ok("update x --status compacting");
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains(r#""theirs":{"b":[1,2.50],"a":null}"#), "{after}");
    assert_eq!(world.ps()[0]["status"], "compacting");
}

#[test]
fn a_sub_agent_is_not_signed_in_and_that_is_no_error() {
    let world = World::new();
    let process = world.process();
    let mut command = world.callboard(["register", "--pid"]);
    command.arg(process.pid().to_string()).env("CALLBOARD_SUBAGENT_OF", "s\u{1b}[1m1");
    let ran = ran(command.output().unwrap());
    assert_eq!((ran.code, &*ran.out), (Some(0), ""));
    insta::assert_snapshot!(ran.err, @r"callboard: not signed in: a sub-agent of session s\u{1b}[1m1, which stands for it");
    assert_eq!(world.ps().len(), 0);
}

#[test]
fn many_scripts_at_once_lose_nothing() {
    let world = World::new();
    let _session = world.session("x", &[]);
    let update = |what: [&str; 2]| {
        let mut command = world.callboard(["update", "x"]);
        command.args(what).stdout(Stdio::null()).spawn().unwrap()
    };
    let changes = [
        ["--status", "busy"],
        ["--session-id", "s2"],
        ["--bridge-session-id", "b1"],
        ["--log-path", "/var/log/x"],
        ["--cwd", "/srv/x"],
    ];
    let running: Vec<_> = changes.into_iter().cycle().take(25).map(update).collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let shown = world.ok("show x");
    for part in ["busy", "s2", "b1", "/var/log/x", "/srv/x"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
}
