//! What the environment says, when somebody else wrote it.

use std::path::Path;

use serde_json::json;
use testkit::Stage;

use crate::actor::Actor;
use crate::canary::Canary;
use crate::scene::{ATTACKER, Scene, VICTIM, loosen, mode_of};

const VARIABLES: [(&str, &str); 3] = [
    ("CALLBOARD_HOME", "victim/site"),
    ("XDG_STATE_HOME", "victim/site/state"),
    ("HOME", "victim/site/home"),
];

/// A program with the setuid bit that embeds the library: who starts it chooses its environment,
/// and with it would choose which of the victim's directories becomes a registry.
#[test]
fn a_setuid_program_does_not_go_where_its_caller_sends_it() {
    for (variable, value) in VARIABLES {
        let scene = Scene::new();
        let home = scene.path(value);
        let below = match variable {
            "CALLBOARD_HOME" => "sessions",
            "XDG_STATE_HOME" => "callboard/sessions",
            _ => ".local/state/callboard/sessions",
        };
        let canary = Canary::in_directory(home.join(below), VICTIM);
        std::os::unix::fs::chown(scene.program(), Some(VICTIM), Some(VICTIM)).unwrap();
        loosen(scene.program(), 0o4755);
        let start = |uid| {
            let stage = Stage::as_user(uid);
            Actor::start_with(&stage, scene.program(), Path::new("/"), &[(variable, &home)])
        };
        let mut sent = start(ATTACKER);
        let users = json!([ATTACKER, VICTIM]);
        assert_eq!(sent.ask("users", json!(null)), users, "is this file system mounted nosuid?");
        assert_eq!(sent.ask("signed in by environment", json!(null)), "Untrusted", "{variable}");
        canary.assert_untouched(variable);
        // Its user himself may go there.
        let mut own = start(VICTIM);
        let answer = own.ask("signed in by environment", json!(null));
        assert_eq!(answer, format!("signed in at {}", home.join(below).display()));
    }
}

/// A relative path would be another one in every directory, also in those of the attacker's; an
/// empty one is that of the working directory.
#[test]
fn a_relative_home_is_not_looked_for_in_the_working_directory() {
    for value in ["board", "./board", "../attacker/board", ""] {
        let scene = Scene::new();
        let mut attacker = scene.attacker();
        let planted = scene.path("attacker/board");
        attacker.must("mkdir", json!(planted));
        let home = scene.path("victim");
        let variables = [("CALLBOARD_HOME", Path::new(value)), ("HOME", &home)];
        let stage = Stage::as_user(VICTIM);
        let mut victim = Actor::start_with(&stage, scene.program(), Path::new("/"), &variables);
        victim.must("enter", json!(scene.path("attacker")));
        let answer = victim.ask("signed in by environment", json!(null));
        let expected = home.join(".local/state/callboard/sessions");
        assert_eq!(answer, format!("signed in at {}", expected.display()), "{value:?}");
        assert_eq!(std::fs::read_dir(&planted).unwrap().count(), 0, "{value:?}");
        // Everything that it made is its own alone.
        assert_eq!(mode_of(&scene.path("victim/.local")), 0o700);
    }
}

/// Somebody else's registry, named by mistake or by a `.envrc` that the victim did not read.
#[test]
fn a_home_of_somebody_elses_is_refused() {
    let scene = Scene::new();
    let mut attacker = scene.attacker();
    let home = scene.path("attacker/home");
    attacker.must("mkdir", json!(home));
    attacker.must("mkdir", json!(home.join("sessions")));
    let stage = Stage::as_user(VICTIM);
    let variables = [("CALLBOARD_HOME", &*home)];
    let mut victim = Actor::start_with(&stage, scene.program(), Path::new("/"), &variables);
    assert_eq!(victim.ask("signed in by environment", json!(null)), "Untrusted");
    assert_eq!(std::fs::read_dir(home.join("sessions")).unwrap().count(), 0);
}
