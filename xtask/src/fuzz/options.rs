//! What a run of the fuzz targets was asked for.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context, Result, bail};

pub(super) const USAGE: &str = "\
cargo xtask fuzz [--minutes N] [TARGET...]
cargo xtask fuzz --build

  --minutes N    each target for N minutes (1 if not said)
  --build        only build the targets, as proof that they build
  TARGET         record, name, patch, terminal (all if none is named)

What is found is in fuzz/artifacts; inputs that reach something new are in fuzz/grown.";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) wanted: Wanted,
    /// Of each target.
    pub(super) lasting: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Build,
    /// By name; all if there is none.
    Targets(Vec<String>),
}

/// `None` if only the usage was asked for.
pub(super) fn parse(arguments: &[&str]) -> Result<Option<Options>> {
    let (mut names, mut build, mut minutes) = (Vec::new(), false, None);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match *argument {
            "--minutes" => {
                let text = rest.next().context("--minutes needs a number")?;
                // For libFuzzer no time is without end.
                let number: NonZeroU32 = text
                    .parse()
                    .with_context(|| format!("--minutes needs a number from 1, not {text:?}"))?;
                minutes = Some(number);
            }
            "--build" => build = true,
            "--help" | "-h" => return Ok(None),
            other if other.starts_with('-') => bail!("fuzz does not take {other:?}\n{USAGE}"),
            name => names.push(name.to_owned()),
        }
    }
    let wanted = match (build, names.is_empty() && minutes.is_none()) {
        (true, true) => Wanted::Build,
        (true, false) => bail!("--build builds them all and runs none\n{USAGE}"),
        (false, _) => Wanted::Targets(names),
    };
    let lasting = Duration::from_secs(60 * u64::from(minutes.map_or(1, NonZeroU32::get)));
    Ok(Some(Options { wanted, lasting }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_by_case() {
        let targets = |names: &[&str]| Wanted::Targets(names.iter().map(|n| (*n).into()).collect());
        let options = |wanted, minutes: u64| {
            Some(Options { wanted, lasting: Duration::from_secs(60 * minutes) })
        };
        let cases: &[(&[&str], Option<Options>)] = &[
            (&[], options(targets(&[]), 1)),
            (&["--minutes", "30"], options(targets(&[]), 30)),
            (&["patch", "--minutes", "2", "name"], options(targets(&["patch", "name"]), 2)),
            (&["--build"], options(Wanted::Build, 1)),
            (&["--build", "--help"], None),
        ];
        for (arguments, expected) in cases {
            assert_eq!(parse(arguments).ok().as_ref(), Some(expected), "{arguments:?}");
        }
        for wrong in [
            &["--minutes"][..],
            &["--minutes", "soon"],
            &["--minutes", "0"],
            &["--seed"],
            &["--build", "name"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
