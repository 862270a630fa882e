//! What the attacker puts in the place of something while it is looked at: two names change
//! places as fast as the system lets them, until everything that can be met was met many times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::actor::Actor;
use crate::canary::Canary;
use crate::scene::{Scene, loosen, names_in};
use crate::victim::seen;

/// How often each state has to be met.
const OFTEN: u64 = 100;
/// How often two names have to have changed places.
const SWAPS: u64 = 1_000;

/// An attacker who lets names change places until told, or until this is dropped.
struct Swapping {
    attacker: Actor,
}

impl Swapping {
    fn begin(mut attacker: Actor, pairs: &[(&Path, &Path)]) -> Self {
        assert_eq!(attacker.ask("exchange until told", json!(pairs)), "at it");
        Self { attacker }
    }

    /// How often it worked, and who did it.
    fn end(mut self) -> (u64, Actor) {
        self.attacker.process.say("enough");
        let worked = self.attacker.answer().as_u64().unwrap();
        (worked, self.attacker)
    }
}

/// Every word that was answered, when each of `words` has been often enough.
fn repeated(actor: &mut Actor, verb: &str, argument: &Value, words: &[&str]) -> Vec<String> {
    let tally = actor.ask("repeat", json!([verb, argument, OFTEN, words]));
    let tally: BTreeMap<String, u64> = serde_json::from_value(tally).unwrap();
    for word in words {
        assert!(tally.get(*word).is_some_and(|n| *n >= OFTEN), "{verb}: {word}: {tally:?}");
    }
    tally.into_keys().collect()
}

/// What the attacker puts in the place of a directory, and what is said about it by a listing
/// and by an error.
const DECOYS: [(&str, &str, &str); 4] = [
    ("symlink", "DirectoryBehindALink", "Untrusted"),
    ("directory", "DirectoryOfAnotherUser", "Untrusted"),
    ("file", "Directory", "Io:not a directory"),
    ("symlink to the registry", "DirectoryBehindALink", "Untrusted"),
];

fn make_decoy(attacker: &mut Actor, kind: &str, decoy: &Path, canary: &Canary, sessions: &Path) {
    match kind {
        "symlink" => attacker.must("symlink", json!([canary.directory(), decoy])),
        "symlink to the registry" => attacker.must("symlink", json!([sessions, decoy])),
        "directory" => {
            attacker.must("mkdir", json!(decoy));
            let record = decoy.join("1999999990.json");
            attacker.must("write", json!([record, r#"{"pid":1999999990,"name":"planted"}"#]));
        }
        _ => attacker.must("write", json!([decoy, "x"])),
    }
}

/// The registry is below a directory of the attackers, who puts other things in its place. Each
/// operation takes place in the registry or not at all.
#[test]
fn the_directory_is_swapped_while_it_is_opened() {
    for (kind, listed, refused) in DECOYS {
        let scene = Scene::new();
        let canary = scene.canary();
        let board = scene.path("attacker");
        let (sessions, decoy) = (board.join("sessions"), board.join("decoy"));
        let mut mine = scene.session(&sessions);
        let mut attacker = scene.attacker();
        make_decoy(&mut attacker, kind, &decoy, &canary, &sessions);
        let swapping = Swapping::begin(attacker, &[(&sessions, &decoy)]);

        let mut other = scene.victim(&sessions);
        let (pid, nobody) = (json!(mine.pid), json!(null));
        let cases: [(&str, &Value, &[&str]); 6] = [
            ("list", &nobody, &["mine", listed]),
            ("update", &pid, &["done", refused]),
            ("sweep", &nobody, &["nothing", listed]),
            ("sweep process", &pid, &["done", refused]),
            ("register process", &pid, &["done", refused]),
            ("in and out", &nobody, &["done", refused]),
        ];
        for (verb, argument, words) in cases {
            let all = repeated(&mut other, verb, argument, words);
            // In between, the name may be nobody's: an exchange is one step for who looks, and
            // what is opened is one or the other.
            assert!(all.iter().all(|word| words.contains(&&**word)), "{kind} {verb}: {all:?}");
        }
        // The session itself keeps its directory open, and looks every second whether the path
        // still leads there.
        for word in repeated(&mut mine, "patch", &json!(null), &["done"]) {
            assert!(["done", refused].contains(&&*word), "{kind} patch: {word}");
        }
        let (swaps, mut attacker) = swapping.end();
        assert!(swaps > SWAPS, "{swaps}");
        canary.assert_untouched(kind);
        if !names_in(&board).contains(&"sessions".to_owned()) || !is_registry(&sessions) {
            attacker.must("exchange", json!([sessions, decoy]));
        }
        assert_eq!(other.ask("list", json!(null)), "mine", "{kind}");
        let own = [format!(".{}.lock", mine.pid), format!("{}.json", mine.pid)];
        let mut names = names_in(&sessions);
        names.retain(|name| !testkit::is_spare_of_a_record(&sessions, name));
        assert_eq!(names, own, "{kind}: no litter, nothing lost");
    }
}

fn is_registry(path: &Path) -> bool {
    let found = std::fs::symlink_metadata(path).unwrap();
    found.is_dir() && std::os::unix::fs::MetadataExt::uid(&found) == crate::scene::VICTIM
}

/// What the attacker puts in the place of a record.
fn record_decoys(attacker: &mut Actor, sessions: &Path, pid: u32, canary: &Canary) -> Vec<PathBuf> {
    let decoy = |name: &str| sessions.join(format!("decoy-{name}"));
    attacker.must("symlink", json!([canary.file(), decoy("link")]));
    attacker.must("fifo", json!(decoy("fifo")));
    attacker.must("mkdir", json!(decoy("directory")));
    let planted = format!(r#"{{"pid":{pid},"name":"planted"}}"#);
    attacker.must("write", json!([decoy("file"), planted]));
    ["link", "fifo", "directory", "file"].map(decoy).to_vec()
}

/// The registry is open to all, and the records in it change places with other things while they
/// are read.
#[test]
fn records_are_swapped_while_they_are_read() {
    let scene = Scene::new();
    let canary = scene.canary();
    let sessions = scene.loose(0o700);
    let mine = scene.session(&sessions);
    let record = sessions.join(format!("{}.json", mine.pid));
    loosen(&sessions, 0o777);
    let mut attacker = scene.attacker();
    let decoys = record_decoys(&mut attacker, &sessions, mine.pid, &canary);
    let pairs: Vec<(&Path, &Path)> = decoys.iter().map(|decoy| (&*record, &**decoy)).collect();
    let swapping = Swapping::begin(attacker, &pairs);
    let mut reader = scene.victim(&sessions);
    let words = [
        "mine DirectoryWritableByOthers StrayName",
        "DirectoryWritableByOthers NotAFile StrayName",
        "DirectoryWritableByOthers OfAnotherUser StrayName",
    ];
    for word in repeated(&mut reader, "list", &json!(null), &words) {
        let known = words.contains(&&*word);
        // The name was nobody's for the listing, or the file another one at the second look.
        assert!(known || word == "DirectoryWritableByOthers StrayName", "{word}");
    }
    let (swaps, _attacker) = swapping.end();
    assert!(swaps > SWAPS, "{swaps}");
    canary.assert_untouched("records swapped while they are read");
}

/// The same between any two system calls of a listing, one after the other: the moment between the
/// names of a directory and the file of one is too short to be met by chance in every run. By the
/// victim's own hand; what a file is does not depend on whose it is.
#[test]
fn a_record_becomes_something_else_between_any_two_steps_of_a_listing() {
    use rustix::fs::{CWD, RenameFlags, mkfifoat, renameat_with};
    let make: [fn(&Path, &Canary); 4] = [
        |path, _| mkfifoat(CWD, path, 0o666.into()).unwrap(),
        |path, canary| std::os::unix::fs::symlink(canary.file(), path).unwrap(),
        |path, _| std::os::unix::fs::symlink("/dev/zero", path).unwrap(),
        |path, _| std::fs::create_dir(path).unwrap(),
    ];
    let scene = Scene::new();
    let canary = scene.canary();
    for make in make {
        let mut met = BTreeMap::new();
        for nth in 0.. {
            let home = testkit::Home::with_sessions();
            let (decoy, result) = (home.path().join("decoy"), home.path().join("result"));
            let record = home.put("1999999990.json", r#"{"pid":1999999990,"pidDomain":"darwin"}"#);
            make(&decoy, &canary);
            let act = || {
                let seen = seen(&callboard::Registry::at(home.sessions()).list());
                std::fs::write(&result, seen).unwrap();
                0
            };
            let reached = testkit::paused_at(nth, act, || {
                renameat_with(CWD, &record, CWD, &decoy, RenameFlags::EXCHANGE).unwrap();
            });
            let seen = std::fs::read_to_string(&result).unwrap();
            assert!(["nameless(unknown)", "NotAFile"].contains(&&*seen), "at stop {nth}: {seen}");
            *met.entry(seen).or_insert(0) += 1;
            if !reached {
                break;
            }
        }
        assert!(met.len() == 2 && met.values().all(|times| *times > 3), "{met:?}");
    }
    canary.assert_untouched("records that become something else");
}

/// A script of the victim's that makes the registry writable for all again and again, for as long
/// as this lives.
fn while_carelessly_loosened<T>(sessions: &Path, act: impl FnOnce() -> T) -> T {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                loosen(sessions, 0o777);
            }
        });
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        done.store(true, Ordering::Relaxed);
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The same while they are written: in a registry that is open to all at any moment. The attacker
/// can take records away then, or put his own in their place; and nothing outside is touched, and
/// the session is back with its next word.
#[test]
fn records_are_swapped_while_they_are_written() {
    let scene = Scene::new();
    let canary = scene.canary();
    let sessions = scene.loose(0o700);
    let mut mine = scene.session(&sessions);
    let record = sessions.join(format!("{}.json", mine.pid));
    let lock = sessions.join(format!(".{}.lock", mine.pid));
    loosen(&sessions, 0o777);
    let mut attacker = scene.attacker();
    let decoys = record_decoys(&mut attacker, &sessions, mine.pid, &canary);
    let lock_decoy = sessions.join("decoy-lock");
    attacker.must("symlink", json!([canary.file(), lock_decoy]));
    let mut pairs: Vec<(&Path, &Path)> = decoys.iter().map(|decoy| (&*record, &**decoy)).collect();
    pairs.push((&*lock, &*lock_decoy));

    let mut other = scene.victim(&sessions);
    while_carelessly_loosened(&sessions, || {
        let swapping = Swapping::begin(attacker, &pairs);
        let pid = json!(mine.pid);
        for (verb, argument, word) in [
            ("update", &pid, "done"),
            ("sweep", &json!(null), "nothing"),
            ("sweep process", &pid, "done"),
            ("in and out", &json!(null), "done"),
        ] {
            repeated(&mut other, verb, argument, &[word]);
        }
        repeated(&mut mine, "patch", &json!(null), &["done"]);
        let (swaps, _attacker) = swapping.end();
        assert!(swaps > SWAPS, "{swaps}");
    });
    canary.assert_untouched("records swapped while they are written");
    // The last word of a session that lives, and the directory is its user's again.
    mine.must("reassert", json!(null));
    other.must("in and out", json!(null));
    let seen = other.ask("list", json!(null)).as_str().unwrap().to_owned();
    let alive = seen.split(' ').filter(|word| *word == "mine").count();
    assert!(alive >= 1 && !seen.contains("planted") && !seen.contains("bait"), "{seen}");
    assert!(!seen.contains("Writable"), "{seen}");
}

/// A session that covered its exits leaves while the directory that it is in is swapped for
/// another one of the victim's, in which its names are others' files. Between any two system
/// calls, by the victim's own hand: an attacker has no link that would be followed.
#[test]
fn who_leaves_in_a_hurry_removes_its_own_record_and_no_other() {
    use callboard::{ExitPaths, Registry, SignIn};
    let mut met = 0;
    for nth in 0.. {
        let home = testkit::Home::with_sessions();
        let elsewhere = home.path().join("elsewhere");
        std::fs::create_dir(&elsewhere).unwrap();
        let act = || {
            let registry = Registry::at(home.sessions());
            let me = registry.register(SignIn::new()).unwrap().registration().unwrap();
            _ = me.cover(ExitPaths::new()).unwrap();
            for name in [format!("{}.json", std::process::id()), lock_name()] {
                std::fs::write(elsewhere.join(name), "precious").unwrap();
            }
            callboard::emergency_sign_out();
            std::mem::forget(me);
            0
        };
        let mut swapped = false;
        let reached = testkit::paused_at(nth, act, || {
            swapped = names_in(&elsewhere).len() == 2 && !names_in(&home.sessions()).is_empty();
            if swapped {
                let away = home.path().join("away");
                std::fs::rename(home.sessions(), away).unwrap();
                std::fs::rename(&elsewhere, home.sessions()).unwrap();
            }
        });
        if swapped {
            met += 1;
            assert_eq!(names_in(&home.sessions()).len(), 2, "at stop {nth}");
        }
        if !reached {
            assert!(met > 3, "only {met} of {nth}");
            return;
        }
    }
}

fn lock_name() -> String {
    format!(".{}.lock", std::process::id())
}
