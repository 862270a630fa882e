//! The only supervisor of a home: who holds the lock.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use callboard::Home;
use callboard::inside::socket::with_address;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with};

use crate::error::{Error, Result};
use crate::hosted::ProcessId;
use crate::store::make_directory;
use crate::system::{process_id, standing};

/// How long the holder of the lock may take to write down who it is.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many may wait to be taken in.
const BACKLOG: i32 = 128;

/// The directory of the supervisor's own files.
pub(super) fn directory(home: &Home) -> PathBuf {
    home.path().join("daemon")
}

/// The lock of a home's supervisor, held until this is dropped, and the socket that only its
/// holder binds.
#[derive(Debug)]
pub struct Instance {
    home: Home,
    directory: PathBuf,
    listener: UnixListener,
    _lock: File,
}

/// Why this process is not the supervisor of a home.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Another one is.
    #[error("a supervisor of {} runs already{}", home.display(), with_pid(*pid))]
    AlreadyRuns {
        /// The home.
        home: PathBuf,
        /// Its pid; `None` where that is not to be seen from here.
        pid: Option<u32>,
    },
    /// Something on disk went wrong.
    #[error(transparent)]
    Files(#[from] Error),
}

fn with_pid(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(", pid {pid}"))
}

impl Instance {
    /// Becomes the supervisor of a home, if there is none.
    ///
    /// # Errors
    ///
    /// [`ClaimError::AlreadyRuns`], or what the system said.
    pub fn claim(home: &Home) -> Result<Self, ClaimError> {
        let directory = directory(home);
        make_directory(&directory)?;
        let path = directory.join("lock");
        let mut lock = open_lock(&path)?;
        take(&mut lock, &path, home)?;
        let own = serde_json::to_vec(&process_id(rustix::process::getpid())).unwrap_or_default();
        let written =
            lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(&own));
        written.map_err(|error| Error::io("write", &path, error))?;
        let listener = bind_in(&directory)?;
        Ok(Self { home: home.clone(), directory, listener, _lock: lock })
    }

    /// The home.
    pub(super) const fn home(&self) -> &Home {
        &self.home
    }

    /// Where it is asked.
    pub(super) const fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for Instance {
    /// Who asks finds nobody at once. The lock's file stays: one that is unlinked could be locked
    /// by two.
    fn drop(&mut self) {
        _ = std::fs::remove_file(self.directory.join("sock"));
    }
}

fn open_lock(path: &Path) -> Result<File> {
    let no_follow = OFlags::NOFOLLOW.bits().cast_signed();
    let mut options = std::fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(no_follow);
    options.open(path).map_err(|error| Error::io("open", path, error))
}

/// Takes the lock, or says who has it. The holder may have taken it this moment, and not have
/// written itself down yet: what stands there then is a dead one, or nobody.
fn take(lock: &mut File, path: &Path, home: &Home) -> Result<(), ClaimError> {
    let started = Instant::now();
    loop {
        match flock(&*lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK) => {}
            Err(Errno::INTR) => continue,
            Err(error) => return Err(Error::io("lock", path, error).into()),
        }
        let pid = holder(lock);
        if pid.is_some() || started.elapsed() > PATIENCE {
            return Err(ClaimError::AlreadyRuns { home: home.path().to_owned(), pid });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Who has written itself down, if it lives.
fn holder(lock: &mut File) -> Option<u32> {
    let mut text = Vec::new();
    lock.rewind().ok()?;
    lock.take(256).read_to_end(&mut text).ok()?;
    let process: ProcessId = serde_json::from_slice(&text).ok()?;
    let found = standing(process.pid).filter(|found| !found.is_zombie())?;
    (Some(found.start_ticks) == process.start_ticks).then_some(process.pid)
}

/// The socket, under the lock: one that is there is a dead one's.
fn bind_in(directory: &Path) -> Result<UnixListener> {
    let path = directory.join("sock");
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(Error::io("remove", path, error));
        }
        _ => {}
    }
    let bound = with_address(directory, |address| {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        bind(&socket, address)?;
        listen(&socket, BACKLOG)?;
        Ok(UnixListener::from(socket))
    });
    bound.map_err(|error| Error::io("listen on", path, error))
}
