//! `cargo xtask test`: what the tests need, then every test of the workspace.

mod needs;
mod tally;

use anyhow::{Result, bail};

use crate::workspace::{self, Steps, cargo};
pub(crate) use needs::provide_these;
use tally::{Runner, Tally};

/// Runs everything, and ends with one plain line of what was counted.
pub(crate) fn run() -> Result<()> {
    needs::provide()?;
    let mut steps = Steps::default();
    let mut total = Tally::default();
    steps.take("unit and integration tests", || {
        let mut command = cargo();
        let runner = if workspace::has("cargo-nextest") {
            command.args(["nextest", "run"]);
            Runner::Nextest
        } else {
            // Without nextest there is no time limit per test: a test that hangs, hangs.
            eprintln!("cargo-nextest is not installed; running `cargo test`, without its limits");
            command.args(["test", "--all-targets"]);
            Runner::Libtest
        };
        command.args(["--workspace", "--all-features", "--no-fail-fast"]);
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
            || portable(&mut total),
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

/// Compiles what other systems get and runs its unit tests; `--cfg callboard_portable` selects it
/// on Linux too. It has a target directory of its own, since other flags would throw away what the
/// tests have built.
fn portable(total: &mut Tally) -> Result<()> {
    let mut command = cargo();
    let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    flags.push_str(" --cfg callboard_portable");
    command
        .args(["test", "--package", "callboard", "--all-features", "--lib", "--target-dir"])
        .arg(target_dir()?.join("portable"))
        .env("RUSTFLAGS", flags.trim_start());
    tally::run(command, Runner::Libtest, total)
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
