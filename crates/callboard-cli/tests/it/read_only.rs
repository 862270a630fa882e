//! A home that can only be read.

use crate::world::{World, callboard, ran};

#[test]
fn a_board_that_cannot_be_written_is_read_and_says_so() {
    let world = World::new();
    let session = world.session("mine", &[]);
    let read_only = |line: &str| {
        let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" || exit 99; \
            shift; exec \"$@\"";
        let mut command = world.command("unshare");
        command.args(["--mount", "--propagation", "private", "--", "sh", "-c", script, "sh"]);
        command.arg(world.path("board")).arg(callboard()).args(line.split_whitespace());
        ran(command.output().unwrap())
    };
    let seen = read_only("ps --json");
    assert_eq!((seen.code, &*seen.err), (Some(0), ""), "{seen:?}");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&seen.out).unwrap();
    assert_eq!((rows.len(), rows[0]["name"].as_str()), (1, Some("mine")));
    assert_eq!(rows[0]["verdict"], "alive");
    assert_eq!(read_only("count").out, "1\n");
    // The program that asked goes on without its record, and is told why.
    for line in [format!("register --pid {}", session.pid()), "rename mine other".to_owned()] {
        let refused = read_only(&line);
        assert_ne!(refused.code, Some(0), "{line}: {refused:?}");
        assert!(refused.err.contains("Read-only file system"), "{line}: {refused:?}");
        assert!(refused.err.contains(world.sessions().to_str().unwrap()), "{line}: {refused:?}");
    }
    assert_eq!(world.names(), ["mine"]);
}
