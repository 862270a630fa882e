//! All runs that were asked for, one after the other: two at a time would slow each other down.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::mode::Mode;
use super::one::{REPORT, Task};
use super::options::{self, DOCUMENT, Options};
use super::report::Report;
use super::{packages, processes, table};
use crate::workspace::{self, cargo, shown};
use crate::{generate, workspace::root};

/// A document that has the table and nothing else yet.
const EMPTY: &str = "# The agents\n\n<!-- generated: real-agents -->\n<!-- /generated -->\n";

/// Runs them; an error if a state was wrong that could have been right.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    let Some(options) = options::parse(arguments)? else {
        println!("{}", options::USAGE);
        return Ok(());
    };
    if !rustix::process::geteuid().is_root() {
        bail!("this needs root, to shut the agents off from the network");
    }
    for tool in ["npm", "ip", "unshare", "setsid"] {
        if !workspace::has(tool) {
            bail!(
                "{tool} is not on the path; `cargo xtask real-agents --help` says what is needed"
            );
        }
    }
    let callboard = match &options.binary {
        Some(binary) => binary.clone(),
        None => build()?,
    };
    let place = match &options.packages {
        Some(packages) => packages.clone(),
        None => target_directory()?.join("real-agents"),
    };
    std::fs::create_dir_all(&place)?;
    let machine = machine();
    let mut reports = Vec::new();
    for (name, only) in &options.agents {
        let agent = options::find(name)?;
        let versions: Vec<&str> = match only {
            Some(version) => vec![version],
            None => agent.versions.to_vec(),
        };
        for version in versions {
            let modules = packages::agent(&place, agent, version)?;
            let node = packages::node(&place, agent)?;
            // In the background what is tried is our host; one version of an agent is enough.
            let newest = only.as_deref().or(agent.versions.first().copied());
            let is_run = |mode: Mode, version| mode != Mode::Background || Some(version) == newest;
            for mode in options.modes.iter().filter(|mode| is_run(**mode, version)) {
                let task = |scratch: &Path| Task {
                    agent,
                    version: version.to_owned(),
                    mode: *mode,
                    modules: modules.clone(),
                    node: node.clone(),
                    scratch: scratch.to_owned(),
                    callboard: callboard.clone(),
                };
                reports.push(apart(&options, task)?);
            }
        }
    }
    finish(&options, &reports, &machine)
}

/// One run in a process and a network of its own.
fn apart(options: &Options, task: impl Fn(&Path) -> Task) -> Result<Report> {
    let mut scratch = tempfile::Builder::new().prefix("callboard-agents-").tempdir()?;
    scratch.disable_cleanup(options.keep);
    // What the system calls it: agents name their directory so, whatever they were started in.
    let path = scratch.path().canonicalize()?;
    let task = task(&path);
    eprintln!("== {} {} {}", task.agent.name, task.version, task.mode.phrase());
    if options.keep {
        eprintln!("in {}", path.display());
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
    command.arg(std::env::current_exe()?).arg("real-agents-run").args(task.to_arguments());
    let ended = command.status().with_context(|| format!("cannot start `{}`", shown(&command)));
    // Agents leave servers behind, and a run that was ended in its midst leaves its agent.
    processes::end_all_of(&path.join("home"));
    let broken = |why| Report::broken(task.agent.name, &task.version, task.mode, why);
    let report = match std::fs::read_to_string(path.join(REPORT)) {
        Ok(text) => Report::from_json(&serde_json::from_str(&text)?)?,
        Err(_) => broken(format!("the run left no report ({})", ended?)),
    };
    if let Some(why) = &report.broke_off {
        eprintln!("broke off: {why}");
    }
    let (half, worst, count) = report.cost;
    eprintln!("{count} times `callboard ps`, half of them within {half} us, all within {worst} us");
    Ok(report)
}

fn finish(options: &Options, reports: &[Report], machine: &str) -> Result<()> {
    let table = format!("{}\n{machine}\n", table::render(reports));
    if options.json {
        let all: Vec<Value> = reports.iter().map(Report::to_json).collect();
        println!("{:#}", Value::from(all));
    } else {
        print!("{table}");
    }
    if options.write {
        let path = root().join(DOCUMENT);
        let old = std::fs::read_to_string(&path).unwrap_or_else(|_| EMPTY.to_owned());
        generate::write(&path, &generate::replace(&old, "real-agents", &table)?)?;
        eprintln!("wrote {DOCUMENT}");
    }
    let faults: Vec<String> =
        reports.iter().flat_map(|report| table::faults(report, options.patient)).collect();
    for fault in &faults {
        eprintln!("wrong: {}", fault.escape_debug());
    }
    if !faults.is_empty() {
        bail!("{} states were not shown as they were, or something leaked", faults.len());
    }
    Ok(())
}

/// What else decides how fast everything is.
fn machine() -> String {
    let said = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (kernel, load) = (said("/proc/sys/kernel/osrelease"), said("/proc/loadavg"));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = load.split(' ').next().unwrap_or_default();
    format!("Linux {}, {cores} cores, load {load} when it began.", kernel.trim())
}

/// The command of this tree as users have it.
fn build() -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--quiet", "--release", "--package", "callboard-cli"]);
    workspace::run(command)?;
    Ok(target_directory()?.join("release/callboard"))
}

fn target_directory() -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["metadata", "--format-version=1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&workspace::output(command)?)?;
    let directory = metadata["target_directory"].as_str();
    Ok(directory.context("cargo metadata does not name the target directory")?.into())
}
