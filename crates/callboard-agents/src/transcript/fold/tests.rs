use super::*;
use crate::transcript::Tokens;

/// How a conversation of these lines ends, the oldest first.
pub(in super::super) fn ending(
    moment: impl Fn(&[u8]) -> Option<Moment>,
    lines: &[&str],
) -> Option<Tail> {
    let mut fold = Fold::new(Depth::Status, Sparkline::new(0, 1));
    lines.iter().rev().filter_map(|line| moment(line.as_bytes())).for_each(|m| fold.take(&m));
    fold.finish(true).tail
}

/// The state and what is waited for.
pub(in super::super) fn state(tail: Option<&Tail>) -> Option<(TailState, Option<&str>)> {
    tail.map(|tail| (tail.state, tail.waiting_for.as_deref()))
}

fn call(id: &str) -> What {
    What::Call { id: Id::of(id), asks: None }
}

fn question(id: &str) -> What {
    What::Call { id: Id::of(id), asks: Some("input needed") }
}

fn result(id: &str) -> What {
    What::Result { id: Id::of(id) }
}

/// Moments of 1, 2, 3 ms, the oldest first.
fn fold(what: &[What]) -> Fold {
    let mut fold = Fold::new(Depth::Status, Sparkline::new(0, 1));
    for (before, what) in what.iter().enumerate().rev() {
        fold.take(&Moment::new(Some(before as u64 + 1), [*what]));
    }
    fold
}

#[test]
fn the_newest_line_that_tells_decides() {
    use TailState::{Busy, Idle, OpenCall, Waiting};
    let permission = What::Asked { id: Id::of("p"), asks: "permission prompt" };
    let answered = What::Answered { id: Id::of("p") };
    // (name, what happened, state, at, moved at)
    let cases: [(&str, &[What], TailState, u64, Option<u64>); 22] = [
        ("a prompt", &[What::Over, What::Prompt], Busy, 2, Some(2)),
        ("an answer", &[What::Prompt, What::Answer], Idle, 2, Some(2)),
        ("output that goes on", &[What::Prompt, What::Output], Busy, 2, Some(2)),
        ("a note of the end", &[What::Answer, What::Over], Idle, 2, Some(2)),
        ("a note of the beginning", &[What::Over, What::Going], Busy, 2, Some(2)),
        ("a call", &[What::Prompt, call("a")], OpenCall, 2, Some(1)),
        ("a call, and nothing before", &[call("a")], OpenCall, 1, None),
        ("two calls at once", &[What::Prompt, call("a"), call("b")], OpenCall, 3, Some(1)),
        ("a result", &[What::Prompt, call("a"), result("a")], Busy, 3, Some(3)),
        ("one of two has its result", &[call("a"), call("b"), result("b")], OpenCall, 3, Some(3)),
        ("both", &[call("a"), call("b"), result("b"), result("a")], Busy, 4, Some(4)),
        ("a result, then another call", &[call("a"), result("a"), call("b")], OpenCall, 3, Some(2)),
        (
            "an open call of an older round",
            &[call("x"), result("y"), call("a"), result("a")],
            Busy,
            4,
            Some(4),
        ),
        ("a question", &[What::Output, question("q")], Waiting, 2, Some(1)),
        ("its answer", &[question("q"), result("q")], Busy, 2, Some(2)),
        (
            "a question beside a call",
            &[What::Output, question("q"), call("a")],
            Waiting,
            3,
            Some(1),
        ),
        (
            "a question, and the call beside it is done",
            &[question("q"), call("a"), result("a")],
            Waiting,
            3,
            Some(3),
        ),
        ("a permission is asked for", &[What::Output, call("a"), permission], Waiting, 3, Some(1)),
        ("it is given", &[What::Output, call("a"), permission, answered], OpenCall, 4, Some(4)),
        ("and the call has run", &[call("a"), permission, answered, result("a")], Busy, 4, Some(4)),
        ("a command of its own after the end", &[What::Over, What::Aside], Idle, 1, Some(1)),
        ("a sub-agent after the end", &[What::Over, What::Beside], Idle, 1, Some(1)),
    ];
    for (name, what, state, at, moved_at) in cases {
        let tail = fold(what).finish(false).tail;
        let asks = matches!(state, Waiting).then(|| {
            if what.contains(&permission) { "permission prompt" } else { "input needed" }.into()
        });
        let expected = Tail { state, at: Some(at), moved_at, waiting_for: asks };
        assert_eq!(tail, Some(expected), "{name}");
    }
}

#[test]
fn a_conversation_of_asides_is_idle_if_that_is_all_of_it() {
    let (old, new) = (What::Aside, What::Aside);
    let idle = Tail { state: TailState::Idle, at: Some(2), moved_at: Some(2), waiting_for: None };
    assert_eq!(fold(&[old, new]).finish(true).tail, Some(idle));
    assert_eq!(fold(&[old, new]).finish(false).tail, None, "the prompt may be further up");
    assert_eq!(fold(&[]).finish(true).tail, None);
    assert_eq!(fold(&[What::Beside]).finish(true).tail, None);
}

#[test]
fn it_stops_as_soon_as_state_and_times_are_known() {
    // (what happened, whether older lines change nothing)
    let cases: [(&[What], bool); 7] = [
        (&[What::Prompt], true),
        (&[What::Over], true),
        (&[call("a")], false),
        (&[What::Output, call("a")], true),
        (&[result("a")], false),
        (&[call("a"), result("a")], false),
        (&[result("x"), call("a"), result("a")], true),
    ];
    for (what, settled) in cases {
        assert_eq!(fold(what).is_complete(), settled, "{what:?}");
    }
}

#[test]
fn what_moved_it_is_never_later_than_what_tells() {
    // The clock was set back between the two lines.
    let mut fold = Fold::new(Depth::Status, Sparkline::new(0, 1));
    fold.take(&Moment::new(Some(10), [call("a")]));
    fold.take(&Moment::new(Some(20), [What::Output]));
    let tail = fold.finish(false).tail.unwrap();
    assert_eq!((tail.at, tail.moved_at), (Some(10), Some(10)));
}

#[test]
fn events_are_counted_by_their_time_and_the_newest_facts_are_kept() {
    let sparkline = Sparkline::new(9_000, 100);
    let mut fold = Fold::new(Depth::Activity, sparkline);
    let tokens = |context| Some(Tokens { context, output: 1 });
    let moment = |at, what: What, tool: Option<&str>, model: &str, context| Moment {
        tool: tool.map(Into::into),
        model: Some(model.into()),
        tokens: tokens(context),
        ..Moment::new(Some(at), [what])
    };
    fold.take(&moment(9_000, What::Answer, None, "new", 9));
    fold.take(&moment(8_999, What::Going, None, "new", 9));
    fold.take(&moment(8_950, call("a"), Some("Bash"), "new", 8));
    fold.take(&moment(8_850, What::Beside, Some("Read"), "old", 7));
    assert!(!fold.is_complete(), "older lines may be of the sparkline's time");
    fold.take(&Moment::new(Some(sparkline.since() - 1), [What::Prompt]));
    assert!(fold.is_complete());
    let recent = fold.finish(false).recent.unwrap();
    let counted: Vec<_> = recent.sparkline.counts.iter().rev().take(3).copied().collect();
    assert_eq!(counted, [2, 1, 0]);
    assert_eq!(recent.last_tool.as_deref(), Some("Bash"));
    assert_eq!(recent.model.as_deref(), Some("new"));
    assert_eq!(recent.tokens, tokens(9));
    assert_eq!(recent.last_event_at, Some(9_000));
    assert_eq!(recent.known_since, None, "all of the sparkline's time was read");
}

#[test]
fn a_name_of_any_length_is_kept_short() {
    let mut fold = Fold::new(Depth::Activity, Sparkline::new(9_000, 100));
    fold.take(&Moment { tool: Some("ä".repeat(100_000).into()), ..Moment::default() });
    let name = fold.finish(true).recent.unwrap().last_tool.unwrap();
    assert_eq!(name.chars().count(), 128);
}

#[test]
fn a_sparkline_that_was_not_read_to_its_beginning_says_so() {
    let fold = || {
        let mut fold = Fold::new(Depth::Activity, Sparkline::new(9_000, 100));
        fold.take(&Moment::new(Some(9_000), [What::Answer]));
        fold.take(&Moment::new(Some(8_700), [What::Prompt]));
        fold
    };
    assert_eq!(fold().finish(false).recent.unwrap().known_since, Some(8_700));
    assert_eq!(fold().finish(true).recent.unwrap().known_since, None);
}
