//! `cargo xtask test --times N`: the whole of it N times in a row, up to the first failure.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::tally::Tally;

/// Builds once, then runs everything so often. Each run is a process of its own, as if it had been
/// typed, and has its output in a file.
pub(super) fn run(times: u32) -> Result<()> {
    super::needs::provide()?;
    super::build()?;
    let dir = super::target_dir()?;
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let output = dir.join("test-series.log");
    let (mut sum, mut took) = (Tally::default(), Vec::new());
    for number in 1..=times {
        let (counted, time, is_good) = one(&output)?;
        let Tally { passed, failed } = counted;
        eprintln!("run {number}: {:.1} s, {passed} passed, {failed} failed", time.as_secs_f64());
        sum.passed += passed;
        sum.failed += failed;
        took.push(time);
        if !is_good || failed > 0 {
            println!("{}", closing(&mut took, &sum));
            bail!("run {number} of {times} failed; its output is in {}", output.display());
        }
    }
    println!("{}", closing(&mut took, &sum));
    Ok(())
}

/// One run: what it counted, how long it took, and whether it was content with itself.
fn one(output: &Path) -> Result<(Tally, Duration, bool)> {
    let file = File::create(output).with_context(|| format!("cannot make {}", output.display()))?;
    let start = Instant::now();
    let status = Command::new(std::env::current_exe()?)
        .arg("test")
        .stdout(file.try_clone()?)
        .stderr(file)
        .status()
        .context("cannot start a run")?;
    let took = start.elapsed();
    let said = std::fs::read(output)?;
    // One that ended before it had counted anything has passed nothing.
    let counted = last_line(&String::from_utf8_lossy(&said)).unwrap_or_default();
    Ok((counted, took, status.success() && counted.passed > 0))
}

/// The counts in the line that every run ends with; after it, there may be what went wrong.
fn last_line(output: &str) -> Option<Tally> {
    output.lines().rev().find_map(|line| {
        let (passed, failed) = line.strip_suffix(" failed")?.split_once(" passed, ")?;
        Some(Tally { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
    })
}

/// How many runs there were and how long they took, then all that they counted.
fn closing(took: &mut [Duration], sum: &Tally) -> String {
    took.sort();
    let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
    let (least, median, most) = (took.first(), took.get(took.len() / 2), took.last());
    format!(
        "{} runs, {:.1} s at the least, {:.1} s in the median, {:.1} s at the most\n{} passed, {} failed",
        took.len(),
        seconds(least),
        seconds(median),
        seconds(most),
        sum.passed,
        sum.failed
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_is_read_though_an_error_follows() {
        let counted = |passed, failed| Some(Tally { passed, failed });
        for (output, expected) in [
            ("== x\n1012 passed, 0 failed\n", counted(1012, 0)),
            ("3 passed, 9 failed\n1011 passed, 1 failed\nxtask: failed: x\n", counted(1011, 1)),
            ("test result: ok. 3 passed; 0 failed\n", None),
            ("error: could not compile\n", None),
            ("", None),
        ] {
            assert_eq!(last_line(output), expected, "{output}");
        }
    }

    #[test]
    fn a_series_ends_with_its_times_and_the_sum() {
        let mut took = [3, 1, 2].map(Duration::from_secs);
        let said = closing(&mut took, &Tally { passed: 12, failed: 0 });
        let runs = "3 runs, 1.0 s at the least, 2.0 s in the median, 3.0 s at the most";
        assert_eq!(said, format!("{runs}\n12 passed, 0 failed"));
    }
}
