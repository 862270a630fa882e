//! What a person's other tools read: a status bar, Prometheus, a shell that completes, the manual.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use crate::terminal::{Terminal, with_a_terminal};
use crate::world::{World, callboard, ran};

#[test]
fn a_status_bar_has_one_line() {
    let world = World::new();
    assert_eq!(world.ok("status-line"), "\n");
    assert_eq!(world.ok("status-line --empty -"), "-\n");
    let _a = world.session("a", &["--status", "waiting"]);
    let _b = world.session("b", &["--status", "busy"]);
    let _c = world.session("c", &["--status", "idle"]);
    assert_eq!(world.ok("status-line"), "1 waiting · 1 busy\n");
    assert_eq!(world.ok("status-line --all --separator ,"), "1 waiting,1 busy,1 idle\n");
    assert_eq!(world.ok("status-line --name b"), "1 busy\n");
    // Half a record may hide a session, and a status bar has no room to say which.
    world.write_record("1.json", b"{");
    let ran = world.run("status-line");
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), "1 waiting · 1 busy · +\n", ""));
}

/// The real tmux draws what the command says, colours and all.
#[test]
fn tmux_draws_it() {
    let world = World::new();
    let _a = world.session("a", &["--status", "waiting"]);
    let config = world.path("work/tmux.conf");
    let line = format!("{} status-line --style tmux", callboard().display());
    std::fs::write(&config, format!("set -g status-interval 1\nset -g status-right '#({line})'\n"))
        .unwrap();
    let socket = world.path("tmux.sock");
    let mut tmux = with_a_terminal(&world);
    tmux.arg("tmux").arg("-S").arg(&socket).arg("-f").arg(&config).args(["new-session", "cat"]);
    let mut terminal = Terminal::start(tmux.env("LANG", "C.UTF-8"), 80);
    terminal.wait_for("1 waiting");
    assert!(!terminal.screen.contains("#["), "{}", terminal.screen);
    let mut kill = world.command("tmux");
    assert!(kill.arg("-S").arg(&socket).arg("kill-server").status().unwrap().success());
}

#[test]
fn metrics_are_text_that_a_collector_reads() {
    let world = World::new();
    let _a = world.session("a", &["--status", "waiting", "--tool", "claude"]);
    let text = world.ok("metrics");
    let sample = "callboard_sessions{status=\"waiting\",kind=\"interactive\",tool=\"claude\",verdict=\"alive\"} 1";
    assert!(text.lines().any(|line| line == sample), "{text}");
    assert!(text.ends_with("# EOF\n"), "{text}");
    // Each line is a comment, or a name with labels and a number.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(name.starts_with("callboard_") && value.parse::<f64>().is_ok(), "{line}");
    }
    let file = world.path("work/callboard.prom");
    assert_eq!(world.ok(&format!("metrics --textfile {}", file.display())), "");
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().next(), text.lines().next());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(
        std::fs::read_dir(world.path("work")).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    let ran = world.run("metrics --textfile /nonexistent/x.prom");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("cannot write /nonexistent/x.prom"), "{ran:?}");
}

/// A real bash, with the script that the command prints.
#[test]
fn bash_completes_commands_and_live_sessions() {
    let world = World::new();
    let _a = world.session("billing", &["--status", "waiting"]);
    let _b = world.session("two words", &[]);
    let mut gone = world.session("bistro", &[]);
    gone.kill();
    let complete = |words: &str, at: usize| {
        let dir = callboard().parent().unwrap().display().to_string();
        let script = format!(
            "PATH={dir}:$PATH; source <(callboard completions bash); \
             COMP_WORDS=({words}); COMP_CWORD={at}; COMP_TYPE=9; \
             _clap_complete_callboard callboard \"${{COMP_WORDS[{at}]}}\" x; \
             printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let ran = ran(world.command("bash").args(["-c", &script]).output().unwrap());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        ran.out.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(complete("callboard dereg", 1), ["deregister"]);
    assert_eq!(complete("callboard show bi", 2), ["billing"], "and not the dead one");
    assert!(complete("callboard wait ''", 2).contains(&"billing".to_owned()));
    assert!(complete("callboard ps --stat", 2).contains(&"--status".to_owned()));
}

#[test]
fn the_manual_is_clean() {
    let world = World::new();
    let dir = world.path("work/man1");
    assert_eq!(world.ok(&format!("man --dir {}", dir.display())), "");
    let pages: Vec<_> =
        std::fs::read_dir(&dir).unwrap().flatten().map(|page| page.path()).collect();
    assert!(pages.len() > 15, "{pages:?}");
    for page in &pages {
        let mut groff = Command::new("groff");
        let said =
            groff.args(["-man", "-Tutf8", "-ww", "-Wbreak", "-z"]).arg(page).output().unwrap();
        let warnings = String::from_utf8_lossy(&said.stderr);
        assert!(said.status.success() && warnings.is_empty(), "{}: {warnings}", page.display());
    }
    assert!(world.ok("man").contains("EXIT STATUS"));
    assert!(world.ok("man wait").contains("callboard\\-wait"));
    let ran = world.run("man nothing");
    assert_eq!(ran.code, Some(2), "{ran:?}");
}
