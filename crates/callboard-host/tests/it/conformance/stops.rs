//! Stopping, and what is left.

use std::time::{Duration, Instant};

use callboard_host::{Error, Exit, HostedId, StopPolicy};

use crate::world::{World, state_of};

/// What ignores every polite signal, and what has got away from the session, its group and its
/// parent.
pub(super) fn nothing_is_left_of_a_stopped_session(world: &World) {
    let script = r#"
        trap '' HUP TERM
        (trap '' HUP TERM; echo stubborn $(exec sh -c 'echo $PPID'); while :; do sleep 1000; done) &
        setsid sh -c 'trap "" HUP TERM; (echo escaped $(exec sh -c "echo \$PPID"); while :; do sleep 1000; done) & exit' &
        while :; do sleep 1000; done"#;
    let session = world.shell(script);
    world.wait_for(&session.id, "stubborn");
    let log = world.wait_for(&session.id, "escaped");
    let pids: Vec<u32> =
        log.lines().filter_map(|line| line.split(' ').nth(1)?.parse().ok()).collect();
    assert_eq!(pids.len(), 2, "{log}");
    let grace = Duration::from_millis(300);
    let asked = Instant::now();
    let exit = world.host.stop(&session.id, StopPolicy { grace: Some(grace) }).unwrap();
    let took = asked.elapsed();
    assert_eq!(exit, Exit::Signal(9));
    assert!(took >= grace && took < grace + Duration::from_secs(5), "{took:?}");
    for pid in pids.into_iter().chain(session.program.map(|program| program.pid)) {
        assert!(matches!(state_of(pid), None | Some('Z' | 'X')), "{pid} is left");
    }
    assert_eq!(world.host.stop(&session.id, StopPolicy::default()).unwrap(), exit, "said again");
}

/// An interactive shell ignores TERM, and is not to be waited for until the grace is over.
pub(super) fn a_shell_is_stopped_by_asking(world: &World) {
    let session = world.spawn(&["bash", "--norc", "--noprofile", "-i"]);
    world.host.input(&session.id, callboard_host::Input::Bytes(b"echo $((40+2))\n")).unwrap();
    world.wait_for(&session.id, "42");
    let asked = Instant::now();
    let grace = Duration::from_secs(60);
    let exit = world.host.stop(&session.id, StopPolicy { grace: Some(grace) }).unwrap();
    assert!(asked.elapsed() < grace / 2);
    assert!(matches!(exit, Exit::Signal(1) | Exit::Code(_)), "{exit}");
    // One that is stopped hears nothing until it is continued.
    let session = world.shell("kill -STOP $$; exit 3");
    let program = session.program.unwrap().pid;
    while state_of(program) != Some('T') {
        std::thread::yield_now();
    }
    let exit = world.host.stop(&session.id, StopPolicy { grace: Some(grace) }).unwrap();
    assert_eq!(exit, Exit::Signal(15));
}

pub(super) fn what_has_ended_is_forgotten_when_asked(world: &World) {
    let session = world.spawn(&["cat"]);
    let refused = world.host.remove(&session.id).unwrap_err();
    assert!(matches!(refused, Error::StillRunning { .. }), "{refused}");
    world.host.stop(&session.id, StopPolicy::default()).unwrap();
    let directory = session.directory.clone();
    assert!(directory.join("spec.json").exists());
    world.host.remove(&session.id).unwrap();
    assert!(!directory.exists());
    assert_eq!(world.left(), Vec::<String>::new());
    for id in [&session.id, &HostedId::parse("nobody").unwrap()] {
        assert!(matches!(world.host.look(id), Err(Error::NoSession { .. })));
        assert!(matches!(world.host.remove(id), Err(Error::NoSession { .. })));
        assert!(matches!(world.host.stop(id, StopPolicy::default()), Err(Error::NoSession { .. })));
    }
}
