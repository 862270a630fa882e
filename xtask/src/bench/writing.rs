//! Signing in and out, and updating, beside the floor.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use callboard::Registry;

use super::listing::take;
use super::timing::{Budget, Samples, side_by_side};
use super::{floor, one};

/// What was measured on one file system.
pub(crate) struct Writing {
    pub(crate) file_system: String,
    pub(crate) register: Samples,
    pub(crate) register_floor: Samples,
    pub(crate) update: Samples,
    pub(crate) update_floor: Samples,
}

/// Measures in two new directories below this one.
pub(crate) fn measure(below: &Path, file_system: String, quick: bool) -> Result<Writing> {
    let seconds = if quick { 2 } else { 6 };
    let budget = Budget { rounds: 50_000, time: Duration::from_secs(seconds) };
    let registry = Registry::at(below.join("writing"));
    let bytes = one::record_bytes(&registry)?;
    let floor = floor::Writer::new(&below.join("writing-floor"), bytes)?;
    let mut register = || {
        one::register(&registry)?.sign_out()?;
        Ok(())
    };
    let mut register_floor = || Ok(floor.register()?);
    let registering = side_by_side(budget, &mut [&mut register, &mut register_floor])?;
    let me = one::register(&registry)?;
    let mut standing = floor.appear()?;
    let mut turn = 0;
    let mut update = || {
        me.set_status(one::status(turn), None)?;
        turn += 1;
        Ok(())
    };
    let mut update_floor = || Ok(floor.update(&mut standing)?);
    let updating = side_by_side(budget, &mut [&mut update, &mut update_floor])?;
    floor.disappear(standing)?;
    me.sign_out()?;
    let [register, register_floor] = take(registering)?;
    let [update, update_floor] = take(updating)?;
    Ok(Writing { file_system, register, register_floor, update, update_floor })
}
