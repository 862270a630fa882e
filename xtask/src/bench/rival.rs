//! The rival: a JavaScript program that does what such programs do today, under Node.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::timing::Samples;
use crate::workspace;

/// The script, which is not part of this project, and the `node` to run it.
pub(crate) struct Rival {
    script: PathBuf,
}

impl Rival {
    /// The one that was named, or the one beside the workspace; nothing if either is missing.
    pub(crate) fn find(named: Option<&str>) -> Option<Self> {
        let script = match named {
            Some(path) => PathBuf::from(path),
            None => match std::env::var_os("CALLBOARD_BENCH_ORIGIN") {
                Some(path) => path.into(),
                None => workspace::root().parent()?.join("shared/bench/origin.mjs"),
            },
        };
        (script.is_file() && workspace::has("node")).then_some(Self { script })
    }

    /// The median of one pass in a warm process, in microseconds: the middle one of three runs.
    pub(crate) fn in_process(
        &self,
        what: &str,
        dir: &Path,
        size: usize,
        quick: bool,
    ) -> Result<f64> {
        let repeat = (if quick { 20_000 } else { 100_000 } / size).clamp(10, 2_000);
        let runs = if quick { 1 } else { 3 };
        let mut medians = Vec::new();
        for _ in 0..runs {
            let mut node = self.command(what, dir);
            node.arg(repeat.to_string());
            let said = workspace::output(node)?;
            let median = said.trim().parse();
            medians.push(median.with_context(|| format!("the rival said {said:?}"))?);
        }
        Ok(Samples::new(medians).p50())
    }

    /// The whole command.
    pub(crate) fn command(&self, what: &str, dir: &Path) -> Command {
        let mut node = Command::new("node");
        node.arg(&self.script).arg(what).arg(dir);
        node
    }
}
