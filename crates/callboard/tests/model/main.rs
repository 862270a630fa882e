//! A hunt for differences: a model of who is signed in and what each last said, beside a real
//! directory with real processes in three PID namespaces. Sequences of operations are made up,
//! everything is compared after each of them, and one that fails is cut down to what matters.
//!
//! The run in the normal suite always makes up the same sequences. `CALLBOARD_MODEL_CASES=N` tries
//! N others instead. The seed of one that fails is kept in `proptest-regressions.txt` beside this
//! file, and is tried first from then on.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod actor;
mod compare;
mod found;
mod model;
mod operation;
mod seen;
mod system;

use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};
use proptest_state_machine::prop_state_machine;
use system::System;

/// Cases of the normal run: some five seconds on an idle machine.
const CASES: u32 = 48;
const SEED: u64 = 0x0ca1_1b0a;

fn config() -> Config {
    let more = std::env::var("CALLBOARD_MODEL_CASES").ok().and_then(|n| n.parse().ok());
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/model/proptest-regressions.txt");
    Config {
        cases: more.unwrap_or(CASES),
        rng_seed: if more.is_some() { RngSeed::Random } else { RngSeed::Fixed(SEED) },
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        max_shrink_iters: 400,
        ..Config::default()
    }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn the_registry_says_what_the_model_says(sequential 1..40 => System);
}
