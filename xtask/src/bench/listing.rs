//! Listing and counting, beside the floor and the rival.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use callboard::Registry;

use super::floor;
use super::rival::Rival;
use super::timing::{Budget, Samples, side_by_side};

/// What was measured with one number of records.
pub(crate) struct Listing {
    pub(crate) size: usize,
    pub(crate) list: Samples,
    pub(crate) list_floor: Samples,
    /// The rival's median, in microseconds.
    pub(crate) list_rival: Option<f64>,
    /// Alive by identity; the floor is that of a listing.
    pub(crate) count: Samples,
    pub(crate) count_pids: Samples,
    pub(crate) count_pids_floor: Samples,
    pub(crate) count_rival: Option<f64>,
}

/// Measures in this directory, which has `size` live records.
pub(crate) fn measure(
    dir: &Path,
    size: usize,
    rival: Option<&Rival>,
    quick: bool,
) -> Result<Listing> {
    let registry = Registry::at(dir);
    // A listing that is fast because it sees nothing would look good below.
    let seen = registry.list();
    ensure!(seen.problems.is_empty(), "problems in the benchmark's directory: {:?}", seen.problems);
    let counts = [seen.count().alive, registry.count().alive, registry.count_pids()];
    ensure!(counts == [size; 3], "{counts:?} sessions are seen instead of {size}");
    ensure!(floor::list(dir)? == size && floor::count_pids(dir)? == size, "the floor sees others");
    drop(seen);
    let seconds = if quick { 2 } else { 8 };
    let budget = Budget { rounds: 20_000, time: Duration::from_secs(seconds) };
    let mut list = || {
        // With what it costs to throw the result away.
        drop(black_box(registry.list()));
        Ok(())
    };
    let mut list_floor = || Ok(_ = black_box(floor::list(dir)?));
    let mut count = || {
        black_box(registry.count());
        Ok(())
    };
    let mut count_pids = || {
        black_box(registry.count_pids());
        Ok(())
    };
    let mut count_pids_floor = || Ok(_ = black_box(floor::count_pids(dir)?));
    let listing = side_by_side(budget, &mut [&mut list, &mut list_floor, &mut count])?;
    let probing = side_by_side(budget, &mut [&mut count_pids, &mut count_pids_floor])?;
    let [list, list_floor, count] = take(listing)?;
    let [count_pids, count_pids_floor] = take(probing)?;
    let ask = |what| rival.map(|rival| rival.in_process(what, dir, size, quick)).transpose();
    Ok(Listing {
        size,
        list,
        list_floor,
        list_rival: ask("list")?,
        count,
        count_pids,
        count_pids_floor,
        count_rival: ask("count")?,
    })
}

pub(crate) fn take<const N: usize>(samples: Vec<Samples>) -> Result<[Samples; N]> {
    samples.try_into().map_err(|_| anyhow::anyhow!("one series of times for each operation"))
}
