//! The tables, and which goals were met.

use std::fmt::Write as _;

use super::command::{Among, Whole};
use super::conversations::Conversations;
use super::listing::Listing;
use super::syscalls::Calls;
use super::watching::Watching;
use super::writing::Writing;

/// Everything that one run measured.
pub(crate) struct Results {
    pub(crate) machine: Vec<String>,
    pub(crate) listings: Vec<Listing>,
    pub(crate) writings: Vec<Writing>,
    pub(crate) watchings: Vec<Watching>,
    /// (operation, calls of the library, calls of the floor); empty without `strace`.
    pub(crate) calls: Vec<(String, Calls, Calls)>,
    pub(crate) whole: Whole,
    pub(crate) whole_size: usize,
    pub(crate) among: Among,
    /// Number of records, KiB of `ps`, KiB of `/bin/true`.
    pub(crate) peak: (usize, u64, u64),
    pub(crate) conversations: Conversations,
}

/// A figure that was aimed at.
pub(crate) struct Goal {
    pub(crate) what: String,
    pub(crate) limit: f64,
    /// Whether less is better.
    pub(crate) at_most: bool,
    /// Nothing if it could not be measured here.
    pub(crate) measured: Option<f64>,
    pub(crate) unit: &'static str,
}

impl Goal {
    fn met(&self) -> &'static str {
        match self.measured {
            None => "not measured",
            Some(value) if self.at_most && value <= self.limit => "yes",
            Some(value) if !self.at_most && value >= self.limit => "yes",
            Some(_) => "no",
        }
    }
}

/// The whole report, in Markdown.
pub(crate) fn render(results: &Results) -> String {
    let mut text = String::new();
    for line in &results.machine {
        _ = writeln!(text, "- {line}");
    }
    listing(&mut text, &results.listings);
    counting(&mut text, &results.listings);
    writing(&mut text, &results.writings);
    watching(&mut text, &results.watchings);
    command(&mut text, results);
    conversations(&mut text, &results.conversations);
    calls(&mut text, &results.calls);
    write_goals(&mut text, &goals(results));
    text
}

/// The table of what was aimed at.
pub(crate) fn write_goals(text: &mut String, goals: &[Goal]) {
    _ = writeln!(text, "\n### Goals\n\n| goal | limit | measured | met |\n|---|---|---|---|");
    for goal in goals {
        let bound = if goal.at_most { "at most" } else { "at least" };
        let measured =
            goal.measured.map_or("-".to_owned(), |v| format!("{}{}", figure(v), goal.unit));
        let limit = figure(goal.limit);
        _ = writeln!(
            text,
            "| {} | {bound} {limit}{} | {measured} | {} |",
            goal.what,
            goal.unit,
            goal.met()
        );
    }
}

fn listing(text: &mut String, listings: &[Listing]) {
    text.push_str("\n### A listing with identity checks (microseconds)\n\n");
    text.push_str("| records | list p50 | min | floor p50 | min | list / floor | of minima | node list p50 | node / list |\n|---|---|---|---|---|---|---|---|---|\n");
    for l in listings {
        _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | **{:.2}** | {:.2} | {} | {} |",
            l.size,
            figure(l.list.p50()),
            figure(l.list.min()),
            figure(l.list_floor.p50()),
            figure(l.list_floor.min()),
            l.list.p50() / l.list_floor.p50(),
            l.list.min() / l.list_floor.min(),
            optional(l.list_rival),
            optional(l.list_rival.map(|r| r / l.list.p50())),
        );
    }
}

fn counting(text: &mut String, listings: &[Listing]) {
    text.push_str("\n### Counting (microseconds)\n\n");
    text.push_str("| records | count_pids p50 | its floor | / floor | node count p50 | node / count_pids | count (identity) p50 | what identity costs, per record |\n|---|---|---|---|---|---|---|---|\n");
    for l in listings {
        let extra = (l.count.p50() - l.count_pids.p50()) / l.size as f64;
        _ = writeln!(
            text,
            "| {} | {} | {} | {:.2} | {} | {} | {} | {:.2} |",
            l.size,
            figure(l.count_pids.p50()),
            figure(l.count_pids_floor.p50()),
            l.count_pids.p50() / l.count_pids_floor.p50(),
            optional(l.count_rival),
            optional(l.count_rival.map(|r| r / l.count_pids.p50())),
            figure(l.count.p50()),
            extra,
        );
    }
}

pub(crate) fn watching(text: &mut String, watchings: &[Watching]) {
    text.push_str(
        "\n### From a change to its event (microseconds, the change itself included)\n\n",
    );
    text.push_str("| sessions | on | changed by | watch p50 | p99 | whole board p50 | p99 | floor p50 | p99 | wakeups | in quiet seconds |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
    for w in watchings {
        for (whom, l) in [("itself", &w.own), ("another process", &w.on_behalf)] {
            _ = writeln!(
                text,
                "| {} | {} | {whom} | **{}** | {} | **{}** | {} | {} | {} | {} | {} |",
                w.size,
                w.file_system,
                figure(l.watch.p50()),
                figure(l.watch.p99()),
                figure(l.board.p50()),
                figure(l.board.p99()),
                figure(l.floor.p50()),
                figure(l.floor.p99()),
                w.wakeups,
                w.quiet.as_secs(),
            );
        }
    }
}

fn writing(text: &mut String, writings: &[Writing]) {
    text.push_str("\n### Signing in, updating, signing out (microseconds)\n\n");
    text.push_str("| operation | on | p50 | p99 | floor p50 | p99 | / floor |\n|---|---|---|---|---|---|---|\n");
    for w in writings {
        for (what, ours, floor) in [
            ("register + deregister", &w.register, &w.register_floor),
            ("one status update", &w.update, &w.update_floor),
        ] {
            _ = writeln!(
                text,
                "| {what} | {} | **{}** | {} | {} | {} | {:.2} |",
                w.file_system,
                figure(ours.p50()),
                figure(ours.p99()),
                figure(floor.p50()),
                figure(floor.p99()),
                ours.p50() / floor.p50(),
            );
        }
    }
}

fn command(text: &mut String, results: &Results) {
    let whole = &results.whole;
    _ = writeln!(
        text,
        "\n### The whole command, {} sessions (microseconds)\n\n| command | p50 | p99 | min | / true |\n|---|---|---|---|---|",
        results.whole_size
    );
    let rows = [
        ("`/bin/true`", Some(&whole.nothing)),
        ("`callboard ps --json`", Some(&whole.ps)),
        ("`node origin.mjs list`", whole.rival.as_ref()),
    ];
    for (what, samples) in rows {
        let Some(samples) = samples else {
            _ = writeln!(text, "| {what} | not here | | | |");
            continue;
        };
        _ = writeln!(
            text,
            "| {what} | {} | {} | {} | {:.2} |",
            figure(samples.p50()),
            figure(samples.p99()),
            figure(samples.min()),
            samples.p50() / whole.nothing.p50(),
        );
    }
    let Among { processes, ps, names } = &results.among;
    _ = writeln!(
        text,
        "\nWith {processes} processes on the machine, `ps --json` takes {} (min {}); reading their names and nothing else, {} (min {}).",
        figure(ps.p50()),
        figure(ps.min()),
        figure(names.p50()),
        figure(names.min()),
    );
    let (size, ps, nothing) = results.peak;
    _ = writeln!(
        text,
        "\nPeak memory of `ps --json` with {size} records: {ps} KiB; of `/bin/true`, measured in the same way: {nothing} KiB."
    );
}

fn conversations(text: &mut String, c: &Conversations) {
    let (sessions, mb) = (c.sessions, c.bytes / 1_000_000);
    _ = writeln!(
        text,
        "\n### `ps --json` with {sessions} sessions of another registry (microseconds)\n\n| conversation of each | p50 | p99 | min |\n|---|---|---|---|"
    );
    for (what, samples) in [(format!("{mb} MB"), &c.long), ("some turns".to_owned(), &c.short)] {
        let of = |share| figure(samples.quantile(share));
        _ = writeln!(text, "| {what} | {} | {} | {} |", of(0.5), of(0.99), of(0.0));
    }
    _ = writeln!(text, "\nPeak memory beside {mb} MB each: {} KiB.", c.peak);
}

fn calls(text: &mut String, calls: &[(String, Calls, Calls)]) {
    text.push_str("\n### System calls of one operation, library : floor\n\n");
    if calls.is_empty() {
        text.push_str("Not counted: strace is not installed.\n");
    }
    for (operation, ours, floor) in calls {
        let mut names: Vec<&String> = ours.keys().chain(floor.keys()).collect();
        names.sort();
        names.dedup();
        let pairs: Vec<String> = names
            .into_iter()
            .map(|name| {
                let of = |calls: &Calls| calls.get(name).copied().unwrap_or(0.0);
                format!("{name} {}:{}", figure(of(ours)), figure(of(floor)))
            })
            .collect();
        _ = writeln!(text, "- {operation}: {}", pairs.join(", "));
    }
}

fn goals(results: &Results) -> Vec<Goal> {
    let mut goals = Vec::new();
    let mut goal = |what: String, at_most, limit, measured, unit| {
        goals.push(Goal { what, limit, at_most, measured, unit });
    };
    for l in &results.listings {
        let ratio = l.list.p50() / l.list_floor.p50();
        goal(format!("list / floor, {} records", l.size), true, 1.25, Some(ratio), "x");
    }
    for l in &results.listings {
        let ratio = l.count_rival.map(|r| r / l.count_pids.p50());
        goal(format!("node count / count_pids, {} records", l.size), false, 2.0, ratio, "x");
    }
    let whole = &results.whole;
    let ps = whole.ps.p50();
    goal("ps / true".to_owned(), true, 2.5, Some(ps / whole.nothing.p50()), "x");
    let ratio = whole.rival.as_ref().map(|rival| rival.p50() / ps);
    goal("node list / ps, whole commands".to_owned(), false, 30.0, ratio, "x");
    for w in &results.writings {
        let limit = if w.file_system == "tmpfs" { 5.0 } else { 10.0 };
        let what = format!("status update p50, {}", w.file_system);
        goal(what, true, limit, Some(w.update.p50()), " us");
    }
    for w in &results.writings {
        let what = format!("register + deregister p50, {}", w.file_system);
        goal(what, true, 40.0, Some(w.register.p50()), " us");
    }
    for w in &results.watchings {
        let what = |of| format!("change to event {of}, {} sessions, {}", w.size, w.file_system);
        goal(what("p50"), true, 150.0, Some(w.own.board.p50()), " us");
        goal(what("p99"), true, 2_000.0, Some(w.own.board.p99()), " us");
        let what = format!("wakeups in 5 quiet seconds, {} sessions", w.size);
        goal(what, true, 0.0, Some(w.wakeups as f64), "");
    }
    let (size, kib, _) = results.peak;
    let what = format!("peak memory of ps, {size} records");
    goal(what, true, 16.0, Some(kib as f64 / 1024.0), " MiB");
    goals
}

/// Three digits that mean something.
pub(crate) fn figure(value: f64) -> String {
    match value {
        v if v >= 100.0 => format!("{v:.0}"),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_on_the_right_side_of_its_limit() {
        let cases = [
            (true, Some(1.25), "yes"),
            (true, Some(1.26), "no"),
            (false, Some(30.5), "no"),
            (false, Some(31.0), "yes"),
            (false, Some(30.9), "yes"),
            (true, None, "not measured"),
        ];
        for (at_most, measured, expected) in cases {
            let limit = if at_most { 1.25 } else { 30.9 };
            let goal = Goal { what: String::new(), limit, at_most, measured, unit: "" };
            assert_eq!(goal.met(), expected, "{measured:?}");
        }
    }
}
