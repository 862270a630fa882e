//! How many tests passed and failed, as the test runners say it themselves.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Which runner's words are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `Summary [   0.024s] 12 tests run: 10 passed, 2 failed, 1 skipped`, on standard error.
    Nextest,
    /// `test result: ok. 3 passed; 0 failed; ...` once per test binary, on standard output.
    Libtest,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

/// Runs the command, passes its output on, and adds what it counted. A runner that ends without
/// having counted anything is an error: its words may have changed.
pub(crate) fn run(mut command: Command, runner: Runner, total: &mut Tally) -> Result<()> {
    let line = workspace::shown(&command);
    match runner {
        Runner::Nextest => command.stderr(Stdio::piped()),
        Runner::Libtest => command.stdout(Stdio::piped()),
    };
    let mut child = command.spawn().with_context(|| format!("cannot start `{line}`"))?;
    let counted = match (child.stderr.take(), child.stdout.take()) {
        (Some(pipe), _) => pass_on(pipe, std::io::stderr(), runner)?,
        (None, Some(pipe)) => pass_on(pipe, std::io::stdout(), runner)?,
        (None, None) => None,
    };
    let status = child.wait().with_context(|| format!("cannot wait for `{line}`"))?;
    if let Some(counted) = counted {
        total.passed += counted.passed;
        total.failed += counted.failed;
    }
    match (status.success(), counted) {
        (false, _) => bail!("`{line}` failed ({status})"),
        (true, None) => bail!("`{line}` did not say how many tests it ran"),
        (true, Some(_)) => Ok(()),
    }
}

fn pass_on(from: impl Read, mut to: impl Write, runner: Runner) -> Result<Option<Tally>> {
    let mut counted: Option<Tally> = None;
    let mut reader = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        // Test output is bytes, not always text.
        if reader.read_until(b'\n', &mut line).context("cannot read the output of the tests")? == 0
        {
            return Ok(counted);
        }
        to.write_all(&line).context("cannot pass on the output of the tests")?;
        if let Some(more) = read_line(&String::from_utf8_lossy(&line), runner) {
            let sum = counted.get_or_insert_default();
            sum.passed += more.passed;
            sum.failed += more.failed;
        }
    }
}

/// Both runners colour their words, CARGO_TERM_COLOR=always, even into a pipe.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut parts = line.split("\x1b[");
    plain.push_str(parts.next().unwrap_or_default());
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_, after)| after));
    }
    plain
}

/// What one line of output counts, if it is one that counts. Tests print too: a line only counts
/// if it begins as the runner's lines do.
fn read_line(line: &str, runner: Runner) -> Option<Tally> {
    let line = without_colours(line);
    let line = line.trim();
    let counts = match runner {
        Runner::Libtest => {
            let rest = line.strip_prefix("test result: ")?;
            rest.strip_prefix("ok. ").or_else(|| rest.strip_prefix("FAILED. "))?
        }
        Runner::Nextest => {
            let rest = line.strip_prefix("Summary [")?;
            rest.split_once(" run: ")?.1
        }
    };
    let mut tally = Tally::default();
    let mut found = false;
    for part in counts.split([',', ';']) {
        // `10 passed (1 slow, 2 leaky)`: what is in parentheses is among those that passed, and
        // the comma inside leaves a part that begins with a number too, but no word below.
        let Some((number, word)) = part.trim().split_once(' ') else { continue };
        let Ok(number) = number.parse::<u64>() else { continue };
        if word == "passed" || word.starts_with("passed (") {
            tally.passed += number;
            found = true;
        } else if ["failed", "timed out", "exec failed"]
            .iter()
            .any(|w| word == *w || word.strip_prefix(w).is_some_and(|r| r.starts_with(" (")))
        {
            tally.failed += number;
            found = true;
        }
    }
    found.then_some(tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closing_lines_of_both_runners_are_understood() {
        let cases = [
            (
                Runner::Nextest,
                "     Summary [   0.024s] 12 tests run: 12 passed, 0 skipped\n",
                Some((12, 0)),
            ),
            (
                Runner::Nextest,
                "Summary [ 61.0s] 9 tests run: 6 passed (1 slow, 2 leaky), 2 failed, 1 timed out, 3 skipped",
                Some((6, 3)),
            ),
            (
                Runner::Nextest,
                "Summary [ 1s] 3/9 tests run: 1 passed, 1 failed, 1 exec failed, 0 skipped",
                Some((1, 2)),
            ),
            (
                Runner::Nextest,
                "Summary [ 1s] 1 test run: 0 passed, 1 failed (1 due to being leaky), 0 skipped",
                Some((0, 1)),
            ),
            (
                Runner::Nextest,
                "\u{1b}[32;1m     Summary\u{1b}[0m [  21.935s] \u{1b}[1m295\u{1b}[0m tests run: \u{1b}[1m295\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, \u{1b}[1m0\u{1b}[0m \u{1b}[33;1mskipped\u{1b}[0m",
                Some((295, 0)),
            ),
            (Runner::Nextest, "        PASS [   0.004s] callboard record::tests::x", None),
            (Runner::Nextest, "test result: ok. 3 passed; 0 failed", None),
            (
                Runner::Libtest,
                "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.2s",
                Some((3, 0)),
            ),
            (Runner::Libtest, "test result: FAILED. 3 passed; 2 failed; 0 ignored", Some((3, 2))),
            (Runner::Libtest, "the test result: ok. 3 passed", None),
            (Runner::Libtest, "", None),
        ];
        for (runner, line, expected) in cases {
            let expected = expected.map(|(passed, failed)| Tally { passed, failed });
            assert_eq!(read_line(line, runner), expected, "{line}");
        }
    }

    #[test]
    fn output_is_passed_on_byte_for_byte_and_binaries_add_up() {
        let said = b"\xff\ntest result: ok. 3 passed; 0 failed\ntest result: FAILED. 1 passed; 2 failed\nlast";
        let mut heard = Vec::new();
        let counted = pass_on(&said[..], &mut heard, Runner::Libtest).unwrap();
        assert_eq!(heard, said);
        assert_eq!(counted, Some(Tally { passed: 4, failed: 2 }));
    }
}
