//! The targets as programs: instrumented, and linked with libFuzzer.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::workspace::{self, cargo, has, program};

/// What cargo-fuzz 0.13 hands to the compiler with `--sanitizer none --no-trace-compares`, so that
/// building needs neither that program nor a nightly compiler.
///
/// No sanitizer, since our part of what is fuzzed has no unsafe code; and no looking at each of the
/// comparisons, which takes two thirds of the time and mostly finds words of the dictionaries.
const INSTRUMENTED: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-stack-depth \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0 \
    -Cdebug-assertions -Ccodegen-units=1 --cfg fuzzing";

/// A target that was built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) path: PathBuf,
}

/// How well they are built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Build {
    /// To be run.
    Optimised,
    /// To see that they build: half the time.
    Plain,
}

/// Builds them all.
pub(super) fn build(build: Build) -> Result<Vec<Program>> {
    if std::env::var_os("CXX").is_none() && !["c++", "g++", "clang++"].iter().any(|cxx| has(cxx)) {
        bail!("libFuzzer needs a C++ compiler; install one (Debian: sudo apt-get install g++)");
    }
    let mut flags = std::env::var("RUSTFLAGS").unwrap_or_default();
    flags.push(' ');
    flags.push_str(INSTRUMENTED);
    let mut command = cargo();
    command
        .args(["build", "--manifest-path", "fuzz/Cargo.toml", "--bins", "--profile"])
        .arg(if build == Build::Optimised { "release" } else { "dev" })
        // Named, or what runs while building would be instrumented too.
        .args(["--target", &host()?])
        .arg("--message-format=json-render-diagnostics")
        .env("RUSTFLAGS", flags.trim_start())
        .stderr(std::process::Stdio::inherit());
    let programs: Vec<Program> = workspace::output(command)?.lines().filter_map(built).collect();
    if programs.is_empty() {
        bail!("cargo names no program that it built in fuzz/");
    }
    Ok(programs)
}

/// The machine that this compiler runs on.
fn host() -> Result<String> {
    let mut rustc = program(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.arg("-vV");
    let said = workspace::output(rustc)?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

/// The program that one line of cargo's messages is about, if it is.
fn built(message: &str) -> Option<Program> {
    let message: Value = serde_json::from_str(message).ok()?;
    let path = message["executable"].as_str()?.into();
    Some(Program { name: message["target"]["name"].as_str()?.to_owned(), path })
}

/// Those with these names, in their order; all if there are none.
pub(super) fn chosen<'p>(programs: &'p [Program], names: &[String]) -> Result<Vec<&'p Program>> {
    if names.is_empty() {
        return Ok(programs.iter().collect());
    }
    let find = |name: &String| {
        programs.iter().find(|program| program.name == *name).with_context(|| {
            let all: Vec<&str> = programs.iter().map(|program| &*program.name).collect();
            format!("no target {name:?}; there are {}", all.join(", "))
        })
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_by_message() {
        let program = Program { name: "name".into(), path: "/t/name".into() };
        let cases = [
            (
                r#"{"reason":"compiler-artifact","target":{"name":"name"},"executable":"/t/name"}"#,
                Some(program.clone()),
            ),
            (
                r#"{"reason":"compiler-artifact","target":{"name":"callboard"},"executable":null}"#,
                None,
            ),
            (r#"{"reason":"build-finished","success":true}"#, None),
            ("warning: not a message", None),
        ];
        for (message, expected) in cases {
            assert_eq!(built(message), expected, "{message}");
        }
        let programs = [program.clone(), Program { name: "patch".into(), path: "/t/p".into() }];
        assert_eq!(chosen(&programs, &[]).unwrap().len(), 2);
        assert_eq!(chosen(&programs, &["name".into()]).unwrap(), [&program]);
        let error = chosen(&programs, &["nothing".into()]).unwrap_err().to_string();
        assert_eq!(error, "no target \"nothing\"; there are name, patch");
    }
}
