use super::*;

const AIDER: &str = r#"
name = "aider"

[process]
program = "^aider$"
except = "(^| )--(version|help)( |$)"

[conversation]
path = "{cwd}/.aider.chat.history.md"

[[status]]
line = "^> Tokens:"
is = "idle"

[[status]]
line = "^#### "
is = "busy"
"#;

#[test]
fn which_processes_are_meant() {
    let aider = Described::parse(AIDER, None).unwrap();
    let role = |comm: &str, argv: &[&str]| aider.role(&Process::new(1, 0, comm, argv));
    assert_eq!(aider.name(), "aider");
    assert_eq!(role("aider", &["/x/python", "/x/bin/aider", "--yes"]), Some(Role::Session));
    assert_eq!(role("python", &["python", "-m", "aider"]), Some(Role::Session));
    assert_eq!(role("aider", &["aider", "--version"]), Some(Role::Infrastructure));
    assert_eq!(role("vim", &["vim", "aider"]), None);
    assert!(aider.is_candidate("aider") && !aider.is_candidate("bash"));
    assert!(aider.is_candidate("fifteen-letters"), "it may be cut");

    let text = AIDER.replace("except =", "arguments = \"--chat\"\nexcept =");
    let aider = Described::parse(&text, None).unwrap();
    let role = |argv: &[&str]| aider.role(&Process::new(1, 0, "aider", argv));
    assert_eq!(role(&["aider", "--chat"]), Some(Role::Session));
    assert_eq!(role(&["aider"]), None);
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let cases = [
        ("name = \"aider\"", "name = 7", "line 2: invalid type: integer `7`"),
        ("name = \"aider\"", "name = \"a b\"", "line 2: `name` is 1 to 32 letters"),
        ("name = \"aider\"", "name = \"../x\"", "line 2: `name` is 1 to 32 letters"),
        ("name = \"aider\"", "nmae = \"aider\"", "line 2: unknown field `nmae`"),
        ("program = \"^aider$\"", "program = \"^(aider$\"", "line 5: "),
        ("program = \"^aider$\"\n", "", "line 4: missing field `program`"),
        ("is = \"idle\"", "is = \"done\"", "line 13: `is` is `busy`, `idle` or `waiting`"),
        ("{cwd}/", "", "line 9: `path` begins with"),
        ("[[status]]\nline", "[[status]\nline", "line 11: "),
    ];
    for (old, new, expected) in cases {
        let text = AIDER.replacen(old, new, 1);
        assert_ne!(text, AIDER);
        let error = Described::parse(&text, None).unwrap_err();
        assert!(error.starts_with(expected), "{error}, expected {expected}");
    }
}

#[test]
fn a_broken_file_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    put("b.toml", AIDER);
    put("a.toml", "name = [");
    put("c.toml", &AIDER.replace("\"aider\"", "\"other\""));
    put("notes.txt", "name = [");
    std::fs::create_dir(dir.path().join("d.toml")).unwrap();
    let found = Descriptions::load(dir.path(), None);
    assert_eq!(found.agents.iter().map(|agent| agent.name).collect::<Vec<_>>(), ["aider", "other"]);
    assert_eq!(found.warnings.len(), 2, "{:?}", found.warnings);
    let start = format!("{}/a.toml: line 1: ", dir.path().display());
    assert!(found.warnings[0].starts_with(&start), "{:?}", found.warnings);
    assert!(found.warnings[1].contains("d.toml: cannot be read"), "{:?}", found.warnings);

    let none = Descriptions::load(&dir.path().join("missing"), None);
    assert!(none.agents.is_empty() && none.warnings.is_empty());
}

#[test]
fn the_last_line_that_is_known_tells() {
    let aider = Described::parse(AIDER, None).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("chat.md");
    let long = format!("#### one\n{}\n> Tokens: 7\n", "x".repeat(200_000));
    let cases = [
        ("#### hello\n", Some(Status::Busy), true),
        ("#### hello\n\nhi\n", Some(Status::Busy), false),
        ("#### hello\n\nhi\n\n> Tokens: 1\n\n", Some(Status::Idle), true),
        ("> Tokens: 1\n\n#### again", Some(Status::Busy), true),
        (&long, Some(Status::Idle), true),
        ("# aider chat started\n", None, false),
        ("", None, false),
    ];
    for (text, status, has_time) in cases {
        std::fs::write(&file, text).unwrap();
        let tail = tail::read(&file, &aider.rules).unwrap().tail;
        let state = tail.as_ref().map(|tail| match tail.state {
            crate::activity::TailState::Idle => Status::Idle,
            _ => Status::Busy,
        });
        assert_eq!(state, status, "{:.40}", text);
        assert_eq!(tail.is_some_and(|tail| tail.at.is_some()), has_time, "{:.40}", text);
    }
    assert!(tail::read(dir.path(), &aider.rules).is_err(), "a directory is no conversation");
}

#[test]
fn a_name_is_kept_once() {
    assert!(std::ptr::eq(kept("once"), kept(String::from("once").as_str())));
}
