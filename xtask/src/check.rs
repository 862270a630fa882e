//! `cargo xtask check`: everything that must hold of the source itself, before any test runs.

mod dependencies;
mod links;
mod manual;
mod strings;

use anyhow::Result;

use crate::generate;
use crate::workspace::{self, Steps, cargo};

/// Takes every step, whichever fails.
pub(crate) fn run() -> Result<()> {
    let mut steps = Steps::default();
    steps.take("formatting", || {
        let mut command = cargo();
        command.args(["fmt", "--all", "--check"]);
        workspace::run(command)
    });
    steps.take("clippy", || {
        let mut command = cargo();
        command.args(["clippy", "--workspace", "--all-targets", "--all-features"]);
        command.args(["--", "--deny", "warnings"]);
        workspace::run(command)
    });
    steps.take("documentation", documentation);
    steps.take("generated files", || generate::run(generate::Mode::Compare));
    steps.take("manual and completions", manual::check);
    steps.take("links between documents", links::check);
    steps.take("forbidden strings", strings::check);
    steps.take("dependencies of the library", dependencies::check);
    steps.finish()
}

/// The command has the library's name, and both would be written to one place: the libraries are
/// documented first, then each command's own modules.
fn documentation() -> Result<()> {
    for what in [&["--workspace", "--lib"][..], &["--package", "callboard-cli", "--bins"][..]] {
        let mut command = cargo();
        command.args(["doc", "--no-deps", "--all-features"]).args(what);
        command.env("RUSTDOCFLAGS", "-D warnings");
        workspace::run(command)?;
    }
    Ok(())
}
