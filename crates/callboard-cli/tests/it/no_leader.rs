//! Where the kernel session's leader has no number: in a PID namespace that was entered without
//! `setsid`, and for what a machine's first process starts.

use crate::world::{Ran, World, callboard, ran};

/// Seen first on a machine whose first process started everything: each of these panicked.
#[test]
fn a_program_whose_leader_cannot_be_seen_runs_and_is_in_no_background_session() {
    let world = World::new();
    let entered = |line: &str| -> Ran {
        let mut command = world.command("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
        command.arg(callboard()).args(line.split_whitespace());
        ran(command.output().unwrap())
    };
    let command = entered("run --name mine -- false");
    assert_eq!((command.code, &*command.err), (Some(1), ""), "{command:?}");
    let detached = entered("detach");
    assert_eq!(detached.code, Some(2), "{detached:?}");
    assert!(detached.err.contains("runs in no background session"), "{detached:?}");
    let seen = entered("ps --all");
    assert_eq!((seen.code, &*seen.err), (Some(0), ""), "{seen:?}");
}
