//! What the configuration file decides for background sessions, where the command line does not.

use crate::terminal::{Terminal, with_a_terminal};
use crate::world::{World, callboard};

fn configure(world: &World, text: &str) {
    let dir = world.path("home/.config/callboard");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("config.toml"), text).unwrap();
}

fn names(world: &World) -> Vec<String> {
    let all = world.ok("ps --all --json");
    let all: Vec<serde_json::Value> = serde_json::from_str(&all).unwrap();
    all.iter().map(|row| row["name"].as_str().unwrap_or("-").to_owned()).collect()
}

#[test]
fn what_has_ended_is_kept_as_long_as_configured() {
    let world = World::new();
    for (config, forgotten) in [
        ("", false),
        ("[background]\nkeep_ended = \"1d\"", false),
        ("[background]\nkeep_ended = \"0s\"", true),
    ] {
        configure(&world, config);
        world.ok("run -d --name first -- cat");
        world.ok("stop first");
        assert_eq!(names(&world), ["first"], "{config}");
        // It ended at least a ms before the next one is started.
        world.ok("run -d --name second -- cat");
        assert_eq!(names(&world).contains(&"first".to_owned()), !forgotten, "{config}");
        world.ok("stop second");
        world.ok("rm --all");
    }
}

#[test]
fn the_key_that_leaves_is_as_configured() {
    let world = World::new();
    configure(&world, "[background]\ndetach_key = \"ctrl-q\"");
    world.ok("run -d --name build -- cat");
    let mut attach = with_a_terminal(&world);
    let mut client = Terminal::start(attach.arg(callboard()).args(["attach", "build"]), 80);
    client.wait_for("ctrl-q leaves it running");
    client.type_in("\u{11}");
    client.wait_for("left build running");
    assert!(client.finish().0.success());
    let mut attach = with_a_terminal(&world);
    let attach = attach.arg(callboard()).args(["attach", "build", "--detach-key", "ctrl-e"]);
    let mut client = Terminal::start(attach, 80);
    client.wait_for("ctrl-e leaves it running");
    client.type_in("\u{5}");
    assert!(client.finish().0.success());
    world.ok("stop build");
}

#[test]
fn the_host_is_as_configured() {
    let world = World::new();
    configure(&world, "[background]\nhost = \"screen\"");
    let ran = world.run("run -d --name build -- cat");
    assert_eq!(ran.code, Some(0), "a wrong word keeps nobody from working: {ran:?}");
    assert!(ran.err.contains("line 2: `host` takes \"builtin\" or \"tmux\"; "), "{ran:?}");
    configure(&world, "[background]\nhost = \"builtin\"");
    let kind = |name: &str| {
        let session = world.ps().into_iter().find(|row| row["name"] == name).unwrap();
        session["host"]["kind"].as_str().unwrap().to_owned()
    };
    assert_eq!(kind("build"), "builtin");
    configure(&world, "[background]\nhost = \"tmux\"");
    // The other host, or word that there is none: never another one instead.
    let ran = world.run("run -d --name other -- cat");
    if ran.code == Some(0) {
        assert_eq!(kind("other"), "tmux");
        world.ok("stop other");
    } else {
        assert!(ran.err.contains("tmux"), "{ran:?}");
    }
    world.ok("stop build");
}
