//! What several of these tests ask.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use callboard::{Evidence, Registry};
use serde_json::{Value, json};
use testkit::Home;

use crate::actor::Actor;

/// The name of an actor's record.
pub(crate) fn file_of(actor: &mut Actor) -> String {
    let path = actor.ask("path", Value::Null);
    path.as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

/// The verdict of the test itself on one record.
pub(crate) fn evidence(directory: &Path, file: &str) -> Evidence {
    let seen = Registry::at(directory).list();
    let found = seen.sessions.iter().find(|s| s.file.to_string() == file);
    found.unwrap_or_else(|| panic!("no {file} in {seen:?}")).evidence()
}

/// What a sweep that did nothing says.
pub(crate) fn nothing_swept() -> Value {
    json!({ "done": [], "kept": [] })
}

/// Gives a home and its records to another user.
pub(crate) fn give(home: &Home, uid: u32) {
    chown(home.path(), Some(uid), Some(uid)).unwrap();
    chown(home.sessions(), Some(uid), Some(uid)).unwrap();
    for name in home.names() {
        chown(home.entry(&name), Some(uid), Some(uid)).unwrap();
    }
}

/// The inode number of the PID namespace of a process.
pub(crate) fn pid_namespace_of(pid: u32) -> u64 {
    std::fs::metadata(format!("/proc/{pid}/ns/pid")).unwrap().ino()
}
