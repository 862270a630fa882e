//! The pseudoterminal, and the program on it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::termios::{InputModes, OptionalActions, tcgetattr, tcsetattr};

use super::birth::{Ends, Stillborn};
use crate::size::Size;
use crate::store::{LimitsFile, OsText, SpecFile};
use crate::system::{self, Forked};
use crate::tmux::Pane;

/// A program on its terminal.
#[derive(Debug)]
pub(super) struct Program {
    /// The first process, which is its session's leader.
    pub(super) pid: Pid,
    /// The host's side of the terminal.
    pub(super) controller: File,
    /// The program's side. Held so that the terminal is not hung up while the program, for once,
    /// has it not open; given back when the program has ended.
    pub(super) user: Option<OwnedFd>,
    /// Where the terminal is in tmux, if it is tmux's.
    pub(super) pane: Option<Pane>,
}

/// A terminal that nobody has yet.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// What is printed comes out of it, and what is typed goes into it.
    pub(crate) controller: File,
    /// The program's side.
    pub(crate) user: OwnedFd,
    /// Where it is in tmux, if it is tmux's.
    pub(crate) pane: Option<Pane>,
}

impl Terminal {
    /// A new one, of our own.
    fn open(size: Size) -> Result<Self, rustix::io::Errno> {
        let pty = rustix_openpty::openpty(None, Some(&size.into()))?;
        rustix::io::ioctl_fionbio(&pty.controller, true)?;
        Ok(Self { controller: File::from(pty.controller), user: pty.user, pane: None })
    }
}

/// What the process that becomes the program says if it cannot.
const NO_DIRECTORY: u8 = b'D';
const NO_EXEC: u8 = b'X';

/// A process that is about to become the program: on its terminal, in its directory, with its
/// limits. It has still to be told to execute anything.
///
/// It gets there by itself while this process does something else. A new process and a new program
/// are the larger part of a start, and there are processors that have nothing to do meanwhile.
#[derive(Debug)]
pub(super) struct Prepared {
    terminal: Terminal,
    child: Child,
    report: OwnedFd,
}

/// Without a word it ends, without having executed anything, and is collected.
#[derive(Debug)]
struct Child {
    pid: Pid,
    go: Option<OwnedFd>,
}

impl Prepared {
    /// Makes the process, on the given terminal or on one of its own.
    pub(super) fn fork(
        spec: &SpecFile,
        env: Vec<(OsText, OsText)>,
        terminal: Option<Terminal>,
    ) -> Result<Self, Stillborn> {
        let failed = |doing| move |error: rustix::io::Errno| Stillborn::System(doing, error.into());
        let terminal = match terminal {
            Some(terminal) => terminal,
            None => Terminal::open(spec.size).map_err(failed("open a terminal"))?,
        };
        let mut modes = tcgetattr(&terminal.user).map_err(failed("set up the terminal"))?;
        // A character is erased whole.
        modes.input_modes |= InputModes::IUTF8;
        tcsetattr(&terminal.user, OptionalActions::Now, &modes)
            .map_err(failed("set up the terminal"))?;
        let go = pipe_with(PipeFlags::CLOEXEC).map_err(failed("make a pipe"))?;
        let report = pipe_with(PipeFlags::CLOEXEC).map_err(failed("make a pipe"))?;
        match system::fork().map_err(|error| Stillborn::System("fork", error))? {
            Forked::Child => become_program(spec, env, terminal.user, go, report),
            Forked::Parent(pid) => {
                let child = Child { pid, go: Some(go.1) };
                Ok(Self { terminal, child, report: report.0 })
            }
        }
    }

    pub(super) const fn pid(&self) -> Pid {
        self.child.pid
    }

    pub(super) const fn pane(&self) -> Option<&Pane> {
        self.terminal.pane.as_ref()
    }

    /// Has it execute the program, and hears whether that worked.
    pub(super) fn execute(self) -> Result<Program, Stillborn> {
        let Self { terminal: Terminal { controller, user, pane }, mut child, report } = self;
        if let Some(go) = child.go.take() {
            // Nobody hears it where something before did not work; that is in the report.
            _ = File::from(go).write_all(&[1]);
        }
        let mut said = Vec::new();
        // Closed by executing, or by ending.
        _ = File::from(report).read_to_end(&mut said);
        if let Some(stillborn) = understood(&said) {
            collect(child.pid);
            return Err(stillborn);
        }
        Ok(Program { pid: child.pid, controller, user: Some(user), pane })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(go) = self.go.take() {
            drop(go);
            collect(self.pid);
        }
    }
}

fn collect(pid: Pid) {
    _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
}

/// What the new process said before it ended; nothing if it has executed the program.
fn understood(said: &[u8]) -> Option<Stillborn> {
    let (what, errno) = said.split_first()?;
    let errno = errno.try_into().map_or(0, i32::from_ne_bytes);
    Some(match *what {
        NO_DIRECTORY => Stillborn::Directory(errno),
        _ => Stillborn::Exec(errno),
    })
}

/// In the new process: becomes the program when it is told to, or says why not and ends.
fn become_program(
    spec: &SpecFile,
    env: Vec<(OsText, OsText)>,
    terminal: OwnedFd,
    go: Ends,
    report: Ends,
) -> ! {
    let mut report_to = File::from(report.1);
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let ((go_read, go_write), _) = (go, report.0);
        drop(go_write);
        let (what, error) = execute(spec, env, terminal, File::from(go_read));
        let errno = error.raw_os_error().unwrap_or(rustix::io::Errno::INVAL.raw_os_error());
        let mut text = vec![what];
        text.extend(errno.to_ne_bytes());
        _ = report_to.write_all(&text);
    }));
    system::end_now(if done.is_ok() { 127 } else { 101 })
}

/// Executes the program when something comes through `go`; returns only if that fails.
fn execute(
    spec: &SpecFile,
    env: Vec<(OsText, OsText)>,
    terminal: OwnedFd,
    mut go: File,
) -> (u8, io::Error) {
    let has_terminal = rustix::process::setsid()
        .and_then(|_| rustix::process::ioctl_tiocsctty(&terminal))
        .map_err(io::Error::from);
    let streams = has_terminal.and_then(|()| {
        Ok([terminal.try_clone()?, terminal.try_clone()?, terminal].map(Stdio::from))
    });
    let [stdin, stdout, stderr] = match streams {
        Ok(streams) => streams,
        Err(error) => return (NO_EXEC, error),
    };
    if let Err(error) = std::env::set_current_dir(spec.cwd.to_path()) {
        return (NO_DIRECTORY, error);
    }
    limit(&spec.limits);
    let mut words = spec.argv.iter().map(|word| -> &OsStr { &word.0 });
    let mut command = Command::new(words.next().unwrap_or_default());
    let env = env.into_iter().map(|(name, value)| -> (OsString, OsString) { (name.0, value.0) });
    command.args(words).env_clear().envs(env).stdin(stdin).stdout(stdout).stderr(stderr);
    system::last_before_executing(&mut command, move || {
        // Nothing comes if the host was killed, or could not write down who this is.
        if go.read_exact(&mut [0]).is_err() {
            system::end_now(1);
        }
    });
    (NO_EXEC, command.exec())
}

/// Lowers what the program may use. A limit that cannot be set is not a reason not to start: only
/// one above what the starter has can be refused, and is not needed then.
fn limit(limits: &LimitsFile) {
    let wanted = [
        (Resource::As, limits.memory),
        (Resource::Nproc, limits.tasks),
        (Resource::Cpu, limits.cpu_seconds),
        (Resource::Nofile, limits.open_files),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Core, limits.core_bytes),
    ];
    for (resource, wanted) in wanted {
        let Some(wanted) = wanted else { continue };
        let allowed = getrlimit(resource).maximum;
        let limit = Some(allowed.map_or(wanted, |allowed| wanted.min(allowed)));
        _ = setrlimit(resource, Rlimit { current: limit, maximum: limit });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_process_says_before_it_ends() {
        assert!(understood(b"").is_none());
        let said = |what: u8| [&[what][..], &2_i32.to_ne_bytes()].concat();
        assert!(matches!(understood(&said(NO_DIRECTORY)), Some(Stillborn::Directory(2))));
        assert!(matches!(understood(&said(NO_EXEC)), Some(Stillborn::Exec(2))));
        assert!(matches!(understood(b"X"), Some(Stillborn::Exec(0))));
    }
}
