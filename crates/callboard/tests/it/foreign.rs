//! Another program's registry: read, and never written.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use callboard::{Error, Patch, Registry, SignIn, Verdict};
use serde_json::json;
use testkit::Home;

use crate::actor::Actor;

/// claudectl #195: a reader that removed files which it did not own.
#[test]
fn a_foreign_registry_is_never_written() {
    let home = Home::with_sessions();
    let mut actor = Actor::start(&home);
    home.put(&format!("{}.json", actor.pid), json!({ "pid": actor.pid }).to_string());
    home.put("999999.json", json!({ "pid": 999_999, "procStart": "5" }).to_string());
    home.put("31.json", "");
    home.put("31.key", "secret");
    home.age("31.json", Duration::from_secs(90 * 24 * 3600));
    home.age("999999.json", Duration::from_secs(90 * 24 * 3600));
    fs::set_permissions(home.sessions(), fs::Permissions::from_mode(0o755)).unwrap();
    let before = home.fingerprint();

    let registry = Registry::foreign(home.sessions());
    assert!(registry.is_foreign());
    let refused = |error: Option<Error>| {
        assert!(matches!(error, Some(Error::ReadOnly { .. })), "{error:?}");
    };
    refused(registry.register(SignIn::new()).err());
    refused(registry.register_process(actor.pid, SignIn::new()).err());
    refused(registry.update(actor.pid, &Patch::new().name("n")).err());
    refused(registry.remove(actor.pid).err());
    refused(registry.plan_sweep().err());
    // Nor with a plan that was made elsewhere, for the same directory.
    refused(registry.sweep(&Registry::at(home.sessions()).plan_sweep().unwrap()).err());
    assert_eq!(registry.list().sessions.len(), 2);
    assert_eq!(home.fingerprint(), before);
    assert_eq!(fs::metadata(home.sessions()).unwrap().permissions().mode() & 0o777, 0o755);
    actor.process().kill();
}

/// Other programs rewrite their records in place (14 % of reads see an empty file): one that is
/// caught at it is read again. Here it stays torn, and is a problem like any other.
#[test]
fn a_torn_record_of_another_program_is_a_problem_and_hides_nobody() {
    let home = Home::with_sessions();
    let actor = Actor::start(&home);
    let record = json!({ "pid": actor.pid, "startedAt": 4_102_444_800_000_u64 }).to_string();
    home.put(&format!("{}.json", actor.pid), &record);
    home.put("71.json", &record[..9]);
    let seen = Registry::foreign(home.sessions()).list();
    assert_eq!(seen.sessions.len(), 1);
    assert_eq!(seen.sessions[0].verdict(), Verdict::Alive);
    let problems: Vec<String> = seen.problems.iter().map(ToString::to_string).collect();
    assert!(problems.iter().any(|p| p.contains("71.json: not a record")), "{problems:?}");
}

/// Completes a record in place as soon as somebody has looked at it.
fn finish_after_a_look(path: &std::path::Path, whole: &str) -> std::thread::JoinHandle<()> {
    use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
    let watch = init(CreateFlags::CLOEXEC).unwrap();
    add_watch(&watch, path, WatchFlags::CLOSE_NOWRITE).unwrap();
    let (path, whole) = (path.to_owned(), whole.to_owned());
    std::thread::spawn(move || {
        rustix::io::read(&watch, &mut [0_u8; 256]).unwrap();
        fs::write(path, whole).unwrap();
    })
}

/// A record that is whole again by the time of the second look is listed.
#[test]
fn a_torn_record_that_is_finished_meanwhile_is_listed() {
    let home = Home::with_sessions();
    let actor = Actor::start(&home);
    let name = format!("{}.json", actor.pid);
    let record = json!({ "pid": actor.pid, "name": "whole" }).to_string();
    // The second look comes 20 ms after the first, and a busy machine may not have let the
    // writer run by then: some of these are listed, and with one look none could be.
    let mut listed = 0;
    for _ in 0..20 {
        let writer = finish_after_a_look(&home.put(&name, &record[..7]), &record);
        listed += Registry::foreign(home.sessions()).list().sessions.len();
        writer.join().unwrap();
    }
    assert!(listed > 0);
    // Our own records are replaced in one step: a torn one is never looked at again.
    let writer = finish_after_a_look(&home.put(&name, &record[..7]), &record);
    assert_eq!(Registry::at(home.sessions()).list().sessions.len(), 0);
    writer.join().unwrap();
}
