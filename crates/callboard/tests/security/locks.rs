//! Locks that the attacker holds, and attackers that stop in the middle of something.

use std::fs::File;
use std::os::unix::fs::{MetadataExt, chown};

use serde_json::{Value, json};
use testkit::Stage;

use crate::actor::Actor;
use crate::scene::{ATTACKER, Scene, VICTIM, loosen};

/// Whatever has the names that a session wants is locked by the attacker, for ever: the session
/// does not wait for him, and does not even try.
#[test]
fn a_lock_that_the_attacker_holds_keeps_nobody_waiting() {
    let scene = Scene::new();
    let sessions = scene.loose(0o777);
    let mut victim = scene.victim(&sessions);
    let pid = victim.pid;
    let mut attacker = scene.attacker();
    attacker.must("enter", json!(sessions));
    let planted = format!(r#"{{"pid":{pid},"name":"planted"}}"#);
    for name in [format!("{pid}.json"), format!("{pid}-00000001.json"), format!(".{pid}.lock")] {
        attacker.must("write", json!([name, planted]));
        attacker.must("lock", json!(name));
    }
    assert_eq!(victim.ask("patiently", json!(["register", null])), json!(["done", "at once"]));
    let path = victim.ask("path", json!(null)).as_str().unwrap().to_owned();
    assert!(path.contains(&format!("{pid}-")), "{path}");
    let mut other = scene.victim(&sessions);
    for verb in ["update", "sweep process", "remove"] {
        let answer = other.ask("patiently", json!([verb, pid]));
        assert_eq!(answer, json!(["done", "at once"]), "{verb}");
    }
    assert_eq!(other.ask("patiently", json!(["sweep", null])), json!(["nothing", "at once"]));
}

/// A lock file of the attacker's, free: a session that took it would be as good as alive for
/// other PID namespaces for as long as the attacker holds it later.
#[test]
fn a_lock_file_of_the_attackers_is_not_taken() {
    let scene = Scene::new();
    let sessions = scene.loose(0o777);
    let mut victim = scene.victim(&sessions);
    let mut attacker = scene.attacker();
    attacker.must("enter", json!(sessions));
    attacker.must("write", json!([format!(".{}.lock", victim.pid), ""]));
    victim.must("register", json!(null));
    let record = victim.ask("record", json!(null));
    let record: Value = serde_json::from_str(record.as_str().unwrap()).unwrap();
    let path = victim.ask("path", json!(null)).as_str().unwrap().to_owned();
    let stem = path.rsplit('/').next().unwrap().strip_suffix(".json").unwrap().to_owned();
    let lock = std::fs::metadata(sessions.join(format!(".{stem}.lock"))).unwrap();
    assert_eq!(record["lockIno"], lock.ino());
    assert_eq!(lock.uid(), VICTIM);
    let theirs = File::open(sessions.join(format!(".{}.lock", victim.pid))).unwrap();
    theirs.try_lock().expect("nobody of ours holds it");
}

/// The victim's own record, which others could read while the registry was open to them: who has
/// it open can hold its write lock. Writers wait two seconds and say so; readers do not wait; and
/// when he is gone nothing is left of it.
#[test]
fn a_reader_that_holds_the_write_lock_delays_writers_and_nobody_else() {
    let scene = Scene::new();
    let sessions = scene.loose(0o700);
    let mut mine = scene.session(&sessions);
    let record = sessions.join(format!("{}.json", mine.pid));
    loosen(&sessions, 0o755);
    loosen(&record, 0o644);
    let mut attacker = scene.attacker();
    attacker.must("lock", json!(record));
    attacker.tell("stop yourself", json!(null));
    attacker.process.wait_until_stopped();
    let mut other = scene.victim(&sessions);
    assert_eq!(other.ask("list", json!(null)), "mine");
    let answer = other.ask("patiently", json!(["update", mine.pid]));
    assert_eq!(answer, json!(["Contended", "waited"]));
    assert_eq!(mine.ask("patch", json!(null)), "Contended");
    assert_eq!(other.ask("list", json!(null)), "mine", "and it is taken back");
    attacker.process.kill();
    attacker.process.wait();
    other.must("update", json!(mine.pid));
    mine.must("patch", json!(null));
    mine.must("sign out", json!(null));
    assert_eq!(other.ask("list", json!(null)), "nobody");
}

/// An attacker who is stopped with everything in his hand: the way to the registry is cut, which
/// is said, and nobody waits for him.
#[test]
fn an_attacker_who_stops_in_the_middle_stops_nobody_else() {
    let scene = Scene::new();
    let board = scene.path("attacker");
    let (sessions, decoy) = (board.join("sessions"), board.join("decoy"));
    let signs_in = std::time::Instant::now();
    let mut mine = scene.session(&sessions);
    let mut attacker = scene.attacker();
    attacker.must("fifo", json!(decoy));
    attacker.must("exchange", json!([sessions, decoy]));
    attacker.tell("stop yourself", json!(null));
    attacker.process.wait_until_stopped();
    let mut other = scene.victim(&sessions);
    assert_eq!(other.ask("list", json!(null)), "Directory");
    assert_eq!(other.ask("register", json!(null)), "Io:not a directory");
    // Once a second it looks whether its path still leads to its directory, and says so if not.
    let patched = mine.ask("patch", json!(null));
    let may_look = signs_in.elapsed() >= std::time::Duration::from_secs(1);
    assert!(patched == "done" || may_look && patched == "Io:not a directory", "{patched}");
    attacker.process.signal(rustix::process::Signal::CONT);
    assert_eq!(attacker.answer(), "done");
    attacker.must("exchange", json!([sessions, decoy]));
    assert_eq!(other.ask("list", json!(null)), "mine");
}

/// The lock file of a session that is gone, in another PID namespace, by now a file of the
/// attacker's with the same inode number, locked by him: that does not make the session alive.
#[test]
fn a_lock_of_the_attackers_keeps_no_dead_session_alive() {
    let scene = Scene::new();
    let sessions = scene.loose(0o700);
    let stage = Stage::pid_namespace().then_as_user(VICTIM);
    let mut inside = Actor::start(&stage, scene.program(), &sessions);
    inside.must("register", json!(null));
    let mut other = scene.victim(&sessions);
    assert_eq!(other.ask("list", json!(null)), "mine", "by its lock");
    let pid = Stage::only_child_of(&inside.process);
    testkit::kill(pid);
    testkit::wait_for_exit(pid);

    let lock = sessions.join(format!(".{}.lock", inside.pid));
    chown(&lock, Some(ATTACKER), Some(ATTACKER)).unwrap();
    loosen(&sessions, 0o711);
    let mut attacker = scene.attacker();
    attacker.must("chmod", json!([lock, 0o644]));
    attacker.must("lock", json!(lock));
    loosen(&sessions, 0o700);
    assert_eq!(other.ask("list", json!(null)), "mine(dead)");
    assert_eq!(other.ask("sweep", json!(null)), format!("{}.json", inside.pid));
}
