//! Records that point elsewhere: a log, an inbox, a directory. They are words for people; nobody
//! here opens what they name.

use std::fs;

use serde_json::{Value, json};

use crate::canary::Canary;
use crate::planted::everything;
use crate::scene::{Scene, VICTIM};

/// Everything that is bad to open: it hangs, never ends, does something, says something secret.
#[test]
fn nothing_that_a_record_points_to_is_opened() {
    let scene = Scene::new();
    let canary = scene.canary();
    let mut attacker = scene.attacker();
    let trap = scene.path("attacker/trap");
    attacker.must("mkdir", json!(trap));
    attacker.must("fifo", json!(trap.join("fifo")));
    attacker.must("write", json!([trap.join("log"), "x"]));
    attacker.must("symlink", json!([canary.file(), trap.join("link")]));
    let huge = fs::File::create(trap.join("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(trap.join("socket")).unwrap();
    let watched = Canary::watch(trap.clone());

    let sessions = scene.usual();
    let mut mine = scene.session(&sessions);
    let record = mine.ask("record", json!(null));
    let mut pointing: Value = serde_json::from_str(record.as_str().unwrap()).unwrap();
    let path = mine.ask("path", json!(null));
    let path = std::path::PathBuf::from(path.as_str().unwrap());
    let targets = ["fifo", "log", "link", "huge", "socket"].map(|name| trap.join(name));
    let elsewhere = ["/dev/zero", "/etc/shadow", "/proc/self/mem", "relative", "-rf", ""];
    for target in targets.iter().map(|path| path.to_str().unwrap()).chain(elsewhere) {
        for key in ["logPath", "messagingSocketPath", "cwd", "agent", "transcriptPath"] {
            pointing[key] = json!(target);
        }
        fs::write(&path, pointing.to_string()).unwrap();
        std::os::unix::fs::chown(&path, Some(VICTIM), Some(VICTIM)).unwrap();
        let mut other = scene.victim(&sessions);
        assert_eq!(other.ask("list", json!(null)), "mine", "{target}");
        for (verb, argument) in everything(&other) {
            other.ask(verb, argument);
        }
        other.must("sign out", json!(null));
        other.must("update", json!(mine.pid));
        mine.must("patch", json!(null));
    }
    watched.assert_untouched("what records point to");
    canary.assert_untouched("what a link that records point to leads to");
}
