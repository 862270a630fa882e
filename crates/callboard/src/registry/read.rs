//! Reading one entry of the directory, whatever somebody put there.

use std::os::fd::OwnedFd;

use rustix::fs::{FileType, Mode, OFlags, Stat, openat};
use rustix::io::Errno;

use super::directory::{Directory, effective_uid, not_a_file, owner, retry, stat_of};
use super::problem::ProblemKind;

/// How often in a row a file may become a spare while it is opened.
const LEASED: usize = 64;

/// Why an entry is not read.
pub(super) enum NotRead {
    /// It went away between the listing of the directory and now: its session signed out.
    Gone,
    Problem(ProblemKind),
}

/// Reads entries into one buffer.
pub(super) struct Reader {
    buffer: Vec<u8>,
    limit: usize,
    uid: u32,
}

impl Reader {
    /// For files of up to `limit` bytes that belong to this user.
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: Vec::new(), limit, uid: effective_uid() }
    }

    /// Reads a record. Neither a FIFO, a symlink, a device nor a file without end stops it.
    pub(super) fn read(
        &mut self,
        directory: &Directory,
        name: &std::ffi::CStr,
        kind: FileType,
    ) -> Result<(&[u8], Stat), NotRead> {
        // A known wrong type is not even opened: opening a device can do something.
        if let Some(what) = not_a_file(kind) {
            return Err(NotRead::Problem(ProblemKind::NotAFile(what)));
        }
        let fd = open_record(directory, name, OFlags::RDONLY).map_err(not_opened)?;
        let stat = stat_of(&fd).map_err(unreadable)?;
        Ok((self.read_seen(&fd, &stat)?, stat))
    }

    /// The same for a file that is open, was just looked at, and was not read yet.
    pub(super) fn read_seen(&mut self, fd: &OwnedFd, stat: &Stat) -> Result<&[u8], NotRead> {
        self.check(fd, stat)?;
        self.make_room(stat);
        let mut filled = 0;
        loop {
            let read = retry(|| rustix::io::read(fd, &mut self.buffer[filled..]));
            filled += read.map_err(unreadable)?;
            // Records are replaced, never rewritten: what `fstat` saw is all there is. Another
            // program's may grow under us, up to the limit.
            if filled > self.limit {
                return Err(NotRead::Problem(ProblemKind::TooLarge { bytes: filled as u64 }));
            }
            if filled as u64 >= u64::try_from(stat.st_size).unwrap_or(0) || read == Ok(0) {
                break;
            }
            if filled == self.buffer.len() {
                self.buffer.resize(self.limit + 1, 0);
            }
        }
        Ok(&self.buffer[..filled])
    }

    /// For the file as it is, and a little more: most records have a few hundred bytes, and
    /// clearing a buffer for the longest would cost as much as reading one.
    fn make_room(&mut self, stat: &Stat) {
        let expected = usize::try_from(stat.st_size).unwrap_or(self.limit).min(self.limit) + 1;
        if self.buffer.len() < expected {
            self.buffer.resize(expected.max(4096).min(self.limit + 1), 0);
        }
    }

    fn check(&self, fd: &OwnedFd, stat: &Stat) -> Result<(), NotRead> {
        let kind = if let Some(what) = not_a_file(FileType::from_raw_mode(stat.st_mode)) {
            ProblemKind::NotAFile(what)
        } else if owner(fd, stat) != self.uid {
            ProblemKind::OfAnotherUser { uid: owner(fd, stat) }
        } else {
            match u64::try_from(stat.st_size) {
                Ok(bytes) if bytes > self.limit as u64 => ProblemKind::TooLarge { bytes },
                _ => return Ok(()),
            }
        };
        Err(NotRead::Problem(kind))
    }
}

/// Opens a file of the directory: never through a symlink, never waiting for a FIFO's other end,
/// never becoming a terminal's session leader.
pub(super) fn open_record(
    directory: &Directory,
    name: impl rustix::path::Arg + Copy,
    access: OFlags,
) -> rustix::io::Result<OwnedFd> {
    let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let mut tries = 0;
    loop {
        match retry(|| openat(directory, name, flags, Mode::empty())) {
            // Between finding the file and opening it, its session has made it its spare and
            // begun to write it. The name means another file by now.
            Err(Errno::WOULDBLOCK) if tries < LEASED => tries += 1,
            result => return result,
        }
    }
}

fn not_opened(errno: Errno) -> NotRead {
    NotRead::Problem(match errno {
        Errno::NOENT => return NotRead::Gone,
        Errno::LOOP => ProblemKind::NotAFile("symlink"),
        Errno::NXIO => ProblemKind::NotAFile("socket"),
        errno => ProblemKind::Unreadable(errno.into()),
    })
}

fn unreadable(errno: Errno) -> NotRead {
    NotRead::Problem(ProblemKind::Unreadable(errno.into()))
}
