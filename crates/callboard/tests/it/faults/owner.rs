//! A session signs in, updates, comes back and signs out, and calls fail.

use std::fs;

use callboard::record::RecordName;
use callboard::{Error, Patch, Registration, Registry, SignIn, Status, Verdict};
use rustix::io::Errno;
use serde_json::{Value, json};

use super::scene::{Cast, Scene};
use super::{
    DONE, Ending, Findings, Operation, Outcome, assert_old_or_new, fresh, me, news, sign_in,
};

/// Signs the child in, in the window.
fn register(_: &Scene, (registry, guard): &mut (Registry, Option<Registration>)) -> Outcome {
    *guard = registry.register(sign_in())?.registration();
    Ok(())
}

/// It is in, or it is not and can be; then everything works.
fn signed_in(
    scene: &Scene,
    (registry, mut guard): (Registry, Option<Registration>),
    ending: Ending,
) {
    assert_eq!(guard.is_some(), ending.is_done);
    if !ending.is_done {
        guard = registry.register(sign_in()).expect("the next sign-in").registration();
    }
    let guard = guard.unwrap();
    guard.set_status(Status::Busy, None).expect("the next update");
    let seen = registry.list();
    let own = seen.sessions.iter().find(|s| s.record.pid() == me()).expect("it is on the board");
    assert_eq!(own.verdict(), Verdict::Alive, "{}", own.evidence());
    assert_eq!(own.record.name().as_deref(), Some("child"));
    assert_eq!(own.record.status(), Some(Status::Busy));
    if registry.dir() == scene.home.sessions() {
        scene.assert_all_seen(&registry);
    }
    guard.sign_out().expect("signing out");
    assert!(registry.list().sessions.iter().all(|s| s.record.pid() != me()), "signed out");
}

/// No record of the child is on the board, unless it was there before.
fn not_half_signed_in(scene: &Scene, state: (Registry, Option<Registration>), ending: Ending) {
    if !ending.is_done {
        let records = scene.home.names().into_iter();
        // By its whole number: a child may be 400, and somebody on the board is 4000009.
        let own = |name: &String| RecordName::parse(name.as_bytes()).is_some_and(|n| n.pid == me());
        let stands: Vec<_> = records.filter(own).collect();
        assert!(stands.is_empty(), "not signed in, and yet {stands:?}");
    }
    signed_in(scene, state, ending);
}

#[test]
fn of_a_sign_in() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let plain = Operation {
        name: "register",
        stage: &|_| (),
        before: &fresh,
        act: &register,
        is_reader: false,
        keeps: 0,
        after: &not_half_signed_in,
    };
    findings.hunt(&cast, &plain);
    for never in [Errno::INVAL, Errno::NOSYS] {
        let errors = [Errno::IO, Errno::INTR, Errno::NOENT];
        let warm = |scene: &Scene| {
            let (registry, _) = fresh(scene);
            _ = registry.here();
            (registry, None)
        };
        let ladder = Operation { before: &warm, ..plain };
        findings.hunt_with(&cast, &ladder, &errors, Some(never), &|| Box::new(|_, _| true));
    }
    let first = |scene: &Scene| (Registry::at(scene.home.path().join("new/sessions")), None);
    findings.hunt(&cast, &Operation { name: "the first register", before: &first, ..plain });
    // The session ends without a word: what it signed in with is enough to know that.
    let crashed = |_: &Scene, (_, guard): (Registry, Option<Registration>), _: Ending| {
        std::mem::forget(guard);
    };
    let crash = Operation { name: "register, then crash", after: &crashed, keeps: 3, ..plain };
    findings.hunt(&cast, &crash);
    findings.judge("signing in");
}

#[test]
fn of_a_sign_in_under_a_name_that_is_taken() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let stale = |scene: &Scene| {
        let mut record: Value = serde_json::from_str(&scene.cast.gone_text).unwrap();
        record["pid"] = json!(me());
        scene.home.put(&format!("{}.json", me()), record.to_string());
        let (registry, _) = fresh(scene);
        _ = registry.here();
        (registry, None)
    };
    let plain = Operation {
        name: "register over a stale record",
        stage: &|_| (),
        before: &stale,
        act: &register,
        is_reader: false,
        keeps: 0,
        after: &|scene, state, ending| {
            signed_in(scene, state, ending);
        },
    };
    findings.hunt(&cast, &plain);
    let hooked = |scene: &Scene| {
        let (registry, _) = fresh(scene);
        registry.register_process(me(), SignIn::new().extra("hook", &json!([1, 2]))).unwrap();
        (registry, None)
    };
    let kept = |scene: &Scene, state: (Registry, Option<Registration>), ending| {
        let hook = scene.reads(me()).and_then(|r| r.raw("hook").map(str::to_owned));
        assert_eq!(hook.as_deref(), Some("[1,2]"), "what the hook said");
        signed_in(scene, state, ending);
    };
    let name = "register over the record that a hook made";
    findings.hunt(&cast, &Operation { name, before: &hooked, after: &kept, ..plain });
    findings.judge("signing in under a name that is taken");
}

fn signed_in_as_old(scene: &Scene) -> Registration {
    let (registry, _) = fresh(scene);
    registry.register(SignIn::new().name("old")).unwrap().registration().unwrap()
}

/// The same with a spare to write into.
fn changed_as_old(scene: &Scene) -> Registration {
    let guard = signed_in_as_old(scene);
    guard.reassert().unwrap();
    assert!(scene.home.names().iter().any(|name| name.ends_with(".spare")));
    guard
}

fn patched(scene: &Scene, guard: Registration, ending: Ending) {
    assert_old_or_new(scene.reads(me()), "old", ending);
    works_on(scene, guard);
}

/// The next update, and signing out.
fn works_on(scene: &Scene, guard: Registration) {
    guard.patch(&news()).expect("the next update");
    assert_old_or_new(scene.reads(me()), "old", DONE);
    guard.sign_out().expect("signing out");
    assert!(scene.reads(me()).is_none());
}

#[test]
fn of_an_owners_update() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let plain = Operation {
        name: "patch",
        stage: &|_| (),
        before: &signed_in_as_old,
        act: &|_, guard| guard.patch(&news()),
        is_reader: false,
        keeps: 0,
        after: &patched,
    };
    findings.hunt(&cast, &plain);
    findings.hunt(&cast, &Operation { name: "next patch", before: &changed_as_old, ..plain });
    let rename = |_: &Scene, guard: &mut Registration| guard.rename("news");
    let renamed = |scene: &Scene, guard: Registration, ending: Ending| {
        let name = scene.reads(me()).unwrap().name().map(|n| n.into_owned());
        assert_eq!(name.as_deref(), Some(if ending.is_done { "news" } else { "old" }));
        works_on(scene, guard);
    };
    findings.hunt(&cast, &Operation { name: "rename", act: &rename, after: &renamed, ..plain });
    let hooked = |scene: &Scene| {
        let guard = signed_in_as_old(scene);
        let hook = Patch::new().extra("hook", Some(&json!(1)));
        scene.registry.update(me(), &hook).unwrap();
        guard
    };
    let kept = |scene: &Scene, guard: Registration, ending: Ending| {
        if ending.errno == Errno::NOENT {
            // "No such file" is a lie here, after which it signs in beside what is there.
            return;
        }
        assert_eq!(scene.reads(me()).unwrap().raw("hook"), Some("1"), "what the hook said");
        patched(scene, guard, ending);
    };
    let name = "patch after a hook's";
    findings.hunt(&cast, &Operation { name, before: &hooked, after: &kept, ..plain });
    for never in [Errno::INVAL, Errno::NOSYS] {
        let errors = [Errno::IO, Errno::INTR, Errno::NOENT];
        findings.hunt_with(&cast, &plain, &errors, Some(never), &|| Box::new(|_, _| true));
    }
    findings.judge("an owner's update");
}

#[test]
fn of_a_record_that_comes_back() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let lost = |scene: &Scene| {
        let guard = signed_in_as_old(scene);
        fs::remove_file(guard.path()).unwrap();
        guard
    };
    let back = |scene: &Scene, guard: Registration, ending: Ending| {
        let stands = fs::read_to_string(guard.path());
        assert!(stands.is_ok() || !ending.is_done, "reasserted, and not there");
        works_on(scene, guard);
    };
    let plain = Operation {
        name: "reassert",
        stage: &|_| (),
        before: &signed_in_as_old,
        act: &|_, guard| guard.reassert(),
        is_reader: false,
        keeps: 0,
        after: &back,
    };
    findings.hunt(&cast, &plain);
    let heal = Operation { name: "reassert what is gone", before: &lost, ..plain };
    findings.hunt(&cast, &heal);
    for never in [Errno::INVAL, Errno::NOSYS] {
        let errors = [Errno::IO, Errno::INTR, Errno::NOENT];
        findings.hunt_with(&cast, &heal, &errors, Some(never), &|| Box::new(|_, _| true));
    }
    let homeless = |scene: &Scene| {
        let directory = scene.home.path().join("moved/sessions");
        let registry = Registry::at(&directory);
        let guard = registry.register(SignIn::new().name("old")).unwrap().registration().unwrap();
        fs::remove_dir_all(scene.home.path().join("moved")).unwrap();
        guard
    };
    let at_home = |_: &Scene, guard: Registration, ending: Ending| {
        assert!(guard.path().exists() || !ending.is_done, "patched, and not there");
        guard.patch(&news()).expect("the next update");
        let seen = guard.registry().list();
        assert_eq!(seen.sessions.len(), 1, "{:?}", seen.sessions);
        assert_old_or_new(Some(seen.sessions[0].record.clone()), "old", DONE);
        let path = guard.path();
        guard.sign_out().expect("signing out");
        assert!(!path.exists());
    };
    let name = "patch after the home was deleted";
    let act = |_: &Scene, guard: &mut Registration| guard.patch(&news());
    let moved = Operation { name, before: &homeless, act: &act, after: &at_home, ..plain };
    findings.hunt(&cast, &moved);
    findings.judge("coming back");
}

#[test]
fn of_a_sign_out() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let after = |scene: &Scene, guard: Option<Registration>, ending: Ending| {
        assert!(guard.is_none());
        ending.assert_gone(scene.reads(me()).is_some());
        works_on(scene, signed_in_as_old(scene));
    };
    let plain = Operation {
        name: "sign_out",
        stage: &|_| (),
        before: &|scene| Some(signed_in_as_old(scene)),
        act: &|_, guard| guard.take().unwrap().sign_out(),
        is_reader: false,
        keeps: 0,
        after: &after,
    };
    findings.hunt(&cast, &plain);
    let before = |scene: &Scene| Some(changed_as_old(scene));
    findings.hunt(&cast, &Operation { name: "sign_out after a change", before: &before, ..plain });
    // Nobody is told; the record is gone, or is swept when the process has ended.
    let dropped = |scene: &Scene, guard: &mut Option<Registration>| {
        drop(guard.take());
        let stays = scene.reads(me()).is_some();
        let kept = || std::io::Error::other("the record stays");
        if stays {
            Err(Error::Io { doing: "drop", path: "".into(), source: kept() })
        } else {
            Ok(())
        }
    };
    findings.hunt(&cast, &Operation { name: "drop", act: &dropped, ..plain });
    findings.judge("signing out");
}
