//! A sweep, and calls fail: what lives stays, and the next sweep does the rest.

use std::fs;

use callboard::record::RecordName;
use callboard::{SweepPlan, SweepReport};
use rustix::io::Errno;
use serde_json::{Value, json};

use super::scene::{Cast, Scene};
use super::{Ending, Findings, Operation, Outcome};

/// A plan, and what came of it.
type Swept = (SweepPlan, SweepReport);

fn sweep(scene: &Scene, (plan, report): &mut Swept) -> Outcome {
    *report = scene.registry.sweep(plan)?;
    Ok(())
}

fn planned(scene: &Scene) -> Swept {
    (scene.registry.plan_sweep().unwrap(), SweepReport::default())
}

#[test]
fn of_a_sweep() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let stage = |scene: &Scene| {
        scene.put_ended();
        scene.put_litter();
    };
    let after = |scene: &Scene, (plan, report): Swept, ending: Ending| {
        let told = report.done.len() + report.kept.len() + report.problems.len();
        assert!(told == plan.items.len() || !ending.is_done, "{report:?}");
        assert!(ending.errno != Errno::INTR || report.done.len() == told, "{report:?}");
        let live = scene.reads(scene.live()).is_some() || scene.home.entry(&scene.aside()).exists();
        assert!(live, "the live record is lost");
        // The next does the rest; what was moved aside just now is looked at in ten seconds.
        let (again, _) = planned(scene);
        let report = scene.registry.sweep(&again).expect("the next");
        assert_eq!(report.done.len(), again.items.len(), "the next: {report:?}");
        assert!(scene.reads(scene.live()).is_some(), "the live record is not back");
    };
    let plain = Operation {
        name: "sweep",
        stage: &stage,
        before: &planned,
        act: &sweep,
        is_reader: false,
        keeps: 0,
        after: &after,
    };
    findings.hunt(&cast, &plain);
    // Between plan and sweep the process of that pid signed in, in a file with the same number.
    let late = |scene: &Scene| {
        let swept = planned(scene);
        fs::write(scene.home.entry(&format!("{}.json", scene.live())), &scene.cast.live_text)
            .unwrap();
        swept
    };
    let stale = |scene: &Scene| {
        let mut record: Value = serde_json::from_str(&scene.cast.gone_text).unwrap();
        record["pid"] = json!(scene.live());
        scene.home.put(&format!("{}.json", scene.live()), record.to_string());
    };
    let kept = |scene: &Scene, (plan, report): Swept, _: Ending| {
        assert_eq!((plan.items.len(), report.done.len()), (1, 0), "{report:?}");
        let text = scene.reads(scene.live()).expect("the live record is lost");
        assert_eq!(text.name().as_deref(), Some("live"));
    };
    let name = "sweep by an old plan";
    findings.hunt(&cast, &Operation { name, stage: &stale, before: &late, after: &kept, ..plain });
    findings.judge("sweeping");
}

#[test]
fn of_sweeping_one_process() {
    let cast = Cast::new();
    let mut findings = Findings::default();
    let act = |scene: &Scene, removed: &mut usize| {
        *removed = scene.registry.sweep_process(scene.cast.gone)?;
        Ok(())
    };
    let plain = Operation {
        name: "sweep_process",
        stage: &|scene| {
            scene.put_ended();
            scene.plant(&format!("{}-0123abcd.json", scene.cast.gone), &scene.cast.gone_text, 0);
        },
        before: &|scene| {
            _ = scene.registry.here();
            0
        },
        act: &act,
        is_reader: false,
        keeps: 0,
        after: &|scene, mut removed, ending| {
            let left = || {
                let names = scene.home.names().into_iter();
                let pid = |name: &String| Some(RecordName::parse(name.as_bytes())?.pid);
                names.filter(|name| pid(name) == Some(scene.cast.gone)).count()
            };
            // "No such file" from `unlink` is a lie: what stays is swept, and counted, once more.
            let is_lie = ending.errno == Errno::NOENT;
            assert!(removed + left() <= 2 || is_lie, "{removed} and {}", left());
            assert!(ending.errno != Errno::INTR || removed == 2, "{removed}");
            act(scene, &mut removed).expect("the next");
            assert_eq!(left(), 0, "the next");
        },
    };
    findings.hunt(&cast, &plain);
    for never in [Errno::INVAL, Errno::NOSYS] {
        let errors = [Errno::IO, Errno::INTR, Errno::NOENT];
        findings.hunt_with(&cast, &plain, &errors, Some(never), &|| Box::new(|_, _| true));
    }
    findings.judge("sweeping one process");
}
