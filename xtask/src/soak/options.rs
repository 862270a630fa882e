//! What a run of the storms was asked for.

use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};

pub(super) const USAGE: &str = "\
cargo xtask soak [--quick] [--minutes N] [--seed N]

  --quick        about 30 seconds
  --minutes N    all storms again and again, until N minutes have passed
  --seed N       make the same choices again: who is killed, and when

The registry is in the directory for temporary files; TMPDIR chooses another file system.";

/// How many of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Sessions that come and go.
    pub(super) brief_sessions: u64,
    /// Updates by each of the writers of one record.
    pub(super) updates_each: u64,
    /// Listings while one record is being written.
    pub(super) reads: u64,
    /// Sessions one after another with one pid number.
    pub(super) recycled: u64,
    /// Sessions at the same time.
    pub(super) crowd: u64,
}

const FULL: Sizes = Sizes {
    brief_sessions: 100_000,
    updates_each: 10_000,
    reads: 1_000_000,
    recycled: 10_000,
    crowd: 10_000,
};

const QUICK: Sizes = Sizes {
    brief_sessions: 8_000,
    updates_each: 1_000,
    reads: 80_000,
    recycled: 1_500,
    crowd: 1_000,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) sizes: Sizes,
    /// Without it every storm runs once.
    pub(super) lasting: Option<Duration>,
    pub(super) seed: u64,
}

/// `None` if only the usage was asked for.
pub(super) fn parse(arguments: &[&str]) -> Result<Option<Options>> {
    let mut options = Options { sizes: FULL, lasting: None, seed: seed_of_now() };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || -> Result<u64> {
            let text = rest.next().with_context(|| format!("{argument} needs a number"))?;
            text.parse().with_context(|| format!("{argument} needs a number, not {text:?}"))
        };
        match *argument {
            "--quick" => options.sizes = QUICK,
            "--minutes" => options.lasting = Some(Duration::from_secs(number()? * 60)),
            "--seed" => options.seed = number()?,
            "--help" | "-h" => return Ok(None),
            other => bail!("soak does not take {other:?}\n{USAGE}"),
        }
    }
    Ok(Some(options))
}

/// Another one for each run that does not name one; it is printed.
fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_secs() ^ u64::from(now.subsec_nanos())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_by_case() {
        let minutes = |n: u64| Some(Duration::from_secs(n * 60));
        let cases: &[(&[&str], Option<Options>)] = &[
            (&["--seed", "7"], Some(Options { sizes: FULL, lasting: None, seed: 7 })),
            (
                &["--quick", "--seed", "7", "--minutes", "2"],
                Some(Options { sizes: QUICK, lasting: minutes(2), seed: 7 }),
            ),
            (&["--seed", "7", "--help"], None),
        ];
        for (arguments, expected) in cases {
            assert_eq!(parse(arguments).ok().as_ref(), Some(expected), "{arguments:?}");
        }
        for wrong in [&["--seed"][..], &["--minutes", "soon"], &["10"]] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
