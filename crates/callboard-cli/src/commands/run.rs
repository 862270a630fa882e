//! `callboard run -- CMD`: a command in the foreground, on the board while it runs.
//!
//! The command gets the terminal, the standard streams and the process group of this one, as if
//! the shell had started it. So what is typed (ctrl-c, ctrl-\, ctrl-z) reaches it from the
//! terminal directly, and this process only has to survive it; what is sent to this process alone
//! is passed on; and when the command stops or ends, this process does the same.
//!
//! With `-d` it is a session in the background, and `detached` has all of that.

mod detached;
mod ready;

use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::path::Path;
use std::process::Command;

use callboard::process::process_group;
use callboard::{Registry, SignIn, Spawner};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, kill_process, waitid};
use signal_hook::consts::{
    SIGCHLD, SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2,
};
use signal_hook::iterator::Signals;

pub(super) use self::detached::{announce, not_started as not_hosted};

use self::detached::Detached;
use super::target::with_program;
use crate::context::Context;
use crate::exit::Ended;
use crate::failure::{Failure, tell};
use crate::output::sanitize::sanitize;
use crate::output::stream::complain;

const AFTER_HELP: &str = "\
It ends as the command ends: with its exit code, or 128 and the number of the signal that ended it;
127 if there is no such command, 126 if it cannot be run. If it cannot be signed in (a read-only
home, say), there is a warning, and it runs all the same. A sub-agent of another session
($CALLBOARD_SUBAGENT_OF) runs without being signed in.

Examples:
  callboard run -- make test
  callboard run --name billing -- psql billing
  callboard run -d --name build -- make -j4    in the background; prints its id into a pipe
  callboard run -d --restart on-failure --wait-ready --ready-line 'listening on' -- ./server
  callboard run -d --dir ~/src --limit memory=4G,tasks=200 --log 1M -- ./crawl
  callboard run -- sh -c 'callboard update --status busy; make; callboard update --status idle'";

/// run a command, in the foreground or (-d) in the background, and have it on the board meanwhile
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Run {
    /// what people call it; without it, the command's name
    #[arg(long)]
    name: Option<String>,
    /// the program's name; without it, the command's
    #[arg(long)]
    tool: Option<String>,
    /// its conversation; without it, a random one
    #[arg(long, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    session_id: Option<String>,
    #[command(flatten)]
    detached: Detached,
    /// the command and its arguments
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

/// What a spawner tells the process that it starts: it was told to us, not to the command.
const HINTS: [&str; 7] = [
    "CALLBOARD_SESSION_KIND",
    "CALLBOARD_SESSION_NAME",
    "CALLBOARD_SESSION_LOG",
    "CALLBOARD_SESSION_AGENT",
    "CALLBOARD_SESSION_INBOX",
    "CALLBOARD_SESSION_HOST",
    "CALLBOARD_SESSION_PID",
];

impl Run {
    pub(crate) fn run(self, context: &Context) -> Result<Ended, Failure> {
        if self.detached.detach {
            return self.run_detached(context);
        }
        let registry = match context.registry() {
            Ok(registry) => Some(registry),
            Err(Failure::Told { message, .. }) => {
                complain(format_args!("not on the board: {message}"));
                None
            }
            Err(failure) => return Err(failure),
        };
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Failure::usage("no command; give one after `--`"));
        };
        // Before the command starts: a signal that comes in between must not end this process
        // and leave the command behind.
        let mut signals = Signals::new(signals_to_take(&ignored_signals())).map_err(|error| {
            Failure::no(format!("cannot take signals: {error}; run the command itself"))
        })?;
        let mut command = Command::new(program);
        command.args(arguments);
        for hint in HINTS {
            command.env_remove(hint);
        }
        if let Some(home) = context.home_given() {
            command.env("CALLBOARD_HOME", home);
        }
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) => return Ok(not_started(program, &error)),
        };
        let signed_in = registry.and_then(|registry| {
            self.sign_in(&registry, child.id(), program).then_some((registry, child.id()))
        });
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let ended = pid.ok_or(rustix::io::Errno::INVAL).and_then(|pid| wait(&mut signals, pid));
        if let Some((registry, pid)) = signed_in {
            // Unless the command has done so. What is left behind is seen as dead by everybody.
            _ = registry.sweep_process(pid);
        }
        match ended {
            Ok(status) => Ok(Ended::AsTheirs(code(&status))),
            Err(errno) => Err(Failure::no(format!(
                "lost sight of the command (pid {}): {errno}; it may still run",
                child.id()
            ))),
        }
    }

    /// Whether it worked. A board that cannot be written to is no reason not to run a command.
    fn sign_in(&self, registry: &Registry, pid: u32, program: &OsString) -> bool {
        let spawner = Spawner::from_env();
        if spawner.sub_agent_of.is_some() {
            return false;
        }
        let file_name = Path::new(program).file_name().unwrap_or(program).to_string_lossy();
        let told = spawner.name.clone();
        let mut sign_in = SignIn::spawned_by(spawner);
        sign_in = sign_in.name(self.name.as_deref().or(told.as_deref()).unwrap_or(&file_name));
        sign_in = with_program(sign_in, self.tool.as_deref().unwrap_or(&file_name), None);
        if let Some(id) = &self.session_id {
            sign_in = sign_in.session_id(id);
        }
        if let Ok(cwd) = std::env::current_dir() {
            sign_in = sign_in.cwd(cwd);
        }
        match registry.register_process(pid, sign_in) {
            Ok(_) => true,
            // It was faster than we are; that is for its exit code to tell.
            Err(callboard::Error::NoProcess { .. }) => false,
            Err(error) => {
                complain(format_args!("not on the board: {}", tell(&error)));
                false
            }
        }
    }
}

fn not_started(program: &OsString, error: &std::io::Error) -> Ended {
    let name = program.to_string_lossy();
    let name = sanitize(&name);
    if error.kind() == ErrorKind::NotFound {
        complain(format_args!("cannot run `{name}`: no such command; see $PATH, or give its path"));
        return Ended::AsTheirs(127);
    }
    complain(format_args!("cannot run `{name}`: {error}; is it a program, and executable?"));
    Ended::AsTheirs(126)
}

/// Those that this process takes. What it was told to ignore (`nohup`, a job in the background of
/// a script) it goes on ignoring, and so does the command: a handler here would undo that there.
fn signals_to_take(ignored: &[i32]) -> Vec<i32> {
    [SIGCHLD, SIGCONT, SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGUSR1, SIGUSR2]
        .into_iter()
        // Without the first two nothing here works, and ignoring them hides nothing from anybody.
        .filter(|signal| matches!(*signal, SIGCHLD | SIGCONT) || !ignored.contains(signal))
        .collect()
}

/// What this process was started with as ignored, where the system shows it.
fn ignored_signals() -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    (1..=64).filter(|signal| mask >> (signal - 1) & 1 == 1).collect()
}

/// Waits until the command has ended, and leaves it as a zombie: until it is collected, its pid
/// is nobody else's, so it can be signed out under it.
fn wait(signals: &mut Signals, child: Pid) -> rustix::io::Result<WaitIdStatus> {
    loop {
        for signal in signals.wait() {
            match signal {
                SIGCHLD => {}
                // The terminal has told the command itself, and so has the shell that continued
                // both: said again, and late, it would undo a stop that was typed since.
                SIGINT | SIGQUIT | SIGTSTP | SIGCONT if typed_signals_reach_both() => {}
                signal => send(child, Signal::from_named_raw(signal)),
            }
        }
        // One look for both: to a look for stops alone, a zombie is no child at all.
        let both = WaitIdOptions::EXITED | WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT;
        match looked_at(child, both)? {
            Some(status) if status.stopped() => {
                _ = looked_at(child, WaitIdOptions::STOPPED);
                stop_along(child);
            }
            Some(status) => return Ok(status),
            None => {}
        }
    }
}

/// The command has stopped. On a terminal this process stops too, for the shell sees only this
/// one, and is to have its prompt back; `fg` continues us here, and the command with us. Without
/// a shell's job control nobody would continue us.
fn stop_along(child: Pid) {
    if on_a_terminal() {
        send(rustix::process::getpid(), Some(Signal::STOP));
        // Continued, and not always by a shell, which continues both. If the command has been
        // continued too, it may have been stopped anew by now: that is for the next look.
        let news = WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED | WaitIdOptions::NOWAIT;
        if let Ok(None) = looked_at(child, news) {
            send(child, Some(Signal::CONT));
        }
        _ = looked_at(child, WaitIdOptions::CONTINUED);
    }
}

fn looked_at(child: Pid, options: WaitIdOptions) -> rustix::io::Result<Option<WaitIdStatus>> {
    waitid(WaitId::Pid(child), options | WaitIdOptions::NOHANG)
}

fn send(to: Pid, signal: Option<Signal>) {
    if let Some(signal) = signal {
        // It may have ended just now; that is seen next.
        _ = kill_process(to, signal);
    }
}

fn on_a_terminal() -> bool {
    std::io::stdin().is_terminal()
        || std::io::stdout().is_terminal()
        || std::io::stderr().is_terminal()
}

/// Whether this process and the command are what the terminal sends typed signals to. If not (in
/// the background, without a terminal), a signal was sent to this process alone.
fn typed_signals_reach_both() -> bool {
    let ours = process_group();
    let reaches = |stream: BorrowedFd<'_>| match rustix::termios::tcgetpgrp(stream) {
        Ok(foreground) => ours == Some(foreground.as_raw_nonzero().get().unsigned_abs()),
        // Neither has a number in this PID namespace: what entered it did so in the foreground.
        Err(error) => error == Errno::OPNOTSUPP && ours.is_none(),
    };
    reaches(std::io::stdin().as_fd())
        || reaches(std::io::stdout().as_fd())
        || reaches(std::io::stderr().as_fd())
}

/// The exit code, as a shell would say it.
fn code(status: &WaitIdStatus) -> u8 {
    let code = match (status.exit_status(), status.terminating_signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => i32::from(crate::exit::Exit::Bug.code()),
    };
    u8::try_from(code & 0xff).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ignored_stays_ignored() {
        assert!(signals_to_take(&[]).contains(&SIGHUP));
        assert!(!signals_to_take(&[SIGHUP]).contains(&SIGHUP));
        assert!(signals_to_take(&[SIGHUP]).contains(&SIGTERM));
        assert!(signals_to_take(&[SIGCHLD, SIGCONT]).contains(&SIGCHLD));
    }
}
