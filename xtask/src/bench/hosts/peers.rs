//! The hosts, and how each of them is asked for the same.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use callboard::Home;
use callboard_host::{Builtin, Environment, SessionHost as _, Size, SpawnSpec};

use super::place::Place;
use super::terminal::{COLUMNS, ROWS};
use crate::workspace;

/// A host, by the commands that a person would type.
pub(super) struct Peer {
    pub(super) name: &'static str,
    /// The command that has to be installed.
    needs: &'static str,
    /// What runs before the first session, where that is not started by itself.
    prepare: fn(&Place) -> Result<()>,
    start: fn(&Place, session: &str, words: &[&str]) -> Result<()>,
    /// Nothing if there is no attaching that way.
    attach: Option<fn(&Place, session: &str) -> Command>,
    /// The keys that detach.
    pub(super) leave: &'static [u8],
    /// Whether it keeps a screen, and shows it to who attaches.
    pub(super) has_screen: bool,
    /// Starts take so long that many of them are measured once.
    pub(super) is_slow: bool,
}

/// As it is in `docs/PERFORMANCE.md`.
const TMUX_CONFIGURATION: &str = "\
set -g status off
set -s escape-time 10
set -s focus-events on
set -g mouse on
set -s extended-keys on
set -as terminal-features '*:RGB:extkeys:cstyle:title:focus'
set -g set-titles on
set -g set-titles-string '#{pane_title}'
set -g history-limit 10000
";

const OURS: Peer = Peer {
    name: "callboard",
    needs: "true",
    prepare: nothing,
    start: |place, session, words| start_ours(place, "builtin", session, words),
    attach: Some(attach_ours),
    leave: b"\x1c",
    has_screen: true,
    is_slow: false,
};

const PEERS: &[Peer] = &[
    OURS,
    Peer { name: "callboard (library)", start: start_by_library, attach: None, ..OURS },
    Peer {
        name: "callboard, tmux host",
        needs: "tmux",
        start: |place, session, words| start_ours(place, "tmux", session, words),
        ..OURS
    },
    Peer {
        name: "tmux",
        needs: "tmux",
        start: |place, session, words| {
            place.run(sized_tmux(tmux(place, "/dev/null"), session, words))
        },
        attach: Some(|place, session| attach_tmux(tmux(place, "/dev/null"), session)),
        leave: b"\x02d",
        ..OURS
    },
    Peer {
        name: "tmux, tuned",
        needs: "tmux",
        prepare: |place| Ok(std::fs::write(place.file("tmux.conf"), TMUX_CONFIGURATION)?),
        start: |place, session, words| place.run(sized_tmux(tuned(place), session, words)),
        attach: Some(|place, session| attach_tmux(tuned(place), session)),
        leave: b"\x02d",
        ..OURS
    },
    Peer {
        name: "screen",
        needs: "screen",
        start: |place, session, words| {
            let mut screen = place.command("screen");
            screen.args(["-c", "/dev/null", "-dmS", session]).args(words);
            place.run(screen)
        },
        attach: Some(|place, session| {
            let mut screen = place.command("screen");
            screen.args(["-c", "/dev/null", "-x", session]);
            screen
        }),
        leave: b"\x01d",
        ..OURS
    },
    Peer {
        name: "dtach",
        needs: "dtach",
        start: |place, session, words| {
            let mut dtach = place.command("dtach");
            dtach.arg("-n").arg(place.file(session)).arg("-z").args(words);
            place.run(dtach)
        },
        attach: Some(|place, session| {
            let mut dtach = place.command("dtach");
            dtach.arg("-a").arg(place.file(session)).args(["-z", "-r", "winch"]);
            dtach
        }),
        has_screen: false,
        ..OURS
    },
    Peer {
        name: "abduco",
        needs: "abduco",
        start: |place, session, words| {
            let mut abduco = place.command("abduco");
            abduco.args(["-n", session]).args(words);
            place.run(abduco)
        },
        attach: Some(|place, session| {
            let mut abduco = place.command("abduco");
            abduco.args(["-a", session]);
            abduco
        }),
        has_screen: false,
        ..OURS
    },
    Peer {
        name: "shpool",
        needs: "shpool",
        prepare: start_shpool,
        start: start_in_shpool,
        attach: Some(|place, session| {
            let mut shpool = shpool(place);
            // Whoever started it counts as attached for a moment.
            shpool.args(["attach", "--force", session]);
            shpool
        }),
        leave: b"\0\x11",
        is_slow: true,
        ..OURS
    },
];

impl Peer {
    pub(super) fn place(&self, callboard: &Path, path: &std::ffi::OsString) -> Result<Place> {
        let place = Place::new(callboard, path)?;
        (self.prepare)(&place).with_context(|| format!("cannot prepare {}", self.name))?;
        Ok(place)
    }

    pub(super) fn start(&self, place: &Place, session: &str, words: &[&str]) -> Result<()> {
        let started = (self.start)(place, session, words);
        started.with_context(|| format!("cannot start {session} in {}", self.name))
    }

    /// Whether its failures are errors, and not only left out.
    pub(super) fn must_work(&self) -> bool {
        self.name == OURS.name
    }

    pub(super) const fn can_attach(&self) -> bool {
        self.attach.is_some()
    }

    pub(super) fn attach(&self, place: &Place, session: &str) -> Result<Command> {
        let attach = self.attach.context("there is no attaching to it")?;
        Ok(attach(place, session))
    }
}

/// Those that are here of those that are wanted, and why others are not. Ours always is.
pub(super) fn find(
    callboard: &Path,
    path: &std::ffi::OsString,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<(Vec<&'static Peer>, Vec<String>)> {
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for peer in PEERS.iter().filter(|peer| peer.must_work() || is_wanted(peer.name)) {
        let is_there = std::env::split_paths(path).any(|dir| dir.join(peer.needs).is_file());
        // One that is installed may still not work here.
        let tried = || {
            let place = peer.place(callboard, path)?;
            peer.start(&place, "probe", &["sleep", "1000"])?;
            super::processes::hosts("sleep", 1)
        };
        match is_there.then(tried) {
            Some(Ok(_)) => found.push(peer),
            Some(Err(error)) => missing.push(format!("{}: {error:#}", peer.name)),
            None => missing.push(format!("{}: not installed", peer.name)),
        }
    }
    ensure!(found.first().is_some_and(|peer| peer.name == OURS.name), "{}", missing.join("; "));
    Ok((found, missing))
}

/// What each of them says that it is.
pub(super) fn versions(path: &std::ffi::OsString) -> Vec<String> {
    let asked = [
        ("tmux", "-V"),
        ("screen", "--version"),
        ("dtach", "--version"),
        ("abduco", "-v"),
        ("shpool", "version"),
    ];
    let version = |(name, argument): (&str, &str)| {
        let mut command = Command::new(name);
        command.arg(argument).env_clear().env("PATH", path).env("HOME", "/nonexistent");
        // Some end with a failure after it.
        let said = command.stdin(Stdio::null()).output().ok()?;
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        let line = said.lines().next().unwrap_or_default().trim().to_owned();
        Some(if line.is_empty() { name.to_owned() } else { line })
    };
    asked.into_iter().filter_map(version).collect()
}

/// Installs what can be: what is a Debian package, and shpool from crates.io into `dir`.
pub(super) fn install(dir: &Path) -> Result<()> {
    let missing: Vec<&str> =
        ["tmux", "screen", "dtach"].into_iter().filter(|name| !workspace::has(name)).collect();
    if !missing.is_empty() {
        let mut apt = Command::new("apt-get");
        workspace::run({
            apt.args(["install", "--quiet=2", "--yes", "--no-install-recommends"]).args(missing);
            apt
        })?;
    }
    if !dir.join("bin/shpool").is_file() {
        let mut install = workspace::cargo();
        install.args(["install", "--locked", "--quiet", "shpool", "--root"]).arg(dir);
        workspace::run(install)?;
    }
    Ok(())
}

fn nothing(_: &Place) -> Result<()> {
    Ok(())
}

fn start_ours(place: &Place, host: &str, session: &str, words: &[&str]) -> Result<()> {
    let mut run = place.command(&place.callboard);
    let size = format!("{COLUMNS}x{ROWS}");
    run.args(["run", "-d", "--host", host, "--name", session, "--size", &size, "--"]).args(words);
    place.run(run)
}

fn attach_ours(place: &Place, session: &str) -> Command {
    let mut attach = place.command(&place.callboard);
    attach.args(["attach", session]);
    attach
}

/// What the command's own start costs is not in this one.
fn start_by_library(place: &Place, session: &str, words: &[&str]) -> Result<()> {
    let host = Builtin::at(&Home::at(place.file("home")));
    let host = host.with_program(&place.callboard, [callboard_host::builtin::HOST_ARGUMENT]);
    let env = Environment::exactly(place.environment());
    let size = Size { columns: COLUMNS, rows: ROWS };
    let spec = SpawnSpec::new(words).name(session).env(env).size(size).cwd(place.file(""));
    host.spawn(&spec)?;
    Ok(())
}

fn tmux(place: &Place, configuration: impl AsRef<Path>) -> Command {
    let mut tmux = place.command("tmux");
    tmux.arg("-f").arg(configuration.as_ref()).arg("-S").arg(place.file("tmux"));
    tmux
}

fn tuned(place: &Place) -> Command {
    tmux(place, place.file("tmux.conf"))
}

fn sized_tmux(mut tmux: Command, session: &str, words: &[&str]) -> Command {
    tmux.args(["new-session", "-d", "-s", session]);
    tmux.args(["-x", &COLUMNS.to_string(), "-y", &ROWS.to_string()]).args(words);
    tmux
}

fn attach_tmux(mut tmux: Command, session: &str) -> Command {
    tmux.args(["attach-session", "-t", &format!("={session}")]);
    tmux
}

fn shpool(place: &Place) -> Command {
    let mut shpool = place.command("shpool");
    shpool.arg("-c").arg(place.file("shpool.toml")).arg("-s").arg(place.file("shpool.socket"));
    shpool
}

/// Its daemon is what a person's systemd would have started.
fn start_shpool(place: &Place) -> Result<()> {
    std::fs::write(place.file("shpool.toml"), "prompt_prefix = \"\"\n")?;
    let mut daemon = shpool(place);
    daemon.arg("daemon").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    daemon.spawn().context("cannot start shpool's daemon")?;
    let until = Instant::now() + super::LIMIT;
    while !place.file("shpool.socket").exists() {
        ensure!(Instant::now() < until, "shpool's daemon makes no socket");
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn start_in_shpool(place: &Place, session: &str, words: &[&str]) -> Result<()> {
    let quoted: Vec<String> =
        words.iter().map(|word| format!("'{}'", word.replace('\'', "'\\''"))).collect();
    let mut attach = shpool(place);
    attach.args(["attach", "--background", "--cmd", &quoted.join(" "), session]);
    place.run(attach)
}
