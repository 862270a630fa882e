//! The calls that have no safe name. Nothing else in this crate is unsafe.

use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::process::Pid;

/// Which of the two processes this is.
#[derive(Debug)]
pub(crate) enum Forked {
    /// The new one.
    Child,
    /// The old one, and the pid of the new.
    Parent(Pid),
}

/// Forks. The caller has one thread: the child then goes on with all that the parent had, and no
/// lock in it is held by somebody who is not there.
#[expect(
    unsafe_code,
    reason = "a pseudoterminal's session needs a process that knows its own pid before it executes"
)]
pub(crate) fn fork() -> std::io::Result<Forked> {
    // SAFETY: the process of a host has one thread, see `builtin::main`; so has that of a
    // supervisor, and of a starter that forks its host, which look: the child may do whatever the
    // parent could have done.
    let forked = unsafe { libc::fork() };
    match forked {
        -1 => Err(std::io::Error::last_os_error()),
        child => Ok(Pid::from_raw(child).map_or(Forked::Child, Forked::Parent)),
    }
}

/// Ends this process, and does nothing else: no destructor, no `atexit` function, no flush of what
/// the parent has buffered.
#[expect(unsafe_code, reason = "the way out of a forked child that has not executed")]
pub(crate) fn end_now(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// Has a command that this process is about to become do this last, with everything else of it
/// done: all that is left then is to execute.
#[expect(unsafe_code, reason = "what a forked child may do is for its caller to know")]
pub(crate) fn last_before_executing(
    command: &mut Command,
    mut last: impl FnMut() + Send + Sync + 'static,
) {
    // SAFETY: the command is executed in this process, which has one thread as all that `fork`
    // above makes: what is done in it is no different from what is done anywhere else.
    unsafe {
        command.pre_exec(move || {
            last();
            Ok(())
        });
    }
}

/// Closes every descriptor from 3 on: those that a starter had open and did not mean to pass on
/// would otherwise be open for as long as the session lives (a pipe whose reader then waits for
/// ever, a lock). Called first thing, before this process has opened any itself.
#[expect(unsafe_code, reason = "closing descriptors that nobody in this process owns")]
pub(crate) fn close_inherited() {
    // SAFETY: nothing in this process owns a descriptor above 2 yet. Before Linux 5.9 the call
    // fails, and they stay open.
    unsafe {
        libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32);
    }
}

/// Gives every signal its default action, but SIGPIPE, which Rust programs ignore and give back to
/// what they execute. What a starter ignored (`nohup`, the jobs of a script, a Python program) the
/// session is not to ignore; a host that ignores SIGCHLD would never learn how its program ended.
#[expect(unsafe_code, reason = "the default action of a signal")]
pub(crate) fn default_signals() {
    for signal in (1..=64).filter(|signal| *signal != libc::SIGPIPE) {
        // SAFETY: SIG_DFL is an action for every signal; for those that have none to set (KILL,
        // STOP, the C library's own) the call fails and changes nothing.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
        }
    }
}

/// Lets every signal through, and ignores SIGPIPE, as in a Rust program that was executed: whoever
/// this process was forked from may have done otherwise.
#[expect(unsafe_code, reason = "rustix has no name for this")]
pub(crate) fn open_signals() {
    // SAFETY: the set is initialised by the first call, and lives through the second; a null
    // pointer asks for no old one. SIG_IGN is an action for SIGPIPE.
    unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
    }
}

/// Forgets the environment of this process, but for these variables.
#[expect(unsafe_code, reason = "the environment of a process with one thread")]
pub(crate) fn keep_of_environment(names: &[&str]) {
    let kept: Vec<_> =
        names.iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
    // SAFETY: this process has one thread, so nobody reads the environment meanwhile.
    unsafe {
        libc::clearenv();
        kept.into_iter().for_each(|(name, value)| std::env::set_var(name, value));
    }
}

/// Gives memory back that was allocated and is free again, also between what is still in use.
#[expect(unsafe_code, reason = "the C library's allocator has no safe name for this")]
pub(crate) fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Writes over the words that this process was executed with, and over the environment that is
/// behind them, from this address on. The environment has been forgotten by now.
#[expect(unsafe_code, reason = "the kernel reads what it shows of a process from its memory")]
pub(crate) fn overwrite_words(from: usize, text: &[u8]) {
    let to = std::ptr::with_exposed_provenance_mut::<u8>(from);
    // SAFETY: the kernel has said that so many bytes from there on are the words and the
    // environment, which it put on the stack, in nobody's value. Who still has a pointer to one of
    // the words (`std::env::args`) finds text that ends in a 0 before the end of the area.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr(), to, text.len()) }
}

/// Gives up the controlling terminal of the kernel session that this process leads. It is sent
/// SIGHUP for it, and the terminal is free to be that of another session.
#[expect(unsafe_code, reason = "rustix has no name for this")]
pub(crate) fn give_up_terminal(terminal: BorrowedFd<'_>) -> std::io::Result<()> {
    // SAFETY: the call takes no argument, and the descriptor is open.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCNOTTY) };
    if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

/// Who is at the other end of a connection: pid and user when it was made. The pid is 0 if it is
/// in a PID namespace that cannot be seen from here.
#[expect(unsafe_code, reason = "rustix has no value for a pid of 0")]
pub(crate) fn peer(socket: BorrowedFd<'_>) -> std::io::Result<(u32, u32)> {
    let mut found = libc::ucred { pid: 0, uid: u32::MAX, gid: u32::MAX };
    let mut length = libc::socklen_t::try_from(size_of::<libc::ucred>()).unwrap_or_default();
    // SAFETY: both addresses are of values that live through the call, and the length is that of
    // the value.
    let asked = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut found).cast(),
            &raw mut length,
        )
    };
    if asked != 0 {
        return Err(std::io::Error::last_os_error());
    }
    Ok((found.pid.unsigned_abs(), found.uid))
}
