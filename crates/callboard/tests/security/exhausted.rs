//! A file system that the attacker has filled.

use serde_json::json;
use testkit::Stage;

use crate::actor::Actor;
use crate::scene::{ATTACKER, Scene, VICTIM};

/// A small file system of everybody's, with the registry on it.
const SHARED: &str = r#"mount -t tmpfs -o size=256k,nr_inodes=64,mode=1777 shared "$1""#;

/// Both users on one file system, which only they see.
struct Shared {
    scene: Scene,
    victim: Actor,
    attacker: Actor,
}

impl Shared {
    fn new() -> Self {
        let scene = Scene::new();
        let place = scene.make("shared", 0, 0o1777);
        let sessions = place.join("board/sessions");
        let stage = Stage::with_mounts(SHARED, &place).then_as_user(VICTIM);
        let victim = Actor::start(&stage, scene.program(), &sessions);
        let beside = Stage::beside(victim.pid).then_as_user(ATTACKER);
        let attacker = Actor::start(&beside, scene.program(), &sessions);
        Self { scene, victim, attacker }
    }

    fn another_of_the_victims(&self) -> Actor {
        let sessions = self.scene.path("shared/board/sessions");
        let beside = Stage::beside(self.victim.pid).then_as_user(VICTIM);
        Actor::start(&beside, self.scene.program(), &sessions)
    }
}

/// No room for one more file, or for one more byte: who is on is listed, updates fail with the
/// old record in place, nobody new can sign in, who leaves is gone, and what is left of the dead
/// can be swept.
#[test]
fn a_file_system_that_the_attacker_has_filled() {
    for (verb, at) in [("use up inodes", "shared"), ("use up space", "shared/full")] {
        let mut shared = Shared::new();
        shared.victim.must("register", json!(null));
        let mut leaving = shared.another_of_the_victims();
        leaving.must("register", json!(null));
        let mut dying = shared.another_of_the_victims();
        dying.must("register", json!(null));
        let mut late = shared.another_of_the_victims();
        let at = shared.scene.path(at);
        shared.attacker.must(verb, json!(at));

        let full = "Io:no storage space";
        assert_eq!(late.ask("register", json!(null)), full, "{verb}");
        assert_eq!(late.ask("update", json!(shared.victim.pid)), full, "{verb}");
        assert_eq!(shared.victim.ask("patch", json!(null)), full, "{verb}");
        assert_eq!(late.ask("list", json!(null)), "mine mine mine", "{verb}");
        leaving.must("sign out", json!(null));
        assert_eq!(late.ask("list", json!(null)), "mine mine", "{verb}");
        // Not the program that put it where it is.
        testkit::kill(dying.pid);
        testkit::wait_for_exit(dying.pid);
        let swept = late.ask("sweep", json!(null));
        assert_eq!(swept, format!("{}.json", dying.pid), "{verb}");
        // The two that left have made room for one.
        if verb == "use up inodes" {
            late.must("register", json!(null));
            assert_eq!(shared.victim.ask("list", json!(null)), "mine mine", "{verb}");
        } else {
            assert_eq!(shared.victim.ask("list", json!(null)), "mine", "{verb}");
        }
    }
}
