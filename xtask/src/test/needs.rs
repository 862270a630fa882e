//! What the tests start besides the project's own programs.

use anyhow::{Context, Result, bail};

use crate::workspace::{has, program};

/// A program that tests start.
struct Need {
    program: &'static str,
    /// The package that has it, in Debian and what derives from it.
    package: &'static str,
    reason: &'static str,
}

/// None of these is needed to build or to use Callboard.
const NEEDS: &[Need] = &[
    Need { program: "unshare", package: "util-linux", reason: "two PID namespaces over one home" },
    Need {
        program: "nsenter",
        package: "util-linux",
        reason: "a program beside another one's namespaces",
    },
    Need { program: "setpriv", package: "util-linux", reason: "another user of the same machine" },
    Need { program: "setsid", package: "util-linux", reason: "a terminal of a test's own" },
    Need { program: "findmnt", package: "util-linux", reason: "which disk it is that fails" },
    Need { program: "mkfs.ext4", package: "e2fsprogs", reason: "a home on a disk of its own" },
    Need { program: "mkfs.xfs", package: "xfsprogs", reason: "the same on XFS" },
    Need {
        program: "mkfs.btrfs",
        package: "btrfs-progs",
        reason: "the same on btrfs, and a snapshot",
    },
    Need { program: "bash", package: "bash", reason: "job control and completions" },
    Need { program: "zsh", package: "zsh", reason: "the same: a prompt, and a key that completes" },
    Need { program: "fish", package: "fish", reason: "the same" },
    Need { program: "promtool", package: "prometheus", reason: "metrics as Prometheus reads them" },
    Need { program: "systemd-analyze", package: "systemd", reason: "units as systemd reads them" },
    Need { program: "groff", package: "groff", reason: "the manual as people read it" },
    Need { program: "tmux", package: "tmux", reason: "a status line that the real one draws" },
    Need { program: "vim", package: "vim", reason: "a program that draws, in the background" },
    Need { program: "less", package: "less", reason: "the same" },
    Need { program: "top", package: "procps", reason: "the same" },
    Need { program: "script", package: "bsdutils", reason: "a terminal inside a terminal" },
    Need { program: "git", package: "git", reason: "the list of the project's files" },
];

/// Only Linux has namespaces, and these file systems; tests of them are compiled there only.
const ON_LINUX: &[&str] = &["util-linux", "e2fsprogs", "xfsprogs", "btrfs-progs", "systemd"];

fn applies(need: &Need) -> bool {
    cfg!(target_os = "linux") || !ON_LINUX.contains(&need.package)
}

/// Installs what is missing, where it may; else says what to install. A test that cannot run is
/// a failure, never skipped in silence.
pub(crate) fn provide() -> Result<()> {
    provide_those(|_| true)
}

/// The same for some of them.
pub(crate) fn provide_these(programs: &[&str]) -> Result<()> {
    provide_those(|need| programs.contains(&need.program))
}

fn provide_those(wanted: impl Fn(&Need) -> bool) -> Result<()> {
    let missing = missing(&wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if may_install() {
        eprintln!("== installing {}", packages.join(", "));
        install(&packages)?;
    }
    let missing = self::missing(&wanted);
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing
        .iter()
        .map(|n| format!("  {} ({}), for: {}", n.program, n.package, n.reason))
        .collect();
    bail!(
        "the tests need programs that are not here:\n{}\ninstall them (Debian: sudo apt-get install {}) and run this again",
        names.join("\n"),
        packages.join(" ")
    );
}

fn missing(wanted: impl Fn(&Need) -> bool) -> Vec<&'static Need> {
    let is_missing = |need: &&Need| wanted(need) && applies(need) && !has(need.program);
    NEEDS.iter().filter(is_missing).collect()
}

/// Packages are installed for root on a Debian-like system, as in a container of continuous
/// integration; on anybody's own machine that is theirs to decide.
fn may_install() -> bool {
    has("apt-get") && is_root()
}

#[cfg(target_os = "linux")]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(target_os = "linux"))]
fn is_root() -> bool {
    false
}

fn install(packages: &[&str]) -> Result<()> {
    // A fresh image has no package lists. Where the network is away this fails, and so does the
    // installation, whose message is the better one.
    let mut update = program("apt-get");
    update.args(["update", "--quiet=2"]);
    _ = update.status().context("cannot start apt-get")?;
    let mut install = program("apt-get");
    install
        .args(["install", "--quiet=2", "--yes", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive");
    crate::workspace::run(install)
}
