//! What keys, clicks and pastes do, and what stays when sessions come and go.

use super::*;

#[test]
fn a_key_selects_by_case() {
    // In the order of attention: 48211 48102 39977 48733 47110 9120 811 12.
    for (typed, pid) in [
        ("", 48211),
        ("j", 48102),
        ("↓↓", 39977),
        ("jjk", 48102),
        ("kk", 48211),
        ("G", 12),
        ("⇲g", 48211),
        ("⇲⇱", 48211),
        ("⇟", 9120), // six rows on nine lines: one line stays in sight
        ("⇟⇟⇟", 12),
        ("G⇞", 39977),
        ("Gw", 48211),
        ("w", 48211),
        ("/api⏎", 48102), // its directory
        ("/devbox⏎", 12),
        ("/claude⏎n", 48102),
        ("/claude⏎nnnn", 12),
        ("/claude⏎nnnnn", 48211),
        ("/claude⏎N", 12),
        ("/9120⏎", 9120),
        ("/permission⏎", 48211),
        ("j/nowhere⏎", 48102), // not where its first letter led
        ("j/devbox⎋", 48102),
    ] {
        let mut model = of((80, 9), board());
        assert_eq!(keys(&mut model, typed), [], "{typed}");
        assert_eq!(selected(&model), pid, "{typed}");
        let seen: Vec<u32> = model.in_sight().map(|entry| entry.row.pid).collect();
        assert!(seen.contains(&pid), "{typed}: {seen:?}");
        assert_eq!(seen.len(), 6, "{typed}");
    }
}

#[test]
fn a_key_asks_for_something_by_case() {
    let mut model = with_a_hosted_one((80, 24));
    let id = |model: &Model| model.selected().unwrap().id.clone();
    let first = id(&model);
    let cases: &[(&str, Vec<Effect>, &str)] = &[
        ("q", vec![Effect::Quit], ""),
        ("t", vec![Effect::Go(first.clone())], ""),
        (
            "a",
            vec![],
            "`billing` has a terminal of its own, and no host in the background; t goes there",
        ),
        ("x", vec![], "`billing` has a terminal of its own: end it there; t goes there"),
        ("rx⏎", vec![Effect::Rename(first.clone(), "billingx".to_owned())], ""),
        ("rx⎋", vec![], ""),
        ("n", vec![], "look for what? / asks"),
        ("/gibberish⏎", vec![], "`gibberish` is nowhere"),
        ("fstatus:none⏎w", vec![], "nobody waits"),
        ("⎋", vec![], ""),
        ("fgibberish⏎a", vec![], "nobody is selected"),
        ("⎋", vec![], ""),
        ("?q", vec![], ""), // any key leaves the help
    ];
    for (typed, effects, message) in cases {
        model.select(0);
        assert_eq!(keys(&mut model, typed), *effects, "{typed}");
        let told = model.message.take().map(|message| message.text);
        assert_eq!(told.unwrap_or_default(), *message, "{typed}");
        assert_eq!(model.mode, Mode::Table, "{typed}");
    }
    keys(&mut model, "⎋gjj");
    let hosted = id(&model);
    let cases: &[(&str, Vec<Effect>)] = &[
        ("a", vec![Effect::Attach(hosted.clone())]),
        ("t", vec![]), // there is no terminal to go to
        ("xy", vec![Effect::Stop(hosted.clone())]),
        ("xY", vec![Effect::Stop(hosted)]),
        ("xn", vec![]),
        ("x⏎", vec![]),
        ("x⎋", vec![]),
    ];
    for (typed, effects) in cases {
        assert_eq!(keys(&mut model, typed), *effects, "{typed}");
        assert_eq!(model.mode, Mode::Table, "{typed}");
    }
}

#[test]
fn control_keys_mean_the_same_everywhere() {
    for before in ["", "?", "f", "jjx", "⏎"] {
        for (c, effect) in [('c', Effect::Quit), ('z', Effect::Suspend), ('l', Effect::Repaint)] {
            let mut model = with_a_hosted_one((80, 24));
            keys(&mut model, before);
            assert_eq!(model.update(Input::Key(Key::Ctrl(c))), Some(effect), "{before} {c}");
        }
    }
}

#[test]
fn filters_are_those_of_ps_and_seen_while_they_are_typed() {
    let mut model = of((80, 24), board());
    let pids = |model: &Model| model.shown().map(|entry| entry.row.pid).collect::<Vec<_>>();
    for (typed, shown) in [
        ("fstatus:busy", &[48102, 39977][..]),
        (" tool:qwen", &[39977]),
        ("⎋", &[48211, 48102, 39977, 48733, 47110, 9120, 811, 12]),
        ("fbill⏎", &[48211]),
        ("f⌫⌫⌫⌫kind:bg⎋", &[48211]), // what was before comes back
        ("⎋", &[48211, 48102, 39977, 48733, 47110, 9120, 811, 12]),
        ("fdir:~/src⏎", &[48211, 48102]),
    ] {
        assert_eq!(keys(&mut model, typed), []);
        assert_eq!(pids(&model), shown, "{typed}");
    }
    // Those of the command line hold whatever is typed.
    let always = Filter { tool: vec!["claude".into()], ..Filter::default() };
    let mut model = Model::new((80, 24), always, Sort::default(), None);
    model.take_in(board().into_iter(), NOW);
    keys(&mut model, "fstatus:busy,idle⏎");
    assert_eq!(pids(&model), [48102]);
}

#[test]
fn what_is_pasted_is_typed_or_nothing() {
    let mut model = of((80, 24), board());
    assert_eq!(model.update(Input::Paste("q".into())), None);
    keys(&mut model, "x");
    keys(&mut model, "f");
    model.update(Input::Paste("bill\n".into()));
    assert_eq!((&*model.filter, model.shown.len()), ("bill", 1));
    let mut model = with_a_hosted_one((80, 24));
    keys(&mut model, "jjx");
    assert_eq!(model.update(Input::Paste("y".into())), None, "a question is answered by a key");
    assert!(matches!(model.mode, Mode::Stopping(_)));
}

#[test]
fn sorts_by_keys_and_clicks() {
    let mut model = of((80, 24), board());
    keys(&mut model, "s");
    assert_eq!((model.sort.by, model.sort.reversed), (SortBy::Name, false));
    keys(&mut model, "S");
    assert!(model.sort.reversed);
    let click = |model: &mut Model, x, y| assert_eq!(model.update(Input::Click { x, y }), None);
    // Line 1 has the headings, after the gutter.
    for (x, by, reversed) in [
        (2, SortBy::Name, false),
        (2, SortBy::Name, true),
        (20, SortBy::Status, false),
        (79, SortBy::Pid, false),
    ] {
        click(&mut model, x, 1);
        assert_eq!((model.sort.by, model.sort.reversed), (by, reversed), "{x}");
    }
    click(&mut model, 10, 3);
    assert_eq!(selected(&model), 811, "the second row by pid");
    for y in [0, 20, 23, 200] {
        click(&mut model, 10, y);
        assert_eq!(selected(&model), 811, "nothing is there");
    }
    keys(&mut model, "f");
    click(&mut model, 10, 2);
    assert_eq!(selected(&model), 811, "a line is being typed");
}

#[test]
fn the_wheel_scrolls_and_the_selection_stays_in_sight() {
    let mut model = of((80, 8), board());
    for (down, offset, pid) in
        [(true, 3, 48733), (true, 3, 48733), (false, 0, 48733), (false, 0, 48733)]
    {
        assert_eq!(model.update(Input::Wheel { down }), None);
        assert_eq!((model.offset, selected(&model)), (offset, pid));
    }
}

#[test]
fn the_selection_follows_its_session() {
    let mut model = of((80, 24), board());
    keys(&mut model, "jj");
    assert_eq!(selected(&model), 39977);
    let mut rows = board();
    rows.retain(|row| row.pid != 48211);
    model.take_in(rows.clone().into_iter(), NOW);
    assert_eq!((selected(&model), model.selected_place()), (39977, Some(1)));
    // It is gone: the one that stands there now.
    rows.retain(|row| row.pid != 39977);
    model.take_in(rows.into_iter(), NOW);
    assert_eq!((selected(&model), model.selected_place()), (48733, Some(1)));
    model.take_in(std::iter::empty(), NOW);
    assert_eq!(selected(&model), 0);
    model.take_in(board().into_iter(), NOW);
    assert_eq!(selected(&model), 48211);
}

#[test]
fn two_sessions_of_one_process_are_two() {
    let two = || {
        let of = |id: &str| row(&format!(r#"{{"pid":7,"name":"{id}","sessionId":"{id}"}}"#));
        vec![of("a"), of("b")]
    };
    let mut model = of((80, 24), two());
    keys(&mut model, "j");
    model.take_in(two().into_iter(), NOW);
    assert_eq!(model.selected().unwrap().row.name.as_deref(), Some("b"));
}

#[test]
fn the_next_change_by_itself() {
    let at = |since: u64| {
        of(
            (80, 24),
            vec![row(&format!(r#"{{"pid":7,"status":"busy","statusUpdatedAt":{since}}}"#))],
        )
    };
    // Seconds and the first minute with the clock's seconds; what is older, with its quarters of
    // a minute.
    let whole = NOW - NOW % 15_000;
    for (ago, ms) in
        [(0, 1_000), (1_400, 1_000), (59_999, 1_000), (61_000, 60_000), (90_000, 30_000)]
    {
        assert_eq!(at(whole - ago).changes_in(whole), Some(ms), "{ago}");
    }
    assert_eq!(at(whole - 60_001).changes_in(whole), Some(60_000), "a little late");
    assert_eq!(at(whole - 1_400).changes_in(whole + 300), Some(700));
    assert_eq!(at(whole - 3_600_000).changes_in(whole), Some(3_600_000));
    let silent = of((80, 24), vec![row(r#"{"pid":7}"#)]);
    assert_eq!(silent.changes_in(NOW), None, "nothing on it has an age");
    // Nor is anybody woken for what cannot be seen.
    let mut model = of(
        (80, 3),
        vec![
            row(&format!(r#"{{"pid":7,"status":"waiting","statusUpdatedAt":{}}}"#, NOW - 61_000)),
            row(&format!(r#"{{"pid":8,"status":"busy","statusUpdatedAt":{NOW}}}"#)),
        ],
    );
    let calm = model.changes_in(NOW).unwrap();
    assert!((59_000..74_000).contains(&calm), "{calm}");
    // Who calls is drawn anew when that is over.
    model.entries[0].calls_until = Some(NOW + 10);
    let second = 1_000 - NOW % 1_000;
    assert_eq!(model.changes_in(NOW), Some(second));
}
