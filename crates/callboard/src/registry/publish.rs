//! Publishing: a record appears, or is replaced, in one step that a reader cannot see the middle
//! of; a writer that is killed at any point leaves the old record or the new one, and at most one
//! temporary file, which the next sweep removes.
//!
//! Nothing is flushed to the disk: a record means nothing after the boot that wrote it, and an
//! `fsync` costs 200 times the rest. After a power cut a file may be empty or all NULs, which
//! readers name as such.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Mode, OFlags, Stat, linkat, openat, renameat};
use rustix::io::Errno;

use super::directory::{Directory, retry, stat_of, write_all};
use super::snapshot::FileIdentity;
use super::token::next_token;
use crate::error::{Error, Result};
use crate::record::{MAX_RECORD_BYTES, RecordName, SessionRecord};

/// A file that was published, still open.
#[derive(Debug)]
pub(super) struct Published {
    pub(super) fd: OwnedFd,
    pub(super) identity: FileIdentity,
    /// When it was written, to notice that somebody wrote into it.
    pub(super) written: Written,
}

impl Published {
    /// A file that was written, and is about to be published.
    pub(super) fn of(fd: OwnedFd) -> std::io::Result<Self> {
        let stat = stat_of(&fd)?;
        let (identity, written) = (FileIdentity::of(&stat), Written::of(&stat));
        Ok(Self { fd, identity, written })
    }
}

/// The time of the last write, in seconds and nanoseconds, and the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written(i64, i64, i64);

impl Written {
    #[allow(clippy::unnecessary_cast, clippy::useless_conversion)] // their widths differ
    pub(super) fn of(stat: &Stat) -> Self {
        Self(stat.st_mtime as i64, stat.st_mtime_nsec as i64, stat.st_size as i64)
    }
}

/// A file that removes its name unless it was given another.
pub(super) struct Temporary<'d> {
    pub(super) directory: &'d Directory,
    pub(super) name: String,
    pub(super) keep: bool,
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.keep {
            _ = self.directory.unlink(&self.name);
        }
    }
}

/// Publishes a record under a name that nobody has; `None` if somebody has it.
pub(super) fn publish_new(
    directory: &Directory,
    name: RecordName,
    record: &SessionRecord,
) -> Result<Option<Published>> {
    let (published, mut temporary) = write_temporary(directory, name, record)?;
    let target = name.to_string();
    match rename_noreplace(directory, &temporary.name, &target) {
        Ok(()) => {
            temporary.keep = true;
            Ok(Some(published))
        }
        Err(Errno::EXIST) => Ok(None),
        Err(errno) => Err(Error::io("publish", directory.join(name), errno)),
    }
}

/// Replaces the record that the caller holds the write lock on; `None` if the name is gone or means
/// another file, and then nothing was changed.
pub(super) fn replace(
    directory: &Directory,
    name: RecordName,
    record: &SessionRecord,
    old: FileIdentity,
) -> Result<Option<Published>> {
    let (published, mut temporary) = write_temporary(directory, name, record)?;
    let placed = put_in_place(&mut temporary, name, old)?;
    Ok((placed != Placed::Not).then_some(published))
}

/// What came of putting a file in the place of a record.
#[derive(PartialEq)]
pub(super) enum Placed {
    /// The two have changed places.
    Exchanged,
    /// The old one is gone, and so is the other name.
    Over,
    /// The record is gone or another file: nothing was changed.
    Not,
}

/// Puts a file in the place of the record that the caller holds the write lock on.
///
/// The two change places. A plain rename over the old one would make ext4 write the new one out
/// first (`auto_da_alloc`), which costs ten times as much, and would bring back a record that was
/// removed in between: an exchange fails if the name is gone.
pub(super) fn put_in_place(
    temporary: &mut Temporary<'_>,
    name: RecordName,
    old: FileIdentity,
) -> Result<Placed> {
    let directory = temporary.directory;
    let target = name.to_string();
    let failed = |errno: Errno| Error::io("replace", directory.join(name), errno);
    match exchange(directory, &temporary.name, &target) {
        Ok(()) => {
            // Somebody who does not take our locks may have put another file there meanwhile.
            if directory.identity_of(&temporary.name) == Ok(old) {
                return Ok(Placed::Exchanged);
            }
            temporary.keep = exchange(directory, &temporary.name, &target).is_err();
            Ok(Placed::Not)
        }
        Err(Errno::NOENT) => Ok(Placed::Not),
        // NFS and some FUSE file systems have no exchange: rename over it, under the lock.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            if directory.identity_of(&target) != Ok(old) {
                return Ok(Placed::Not);
            }
            retry(|| renameat(directory, &*temporary.name, directory, &*target)).map_err(failed)?;
            temporary.keep = true;
            Ok(Placed::Over)
        }
        Err(errno) => Err(failed(errno)),
    }
}

fn write_temporary<'d>(
    directory: &'d Directory,
    name: RecordName,
    record: &SessionRecord,
) -> Result<(Published, Temporary<'d>)> {
    // A name of its own for every write: two writers that share one destroy each other's
    // (agentistics PR #396).
    loop {
        let temporary = format!(".{}.{:016x}.tmp", name.stem(), next_token());
        if let Some(written) = write_new(directory, temporary, name, record)? {
            return Ok(written);
        }
    }
}

/// Writes a record into a new file of this name; `None` if somebody has it.
pub(super) fn write_new<'d>(
    directory: &'d Directory,
    temporary: String,
    name: RecordName,
    record: &SessionRecord,
) -> Result<Option<(Published, Temporary<'d>)>> {
    let text = text_of(directory, name, record)?;
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = match retry(|| openat(directory, &*temporary, flags, Mode::RUSR | Mode::WUSR)) {
        Ok(fd) => fd,
        Err(Errno::EXIST) => return Ok(None),
        Err(errno) => return Err(Error::io("create a file in", &directory.path, errno)),
    };
    let temporary = Temporary { directory, name: temporary, keep: false };
    write_all(&fd, text.as_bytes())
        .and_then(|()| Published::of(fd))
        .map(|published| Some((published, temporary)))
        .map_err(|e| Error::io("write", directory.join(name), e))
}

/// The text of a record, if it is not too long.
pub(super) fn text_of<'r>(
    directory: &Directory,
    name: RecordName,
    record: &'r SessionRecord,
) -> Result<&'r str> {
    let text = record.as_json();
    if text.len() > MAX_RECORD_BYTES {
        return Err(Error::TooLarge { path: directory.join(name), bytes: text.len() });
    }
    Ok(text)
}

/// Gives a file another name if nobody has that; [`Errno::EXIST`] if somebody does.
pub(super) fn rename_noreplace(
    directory: &Directory,
    from: &str,
    to: &str,
) -> rustix::io::Result<()> {
    match renameat_flags::noreplace(directory, from, to) {
        // A link is the other step that fails if the name is there. A crash between the two
        // leaves a second name of the same file, which a sweep removes.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            retry(|| linkat(directory, from, directory, to, AtFlags::empty()))?;
            // All or nothing: with both names there, who asked could not tell what it has.
            directory.unlink(from).inspect_err(|_| _ = directory.unlink(to))
        }
        result => result,
    }
}

fn exchange(directory: &Directory, a: &str, b: &str) -> rustix::io::Result<()> {
    renameat_flags::exchange(directory, a, b)
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod renameat_flags {
    use super::{Directory, retry};
    use rustix::fs::{RenameFlags, renameat_with};

    pub(super) fn noreplace(d: &Directory, from: &str, to: &str) -> rustix::io::Result<()> {
        retry(|| renameat_with(d, from, d, to, RenameFlags::NOREPLACE))
    }

    pub(super) fn exchange(d: &Directory, a: &str, b: &str) -> rustix::io::Result<()> {
        retry(|| renameat_with(d, a, d, b, RenameFlags::EXCHANGE))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod renameat_flags {
    use super::Directory;
    use rustix::io::Errno;

    pub(super) fn noreplace(_: &Directory, _: &str, _: &str) -> rustix::io::Result<()> {
        Err(Errno::NOSYS)
    }

    pub(super) fn exchange(_: &Directory, _: &str, _: &str) -> rustix::io::Result<()> {
        Err(Errno::NOSYS)
    }
}
