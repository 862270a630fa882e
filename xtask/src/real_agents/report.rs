//! What one run came to, and its way from one process to another.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::judge::Outcome;
use super::mode::Mode;
use super::state::State;

/// One agent, one version, one way to run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    pub(super) agent: String,
    pub(super) version: String,
    pub(super) mode: Mode,
    pub(super) outcomes: BTreeMap<State, Outcome>,
    /// What ended it before its end.
    pub(super) broke_off: Option<String>,
    /// What got where it must not be.
    pub(super) leaks: Vec<String>,
    /// Half of the answers of `ps`, the slowest, in microseconds; how many.
    pub(super) cost: (u64, u64, u64),
}

impl Report {
    /// One of which nothing is known but why.
    pub(super) fn broken(agent: &str, version: &str, mode: Mode, why: String) -> Self {
        Self {
            agent: agent.to_owned(),
            version: version.to_owned(),
            mode,
            outcomes: BTreeMap::new(),
            broke_off: Some(why),
            leaks: Vec::new(),
            cost: (0, 0, 0),
        }
    }

    /// How a state went; one that was not reached is not tried.
    pub(super) fn outcome(&self, state: State) -> Outcome {
        self.outcomes.get(&state).cloned().unwrap_or_else(|| {
            let why = self.broke_off.clone().unwrap_or_else(|| "not reached".to_owned());
            Outcome::NotTried { why }
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let outcomes: serde_json::Map<String, Value> = self
            .outcomes
            .iter()
            .map(|(state, outcome)| (format!("{state:?}"), outcome_to_json(outcome)))
            .collect();
        let (half, worst, count) = self.cost;
        json!({
            "agent": self.agent, "version": self.version, "mode": self.mode.word(),
            "states": outcomes, "brokeOff": self.broke_off, "leaks": self.leaks,
            "psMicroseconds": { "median": half, "worst": worst, "count": count },
        })
    }

    pub(super) fn from_json(value: &Value) -> Result<Self> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let number = |key: &str| value["psMicroseconds"][key].as_u64().unwrap_or(0);
        let mut outcomes = BTreeMap::new();
        for state in State::ALL {
            let outcome = &value["states"][format!("{state:?}")];
            if !outcome.is_null() {
                outcomes.insert(state, outcome_from_json(outcome)?);
            }
        }
        let leaks = value["leaks"].as_array().into_iter().flatten();
        Ok(Self {
            agent: text("agent").context("a report without an agent")?,
            version: text("version").context("a report without a version")?,
            mode: Mode::named(&text("mode").context("a report without a mode")?)?,
            outcomes,
            broke_off: text("brokeOff"),
            leaks: leaks.filter_map(|leak| leak.as_str().map(str::to_owned)).collect(),
            cost: (number("median"), number("worst"), number("count")),
        })
    }
}

fn outcome_to_json(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Right { after, from } => json!({ "is": "right", "after": after, "from": from }),
        Outcome::Late { after, from, told } => {
            json!({ "is": "late", "after": after, "from": from, "told": told })
        }
        Outcome::Silent => json!({ "is": "silent" }),
        Outcome::Wrong { shown } => json!({ "is": "wrong", "shown": shown }),
        Outcome::NotTried { why } => json!({ "is": "not tried", "why": why }),
    }
}

fn outcome_from_json(value: &Value) -> Result<Outcome> {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    let after = value["after"].as_u64().unwrap_or(0);
    Ok(match value["is"].as_str().unwrap_or_default() {
        "right" => Outcome::Right { after, from: text("from") },
        "late" => Outcome::Late { after, from: text("from"), told: value["told"].as_u64() },
        "silent" => Outcome::Silent,
        "wrong" => Outcome::Wrong { shown: text("shown") },
        "not tried" => Outcome::NotTried { why: text("why") },
        other => bail!("no outcome {other:?}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_survives_the_way() {
        let text = |text: &str| text.to_owned();
        let outcomes = [
            Outcome::Right { after: 3, from: text("hook") },
            Outcome::Late { after: 900, from: text("transcript"), told: None },
            Outcome::Late { after: 900, from: text("hook"), told: Some(890) },
            Outcome::Silent,
            Outcome::Wrong { shown: text("idle") },
            Outcome::NotTried { why: text("no dialog") },
        ];
        let mut report = Report::broken("pi", "1", Mode::Background, text("no dialog"));
        report.outcomes = State::ALL.into_iter().zip(outcomes).collect();
        report.leaks.push(text("a key in a file"));
        report.cost = (1, 2, 3);
        assert_eq!(Report::from_json(&report.to_json()).unwrap(), report);
        assert_eq!(report.outcome(State::Ended), Outcome::NotTried { why: text("no dialog") });
    }
}
