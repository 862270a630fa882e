//! The processes of a storm: this program, started again with a role.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};
use callboard::Registry;

use super::random::Random;
use super::tally::Tally;
use super::{churn, crowd, directory, one_record, recycle};

/// What `soak-actor` is followed by: the role, the directory of records, the seed, numbers.
const SUBCOMMAND: &str = "soak-actor";

/// What a role is played with.
pub(super) struct Part {
    pub(super) registry: Registry,
    pub(super) random: Random,
    pub(super) numbers: Vec<u64>,
}

impl Part {
    pub(super) fn number(&self, index: usize) -> Result<u64> {
        self.numbers.get(index).copied().context("a number is missing")
    }
}

/// Plays one role and prints what came of it as the last line.
pub(crate) fn act(arguments: &[&str]) -> Result<()> {
    let [role, dir, seed, numbers @ ..] = arguments else {
        bail!("usage: xtask {SUBCOMMAND} ROLE DIR SEED [NUMBER]...");
    };
    let numbers = numbers.iter().map(|n| n.parse::<u64>()).collect::<Result<_, _>>()?;
    let part = Part { registry: Registry::at(*dir), random: Random::new(seed.parse()?), numbers };
    let tally = match *role {
        "come-and-go" => churn::come_and_go(part)?,
        "sweep" => directory::sweep_until_told(&part)?,
        "write" => one_record::write(&part)?,
        "write-until-gone" => one_record::write_until_gone(&part)?,
        "read" => one_record::read(&part)?,
        "recycle" => recycle::recycle(part)?,
        "crowd" => crowd::host(part)?,
        _ => bail!("no role {role:?}"),
    };
    println!("{}", tally.to_line());
    Ok(())
}

/// One such process, as the storm sees it. Killed when it is dropped before it was heard out.
pub(super) struct Actor {
    role: String,
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Actor {
    pub(super) fn start(role: &str, dir: &Path, seed: u64, numbers: &[u64]) -> Result<Self> {
        Self::start_by(&[], role, dir, seed, numbers)
    }

    /// Starts it through another program, which executes its arguments.
    pub(super) fn start_by(
        wrapper: &[&str],
        role: &str,
        dir: &Path,
        seed: u64,
        numbers: &[u64],
    ) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = match wrapper.split_first() {
            None => Command::new(program),
            Some((first, rest)) => {
                let mut command = Command::new(first);
                command.args(rest).arg(program);
                command
            }
        };
        command.args([SUBCOMMAND, role]).arg(dir).arg(seed.to_string());
        command.args(numbers.iter().map(u64::to_string));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().context("no standard output")?);
        Ok(Self { role: role.to_owned(), child, input, output })
    }

    pub(super) fn say(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("nothing more was to be said")?;
        writeln!(input, "{line}").with_context(|| format!("{} has ended", self.role))
    }

    pub(super) fn hear(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.output.read_line(&mut line);
        match read.with_context(|| format!("cannot hear {}", self.role))? {
            0 => bail!("{} ended without a word: {}", self.role, self.child.wait()?),
            _ => Ok(line.trim_end().to_owned()),
        }
    }

    /// Closes its standard input, for those that go on until then, and waits for its tally.
    pub(super) fn finish(mut self) -> Result<Tally> {
        drop(self.input.take());
        let tally = Tally::from_line(&self.hear()?)?;
        let status = self.child.wait()?;
        if !status.success() {
            bail!("{} failed: {status}", self.role);
        }
        Ok(tally)
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
