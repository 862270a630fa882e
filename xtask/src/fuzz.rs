//! `cargo xtask fuzz`: builds the fuzz targets for libFuzzer and runs them, one after the other.
//! What they hold the code to is in `crates/fuzz-targets`; the suite makes a short pass over the
//! same targets without libFuzzer.

mod engine;
mod options;
mod program;

use std::path::Path;

use anyhow::{Result, bail};

use crate::workspace;
use engine::Outcome;
use options::Wanted;
use program::Build;

/// Builds, and runs unless only building was asked for. A finding is an error.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let Some(options) = options::parse(arguments)? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    let Wanted::Targets(names) = &options.wanted else {
        println!("{} fuzz targets built", program::build(Build::Plain)?.len());
        return Ok(());
    };
    let programs = program::build(Build::Optimised)?;
    let targets = program::chosen(&programs, names)?;
    let fuzz = workspace::root().join("fuzz");
    let mut findings = 0;
    let mut table = format!(
        "{:<12}{:>8}{:>13}{:>9}{:>12}{:>9}{:>10}\n",
        "target", "seconds", "executions", "exec/s", "new inputs", "corpus", "findings"
    );
    for program in targets {
        eprintln!("== {} for {} s", program.name, options.lasting.as_secs());
        let outcome = engine::run(program, &fuzz, options.lasting)?;
        findings += outcome.findings.len();
        for finding in &outcome.findings {
            eprintln!("to see it again: {} {}", program.path.display(), finding.display());
        }
        let corpus = count(&fuzz.join("corpus").join(&program.name));
        table.push_str(&line(&program.name, &outcome, corpus));
    }
    print!("{table}");
    if findings > 0 {
        bail!("{findings} findings; mend what each shows, and put its input into fuzz/corpus");
    }
    Ok(())
}

fn line(name: &str, outcome: &Outcome, corpus: usize) -> String {
    let Outcome { seconds, figures, findings } = outcome;
    let speed = figures.executions.checked_div(*seconds).unwrap_or(figures.executions);
    format!(
        "{name:<12}{seconds:>8}{:>13}{speed:>9}{:>12}{corpus:>9}{:>10}\n",
        figures.executions,
        figures.new_inputs,
        findings.len()
    )
}

fn count(dir: &Path) -> usize {
    std::fs::read_dir(dir).into_iter().flatten().flatten().count()
}
