//! The tables, and which goals were met.

use std::fmt::Write as _;

use super::Results;
use super::starts::Start;
use crate::bench::report::{Goal, figure, write_goals};

/// What is compared with; the one that the goals name.
const TMUX: &str = "tmux";
const OURS: &str = "callboard";

/// Memory that is aimed at, in MiB for each session.
const MIB_EACH: f64 = 0.5;

pub(super) fn render(results: &Results) -> String {
    let mut text = String::new();
    for line in results.machine.iter().map(String::as_str) {
        _ = writeln!(text, "- {line}");
    }
    for line in &results.missing {
        _ = writeln!(text, "- left out: {line}");
    }
    starts(&mut text, results);
    floods(&mut text, results);
    clients(&mut text, results);
    modes(&mut text, results);
    write_goals(&mut text, &goals(results));
    text
}

fn starts(text: &mut String, results: &Results) {
    for starts in &results.starts {
        let n = starts.sessions;
        _ = writeln!(
            text,
            "\n### Starting {n} (milliseconds; memory of the hosts for each session)\n\n| host | p50 | min | each, min | on processors, each, min | PSS each | RSS each |\n|---|---|---|---|---|---|---|"
        );
        let each = |us: f64| figure(us / 1e3 / n as f64);
        for (name, start) in results.names.iter().zip(&starts.of_peers) {
            let Some(Start { times, work, memory }) = start else {
                _ = writeln!(text, "| {name} | too slow | | | | | |");
                continue;
            };
            _ = writeln!(
                text,
                "| {name} | {} | {} | **{}** | {} | {} KiB | {} KiB |",
                figure(times.p50() / 1e3),
                figure(times.min() / 1e3),
                each(times.min()),
                each(work.min()),
                figure(memory.pss / n as f64),
                figure(memory.rss / n as f64),
            );
        }
        let floor = &starts.floor;
        let (p50, min) = (figure(floor.p50() / 1e3), figure(floor.min() / 1e3));
        _ = writeln!(
            text,
            "| *fork, terminal, execute* | {p50} | {min} | {} | | | |",
            each(floor.min())
        );
    }
}

fn floods(text: &mut String, results: &Results) {
    for flood in &results.floods {
        _ = writeln!(
            text,
            "\n### Printing {:.0} MiB of {} with nobody attached\n\n| host | MiB/s, p50 | best | MiB in a second of the host's processor |\n|---|---|---|---|",
            flood.mib, flood.what
        );
        for (name, run) in results.names.iter().zip(&flood.of_peers) {
            let rate = |us: f64| figure(flood.mib / (us / 1e6));
            let (p50, best) = (rate(run.times.p50()), rate(run.times.min()));
            let work = figure(flood.mib / (run.work.min() / 1e3));
            _ = writeln!(text, "| {name} | **{p50}** | {best} | {work} |");
        }
        let floor = |us: f64| figure(flood.mib / (us / 1e6));
        let (p50, best) = (floor(flood.floor.p50()), floor(flood.floor.min()));
        _ = writeln!(text, "| *a terminal that is read* | {p50} | {best} | |");
    }
}

fn clients(text: &mut String, results: &Results) {
    text.push_str("\n### Attached\n\n| host | key to answer p50 (us) | p99 | min | attach to full screen p50 (ms) | min | 8 MiB behind a stopped client (ms) | wakeups a second, all idle sessions |\n|---|---|---|---|---|---|---|---|\n");
    let dash = || "-".to_owned();
    for (at, name) in results.names.iter().enumerate() {
        let keys = results.keys.as_ref().and_then(|keys| keys.of_peers[at].as_ref());
        let redraws = results.redraws.as_ref().and_then(|redraws| redraws.of_peers[at].as_ref());
        let stopped = results.stopped.get(at).copied().flatten();
        let wakeups = results.wakeups.as_ref().and_then(|(_, wakeups)| wakeups[at]);
        if keys.is_none() && redraws.is_none() && stopped.is_none() && wakeups.is_none() {
            continue;
        }
        let no_screen = || if results.has_screen[at] { dash() } else { "no screen".to_owned() };
        _ = writeln!(
            text,
            "| {name} | **{}** | {} | {} | **{}** | {} | {} | {} |",
            keys.map_or_else(dash, |keys| figure(keys.p50())),
            keys.map_or_else(dash, |keys| figure(keys.p99())),
            keys.map_or_else(dash, |keys| figure(keys.min())),
            redraws.map_or_else(no_screen, |redraws| figure(redraws.p50() / 1e3)),
            redraws.map_or_else(dash, |redraws| figure(redraws.min() / 1e3)),
            stopped.map_or_else(dash, |time| time.map_or("stands still".to_owned(), figure)),
            wakeups.map_or_else(dash, figure),
        );
    }
    if let (Some(keys), Some(redraws)) = (&results.keys, &results.redraws) {
        _ = writeln!(
            text,
            "| *no host* | {} | {} | {} | {} | {} | | |",
            figure(keys.floor.p50()),
            figure(keys.floor.p99()),
            figure(keys.floor.min()),
            figure(redraws.floor.p50() / 1e3),
            figure(redraws.floor.min() / 1e3),
        );
    }
}

fn modes(text: &mut String, results: &Results) {
    if results.modes.is_empty() {
        return;
    }
    text.push_str("\n### Thirteen modes of a terminal that answers nothing\n\n| host | restored on attach | missing | left on after detaching |\n|---|---|---|---|\n");
    for (name, modes) in results.names.iter().zip(&results.modes) {
        let Some(modes) = modes else { continue };
        let list =
            |names: &[&str]| if names.is_empty() { "-".to_owned() } else { names.join(", ") };
        let (missing, left_on) = (list(&modes.missing), list(&modes.left_on));
        _ = writeln!(text, "| {name} | **{}** | {missing} | {left_on} |", modes.restored.len());
    }
}

fn goals(results: &Results) -> Vec<Goal> {
    let place = |name: &str| results.names.iter().position(|known| *known == name);
    let (ours, tmux) = (place(OURS), place(TMUX));
    let mut goals = Vec::new();
    let mut goal = |what: String, at_most, limit: Option<f64>, measured, unit| {
        // Without the one to compare with there is no limit.
        if let Some(limit) = limit {
            goals.push(Goal { what, limit, at_most, measured, unit });
        }
    };
    let Some(ours) = ours else { return goals };
    for starts in &results.starts {
        let (n, start) = (starts.sessions, starts.of_peers[ours].as_ref());
        if n >= 200 {
            let seconds = start.map(|start| start.times.p50() / 1e6);
            goal(format!("{n} sessions started"), true, Some(1.0), seconds, " s");
        }
        // One session alone pays for what all of them share.
        if n >= 50 {
            let each = start.map(|start| start.memory.pss / 1024.0 / n as f64);
            goal(format!("PSS for each of {n} sessions"), true, Some(MIB_EACH), each, " MiB");
        }
    }
    for flood in &results.floods {
        let rate = |at: usize| flood.mib / (flood.of_peers[at].times.p50() / 1e6);
        let what = format!("{}, detached, beside tmux", flood.what);
        goal(what, false, tmux.map(rate), Some(rate(ours)), " MiB/s");
    }
    if let Some(keys) = &results.keys {
        let p50 = |at: usize| keys.of_peers[at].as_ref().map(|keys| keys.p50());
        let what = "key to answer p50, beside tmux".to_owned();
        goal(what, true, tmux.and_then(p50), p50(ours), " us");
    }
    if let Some(redraws) = &results.redraws {
        let p50 = redraws.of_peers[ours].as_ref().map(|redraws| redraws.p50() / 1e3);
        goal("attach to full screen p50".to_owned(), true, Some(5.0), p50, " ms");
    }
    if let Some(Some(modes)) = results.modes.get(ours) {
        let restored = Some(modes.restored.len() as f64);
        goal("modes restored".to_owned(), false, Some(13.0), restored, "");
    }
    if let Some(time) = results.stopped.get(ours).copied().flatten() {
        let what = "8 MiB behind a stopped client".to_owned();
        goal(what, true, Some(2_000.0), time, " ms");
    }
    if let Some((sessions, wakeups)) = &results.wakeups {
        let what = format!("wakeups a second, {sessions} idle sessions");
        goal(what, true, Some(0.0), wakeups[ours], "");
    }
    goals
}
