//! What is fuzzed, and what must hold of it. Each target is a function of bytes that panics where
//! a promise is broken, so that two drivers share it: libFuzzer (`fuzz/`, started by
//! `cargo xtask fuzz`) looks for new inputs for as long as one likes; the tests of this crate
//! replay the corpus and a fixed series of mutations of it in seconds.
//!
//! What a target compares with is never the code that it tests: `serde_json` says what JSON is,
//! and what ought to come out is worked out here a second time, slowly and plainly.

mod members;
mod name;
mod outcome;
mod patch;
mod record;
mod terminal;
mod wish;

pub use name::name;
pub use patch::patch;
pub use record::record;
pub use terminal::terminal;

/// A target, and the name of its corpus, its dictionary and its program.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As in `fuzz/corpus/<name>/`.
    pub name: &'static str,
    /// Panics where a promise is broken.
    pub check: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "record", check: record },
    Target { name: "name", check: name },
    Target { name: "patch", check: patch },
    Target { name: "terminal", check: terminal },
];

/// When everything happens here: targets ask no clock, or an input would not mean the same twice.
pub(crate) const NOW: u64 = 1_795_239_580_000;
