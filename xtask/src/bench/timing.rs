//! Times of operations that are measured side by side.

use std::time::{Duration, Instant};

use anyhow::Result;

/// How long each of many runs took, in microseconds, sorted.
#[derive(Clone, Debug)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    /// The time that this share of the runs did not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        let at = (share * last as f64).round() as usize;
        self.0.get(at.min(last)).copied().unwrap_or(f64::NAN)
    }

    pub(crate) fn p50(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn p99(&self) -> f64 {
        self.quantile(0.99)
    }

    pub(crate) fn min(&self) -> f64 {
        self.quantile(0.0)
    }
}

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) rounds: usize,
    pub(crate) time: Duration,
}

/// One of the operations that take turns.
pub(crate) type Operation<'a> = &'a mut dyn FnMut() -> Result<()>;

/// Runs the operations in turns, once forwards, once backwards, so that what else the machine
/// does meets all of them alike; one round first that does not count. At least ten rounds.
pub(crate) fn side_by_side(
    budget: Budget,
    operations: &mut [Operation<'_>],
) -> Result<Vec<Samples>> {
    let mut times = vec![Vec::new(); operations.len()];
    for operation in operations.iter_mut() {
        operation()?;
    }
    let start = Instant::now();
    for round in 0..budget.rounds {
        if round >= 10 && start.elapsed() > budget.time {
            break;
        }
        for turn in 0..operations.len() {
            let which = if round % 2 == 0 { turn } else { operations.len() - 1 - turn };
            let begin = Instant::now();
            operations[which]()?;
            times[which].push(begin.elapsed().as_secs_f64() * 1e6);
        }
    }
    Ok(times.into_iter().map(Samples::new).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_sorted_times() {
        let samples = Samples::new((0..=100).rev().map(f64::from).collect());
        assert_eq!((samples.min(), samples.p50(), samples.p99()), (0.0, 50.0, 99.0));
        assert_eq!(Samples::new(vec![7.0]).p99(), 7.0);
        assert!(Samples::new(Vec::new()).p50().is_nan());
    }

    #[test]
    fn operations_take_turns_and_the_first_round_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let mut a = || {
            order.borrow_mut().push('a');
            Ok(())
        };
        let mut b = || {
            order.borrow_mut().push('b');
            Ok(())
        };
        let budget = Budget { rounds: 3, time: Duration::ZERO };
        let samples = side_by_side(budget, &mut [&mut a, &mut b]).unwrap();
        assert_eq!(*order.borrow(), "ababbaab");
        assert!(samples.iter().all(|s| s.0.len() == 3));
    }
}
