//! The board as it is shown: which rows, in which order, as a table, as lines or as JSON. Pure:
//! rows go in, text comes out.

pub(crate) mod bars;
#[cfg(target_os = "linux")]
pub(crate) mod change;
pub(crate) mod detail;
pub(crate) mod filter;
pub(crate) mod gauge;
pub(crate) mod hosted;
pub(crate) mod json;
pub(crate) mod lines;
pub(crate) mod metrics;
pub(crate) mod naming;
pub(crate) mod state;
pub(crate) mod summary;
pub(crate) mod table;

#[cfg(test)]
pub(crate) mod sample;
