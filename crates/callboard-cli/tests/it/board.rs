//! `ps`, `count` and `show`: what is on, for people and for programs.

use crate::terminal::{Terminal, bare};
use crate::world::World;

/// Three sessions with a state each, signed in in an order that is not the board's.
fn three(world: &World) -> [crate::world::Living; 3] {
    let cwd = world.path("home/src/api");
    std::fs::create_dir_all(&cwd).unwrap();
    let cwd = cwd.to_str().unwrap();
    [
        world.session("docs", &["--status", "idle", "--tool", "qwen", "--cwd", cwd]),
        world.session("deploy", &["--status", "busy", "--tool", "claude", "--kind", "bg"]),
        world.session(
            "billing",
            &["--status", "waiting", "--waiting-for", "permission prompt", "--tool", "claude"],
        ),
    ]
}

#[test]
fn what_waits_is_on_top() {
    let world = World::new();
    let _sessions = three(&world);
    assert_eq!(world.names(), ["billing", "deploy", "docs"]);
}

#[test]
fn json_has_exactly_the_fields_that_are_promised() {
    let world = World::new();
    let [docs, ..] = three(&world);
    let row = world.ps().into_iter().find(|row| row["pid"] == docs.pid()).unwrap();
    let keys: Vec<&str> = row.as_object().unwrap().keys().map(|key| &**key).collect();
    let mut promised = [
        "pid",
        "sessionId",
        "name",
        "tool",
        "kind",
        "entrypoint",
        "status",
        "waitingFor",
        "statusSince",
        "statusFrom",
        "cwd",
        "startedAt",
        "updatedAt",
        "verdict",
        "evidence",
        "registry",
        "foundBy",
        "pidDomain",
        "transcriptPath",
        "activity",
        "host",
        "sources",
    ];
    promised.sort_unstable();
    assert_eq!(keys, promised, "serde_json sorts them");
    assert_eq!(row["status"], "idle");
    assert_eq!(row["statusFrom"], "record");
    assert_eq!(row["verdict"], "alive");
    assert_eq!((&row["registry"], &row["foundBy"]), (&"callboard".into(), &"record".into()));
    assert!(row["waitingFor"].is_null() && row["entrypoint"].is_null());
    assert!(row["statusSince"].as_u64().unwrap() <= row["updatedAt"].as_u64().unwrap());
    assert_eq!(row["cwd"], world.path("home/src/api").to_str().unwrap());
    assert_eq!(row["sources"][0]["registry"], "callboard");
    let record = world.sessions().join(format!("{}.json", docs.pid()));
    assert_eq!(row["sources"][0]["path"], record.to_str().unwrap());
}

#[test]
fn a_pipe_gets_one_plain_line_for_each() {
    let world = World::new();
    let sessions = three(&world);
    let out = world.ok("ps");
    let lines: Vec<Vec<&str>> = out.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!(lines.len(), 3);
    assert!(!out.contains('\u{1b}'));
    let [name, status, _, waiting_for, tool, kind, cwd, pid, _, verdict, ref host @ ..] =
        lines[0][..]
    else {
        panic!("{lines:?}")
    };
    assert_eq!(*host, ["-", "-", "-"], "it has none");
    let pid: u32 = pid.parse().unwrap();
    let work = world.path("work");
    assert_eq!(
        (name, status, waiting_for, tool, kind, cwd, pid, verdict),
        (
            "billing",
            "waiting",
            "permission prompt",
            "claude",
            "interactive",
            work.to_str().unwrap(),
            sessions[2].pid(),
            "alive"
        )
    );
}

#[test]
fn filters_by_case() {
    let world = World::new();
    let _sessions = three(&world);
    let here = world.path("home/src");
    let cases: &[(&str, &[&str])] = &[
        ("--status waiting", &["billing"]),
        ("--status waiting,busy", &["billing", "deploy"]),
        ("--status busy --status idle", &["deploy", "docs"]),
        ("--kind bg", &["deploy"]),
        ("--tool claude --kind interactive", &["billing"]),
        ("--name D", &["deploy", "docs"]),
        (&format!("--dir {}", here.display()), &["docs"]),
        ("--dir .", &["billing", "deploy"]),
        ("--dir ../home", &["docs"]),
    ];
    for (filters, names) in cases {
        let out = world.ok(&format!("ps {filters}"));
        let shown: Vec<&str> = out.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(shown, *names, "{filters}");
        let count = world.ok(&format!("count {filters}"));
        assert_eq!(count.trim(), names.len().to_string(), "{filters}");
    }
}

#[test]
fn a_filter_that_nobody_fits_says_no() {
    let world = World::new();
    let _sessions = three(&world);
    let ran = world.run("ps --status compacting");
    assert_eq!((ran.code, &*ran.out), (Some(1), ""));
    insta::assert_snapshot!(ran.err, @"callboard: no session fits; without filters there are 3, see `callboard ps`");
    let ran = world.run("ps --status compacting --json");
    assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(1), "[]\n", ""));
    assert_eq!(world.ok("count --status compacting"), "0\n", "a number is an answer");
}

#[test]
fn the_dead_are_shown_when_asked_for_and_swept() {
    let world = World::new();
    let mut sessions = three(&world);
    sessions[2].kill();
    assert_eq!(world.names(), ["deploy", "docs"]);
    assert_eq!(world.ok("count"), "2\n");
    let all: Vec<serde_json::Value> = serde_json::from_str(&world.ok("ps --all --json")).unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!((&all[2]["name"], &all[2]["verdict"]), (&"billing".into(), &"dead".into()));
    let shown = world.ok("show billing");
    assert!(shown.contains("dead: "), "{shown}");
    let planned = world.ok("sweep --dry-run");
    let record = world.sessions().join(format!("{}.json", sessions[2].pid()));
    assert_eq!(planned, format!("would remove {}: no process has this pid\n", record.display()));
    assert!(record.exists());
    assert_eq!(world.ok("sweep"), planned.replace("would remove", "removed"));
    assert!(!record.exists());
    assert_eq!(world.ok("sweep"), "");
    assert_eq!(world.names(), ["deploy", "docs"]);
}

#[test]
fn an_empty_board_says_what_to_do_next() {
    let world = World::new();
    for line in ["ps", "sweep", "sweep --dry-run"] {
        assert_eq!(world.ok(line), "", "nothing to say to a program: {line}");
    }
    assert_eq!(world.ok("ps --json"), "[]\n");
    assert_eq!(world.ok("count"), "0\n");
    assert_eq!(world.ok("count --json"), "{\"alive\":0,\"unknown\":0,\"unreadable\":0}\n");
    assert!(!world.path("board").exists(), "looking makes nothing");
    let (status, screen) = Terminal::start(&mut world.callboard(["ps"]), 80).finish();
    assert!(status.success());
    insta::assert_snapshot!(screen.replace('\r', ""), @r#"
    nobody is on

      callboard run -- CMD     run a command, and have it on the board while it runs
      callboard register       sign in the shell or script that calls it
      callboard demo           see what the board looks like
      callboard doctor         you expected somebody: see where was looked
    "#);
    let (_, screen) = Terminal::start(&mut world.callboard(["ps"]), 20).finish();
    insta::assert_snapshot!(screen.replace('\r', ""), @r#"
    nobody is on
    try: callboard demo
    "#);
}

#[test]
fn a_terminal_gets_a_table_of_its_width() {
    let world = World::new();
    let _sessions = three(&world);
    for columns in [20, 33, 80, 200] {
        let (status, screen) = Terminal::start(&mut world.callboard(["ps"]), columns).finish();
        assert!(status.success());
        let text = bare(&screen);
        let lines: Vec<&str> = text.split("\r\n").collect();
        assert_eq!(lines.len(), 6, "heading, three sessions, summary, end: {text}");
        for line in &lines {
            assert!(line.chars().count() <= usize::from(columns), "{columns}: {line:?}");
        }
        assert!(lines[0].starts_with("NAME"), "{text}");
        assert!(lines[1].starts_with("billing"), "{text}");
        assert!(lines[1].contains("◆ waiting"), "{text}");
        assert!(lines[4].starts_with("1 waiting · 1 busy"), "{text}");
        assert_eq!(lines[1].contains("permission prompt"), columns >= 80, "{text}");
        assert_eq!(lines[0].contains("SESSION"), columns == 200, "{text}");
    }
}

#[test]
fn colours_are_for_those_who_want_them() {
    let world = World::new();
    let _sessions = three(&world);
    let on_terminal = |arguments: &[&str], variable: (&str, &str)| {
        let mut command = world.callboard(arguments);
        Terminal::start(command.env(variable.0, variable.1), 80).finish().1
    };
    let coloured = |text: &str| text.contains('\u{1b}');
    assert!(coloured(&on_terminal(&["ps"], ("X", "1"))));
    assert!(!coloured(&on_terminal(&["ps"], ("NO_COLOR", "1"))));
    assert!(!coloured(&on_terminal(&["ps"], ("TERM", "dumb"))));
    assert!(!coloured(&on_terminal(&["ps", "--color", "never"], ("X", "1"))));
    assert!(coloured(&on_terminal(&["--color=always", "ps"], ("NO_COLOR", "1"))));
    let piped = world.ok("ps --color always");
    assert!(coloured(&piped) && bare(&piped).starts_with("NAME"), "{piped}");
}

#[test]
fn columns_count_where_the_terminal_does_not_say() {
    let world = World::new();
    let _sessions = three(&world);
    let mut command = world.callboard(["ps"]);
    let (_, screen) = Terminal::start(command.env("COLUMNS", "30"), 0).finish();
    assert!(bare(&screen).split("\r\n").all(|line| line.chars().count() <= 30), "{screen}");
}

#[test]
fn show_tells_everything_about_one() {
    let world = World::new();
    let [docs, ..] = three(&world);
    let shown = world.ok(&format!("show {}", docs.pid()));
    for part in ["○ docs", "status       idle", "directory    ~/src/api", "tool         qwen"] {
        assert!(shown.contains(part), "{part} in {shown}");
    }
    let json: serde_json::Value = serde_json::from_str(&world.ok("show docs --json")).unwrap();
    assert_eq!(json["pid"], docs.pid());
}

#[test]
fn claude_sessions_are_on_the_board_and_keep_their_records() {
    let world = World::new();
    let process = world.process();
    let pid = process.pid();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().to_owned();
    let sessions = world.path("home/.claude/sessions");
    std::fs::create_dir_all(&sessions).unwrap();
    let record = format!(
        r#"{{"pid":{pid},"sessionId":"c3fb0000-1","cwd":"/srv/api","startedAt":1,"procStart":"{start}","version":"2.1.329","kind":"interactive","entrypoint":"cli","status":"busy"}}"#
    );
    let file = sessions.join(format!("{pid}.json"));
    std::fs::write(&file, &record).unwrap();

    let row = &world.ps()[0];
    assert_eq!((&row["tool"], &row["registry"]), (&"claude".into(), &"claude".into()));
    assert!(row["name"].is_null());
    assert!(world.ok("ps").starts_with("api\t"), "shown by its directory");

    let ran = world.run("update c3fb --status idle");
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(ran.err, @"callboard: `api` is in claude's registry alone, which is only read; use claude itself, or give it a name here with `callboard rename`");

    world.ok("rename c3fb billing");
    let row = &world.ps()[0];
    assert_eq!((&row["name"], &row["status"]), (&"billing".into(), &"busy".into()));
    assert_eq!(row["sources"].as_array().unwrap().len(), 2, "{row:#}");
    assert_eq!(world.ps().len(), 1, "the same process is one row");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), record, "never written");
    let board = world.ok(&format!("--registry {} ps --json", world.sessions().display()));
    assert!(board.contains("billing"), "{board}");
}
