//! What goes wrong: command lines, pipes, directories, files.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use crate::world::{World, is_root, ran};

#[test]
fn a_wrong_command_line_is_usage() {
    let world = World::new();
    for line in [
        "",
        "ps --jsno",
        "frobnicate",
        "show",
        "register --pid 0",
        "register --pid x",
        "register --pid -1",
        "register --session-id=",
        "update --waiting-for x",
        "update",
        "update a --pid 5 --status busy",
        "update --status busy --clear-status",
        "run",
        "completions csh",
        "--home /a --registry /b ps",
        "--color red ps",
    ] {
        let ran = world.run(line);
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{line}: {}", ran.err);
        assert!(ran.err.contains("--help") || ran.err.contains("Usage"), "{line}: {}", ran.err);
    }
}

#[test]
fn help_version_and_completions_are_answers() {
    let world = World::new();
    for line in ["--help", "-h", "ps --help", "register --help", "run -h", "--version"] {
        assert!(!world.ok(line).is_empty(), "{line}");
    }
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = world.ok(&format!("completions {shell}"));
        assert!(script.contains("CALLBOARD_COMPLETE"), "{shell}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_success() {
    let world = World::new();
    let _session = world.session("x", &[]);
    for line in
        ["ps", "ps --json", "count", "show x", "completions zsh", "--help", "doctor", "sweep -n"]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = world.callboard(line.split(' '));
        let ran = ran(command.stdout(writer).stderr(Stdio::piped()).output().unwrap());
        // `doctor` has nothing wrong to find here, so what it would end with is success too.
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{line}");
    }
}

#[test]
fn output_that_cannot_be_written_is_told() {
    let world = World::new();
    let _session = world.session("x", &[]);
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else { return };
    let ran = ran(world.callboard(["ps"]).stdout(full).stderr(Stdio::piped()).output().unwrap());
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.err, @"callboard: cannot write to standard output: No space left on device (os error 28); see where it is redirected to");
}

#[test]
fn a_bad_record_is_a_line_and_hides_nobody() {
    let world = World::new();
    let _session = world.session("good", &[]);
    world.write_record("77.json", b"{\"pid\":");
    world.write_record("78.json", b"");
    world.write_record("2026-03-14_notes.md", b"mine");
    std::fs::create_dir(world.sessions().join("79.json")).unwrap();
    let ran = world.run("ps");
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.starts_with("good\t"));
    let dir = world.sessions();
    assert_eq!(ran.err.lines().count(), 4, "{}", ran.err);
    for name in ["77.json", "78.json", "79.json", "2026-03-14_notes.md"] {
        let begin = format!("callboard: {}: ", dir.join(name).display());
        assert!(ran.err.lines().any(|line| line.starts_with(&begin)), "{begin}: {}", ran.err);
    }
    for line in ["ps --strict", "ps --json --strict", "count --strict", "show good --strict"] {
        assert_eq!(world.run(line).code, Some(3), "{line}");
    }
    let ran = world.run("count --json");
    assert_eq!(ran.out, "{\"alive\":1,\"unknown\":0,\"unreadable\":3}\n");
    assert_eq!(world.run("doctor").code, Some(1));
}

#[test]
fn nothing_to_change_is_no_with_the_next_step() {
    let world = World::new();
    let process = world.process();
    for line in ["update --status busy --pid", "deregister --pid"] {
        let ran = world.run(&format!("{line} {}", process.pid()));
        assert_eq!(ran.code, Some(1));
        let expected = format!(
            "callboard: no session with pid {} in {}; `callboard ps` lists who is on; \
             `callboard register` signs in\n",
            process.pid(),
            world.sessions().display()
        );
        assert_eq!(ran.err, expected);
    }
}

#[test]
fn a_process_that_is_not_there_cannot_be_signed_in() {
    let world = World::new();
    let mut process = world.process();
    process.kill();
    let ran = world.run(&format!("register --pid {}", process.pid()));
    assert_eq!((ran.code, &*ran.out), (Some(1), ""));
    assert!(ran.err.contains("no process") && ran.err.contains("; give"), "{}", ran.err);
    assert!(ran.err.contains(&process.pid().to_string()));
}

#[test]
fn a_home_that_is_a_file_is_told_by_everybody() {
    let world = World::new();
    std::fs::create_dir(world.path("board")).unwrap();
    std::fs::write(world.sessions(), "x").unwrap();
    let process = world.process();
    let ran = world.run(&format!("register --pid {}", process.pid()));
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains(world.sessions().to_str().unwrap()), "{}", ran.err);
    assert!(ran.err.contains("callboard doctor"), "{}", ran.err);
    let ran = world.run("ps");
    assert_eq!((ran.code, &*ran.out), (Some(0), ""), "{ran:?}");
    assert!(ran.err.contains("cannot be read"), "{}", ran.err);
    assert_eq!(world.run("ps --strict").code, Some(3));
    let ran = world.run("doctor");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("is not a directory") && ran.out.contains("-> "), "{}", ran.out);
}

#[test]
fn a_home_that_cannot_be_written_to_keeps_nobody_from_working() {
    let world = World::new();
    std::fs::create_dir(world.path("board")).unwrap();
    std::fs::set_permissions(world.path("board"), PermissionsExt::from_mode(0o500)).unwrap();
    // A superuser is kept out by a place where nothing can be made at all.
    let home = if is_root() { "/proc/callboard".into() } else { world.path("board") };
    // It lives until the warning is there: of a command that was faster there is none.
    let mut command = world.callboard(["run", "--", "sh", "-c", "read x; echo ran $x; exit 5"]);
    command.env("CALLBOARD_HOME", home).stdin(Stdio::piped());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut warning = String::new();
    BufReader::new(child.stderr.take().unwrap()).read_line(&mut warning).unwrap();
    assert!(warning.starts_with("callboard: not on the board: cannot "), "{warning}");
    assert!(warning.contains("; `callboard doctor` "), "{warning}");
    child.stdin.take().unwrap().write_all(b"on\n").unwrap();
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!((ran.code, &*ran.out), (Some(5), "ran on\n"));
}

#[test]
fn without_a_home_it_says_what_to_set() {
    let world = World::new();
    let mut command = world.callboard(["ps"]);
    command.env_remove("HOME").env_remove("CALLBOARD_HOME");
    let ran = ran(command.output().unwrap());
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.err, @"callboard: no home for the registry: none of CALLBOARD_HOME, XDG_STATE_HOME and HOME is an absolute path; set HOME or CALLBOARD_HOME");
}

#[test]
fn the_configuration_may_be_wrong_and_the_board_is_shown() {
    let world = World::new();
    let _session = world.session("x", &[]);
    let config = world.path("home/.config/callboard");
    std::fs::create_dir_all(&config).unwrap();
    let file = config.join("config.toml");
    std::fs::write(&file, "claude_config_dirs = []\ncolor = \"never\"\n").unwrap();
    let ran = world.run("ps");
    assert_eq!(ran.code, Some(0));
    assert!(ran.out.starts_with("x\t"));
    let expected = format!(
        "callboard: {}: line 2: the key `color` is not known and is ignored\n",
        file.display()
    );
    assert_eq!(ran.err, expected);
    let ran = world.run("doctor");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("`color`"), "{}", ran.out);
}

#[test]
fn more_directories_come_from_the_configuration() {
    let world = World::new();
    let process = world.process();
    let dir = world.path("home/elsewhere/sessions");
    std::fs::create_dir_all(&dir).unwrap();
    let record = format!(r#"{{"pid":{},"sessionId":"s","cwd":"/x"}}"#, process.pid());
    std::fs::write(dir.join(format!("{}.json", process.pid())), record).unwrap();
    assert_eq!(world.ps().len(), 0);
    let config = world.path("home/.config/callboard");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("config.toml"), "claude_config_dirs = [\"~/elsewhere\"]").unwrap();
    assert_eq!(world.ps()[0]["pid"], process.pid());
}

#[test]
fn doctor_finds_a_good_house_good() {
    let world = World::new();
    let _session = world.session("x", &[]);
    let ran = world.run("doctor");
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{}", ran.out);
    let dir = world.sessions();
    assert!(ran.out.contains(&format!("{} (by CALLBOARD_HOME), mode 700, on ", dir.display())));
    assert!(ran.out.contains(&format!("1 alive in {}", dir.display())), "{}", ran.out);
}

#[test]
fn doctor_finds_a_variable_that_does_not_count() {
    let world = World::new();
    let ran = ran(world.callboard(["doctor"]).env("CALLBOARD_HOME", "board").output().unwrap());
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("CALLBOARD_HOME is not an absolute path"), "{}", ran.out);
    let fallback = world.path("home/.local/state/callboard/sessions");
    assert!(ran.out.contains(&format!("{} (by HOME)", fallback.display())), "{}", ran.out);
}

#[test]
fn doctor_finds_a_directory_that_others_may_write_to() {
    let world = World::new();
    let _session = world.session("x", &[]);
    std::fs::set_permissions(world.sessions(), PermissionsExt::from_mode(0o777)).unwrap();
    let ran = world.run("doctor");
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.out.contains(&format!("-> chmod 700 {}", world.sessions().display())),
        "{}",
        ran.out
    );
}

/// What is at the other end of standard error may be gone as well.
#[test]
fn nobody_to_complain_to_is_no_reason_to_die_otherwise() {
    let world = World::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child =
        world.callboard(["show", "nobody"]).stdout(Stdio::piped()).stderr(writer).spawn().unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    assert_eq!((child.wait().unwrap().code(), &*out), (Some(1), ""));
}
