//! Records that say what is not so.

use std::fs;

use serde_json::{Value, json};

use crate::scene::{ATTACKER, Scene, VICTIM, loosen, names_in};

/// A record as the library writes it, made the attacker's: everything in it that says which
/// process it is about anybody can find out.
fn forged(record: &Value, pid: u32) -> String {
    let mut forged: Value = serde_json::from_str(record.as_str().unwrap()).unwrap();
    forged["pid"] = json!(pid);
    forged["name"] = json!("planted");
    forged.to_string()
}

/// Files of the attacker's that claim to be about the victim's session, about pid 1, and about a
/// process of his own, under every name that a record may have: they are problems and no
/// sessions, and nothing is done on their word.
#[test]
fn a_record_of_another_user_is_no_session() {
    let scene = Scene::new();
    let sessions = scene.loose(0o700);
    let mut mine = scene.session(&sessions);
    let mut attacker = scene.attacker();
    let record = mine.ask("record", json!(null));
    loosen(&sessions, 0o777);
    let names = [
        (format!("{}-00000001.json", mine.pid), mine.pid),
        ("1.json".to_owned(), 1),
        ("1-00000001.json".to_owned(), 1),
        (format!("{}.json", attacker.pid), attacker.pid),
    ];
    for (name, pid) in &names {
        attacker.must("write", json!([sessions.join(name), forged(&record, *pid)]));
    }
    let before: Vec<_> =
        names.iter().map(|(name, _)| fs::read(sessions.join(name)).unwrap()).collect();
    let mut other = scene.victim(&sessions);
    assert_eq!(other.ask("list", json!(null)), "mine DirectoryWritableByOthers OfAnotherUser");
    let count = other.ask("count", json!(null));
    assert_eq!(count, "Count { alive: 1, unknown: 0, unreadable: 4 }");
    for pid in [1, attacker.pid] {
        assert_eq!(other.ask("update", json!(pid)), "NoSession");
        assert_eq!(other.ask("remove", json!(pid)), "NoSession");
        assert_eq!(other.ask("sweep process", json!(pid)), "done");
    }
    // What is meant for the session reaches the session.
    other.must("update", json!(mine.pid));
    assert_eq!(other.ask("sweep", json!(null)), "nothing");
    mine.must("patch", json!(null));
    mine.must("sign out", json!(null));
    assert_eq!(other.ask("remove", json!(mine.pid)), "NoSession");
    let after: Vec<_> =
        names.iter().map(|(name, _)| fs::read(sessions.join(name)).unwrap()).collect();
    assert_eq!(after, before, "others' files are left as they are");
    // The attacker's process is as it was.
    attacker.must("mkdir", json!(scene.path("attacker/alive")));
}

/// The victim's own file that says it is about a process of somebody else's: it is listed as the
/// claim that it is, and may be taken back, and the process is never touched.
#[test]
fn a_record_about_a_process_of_another_user_does_nothing_to_it() {
    let scene = Scene::new();
    let sessions = scene.usual();
    let mut mine = scene.session(&sessions);
    let mut attacker = scene.attacker();
    mine.must("register process", json!(attacker.pid));
    let mut other = scene.victim(&sessions);
    assert_eq!(other.ask("list", json!(null)), "mine mine");
    other.must("update", json!(attacker.pid));
    other.must("sweep process", json!(attacker.pid));
    other.must("remove", json!(attacker.pid));
    assert_eq!(other.ask("list", json!(null)), "mine");
    attacker.must("mkdir", json!(scene.path("attacker/alive")));
    attacker.process.kill();
    attacker.process.wait();
}

/// A user namespace of his own makes the attacker root there, and nobody here.
#[test]
fn root_of_a_user_namespace_is_the_same_attacker() {
    let scene = Scene::new();
    let sessions = scene.loose(0o700);
    let mine = scene.session(&sessions);
    let own = sessions.join(format!("{}.json", mine.pid));
    loosen(&sessions, 0o777);
    let mut command = testkit::Stage::as_user(ATTACKER).command("unshare".as_ref());
    let record = sessions.join("1999999990.json");
    let script = r#"echo '{"pid":1999999990,"name":"planted"}' > "$1"; chmod 644 "$1"
        chown 0 "$1" || exit 3
        stat -c %u "$1"; cat "$2" 2>/dev/null && exit 4
        mount --bind "$3" "$4" || exit 5; exit 0"#;
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh"]);
    let output =
        command.arg(&record).arg(&own).arg(scene.path("attacker")).arg(&sessions).output().unwrap();
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b"0\n"[..]), "{output:?}");
    let mut other = scene.victim(&sessions);
    assert_eq!(
        other.ask("list", json!(null)),
        "mine DirectoryWritableByOthers OfAnotherUser",
        "its uid 0 is {ATTACKER} here, and its mounts are seen by itself alone"
    );
}

/// The victim's own records with the clock of another world, and with all that fits into one:
/// they cost what their length is, and hide nobody.
#[test]
fn times_out_of_this_world_and_nested_values_cost_nothing() {
    let scene = Scene::new();
    let sessions = scene.loose(0o700);
    let _mine = scene.session(&sessions);
    let deep = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let times = [u64::MAX, i64::MAX as u64, 4_102_444_800_000, 1];
    let mut records = Vec::new();
    for pid in 1_999_990_000_u64..1_999_990_040 {
        let time = times[pid as usize % times.len()];
        let nested = match pid % 4 {
            0 => deep(32_000),
            1 => format!("{{{}}}", vec![r#""k":0"#; 9_000].join(",")),
            2 => format!("[{}]", vec!["{\"a\":[{}]}"; 5_000].join(",")),
            _ => format!("\"{}\"", "\\u001b".repeat(9_000)),
        };
        records.push(format!(
            r#"{{"pid":{pid},"startedAt":{time},"updatedAt":{time},"statusUpdatedAt":{time},"procStart":"18446744073709551615","x":{nested}}}"#
        ));
        let path = sessions.join(format!("{pid}.json"));
        fs::write(&path, records.last().unwrap()).unwrap();
        std::os::unix::fs::chown(&path, Some(VICTIM), Some(VICTIM)).unwrap();
        let when = match pid % 3 {
            0 => std::time::UNIX_EPOCH,
            1 => std::time::UNIX_EPOCH + std::time::Duration::from_secs(1 << 33),
            _ => std::time::SystemTime::now(),
        };
        fs::File::options().write(true).open(&path).unwrap().set_modified(when).unwrap();
    }
    let mut other = scene.victim(&sessions);
    let seen = other.ask("list", json!(null)).as_str().unwrap().to_owned();
    assert_eq!(seen.split(' ').filter(|word| *word == "mine").count(), 1, "{seen}");
    assert_eq!(seen.matches("nameless(unknown)").count(), 40, "{seen}");
    let counted = other.ask("measured", json!(["count", null]));
    assert!(counted["KiB"].as_u64().unwrap() < 4 * 1024, "{counted}");
    assert_eq!(other.ask("sweep", json!(null)), "nothing");
    assert_eq!(names_in(&sessions).len(), 42);
}
