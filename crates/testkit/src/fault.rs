//! A system call that fails: which, with what, and what it was about.
//!
//! The call is refused where the kernel would begin it: at its entry its number is made one that
//! no call has, at its exit the error is put into its place. So it has not happened, as with a
//! full disk or a table of files that has no room; `close` alone is made as it is and only its
//! answer is changed, since on Linux a descriptor is gone whatever `close` says (close(2)).
//!
//! By ptrace from the test itself and not by `strace --inject`: a forked child needs no program
//! to be executed (a thousand faults a second), the window in which calls fail is opened and
//! closed by the test, the test looks at the directory while the child stands still and lives,
//! and what fails is chosen by counting all calls that can fail, not each kind for itself. Not by
//! seccomp either: a filter has no memory, and cannot count.

use std::fs::File;
use std::io::{Read, Seek, Write};

use crate::fork;
use crate::processor::OnOneProcessor;
use crate::step::{trace, wait};

/// A system call as it is entered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number on this machine.
    pub number: libc::c_long,
    /// Its name.
    pub name: &'static str,
    /// What it was given.
    pub arguments: [u64; 6],
}

/// What fails in the window.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fault {
    /// The one with this index among the calls that can fail, and its error.
    pub once: Option<(usize, i32)>,
    /// Every call of this name, and its error: a file system that does not know it.
    pub always: Option<(&'static str, i32)>,
    /// Whether the calls after the one that failed go unwatched: twice as fast, and
    /// [`Faulty::naps`] and [`Faulty::calls`] then end there.
    pub and_then_unwatched: bool,
}

/// Chooses the calls that may fail: told each, and a way to find its subject.
pub type Counts<'c> = dyn FnMut(&Call, &dyn Fn() -> String) -> bool + 'c;

/// Marks the window: calls fail only in `act`, and the tracer has its turn after it.
pub fn window<T>(act: impl FnOnce() -> T) -> T {
    stand_still();
    let result = act();
    stand_still();
    result
}

fn stand_still() {
    // SAFETY: raises a signal in this process; its tracer takes it.
    #[allow(unsafe_code)]
    let raised = unsafe { libc::raise(libc::SIGSTOP) };
    assert_eq!(raised, 0);
}

/// How long a child may take over all: who takes longer hangs, and is ended by its own alarm.
const PATIENCE_SECONDS: u32 = 60;

/// A child in whose window something fails. It is ended when this is dropped.
#[derive(Debug)]
pub struct Faulty {
    pid: libc::pid_t,
    ended: bool,
    is_unwatched: bool,
    /// What a panic said: the child has no harness that would.
    said: File,
    /// Its memory, in which the paths are that it names.
    memory: File,
    /// The call that was made to fail, in words; `None` if there was none of that index.
    pub struck: Option<Struck>,
    /// How many calls of the window could have failed.
    pub calls: usize,
    /// How often it slept in the window.
    pub naps: usize,
    _processor: OnOneProcessor,
}

/// The call that failed.
#[derive(Clone, Debug)]
pub struct Struck {
    /// Its name.
    pub name: &'static str,
    /// The path or the file that it was about, or its first argument.
    pub subject: String,
}

impl std::fmt::Display for Struck {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}({})", self.name, self.subject)
    }
}

impl Faulty {
    /// Runs `act` in a forked child up to the end of its [`window`], where it then stands. Of the
    /// calls that can fail only those that `counts` says yes to are counted; it can ask for the
    /// subject of each, see [`Struck::subject`].
    ///
    /// # Panics
    ///
    /// If the child does not get there.
    pub fn start(fault: Fault, counts: &mut Counts<'_>, act: impl FnOnce()) -> Self {
        let processor = OnOneProcessor::new();
        let said = tempfile::tempfile().expect("a file for what it says");
        let theirs = said.try_clone().expect("a second descriptor");
        let pid = fork(move || {
            std::panic::set_hook(Box::new(move |info| _ = write!(&theirs, "{info}")));
            trace(libc::PTRACE_TRACEME, 0, 0);
            // SAFETY: asks the kernel for a signal, later.
            #[allow(unsafe_code)]
            unsafe {
                libc::alarm(PATIENCE_SECONDS)
            };
            stand_still();
            act();
            0
        });
        let pid = libc::pid_t::try_from(pid).expect("a pid");
        assert!(libc::WIFSTOPPED(wait(pid)), "the child cannot be traced");
        let memory = File::open(format!("/proc/{pid}/mem")).expect("a traced child's");
        let mut child = Self {
            pid,
            ended: false,
            is_unwatched: false,
            said,
            memory,
            struck: None,
            calls: 0,
            naps: 0,
            _processor: processor,
        };
        let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
        trace(libc::PTRACE_SETOPTIONS, pid, i64::from(options));
        child.run_to_mark(libc::PTRACE_CONT, &mut |_| ());
        let mut pending = None;
        child.run_to_mark(libc::PTRACE_SYSCALL, &mut |child| {
            child.at_call(fault, counts, &mut pending);
        });
        child
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> u32 {
        u32::try_from(self.pid).expect("a pid")
    }

    /// Lets it go on to its end.
    ///
    /// # Panics
    ///
    /// With what the child said, if it panicked.
    pub fn finish(mut self) {
        while !self.ended {
            self.go_on(libc::PTRACE_CONT, 0);
        }
    }

    /// Runs to the next mark and calls `at_call` at every system call, if there are such stops.
    fn run_to_mark(&mut self, mut how: libc::c_uint, at_call: &mut dyn FnMut(&mut Self)) {
        let mut signal = 0;
        loop {
            match self.go_on(how, signal) {
                Some(libc::SIGSTOP) => return,
                Some(stop) if stop == libc::SIGTRAP | 0x80 => {
                    at_call(self);
                    signal = 0;
                    if self.is_unwatched {
                        how = libc::PTRACE_CONT;
                    }
                }
                // Its own, the alarm for one.
                Some(other) => signal = other,
                None => panic!("the child ended before its window did"),
            }
        }
    }

    /// Goes on to the next stop, whose signal is returned; `None` if it ended well.
    fn go_on(&mut self, how: libc::c_uint, signal: i32) -> Option<i32> {
        trace(how, self.pid, i64::from(signal));
        let status = wait(self.pid);
        if libc::WIFSTOPPED(status) {
            return Some(libc::WSTOPSIG(status));
        }
        self.ended = true;
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
            return None;
        }
        let mut said = String::new();
        self.said.rewind().expect("a file");
        _ = self.said.read_to_string(&mut said);
        if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGALRM {
            panic!("the child hung {said}");
        }
        panic!("the child failed ({status:x}): {said}");
    }

    /// At the entry of a call: decides whether it fails. At its exit: makes it have failed.
    fn at_call(&mut self, fault: Fault, counts: &mut Counts<'_>, pending: &mut Option<i32>) {
        let Some((number, arguments)) = self.entered() else {
            if let Some(errno) = pending.take() {
                self.poke(RESULT, -i64::from(errno));
                self.is_unwatched = fault.and_then_unwatched && self.struck.is_some();
            }
            return;
        };
        self.naps += usize::from(number == libc::SYS_clock_nanosleep);
        let Some(name) = name_of(number) else { return };
        let call = Call { number, name, arguments };
        if let Some((never, errno)) = fault.always
            && never == name
        {
            *pending = Some(errno);
        }
        if counts(&call, &|| self.subject(&call)) {
            if let Some((index, errno)) = fault.once
                && index == self.calls
            {
                *pending = Some(errno);
                self.struck = Some(Struck { name, subject: self.subject(&call) });
            }
            self.calls += 1;
        }
        if pending.is_some() && call.number != libc::SYS_close {
            self.poke(NUMBER, -1);
        }
    }

    /// The call that is entered here; `None` at an exit.
    fn entered(&self) -> Option<(libc::c_long, [u64; 6])> {
        // SAFETY: plain data, of which all zeros is a value; the kernel writes no more than the
        // length that it is given.
        #[allow(unsafe_code)]
        let info = unsafe {
            let mut info: libc::ptrace_syscall_info = std::mem::zeroed();
            let length = size_of_val(&info);
            let request = libc::PTRACE_GET_SYSCALL_INFO;
            assert!(libc::ptrace(request, self.pid, length, &raw mut info) > 0);
            info
        };
        if info.op != libc::PTRACE_SYSCALL_INFO_ENTRY {
            return None;
        }
        // SAFETY: this is the member that the kernel filled in, as `op` says.
        #[allow(unsafe_code)]
        let entry = unsafe { info.u.entry };
        Some((entry.nr.cast_signed(), entry.args))
    }

    fn poke(&self, register: usize, value: i64) {
        // SAFETY: changes a register of the child, which is stopped.
        #[allow(unsafe_code)]
        let done = unsafe { libc::ptrace(libc::PTRACE_POKEUSER, self.pid, register, value) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    /// What a call is about, in words.
    fn subject(&self, call: &Call) -> String {
        let path_at = |address| self.text(address);
        let [first, second, _, fourth, ..] = call.arguments;
        match call.number {
            libc::SYS_openat
            | libc::SYS_openat2
            | libc::SYS_newfstatat
            | libc::SYS_statx
            | libc::SYS_unlinkat
            | libc::SYS_mkdirat
            | libc::SYS_readlinkat => match path_at(second) {
                path if path.is_empty() => self.file(first),
                path => path,
            },
            libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => {
                format!("{} to {}", path_at(second), path_at(fourth))
            }
            libc::SYS_open
            | libc::SYS_stat
            | libc::SYS_lstat
            | libc::SYS_mkdir
            | libc::SYS_rename
            | libc::SYS_unlink
            | libc::SYS_readlink => path_at(first),
            libc::SYS_kill | libc::SYS_pidfd_open => (first.cast_signed() as i32).to_string(),
            libc::SYS_getrandom | libc::SYS_getcwd | libc::SYS_poll | libc::SYS_ppoll => {
                String::new()
            }
            _ => self.file(first),
        }
    }

    fn file(&self, descriptor: u64) -> String {
        let link = format!("/proc/{}/fd/{}", self.pid, descriptor.cast_signed() as i32);
        std::fs::read_link(link).map_or_else(|_| "?".to_owned(), |to| to.display().to_string())
    }

    /// The text at an address of the child's.
    fn text(&self, address: u64) -> String {
        use std::os::unix::fs::FileExt;
        let mut bytes = [0; 256];
        // Short at the end of what is mapped.
        let read = self.memory.read_at(&mut bytes, address).unwrap_or(0);
        let text = bytes[..read].split(|b| *b == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        if !self.ended {
            crate::kill(self.pid());
            wait(self.pid);
        }
    }
}

const NUMBER: usize = std::mem::offset_of!(libc::user_regs_struct, orig_rax);
const RESULT: usize = std::mem::offset_of!(libc::user_regs_struct, rax);

/// The name of a call that can fail, by its number; `None` for those that cannot, by their
/// manual, and for those of the language and its allocator, whose failure ends any program.
///
/// # Panics
///
/// On one that is in neither list: somebody has to decide.
fn name_of(number: libc::c_long) -> Option<&'static str> {
    macro_rules! named {
        ($($name:ident $call:ident),+ $(,)?) => {
            &[$((libc::$call, stringify!($name))),+]
        };
    }
    const CAN_FAIL: &[(libc::c_long, &str)] = named![
        access SYS_access, close SYS_close, fchmod SYS_fchmod, fcntl SYS_fcntl, flock SYS_flock,
        fstat SYS_fstat, fstatfs SYS_fstatfs, ftruncate SYS_ftruncate, getcwd SYS_getcwd,
        getdents64 SYS_getdents64, getrandom SYS_getrandom, kill SYS_kill, linkat SYS_linkat,
        lseek SYS_lseek, lstat SYS_lstat, mkdir SYS_mkdir, mkdirat SYS_mkdirat,
        newfstatat SYS_newfstatat, open SYS_open, openat SYS_openat, openat2 SYS_openat2, pidfd_open SYS_pidfd_open,
        poll SYS_poll, ppoll SYS_ppoll, pwrite64 SYS_pwrite64, read SYS_read, readlink SYS_readlink, readlinkat SYS_readlinkat,
        rename SYS_rename, renameat SYS_renameat, renameat2 SYS_renameat2, stat SYS_stat,
        statfs SYS_statfs, statx SYS_statx, unlink SYS_unlink, unlinkat SYS_unlinkat,
        write SYS_write,
    ];
    const CANNOT: &[libc::c_long] = &[
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_clock_nanosleep,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getegid,
        libc::SYS_geteuid,
        libc::SYS_getgid,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_getuid,
        libc::SYS_madvise,
        libc::SYS_mmap,
        libc::SYS_mprotect,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_sched_yield,
        libc::SYS_tgkill,
    ];
    if let Some((_, name)) = CAN_FAIL.iter().find(|(known, _)| *known == number) {
        return Some(name);
    }
    assert!(CANNOT.contains(&number), "system call {number}: can it fail?");
    None
}
