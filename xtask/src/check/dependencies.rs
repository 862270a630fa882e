//! How much a program takes in when it embeds the library.

use std::collections::BTreeSet;

use anyhow::{Result, bail};

use crate::workspace::{self, cargo};

/// The most packages that end up inside a program which embeds `callboard` as it comes.
///
/// It has 14: `rustix` (with `bitflags` and the tables of system calls) to make system calls by
/// safe names; `serde_json` and `serde` with what these are made of (six in all) for the nested
/// values of a record and for `--json`; `thiserror`; `tracing` with three of its own. Two are left
/// for what these will grow by themselves; a third needs a reason that is worth the number.
const LINKED: usize = 16;

/// The most packages that are compiled for it: those, and what the derive macro behind
/// `thiserror` needs while compiling (itself, `syn`, `quote`, `proc-macro2`, `unicode-ident`).
const COMPILED: usize = LINKED + 5;

/// Counts, and names them all if there are too many.
pub(super) fn check() -> Result<()> {
    for (what, edges, limit) in
        [("linked", "normal,no-proc-macro", LINKED), ("compiled", "normal", COMPILED)]
    {
        let mut command = cargo();
        command.args(["tree", "--package", "callboard", "--edges", edges]);
        command.args(["--prefix", "none", "--format", "{p}"]);
        let tree = workspace::output(command)?;
        let found = packages(&tree);
        eprintln!("{} packages {what}, at most {limit}", found.len());
        if found.len() > limit {
            let names: Vec<&str> = found.iter().copied().collect();
            bail!("{} packages {what}, more than {limit}: {}", found.len(), names.join(", "));
        }
    }
    Ok(())
}

/// The names in the output of `cargo tree`, without the first, which is the library itself. One
/// package in two versions is two.
fn packages(tree: &str) -> BTreeSet<&str> {
    let mut lines =
        tree.lines().map(|l| l.trim_end_matches(" (*)").trim_end_matches(" (proc-macro)"));
    let own = lines.next().unwrap_or_default();
    lines.filter(|line| !line.is_empty() && *line != own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_counts_once_and_two_versions_of_it_twice() {
        let tree = "a v1.0.0 (/p/a)\nb v1.0.0\nc v0.1.0 (proc-macro)\nb v1.0.0 (*)\nb v2.0.0\nc v0.1.0 (proc-macro) (*)\na v1.0.0 (/p/a) (*)\n";
        let found: Vec<&str> = packages(tree).into_iter().collect();
        assert_eq!(found, ["b v1.0.0", "b v2.0.0", "c v0.1.0"]);
    }
}
