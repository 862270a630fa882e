//! A registry that the attacker has filled with a million things.

use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use crate::actor::Actor;
use crate::scene::{Scene, loosen};

/// What a listing may grow by, however many entries there are: the buffers, what a hundred named
/// problems of each kind take, and what the allocator and the program itself touch anew.
const AT_MOST_KIB: u64 = 2 * 1024;

/// Fills a registry with so many entries of the attacker's, and does everything in it.
fn everything_among(entries: u64, parent: &Path) -> Vec<String> {
    let scene = Scene::in_directory(parent);
    let sessions = scene.loose(0o700);
    let mut mine = scene.session(&sessions);
    let mut late = scene.victim(&sessions);
    loosen(&sessions, 0o777);
    let mut attacker = scene.attacker();
    let started = Instant::now();
    attacker.must("many", json!([sessions, entries, late.pid]));
    let mut figures = vec![format!("made {entries} entries: {} ms", started.elapsed().as_millis())];

    let mut other = scene.victim(&sessions);
    let mut measure = |actor: &mut Actor, verb: &str, argument: Value| {
        let found = actor.ask("measured", json!([verb, argument]));
        assert!(found["KiB"].as_u64().unwrap() < AT_MOST_KIB, "{verb}: {found}");
        figures.push(format!("{verb}: {} ms, {} KiB", found["ms"], found["KiB"]));
        found["word"].as_str().unwrap().to_owned()
    };
    let seen = measure(&mut other, "list", json!(null));
    let expected = "mine DirectoryWritableByOthers MoreNotOurs MoreStrayNames NotAFile \
                    OfAnotherUser StrayName";
    assert_eq!(seen, expected);
    let problems = other.ask("problems", json!(null)).as_array().unwrap().len();
    assert!(problems < 310, "{problems} problems of {entries} entries");
    // Two files and a symlink of eight are where a record could be, and one under the name that
    // the late session might have.
    let unreadable = entries / 2;
    let count = measure(&mut other, "count", json!(null));
    assert_eq!(count, format!("Count {{ alive: 1, unknown: 0, unreadable: {unreadable} }}"));
    assert_eq!(measure(&mut other, "update", json!(mine.pid)), "done");
    assert_eq!(measure(&mut other, "sweep", json!(null)), "nothing", "it is not ours to remove");
    assert_eq!(measure(&mut other, "sweep process", json!(late.pid)), "done");
    assert_eq!(measure(&mut other, "remove", json!(late.pid)), "NoSession");
    assert_eq!(measure(&mut late, "register", json!(null)), "done");
    mine.must("patch", json!(null));
    assert!(other.ask("list", json!(null)).as_str().unwrap().starts_with("mine mine "));
    late.must("sign out", json!(null));
    mine.must("sign out", json!(null));
    figures
}

#[test]
fn a_hundred_thousand_entries_of_the_attackers_hide_nobody_and_cost_no_memory() {
    for figure in everything_among(100_000, &memory_or_disk()) {
        eprintln!("{figure}");
    }
}

/// `cargo test -p callboard --test security -- --ignored --nocapture a_million`
#[test]
#[ignore = "takes half a minute; docs/SECURITY.md has its figures"]
fn a_million_entries_of_the_attackers_hide_nobody_and_cost_no_memory() {
    for figure in everything_among(1_000_000, &memory_or_disk()) {
        eprintln!("{figure}");
    }
}

/// A tmpfs if there is one: the time is the library's then, and not the disk's.
fn memory_or_disk() -> std::path::PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() }
}
