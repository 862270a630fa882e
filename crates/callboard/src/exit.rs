//! Signing out on exit paths that skip `drop`, for programs that ask for it.
//!
//! What runs there (an `atexit` function, a panic hook, a signal handler) may not allocate, lock
//! or wait, so everything is prepared beforehand: the paths as C strings and the instance that
//! the file must still name. The system calls are openat, read, close and unlinkat, all
//! async-signal-safe (signal-safety(7)), and rustix makes them without touching `errno` on Linux.

use std::ffi::CString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, unlinkat};

use crate::record::RecordName;

/// Which exit paths are covered; none at first.
///
/// ```
/// let paths = callboard::ExitPaths::new().process_exit().aborting_panic();
/// # _ = paths;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct ExitPaths {
    process_exit: bool,
    aborting_panic: bool,
    #[cfg(feature = "signals")]
    signals: bool,
}

impl ExitPaths {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// `std::process::exit`, and `exit` called by C code: through `atexit(3)`, which is additive
    /// and takes nothing from the host program.
    pub fn process_exit(mut self) -> Self {
        self.process_exit = true;
        self
    }

    /// A panic in a program that is built with `panic = "abort"`: through a panic hook that runs
    /// after the one that was there. Does nothing where panics unwind, since those run `drop`.
    pub fn aborting_panic(mut self) -> Self {
        self.aborting_panic = true;
        self
    }

    /// SIGHUP, SIGINT and SIGTERM, each only if it still has its default action: the handler
    /// signs out and then lets the default action end the process. A signal that the host
    /// program ignores or handles is left alone; a handler that it installs later replaces this
    /// one, and may call [`emergency_sign_out`] itself.
    #[cfg(feature = "signals")]
    pub fn signals(mut self) -> Self {
        self.signals = true;
        self
    }
}

/// What was covered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Covered {
    /// The numbers of the signals that now sign out first; those that the host program handles or
    /// ignores are not among them.
    pub signals: Vec<i32>,
}

/// Removes the records of this process that are covered, if they are still its own.
///
/// Async-signal-safe: for the host program's own signal handlers, and for code that is about to
/// call `_exit` or `abort`. Does nothing in a forked child.
pub fn emergency_sign_out() {
    let pid = std::process::id();
    for slot in &SLOTS {
        // Filled before it was published, and never freed: see `Slot::new`.
        let prepared = slot.load(Ordering::Acquire);
        if let Some(prepared) = prepared_at(prepared)
            && prepared.pid == pid
            && prepared.active.swap(false, Ordering::AcqRel)
            && let Some(directory) = prepared.open_directory()
            && names_instance(&directory, &prepared.record, &prepared.instance)
        {
            if let Some(spare) = &prepared.spare {
                _ = unlinkat(&directory, &**spare, AtFlags::empty());
            }
            _ = unlinkat(&directory, &*prepared.record, AtFlags::empty());
            _ = unlinkat(&directory, &*prepared.lock, AtFlags::empty());
        }
    }
}

/// How many registrations of one process can be covered at once.
const MAX_COVERED: usize = 32;

static SLOTS: [AtomicPtr<Prepared>; MAX_COVERED] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; MAX_COVERED];

#[derive(Debug)]
struct Prepared {
    pid: u32,
    directory: CString,
    record: CString,
    spare: Option<CString>,
    lock: CString,
    instance: Box<[u8]>,
    active: AtomicBool,
}

impl Prepared {
    /// The directory. Its path may be made another one's between two of our calls, so names are
    /// only used in what was opened.
    fn open_directory(&self) -> Option<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, &*self.directory, flags, Mode::empty()).ok()
    }
}

/// One covered registration; uncovered when it is dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    index: usize,
    prepared: &'static Prepared,
}

impl Slot {
    /// For a record in a directory; `None` if all places are taken.
    pub(crate) fn new(directory: &Path, record: RecordName, instance: &str) -> Option<Self> {
        // Leaked, some 200 bytes for each registration that asks to be covered: a handler may be
        // looking at it at any time, so there is no moment at which it could be freed.
        let prepared: &'static Prepared = Box::leak(Box::new(Prepared {
            pid: std::process::id(),
            directory: CString::new(directory.as_os_str().as_bytes()).ok()?,
            record: CString::new(record.to_string()).ok()?,
            spare: record.spare_name(instance).and_then(|spare| CString::new(spare).ok()),
            lock: CString::new(record.lock_name()).ok()?,
            instance: instance.as_bytes().into(),
            active: AtomicBool::new(true),
        }));
        let address = std::ptr::from_ref(prepared).cast_mut();
        let free = |slot: &AtomicPtr<Prepared>| {
            let null = std::ptr::null_mut();
            slot.compare_exchange(null, address, Ordering::AcqRel, Ordering::Relaxed).is_ok()
        };
        SLOTS.iter().position(free).map(|index| Self { index, prepared })
    }
}

impl Slot {
    /// Whether an exit path has signed out already.
    pub(crate) fn is_spent(&self) -> bool {
        !self.prepared.active.load(Ordering::Acquire)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.prepared.active.store(false, Ordering::Release);
        SLOTS[self.index].store(std::ptr::null_mut(), Ordering::Release);
    }
}

#[allow(unsafe_code)]
fn prepared_at(address: *mut Prepared) -> Option<&'static Prepared> {
    // SAFETY: an address in SLOTS is null or comes from `Box::leak` in `Slot::new`; it was stored
    // with release ordering after the value was complete, is read with acquire ordering, the value
    // is never written but through its atomic, and never freed.
    unsafe { address.as_ref() }
}

/// Whether the file still speaks of this registration: a hook may have replaced it (then it does),
/// another process may have its name by now (then it does not).
fn names_instance(directory: &OwnedFd, name: &std::ffi::CStr, instance: &[u8]) -> bool {
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let Ok(fd) = openat(directory, name, flags, Mode::empty()) else { return false };
    // A signal may have come on a small alternate stack. What was read last is kept in front, so
    // that an instance on the border of two reads is found.
    let mut window = [0_u8; 2048];
    let overlap = instance.len().min(window.len() / 2);
    let mut kept = 0;
    // More reads than a record of the greatest length needs, and not endless on anything else.
    for _ in 0..128 {
        let Ok(read) = rustix::io::read(&fd, &mut window[kept..]) else { return false };
        if read == 0 {
            return false;
        }
        let filled = kept + read;
        if window[..filled].windows(instance.len().max(1)).any(|part| part == instance) {
            return true;
        }
        let keep = overlap.min(filled);
        window.copy_within(filled - keep..filled, 0);
        kept = keep;
    }
    false
}

/// Installs what was asked for, once for the process.
pub(crate) fn install(paths: ExitPaths) -> io::Result<Covered> {
    if paths.process_exit {
        install_atexit()?;
    }
    if paths.aborting_panic && cfg!(panic = "abort") {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let previous = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                previous(info);
                emergency_sign_out();
            }));
        });
    }
    #[cfg(feature = "signals")]
    if paths.signals {
        return Ok(Covered { signals: signals::install()? });
    }
    Ok(Covered::default())
}

#[allow(unsafe_code)]
fn install_atexit() -> io::Result<()> {
    // Not from the libc crate, which the library otherwise does without.
    unsafe extern "C" {
        fn atexit(function: extern "C" fn()) -> std::ffi::c_int;
    }
    extern "C" fn at_exit() {
        emergency_sign_out();
    }
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.swap(true, Ordering::AcqRel) {
        return Ok(());
    }
    // SAFETY: `atexit` is in every C library, this is its prototype (C11 7.22.4.2), and `at_exit`
    // neither unwinds nor relies on anything that may be gone by then.
    if unsafe { atexit(at_exit) } != 0 {
        INSTALLED.store(false, Ordering::Release);
        return Err(io::ErrorKind::OutOfMemory.into());
    }
    Ok(())
}

#[cfg(feature = "signals")]
mod signals {
    use std::io;
    use std::sync::Mutex;

    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::low_level::{emulate_default_handler, register};

    static INSTALLED: Mutex<Vec<i32>> = Mutex::new(Vec::new());

    #[allow(unsafe_code)]
    pub(super) fn install() -> io::Result<Vec<i32>> {
        let mut installed = INSTALLED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            if installed.contains(&signal) || !has_default_action(signal) {
                continue;
            }
            // SAFETY: the action only does what signal-safety(7) allows: `emergency_sign_out` as
            // it documents, and signal-hook's own emulation of the default action.
            unsafe {
                register(signal, move || {
                    super::emergency_sign_out();
                    _ = emulate_default_handler(signal);
                })?;
            }
            installed.push(signal);
        }
        Ok(installed.clone())
    }

    #[allow(unsafe_code)]
    fn has_default_action(signal: i32) -> bool {
        // SAFETY: a null new action only asks (sigaction(2)); `old` is plain data, and all zeros
        // is a value of it.
        unsafe {
            let mut old: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, std::ptr::null(), &raw mut old) == 0
                && old.sa_sigaction == libc::SIG_DFL
        }
    }
}
