//! Somebody who takes no lock (a shell, an older program, an exit path) does something between
//! any two system calls of ours. The child of the test is stopped at each of them in turn.

use std::fs;
use std::time::{Duration, Instant};

use callboard::{Patch, Registration, Registry, SignIn, Verdict};
use serde_json::{Value, json};
use testkit::{Home, paused_at};

struct Scene {
    home: Home,
    registry: Registry,
    file: String,
    /// A live record of this process, as another program would write it: another instance.
    theirs: String,
}

/// For every point: a fresh home, `prepare` in it, then `act` in a child and `meanwhile` here.
fn at_every_point<T>(
    prepare: impl Fn(&Scene) -> T,
    act: impl Fn(&Scene, &T),
    meanwhile: impl Fn(&Scene),
    check: impl Fn(&Scene, &T, &str),
) {
    let scratch = Home::new();
    let model = signed_in(&Registry::at(scratch.sessions()));
    let mut theirs: Value = serde_json::from_str(model.record().as_json()).unwrap();
    theirs["name"] = json!("theirs");
    theirs.as_object_mut().unwrap().remove("lockIno");
    for nth in 0.. {
        let home = Home::with_sessions();
        let registry = Registry::at(home.sessions());
        let file = format!("{}.json", std::process::id());
        let scene = Scene { home, registry, file, theirs: theirs.to_string() };
        let prepared = prepare(&scene);
        let acted = || {
            act(&scene, &prepared);
            0
        };
        let reached = paused_at(nth, acted, || meanwhile(&scene));
        let place = format!("at stop {nth}, left {:?}", scene.home.names());
        check(&scene, &prepared, &place);
        if !reached {
            assert!(nth > 10, "only {nth} stops");
            return;
        }
    }
}

fn signed_in(registry: &Registry) -> Registration {
    let guard = registry.register(SignIn::new().name("ours").session_id("s")).unwrap();
    guard.registration().unwrap()
}

/// In a child, which then ends without a word.
pub(crate) fn signs_in_and_says_three_things(registry: &Registry) -> i32 {
    let me = signed_in(registry);
    me.rename("once").unwrap();
    me.rename("twice").unwrap();
    me.rename("thrice").unwrap();
    std::mem::forget(me);
    0
}

fn put_theirs(scene: &Scene) {
    scene.home.put(&scene.file, &scene.theirs);
}

fn assert_no_litter(scene: &Scene, place: &str) {
    let names = scene.home.names();
    let ours = |name: &String| name.ends_with(".tmp") || name.ends_with(".swept");
    assert!(!names.iter().any(ours), "{place}");
}

/// claude-code #85283 in small: what was dead when it was judged is somebody's by now.
#[test]
fn a_sweep_keeps_what_was_put_there() {
    at_every_point(
        |scene| {
            let mut stale: Value = serde_json::from_str(&scene.theirs).unwrap();
            stale["pidfdIno"] = json!(1);
            stale["procStart"] = json!("1");
            scene.home.put(&scene.file, stale.to_string());
        },
        |scene, ()| {
            _ = scene.registry.sweep(&scene.registry.plan_sweep().unwrap());
        },
        put_theirs,
        |scene, (), place| {
            let left = fs::read_to_string(scene.home.entry(&scene.file)).expect(place);
            assert_eq!(left, scene.theirs, "{place}");
            assert_no_litter(scene, place);
        },
    );
}

/// An update never puts an older record in the place of what came meanwhile.
#[test]
fn an_update_keeps_what_was_put_there() {
    at_every_point(
        |scene| signed_in(&scene.registry),
        |scene, _| {
            let pid = std::process::id();
            // The child is another process; this is an update on behalf of its parent.
            let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
            assert_ne!(pid, u32::try_from(parent).unwrap());
            let patch = Patch::new().extra("hook", Some(&json!(1)));
            scene.registry.update(u32::try_from(parent).unwrap(), &patch).unwrap();
        },
        put_theirs,
        |scene, _, place| {
            let seen = scene.registry.list();
            assert!(seen.problems.is_empty(), "{place}: {:?}", seen.problems);
            assert_eq!(seen.sessions.len(), 1, "{place}");
            assert_eq!(seen.sessions[0].record.name().as_deref(), Some("theirs"), "{place}");
            assert_no_litter(scene, place);
        },
    );
}

/// Qwen Code PR #8969: neither does it bring back what was removed meanwhile.
#[test]
fn an_update_does_not_bring_back_what_was_removed() {
    at_every_point(
        |scene| signed_in(&scene.registry),
        |scene, _| {
            let parent = rustix::process::getppid().unwrap().as_raw_nonzero().get();
            let patch = Patch::new().extra("hook", Some(&json!(1)));
            _ = scene.registry.update(u32::try_from(parent).unwrap(), &patch);
        },
        |scene| fs::remove_file(scene.home.entry(&scene.file)).unwrap(),
        |scene, _, place| {
            assert_eq!(scene.registry.list().sessions.len(), 0, "{place}");
            assert_no_litter(scene, place);
        },
    );
}

/// Whoever signs in never takes a name that somebody has by then.
#[test]
fn signing_in_keeps_what_was_put_there() {
    let other =
        |pid: u32| json!({ "pid": pid, "pidDomain": "darwin", "name": "theirs" }).to_string();
    for nth in 0.. {
        let home = Home::with_sessions();
        let registry = Registry::at(home.sessions());
        // The child says its number as it starts, and keeps its record as it ends.
        let pid_file = home.path().join("pid");
        let act = || {
            fs::write(&pid_file, std::process::id().to_string()).unwrap();
            std::mem::forget(signed_in(&registry));
            0
        };
        let mut pid = 0;
        let reached = paused_at(nth, act, || {
            pid = fs::read_to_string(&pid_file).ok().and_then(|p| p.parse().ok()).unwrap_or(0);
            if pid != 0 && !home.entry(&format!("{pid}.json")).exists() {
                home.put(&format!("{pid}.json"), other(pid));
            }
        });
        let seen = registry.list();
        assert!(seen.problems.is_empty(), "at stop {nth}: {:?}", seen.problems);
        let ours = seen.sessions.iter().filter(|s| s.verdict() == Verdict::Dead).count();
        assert_eq!(ours, 1, "at stop {nth}: {seen:?}");
        let theirs = seen.sessions.iter().find(|s| s.verdict() == Verdict::Unknown);
        if let Some(theirs) = theirs {
            assert_eq!(theirs.record.as_json(), other(pid), "at stop {nth}");
        }
        if !reached {
            assert!(nth > 10, "only {nth} stops");
            return;
        }
    }
}

/// An owner whose record is removed between any two steps of its updates has it back with the
/// next; only after the last step of the last it is too late to notice.
#[test]
fn an_owner_has_its_record_back_with_the_next_update() {
    let (mut brought_back, mut too_late) = (0, 0);
    for nth in 0.. {
        let home = Home::with_sessions();
        let registry = Registry::at(home.sessions());
        let record = || {
            let names = home.names().into_iter().filter(|n| n.ends_with(".json"));
            names.map(|name| home.entry(&name)).next()
        };
        let act = || signs_in_and_says_three_things(&registry);
        let mut removed = false;
        let began = Instant::now();
        let reached = paused_at(nth, act, || {
            if let Some(record) = record() {
                fs::remove_file(record).unwrap();
                removed = true;
            }
        });
        // After a second an owner looks at its path, too, and its stops are others.
        let is_slow = began.elapsed() >= Duration::from_secs(1);
        let seen = registry.list();
        assert!(seen.problems.is_empty(), "at stop {nth}: {:?}", seen.problems);
        assert!(home.names().iter().all(|n| !n.ends_with(".tmp")), "at stop {nth}");
        match seen.sessions.first() {
            Some(session) => {
                assert_eq!(session.record.name().as_deref(), Some("thrice"), "at stop {nth}");
                assert!(too_late == 0 || is_slow, "at stop {nth} it was back, before that not");
                brought_back += usize::from(removed);
            }
            None => {
                assert!(removed, "at stop {nth}");
                too_late += 1;
            }
        }
        if !reached {
            assert!(brought_back > too_late, "{brought_back} and {too_late}");
            return;
        }
    }
}

/// A sweep removes the lock file of a session that is gone while the next one of that pid takes
/// it: the lock that it then holds is the one that others look at.
#[test]
fn a_lock_that_is_swept_while_it_is_taken_is_taken_anew() {
    use std::os::unix::fs::MetadataExt;
    let mut swept = 0;
    for nth in 0.. {
        let home = Home::with_sessions();
        let registry = Registry::at(home.sessions());
        let act = || {
            let lock = format!(".{}.lock", std::process::id());
            home.put(&lock, "");
            home.age(&lock, std::time::Duration::from_secs(2 * 3600));
            let me = signed_in(&registry);
            let file = fs::File::open(home.entry(&lock));
            let Ok(file) = file else { return 1 };
            let stands = file.metadata().unwrap().ino();
            let named = me.record().number(callboard::Key::LockIno);
            std::mem::forget(me);
            i32::from(named != Some(stands) || file.try_lock().is_ok())
        };
        let reached = paused_at(nth, act, || {
            let report = registry.sweep(&registry.plan_sweep().unwrap()).unwrap();
            swept += usize::from(
                report.done.iter().any(|item| item.path.extension().is_some_and(|e| e == "lock")),
            );
        });
        if !reached {
            assert!(swept > 3, "only {swept} of {nth}");
            return;
        }
    }
}
