//! Which session is meant; the rule itself has its table in `address.rs`.

use crate::world::World;

#[test]
fn a_session_has_four_ways_to_be_called() {
    let world = World::new();
    let session = world.session("billing", &["--session-id", "52fb8bf5-0d2c"]);
    let pid = session.pid().to_string();
    for called in ["billing", "52fb8bf5-0d2c", "52fb", &pid] {
        let shown = world.ok(&format!("show {called}"));
        assert!(shown.contains("○ billing") || shown.contains("· billing"), "{called}: {shown}");
    }
}

/// A message for `ab` went to the session whose id began with `ab` (openclaude #1753).
#[test]
fn openclaude_1753_an_exact_name_beats_the_beginning_of_an_id() {
    let world = World::new();
    let named = world.session("52fb", &["--session-id", "7777"]);
    let _other = world.session("billing", &["--session-id", "52fb8bf5"]);
    let json: serde_json::Value = serde_json::from_str(&world.ok("show 52fb --json")).unwrap();
    assert_eq!(json["pid"], named.pid());
    world.ok("rename 52fb docs");
    assert_eq!(world.names().iter().filter(|name| *name == "billing").count(), 1);
}

/// Ids that are made from the time begin alike, so eight characters meant either
/// (pi-intercom #83).
#[test]
fn pi_intercom_83_ids_that_begin_alike_are_ambiguous() {
    let world = World::new();
    let a = world.session("a", &["--session-id", "0199f00d-7000-1", "--cwd", "/srv/a"]);
    let b = world.session("b", &["--session-id", "0199f00d-7000-2", "--cwd", "/srv/b"]);
    for line in ["show 0199f00d", "rename 0199f00d x", "update 0199f --status busy"] {
        let ran = world.run(line);
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{line}");
        let err = ran.err;
        for part in ["could be any of these", "session 0199f00d-7000-1", "/srv/b", "give the pid"] {
            assert!(err.contains(part), "{part} in {err}");
        }
        for session in [&a, &b] {
            assert!(err.contains(&format!("pid {}", session.pid())), "{err}");
        }
    }
    let mut names = world.names();
    names.sort();
    assert_eq!(names, ["a", "b"], "nothing was done");
}

/// A script ended its session `c` and waited for it, and had the answer of one whose id began so.
#[test]
fn a_session_that_has_ended_is_not_taken_for_one_whose_id_begins_like_its_name() {
    let world = World::new();
    let mut ended = world.session("c", &["--status", "busy"]);
    let _other = world.session("other", &["--session-id", "c0ffee-1", "--status", "idle"]);
    let pid = ended.pid();
    ended.kill();
    for line in ["show c", "wait c --until idle", "deregister c", "rename c x"] {
        // What is dead can still be shown.
        let (code, who) = if line == "show c" { (Some(0), pid) } else { (Some(1), 0) };
        let ran = world.run(line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(!ran.out.contains("other"), "{line}: {ran:?}");
        match who {
            0 => assert!(ran.err.contains("at least 4 characters"), "{line}: {ran:?}"),
            pid => assert!(ran.out.contains(&pid.to_string()), "{line}: {ran:?}"),
        }
    }
    assert_eq!(world.names(), ["other"]);
}

/// The number of a session that has ended begins the id of another.
#[test]
fn a_pid_that_has_ended_is_not_the_beginning_of_an_id() {
    let world = World::new();
    let _other = world.session("other", &["--session-id", "4194303-1"]);
    let ran = world.run("deregister 4194303");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("at least 8 characters"), "{ran:?}");
    assert_eq!(world.names(), ["other"]);
}

#[test]
fn two_of_one_name_are_ambiguous() {
    let world = World::new();
    let _twins = [world.session("twin", &[]), world.session("twin", &[])];
    assert_eq!(world.run("show twin").code, Some(2));
}

#[test]
fn an_unknown_session_is_no_with_the_next_step() {
    let world = World::new();
    let _session = world.session("billing", &[]);
    for line in ["show bill", "rename bill x", "update bill --status busy", "deregister bill"] {
        let ran = world.run(line);
        assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{line}");
        assert!(ran.err.contains("`bill`") && ran.err.contains("callboard ps"), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1);
    }
}
