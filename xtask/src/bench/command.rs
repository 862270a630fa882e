//! The whole command, from starting it to its end.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use super::floor;
use super::listing::take;
use super::rival::Rival;
use super::timing::{Budget, Samples, side_by_side};

/// What was measured with one number of records.
pub(crate) struct Whole {
    pub(crate) ps: Samples,
    /// The least that a program can do: start and end.
    pub(crate) nothing: Samples,
    pub(crate) rival: Option<Samples>,
}

/// `callboard ps --json` over a home of its own and no other registry.
pub(crate) fn ps(callboard: &Path, home: &Path) -> Command {
    let mut command = Command::new(callboard);
    command.args(["ps", "--json"]).env_clear();
    command.env("CALLBOARD_HOME", home).env("HOME", home).env("PATH", "/usr/bin:/bin");
    command
}

/// Measures the command, `/bin/true` and the rival in turns.
pub(crate) fn measure(
    callboard: &Path,
    home: &Path,
    size: usize,
    rival: Option<&Rival>,
    quick: bool,
) -> Result<Whole> {
    let said = crate::workspace::output(ps(callboard, home))?;
    let listed: serde_json::Value = serde_json::from_str(&said).context("what ps printed")?;
    let listed = listed.as_array().map_or(0, Vec::len);
    ensure!(listed == size, "ps lists {listed} sessions instead of {size}");
    let seconds = if quick { 3 } else { 15 };
    let budget = Budget { rounds: 5_000, time: Duration::from_secs(seconds) };
    let mut ps = || run(self::ps(callboard, home));
    let mut nothing = || run(Command::new("/bin/true"));
    let [ps, nothing] = take(side_by_side(budget, &mut [&mut ps, &mut nothing])?)?;
    let rival = match rival {
        None => None,
        Some(rival) => {
            let sessions = home.join("sessions");
            let budget = Budget { rounds: if quick { 20 } else { 100 }, ..budget };
            let mut node = || run(rival.command("list", &sessions));
            let [times] = take(side_by_side(budget, &mut [&mut node])?)?;
            Some(times)
        }
    };
    Ok(Whole { ps, nothing, rival })
}

/// The command on a machine where many processes run that are no sessions: it reads the name of
/// each, for those that no record explains.
pub(crate) struct Among {
    /// How many processes there were.
    pub(crate) processes: usize,
    pub(crate) ps: Samples,
    /// Reading every name, and nothing else.
    pub(crate) names: Samples,
}

/// Measures that, with the processes that run now.
pub(crate) fn among(callboard: &Path, home: &Path, quick: bool) -> Result<Among> {
    let proc = floor::open_directory(Path::new("/proc"))?;
    let processes = floor::process_names(&proc)?;
    let budget = Budget { rounds: 500, time: Duration::from_secs(if quick { 3 } else { 10 }) };
    let mut ps = || run(self::ps(callboard, home));
    let mut names = || floor::process_names(&proc).map(drop).map_err(Into::into);
    let [ps, names] = take(side_by_side(budget, &mut [&mut ps, &mut names])?)?;
    Ok(Among { processes, ps, names })
}

pub(crate) fn run(mut command: Command) -> Result<()> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let status = command.status().context("cannot start a command to measure")?;
    ensure!(status.success(), "{} failed ({status})", crate::workspace::shown(&command));
    Ok(())
}

/// The most memory that a command had at once, in KiB, measured from a process of its own: what
/// the system keeps is the greatest of all children, and a child that was not yet replaced by its
/// program counts as large as its parent.
pub(crate) fn peak_of(command: &Command) -> Result<u64> {
    let mut measured = Command::new(std::env::current_exe().context("where this program is")?);
    measured.args(["bench-one", "peak"]).arg(command.get_program()).args(command.get_args());
    measured.env_clear();
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            measured.env(name, value);
        }
    }
    let said = crate::workspace::output(measured)?;
    said.trim().parse().with_context(|| format!("the measured peak is {said:?}"))
}

/// The other end of it: `bench-one peak COMMAND...`
pub(crate) fn peak(command: &[&str]) -> Result<()> {
    let [program, arguments @ ..] = command else { bail!("no command to measure") };
    let mut child = Command::new(program);
    child.args(arguments);
    run(child)?;
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(())
}
