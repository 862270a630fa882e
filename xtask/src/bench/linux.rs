//! The run itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use callboard::Registry;

use super::crowd::Crowd;
use super::report::{self, Results};
use super::rival::Rival;
use super::{command, conversations, hosts, listing, machine, syscalls, watch, watching, writing};
use crate::generate;
use crate::workspace::{self, cargo};

const USAGE: &str = "\
cargo xtask bench [--quick] [--write] [--dir DIR] [--origin FILE]
cargo xtask bench hosts [...]     background sessions beside other hosts; see --help
cargo xtask bench watch [...]     what looking on costs, beside other tools; see --help

  --quick        fewer repetitions and at most 1,000 records
  --write        put the results into docs/PERFORMANCE.md
  --dir DIR      where records are written; the default is cargo's target directory
  --origin FILE  the rival for Node; the default is $CALLBOARD_BENCH_ORIGIN";

const DOCUMENT: &str = "docs/PERFORMANCE.md";

/// On nearly every Linux; where it is not, that half is left out and the report says so.
const TMPFS: &str = "/dev/shm";

/// How long nothing happens while wakeups are counted.
const QUIET: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Options<'a> {
    quick: bool,
    dir: Option<&'a str>,
    origin: Option<&'a str>,
}

impl<'a> Options<'a> {
    fn parse(arguments: &[&'a str]) -> Result<Self> {
        let mut options = Self::default();
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value =
                || rest.next().copied().with_context(|| format!("{argument} of what?\n{USAGE}"));
            match *argument {
                "--quick" => options.quick = true,
                "--dir" => options.dir = Some(value()?),
                "--origin" => options.origin = Some(value()?),
                _ => bail!("bench does not know {argument:?}\n{USAGE}"),
            }
        }
        Ok(options)
    }
}

/// Measures and reports.
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    if let ["--help" | "-h"] = arguments {
        println!("{USAGE}");
        return Ok(());
    }
    if let [part @ ("hosts" | "watch"), "--help" | "-h"] = arguments {
        println!("{}", if *part == "hosts" { hosts::USAGE } else { watch::USAGE });
        return Ok(());
    }
    if cfg!(debug_assertions) {
        // What is measured is what people install.
        let mut release = cargo();
        release.args(["run", "--quiet", "--release", "--package", "xtask", "--", "bench"]);
        release.args(arguments);
        return workspace::run(release);
    }
    let mut build = cargo();
    build.args(["build", "--release", "--package", "callboard-cli"]);
    workspace::run(build)?;
    let callboard = std::env::current_exe().context("where this program is")?;
    let callboard = callboard.with_file_name("callboard");
    let write = arguments.contains(&"--write");
    let rest: Vec<&str> = arguments.iter().copied().filter(|word| *word != "--write").collect();
    let (part, report) = match rest.split_first() {
        Some((&"hosts", rest)) => ("hosts", hosts::run(rest, &callboard)?),
        Some((&"watch", rest)) => ("watch", watch::run(rest, &callboard)?),
        _ => ("results", report::render(&measure(&Options::parse(&rest)?)?)),
    };
    println!("{report}");
    if write {
        let path = workspace::root().join(DOCUMENT);
        let old =
            std::fs::read_to_string(&path).with_context(|| format!("cannot read {DOCUMENT}"))?;
        generate::write(&path, &generate::replace(&old, part, &report)?)?;
        eprintln!("wrote {DOCUMENT}");
    }
    Ok(())
}

/// A directory that goes away with everything in it.
struct Scratch(PathBuf);

impl Scratch {
    fn below(dir: &Path) -> Result<Self> {
        let path = dir.join(format!("callboard-bench-{}", std::process::id()));
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot create {}", path.display()))?;
        Ok(Self(path))
    }

    fn home(&self, size: usize) -> PathBuf {
        self.0.join(format!("home-{size}"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

fn measure(options: &Options<'_>) -> Result<Results> {
    let quick = options.quick;
    let exe = std::env::current_exe().context("where this program is")?;
    let built = exe.parent().context("this program is in a directory")?;
    let callboard = built.join("callboard");
    let scratch = Scratch::below(options.dir.map_or(built, Path::new))?;
    let tmpfs = Path::new(TMPFS).is_dir().then(|| Scratch::below(Path::new(TMPFS))).transpose()?;
    let rival = Rival::find(options.origin);
    if rival.is_none() {
        eprintln!("no origin.mjs or no node: its columns are left out (--origin FILE names it)");
    }
    let mut places = vec![("records on", &*scratch.0)];
    places.extend(tmpfs.as_ref().map(|t| ("and on", &*t.0)));
    let machine = machine::describe(&places);

    let sizes: &[usize] = if quick { &[10, 100, 1_000] } else { &[10, 100, 1_000, 10_000] };
    let most = sizes.iter().copied().max().unwrap_or_default();
    eprintln!("== writing records");
    let mut writings = Vec::new();
    for place in [Some(&scratch), tmpfs.as_ref()].into_iter().flatten() {
        writings.push(writing::measure(&place.0, machine::file_system(&place.0), quick)?);
    }
    eprintln!("== the whole command");
    let whole_size = 10;
    let whole = {
        let home = scratch.home(0);
        let crowd = Crowd::start(whole_size)?;
        crowd.sign_in(&Registry::at(home.join("sessions")), whole_size)?;
        command::measure(&callboard, &home, whole_size, rival.as_ref(), quick)?
    };
    eprintln!("== the whole command beside long conversations");
    let conversations =
        conversations::measure(&callboard, &scratch.0.join("conversations"), quick)?;
    eprintln!("== starting {most} processes");
    let crowd = Crowd::start(most)?;
    let mut listings = Vec::new();
    for size in sizes {
        eprintln!("== listing and counting {size} records");
        let dir = scratch.home(*size).join("sessions");
        crowd.sign_in(&Registry::at(&dir), *size)?;
        listings.push(listing::measure(&dir, *size, rival.as_ref(), quick)?);
    }
    let mut watchings = Vec::new();
    for size in sizes.iter().copied().filter(|size| *size >= 1_000) {
        for place in [Some(&scratch), tmpfs.as_ref()].into_iter().flatten() {
            eprintln!("== watching {size} sessions");
            let dir = place.0.join(format!("watched-{size}/sessions"));
            crowd.sign_in(&Registry::at(&dir), size)?;
            let file_system = machine::file_system(&place.0);
            watchings.push(watching::measure(&dir, size, file_system, QUIET, quick)?);
        }
    }
    eprintln!("== counting system calls");
    let calls = system_calls(&scratch)?;
    eprintln!("== the whole command among {most} processes");
    let among = command::among(&callboard, &scratch.home(whole_size), quick)?;
    let large = command::ps(&callboard, &scratch.home(most));
    let nothing = std::process::Command::new("/bin/true");
    let peak = (most, command::peak_of(&large)?, command::peak_of(&nothing)?);
    Ok(Results {
        machine,
        listings,
        writings,
        watchings,
        calls,
        whole,
        whole_size,
        among,
        peak,
        conversations,
    })
}

/// Of a listing of 100 records, of a count, and of what a session does.
fn system_calls(scratch: &Scratch) -> Result<Vec<(String, syscalls::Calls, syscalls::Calls)>> {
    if !workspace::has("strace") {
        return Ok(Vec::new());
    }
    let sessions = scratch.home(100).join("sessions");
    let writing = scratch.0.join("writing");
    let operations = [
        ("list of 100", "list", "floor-list", &sessions),
        ("count_pids of 100", "count-pids", "floor-count-pids", &sessions),
        ("register + deregister", "register", "floor-register", &writing),
        ("status update", "update", "floor-update", &writing),
    ];
    operations
        .into_iter()
        .map(|(what, ours, floor, dir)| {
            Ok((what.to_owned(), syscalls::count(ours, dir)?, syscalls::count(floor, dir)?))
        })
        .collect()
}
