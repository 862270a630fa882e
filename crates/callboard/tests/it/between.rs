//! `kill -9` between any two system calls: whatever a session, a hook or a sweep was doing, the
//! others stay on the board, nobody is listed who is gone, and what is left can be swept.

use std::time::Duration;

use callboard::{Patch, Registry, SignIn, Status, Verdict};
use testkit::{Home, killed_at};

/// Kills `act` at every point in turn, each time in a fresh home with one session in it, and
/// looks at what the others see.
fn at_every_point(prepare: impl Fn(&Home, &Registry), act: impl Fn(&Registry)) {
    let mut nth = 0;
    loop {
        let home = Home::with_sessions();
        let registry = Registry::at(home.sessions());
        let steady = registry.register(SignIn::new().name("steady")).unwrap();
        let steady = steady.registration().unwrap();
        prepare(&home, &registry);
        let killed = killed_at(nth, || {
            act(&registry);
            0
        });
        let place = format!("killed at stop {nth}, left {:?}", home.names());

        let seen = registry.list();
        assert!(seen.problems.is_empty(), "{place}: {:?}", seen.problems);
        let alive: Vec<_> = seen.sessions.iter().filter(|s| s.verdict() != Verdict::Dead).collect();
        assert_eq!(alive.len(), 1, "{place}: {:?}", seen.sessions);
        assert_eq!(alive[0].record.name().as_deref(), Some("steady"), "{place}");
        // No lock of the killed one is in anybody's way, and what it half did can be done again.
        registry.update(std::process::id(), &Patch::new().cwd("/elsewhere")).expect(&place);
        steady.set_status(Status::Waiting, Some("you")).expect(&place);
        let record = &registry.list().sessions;
        let record = record.iter().find(|s| s.verdict() == Verdict::Alive).unwrap();
        assert_eq!(record.record.cwd().as_deref(), Some("/elsewhere"), "{place}");
        // A sweep takes the stale record, and the rest when it is old enough.
        registry.sweep(&registry.plan_sweep().unwrap()).expect(&place);
        for name in home.names() {
            home.age(&name, Duration::from_secs(2 * 3600));
        }
        for _ in 0..2 {
            let report = registry.sweep(&registry.plan_sweep().unwrap()).expect(&place);
            assert!(report.problems.is_empty(), "{place}: {report:?}");
        }
        let pid = std::process::id();
        let own = [format!(".{pid}.lock"), format!("{pid}.json")];
        assert_eq!(home.names_without_spares(), own, "{place}");
        steady.sign_out().expect(&place);
        assert_eq!(home.names(), [""; 0], "{place}");
        if !killed {
            assert!(nth > 10, "only {nth} stops");
            return;
        }
        nth += 1;
    }
}

#[test]
fn of_a_session_from_signing_in_to_signing_out() {
    at_every_point(
        |_, _| {},
        |registry| {
            let me = registry.register(SignIn::new()).unwrap().registration().unwrap();
            me.set_status(Status::Busy, None).unwrap();
            // Now it has a spare, and writes into it.
            me.set_status(Status::Idle, None).unwrap();
            std::fs::remove_file(me.path()).unwrap();
            me.rename("back").unwrap();
            me.sign_out().unwrap();
        },
    );
}

#[test]
fn of_a_hook_that_updates_another_session() {
    let steady = std::process::id();
    at_every_point(
        |_, _| {},
        |registry| {
            registry.update(steady, &Patch::new().status(Status::Busy, None)).unwrap();
        },
    );
}

#[test]
fn of_a_sweep() {
    at_every_point(
        |home, registry| {
            // The record of a process that is gone, with its lock, and some litter.
            let code = testkit::fork(|| {
                let me = registry.register(SignIn::new()).unwrap().registration().unwrap();
                std::mem::forget(me);
                0
            });
            assert_eq!(testkit::collect(code), Some(0));
            let litter = ".77.0123456789abcdef.tmp";
            home.put(litter, "half a rec");
            home.age(litter, Duration::from_secs(2 * 3600));
        },
        |registry| {
            registry.sweep(&registry.plan_sweep().unwrap()).unwrap();
        },
    );
}
