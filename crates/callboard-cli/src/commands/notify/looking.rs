//! Whether somebody looks at a session, as far as that can be known.
//!
//! - In a pane of tmux: it is seen if an attached client shows it (it is the active pane of the
//!   client's window), and that client has not said that its window is behind another one (it says
//!   so with `focus-events on`). The last key is that of the client, whatever pane it was for.
//! - In the background: it is seen while a client is attached. The last key is that of its
//!   terminal.
//! - In any other terminal, whether its window is in front cannot be known. The last key is when
//!   the terminal was last read from, which is what w(1) goes by; the kernel keeps it within eight
//!   seconds.
//! - Without a terminal, or in another PID namespace: nobody looks.
//!
//! Nothing of what is typed is read, only when.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use callboard::process::session_leader;
use callboard_agents::Row;
use callboard_host::{Hosts, State};

use super::children::output_within;
use super::rule::Ms;

/// A terminal that a session runs in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tty {
    path: PathBuf,
    device: u64,
}

/// Asks tmux, hosts and terminals.
#[derive(Default)]
pub(super) struct Looking {
    hosts: Option<Hosts>,
    /// The clients of tmux that showed a session when something happened there, and when that was:
    /// who switches away from it since has seen it.
    showed: BTreeMap<Tty, (Ms, Vec<String>)>,
}

/// What tmux says of a terminal.
#[derive(Debug, Default, PartialEq, Eq)]
struct Panes {
    /// It is that of a pane.
    has_it: bool,
    /// The clients that show it, or showed it: their terminals, and when something was typed there.
    clients: Vec<(String, Ms)>,
}

/// Longer than any answer of a server that is well.
const LIMIT: Duration = Duration::from_millis(500);

/// More servers than anybody runs.
const MOST_SERVERS: usize = 16;

impl Looking {
    pub(super) fn new(hosts: Option<Hosts>) -> Self {
        Self { hosts, showed: BTreeMap::new() }
    }

    /// When something was last typed where a session is shown, in ms since the epoch; `None` where
    /// nobody can see it. `at` is when that happened which somebody may have seen.
    pub(super) fn last_key(&mut self, row: &Row, tty: Option<&Tty>, at: Ms) -> Option<Ms> {
        let tty = tty?;
        // What showed it when something else happened, need not show it any more.
        let before = self.showed.remove(tty).filter(|(then, _)| *then == at);
        let panes = panes(tty, &before.unwrap_or_default().1);
        if panes.has_it {
            let last = panes.clients.iter().map(|(_, typed)| *typed).max();
            let clients = panes.clients.into_iter().map(|(name, _)| name).collect();
            self.showed.insert(tty.clone(), (at, clients));
            return last;
        }
        if self.has_nobody_attached(row) {
            return None;
        }
        tty.last_read()
    }

    /// It has been told of, or nobody wants to know any more.
    pub(super) fn forget(&mut self, tty: Option<&Tty>) {
        tty.and_then(|tty| self.showed.remove(tty));
    }

    /// Whether it is a background session that no client is attached to.
    fn has_nobody_attached(&self, row: &Row) -> bool {
        let Some(hosts) = &self.hosts else { return false };
        let pids = [Some(row.pid), session_leader(row.pid)];
        let is_it = |pid: u32| pids.contains(&Some(pid));
        let look = || {
            let mut sessions = hosts.list().sessions.into_iter();
            let found = sessions.find(|session| session.program.is_some_and(|of| is_it(of.pid)));
            found.map(|session| session.state)
        };
        let state = match look() {
            Some(State::Silent) => look(), // it may only have been late
            state => state,
        };
        matches!(state, Some(State::Running(running)) if running.clients == 0)
    }
}

impl Tty {
    /// The controlling terminal of a process of this PID namespace.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let path = pts(terminal_number(&stat)?)?;
        let device = Path::new(&path).metadata().ok()?.rdev();
        // A container has terminals of its own, with the same names.
        (device == u64::from(terminal_number(&stat)?)).then_some(Self { path, device })
    }

    fn last_read(&self) -> Option<Ms> {
        let found = self.path.metadata().ok().filter(|found| found.rdev() == self.device)?;
        let millis =
            found.atime().checked_mul(1000)?.checked_add(found.atime_nsec() / 1_000_000)?;
        u64::try_from(millis).ok()
    }
}

/// The number of the terminal in `/proc/<pid>/stat` (proc_pid_stat(5)): the seventh field, of which
/// the second may have anything in it up to the last parenthesis.
fn terminal_number(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(") ")?;
    let number: i32 = rest.split(' ').nth(4)?.parse().ok()?;
    u32::try_from(number).ok().filter(|number| *number > 0)
}

/// The path of a pseudoterminal (majors 136 to 143 in the kernel's list of devices).
fn pts(number: u32) -> Option<PathBuf> {
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00));
    let block = major.checked_sub(136).filter(|block| *block < 8)?;
    Some(PathBuf::from(format!("/dev/pts/{}", block * 256 + minor)))
}

/// Asks every tmux server of this user.
fn panes(tty: &Tty, before: &[String]) -> Panes {
    const QUESTION: [&str; 7] =
        ["list-panes", "-a", "-F", "pane #{pane_tty}", ";", "list-clients", "-F"];
    const CLIENTS: &str = "client #{client_activity} #{client_flags} #{pane_tty} #{client_tty}";
    let mut all = Panes::default();
    for socket in sockets() {
        let mut tmux = Command::new("tmux");
        tmux.arg("-S").arg(socket).args(QUESTION).arg(CLIENTS).stdin(Stdio::null());
        let mut ask = || output_within(&mut tmux, LIMIT);
        // Twice: on a machine with much to do it may only have been late, and whose pane it is would
        // be held to be looked at for as long as a terminal that was just read from.
        let Some(text) = ask().or_else(&mut ask) else { continue };
        let panes = understood(&text, &tty.path.to_string_lossy(), before);
        all.has_it |= panes.has_it;
        all.clients.extend(panes.clients);
    }
    all
}

/// What a server's answer says of a terminal. `before`: the clients that count in any case.
fn understood(text: &str, tty: &str, before: &[String]) -> Panes {
    let mut panes = Panes::default();
    for line in text.lines() {
        if let Some(pane) = line.strip_prefix("pane ") {
            panes.has_it |= pane == tty;
            continue;
        }
        let words: Vec<&str> = line.strip_prefix("client ").unwrap_or("").split(' ').collect();
        let [typed, flags, pane, client] = words[..] else { continue };
        let shows = pane == tty && flags.split(',').any(|flag| flag == "focused");
        if let (true, Ok(seconds)) =
            (shows || before.iter().any(|one| one == client), typed.parse::<Ms>())
        {
            panes.clients.push((client.to_owned(), seconds.saturating_mul(1000)));
        }
    }
    panes
}

/// The sockets of this user's tmux servers (tmux(1), FILES).
fn sockets() -> Vec<PathBuf> {
    let base = std::env::var_os("TMUX_TMPDIR").map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
    let uid = rustix::process::geteuid().as_raw();
    let dir = base.join(format!("tmux-{uid}"));
    // Anybody could have made it.
    let is_ours = |found: &std::fs::Metadata| found.uid() == uid && found.mode() & 0o077 == 0;
    let mut sockets = Vec::new();
    if dir.symlink_metadata().is_ok_and(|found| found.is_dir() && is_ours(&found)) {
        let names = std::fs::read_dir(&dir).into_iter().flatten().flatten();
        sockets.extend(names.map(|name| name.path()).take(MOST_SERVERS));
    }
    let own = std::env::var("TMUX").ok();
    let own = own.as_deref().and_then(|own| own.split(',').next()).filter(|own| !own.is_empty());
    if let Some(own) = own.map(PathBuf::from).filter(|own| !sockets.contains(own)) {
        sockets.push(own);
    }
    sockets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_in_a_stat_line() {
        for (stat, number) in [
            ("7 (cat) S 1 7 7 34816 7 0", Some(34_816)),
            ("7 (a) b) (c) S 1 7 7 34817 7 0", Some(34_817)),
            ("7 (daemon) S 1 7 7 0 -1 0", None),
            ("7 (cat", None),
            ("", None),
        ] {
            assert_eq!(terminal_number(stat), number, "{stat}");
        }
    }

    #[test]
    fn the_path_of_a_terminal() {
        for (number, path) in [
            (136 << 8, Some("/dev/pts/0")),
            ((136 << 8) | 7, Some("/dev/pts/7")),
            ((137 << 8) | 1, Some("/dev/pts/257")),
            ((136 << 8) | (1 << 20) | 2, Some("/dev/pts/258")),
            ((4 << 8) | 1, None),
            ((144 << 8) | 1, None),
        ] {
            assert_eq!(pts(number).as_deref(), path.map(Path::new), "{number:#x}");
        }
    }

    #[test]
    fn what_tmux_says_by_case() {
        let two = "pane /dev/pts/3\npane /dev/pts/4\nclient 100 attached,focused,UTF-8 /dev/pts/4 /dev/pts/1\n";
        let away = two.replace("focused,", "");
        let client = |typed| vec![("/dev/pts/1".to_owned(), typed)];
        let before = ["/dev/pts/1".to_owned()];
        for (text, tty, before, has_it, clients) in [
            (two, "/dev/pts/4", &[][..], true, client(100_000)),
            (two, "/dev/pts/3", &[], true, vec![]),
            (two, "/dev/pts/3", &before, true, client(100_000)),
            (two, "/dev/pts/40", &[], false, vec![]),
            (&away, "/dev/pts/4", &[], true, vec![]),
            ("", "/dev/pts/4", &before, false, vec![]),
            ("client x y\nclient a b /dev/pts/4 c\npane", "/dev/pts/4", &[], false, vec![]),
        ] {
            assert_eq!(understood(text, tty, before), Panes { has_it, clients }, "{text} {tty}");
        }
    }
}
