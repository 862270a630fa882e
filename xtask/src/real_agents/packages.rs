//! The agents as their makers publish them, each version in a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::agents::{Agent, processor};
use crate::workspace;

/// The directory of an agent's version, installed if it is not there yet.
pub(super) fn agent(packages: &Path, agent: &Agent, version: &str) -> Result<PathBuf> {
    install(packages, &format!("{}-{version}", agent.known_as), agent.package, version)
}

/// A node that runs it: the one on the path, or else one of the same source.
pub(super) fn node(packages: &Path, agent: &Agent) -> Result<PathBuf> {
    let here = installed_node();
    if let Some((path, version)) = here
        && version >= agent.node
    {
        return Ok(path);
    }
    let package = format!("node-linux-{}", processor());
    let version = agent.node.to_string();
    let directory = install(packages, &format!("node-{version}"), &package, &version)?;
    Ok(directory.join("node_modules").join(package).join("bin/node"))
}

fn installed_node() -> Option<(PathBuf, u32)> {
    let mut command = workspace::program("node");
    command.args(["-p", "process.execPath + ' ' + process.versions.node"]);
    let said = workspace::output(command).ok()?;
    let (path, version) = said.trim().rsplit_once(' ')?;
    Some((path.into(), version.split('.').next()?.parse().ok()?))
}

/// Installs without running anything that the packages bring along to be run. What is half
/// installed when this is interrupted has another name.
fn install(packages: &Path, name: &str, package: &str, version: &str) -> Result<PathBuf> {
    let directory = packages.join(name);
    if directory.is_dir() {
        return Ok(directory);
    }
    eprintln!("installing {package}@{version}");
    let partial = packages.join(format!(".{name}.partial"));
    fs::create_dir_all(&partial)?;
    fs::write(partial.join("package.json"), "{\"private\":true}\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--silent", "--prefix"]);
    npm.arg(&partial).arg(format!("{package}@{version}"));
    workspace::run(npm).with_context(|| format!("cannot install {package}@{version}"))?;
    fs::rename(&partial, &directory)
        .with_context(|| format!("cannot rename {}", partial.display()))?;
    Ok(directory)
}
