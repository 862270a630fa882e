//! What a storm did and what it found.

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// Enough of them to see what is wrong; all are counted.
const NAMED: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// What it did: calls of the library that change or sweep the registry.
    pub(super) operations: u64,
    /// Listings whose content was compared with the truth.
    pub(super) reads: u64,
    /// Processes that were killed.
    pub(super) faults: u64,
    /// Records and leavings that sweeps removed.
    pub(super) swept: u64,
    /// What must not be.
    pub(super) violations: u64,
    /// The first of them.
    pub(super) examples: Vec<String>,
}

impl Tally {
    pub(super) fn violation(&mut self, what: impl Into<String>) {
        self.violations += 1;
        if self.examples.len() < NAMED {
            self.examples.push(what.into());
        }
    }

    /// Counts one more if it is not as it must be.
    pub(super) fn require(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.violation(what());
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.operations += other.operations;
        self.reads += other.reads;
        self.faults += other.faults;
        self.swept += other.swept;
        self.violations += other.violations;
        let room = NAMED.saturating_sub(self.examples.len());
        self.examples.extend(other.examples.into_iter().take(room));
    }

    /// One line, from one process to another.
    pub(super) fn to_line(&self) -> String {
        let counts = [self.operations, self.reads, self.faults, self.swept, self.violations]
            .map(Value::from);
        json!([counts, self.examples]).to_string()
    }

    pub(super) fn from_line(line: &str) -> Result<Self> {
        let parsed: ([u64; 5], Vec<String>) =
            serde_json::from_str(line).with_context(|| format!("no tally: {line:?}"))?;
        let ([operations, reads, faults, swept, violations], examples) = parsed;
        Ok(Self { operations, reads, faults, swept, violations, examples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tally_survives_the_way_and_counts_what_it_does_not_name() {
        let mut tally = Tally { operations: 1, reads: 2, faults: 3, swept: 4, ..Tally::default() };
        for n in 0..30 {
            tally.require(n % 2 == 0, || format!("\"{n}\"\n"));
        }
        let mut sum = Tally::from_line(&tally.to_line()).expect("its own line");
        assert_eq!(sum, tally);
        sum.add(tally);
        assert_eq!((sum.operations, sum.violations, sum.examples.len()), (2, 30, NAMED));
    }
}
