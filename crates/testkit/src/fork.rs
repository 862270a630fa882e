//! What has no safe name: `fork` without `exec`, and the action of a signal.

/// Forks. The child runs `act` and ends with `_exit` and the code that it returns: neither
/// destructors of its caller nor functions of `atexit` run, unless `act` runs them itself.
/// Returns the child's pid.
///
/// The child of a program with several threads may not rely on locks that another thread might
/// have held; an actor's other thread only waits.
pub fn fork(act: impl FnOnce() -> i32) -> u32 {
    // SAFETY: the child goes on with this thread alone, and does what `act` does and nothing of
    // what called this function; glibc makes its allocator usable after a fork.
    #[allow(unsafe_code)]
    let pid = unsafe { libc::fork() };
    match pid {
        0 => {
            let code = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).unwrap_or(101);
            // SAFETY: ends the process, and does nothing else.
            #[allow(unsafe_code)]
            unsafe {
                libc::_exit(code)
            }
        }
        pid => u32::try_from(pid).expect("fork(2) works"),
    }
}

/// Makes this process ignore a signal, as `nohup` does for the programs that it starts.
pub fn with_ignored(signal: i32) {
    // SAFETY: SIG_IGN is a valid action for every signal that can be ignored.
    #[allow(unsafe_code)]
    let before = unsafe { libc::signal(signal, libc::SIG_IGN) };
    assert_ne!(before, libc::SIG_ERR);
}

/// Gives a signal an action that ends the process with this code: a host program's own handler.
pub fn with_action(signal: i32) {
    extern "C" fn on_signal(signal: libc::c_int) {
        // SAFETY: async-signal-safe, ends the process.
        #[allow(unsafe_code)]
        unsafe {
            libc::_exit(100 + signal)
        }
    }
    // SAFETY: the handler only calls `_exit`.
    #[allow(unsafe_code)]
    let before = unsafe { libc::signal(signal, on_signal as *const () as libc::sighandler_t) };
    assert_ne!(before, libc::SIG_ERR);
}

/// The number of this thread, which is no pid unless it is the first thread of its process.
#[must_use]
pub fn thread_id() -> u32 {
    // SAFETY: asks, and cannot fail (gettid(2)).
    #[allow(unsafe_code)]
    let id = unsafe { libc::gettid() };
    u32::try_from(id).expect("thread numbers are positive")
}
