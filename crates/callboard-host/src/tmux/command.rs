//! One command to a tmux server, and what it said.

use std::ffi::OsString;
use std::io::{self, ErrorKind, Read as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What tmux is told of the environment of who gives it a command: it keeps all that it is told.
const KEPT: [&str; 12] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TERMINFO",
    "TERMINFO_DIRS",
    "LD_LIBRARY_PATH",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Why a command was not carried out.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no server.
    NoServer,
    /// It does not answer.
    Silent,
    /// It would not, and says why.
    Refused(String),
    /// tmux could not be run.
    Io(io::Error),
}

impl Trouble {
    /// In words, as the end of a sentence.
    pub(super) fn reason(&self) -> String {
        match self {
            Self::NoServer => "its tmux server is gone".into(),
            Self::Silent => "tmux does not answer".into(),
            Self::Refused(said) => format!("tmux says: {said}"),
            Self::Io(error) => format!("cannot run tmux: {error}"),
        }
    }
}

/// Leaves of the environment what tmux has to know.
pub(super) fn in_clean_environment(command: &mut Command) -> &mut Command {
    command.env_clear();
    for name in KEPT {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs it, for at most so long.
pub(super) fn run(
    command: &mut Command,
    arguments: &[OsString],
    patience: Duration,
) -> Result<String, Trouble> {
    let until = Instant::now() + patience;
    let (mut said, theirs) = UnixStream::pair().map_err(Trouble::Io)?;
    let end = |fd: &UnixStream| fd.try_clone().map(|fd| Stdio::from(OwnedFd::from(fd)));
    command.args(arguments).stdin(Stdio::null());
    command.stdout(end(&theirs).map_err(Trouble::Io)?).stderr(Stdio::from(OwnedFd::from(theirs)));
    let mut child = command.spawn().map_err(Trouble::Io)?;
    // The command keeps copies of the other end.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut text = Vec::new();
    let heard = loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || said.set_read_timeout(Some(left)).is_err() {
            break Err(Trouble::Silent);
        }
        let mut part = [0; 4096];
        match said.read(&mut part) {
            Ok(0) => break Ok(()),
            Ok(read) => text.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                break Err(Trouble::Silent);
            }
            Err(error) => break Err(Trouble::Io(error)),
        }
    };
    if heard.is_err() {
        _ = child.kill();
    }
    let status = child.wait().map_err(Trouble::Io)?;
    heard?;
    let text = String::from_utf8_lossy(&text).into_owned();
    if status.success() { Ok(text) } else { Err(meaning(&text)) }
}

/// What an error message of tmux means.
fn meaning(said: &str) -> Trouble {
    let nobody = ["no server running", "error connecting to", "server exited", "lost server"];
    if nobody.iter().any(|words| said.contains(words)) {
        return Trouble::NoServer;
    }
    Trouble::Refused(said.trim().chars().filter(|c| !c.is_control()).take(300).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_by_meaning() {
        for said in [
            "no server running on /x/sock\n",
            "error connecting to sock (No such file or directory)",
            "server exited unexpectedly",
            "lost server",
        ] {
            assert!(matches!(meaning(said), Trouble::NoServer), "{said}");
        }
        let refused = meaning("can't find session: \u{1b}x\n");
        assert!(matches!(refused, Trouble::Refused(said) if said == "can't find session: x"));
    }

    #[test]
    fn who_says_nothing_is_not_waited_for() {
        let mut command = Command::new("sleep");
        let asked = Instant::now();
        let silent = run(&mut command, &["1000".into()], Duration::from_millis(50));
        assert!(
            matches!(silent, Err(Trouble::Silent)) && asked.elapsed() < Duration::from_secs(60)
        );
        let mut command = Command::new("/nonexistent/tmux");
        let nobody = run(&mut command, &[], Duration::from_secs(1));
        assert!(matches!(nobody, Err(Trouble::Io(_))));
    }
}
