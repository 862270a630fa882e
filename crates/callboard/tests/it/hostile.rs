//! Whatever somebody puts into the directory: a clear problem for it, and everybody else listed.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use callboard::{Registry, Verdict};
use serde_json::{Value, json};
use testkit::Home;

use crate::actor::Actor;

/// What there may be, and what is said about it (empty: it is listed, or nothing is said).
const BAD: &[(&str, &[u8], &str)] = &[
    ("101.json", b"", "not a record: empty"),
    ("102.json", b" \n\t ", "not a record: empty"),
    ("103.json", &[0; 700], "not a record: only NUL bytes"),
    (
        "104.json",
        br#"{"pid":104,"sessionId":"ab"#,
        "not a record: not JSON at byte 26: ends inside a string",
    ),
    ("105.json", br#"{"pid":105,"cwd""#, "not a record: not JSON at byte 16"),
    ("106.json", b"{\"pid\":106,\"cwd\":\"\xff\xfe\"}", "not a record: not UTF-8 at byte 18"),
    ("107.json", b"[107]", "not a record: not a JSON object"),
    ("108.json", b"null", "not a record: not a JSON object"),
    ("109.json", b"{}", "not a record: has no usable pid"),
    ("110.json", br#"{"pid":-110}"#, "not a record: has no usable pid"),
    ("111.json", br#"{"pid":"111"}"#, "not a record: has no usable pid"),
    ("112.json", br#"{"pid":112.0}"#, "not a record: has no usable pid"),
    ("113.json", br#"{"pid":1e2}"#, "not a record: has no usable pid"),
    ("114.json", br#"{"pid":99999999999999999999999}"#, "not a record: has no usable pid"),
    ("115.json", br#"{"pid":4294967411}"#, "not a record: has no usable pid"),
    ("116.json", br#"{"pid":1}"#, "the record in it is about pid 1; not believed"),
    (
        "117.json",
        b"{\"pid\":117,\"cwd\":\"a\nb\"}",
        "not a record: not JSON at byte 19: control character",
    ),
    ("118.json", b"\xef\xbb\xbf{\"pid\":118}", "not a record: not a JSON object"),
    ("0123.json", b"{\"pid\":123}", "not the name of a record"),
    ("+5.json", b"{\"pid\":5}", "not the name of a record"),
    ("99999999999999999999.json", b"{\"pid\":5}", "not the name of a record"),
    ("2026-03-14_notes.md", b"notes", "not the name of a record"),
    ("2147483648.json", b"{\"pid\":2147483648}", "not the name of a record"),
];

/// Lists without waiting for anybody; what is looked for is a hang, not a slow machine.
fn list(home: &Home) -> (Vec<callboard::Session>, Vec<String>) {
    let started = Instant::now();
    let seen = Registry::at(home.sessions()).list();
    let took = started.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?}");
    (seen.sessions, seen.problems.iter().map(ToString::to_string).collect())
}

/// Exactly one problem about this entry, and it says so.
fn assert_said(home: &Home, problems: &[String], name: &str, said: &str) {
    let path = format!("{}: ", home.entry(name).display());
    let about: Vec<_> = problems.iter().filter_map(|p| p.strip_prefix(&path)).collect();
    assert_eq!(about.len(), 1, "{name}: {about:?}");
    assert!(about[0].starts_with(said), "{name}: {}", about[0]);
}

/// An actor is signed in before and after, so that it is no matter where in the directory's
/// order the bad ones are.
#[test]
fn every_bad_file_is_a_problem_and_everybody_else_is_listed() {
    let home = Home::new();
    let mut live = vec![Actor::signed_in(&home)];
    for (name, content, _) in BAD {
        home.put(name, content);
    }
    fs::create_dir(home.entry("201.json")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, home.entry("202.json"), 0o600.into()).unwrap();
    let _socket = UnixListener::bind(home.entry("203.json")).unwrap();
    symlink("101.json", home.entry("204.json")).unwrap();
    symlink("/dev/zero", home.entry("205.json")).unwrap();
    symlink("206.json", home.entry("206.json")).unwrap();
    symlink("/nowhere/at/all", home.entry("207.json")).unwrap();
    let sparse = fs::File::create(home.entry("208.json")).unwrap();
    sparse.set_len(8 << 30).unwrap();
    home.put("209.json", format!("{{\"pid\":209,\"x\":{}", "[".repeat(60_000)));
    home.put("210.json", "[".repeat(60_000));
    home.put("211.json", "x".repeat(64 * 1024 + 1));
    let device = rustix::fs::makedev(1, 5);
    let path = home.entry("212.json");
    let kind = rustix::fs::FileType::CharacterDevice;
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, 0o600.into(), device)
        .expect("a device node can be made; is this not root?");
    let theirs = home.put("213.json", br#"{"pid":213}"#);
    std::os::unix::fs::chown(theirs, Some(65534), Some(65534)).unwrap();
    let bytes = std::ffi::OsStr::from_bytes(b"\xff\xfe.json");
    fs::write(home.sessions().join(bytes), "x").unwrap();
    live.push(Actor::signed_in(&home));

    let (sessions, problems) = list(&home);
    for actor in &live {
        let found = sessions.iter().find(|s| s.record.pid() == actor.pid);
        assert_eq!(found.map(|s| s.verdict()), Some(Verdict::Alive));
    }
    assert_eq!(sessions.len(), live.len(), "{sessions:?}");
    for (name, _, said) in BAD {
        assert_said(&home, &problems, name, said);
    }
    for (name, said) in [
        ("201.json", "a directory, not a record"),
        ("202.json", "a FIFO, not a record"),
        ("203.json", "a socket, not a record"),
        ("204.json", "a symlink, not a record"),
        ("205.json", "a symlink, not a record"),
        ("206.json", "a symlink, not a record"),
        ("207.json", "a symlink, not a record"),
        ("208.json", "too long for a record (8589934592 bytes)"),
        ("209.json", "not a record: not JSON"),
        ("210.json", "not a record: not a JSON object"),
        ("211.json", "too long for a record (65537 bytes)"),
        ("212.json", "a device, not a record"),
        ("213.json", "belongs to another user (uid 65534)"),
        ("\u{fffd}\u{fffd}.json", "not the name of a record"),
    ] {
        assert_said(&home, &problems, name, said);
    }
    assert_eq!(problems.len(), BAD.len() + 14, "{problems:#?}");
    let count = Registry::at(home.sessions()).count();
    assert_eq!((count.alive, count.unknown), (2, 0));
    // All but the names that no session of ours can have may hide one.
    assert_eq!(count.unreadable, BAD.len() - 5 + 13);
    // None of it keeps anybody from updating, sweeping or leaving.
    let before: Vec<_> = home.fingerprint().into_iter().filter(|e| !e.0.contains("lock")).collect();
    for actor in &mut live {
        assert_eq!(actor.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
        let (file, other) = (format!("{}.json", actor.pid), u64::from(actor.pid) + 1_000_000_000);
        assert_eq!(actor.ask("update", json!([actor.pid, "x", 1]))["x"], 1, "{file}");
        assert_eq!(actor.ask("update", json!([other, "x", 1]))["error"], "NoSession");
        assert!(actor.end_by("return").success());
    }
    let after = home.fingerprint();
    let kept = before.iter().filter(|e| !live.iter().any(|a| e.0 == format!("{}.json", a.pid)));
    assert!(kept.eq(after.iter()), "{before:?} {after:?}");
}

/// What can be understood of a record is listed, and what cannot is said.
#[test]
fn odd_values_are_problems_of_a_session_that_is_listed() {
    let home = Home::with_sessions();
    let actor = Actor::start(&home);
    let name = format!("{}.json", actor.pid);
    let nested = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    let cases: &[(String, &[&str])] = &[
        (r#""startedAt":-5,"cwd":"/w""#.into(), &["startedAt has the wrong type"]),
        (r#""startedAt":1e30"#.into(), &["startedAt has the wrong type"]),
        (r#""updatedAt":4102444800000"#.into(), &["updatedAt is in the future"]),
        (r#""updatedAt":99999999999999999999"#.into(), &["updatedAt has the wrong type"]),
        (r#""name":5,"status":{},"cwd":null"#.into(), &["name has", "status has"]),
        (r#""name":"\u001b[31mred\u202e\n""#.into(), &[]),
        (format!(r#""x":{nested}"#), &[]),
    ];
    for (fields, said) in cases {
        home.put(&name, format!(r#"{{"pid":{},{fields}}}"#, actor.pid));
        let (sessions, problems) = list(&home);
        assert_eq!(sessions.len(), 1, "{said:?}");
        assert_eq!(problems.len(), said.len(), "{problems:?}");
        for (problem, said) in problems.iter().zip(*said) {
            assert!(problem.contains(said), "{problem}");
        }
    }
    // One object followed by the tail of another, longer one; and by NULs (claude-code #41195).
    let own = format!(r#"{{"pid":{},"name":"n"}}"#, actor.pid);
    for tail in [r#"idle","x":1}"#.to_owned(), "\0".repeat(24)] {
        home.put(&name, format!("{own}{tail}"));
        let (sessions, problems) = list(&home);
        assert_eq!(sessions[0].record.name().as_deref(), Some("n"));
        assert_eq!(sessions[0].record.as_json(), own);
        assert_said(&home, &problems, &name, "more text follows the record");
    }
    // The text is kept as it is: to escape it is for whoever prints it.
    home.put(&name, format!(r#"{{"pid":{},"name":"\u001b]0;x\u0007"}}"#, actor.pid));
    assert_eq!(list(&home).0[0].record.name().as_deref(), Some("\u{1b}]0;x\u{7}"));
}

/// A file that we may not read: not ours to open, and still named. As nobody, since root reads
/// everything.
#[test]
fn a_record_that_may_not_be_read_is_named() {
    const NOBODY: u32 = 65534;
    let home = Home::with_sessions();
    let path = home.put("1999999301.json", br#"{"pid":1999999301}"#);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    for path in [home.path(), &home.sessions(), &path] {
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let mut nobody = Actor::start_as(NOBODY, &home);
    nobody.ask("register", json!({}));
    let seen = nobody.ask("list", Value::Null);
    assert_eq!(seen["sessions"].as_array().unwrap().len(), 1);
    let problems = seen["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
    let denied = "1999999301.json: cannot be read: Permission denied";
    assert!(problems[0].as_str().unwrap().contains(denied));
    assert_eq!(nobody.ask("sweep", Value::Null), json!({ "done": [], "kept": [] }));
}

/// A directory full of other things does not flood whoever reads the problems.
#[test]
fn a_thousand_strays_are_not_a_thousand_lines() {
    let home = Home::new();
    let actor = Actor::signed_in(&home);
    for index in 0..1000 {
        fs::write(home.entry(&format!("photo-{index}.jpg")), "x").unwrap();
    }
    let (sessions, problems) = list(&home);
    assert_eq!(sessions[0].record.pid(), actor.pid);
    assert_eq!(problems.len(), 101);
    assert!(problems[100].ends_with("and 900 more names that are not those of records"));
}

/// Whatever stands under the name that a session wants: it signs in beside it.
#[test]
fn who_finds_his_name_taken_by_something_else_signs_in_beside_it() {
    let make: [fn(&std::path::Path); 6] = [
        |path| fs::write(path, "").unwrap(),
        |path| symlink("../notes", path).unwrap(),
        |path| fs::create_dir(path).unwrap(),
        |path| symlink("/dev/zero", path).unwrap(),
        |path| rustix::fs::mkfifoat(rustix::fs::CWD, path, 0o600.into()).unwrap(),
        |path| drop(UnixListener::bind(path).unwrap()),
    ];
    for (index, make) in make.iter().enumerate() {
        let home = Home::with_sessions();
        let mut actor = Actor::start(&home);
        let name = format!("{}.json", actor.pid);
        fs::write(home.path().join("notes"), "somebody's").unwrap();
        make(&home.entry(&name));
        let path = actor.ask("register", json!({}));
        let file = path.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        assert!(file.starts_with(&format!("{}-", actor.pid)), "{index}: {path}");
        let (sessions, problems) = list(&home);
        assert_eq!(sessions.len(), 1, "{index}");
        assert_eq!(sessions[0].verdict(), Verdict::Alive);
        assert_eq!(problems.len(), 1, "{index}: {problems:?}");
        assert_eq!(actor.ask("update", json!([actor.pid, "x", 1]))["x"], 1, "{index}");
        assert_eq!(actor.ask("status", json!("busy")), "done");
        assert!(actor.end_by("return").success());
        assert_eq!(home.names(), [name], "{index}");
        let theirs = fs::read_to_string(home.path().join("notes")).unwrap();
        assert_eq!(theirs, "somebody's", "{index}");
    }
}
