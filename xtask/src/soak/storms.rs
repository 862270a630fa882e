//! All storms, one after the other, and what they came to.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use callboard::Registry;
use testkit::Home;

use super::options::{self, Sizes};
use super::random::Random;
use super::tally::Tally;
use super::{churn, crowd, one_record, recycle};

/// What a storm is made of. Each has a registry of its own.
pub(super) struct Storm<'s> {
    pub(super) registry: Registry,
    pub(super) random: &'s mut Random,
    pub(super) sizes: Sizes,
}

type Run = fn(&mut Storm<'_>) -> Result<Tally>;

const STORMS: &[(&str, Run)] = &[
    ("8 processes sign in, end, are killed", churn::storm),
    ("8 writers and the owner of one record", one_record::writers),
    ("4 readers of a record that 4 write", one_record::readers),
    ("one pid number again and again, 4 sweep", recycle::storm),
    ("a crowd, half of it killed", crowd::storm),
];

/// Runs them; an error if anything was seen that must not be.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let Some(options) = options::parse(arguments)? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    let started = Instant::now();
    let mut random = Random::new(options.seed);
    let mut total = Tally::default();
    println!("seed {}, in {}", options.seed, std::env::temp_dir().display());
    println!(
        "{:<40} {:>8} {:>10} {:>10} {:>8} {:>8} {:>10}",
        "storm", "seconds", "operations", "listings", "kills", "swept", "violations"
    );
    'rounds: loop {
        for (name, run) in STORMS {
            let home = Home::new();
            let registry = Registry::at(home.sessions());
            let began = Instant::now();
            let tally = run(&mut Storm { registry, random: &mut random, sizes: options.sizes })?;
            print(name, began.elapsed(), &tally);
            total.add(tally);
            if options.lasting.is_some_and(|lasting| started.elapsed() >= lasting) {
                break 'rounds;
            }
        }
        if options.lasting.is_none() {
            break;
        }
    }
    print("all", started.elapsed(), &total);
    for example in &total.examples {
        println!("violation: {}", example.escape_debug());
    }
    if total.violations > 0 {
        bail!("{} violations; the same choices again: --seed {}", total.violations, options.seed);
    }
    Ok(())
}

fn print(name: &str, took: Duration, tally: &Tally) {
    println!(
        "{name:<40} {:>8.1} {:>10} {:>10} {:>8} {:>8} {:>10}",
        took.as_secs_f64(),
        tally.operations,
        tally.reads,
        tally.faults,
        tally.swept,
        tally.violations
    );
}
