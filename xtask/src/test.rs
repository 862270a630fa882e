//! `cargo xtask test`: what the tests need, then every test of the workspace.

mod needs;
mod series;
mod tally;

use std::process::Command;

use anyhow::{Result, bail};

use crate::workspace::{self, Steps, cargo};
pub(crate) use needs::provide_these;
use tally::{Runner, Tally};

/// Runs everything, once or several times in a row, and ends with one plain line of what was
/// counted.
pub(crate) fn run(options: &[&str]) -> Result<()> {
    match options {
        [] => once(),
        ["--times", times] => match times.parse() {
            Ok(times) if times > 0 => series::run(times),
            _ => bail!("--times takes how many runs there are to be, not {times:?}"),
        },
        _ => bail!("test takes nothing or `--times N`, not {options:?}"),
    }
}

fn once() -> Result<()> {
    needs::provide()?;
    let mut steps = Steps::default();
    let mut total = Tally::default();
    steps.take("unit and integration tests", || {
        let (mut command, runner) = everything();
        command.arg("--no-fail-fast");
        tally::run(command, runner, &mut total)
    });
    steps.take("examples in the documentation", || {
        // nextest does not run these.
        let mut command = cargo();
        command.args(["test", "--doc", "--workspace", "--all-features", "--no-fail-fast"]);
        tally::run(command, Runner::Libtest, &mut total)
    });
    if cfg!(target_os = "linux") {
        steps.take(
            "the library for systems other than Linux, compiled and its rules tested",
            || tally::run(for_others()?, Runner::Libtest, &mut total),
        );
    }
    let outcome = steps.finish();
    println!("{} passed, {} failed", total.passed, total.failed);
    outcome?;
    if total.passed == 0 {
        bail!("no test ran");
    }
    Ok(())
}

/// The tests of the workspace, but for the examples in the documentation.
fn everything() -> (Command, Runner) {
    let mut command = cargo();
    let runner = if workspace::has("cargo-nextest") {
        // One more than there are processors: many tests wait for most of their time.
        let threads = std::thread::available_parallelism().map_or(1, usize::from) + 1;
        command.args(["nextest", "run"]).arg(format!("--test-threads={threads}"));
        Runner::Nextest
    } else {
        // Without nextest there is no time limit per test: a test that hangs, hangs.
        eprintln!("cargo-nextest is not installed; running `cargo test`, without its limits");
        command.args(["test", "--all-targets"]);
        Runner::Libtest
    };
    command.args(["--workspace", "--all-features"]);
    (command, runner)
}

/// Compiles all that the tests need, and runs none.
fn build() -> Result<()> {
    let mut everything = everything().0;
    everything.arg("--no-run");
    workspace::run(everything)?;
    if cfg!(target_os = "linux") {
        let mut portable = for_others()?;
        portable.arg("--no-run");
        workspace::run(portable)?;
    }
    Ok(())
}

/// The unit tests of what other systems get; `--cfg callboard_portable` selects it
/// on Linux too. It has a target directory of its own, since other flags would throw away what the
/// tests have built.
fn for_others() -> Result<Command> {
    let mut command = cargo();
    let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    flags.push_str(" --cfg callboard_portable");
    command
        .args(["test", "--package", "callboard", "--all-features", "--lib", "--target-dir"])
        .arg(target_dir()?.join("portable"))
        .env("RUSTFLAGS", flags.trim_start());
    Ok(command)
}

fn target_dir() -> Result<std::path::PathBuf> {
    let mut command = cargo();
    command.args(["metadata", "--format-version=1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&workspace::output(command)?)?;
    match metadata["target_directory"].as_str() {
        Some(dir) => Ok(dir.into()),
        None => bail!("cargo metadata does not name the target directory"),
    }
}
