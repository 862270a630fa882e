//! A hook or a script speaks for another process, and calls fail.

use callboard::{Error, Registry};
use rustix::io::Errno;

use super::scene::{Cast, Scene};
use super::{DONE, Ending, Findings, Operation, assert_old_or_new, fresh, news, sign_in};

#[test]
fn of_signing_another_process_in() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let act = |scene: &Scene, registry: &mut Registry| {
        registry.register_process(scene.live(), sign_in()).map(drop)
    };
    let plain = Operation {
        name: "register_process",
        stage: &|_| (),
        before: &|scene| {
            let (registry, _) = fresh(scene);
            _ = registry.here();
            registry
        },
        act: &act,
        is_reader: false,
        keeps: 0,
        after: &|scene, mut registry, ending| {
            assert_eq!(scene.reads(scene.live()).is_some(), ending.is_done, "in, or not");
            act(scene, &mut registry).expect("the next");
            let name = scene.reads(scene.live()).unwrap().name().map(|n| n.into_owned());
            assert_eq!(name.as_deref(), Some("child"));
            scene.assert_all_seen(&registry);
        },
    };
    findings.hunt(&cast, &plain);
    let again = |scene: &Scene, mut registry: Registry, ending: Ending| {
        let record = scene.reads(scene.live()).expect("the old one or the new one");
        assert_eq!(record.name().as_deref(), Some(if ending.is_done { "child" } else { "live" }));
        assert_eq!(record.raw("theirs"), Some("[1,2]"));
        act(scene, &mut registry).expect("the next");
        scene.assert_all_seen(&registry);
    };
    let name = "register_process of one that is in";
    findings
        .hunt(&cast, &Operation { name, stage: &|scene| scene.put_live(), after: &again, ..plain });
    findings.judge("signing another in");
}

#[test]
fn of_an_update_and_a_sign_out_on_behalf() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let update =
        |scene: &Scene, (): &mut ()| scene.registry.update(scene.live(), &news()).map(drop);
    let plain = Operation {
        name: "update",
        stage: &|scene| scene.put_live(),
        before: &|scene| _ = scene.registry.here(),
        act: &update,
        is_reader: false,
        keeps: 0,
        after: &|scene, (), ending| {
            assert_old_or_new(scene.reads(scene.live()), "live", ending);
            update(scene, &mut ()).expect("the next");
            let record = scene.reads(scene.live());
            assert_eq!(record.as_ref().unwrap().raw("theirs"), Some("[1,2]"));
            assert_old_or_new(record, "live", DONE);
        },
    };
    findings.hunt(&cast, &plain);
    for never in [Errno::INVAL, Errno::NOSYS] {
        let errors = [Errno::IO, Errno::INTR, Errno::NOENT];
        findings.hunt_with(&cast, &plain, &errors, Some(never), &|| Box::new(|_, _| true));
    }
    // No rename at all: an error that says so, and the old record.
    let errors = [Errno::IO];
    let refused = Operation {
        act: &|scene, state| match update(scene, state) {
            Err(error) => Err(error),
            Ok(()) => panic!("replaced without a rename"),
        },
        ..plain
    };
    findings.hunt_with(&cast, &refused, &errors, Some(Errno::XDEV), &|| Box::new(|_, _| true));
    let remove = |scene: &Scene, (): &mut ()| scene.registry.remove(scene.live());
    let after = |scene: &Scene, (): (), ending: Ending| {
        let stands = scene.reads(scene.live()).is_some();
        ending.assert_gone(stands);
        if stands {
            remove(scene, &mut ()).expect("the next");
        }
        assert!(matches!(remove(scene, &mut ()), Err(Error::NoSession { .. })));
    };
    findings.hunt(&cast, &Operation { name: "remove", act: &remove, after: &after, ..plain });
    findings.judge("on behalf of another");
}
