//! `cargo xtask bench hosts`: the hosts of background sessions beside others that do the same work,
//! in one run. How and why: `docs/PERFORMANCE.md`.

mod clients;
mod floods;
mod idle;
mod judge;
mod peers;
mod place;
pub(super) mod processes;
mod program;
mod starts;
mod table;
pub(super) mod terminal;

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::machine;
use peers::Peer;
use place::Place;

pub(crate) use program::run as session_program;

pub(crate) const USAGE: &str = "\
cargo xtask bench hosts [--quick] [--write] [--peers DIR] [--install] [--only WHAT]
                        [--hosts NAMES]

  --quick        fewer rounds, at most 50 sessions, a quarter of the text
  --write        put the results into docs/PERFORMANCE.md
  --peers DIR    where more hosts are installed (DIR or DIR/bin), besides those on the PATH
  --install      install tmux, screen and dtach with apt-get and shpool with cargo first
  --only WHAT    only starts, floods, keys, redraws, modes, stopped or idle
  --hosts NAMES  only these besides callboard, separated by commas";

/// Nothing that is waited for takes this long.
const LIMIT: Duration = Duration::from_secs(20);

/// Who has said nothing for so long has said everything.
const QUIET: Duration = Duration::from_millis(700);

/// The hint over a screen goes away by itself after this.
const HINT_IS_GONE: Duration = Duration::from_millis(1800);

/// What is measured, and with what.
struct Bench {
    callboard: PathBuf,
    /// This program, for what runs in sessions.
    own: String,
    path: OsString,
    peers: Vec<&'static Peer>,
    /// Why some measurements of some hosts are not there.
    left_out: RefCell<Vec<String>>,
}

impl Bench {
    /// What somebody else's host fails at is left out and told; what ours fails at is an error.
    fn tolerate<T>(&self, peer: &Peer, outcome: Result<T>) -> Result<Option<T>> {
        match outcome {
            Ok(measured) => Ok(Some(measured)),
            Err(error) if peer.must_work() => Err(error.context(peer.name)),
            Err(error) => {
                let line = format!("{}: {error:#}", peer.name);
                eprintln!("left out: {line}");
                self.left_out.borrow_mut().push(line);
                Ok(None)
            }
        }
    }

    fn place(&self, peer: &Peer) -> Result<Place> {
        peer.place(&self.callboard, &self.path)
    }

    /// Of each host that one can attach to; the library starts what the command starts.
    fn each<T>(&self, measure: impl Fn(&'static Peer) -> Result<T>) -> Result<Vec<Option<T>>> {
        let one = |peer: &&'static Peer| {
            if peer.can_attach() { self.tolerate(peer, measure(peer)) } else { Ok(None) }
        };
        self.peers.iter().map(one).collect()
    }
}

#[derive(Default)]
struct Options<'a> {
    quick: bool,
    install: bool,
    peers: Option<&'a str>,
    only: Option<&'a str>,
    hosts: Option<&'a str>,
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
                "--install" => options.install = true,
                "--peers" => options.peers = Some(value()?),
                "--only" => options.only = Some(value()?),
                "--hosts" => options.hosts = Some(value()?),
                _ => bail!("bench hosts does not know {argument:?}\n{USAGE}"),
            }
        }
        Ok(options)
    }

    fn wants(&self, what: &str) -> bool {
        self.only.is_none_or(|only| only == what)
    }

    fn has(&self, host: &str) -> bool {
        self.hosts.is_none_or(|hosts| hosts.split(',').any(|name| name == host))
    }
}

/// Everything that one run measured; what was left out is empty.
#[derive(Default)]
struct Results {
    machine: Vec<String>,
    names: Vec<&'static str>,
    has_screen: Vec<bool>,
    missing: Vec<String>,
    starts: Vec<starts::Starts>,
    floods: Vec<floods::Flood>,
    keys: Option<clients::Keys>,
    redraws: Option<clients::Redraws>,
    modes: Vec<Option<clients::Modes>>,
    /// In ms; the inner one is nothing where the program stood still.
    stopped: Vec<Option<Option<f64>>>,
    /// A second, of how many sessions.
    wakeups: Option<(usize, Vec<Option<f64>>)>,
}

/// Measures; the report.
pub(crate) fn run(arguments: &[&str], callboard: &Path) -> Result<String> {
    let options = Options::parse(arguments)?;
    let own = std::env::current_exe().context("where this program is")?;
    let installed = own.with_file_name("bench-peers");
    if options.install {
        peers::install(&installed)?;
    }
    let given = options.peers.map(PathBuf::from);
    let more = given.iter().flat_map(|dir| [dir.join("bin"), dir.clone()]);
    let path = path_with(more.chain([installed.join("bin")]))?;
    processes::reap_descendants()?;
    let (found, missing) = peers::find(callboard, &path, |name| options.has(name))?;
    for line in &missing {
        eprintln!("left out: {line}");
    }
    let own = own.to_str().context("this program's path is no text")?.to_owned();
    let bench = Bench {
        callboard: callboard.to_owned(),
        own,
        path,
        peers: found,
        left_out: RefCell::new(missing),
    };
    let mut results = measure(&bench, &options)?;
    results.missing = bench.left_out.take();
    Ok(table::render(&results))
}

fn measure(bench: &Bench, options: &Options<'_>) -> Result<Results> {
    let scratch = tempfile::tempdir().context("no directory for texts")?;
    let mut machine = machine::describe(&[("sessions on", scratch.path())]);
    machine.retain(|line| !line.starts_with("node "));
    machine.extend(peers::versions(&bench.path));
    let mut results = Results {
        machine,
        names: bench.peers.iter().map(|peer| peer.name).collect(),
        has_screen: bench.peers.iter().map(|peer| peer.has_screen).collect(),
        ..Results::default()
    };
    let quick = options.quick;
    if options.wants("starts") {
        let sizes: &[(usize, usize)] =
            if quick { &[(1, 4), (50, 2)] } else { &[(1, 20), (50, 6), (200, 5)] };
        // Until all of them are measured: ext4 looks through the inodes that were freed within the
        // last minutes at each new file, and a later turn would pay for the files of the earlier.
        let mut used = Vec::new();
        for (sessions, rounds) in sizes {
            eprintln!("== starting {sessions} sessions");
            results.starts.push(starts::measure(bench, *sessions, *rounds, &mut used)?);
        }
    }
    let bytes = if quick { 16 << 20 } else { 64 << 20 };
    if options.wants("floods") {
        for text in floods::texts(scratch.path(), bytes)? {
            eprintln!("== printing {:.0} MiB of {}", text.mib, text.what);
            results.floods.push(floods::measure(bench, &text, if quick { 2 } else { 5 })?);
        }
    }
    if options.wants("keys") {
        eprintln!("== keys");
        results.keys = Some(clients::keys(bench, if quick { 500 } else { 2_000 })?);
    }
    if options.wants("redraws") {
        eprintln!("== attaching");
        results.redraws = Some(clients::redraws(bench, if quick { 10 } else { 50 })?);
    }
    if options.wants("modes") {
        eprintln!("== modes");
        results.modes = bench.each(|peer| clients::modes(bench, peer))?;
    }
    if options.wants("stopped") {
        eprintln!("== a client that is stopped");
        let texts = floods::texts(scratch.path(), 8 << 20)?;
        let text = texts.last().context("there is no text")?;
        results.stopped = bench.each(|peer| floods::behind_a_stopped_client(bench, peer, text))?;
    }
    if options.wants("idle") {
        let (sessions, seconds) = if quick { (10, 3) } else { (50, 10) };
        eprintln!("== {sessions} idle sessions");
        let time = Duration::from_secs(seconds);
        let each = bench.each(|peer| idle::wakeups(bench, peer, sessions, time))?;
        results.wakeups = Some((sessions, each));
    }
    Ok(results)
}

/// A PATH with nothing of whoever runs the benchmark but these.
pub(super) fn path_with(more: impl IntoIterator<Item = PathBuf>) -> Result<OsString> {
    let standard = ["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from);
    Ok(std::env::join_paths(more.into_iter().chain(standard))?)
}

/// In which order the hosts have their turn in a round.
fn forwards_and_backwards(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |at| if round.is_multiple_of(2) { at } else { count - 1 - at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_go_forwards_and_backwards() {
        assert_eq!(forwards_and_backwards(0, 3).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(forwards_and_backwards(1, 3).collect::<Vec<_>>(), [2, 1, 0]);
    }
}
