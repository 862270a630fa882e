//! What the attacker had put in the way before the victim came.

use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use serde_json::{Value, json};

use crate::actor::Actor;
use crate::scene::{ATTACKER, Scene, VICTIM, loosen, mode_of, names_in};

/// Everything that the library does to a directory, with an argument that fits this process.
pub(crate) fn everything(victim: &Actor) -> Vec<(&'static str, Value)> {
    let pid = json!(victim.pid);
    vec![
        ("list", json!(null)),
        ("count", json!(null)),
        ("count pids", json!(null)),
        ("sweep", json!(null)),
        ("update", pid.clone()),
        ("remove", pid.clone()),
        ("sweep process", pid.clone()),
        ("register process", pid),
        ("register", json!(null)),
    ]
}

/// `mkdir /tmp/board`, before the victim's first session comes to do it.
#[test]
fn a_registry_that_the_attacker_made_first_is_neither_read_nor_written() {
    for mode in [0o777, 0o1777, 0o755, 0o700] {
        let scene = Scene::new();
        let mut attacker = scene.attacker();
        let (board, sessions) = (scene.path("tmp/board"), scene.path("tmp/board/sessions"));
        attacker.must("mkdir", json!(board));
        attacker.must("mkdir", json!(sessions));
        let mut victim = scene.victim(&sessions);
        let planted = format!(r#"{{"pid":{},"name":"{}"}}"#, victim.pid, "planted");
        let record = sessions.join(format!("{}.json", victim.pid));
        attacker.must("write", json!([record, planted]));
        attacker.must("chmod", json!([sessions, mode]));
        for (verb, argument) in everything(&victim) {
            let answer = victim.ask(verb, argument);
            let answer = answer.as_str().unwrap();
            let expected: &[&str] = match verb {
                "list" => &["DirectoryOfAnotherUser", "Directory"],
                "sweep" => &["DirectoryOfAnotherUser", "Directory"],
                "count" => &["Count { alive: 0, unknown: 0, unreadable: 1 }"],
                "count pids" => &["0"],
                _ => &["Untrusted", "Io:permission denied"],
            };
            assert!(expected.contains(&answer), "{mode:o} {verb}: {answer}");
        }
        assert_eq!(names_in(&sessions), [format!("{}.json", victim.pid)], "{mode:o}");
        assert_eq!(fs::read_to_string(&record).unwrap(), planted, "{mode:o}");
        assert_eq!(mode_of(&sessions), mode);
    }
}

/// The attacker's home with the victim's registry in it: the attacker can take it away, and that
/// is all.
#[test]
fn below_a_directory_of_the_attackers_a_registry_can_be_taken_away_and_no_more() {
    let scene = Scene::new();
    let mut attacker = scene.attacker();
    let board = scene.path("tmp/board");
    attacker.must("mkdir", json!(board));
    let (sessions, away) = (board.join("sessions"), board.join("away"));
    let mut mine = scene.session(&sessions);
    let mut reader = scene.victim(&sessions);
    assert_eq!((mode_of(&sessions), reader.ask("list", json!(null))), (0o700, json!("mine")));

    attacker.must("rename", json!([sessions, away]));
    assert_eq!(attacker.ask("read dir", json!(away)), "permission denied");
    let record = away.join(format!("{}.json", mine.pid));
    assert_eq!(attacker.ask("read", json!(record)), "permission denied");
    assert_eq!(attacker.ask("unlink", json!(record)), "permission denied");
    attacker.must("mkdir", json!(sessions));
    let planted = format!(r#"{{"pid":{},"name":"planted"}}"#, mine.pid);
    attacker.must("write", json!([sessions.join(format!("{}.json", mine.pid)), planted]));
    assert_eq!(reader.ask("list", json!(null)), "DirectoryOfAnotherUser");
    assert_eq!(reader.ask("register", json!(null)), "Untrusted");

    attacker.must("rename", json!([sessions, board.join("planted")]));
    attacker.must("rename", json!([away, sessions]));
    assert_eq!(reader.ask("list", json!(null)), "mine");
    assert_eq!(mine.ask("patch", json!(null)), "done");
}

/// A link of the attacker's to a directory of the victim's: if it were followed, that directory
/// would be closed to those whom the victim lets in, records would be put into it, and a sweep
/// would take what looks like its prey. The kernel refuses such links in sticky directories only,
/// and only where `fs.protected_symlinks` is set.
#[test]
fn a_symlink_of_the_attackers_is_not_followed() {
    // Where the link is, where it leads to (below the victim's own directory), and the registry.
    let cases = [
        ("attacker/sessions", "private", "attacker/sessions"),
        ("attacker/board", "", "attacker/board/private"),
        ("attacker/board", "private", "attacker/board/sessions"),
        ("attacker/board", "private/missing", "attacker/board/sessions"),
        ("attacker/sessions", "private/missing", "attacker/sessions"),
        ("attacker/up", "private", "attacker/up/../private"),
        ("tmp/sessions", "private", "tmp/sessions"),
    ];
    for (link, target, registry) in cases {
        let story = format!("{registry} by {link} -> {target}");
        let scene = Scene::new();
        let canary = scene.canary();
        let mut attacker = scene.attacker();
        attacker.must("symlink", json!([scene.path("victim").join(target), scene.path(link)]));
        let mut victim = scene.victim(&scene.path(registry));
        for (verb, argument) in everything(&victim) {
            let answer = victim.ask(verb, argument);
            let answer = answer.as_str().unwrap();
            let expected = match verb {
                "list" | "sweep" => "DirectoryBehindALink",
                "count" => "Count { alive: 0, unknown: 0, unreadable: 1 }",
                "count pids" => "0",
                _ => "Untrusted",
            };
            assert_eq!(answer, expected, "{story}: {verb}");
        }
        let problem = victim.ask("problems", json!(null))[0].as_str().unwrap().to_owned();
        let said = format!(
            "the way to the registry leads through {}, a symlink of another user (uid {ATTACKER})",
            scene.path(link).display()
        );
        assert!(problem.contains(&said), "{story}: {problem}");
        canary.assert_untouched(&story);
    }
}

/// People move their state around, and systems have links of their own (`/home` to `/var/home`).
#[test]
fn symlinks_of_the_victims_and_of_roots_are_followed() {
    for (owner, relative) in [(VICTIM, false), (0, false), (VICTIM, true)] {
        let scene = Scene::new();
        scene.make("victim/elsewhere", VICTIM, 0o755);
        let link = scene.path("victim/board");
        let target = if relative { "./elsewhere".into() } else { scene.path("victim/elsewhere") };
        std::os::unix::fs::symlink(target, &link).unwrap();
        std::os::unix::fs::lchown(&link, Some(owner), Some(owner)).unwrap();
        let registry = link.join("deep/sessions");
        let mine = scene.session(&registry);
        let stands = scene.path("victim/elsewhere/deep/sessions");
        assert_eq!(mode_of(&stands), 0o700);
        assert!(stands.join(format!("{}.json", mine.pid)).exists());
        assert_eq!(scene.victim(&registry).ask("list", json!(null)), "mine");
        assert_eq!(scene.victim(&stands).ask("list", json!(null)), "mine");
    }
    let scene = Scene::new();
    let endless = scene.path("victim/endless");
    std::os::unix::fs::symlink("endless", &endless).unwrap();
    std::os::unix::fs::lchown(&endless, Some(VICTIM), Some(VICTIM)).unwrap();
    let mut victim = scene.victim(&endless.join("sessions"));
    assert_eq!(victim.ask("list", json!(null)), "Directory");
    assert_eq!(
        victim.ask("register", json!(null)),
        "Io:filesystem loop or indirection limit (e.g. symlink loop)"
    );
}

/// The victim's own directory, which others may write to: the attacker is in it, with a file, a
/// lock, and his working directory. The first session that signs in takes it back.
#[test]
fn a_registry_that_others_may_write_to_is_taken_back() {
    for mode in [0o777, 0o2777, 0o770, 0o773] {
        let scene = Scene::new();
        let canary = scene.canary();
        let sessions = scene.loose(mode);
        // By the group, for the mode that opens it to nobody else.
        chown(&sessions, Some(VICTIM), Some(ATTACKER)).unwrap();
        loosen(&sessions, mode);
        let mut attacker = scene.attacker();
        attacker.must("enter", json!(sessions));
        attacker.must("write", json!(["planted", "x"]));
        attacker.must("lock", json!("planted"));
        attacker.must("symlink", json!([canary.file(), "1999999990.json"]));
        attacker.must("symlink", json!([canary.file(), ".1999999990.lock"]));
        let mut reader = scene.victim(&sessions);
        let seen = reader.ask("list", json!(null)).as_str().unwrap().to_owned();
        assert_eq!(seen, "DirectoryWritableByOthers NotAFile StrayName", "{mode:o}");
        assert_eq!(mode_of(&sessions) & 0o777, mode & 0o777, "reading changes nothing");

        let mine = scene.session(&sessions);
        assert_eq!(mode_of(&sessions) & 0o777, 0o700, "{mode:o}");
        let own = format!("{}.json", mine.pid);
        for (verb, argument) in [
            ("write", json!(["new", "x"])),
            ("unlink", json!("planted")),
            ("unlink", json!(own)),
            ("rename", json!(["planted", "moved"])),
            ("exchange", json!([own, "planted"])),
            ("read", json!(own)),
            ("read dir", json!(".")),
            ("lock", json!(own)),
            ("hard link", json!([own, scene.path("attacker/mine")])),
        ] {
            let answer = attacker.ask(verb, argument);
            assert_eq!(answer, "permission denied", "{mode:o} {verb}");
        }
        assert_eq!(reader.ask("list", json!(null)), "mine NotAFile StrayName", "{mode:o}");
        assert_eq!(reader.ask("sweep", json!(null)), "nothing", "{mode:o}");
        canary.assert_untouched("a link in a loose registry");
    }
}

/// `callboard --registry /tmp`, typed by whom `/tmp` belongs to: what is shared on purpose is not
/// taken from the others.
#[test]
fn a_directory_that_is_shared_on_purpose_is_left_as_it_is() {
    for mode in [0o1777, 0o1733, 0o1770, 0o3777] {
        let scene = Scene::new();
        let shared = scene.make("shared", VICTIM, mode);
        chown(&shared, Some(VICTIM), Some(ATTACKER)).unwrap();
        loosen(&shared, mode);
        let mut attacker = scene.attacker();
        attacker.must("write", json!([shared.join("theirs"), "x"]));
        let mut victim = scene.victim(&shared);
        for (verb, argument) in everything(&victim) {
            let answer = victim.ask(verb, argument);
            let expected = match verb {
                "list" => "DirectoryWritableByOthers StrayName",
                "count" => "Count { alive: 0, unknown: 0, unreadable: 0 }",
                "count pids" => "0",
                "sweep" => "nothing",
                _ => "Untrusted",
            };
            assert_eq!(answer, expected, "{mode:o} {verb}");
        }
        assert_eq!(mode_of(&shared), mode);
        attacker.must("write", json!([shared.join("more"), "x"]));
        assert_eq!(names_in(&shared), ["more", "theirs"]);
    }
}

/// Names in the registry that are files of the victim's elsewhere, as they can be planted where
/// `fs.protected_hardlinks` is off: only these names ever go, the files stay as they are.
#[test]
fn hard_links_to_files_of_the_victims_lose_a_name_and_nothing_else() {
    let scene = Scene::new();
    let sessions = scene.loose(0o777);
    let private = scene.make("victim/private", VICTIM, 0o700);
    let mut victim = scene.victim(&sessions);
    let month = std::time::Duration::from_secs(30 * 24 * 3600);
    let plant = |content: &str, name: &str| {
        let original = private.join(name.trim_start_matches('.'));
        fs::write(&original, content).unwrap();
        let mut file = fs::File::options();
        let file = file.write(true).open(&original).unwrap();
        file.set_modified(std::time::SystemTime::now() - month).unwrap();
        chown(&original, Some(VICTIM), Some(VICTIM)).unwrap();
        fs::hard_link(&original, sessions.join(name)).unwrap();
        (original, content.to_owned())
    };
    let text = "not a record, and precious";
    let planted = [
        plant(text, &format!("{}.json", victim.pid)),
        plant(text, &format!(".{}.lock", victim.pid)),
        plant(text, "1999999990.json"),
        plant("", "1999999991.json"),
        plant(r#"{"pid":1999999992,"a key fi"#, "1999999992.json"),
        plant(text, ".1999999993.0123456789abcdef.tmp"),
        plant(text, ".1999999994.lock"),
    ];
    let state = |path: &Path| {
        let found = fs::metadata(path).unwrap();
        (fs::read_to_string(path).unwrap(), mode_of(path), found.modified().unwrap())
    };
    let before: Vec<_> = planted.iter().map(|(path, _)| state(path)).collect();
    victim.must("register", json!(null));
    assert_eq!(victim.ask("list", json!(null)), "mine Malformed");
    victim.must("patch", json!(null));
    victim.must("update", json!(victim.pid));
    let swept = victim.ask("sweep", json!(null)).as_str().unwrap().to_owned();
    let mut swept: Vec<_> = swept.split(' ').collect();
    swept.sort_unstable();
    assert_eq!(
        swept,
        [
            ".1999999993.0123456789abcdef.tmp",
            ".1999999994.lock",
            "1999999991.json",
            "1999999992.json"
        ]
    );
    victim.must("sign out", json!(null));
    let after: Vec<_> = planted.iter().map(|(path, _)| state(path)).collect();
    assert_eq!(after, before);
    assert!(planted.iter().zip(&after).all(|((_, content), (now, ..))| content == now));
}

/// Whatever the mask of the process: nobody else reads what a session says of itself.
#[test]
fn what_a_session_says_is_for_its_user_alone() {
    let scene = Scene::new();
    let stage = testkit::Stage::with_umask("0").then_as_user(VICTIM);
    let mut mine = Actor::start(&stage, scene.program(), &scene.usual());
    mine.must("register", json!(null));
    mine.must("patch", json!(null));
    let record = mine.ask("path", json!(null)).as_str().unwrap().to_owned();
    let mut attacker = scene.attacker();
    assert_eq!(attacker.ask("read", json!(record)), "permission denied");
    assert_eq!(attacker.ask("read dir", json!(scene.usual())), "permission denied");
    assert_eq!(attacker.ask("lock", json!(record)), "permission denied");
    // Nor would anybody who could come by it otherwise, by a file that was opened before.
    for name in names_in(&scene.usual()) {
        assert_eq!(mode_of(&scene.usual().join(&name)), 0o600, "{name}");
    }
    assert_eq!(mode_of(&scene.usual()), 0o700);
}
