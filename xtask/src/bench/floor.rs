//! The floor: what the system calls of an operation cost by themselves.
//!
//! Each function here makes the calls that the library makes for the same question, in the same
//! order, with the same flags and the same sizes, and does nothing else: it does not look at what
//! it reads, keeps nothing, and takes every answer for granted. `strace` is asked for the counts
//! of both, and the report has them side by side.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::libc;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, RawDir, RenameFlags, SeekFrom, flock, fstat,
    fstatfs, openat, renameat_with, seek, statat, unlinkat,
};
use rustix::io::Result;
use rustix::process::{Pid, PidfdFlags, geteuid, getpid, pidfd_open, test_kill_process};
use rustix::rand::{GetRandomFlags, getrandom};

/// As many bytes of directory entries as the library asks for at once.
const DIRECTORY_BUFFER: usize = 32 * 1024;

/// For a record; the library's grows to this at the first one.
const RECORD_BUFFER: usize = 4096;

/// Opens the directory and looks at it, as is done before every operation.
pub(crate) fn open_directory(path: &Path) -> Result<OwnedFd> {
    let directory =
        openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    fstat(&directory)?;
    _ = geteuid();
    Ok(directory)
}

/// Calls `visit` with the name and the pid of every record.
fn records(directory: &OwnedFd, mut visit: impl FnMut(&CStr, Pid) -> Result<()>) -> Result<()> {
    let mut buffer = [MaybeUninit::uninit(); DIRECTORY_BUFFER];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if let Some(pid) = pid_in(name.to_bytes()) {
            visit(name, pid)?;
        }
    }
    Ok(())
}

/// The digits that a name begins with. What follows is not looked at: the floor's directory has
/// nothing else in it.
fn pid_in(name: &[u8]) -> Option<Pid> {
    let digits = name.iter().take_while(|b| b.is_ascii_digit());
    Pid::from_raw(digits.fold(0, |n: i32, b| n * 10 + i32::from(b - b'0')))
}

/// A listing with identity checks: every record opened, checked, read and closed, every process
/// looked at through a pidfd. Returns how many there were.
pub(crate) fn list(path: &Path) -> Result<usize> {
    let directory = open_directory(path)?;
    _ = geteuid();
    let flags =
        OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mut buffer = [MaybeUninit::<u8>::uninit(); RECORD_BUFFER];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut count = 0;
    records(&directory, |name, pid| {
        let record = openat(&directory, name, flags, Mode::empty())?;
        fstat(&record)?;
        rustix::io::read(&record, &mut buffer)?;
        drop(record);
        let process = pidfd_open(pid, PidfdFlags::empty())?;
        fstat(&process)?;
        poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&now))?;
        count += 1;
        Ok(())
    })?;
    Ok(count)
}

/// A count that only asks whether each pid could be sent a signal.
pub(crate) fn count_pids(path: &Path) -> Result<usize> {
    let directory = open_directory(path)?;
    let mut count = 0;
    records(&directory, |_, pid| {
        count += usize::from(test_kill_process(pid).is_ok());
        Ok(())
    })?;
    Ok(count)
}

/// The name of every process that runs, as a look at the processes reads it. How many there were.
pub(crate) fn process_names(proc: &OwnedFd) -> Result<usize> {
    let mut count = 0;
    let mut name = [0_u8; 64];
    let mut buffer = [MaybeUninit::uninit(); DIRECTORY_BUFFER];
    seek(proc, SeekFrom::Start(0))?;
    let mut entries = RawDir::new(proc, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let Some(pid) = pid_in(entry.file_name().to_bytes()) else { continue };
        // Another one may have ended meanwhile.
        _ = test_kill_process(pid);
        let path = format!("{}/comm", pid.as_raw_nonzero());
        if let Ok(file) = openat(proc, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()) {
            rustix::io::read(&file, &mut name)?;
            count += 1;
        }
    }
    Ok(count)
}

/// A record that stands, with the files that its session keeps open.
pub(crate) struct Standing {
    record: OwnedFd,
    /// From the first update on.
    spare: Option<OwnedFd>,
    life: OwnedFd,
    directory: OwnedFd,
}

/// Signs in, updates and signs out.
pub(crate) struct Writer {
    path: PathBuf,
    content: Vec<u8>,
    record: String,
    life: String,
    spare: String,
    temporary: String,
}

impl Writer {
    /// For records of this length. Makes the directory, which the library does too, but once.
    pub(crate) fn new(path: &Path, bytes: usize) -> std::io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let pid = std::process::id();
        Ok(Self {
            path: path.to_owned(),
            content: vec![b'x'; bytes],
            record: format!("{pid}.json"),
            life: format!(".{pid}.lock"),
            spare: format!(".{pid}.0123456789abcdef.spare"),
            temporary: format!(".{pid}.0123456789abcdef.tmp"),
        })
    }

    /// Signs in and out.
    pub(crate) fn register(&self) -> Result<()> {
        let standing = self.appear()?;
        self.disappear(standing)
    }

    /// Signs in: who am I, the lock for life, the record under a temporary name, its own name.
    pub(crate) fn appear(&self) -> Result<Standing> {
        identify()?;
        let directory = open_directory(&self.path)?;
        _ = getpid();
        getrandom(&mut [0_u8; 16][..], GetRandomFlags::empty())?;
        fstatfs(&directory)?;
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY;
        let life = openat(&directory, &*self.life, flags, Mode::RUSR | Mode::WUSR)?;
        flock(&life, FlockOperation::NonBlockingLockExclusive)?;
        fstat(&life)?;
        statat(&directory, &*self.life, AtFlags::SYMLINK_NOFOLLOW)?;
        let record = self.write_new(&directory, &self.temporary)?;
        let (from, to) = (&*self.temporary, &*self.record);
        renameat_with(&directory, from, &directory, to, RenameFlags::NOREPLACE)?;
        _ = getpid();
        Ok(Standing { record, spare: None, life, directory })
    }

    /// Puts the spare, written anew, in the place of the record, under its lock.
    pub(crate) fn update(&self, standing: &mut Standing) -> Result<()> {
        _ = getpid();
        self.lock(standing)?;
        let directory = &standing.directory;
        let (new, old) = (&*self.spare, &*self.record);
        let record = match standing.spare.take() {
            Some(spare) => {
                statat(directory, new, AtFlags::SYMLINK_NOFOLLOW)?;
                lease(&spare, F_SETSIG, libc::SIGURG)?;
                lease(&spare, libc::F_SETLEASE, libc::F_WRLCK)?;
                rustix::io::pwrite(&spare, &self.content, 0)?;
                lease(&spare, libc::F_SETLEASE, libc::F_UNLCK)?;
                fstat(&spare)?;
                spare
            }
            None => self.write_new(directory, new)?,
        };
        renameat_with(directory, new, directory, old, RenameFlags::EXCHANGE)?;
        statat(directory, new, AtFlags::SYMLINK_NOFOLLOW)?;
        flock(&standing.record, FlockOperation::Unlock)?;
        standing.spare = Some(std::mem::replace(&mut standing.record, record));
        Ok(())
    }

    /// Signs out.
    pub(crate) fn disappear(&self, standing: Standing) -> Result<()> {
        _ = getpid();
        let looked = statat(&standing.directory, &*self.spare, AtFlags::SYMLINK_NOFOLLOW);
        if looked.is_ok() {
            unlinkat(&standing.directory, &*self.spare, AtFlags::empty())?;
        }
        self.lock(&standing)?;
        let Standing { record, spare, life, directory } = standing;
        unlinkat(&directory, &*self.record, AtFlags::empty())?;
        statat(&directory, &*self.life, AtFlags::SYMLINK_NOFOLLOW)?;
        unlinkat(&directory, &*self.life, AtFlags::empty())?;
        drop(life);
        _ = getpid();
        drop(directory);
        drop(record);
        drop(spare);
        Ok(())
    }

    fn lock(&self, standing: &Standing) -> Result<()> {
        flock(&standing.record, FlockOperation::NonBlockingLockExclusive)?;
        statat(&standing.directory, &*self.record, AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    fn write_new(&self, directory: &OwnedFd, name: &str) -> Result<OwnedFd> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(directory, name, flags | OFlags::CLOEXEC, mode)?;
        rustix::io::pwrite(&file, &self.content, 0)?;
        fstat(&file)?;
        Ok(file)
    }
}

/// fcntl(2); neither rustix nor libc has it.
const F_SETSIG: libc::c_int = 10;

/// rustix has no leases.
#[allow(unsafe_code)]
fn lease(file: &OwnedFd, command: libc::c_int, argument: libc::c_int) -> Result<()> {
    // SAFETY: both commands take an int and no memory (fcntl(2)).
    match unsafe { libc::fcntl(file.as_raw_fd(), command, argument) } {
        -1 => Err(rustix::io::Errno::from_io_error(&std::io::Error::last_os_error())
            .unwrap_or(rustix::io::Errno::IO)),
        _ => Ok(()),
    }
}

/// What a process reads to know who it is.
fn identify() -> Result<()> {
    let me = getpid();
    _ = (getpid(), getpid());
    let process = pidfd_open(me, PidfdFlags::empty())?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let stat = openat(CWD, "/proc/self/stat", flags, Mode::empty())?;
    let mut buffer = [MaybeUninit::<u8>::uninit(); RECORD_BUFFER];
    rustix::io::read(&stat, &mut buffer)?;
    rustix::io::read(&stat, &mut buffer)?;
    drop(stat);
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&now))?;
    fstat(&process)?;
    Ok(())
}
