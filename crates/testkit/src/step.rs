//! What can happen between any two system calls of a program: it is killed, or somebody else
//! does something.

use crate::fork;
use crate::processor::OnOneProcessor;

/// Runs `act` in a forked child and kills it at the `nth` time that it enters or leaves a system
/// call. False if it came to its end before that.
///
/// # Panics
///
/// If the child cannot be traced, or ends in any other way.
#[must_use]
pub fn killed_at(nth: usize, act: impl FnOnce() -> i32) -> bool {
    let child = Traced::start(act);
    let reached = child.run_to(nth);
    if reached {
        crate::kill(u32::try_from(child.0).expect("a pid"));
        assert!(libc::WIFSIGNALED(wait(child.0)));
    }
    reached
}

/// Runs `act` in a forked child and stops it at the `nth` time that it enters or leaves a system
/// call; runs `meanwhile` here, and lets it go on to its end. False if it came to its end before
/// that; then `meanwhile` has run after it.
///
/// # Panics
///
/// If the child cannot be traced, or does not end with success.
pub fn paused_at(nth: usize, act: impl FnOnce() -> i32, meanwhile: impl FnOnce()) -> bool {
    let child = Traced::start(act);
    let reached = child.run_to(nth);
    meanwhile();
    if reached {
        assert!(!child.run_to(usize::MAX));
    }
    reached
}

struct Traced(libc::pid_t, #[allow(dead_code, reason = "until it is dropped")] OnOneProcessor);

impl Traced {
    fn start(act: impl FnOnce() -> i32) -> Self {
        let processor = OnOneProcessor::new();
        let child = fork(|| {
            trace(libc::PTRACE_TRACEME, 0, 0);
            // The tracer is told, and goes on from here.
            // SAFETY: raises a signal in this process.
            #[allow(unsafe_code)]
            unsafe {
                libc::raise(libc::SIGSTOP)
            };
            act()
        });
        let child = libc::pid_t::try_from(child).expect("a pid");
        assert!(libc::WIFSTOPPED(wait(child)), "the child cannot be traced");
        let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
        trace(libc::PTRACE_SETOPTIONS, child, i64::from(options));
        Self(child, processor)
    }

    /// Goes on to the `nth` stop from here; false if the child came to its end before that.
    fn run_to(&self, nth: usize) -> bool {
        let mut stops = 0;
        // What somebody sends it meanwhile does to it what it does without a tracer.
        let mut signal = 0;
        loop {
            trace(libc::PTRACE_SYSCALL, self.0, signal.into());
            signal = 0;
            let status = wait(self.0);
            if libc::WIFEXITED(status) {
                assert_eq!(libc::WEXITSTATUS(status), 0, "the child failed by itself");
                return false;
            }
            assert!(libc::WIFSTOPPED(status), "the child was killed by somebody else: {status:x}");
            if libc::WSTOPSIG(status) == libc::SIGTRAP | 0x80 {
                if stops == nth {
                    return true;
                }
                stops += 1;
            } else if libc::WSTOPSIG(status) != libc::SIGTRAP {
                signal = libc::WSTOPSIG(status);
            }
        }
    }
}

pub(crate) fn trace(request: libc::c_uint, pid: libc::pid_t, data: i64) {
    // SAFETY: none of the requests above takes an address of this process (ptrace(2)).
    #[allow(unsafe_code)]
    let done = unsafe { libc::ptrace(request, pid, 0_usize, data) };
    assert_ne!(done, -1, "ptrace({request}) failed: {}", std::io::Error::last_os_error());
}

pub(crate) fn wait(pid: libc::pid_t) -> libc::c_int {
    let mut status = 0;
    // SAFETY: `status` is valid for a write of its type for as long as the call lasts.
    #[allow(unsafe_code)]
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "{}", std::io::Error::last_os_error());
    status
}
