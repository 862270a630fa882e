//! The directory: opened once, trusted or not, and then only used through its descriptor, so
//! that nothing that happens to its path in between can lead elsewhere.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{FileType, Mode, Stat, fchmod, fstat};
use rustix::io::Errno;
// A signal handler of the host program may interrupt any call.
pub(super) use rustix::io::retry_on_intr as retry;

use super::problem::ProblemKind;
use super::snapshot::FileIdentity;
use super::way::{self, NoWay};
use crate::error::{Error, Result};

/// An open registry directory.
#[derive(Debug)]
pub(super) struct Directory {
    fd: OwnedFd,
    pub(super) path: PathBuf,
    pub(super) identity: FileIdentity,
    pub(super) mode: u32,
    pub(super) uid: u32,
    /// Asked for by every change.
    is_local: OnceLock<bool>,
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Why a directory is not read.
pub(super) enum NotRead {
    /// It is not there: nobody has signed in yet.
    Missing,
    Problem(ProblemKind),
}

impl Directory {
    /// Opens it to read. A symlink to a directory is followed if it is ours: people move their
    /// state around.
    pub(super) fn open(path: &Path) -> Result<Self, NotRead> {
        let directory = Self::open_raw(path, way::Missing::IsAnError).map_err(|no| match no {
            NoWay::Errno(Errno::NOENT) => NotRead::Missing,
            NoWay::Errno(errno) => NotRead::Problem(ProblemKind::Directory(errno.into())),
            NoWay::Link { link, uid } => {
                NotRead::Problem(ProblemKind::DirectoryBehindALink { link, uid })
            }
        })?;
        if directory.uid != effective_uid() {
            let kind = ProblemKind::DirectoryOfAnotherUser { uid: directory.uid };
            return Err(NotRead::Problem(kind));
        }
        Ok(directory)
    }

    /// Opens it to write, makes it if need be, and takes it back from others if it is ours and
    /// they may write to it.
    pub(super) fn open_to_write(path: &Path) -> Result<Self> {
        Self::open_raw(path, way::Missing::IsMade).map_err(not_opened(path))?.taken_back()
    }

    /// The same, and `None` where there is none: nobody has signed in yet.
    pub(super) fn open_to_write_if_there(path: &Path) -> Result<Option<Self>> {
        match Self::open_raw(path, way::Missing::IsAnError) {
            Err(NoWay::Errno(Errno::NOENT)) => Ok(None),
            opened => opened.map_err(not_opened(path))?.taken_back().map(Some),
        }
    }

    /// Refuses one that is not this user's alone, or makes it so.
    fn taken_back(self) -> Result<Self> {
        if self.uid != effective_uid() {
            // sudo with the user's HOME: what root writes here the user can neither update nor
            // remove.
            let reason = format!(
                "it belongs to uid {}, and this program runs as uid {}",
                self.uid,
                effective_uid()
            );
            return Err(Error::Untrusted { path: self.path, reason });
        }
        if self.is_shared_on_purpose() {
            // `--registry /tmp`, typed by root: closing it would stop the machine.
            let reason = format!("it is shared with others (mode {:o})", self.mode & 0o7777);
            return Err(Error::Untrusted { path: self.path, reason });
        }
        if self.is_open_to_others() {
            match retry(|| fchmod(&self, Mode::RWXU)) {
                // Not every file system has modes (and a read-only one will say so at the next
                // step); who can write there is then not for us to say.
                Ok(()) | Err(Errno::NOSYS | Errno::NOTSUP | Errno::ROFS | Errno::PERM) => {}
                Err(errno) => return Err(Error::io("tighten the mode of", self.path, errno)),
            }
        }
        Ok(self)
    }

    fn open_raw(path: &Path, missing: way::Missing) -> Result<Self, NoWay> {
        let fd = way::open(path, missing)?;
        let stat = stat_of(&fd)?;
        let uid = owner(&fd, &stat);
        Ok(Self {
            fd,
            path: path.to_owned(),
            identity: FileIdentity::of(&stat),
            mode: stat.st_mode,
            uid,
            is_local: OnceLock::new(),
        })
    }

    /// Whether anybody else may look in or write.
    pub(super) fn is_open_to_others(&self) -> bool {
        self.mode & 0o077 != 0
    }

    /// Whether anybody else may write, or put files there.
    pub(super) fn is_writable_by_others(&self) -> bool {
        self.mode & 0o022 != 0
    }

    /// Whether others may put files there and nobody may remove another's: that is no accident,
    /// and no registry.
    fn is_shared_on_purpose(&self) -> bool {
        self.mode & 0o1000 != 0 && self.is_writable_by_others()
    }

    /// Whether the path still leads here. The home may have been deleted or moved away while a
    /// session lives.
    pub(super) fn is_still_at_its_path(&self) -> bool {
        retry(|| rustix::fs::stat(&self.path))
            .is_ok_and(|stat| FileIdentity::of(&stat) == self.identity)
    }

    /// Whether it is on a file system of this kernel alone, where a lock that is not held proves
    /// that its holder is gone and a time of writing is by our clock. Network and pass-through
    /// file systems say yes to locks and lock nothing (kata #3408, docker/for-mac #7004), and a
    /// lock on overlayfs cannot be seen on the directory below it.
    pub(super) fn is_local(&self) -> bool {
        *self.is_local.get_or_init(|| local::is_local(&self.fd))
    }

    /// To the first of its names, for another pass over them.
    pub(super) fn rewind(&self) -> rustix::io::Result<()> {
        retry(|| rustix::fs::seek(&self.fd, rustix::fs::SeekFrom::Start(0))).map(|_| ())
    }

    pub(super) fn stat(&self, name: &str) -> rustix::io::Result<Stat> {
        retry(|| rustix::fs::statat(&self.fd, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW))
    }

    pub(super) fn identity_of(&self, name: &str) -> rustix::io::Result<FileIdentity> {
        self.stat(name).map(|stat| FileIdentity::of(&stat))
    }

    /// Removes a name; one that is gone already was removed by somebody who was first.
    pub(super) fn unlink(&self, name: &str) -> rustix::io::Result<()> {
        match retry(|| rustix::fs::unlinkat(&self.fd, name, rustix::fs::AtFlags::empty())) {
            Err(Errno::NOENT) => Ok(()),
            result => result,
        }
    }

    pub(super) fn join(&self, name: impl ToString) -> PathBuf {
        self.path.join(name.to_string())
    }
}

/// What to say of a directory that cannot be opened to write.
fn not_opened(path: &Path) -> impl FnOnce(NoWay) -> Error + '_ {
    move |no| match no {
        NoWay::Errno(errno) => Error::io("open or make the directory", path, errno),
        NoWay::Link { link, uid } => {
            let link = link.display();
            let reason = format!("{link} on the way is a symlink of another user (uid {uid})");
            Error::Untrusted { path: path.to_owned(), reason }
        }
    }
}

impl FileIdentity {
    // The width of these fields differs between systems.
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
    pub(super) fn of(stat: &Stat) -> Self {
        Self { dev: stat.st_dev as u64, ino: stat.st_ino as u64 }
    }
}

pub(super) fn effective_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What everybody's uid looks like who has no number in this user namespace, this process too if
/// it has none: the default of `/proc/sys/kernel/overflowuid`, which nobody changes.
#[cfg(target_os = "linux")]
const OVERFLOW_UID: u32 = 65534;

/// Whose file it is. Where we look like nobody, a file of nobody's is another user's or our own:
/// only its owner may leave the time of reading alone (open(2), `O_NOATIME`).
#[cfg(target_os = "linux")]
pub(super) fn owner(fd: &OwnedFd, stat: &Stat) -> u32 {
    use rustix::fs::{OFlags, fcntl_setfl};
    let is_unclear = stat.st_uid == OVERFLOW_UID && effective_uid() == OVERFLOW_UID;
    if is_unclear && fcntl_setfl(fd, OFlags::NOATIME | OFlags::NONBLOCK) == Err(Errno::PERM) {
        // `(uid_t) -1`, which no user has.
        return u32::MAX;
    }
    stat.st_uid
}

/// Whose file it is.
#[cfg(not(target_os = "linux"))]
pub(super) fn owner(_: &OwnedFd, stat: &Stat) -> u32 {
    stat.st_uid
}

/// What stands in the place of a record, if it is not a regular file.
pub(super) fn not_a_file(kind: FileType) -> Option<&'static str> {
    Some(match kind {
        FileType::RegularFile | FileType::Unknown => return None,
        FileType::Directory => "directory",
        FileType::Symlink => "symlink",
        FileType::Fifo => "FIFO",
        FileType::Socket => "socket",
        FileType::CharacterDevice | FileType::BlockDevice => "device",
    })
}

/// Whether it is a regular file of this user: whose lock says something, and whose owner can be
/// waited for. Another user may hold a lock on his own file for ever.
pub(super) fn is_our_file(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_uid == effective_uid()
}

/// What a file is.
pub(super) fn stat_of(fd: impl AsFd) -> rustix::io::Result<Stat> {
    retry(|| fstat(&fd))
}

/// Now, in ms since the epoch.
pub(super) fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

/// Writes all of it from the beginning of a file on.
pub(super) fn write_all(fd: &OwnedFd, bytes: &[u8]) -> io::Result<()> {
    let mut written = 0;
    while written < bytes.len() {
        let more = retry(|| rustix::io::pwrite(fd, &bytes[written..], written as u64))?;
        if more == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        written += more;
    }
    Ok(())
}

#[cfg(all(target_os = "linux", not(callboard_portable)))]
mod local {
    use std::os::fd::OwnedFd;

    /// Magic numbers of linux/magic.h and of the file systems' own headers.
    const LOCAL: &[u32] = &[
        0xEF53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683E, // btrfs
        0xF2F5_2010, // F2FS
        0x2FC1_2FC1, // ZFS
        0xCA45_1A4E, // bcachefs
        0x0102_1994, // tmpfs
        0x8584_58F6, // ramfs
    ];

    pub(super) fn is_local(fd: &OwnedFd) -> bool {
        // The magic is 32 bits wide in a field whose width and sign differ between systems.
        super::retry(|| rustix::fs::fstatfs(fd)).is_ok_and(|fs| LOCAL.contains(&(fs.f_type as u32)))
    }
}

#[cfg(any(not(target_os = "linux"), callboard_portable))]
mod local {
    use std::os::fd::OwnedFd;

    /// Not known here, so: no.
    pub(super) fn is_local(_: &OwnedFd) -> bool {
        false
    }
}
