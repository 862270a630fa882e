//! The reports as a table, and whether they are as they must be.

use std::fmt::Write as _;

use super::agents::{Agent, Impossible};
use super::judge::{Outcome, TOLERANCE};
use super::options::find;
use super::report::Report;
use super::state::State;

/// Bold is what must not be.
pub(super) fn render(reports: &[Report]) -> String {
    let mut text = "| agent | version | hooks | right of tried ".to_owned();
    for state in State::ALL {
        _ = write!(text, "| {} ", state.title());
    }
    text.push_str("| secrets |\n|---|---|---|---");
    text.push_str(&"|---".repeat(State::ALL.len() + 1));
    text.push_str("|\n");
    let mut notes = Vec::new();
    for report in reports {
        row(&mut text, report, &mut notes);
    }
    _ = writeln!(
        text,
        "\nWorst time from the agent's own edge to the first answer of `callboard ps` that is right \
         and stays so; {TOLERANCE} ms are allowed, unless the agent itself tells its hook too late \
         for that. **Bold** is wrong: what the board showed instead. \
         Secrets are prompts, tool inputs, the model's texts and keys in anything that Callboard \
         printed or wrote.\n"
    );
    text.push_str("| state | its edge |\n|---|---|\n");
    for state in State::ALL {
        _ = writeln!(text, "| {} | {} |", state.title(), state.edge());
    }
    text.push_str(
        "\nWhere an agent dates its status itself (Claude Code in its record, Gemini CLI in the first line of a conversation), that is the edge.\n\n",
    );
    for note in notes {
        _ = writeln!(text, "- {note}");
    }
    text
}

fn row(text: &mut String, report: &Report, notes: &mut Vec<String>) {
    let (right, tried) = score(report);
    let Report { agent, version, mode, .. } = report;
    let (cell_of_mode, with) = (mode.cell(), mode.phrase());
    _ = write!(text, "| {agent} | {version} | {cell_of_mode} | {right} of {tried} ");
    for state in State::ALL {
        let impossible = impossible(report, state);
        let outcome = report.outcome(state);
        _ = write!(text, "| {} ", cell(&outcome, impossible));
        let why = match (impossible, outcome.late_word()) {
            (Some(Impossible { why, .. }), _) => Some((*why).to_owned()),
            (None, Some(told)) => Some(format!("it told its hook {told} ms after the edge")),
            (None, None) => None,
        };
        if let Some(why) = why {
            let note = format!("{agent} {version}, {with}, {}: {why}.", state.title());
            notes.push(note.replace('|', "\\|"));
        }
    }
    let secrets = if report.leaks.is_empty() { "none".to_owned() } else { "**found**".to_owned() };
    _ = writeln!(text, "| {secrets} |");
    if let Some(why) = &report.broke_off {
        notes.push(format!("{agent} {version}, {with}, broke off: {}.", plain(why)));
    }
    for leak in &report.leaks {
        notes.push(format!("{agent} {version}, {with}: {}.", plain(leak)));
    }
}

/// What a program said, as a part of a line.
fn plain(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim_end_matches('.').replace('|', "\\|")
}

fn cell(outcome: &Outcome, impossible: Option<&Impossible>) -> String {
    let shown = match outcome {
        Outcome::Right { after, .. } => return format!("{after} ms"),
        Outcome::Late { after, .. } => format!("{after} ms"),
        Outcome::Silent => "no status".to_owned(),
        Outcome::Wrong { shown } => shown.clone(),
        Outcome::NotTried { .. } if impossible.is_some() => return "impossible".to_owned(),
        Outcome::NotTried { .. } => "not reached".to_owned(),
    };
    match impossible.is_some() || outcome.late_word().is_some() {
        true => format!("impossible ({shown})"),
        false => format!("**{shown}**"),
    }
}

fn impossible(report: &Report, state: State) -> Option<&'static Impossible> {
    let agent: &Agent = find(&report.agent).ok()?;
    agent.impossible(state, report.mode.hooks())
}

/// What can be right, and how it went: without what the agent makes impossible, always or by being
/// late itself.
fn possible(report: &Report) -> impl Iterator<Item = (State, Outcome)> + '_ {
    State::ALL
        .into_iter()
        .filter(|state| impossible(report, *state).is_none())
        .map(|state| (state, report.outcome(state)))
        .filter(|(_, outcome)| outcome.late_word().is_none())
}

/// The states that are right, and those that were tried and can be right.
fn score(report: &Report) -> (usize, usize) {
    possible(report)
        .map(|(_, outcome)| outcome)
        .filter(|outcome| !matches!(outcome, Outcome::NotTried { .. }))
        .fold((0, 0), |(right, tried), outcome| {
            (right + usize::from(outcome.is_right()), tried + 1)
        })
}

/// What must not be, one line each. Who is patient does not mind what is late.
pub(super) fn faults(report: &Report, is_patient: bool) -> Vec<String> {
    let Report { agent, version, mode, .. } = report;
    let with = mode.phrase();
    let of_states = possible(report)
        .filter(|(_, outcome)| {
            let is_late = matches!(outcome, Outcome::Late { .. });
            !(outcome.is_right() || is_late && is_patient)
        })
        .map(|(state, outcome)| format!("{}: {outcome:?}", state.title()));
    of_states
        .chain(report.leaks.iter().cloned())
        .map(|fault| format!("{agent} {version} {with}: {fault}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::mode::Mode;
    use super::*;

    fn report(agent: &str, mode: Mode, waiting: Outcome) -> Report {
        let right = |after| Outcome::Right { after, from: "hook".to_owned() };
        let mut report = Report::broken(agent, "1.0", mode, String::new());
        report.broke_off = None;
        report.outcomes = State::ALL.into_iter().map(|state| (state, right(7))).collect();
        report.outcomes.insert(State::Waiting, waiting);
        report
    }

    #[test]
    fn what_is_impossible_is_neither_tried_nor_a_fault() {
        let wrong = || Outcome::Wrong { shown: "busy".to_owned() };
        let never = || Outcome::NotTried { why: String::new() };
        let late = || Outcome::Late { after: 251, from: "hook".to_owned(), told: None };
        let told = |told| Outcome::Late { after: 683, from: "hook".to_owned(), told: Some(told) };
        let cases = [
            ("claude", Mode::Hooks, wrong(), (10, 11), "| **busy** |", 1),
            ("claude", Mode::NoHooks, late(), (10, 11), "| **251 ms** |", 1),
            ("claude", Mode::NoHooks, Outcome::Silent, (10, 11), "| **no status** |", 1),
            ("codex", Mode::NoHooks, wrong(), (10, 10), "| impossible (busy) |", 0),
            ("codex", Mode::Background, wrong(), (10, 11), "| **busy** |", 1),
            ("qwen", Mode::Hooks, told(670), (10, 10), "| impossible (683 ms) |", 0),
            ("qwen", Mode::Hooks, told(100), (10, 11), "| **683 ms** |", 1),
            ("pi", Mode::Hooks, never(), (10, 10), "| impossible |", 0),
            ("claude", Mode::Hooks, never(), (10, 10), "| **not reached** |", 1),
        ];
        for (agent, mode, waiting, expected, cell, wrong) in cases {
            let report = report(agent, mode, waiting);
            assert_eq!(score(&report), expected, "{report:?}");
            assert_eq!(faults(&report, false).len(), wrong, "{report:?}");
            let is_late = matches!(report.outcome(State::Waiting), Outcome::Late { .. });
            let minded = if is_late { 0 } else { wrong };
            assert_eq!(faults(&report, true).len(), minded, "{report:?}");
            let table = render(&[report]);
            assert!(table.contains(cell), "{cell} in\n{table}");
            let cells: Vec<_> =
                table.lines().take(3).map(|line| line.matches('|').count()).collect();
            assert!(cells.iter().all(|n| *n == cells[0]), "{table}");
        }
    }

    #[test]
    fn a_leak_is_a_fault_and_is_named() {
        let mut report = report("pi", Mode::Hooks, Outcome::NotTried { why: String::new() });
        report.leaks.push("a key in a|b".to_owned());
        assert_eq!(faults(&report, true).len(), 1);
        let table = render(&[report]);
        assert!(table.contains("| **found** |") && table.contains("a key in a\\|b"), "{table}");
    }
}
