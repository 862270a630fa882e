//! Going to the terminal that a session is in: to its pane, where that is one of this tmux; else
//! saying where it is.

use std::process::{Command, Stdio};

use callboard_agents::Row;

use crate::view::naming::shown_name;

/// What tmux is asked of each pane.
const FORMAT: &str = "#{pane_tty} #{pane_id} #{session_name}:#{window_index}.#{pane_index}";

/// A pane of tmux.
#[derive(Debug, PartialEq, Eq)]
struct Pane {
    /// `%7`: means this pane whatever is renamed or moved.
    id: String,
    /// `work:2.0`, for people.
    place: String,
}

/// Goes there; what to tell either way. Not sanitised.
pub(super) fn go(row: &Row) -> Result<String, String> {
    let name = shown_name(row);
    if !row.is_here() {
        return Err(format!("`{name}` runs in another pid namespace or on another machine"));
    }
    let windows = row.linked_job.iter().flat_map(|job| job.windows()).map(|window| window.pid);
    let terminal = std::iter::once(row.pid).chain(windows).find_map(terminal_of);
    let Some(terminal) = terminal else {
        return Err(format!("`{name}` has no terminal that can be seen here"));
    };
    if std::env::var_os("TMUX").is_none() {
        return Err(format!("`{name}` is on {terminal}; this is no tmux, so nothing can go there"));
    }
    let panes = tmux(&["list-panes", "-a", "-F", FORMAT])?;
    let Some(Pane { id, place }) = pane_on(&panes, &terminal) else {
        return Err(format!("`{name}` is on {terminal}, which is no pane of this tmux"));
    };
    tmux(&["select-window", "-t", &id, ";", "select-pane", "-t", &id])?;
    // Only a client of another session has to be moved, and there may be none that looks.
    match tmux(&["switch-client", "-t", &id]) {
        Ok(_) => Ok(format!("`{name}` is in {place}")),
        Err(error) => {
            Err(format!("`{name}` is in {place}, and this tmux stays where it is: {error}"))
        }
    }
}

fn tmux(arguments: &[&str]) -> Result<String, String> {
    let ran = Command::new("tmux").args(arguments).stdin(Stdio::null()).output();
    let ran =
        ran.map_err(|error| format!("cannot run tmux: {error}; see that it is on the PATH"))?;
    if ran.status.success() {
        return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
    }
    Err(format!("tmux: {}", String::from_utf8_lossy(&ran.stderr).trim()))
}

/// The controlling terminal of a process, as a path.
fn terminal_of(pid: u32) -> Option<String> {
    terminal_in(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The terminal in the text of `/proc/<pid>/stat`, proc_pid_stat(5): the fifth number after the
/// name, which may itself have blanks and brackets in it.
fn terminal_in(stat: &str) -> Option<String> {
    let (_, after) = stat.rsplit_once(')')?;
    let number: u32 = after.split_whitespace().nth(4)?.parse().ok()?;
    let (major, minor) = ((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xf_ff00));
    // devices.txt of the kernel: pseudoterminals, consoles, serial lines.
    match (major, minor) {
        (136..=143, _) => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        (4, 1..64) => Some(format!("/dev/tty{minor}")),
        (4, 64..) => Some(format!("/dev/ttyS{}", minor - 64)),
        _ => None,
    }
}

/// The pane on a terminal, in what tmux said.
fn pane_on(panes: &str, terminal: &str) -> Option<Pane> {
    panes.lines().find_map(|line| {
        let mut words = line.splitn(3, ' ');
        let (on, id, place) = (words.next()?, words.next()?, words.next()?);
        (on == terminal).then(|| Pane { id: id.to_owned(), place: place.to_owned() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_by_case() {
        let stat = |tty: u32| format!("7 (a) b) S 1 7 7 {tty} 7 4194304 0");
        for (tty, terminal) in [
            (0, None),
            (34_816, Some("/dev/pts/0")),
            (34_819, Some("/dev/pts/3")),
            // Beyond 255 the number goes on in its upper bits.
            (136 << 8 | 44 | 256 << 12, Some("/dev/pts/300")),
            (1025, Some("/dev/tty1")),
            (4 << 8 | 64, Some("/dev/ttyS0")),
            (204 << 8, None),
        ] {
            assert_eq!(terminal_in(&stat(tty)).as_deref(), terminal, "{tty}");
        }
        assert_eq!(terminal_in("nonsense"), None);
    }

    #[test]
    fn panes_by_case() {
        let panes = "/dev/pts/3 %0 work:0.0\n/dev/pts/33 %12 my work:2.1\n";
        let pane = |id: &str, place: &str| Pane { id: id.into(), place: place.into() };
        for (terminal, expected) in [
            ("/dev/pts/3", Some(pane("%0", "work:0.0"))),
            ("/dev/pts/33", Some(pane("%12", "my work:2.1"))),
            ("/dev/pts/4", None),
            ("", None),
        ] {
            assert_eq!(pane_on(panes, terminal), expected, "{terminal}");
        }
    }
}
