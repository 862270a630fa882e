//! One target under libFuzzer, and what libFuzzer says about it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::program::Program;

/// Longer inputs find nothing that these do not: what is about limits is stretched by the targets.
const LONGEST: usize = 1024;

/// What came of it.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) seconds: u64,
    pub(super) figures: Figures,
    /// Inputs that broke a promise, took too long or too much memory.
    pub(super) findings: Vec<PathBuf>,
}

/// What libFuzzer counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) executions: u64,
    /// Inputs that reached something that none had reached before.
    pub(super) new_inputs: u64,
}

/// Runs it until the time is over or something is found.
pub(super) fn run(program: &Program, fuzz: &Path, lasting: Duration) -> Result<Outcome> {
    let artifacts = fuzz.join("artifacts").join(&program.name);
    let grown = fuzz.join("grown").join(&program.name);
    for dir in [&artifacts, &grown] {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    }
    let before = files(&artifacts)?;
    let mut command = Command::new(&program.path);
    command
        .arg(format!("-max_total_time={}", lasting.as_secs()))
        .arg(format!("-max_len={LONGEST}"))
        .args(["-len_control=0", "-timeout=30", "-print_final_stats=1"])
        .arg(format!("-dict={}/dictionaries/{}.dict", fuzz.display(), program.name))
        .arg(format!("-artifact_prefix={}/", artifacts.display()))
        // What is new goes into the first; the other one is under version control.
        .arg(&grown)
        .arg(fuzz.join("corpus").join(&program.name))
        .env("RUST_BACKTRACE", "0")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let began = Instant::now();
    let mut child =
        command.spawn().with_context(|| format!("cannot start {}", program.path.display()))?;
    let mut figures = Figures::default();
    if let Some(said) = child.stderr.take() {
        figures = listen(said, std::io::stderr())?;
    }
    let status = child.wait().context("cannot wait for a fuzz target")?;
    let findings: Vec<PathBuf> = files(&artifacts)?.difference(&before).cloned().collect();
    if !status.success() && findings.is_empty() {
        bail!("{} ended with {status}, and left no input", program.path.display());
    }
    Ok(Outcome { seconds: began.elapsed().as_secs(), figures, findings })
}

fn files(dir: &Path) -> Result<BTreeSet<PathBuf>> {
    let entries =
        std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let files: std::io::Result<_> = entries.map(|entry| Ok(entry?.path())).collect();
    files.with_context(|| format!("cannot read {}", dir.display()))
}

/// Reads it to the end; what tells of a finding is passed on, progress is not.
fn listen(said: impl Read, mut to: impl Write) -> Result<Figures> {
    let mut figures = Figures::default();
    let mut reader = BufReader::new(said);
    let mut line = Vec::new();
    loop {
        line.clear();
        // Inputs are shown as bytes, not always text.
        if reader.read_until(b'\n', &mut line).context("cannot read what libFuzzer says")? == 0 {
            return Ok(figures);
        }
        let text = String::from_utf8_lossy(&line);
        figures.add(&text);
        if is_about_a_finding(&text) {
            to.write_all(&line).context("cannot pass on what libFuzzer says")?;
        }
    }
}

impl Figures {
    fn add(&mut self, line: &str) {
        let Some((name, number)) =
            line.strip_prefix("stat::").and_then(|stat| stat.split_once(':'))
        else {
            return;
        };
        let number = number.trim().parse().unwrap_or(0);
        match name {
            "number_of_executed_units" => self.executions = number,
            "new_units_added" => self.new_inputs = number,
            _ => {}
        }
    }
}

/// Progress begins with `#`, facts about the run with `INFO:` and the like, figures with `stat::`.
fn is_about_a_finding(line: &str) -> bool {
    let progress = ["#", "INFO:", "WARNING:", "Dictionary:", "stat::", "Done ", "\""];
    !line.trim().is_empty() && !progress.iter().any(|word| line.starts_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_only_findings_are_passed_on() {
        let said = "\
INFO: Seed: 7\n\
Dictionary: 59 entries\n\
#2048\tNEW    cov: 3121 ft: 10878 corp: 1460/218Kb\n\
thread '<unnamed>' (7) panicked at src/patch.rs:84:5:\n\
the rest is as it was\n\
==7== ERROR: libFuzzer: deadly signal\n\
stat::number_of_executed_units: 60924\n\
stat::new_units_added:          712\n\
stat::peak_rss_mb:              32\n";
        let mut passed_on = Vec::new();
        let figures = listen(said.as_bytes(), &mut passed_on).unwrap();
        assert_eq!(figures, Figures { executions: 60_924, new_inputs: 712 });
        let passed_on = String::from_utf8(passed_on).unwrap();
        assert_eq!(passed_on.lines().count(), 3, "{passed_on}");
        assert!(passed_on.starts_with("thread"), "{passed_on}");
    }
}
