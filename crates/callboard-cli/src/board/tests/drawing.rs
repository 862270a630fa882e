//! What is on the screen: at several widths, with colours and without.

use super::*;

#[test]
fn what_begins_to_wait_moves_to_the_top_and_calls_for_a_while() {
    let waits = |status: &str, since: u64| {
        row(&format!(
            r#"{{"pid":7,"name":"api","tool":"claude","status":"{status}","statusUpdatedAt":{since},"cwd":"/src/api"}}"#
        ))
    };
    let other =
        || row(&format!(r#"{{"pid":8,"name":"web","status":"busy","statusUpdatedAt":{NOW}}}"#));
    let mut model = of((60, 7), vec![other(), waits("busy", NOW - 9_000)]);
    assert_eq!(model.shown().map(|entry| entry.row.pid).collect::<Vec<_>>(), [8, 7]);
    model.take_in(vec![other(), waits("waiting", NOW)].into_iter(), NOW);
    insta::assert_snapshot!(screen(&model, NOW), @r"
    1 waiting · 1 busy                            by attention ▲
      NAME  STATUS     AGE  TOOL    DIRECTORY  PID  SESSION
     !api   ◆ waiting   0s  claude  /src/api     7  -
    > web   ● busy      0s  -       -            8  -


    q quit  ? keys  enter details  a attach  t terminal  x stop
    ");
    let sign = |model: &Model, now| {
        let terminal = terminal(model, now, false);
        let cell = &terminal.backend().buffer()[(8, 2)];
        (cell.symbol().to_owned(), cell.modifier)
    };
    let (reversed, bold) = (Modifier::REVERSED | Modifier::BOLD, Modifier::BOLD);
    assert_eq!(sign(&model, NOW), ("◆".to_owned(), reversed), "seen without a colour");
    assert_eq!(sign(&model, NOW + CALLS_FOR), ("◆".to_owned(), bold));
    assert!(!screen(&model, NOW + CALLS_FOR).contains('!'));
    // It goes on to wait: it has called already.
    model.take_in(vec![other(), waits("waiting", NOW)].into_iter(), NOW + CALLS_FOR);
    assert!(!screen(&model, NOW + CALLS_FOR).contains('!'));
    // One that waits already when it comes calls, too.
    let third = row(r#"{"pid":9,"name":"new","status":"waiting"}"#);
    model.take_in(vec![other(), waits("waiting", NOW), third].into_iter(), NOW + CALLS_FOR);
    assert!(screen(&model, NOW + CALLS_FOR).contains("!new"));
    // It was answered while it called.
    model.take_in(vec![other(), waits("busy", NOW)].into_iter(), NOW + 1);
    assert!(!screen(&model, NOW + 1).contains('!'));
}

#[test]
fn nobody_calls_when_the_board_is_opened() {
    assert!(!screen(&of((80, 24), board()), NOW).contains('!'));
}

#[test]
fn eighty_columns() {
    let mut model = with_a_hosted_one((80, 14));
    model.entries.iter_mut().find(|entry| entry.row.pid == 48211).unwrap().row.recent =
        Some(Box::new(recent(&[(11, 3), (2, 30), (0, 12)])));
    model.arrange();
    keys(&mut model, "j");
    insta::assert_snapshot!(screen(&model, NOW), @r"
    1 waiting · 2 busy · 1 compacting · 1 shell · 1 idle · 1 without a status · 1 u…
      NAME            STATUS                     AGE  TOOL     DIRECTORY         PID
      billing         ◆ waiting permission pro…   3s  claude   ~/src/billing   48211
    > fix the flaky…  ● busy                     12m  claude   …/api-gateway   48102
      nightly-migra…  ● busy                      4h  qwen bg  …/migrations    39977
      日本語のセッ…   • compacting               41s  claude   …/プロジェクト  48733
      🚀 deploy       ◐ shell                     4m  claude   ~/infra         47110
      notes           ○ idle                      3d  python3  ~/notes          9120
      make            · -                             make     ~                 811
      devbox          ? waiting                   2d  claude   /workspace         12



    q quit  ? keys  enter details  a attach  t terminal  x stop  r rename
    ");
}

#[test]
fn a_hundred_and_sixty_columns_with_a_problem_and_a_filter() {
    let mut model = with_a_hosted_one((160, 10));
    let entry = model.entries.iter_mut().find(|entry| entry.row.pid == 48211).unwrap();
    entry.row.recent = Some(Box::new(recent(&[(11, 3), (2, 30), (0, 12)])));
    model.problems.insert("/h/sessions/9.json".into(), ("torn: ends early".to_owned(), 1));
    model.problems.insert("/h/sessions/a\u{1b}.json".into(), ("unexpected".to_owned(), 0));
    keys(&mut model, "fstatus:waiting,busy⏎sss");
    insta::assert_snapshot!(screen(&model, NOW), @r"
    1 waiting · 2 busy · 1 unknown · 1 unreadable  (4 of 8 shown)                                                               filter status:waiting,busy  by age ▲
      NAME                                    STATUS                       AGE  ACTIVITY      TOOL     HOST     DIRECTORY                              PID  SESSION
    > billing                                 ◆ waiting permission prompt   3s  ▁        █ ▃  claude            ~/src/billing                        48211  52fb8bf5
      fix the flaky tests                     ● busy                       12m                claude            ~/src/platform/services/api-gateway  48102  7c1d90aa
      nightly-migration-of-every-customer-d…  ● busy                        4h                qwen bg  builtin  /srv/migrations                      39977  b0a7c2d4
      devbox                                  ? waiting                     2d                claude            /workspace                              12  0a0b0c0d


    ! /h/sessions/9.json: torn: ends early (and 1 more: callboard ps)
    q quit  ? keys  enter details  a attach  t terminal  x stop  r rename  w next waiting  f filter  / search  s sort
    ");
}

#[test]
fn forty_and_twenty_columns() {
    insta::assert_snapshot!(screen(&of((40, 8), board()), NOW), @r"
    1 waiting · 2 busy · 1 compacting · 1 s…
      NAME       STATUS      AGE  DIRECTORY
    > billing    ◆ waiting    3s  …/billing
      fix the…   ● busy      12m  …i-gateway
      nightly-…  ● busy       4h  …igrations
      日本語の…  • compact…  41s  …ジェクト
      🚀 deploy  ◐ shell      4m  ~/infra
    q quit  ? keys  enter details  a attach
    ");
    insta::assert_snapshot!(screen(&of((20, 5), board()), NOW), @r"
    1 waiting · 2 busy…
     NAME      STATUS
    >billing   ◆ waiting
     fix the…  ● busy
    q quit  ? keys
    ");
}

#[test]
fn details_and_the_log_of_a_background_session() {
    let mut model = with_a_hosted_one((80, 24));
    keys(&mut model, "jj⏎");
    model.log = ["line 1", "line \u{1b}[31m2", "line 3"].map(str::to_owned).to_vec();
    insta::assert_snapshot!(screen(&model, NOW), @r"
    1 waiting · 2 busy · 1 compacting · 1 shell · 1 idle · 1 without a status · 1 u…
      NAME            STATUS                     AGE  TOOL     DIRECTORY         PID
      billing         ◆ waiting permission pro…   3s  claude   ~/src/billing   48211
      fix the flaky…  ● busy                     12m  claude   …/api-gateway   48102
    > nightly-migra…  ● busy                      4h  qwen bg  …/migrations    39977
      日本語のセッ…   • compacting               41s  claude   …/プロジェクト  48733
      🚀 deploy       ◐ shell                     4m  claude   ~/infra         47110
      notes           ○ idle                      3d  python3  ~/notes          9120
      make            · -                             make     ~                 811
      devbox          ? waiting                   2d  claude   /workspace         12

    ── nightly-migration-of-every-customer-database ────────────────────────────────
      status       busy
      since        at 25170 (4h ago)
      directory    /srv/migrations
      tool         qwen
      kind         bg
    ── log ─────────────────────────────────────────────────────────────────────────
    line 1
    line \u{1b}[31m2
    line 3


    q quit  ? keys  enter details  a attach  t terminal  x stop  r rename
    ");
    model.size = (130, 16);
    insta::assert_snapshot!(screen(&model, NOW), @r"
    1 waiting · 2 busy · 1 compacting · 1 shell · 1 idle · 1 without a status · 1 unknown                               by attention ▲
      NAME                         STATUS                       AGE  TOOL     HOST     DIRECTORY                         PID  SESSION
      billing                      ◆ waiting permission prompt   3s  claude            ~/src/billing                   48211  52fb8bf5
      fix the flaky tests          ● busy                       12m  claude            …/services/api-gateway          48102  7c1d90aa
    > nightly-migration-of-every…  ● busy                        4h  qwen bg  builtin  /srv/migrations                 39977  b0a7c2d4
      日本語のセッション           • compacting                 41s  claude            ~/日本語/プロジェクト           48733  c41f
      🚀 deploy                    ◐ shell                       4m  claude            ~/infra                         47110  d00d
      notes                        ○ idle                        3d  python3           ~/notes                          9120  e1e1e1e1
    ── nightly-migration-of-every-customer-database ──────────────────────────────────────────────────────────────────────────────────
      status       busy                                              line 1
      since        at 25170 (4h ago)                                 line \u{1b}[31m2
      directory    /srv/migrations                                   line 3
      tool         qwen
      kind         bg
      session id   b0a7c2d4-1
    q quit  ? keys  enter details  a attach  t terminal  x stop  r rename  w next waiting  f filter  / search  s sort
    ");
}

#[test]
fn details_take_the_place_of_the_table_where_there_is_little_room() {
    let mut model = of((60, 9), board());
    keys(&mut model, "⏎JJJk");
    assert_eq!(model.facts_above, 3, "it is the same session");
    keys(&mut model, "jk");
    assert_eq!(model.facts_above, 0, "those of another one are read from the top");
    keys(&mut model, "JJ");
    insta::assert_snapshot!(screen(&model, NOW), @r"
    1 waiting · 2 busy · 1 compacting · 1 shell · 1 idle · 1 wi…
    ── billing ─────────────────────────────────────────────────
      directory    ~/src/billing
      tool         claude
      kind         interactive
      session id   52fb8bf5-0d2c-4f5e-9a55-8a1d9e1c1f00
      pid          48211
      verdict      alive: the process has the recorded pidfd i…
    q quit  ? keys  enter details  a attach  t terminal  x stop
    ");
}

#[test]
fn questions_lines_and_messages() {
    let last = |model: &Model| screen(model, NOW).lines().last().unwrap().to_owned();
    let mut model = with_a_hosted_one((70, 12));
    for (typed, line) in [
        ("jjx", "end nightly-migration-of-every-cu… with everything it has started? y/n"),
        ("n", "q quit  ? keys  enter details  a attach  t terminal  x stop  r rename"),
        ("r", "new name: nightly-migration-of-every-customer-database"),
        ("⎋ffix", "filter: fix"),
        ("⎋/q", "search: q"),
        ("⎋ga", "`billing` has a terminal of its own, and no host in the background; t…"),
        ("?", "any key goes back"),
    ] {
        keys(&mut model, typed);
        assert_eq!(last(&model), line, "{typed}");
    }
    let mut model = of((70, 12), board());
    keys(&mut model, "fbill");
    let mut terminal = terminal(&model, NOW, false);
    terminal.backend_mut().assert_cursor_position((12, 11));
}

#[test]
fn nobody_and_nobody_who_fits() {
    let empty = of((80, 8), Vec::new());
    insta::assert_snapshot!(screen(&empty, NOW), @r"
                                                                      by attention ▲

    nobody is on

      callboard run -- CMD     run a command, and have it on the board while it runs
      callboard register       sign in the shell or script that calls it
      callboard demo           see what the board looks like
    q quit  ? keys  enter details  a attach  t terminal  x stop  r rename
    ");
    let mut model = of((60, 6), board());
    keys(&mut model, "fgibberish⏎");
    insta::assert_snapshot!(screen(&model, NOW), @r"
      (0 of 8 shown)            filter gibberish  by attention ▲

    no session fits; esc shows all 8 again


    q quit  ? keys  enter details  a attach  t terminal  x stop
    ");
    let always = Filter { tool: vec!["vim".into()], ..Filter::default() };
    let mut model = Model::new((80, 6), always, Sort::default(), None);
    model.take_in(board().into_iter(), NOW);
    assert!(screen(&model, NOW).contains("no session fits the filters of the command line"));
}

#[test]
fn every_key_has_its_line() {
    let mut model = of((100, 24), board());
    keys(&mut model, "?");
    let shown = screen(&model, NOW);
    for (keys, what, _) in KEYS {
        assert!(
            shown
                .lines()
                .any(|line| line.starts_with(&format!("  {keys}")) && line.ends_with(what)),
            "{keys}"
        );
    }
}

#[test]
fn no_size_is_too_small_or_too_large() {
    for typed in ["", "jj⏎", "?", "f日本語", "jjx", "G⏎JJJ"] {
        let mut model = with_a_hosted_one((80, 24));
        keys(&mut model, typed);
        model.problems.insert("/x".into(), ("y".repeat(300), 1));
        for columns in [0, 1, 2, 3, 5, 9, 20, 33, 80, 119, 120, 300] {
            for lines in (0..=9).chain([13, 14, 15, 40]) {
                model.size = (columns, lines);
                model.log = vec!["日本語".repeat(99); 99];
                model.keep_in_sight();
                screen(&model, NOW);
            }
        }
    }
}

#[test]
fn nothing_untrusted_is_drawn_raw() {
    let bad = "\\u001b]0;x\\u0007\\n\\u202e";
    let text = format!(
        r#"{{"pid":7,"name":"a{bad}","cwd":"/b{bad}","tool":"c{bad}","kind":"d{bad}","agent":"{bad}",
            "status":"e{bad}","waitingFor":"f{bad}","sessionId":"{bad}","logPath":"{bad}"}}"#
    );
    let raw = "\u{1b}]0;x\u{7}\n\u{202e}";
    for typed in ["", "⏎", "r", "⏎JJJJJJ"] {
        let mut model = of((90, 30), vec![row(&text)]);
        model.entries[0].hosted = Some((HostKind::Builtin, HostedId::parse("a").unwrap()));
        model.problems.insert(raw.into(), (raw.to_owned(), 1));
        keys(&mut model, typed);
        model.log = vec![raw.to_owned()];
        model.say(true, raw);
        let terminal = terminal(&model, NOW, true);
        for cell in terminal.backend().buffer().content() {
            assert!(!cell.symbol().contains(['\u{1b}', '\u{7}', '\n', '\u{202e}']), "{cell:?}");
        }
    }
}

#[test]
fn colours_are_those_of_ps_and_say_nothing_alone() {
    let model = of((80, 24), board());
    let (coloured, plain) = (terminal(&model, NOW, true), terminal(&model, NOW, false));
    let (coloured, plain) = (coloured.backend().buffer(), plain.backend().buffer());
    let look = |x: u16, y: u16| sgr(coloured[(x, y)].fg, coloured[(x, y)].modifier);
    // The second row, which is not selected, and works; the one that rests.
    let status = (0..80).find(|x| coloured[(*x, 3)].symbol() == "●").unwrap();
    assert_eq!(look(status, 3), "\u{1b}[0;32m");
    assert_eq!(look(status, 7), "\u{1b}[0;34m");
    assert_eq!(look(2, 3), "\u{1b}[0;1m", "it has a name");
    for (with, without) in coloured.content().iter().zip(plain.content()) {
        assert_eq!((with.symbol(), with.modifier), (without.symbol(), without.modifier));
        assert_eq!(without.fg, ratatui::style::Color::Reset);
    }
}
