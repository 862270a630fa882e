//! Somebody looks at the board, and calls fail: nobody who lives is dead for it.

use std::collections::BTreeMap;
use std::fs;
use std::process::Stdio;

use callboard::{Count, Error, Evidence, Registry, Verdict};
use rustix::io::Errno;
use testkit::{Call, Counts, Stage};

use super::scene::{CONTAINERS, Cast, Scene};
use super::{ERRORS, Ending, Findings, Operation, Outcome, fresh};

/// What a pass over the directory says of everybody.
struct Pass {
    registry: Registry,
    /// The verdict on each record, and whether anything could not be read.
    seen: BTreeMap<u32, (Verdict, Evidence)>,
    is_partial: bool,
}

impl Pass {
    fn fresh(scene: &Scene) -> Self {
        let registry = Registry::at(scene.home.sessions());
        Self { registry, seen: BTreeMap::new(), is_partial: false }
    }
}

fn list(_: &Scene, pass: &mut Pass) -> Outcome {
    let seen = pass.registry.list();
    let sessions = seen.sessions.iter();
    pass.seen = sessions.map(|s| (s.record.pid(), (s.verdict(), s.evidence()))).collect();
    pass.is_partial = seen.problems.iter().any(callboard::Problem::hides_a_session);
    Ok(())
}

/// Who runs is alive, or unknown, or behind a problem; who has ended is never alive.
fn nobody_is_lost(scene: &Scene, mut pass: Pass, ending: Ending) {
    let Ending { errno, .. } = ending;
    let containers = CONTAINERS.into_iter();
    let containers = containers
        .filter(|pid| scene.home.entry(&format!("{pid}.json")).exists())
        .collect::<Vec<_>>();
    let all = 5 + containers.len();
    let living = [scene.steady.record().pid(), scene.live()].into_iter().chain(containers);
    let ended = [scene.cast.gone, scene.cast.zombie.id()];
    for (pid, (verdict, evidence)) in &pass.seen {
        let is_ended = ended.contains(pid);
        let wrong = if is_ended { Verdict::Alive } else { Verdict::Dead };
        assert!(*verdict != wrong, "{pid} runs: {}, and is {evidence}", !is_ended);
    }
    for pid in living.chain(ended) {
        // "No such file" may be true at any moment: it has signed out, the home is gone.
        let may_be_missing = pass.is_partial || errno == Errno::NOENT;
        assert!(pass.seen.contains_key(&pid) || may_be_missing, "{pid} is missing");
    }
    if errno == Errno::INTR {
        assert!(!pass.is_partial, "an interrupted call is seen");
        let unknown = pass
            .seen
            .iter()
            .find(|(pid, (verdict, _))| **pid != 4_000_009 && *verdict == Verdict::Unknown);
        assert!(unknown.is_none(), "an interrupted call is seen: {unknown:?}");
    }
    list(scene, &mut pass).unwrap();
    scene.assert_all_seen(&pass.registry);
    assert!(!pass.is_partial && pass.seen.len() == all, "the next listing: {:?}", pass.seen);
}

/// The calls of a reader, but of its look at all processes of the machine only those about the
/// ones that it looks for and about one other.
fn without_the_crowd(cast: &Cast) -> impl Fn() -> Box<Counts<'static>> + use<> {
    let live = cast.live.id().to_string();
    move || {
        let live = live.clone();
        let (mut is_looking, mut strangers, mut is_stranger) = (false, 0, false);
        // Its descriptor is known from the first time that names are read from it.
        let mut crowd = None;
        Box::new(move |call, subject| {
            match call.name {
                "openat" if !is_looking => is_looking = subject() == "/proc",
                "pidfd_open" if is_looking => {
                    is_stranger = subject() != live;
                    strangers += usize::from(is_stranger);
                }
                "getdents64" => {
                    is_stranger = false;
                    crowd = is_looking.then_some(call.arguments[0]);
                }
                "close" if is_looking && is_crowd(call, crowd, subject) => {
                    (is_looking, is_stranger, crowd) = (false, false, None);
                }
                _ => {}
            }
            !is_stranger || strangers < 2
        })
    }
}

/// Whether what is closed is the directory of all processes, of which the descriptor is known once
/// it was read from. To ask for the name of each file that is closed takes its time.
fn is_crowd(call: &Call, known: Option<u64>, subject: &dyn Fn() -> String) -> bool {
    known.map_or_else(|| subject() == "/proc", |crowd| call.arguments[0] == crowd)
}

/// Has a test of this file done by a process in a PID namespace of its own: each of its hundreds of
/// trials looks at all processes there are, every call of it traced, and a machine may have many.
fn among_few(test: &str, hunt: fn()) {
    const THERE: &str = "CALLBOARD_TEST_AMONG_FEW";
    if std::env::var_os(THERE).is_some() {
        return hunt();
    }
    let this = std::env::current_exe().unwrap();
    let mut again = Stage::pid_namespace().command(&this);
    again.args(["--exact", &format!("faults::reader::{test}"), "--nocapture"]).env(THERE, "");
    let done = again.stderr(Stdio::inherit()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    print!("{said}");
    assert!(done.status.success() && said.contains("1 passed"), "{}", done.status);
}

fn everybody(scene: &Scene) {
    scene.put_live();
    scene.put_ended();
    scene.put_containers();
}

#[test]
fn of_a_listing() {
    among_few("of_a_listing", of_a_listing_among_few);
}

fn of_a_listing_among_few() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let plain = Operation {
        name: "list",
        stage: &everybody,
        before: &Pass::fresh,
        act: &list,
        is_reader: true,
        keeps: 0,
        after: &nobody_is_lost,
    };
    findings.hunt_with(&cast, &plain, &ERRORS, None, &without_the_crowd(&cast));
    // One alone, for whom there is one look at the processes of the machine and no second.
    for (pid, name) in CONTAINERS.into_iter().zip(["locked", "never locked", "lock dropped"]) {
        let alone = |scene: &Scene| {
            everybody(scene);
            for other in CONTAINERS.into_iter().filter(|other| *other != pid) {
                fs::remove_file(scene.home.entry(&format!("{other}.json"))).unwrap();
                _ = fs::remove_file(scene.home.entry(&format!(".{other}.lock")));
            }
        };
        // The full set is in the listing of all; here are the two that are told apart.
        let errors = [Errno::MFILE, Errno::NOENT];
        let look = Operation { name: &format!("list, {name}"), stage: &alone, ..plain };
        findings.hunt_with(&cast, &look, &errors, None, &without_the_crowd(&cast));
    }
    findings.judge("listing");
}

#[test]
fn of_a_count() {
    among_few("of_a_count", of_a_count_among_few);
}

fn of_a_count_among_few() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let plain = Operation {
        name: "count",
        stage: &everybody,
        before: &|scene| (Registry::at(scene.home.sessions()), Count::default()),
        act: &|_, (registry, count)| {
            *count = registry.count();
            Ok(())
        },
        is_reader: true,
        keeps: 0,
        after: &|_, (registry, count), Ending { errno, .. }| {
            // Five run, two have ended, and of one nothing is known.
            let mut right = Count::default();
            (right.alive, right.unknown) = (5, 1);
            assert!(count.alive <= right.alive, "{count:?}");
            let sum = count.alive + count.unknown + count.unreadable;
            assert!(sum >= 6 || count.unreadable > 0 || errno == Errno::NOENT, "{count:?}");
            assert!(errno != Errno::INTR || count == right, "an interrupted call: {count:?}");
            assert_eq!(registry.count(), right, "the next");
        },
    };
    let warm = |scene: &Scene| {
        let (registry, _) = fresh(scene);
        _ = registry.here();
        (registry, Count::default())
    };
    let plain = Operation { before: &warm, ..plain };
    findings.hunt_with(&cast, &plain, &ERRORS, None, &without_the_crowd(&cast));
    findings.judge("counting");
}

#[test]
fn of_a_plan() {
    among_few("of_a_plan", of_a_plan_among_few);
}

fn of_a_plan_among_few() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let planned = |registry: &Registry| -> Result<Vec<String>, Error> {
        let items = registry.plan_sweep()?.items;
        let names = items.iter().map(|i| i.path.file_name().unwrap().to_str().unwrap().to_owned());
        Ok(names.collect())
    };
    let plain = Operation {
        name: "plan_sweep",
        stage: &|scene| {
            everybody(scene);
            scene.put_litter();
        },
        before: &|scene| {
            let (registry, _) = fresh(scene);
            _ = registry.here();
            (registry, Vec::new())
        },
        act: &|_, (registry, names)| {
            *names = planned(registry)?;
            Ok(())
        },
        is_reader: true,
        keeps: 0,
        after: &|scene, (registry, names), Ending { errno, .. }| {
            let mut right = scene.planted.borrow().clone();
            right.retain(|name| *name != format!(".{}.lock", scene.cast.gone));
            for name in &names {
                assert!(right.contains(name), "{name} would be swept");
            }
            assert!(errno != Errno::INTR || names.len() == right.len(), "{names:?}");
            assert_eq!(planned(&registry).expect("the next").len(), right.len(), "the next");
        },
    };
    findings.hunt_with(&cast, &plain, &ERRORS, None, &without_the_crowd(&cast));
    findings.judge("planning");
}
