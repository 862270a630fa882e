//! The tables of `bench watch`, and which goals were met.

use std::fmt::Write as _;

use super::Results;
use super::busy::{SESSIONS, StatusLine};
use crate::bench::report::{self, Goal, figure, write_goals};

pub(super) fn render(results: &Results) -> String {
    let mut text = String::new();
    for line in &results.machine {
        _ = writeln!(text, "- {line}");
    }
    for line in &results.missing {
        _ = writeln!(text, "- left out: {line}");
    }
    report::watching(&mut text, &results.watchings);
    _ = writeln!(
        text,
        "\n### A record appears: until its name is on the screen\n\n| tool | p50 (ms) | slowest | processor while nothing happens | wakeups a second meanwhile | memory (PSS) |\n|---|---|---|---|---|---|"
    );
    for (name, shown) in &results.shown {
        let ms = |us: f64| figure(us / 1e3);
        let (p50, most) = match &shown.times {
            Some(times) => (ms(times.p50()), ms(times.quantile(1.0))),
            None => ("never".to_owned(), "-".to_owned()),
        };
        let never = shown.of - shown.came;
        let most = if never > 0 && shown.came > 0 { "never".to_owned() } else { most };
        // What never shows anything may have ended, or be at something else.
        let cost = match shown.times {
            Some(_) => {
                let (share, wakeups) = (figure(shown.idle_share * 100.0), figure(shown.wakeups));
                format!("{share} % | {wakeups} | {} MiB", figure(shown.pss_mib))
            }
            None => "- | - | -".to_owned(),
        };
        _ = writeln!(text, "| {name} | **{p50}** | {most} | {cost} |");
    }
    _ = writeln!(
        text,
        "\n### `callboard watch` with {SESSIONS} sessions\n\n| changes a second | of one processor | RSS | PSS |\n|---|---|---|---|"
    );
    for busy in &results.busy {
        let (share, rss, pss) = (busy.share * 100.0, busy.rss_mib, busy.pss_mib);
        let (share, rss, pss) = (figure(share), figure(rss), figure(pss));
        _ = writeln!(text, "| {} | **{share} %** | {rss} MiB | {pss} MiB |", busy.changes);
    }
    _ = writeln!(
        text,
        "\n### A status line (microseconds, the whole command)\n\n| sessions | `callboard status-line` p50 | min | `/bin/true` p50 | min |\n|---|---|---|---|---|"
    );
    for StatusLine { sessions, line, nothing } in &results.lines {
        let (line, least) = (figure(line.p50()), figure(line.min()));
        let (nothing, least_of_nothing) = (figure(nothing.p50()), figure(nothing.min()));
        _ = writeln!(
            text,
            "| {sessions} | **{line}** | {least} | {nothing} | {least_of_nothing} |"
        );
    }
    write_goals(&mut text, &goals(results));
    text
}

fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |what: String, limit, measured, unit| {
        goals.push(Goal { what, limit, at_most: true, measured: Some(measured), unit });
    };
    for w in results.watchings.iter().filter(|w| w.size == 1_000) {
        let what = |of| format!("change to event {of}, {} sessions, {}", w.size, w.file_system);
        goal(what("p50"), 150.0, w.own.board.p50(), " us");
        goal(what("p99"), 2_000.0, w.own.board.p99(), " us");
    }
    for w in &results.watchings {
        let (size, seconds) = (w.size, w.quiet.as_secs());
        let what = format!("wakeups in {seconds} quiet seconds, {size} sessions");
        goal(what, 0.0, w.wakeups as f64, "");
    }
    for busy in &results.busy {
        let what = |of| format!("callboard watch, {} changes a second: {of}", busy.changes);
        goal(what("of one processor"), 1.0, busy.share * 100.0, " %");
        goal(what("RSS"), 12.0, busy.rss_mib, " MiB");
    }
    for StatusLine { sessions, line, .. } in &results.lines {
        goal(format!("status line p50, {sessions} sessions"), 3.0, line.p50() / 1e3, " ms");
    }
    goals
}
