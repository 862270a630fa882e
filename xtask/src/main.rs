//! Callboard's own tasks, one file per command: `cargo xtask <command>`.

mod bench;
mod check;
mod fuzz;
mod generate;
#[cfg(target_os = "linux")]
mod real_agents;
#[cfg(not(target_os = "linux"))]
#[path = "real_agents/elsewhere.rs"]
mod real_agents;
mod soak;
mod test;
mod workspace;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
cargo xtask <command>

  test [--times N]     install or name what the tests need, then run every test; N times in a
                       row, up to the first failure
  check                formatting, clippy, docs, generated files, links, dependency count
  generate [--check]   write the files that come from code, or only compare them
  fuzz [options]       run the fuzz targets; `cargo xtask fuzz --help` lists the options
  bench [options]      measure; `cargo xtask bench --help` lists the options
  soak [options]       storms of processes; `cargo xtask soak --help` lists the options
  real-agents [...]    the agents themselves, offline, and what the board says of them; see --help";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<()> {
    let Some((command, rest)) = arguments.split_first() else {
        bail!("no command given\n{USAGE}");
    };
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    match (command.as_str(), rest.as_slice()) {
        ("test", options) => test::run(options),
        ("check", []) => check::run(),
        ("generate", []) => generate::run(generate::Mode::Write),
        ("generate", ["--check"]) => generate::run(generate::Mode::Compare),
        ("fuzz", options) => fuzz::run(options),
        ("bench", options) => bench::run(options),
        // What the benchmark starts of itself: it needs a process with nothing else in it.
        ("bench-one", options) => bench::one(options),
        ("soak", options) => soak::run(options),
        // The processes of a storm.
        ("soak-actor", options) => soak::act(options),
        ("real-agents", options) => real_agents::run(options),
        // One of its runs, in a network of its own.
        ("real-agents-run", options) => real_agents::one(options),
        ("help" | "--help" | "-h", _) => {
            println!("{USAGE}");
            Ok(())
        }
        ("check" | "generate", _) => bail!("{command} does not take {rest:?}\n{USAGE}"),
        _ => bail!("no command {command:?}\n{USAGE}"),
    }
}
