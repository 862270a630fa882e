//! A directory that is missing, is no directory, is not ours, cannot be written or is full: an
//! error that says so, or none; never a changed or lost record, never litter.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use callboard::{Error, Patch, ProblemKind, Registry, SignIn};
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::{Actor, alive};

#[test]
fn a_missing_directory_has_no_sessions_and_is_made_by_the_first() {
    let home = Home::new();
    let registry = Registry::at(home.path().join("deep/er/sessions"));
    let seen = registry.list();
    assert!(seen.sessions.is_empty() && seen.problems.is_empty());
    assert_eq!(registry.count(), callboard::Count::default());
    assert!(registry.plan_sweep().unwrap().items.is_empty());
    let update = registry.update(1, &Patch::new().name("n"));
    assert!(matches!(update, Err(Error::NoSession { pid: 1, .. })), "{update:?}");
    assert!(!home.path().join("deep").exists(), "looking makes nothing");
    let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
    for directory in ["deep", "deep/er", "deep/er/sessions"] {
        let mode = fs::metadata(home.path().join(directory)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{directory}");
    }
    let mode = fs::metadata(guard.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let lock = registry.dir().join(format!(".{}.lock", std::process::id()));
    assert_eq!(fs::metadata(lock).unwrap().permissions().mode() & 0o777, 0o600);
}

/// A file-mode mask of 0 opens nothing.
#[test]
fn the_modes_do_not_depend_on_the_umask() {
    let home = Home::new();
    let mut actor = Actor::start_on(&Stage::with_umask("0"), &home);
    actor.ask("register", json!({}));
    for name in home.names() {
        let mode = fs::metadata(home.entry(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let mode = fs::metadata(home.sessions()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// Every way in which the path is no directory that can be used.
#[test]
fn what_is_no_directory_is_a_problem_and_an_error() {
    let make: [fn(&Home); 4] = [
        |home| fs::write(home.sessions(), "a file").unwrap(),
        |home| rustix::fs::mkfifoat(rustix::fs::CWD, home.sessions(), 0o600.into()).unwrap(),
        |home| symlink("sessions", home.sessions()).unwrap(),
        |home| symlink("/dev/null", home.sessions()).unwrap(),
    ];
    for make in make {
        let home = Home::new();
        make(&home);
        let registry = Registry::at(home.sessions());
        let seen = registry.list();
        assert_eq!((seen.sessions.len(), seen.problems.len()), (0, 1));
        assert!(matches!(seen.problems[0].kind, ProblemKind::Directory(_)), "{seen:?}");
        assert_eq!(registry.count().unreadable, 1);
        let refused = registry.register(SignIn::new());
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(home.sessions().to_str().unwrap()), "{text}");
        assert_eq!(registry.plan_sweep().unwrap().problems.len(), 1);
    }
}

#[test]
fn a_symlink_to_a_directory_is_followed() {
    let home = Home::new();
    let elsewhere = home.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    symlink(&elsewhere, home.sessions()).unwrap();
    let actor = Actor::signed_in(&home);
    assert_eq!(alive(&home), [actor.pid]);
    assert!(elsewhere.join(format!("{}.json", actor.pid)).exists());
    let mode = fs::metadata(&elsewhere).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "and tightened, as any other");
}

/// `sudo` with the home of a user: nothing of root's is left in it.
#[test]
fn a_directory_of_another_user_is_neither_read_nor_written() {
    let home = Home::with_sessions();
    home.put("4711.json", br#"{"pid":4711}"#);
    chown(home.sessions(), Some(65534), Some(65534)).unwrap();
    let before = home.fingerprint();
    let registry = Registry::at(home.sessions());
    let seen = registry.list();
    assert!(seen.sessions.is_empty());
    let kind = &seen.problems[0].kind;
    assert!(matches!(kind, ProblemKind::DirectoryOfAnotherUser { uid: 65534 }), "{kind:?}");
    let untrusted = |error: Option<Error>| {
        assert!(matches!(error, Some(Error::Untrusted { .. })), "{error:?}");
    };
    untrusted(registry.register(SignIn::new()).err());
    untrusted(registry.update(4711, &Patch::new().name("n")).err());
    untrusted(registry.remove(4711).err());
    assert_eq!(registry.plan_sweep().unwrap().items.len(), 0);
    assert_eq!(home.fingerprint(), before);
}

/// From the other side: a user who looks at root's.
#[test]
fn a_directory_that_may_not_be_entered_is_a_problem() {
    let home = Home::with_sessions();
    home.put("4711.json", br#"{"pid":4711}"#);
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let mut nobody = Actor::start_as(65534, &home);
    let seen = nobody.ask("list", Value::Null);
    assert_eq!(seen["sessions"], json!([]));
    let problem = seen["problems"][0].as_str().unwrap();
    assert!(
        problem.ends_with("the registry cannot be read: Permission denied (os error 13)"),
        "{problem}"
    );
    assert_eq!(nobody.ask("register", json!({}))["error"], "Io");
}

#[test]
fn a_directory_that_others_may_write_to_is_tightened_and_their_files_are_not_believed() {
    let home = Home::with_sessions();
    fs::set_permissions(home.sessions(), fs::Permissions::from_mode(0o777)).unwrap();
    let mut actor = Actor::start(&home);
    let planted = format!(r#"{{"pid":{},"name":"planted"}}"#, actor.pid);
    chown(home.put(&format!("{}.json", actor.pid), planted), Some(65534), None).unwrap();
    let seen = Registry::at(home.sessions()).list();
    assert!(seen.sessions.is_empty());
    let kinds: Vec<_> = seen.problems.iter().map(|p| &p.kind).collect();
    assert!(
        matches!(
            kinds[..],
            [ProblemKind::DirectoryWritableByOthers, ProblemKind::OfAnotherUser { uid: 65534 }]
        ),
        "{kinds:?}"
    );
    let mode = || fs::metadata(home.sessions()).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o777, "reading changes nothing");
    // It signs in beside what was planted, and takes nothing from it.
    actor.ask("register", json!({}));
    assert_eq!(mode(), 0o700);
    assert_eq!(actor.ask("own", Value::Null)["name"], Value::Null);
    assert_eq!(Registry::at(home.sessions()).count().alive, 1);
}

#[test]
fn a_read_only_file_system_is_an_error_and_can_be_read() {
    let home = Home::new();
    let host = Actor::signed_in(&home);
    let read_only = r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1""#;
    let stage = Stage::with_mounts(read_only, &home.sessions());
    let mut inside = Actor::start_on(&stage, &home);
    let before = home.fingerprint();
    assert_eq!(inside.sees(&format!("{}.json", host.pid)).unwrap().0, "alive");
    for (verb, argument) in [
        ("register", json!({})),
        ("register_process", json!(host.pid)),
        ("update", json!([host.pid, "x", 1])),
        ("remove", json!(host.pid)),
    ] {
        let refused = inside.ask(verb, argument);
        assert_eq!(refused["error"], "Io", "{verb}: {refused}");
        let source = refused["source"].as_str().unwrap();
        assert!(source.contains("Read-only file system"), "{verb}: {source}");
    }
    assert_eq!(home.fingerprint(), before);
    assert_eq!(alive(&home), [host.pid]);
}

/// A program that has run out of file descriptors sees less, and nobody dead who is not.
#[test]
fn out_of_file_descriptors_nobody_is_dead() {
    let home = Home::new();
    let mut reader = Actor::signed_in(&home);
    let mut container = Actor::start_on(&Stage::pid_namespace(), &home);
    container.ask("register", json!({}));
    let child = container.ask("child", json!("start"));
    container.ask("register_process", child);
    let mut at_most = 0;
    for headroom in 0..8 {
        let answer = reader.ask("headroom", json!(headroom));
        let sessions = answer["seen"]["sessions"].as_array().unwrap();
        let problems = answer["seen"]["problems"].as_array().unwrap();
        assert!(sessions.iter().all(|s| s["verdict"] != "dead"), "{headroom}: {answer}");
        assert!(sessions.len() == 3 || !problems.is_empty(), "{headroom}: {answer}");
        let done = &answer["done"];
        assert!(done.is_null() || *done == json!([]), "{headroom}: {answer}");
        at_most = at_most.max(sessions.len());
    }
    assert_eq!(at_most, 3);
    assert_eq!(alive(&home).len(), 3);
}

const SMALL_DISK: &str = r#"mount -t tmpfs -o size=64k,mode=700 small "$1""#;

#[test]
fn a_full_disk_fails_a_sign_in_and_leaves_no_litter() {
    let home = Home::with_sessions();
    let mut actor = Actor::start_on(&Stage::with_mounts(SMALL_DISK, &home.sessions()), &home);
    let filler = home.entry("filler");
    assert_eq!(actor.ask("fill", json!(filler)), "full");
    let refused = actor.ask("register", json!({}));
    assert_eq!(refused["error"], "Io", "{refused}");
    assert!(refused["source"].as_str().unwrap().contains("No space left"), "{refused}");
    assert_eq!(actor.ask("names", Value::Null), json!(["filler"]), "no litter");
    // The program runs on, and signs in when there is room.
    assert_eq!(actor.ask("unlink", json!(filler)), "done");
    assert_eq!(actor.ask("register", json!({})), json!(home.entry(&format!("{}.json", actor.pid))));
}

/// An update that cannot be written leaves the record that was there (a rewrite in place would
/// leave nothing of it).
#[test]
fn a_full_disk_fails_an_update_and_keeps_the_record() {
    let home = Home::with_sessions();
    let mut actor = Actor::start_on(&Stage::with_mounts(SMALL_DISK, &home.sessions()), &home);
    actor.ask("register", json!({ "name": "before" }));
    let before = actor.ask("names", Value::Null);
    let filler = home.entry("filler");
    actor.ask("fill", json!(filler));
    for (verb, argument) in [
        ("status", json!("busy")),
        ("rename", json!("after")),
        ("reassert", Value::Null),
        ("update", json!([actor.pid, "x", 1])),
    ] {
        let refused = actor.ask(verb, argument);
        assert_eq!(refused["error"], "Io", "{verb}: {refused}");
    }
    let seen = actor.ask("list", Value::Null);
    assert_eq!(seen["sessions"][0]["verdict"], "alive");
    assert_eq!(seen["sessions"][0]["name"], "before");
    assert_eq!(seen["problems"].as_array().unwrap().len(), 1, "the filler: {seen}");
    actor.ask("unlink", json!(filler));
    assert_eq!(actor.ask("names", Value::Null), before, "no litter");
    assert_eq!(actor.ask("status", json!("busy")), "done");
    // Leaving needs no room.
    actor.ask("fill", json!(filler));
    assert_eq!(actor.ask("sign_out", Value::Null), "done");
    assert_eq!(actor.ask("names", Value::Null), json!(["filler"]));
}

/// A record never becomes longer than what is read back.
#[test]
fn an_update_that_would_make_the_record_too_long_is_refused() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new().name("short")).unwrap().registration().unwrap();
    let long = "x".repeat(70_000);
    let refused = guard.rename(&long);
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    let refused = registry.update(std::process::id(), &Patch::new().name(&long));
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    let refused = Registry::at(home.path().join("other")).register(SignIn::new().name(&long));
    assert!(matches!(refused, Err(Error::TooLarge { .. })), "{refused:?}");
    assert_eq!(fs::read_dir(home.path().join("other")).unwrap().count(), 0, "no litter");
    guard.rename("still").unwrap();
    assert_eq!(registry.list().sessions[0].record.name().as_deref(), Some("still"));
    assert_eq!(home.names_without_spares().len(), 2, "{:?}", home.names());
}

/// Something that is no lock has the name of one: the session signs in under another name, and
/// what was there stays.
#[test]
fn what_has_the_name_of_a_lock_does_not_keep_a_session_out() {
    let make: [fn(&std::path::Path); 3] = [
        |path| fs::create_dir(path).unwrap(),
        |path| symlink("/dev/null", path).unwrap(),
        |path| _ = std::os::unix::net::UnixListener::bind(path).unwrap(),
    ];
    for make in make {
        let home = Home::new();
        let registry = Registry::at(home.sessions());
        fs::create_dir_all(home.sessions()).unwrap();
        let lock = home.entry(&format!(".{}.lock", std::process::id()));
        make(&lock);
        let guard = registry.register(SignIn::new()).unwrap().registration().unwrap();
        assert_eq!(registry.count().alive, 1);
        drop(guard);
        assert_eq!(registry.list().sessions.len(), 0);
        assert!(fs::symlink_metadata(&lock).is_ok(), "{}", lock.display());
    }
}
