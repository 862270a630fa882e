//! How many system calls an operation makes, as `strace` counts them.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

/// How often each call is made in one operation.
pub(crate) type Calls = BTreeMap<String, f64>;

/// Counts: the difference between many runs and twice as many, so that what starting and ending
/// the process costs is not in it.
pub(crate) fn count(operation: &str, dir: &Path) -> Result<Calls> {
    const RUNS: usize = 20;
    let few = traced(operation, dir, RUNS)?;
    let many = traced(operation, dir, 2 * RUNS)?;
    let calls = many.iter().map(|(name, count)| {
        let extra = count - few.get(name).copied().unwrap_or(0.0);
        (name.clone(), extra / RUNS as f64)
    });
    Ok(calls.filter(|(_, count)| *count >= 0.5).collect())
}

fn traced(operation: &str, dir: &Path, repeat: usize) -> Result<Calls> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-c"]).arg(std::env::current_exe().context("where this program is")?);
    strace.args(["bench-one", operation]).arg(dir).arg(repeat.to_string());
    let output = strace.stdin(Stdio::null()).output().context("cannot start strace")?;
    let table = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "strace of {operation} failed: {table}");
    Ok(parse(&table))
}

/// `% time  seconds  usecs/call  calls  [errors]  name`, between two lines of dashes.
fn parse(table: &str) -> Calls {
    let rows = table.lines().skip_while(|l| !l.starts_with("------")).skip(1);
    rows.take_while(|l| !l.starts_with("------"))
        .filter_map(|row| {
            let cells: Vec<&str> = row.split_whitespace().collect();
            Some(((*cells.last()?).to_owned(), cells.get(3)?.parse().ok()?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_strace_is_understood() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n------ ----------- ----------- --------- --------- ----------------\n 60.00    0.000100           1       300         5 openat\n 40.00    0.000050           1        20           read\n------ ----------- ----------- --------- --------- ----------------\n100.00    0.000150           1       320         5 total\n";
        let expected = [("openat".to_owned(), 300.0), ("read".to_owned(), 20.0)];
        assert_eq!(parse(table), Calls::from(expected));
    }
}
