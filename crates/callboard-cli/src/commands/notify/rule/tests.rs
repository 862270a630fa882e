//! Stories of one session: what happens when, and what is told when.

use super::Doing::{Dead, Rests, Silent, Waits, Works};
use super::*;

const SECOND: Ms = 1000;

fn wishes() -> Wishes {
    let (idle_after, settle) = (Duration::from_secs(30), Duration::from_secs(1));
    Wishes { on: Edge::ALL.to_vec(), idle_after, settle }
}

/// One thing that happens, at a second and a fraction.
#[derive(Clone, Copy, Debug)]
enum Happens {
    Is(Doing),
    SignsOut,
    /// Somebody types into it.
    Key,
}

use Happens::{Is, Key, SignsOut};

/// Plays a story; what was told, and at which ms.
fn play(first: Option<Doing>, story: &[(f64, Happens)], wishes: Wishes) -> Vec<(Ms, Edge)> {
    let mut rule = Rule::new(wishes);
    if let Some(doing) = first {
        rule.begin("it", doing, 0);
    }
    let ms = |seconds: f64| (seconds * 1000.0).round() as Ms;
    let end = [(3600.0, SignsOut)];
    let (mut told, mut typed, mut last, mut rings) = (Vec::new(), None, 0, 0);
    for (seconds, happens) in story.iter().chain(&end) {
        // The clock rings when the rule says so, and never else.
        while let Some(due) = rule.due().filter(|due| *due <= ms(*seconds)) {
            let now = due.max(last);
            let eyes = |_: &&str, at| look(at, now, typed, Duration::from_secs(30));
            told.extend(rule.told_by(now, eyes).into_iter().map(|telling| (now, telling.edge)));
            rings += 1;
            assert!(rule.due() != Some(due) && rings <= 10, "it would ring for ever");
        }
        last = ms(*seconds);
        match happens {
            Is(doing) => rule.see("it", *doing, ms(*seconds)),
            SignsOut => rule.forget(&"it"),
            Key => typed = Some(ms(*seconds)),
        }
    }
    assert_eq!(rule.due(), None, "at the end nothing is left to wait for");
    told
}

#[test]
fn stories_by_case() {
    use Edge::{Died, Idle, Waiting};
    type Story<'s> = (&'s str, Option<Doing>, &'s [(f64, Happens)], &'s [(Ms, Edge)]);
    let stories: &[Story<'_>] = &[
        ("it asks", Some(Works), &[(5.0, Is(Waits))], &[(6000, Waiting)]),
        ("it was asking before", Some(Waits), &[(5.0, Is(Waits))], &[]),
        ("it asks as soon as it is there", None, &[(5.0, Is(Waits))], &[(6000, Waiting)]),
        (
            "it says the same again",
            Some(Works),
            &[(5.0, Is(Waits)), (5.9, Is(Waits))],
            &[(6000, Waiting)],
        ),
        ("a rule answers at once", Some(Works), &[(5.0, Is(Waits)), (5.9, Is(Works))], &[]),
        (
            "a wait with a gap is one",
            Some(Works),
            &[(5.0, Is(Waits)), (20.0, Is(Works)), (20.9, Is(Waits))],
            &[(6000, Waiting)],
        ),
        (
            "a wait that begins with flapping is told when it stays",
            Some(Works),
            &[
                (5.0, Is(Waits)),
                (5.5, Is(Works)),
                (6.0, Is(Waits)),
                (6.5, Is(Works)),
                (7.0, Is(Waits)),
            ],
            &[(8000, Waiting)],
        ),
        (
            "flapping that never stays is nothing",
            Some(Works),
            &[(5.0, Is(Waits)), (5.5, Is(Works)), (6.0, Is(Waits)), (6.5, Is(Works))],
            &[],
        ),
        (
            "two questions with work between them are two",
            Some(Works),
            &[(5.0, Is(Waits)), (20.0, Is(Works)), (22.0, Is(Waits))],
            &[(6000, Waiting), (23_000, Waiting)],
        ),
        ("idle after long work", Some(Works), &[(40.0, Is(Rests))], &[(41_000, Idle)]),
        ("idle after short work", Some(Works), &[(20.0, Is(Rests))], &[]),
        ("idle after exactly so long", Some(Works), &[(30.0, Is(Rests))], &[(31_000, Idle)]),
        (
            "idle for a moment",
            Some(Works),
            &[(40.0, Is(Rests)), (40.5, Is(Works)), (60.0, Is(Rests))],
            &[(61_000, Idle)],
        ),
        (
            "each turn counts for itself",
            Some(Works),
            &[(20.0, Is(Rests)), (25.0, Is(Works)), (45.0, Is(Rests))],
            &[],
        ),
        (
            "waiting is no work",
            Some(Works),
            &[(10.0, Is(Waits)), (100.0, Is(Works)), (110.0, Is(Rests))],
            &[(11_000, Waiting)],
        ),
        (
            "work before and after a question is one turn",
            Some(Works),
            &[(20.0, Is(Waits)), (100.0, Is(Works)), (115.0, Is(Rests))],
            &[(21_000, Waiting), (116_000, Idle)],
        ),
        (
            "a question that is declined",
            Some(Works),
            &[(40.0, Is(Waits)), (50.0, Is(Rests))],
            &[(41_000, Waiting)],
        ),
        ("it died", Some(Works), &[(5.0, Is(Dead))], &[(5000, Died)]),
        (
            "it died while it asked",
            Some(Works),
            &[(5.0, Is(Waits)), (5.1, Is(Dead))],
            &[(5100, Died)],
        ),
        ("it signed out", Some(Works), &[(40.0, SignsOut)], &[]),
        ("it asked and signed out at once", Some(Works), &[(5.0, Is(Waits)), (5.5, SignsOut)], &[]),
        ("it says nothing for a while", Some(Waits), &[(5.0, Is(Silent)), (5.5, Is(Waits))], &[]),
        (
            "who typed shortly before is told later",
            Some(Works),
            &[(4.0, Key), (5.0, Is(Waits))],
            &[(34_000, Waiting)],
        ),
        (
            "who typed shortly before and answers is not told",
            Some(Works),
            &[(4.0, Key), (5.0, Is(Waits)), (9.0, Key), (9.1, Is(Works))],
            &[],
        ),
        (
            "who typed since has seen it",
            Some(Works),
            &[(4.0, Key), (5.0, Is(Waits)), (9.0, Key)],
            &[],
        ),
        (
            "who typed long before",
            Some(Works),
            &[(4.0, Key), (50.0, Is(Waits))],
            &[(51_000, Waiting)],
        ),
        (
            "answered from elsewhere before it was told",
            Some(Works),
            &[(4.0, Key), (5.0, Is(Waits)), (20.0, Is(Works))],
            &[],
        ),
        (
            "held, and changing when it is due",
            Some(Works),
            &[(4.0, Key), (5.0, Is(Waits)), (33.5, Is(Works)), (34.2, Is(Waits))],
            &[(34_200, Waiting)],
        ),
        (
            "it died under somebody's hands",
            Some(Works),
            &[(4.0, Key), (5.0, Is(Dead)), (6.0, Key)],
            &[],
        ),
        (
            "it died and nobody typed there",
            Some(Works),
            &[(4.0, Key), (5.0, Is(Dead))],
            &[(34_000, Died)],
        ),
    ];
    for (name, first, story, expected) in stories {
        assert_eq!(play(*first, story, wishes()), *expected, "{name}");
    }
}

#[test]
fn only_what_was_asked_for() {
    let story = [(40.0, Is(Rests)), (50.0, Is(Waits)), (60.0, Is(Dead))];
    for on in Edge::ALL {
        let told = play(Some(Works), &story, Wishes { on: vec![on], ..wishes() });
        assert_eq!(told.iter().map(|(_, edge)| *edge).collect::<Vec<_>>(), [on]);
    }
}

#[test]
fn without_a_settling_time_everything_is_told_at_once() {
    let at_once = Wishes { settle: Duration::ZERO, ..wishes() };
    let story = [(5.0, Is(Waits)), (5.1, Is(Works)), (5.2, Is(Waits))];
    let told = play(Some(Works), &story, at_once);
    assert_eq!(told, [(5000, Edge::Waiting), (5200, Edge::Waiting)]);
}

#[test]
fn sessions_are_told_of_by_themselves_and_followed_by_another_key() {
    let mut rule = Rule::new(wishes());
    rule.begin("a", Works, 0);
    rule.begin("b", Works, 0);
    rule.see("a", Waits, 5 * SECOND);
    rule.see("b", Rests, 40 * SECOND);
    let all = rule.told_by(41 * SECOND, |_, _| Eyes::Away);
    let told: Vec<_> = all.iter().map(|telling| (telling.key, telling.edge)).collect();
    assert_eq!(told, [("a", Edge::Waiting), ("b", Edge::Idle)]);
    assert_eq!(all[1].worked, Duration::from_secs(40));
    rule.rename(&"b", "c");
    rule.see("c", Rests, 50 * SECOND);
    assert_eq!(rule.due(), None, "it is idle as before");
}

#[test]
fn eyes_by_case() {
    let grace = Duration::from_secs(30);
    for (at, now, typed, grace, eyes) in [
        (100, 100, None, grace, Eyes::Away),
        (100_000, 101_000, Some(99_000), grace, Eyes::Perhaps(129_000)),
        (100_000, 129_000, Some(99_000), grace, Eyes::Away),
        (100_000, 101_000, Some(100_000), grace, Eyes::Perhaps(130_000)),
        (100_000, 101_000, Some(100_001), grace, Eyes::Seen),
        (100_000, 101_000, Some(50_000), grace, Eyes::Away),
        (100_000, 101_000, Some(100_001), Duration::ZERO, Eyes::Away),
    ] {
        assert_eq!(look(at, now, typed, grace), eyes, "{at} {now} {typed:?} {grace:?}");
    }
}
