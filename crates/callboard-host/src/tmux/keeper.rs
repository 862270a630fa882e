//! The keeper: what runs in a pane. The host of the session, with the pane's terminal under it
//! instead of one of its own.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

use rustix::io::Errno;
use rustix::process::Signal;
use signal_hook::consts::SIGHUP;

use super::inherited::Inherited;
use super::meeting;
use super::pane::Pane;
use super::server::Server;
use crate::builtin::process::{Terminal, main_on};
use crate::system;

/// Is a keeper: `<meeting> <name> <inherited>`, run by tmux.
pub(super) fn keep(words: &[OsString]) -> Option<u8> {
    let [meeting, name, inherited] = words else { return None };
    system::close_inherited();
    system::default_signals();
    let id = std::env::var("TMUX_PANE").ok()?;
    let user = take_terminal().ok()?;
    let (starter, pipe) = meeting::come_as_keeper(Path::new(meeting)).ok()?;
    Inherited::parse(inherited.to_str()?)?.take_on();
    // The meeting is in the server's directory.
    let server = Server::in_directory(Path::new(meeting).parent()?);
    let pane = Pane::new(server, name.to_str()?.to_owned(), id);
    rustix::io::ioctl_fionbio(&pipe, true).ok()?;
    let terminal = Terminal { controller: File::from(pipe), user, pane: Some(pane) };
    Some(main_on(starter, terminal))
}

/// Takes the terminal from the standard streams, and gives it up as this process's own: it is to be
/// that of the program's kernel session.
fn take_terminal() -> std::io::Result<OwnedFd> {
    let terminal = std::io::stdin().as_fd().try_clone_to_owned()?;
    // Who gives up a terminal is sent the signal of one that was hung up.
    let handled = signal_hook::flag::register(SIGHUP, std::sync::Arc::default())?;
    let given_up = system::give_up_terminal(terminal.as_fd());
    signal_hook::low_level::unregister(handled);
    given_up?;
    let nothing = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdin(&nothing)?;
    rustix::stdio::dup2_stdout(&nothing)?;
    rustix::stdio::dup2_stderr(&nothing)?;
    Ok(terminal)
}

/// The command of the pipe: `<meeting>`, with the pipe on standard input.
pub(super) fn bring_pipe(words: &[OsString]) -> Option<u8> {
    let [meeting] = words else { return None };
    meeting::bring_pipe(Path::new(meeting)).ok().map(|()| 0)
}

/// Becomes another program, with nothing of who started it but the standard streams.
pub(super) fn become_program(words: &[OsString]) -> Option<u8> {
    system::close_inherited();
    system::default_signals();
    execute(words)
}

/// Becomes the client of a terminal, that ends with who started it: `<pid> <program> ...`.
pub(super) fn become_client(words: &[OsString]) -> Option<u8> {
    let (starter, words) = words.split_first()?;
    // tmux gives the terminal back when it is asked to end in this way. Nobody else would: the
    // server reads the terminal, whatever shell has it in the meantime.
    rustix::process::set_parent_process_death_signal(Some(Signal::TERM)).ok()?;
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
    if parent.as_deref().map(std::ffi::OsStr::new) != Some(starter) {
        return None;
    }
    execute(words)
}

/// Returns only if that fails: what a shell would exit with.
fn execute(words: &[OsString]) -> Option<u8> {
    use std::os::unix::process::CommandExt as _;
    let (program, words) = words.split_first()?;
    let error = std::process::Command::new(program).arg0("tmux").args(words).exec();
    let is_missing = error.raw_os_error() == Some(Errno::NOENT.raw_os_error());
    Some(if is_missing { 127 } else { 126 })
}
