//! What a run was asked for.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use super::agents::{AGENTS, Agent};
use super::mode::Mode;

pub(super) const USAGE: &str = "\
cargo xtask real-agents [AGENT...] [options]

  AGENT           claude, codex, codex-alone (without its server), qwen, gemini, opencode, copilot,
                  pi; or AGENT@VERSION; all of them if there is none
  --hooks         only with our hooks installed
  --no-hooks      only without
  --background    only in the background, with our hooks: left, come back to, resized
  --packages DIR  where the agents are, or are installed to (target/real-agents)
  --binary FILE   the callboard to try (built from this tree, in release)
  --patient       late is not wrong: for a machine that does other things, too
  --keep          leave homes and logs, and say where they are
  --json          what was measured, as JSON
  --write         put the table into docs/AGENTS.md

Needs root, npm, iproute2 (`ip`) and util-linux (`unshare`, `setsid`). Only npm uses the network.";

pub(super) const DOCUMENT: &str = "docs/AGENTS.md";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Agents with the version to try, all of its versions if there is none.
    pub(super) agents: Vec<(String, Option<String>)>,
    /// How each is run.
    pub(super) modes: Vec<Mode>,
    pub(super) packages: Option<PathBuf>,
    pub(super) binary: Option<PathBuf>,
    /// Whether a state that is shown late is as good as one in time.
    pub(super) patient: bool,
    pub(super) keep: bool,
    pub(super) json: bool,
    pub(super) write: bool,
}

/// `None` if only the usage was asked for.
pub(super) fn parse(arguments: &[&str]) -> Result<Option<Options>> {
    let mut options = Options {
        agents: Vec::new(),
        modes: Mode::ALL.to_vec(),
        packages: None,
        binary: None,
        patient: false,
        keep: false,
        json: false,
        write: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut path = || -> Result<Option<PathBuf>> {
            let path = rest.next().with_context(|| format!("{argument} needs a path"))?;
            Ok(Some(std::path::absolute(path)?))
        };
        match *argument {
            "--hooks" => options.modes = vec![Mode::Hooks],
            "--no-hooks" => options.modes = vec![Mode::NoHooks],
            "--background" => options.modes = vec![Mode::Background],
            "--packages" => options.packages = path()?,
            "--binary" => options.binary = path()?,
            "--patient" => options.patient = true,
            "--keep" => options.keep = true,
            "--json" => options.json = true,
            "--write" => options.write = true,
            "--help" | "-h" => return Ok(None),
            other if other.starts_with('-') => {
                bail!("real-agents does not take {other:?}\n{USAGE}")
            }
            agent => options.agents.push(named(agent)?),
        }
    }
    if options.write && !options.agents.is_empty() {
        bail!("the table in {DOCUMENT} is of all agents; --write takes no AGENT");
    }
    if options.agents.is_empty() {
        options.agents = AGENTS.iter().map(|agent| (agent.name.to_owned(), None)).collect();
    }
    Ok(Some(options))
}

fn named(text: &str) -> Result<(String, Option<String>)> {
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version.to_owned())),
        None => (text, None),
    };
    find(name)?;
    Ok((name.to_owned(), version))
}

/// The agent of this name.
pub(super) fn find(name: &str) -> Result<&'static Agent> {
    let found = AGENTS.iter().find(|agent| agent.name == name);
    found.copied().with_context(|| format!("no agent {name:?}\n{USAGE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_by_case() {
        let parsed = |arguments: &[&str]| parse(arguments).unwrap().unwrap();
        assert_eq!(parsed(&[]).agents.len(), AGENTS.len());
        assert_eq!(parsed(&[]).modes, Mode::ALL);
        assert_eq!(parsed(&["--no-hooks"]).modes, [Mode::NoHooks]);
        assert_eq!(parsed(&["--background"]).modes, [Mode::Background]);
        let one = parsed(&["claude@2.1.197", "pi", "--keep", "--patient"]);
        let named =
            |name: &str, version: Option<&str>| (name.to_owned(), version.map(ToOwned::to_owned));
        assert_eq!(one.agents, [named("claude", Some("2.1.197")), named("pi", None)]);
        assert!(one.keep && one.patient && !one.write);
        assert_eq!(parse(&["--help"]).unwrap(), None);
        let wrong: &[&[&str]] = &[&["nobody"], &["--packages"], &["--soon"], &["pi", "--write"]];
        for wrong in wrong {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
