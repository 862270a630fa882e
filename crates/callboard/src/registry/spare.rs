//! The spare of a session: the file that its record was before its last change, kept open to be
//! written anew and to change places with the record at the next one. To make a file for every
//! change and to remove it again is two thirds of the cost, and on ext4 far more where many were
//! removed within the last minutes (`recently_deleted` in fs/ext4/ialloc.c).
//!
//! A reader may still have the spare open, from the time when it was the record, and must not see
//! it change. So it is written only under a write lease, which the kernel gives to nobody but the
//! only one who has the file open, and which keeps whoever found its name a moment ago from opening
//! it until it is given back (fcntl(2), `F_SETLEASE`). Where there are no leases, there are no
//! spares. Nobody but the session uses it, and its name is that of no other.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{FlockOperation, Stat, flock};

use super::directory::{Directory, is_our_file, retry, write_all};
use super::publish::{Placed, Published, Temporary, put_in_place, replace, text_of, write_new};
use super::snapshot::FileIdentity;
use crate::error::{Error, Result};
use crate::record::{MAX_RECORD_BYTES, RecordName, SessionRecord};

/// How much longer than its text a file may be. What is over is filled with blanks, since to
/// shorten a file costs more than to write it.
const BLANKS: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Spare {
    fd: OwnedFd,
    identity: FileIdentity,
    name: String,
}

/// The name of the spare that the session of this record may have.
pub(super) fn spare_of(name: RecordName, record: &SessionRecord) -> Option<String> {
    name.spare_name(&record.instance()?)
}

/// Removes the spare of a record that is about to be removed, or was. One that stays is litter.
pub(super) fn remove_spare(directory: &Directory, name: RecordName, record: &SessionRecord) {
    if let Some(spare) = spare_of(name, record)
        && directory.stat(&spare).is_ok_and(|stat| is_our_file(&stat))
    {
        _ = directory.unlink(&spare);
    }
}

/// Replaces the record that the caller holds the write lock on, as [`replace`] does, by what was
/// its spare, and keeps what it was as the next; the lock is released then. `false` if the name is
/// gone or means another file, and then nothing was changed.
pub(super) fn replace_keeping(
    directory: &Directory,
    name: RecordName,
    record: &SessionRecord,
    published: &mut Published,
    spare: &mut Option<Spare>,
) -> Result<bool> {
    let Some((next, mut temporary)) = next(directory, name, record, spare)? else {
        let replaced = replace(directory, name, record, published.identity)?;
        return Ok(replaced.map(|next| *published = next).is_some());
    };
    let placed = put_in_place(&mut temporary, name, published.identity)?;
    if placed == Placed::Not {
        return Ok(false);
    }
    let old = std::mem::replace(published, next);
    if placed == Placed::Exchanged {
        temporary.keep = true;
        // Who waits for it has to look again; and it will be the record once more.
        _ = retry(|| flock(&old.fd, FlockOperation::Unlock));
        let name = std::mem::take(&mut temporary.name);
        *spare = Some(Spare { fd: old.fd, identity: old.identity, name });
    }
    Ok(true)
}

/// What the record is to be: in its spare, or in a new file under the name of one. `None` where
/// there cannot be one.
fn next<'d>(
    directory: &'d Directory,
    name: RecordName,
    record: &SessionRecord,
    spare: &mut Option<Spare>,
) -> Result<Option<(Published, Temporary<'d>)>> {
    // Where a file can be opened past this kernel (a network, a layer below an overlay), a lease
    // says nothing.
    if !lease::are_there() || !directory.is_local() {
        if spare.take().is_some() {
            remove_spare(directory, name, record);
        }
        return Ok(None);
    }
    let text = text_of(directory, name, record)?;
    if let Some(spare) = spare.take()
        && let Ok(stat) = directory.stat(&spare.name)
        // Whatever else was put under its name is left alone, and must not become the record.
        && FileIdentity::of(&stat) == spare.identity
    {
        // Removed with this, unless it is kept.
        let temporary = Temporary { directory, name: spare.name, keep: false };
        let written = rewrite(&spare.fd, &stat, text.as_bytes())
            .and_then(|written| written.then(|| Published::of(spare.fd)).transpose())
            .map_err(|e| Error::io("write", directory.join(name), e))?;
        if let Some(published) = written {
            return Ok(Some((published, temporary)));
        }
    }
    let Some(spare) = spare_of(name, record) else { return Ok(None) };
    write_new(directory, spare, name, record)
}

/// Writes the text into the file, which was just looked at, unless somebody else has it open.
fn rewrite(fd: &OwnedFd, stat: &Stat, text: &[u8]) -> io::Result<bool> {
    let length = usize::try_from(stat.st_size).unwrap_or(usize::MAX);
    // A file with a second name is somebody's copy.
    if stat.st_nlink != 1 || length > MAX_RECORD_BYTES || length > text.len() + BLANKS {
        return Ok(false);
    }
    let Some(lease) = lease::Lease::take(fd)? else { return Ok(false) };
    let mut content = text.to_vec();
    content.resize(length.max(text.len()), b' ');
    write_all(fd, &content)?;
    lease.give_back()?;
    Ok(true)
}

#[cfg(all(target_os = "linux", not(callboard_portable)))]
mod lease {
    use std::ffi::c_int;
    use std::io;
    use std::os::fd::{AsRawFd, OwnedFd};
    use std::sync::atomic::{AtomicBool, Ordering};

    use rustix::process::Signal;

    /// Elsewhere these numbers, of asm-generic/fcntl.h, are others.
    const ARE_KNOWN: bool = cfg!(any(
        target_arch = "x86_64",
        target_arch = "x86",
        target_arch = "aarch64",
        target_arch = "arm",
        target_arch = "riscv64",
        target_arch = "loongarch64",
        target_arch = "s390x"
    ));
    const F_SETSIG: c_int = 10;
    const F_SETLEASE: c_int = 1024;
    const F_WRLCK: c_int = 1;
    const F_UNLCK: c_int = 2;

    /// A filter or a security module refuses them, or the kernel was built without.
    static REFUSED: AtomicBool = AtomicBool::new(false);

    pub(super) fn are_there() -> bool {
        ARE_KNOWN && !REFUSED.load(Ordering::Relaxed)
    }

    /// A write lease on an open file.
    pub(super) struct Lease<'f>(&'f OwnedFd);

    impl<'f> Lease<'f> {
        /// `None` where somebody else has the file open.
        pub(super) fn take(fd: &'f OwnedFd) -> io::Result<Option<Self>> {
            // Whoever opens the file meanwhile has the kernel send a signal. The usual one ends a
            // program that does not expect it; this one is ignored by default.
            let taken = control(fd, F_SETSIG, Signal::URG.as_raw())
                .and_then(|()| control(fd, F_SETLEASE, F_WRLCK));
            match taken {
                Ok(()) => Ok(Some(Self(fd))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                Err(error) if error.kind() == io::ErrorKind::OutOfMemory => Err(error),
                Err(_) => {
                    REFUSED.store(true, Ordering::Relaxed);
                    Ok(None)
                }
            }
        }

        pub(super) fn give_back(self) -> io::Result<()> {
            control(self.0, F_SETLEASE, F_UNLCK)
        }
    }

    #[allow(unsafe_code)]
    fn control(fd: &OwnedFd, command: c_int, argument: c_int) -> io::Result<()> {
        // Not from the libc crate, which the library otherwise does without; rustix has no leases.
        unsafe extern "C" {
            fn fcntl(fd: c_int, command: c_int, ...) -> c_int;
        }
        loop {
            // SAFETY: this is the prototype (fcntl(2)); the descriptor is open, and both commands
            // take an int and no memory.
            if unsafe { fcntl(fd.as_raw_fd(), command, argument) } != -1 {
                return Ok(());
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

#[cfg(any(not(target_os = "linux"), callboard_portable))]
mod lease {
    use std::io;
    use std::os::fd::OwnedFd;

    pub(super) fn are_there() -> bool {
        false
    }

    pub(super) struct Lease;

    impl Lease {
        pub(super) fn take(_: &OwnedFd) -> io::Result<Option<Self>> {
            Ok(None)
        }

        pub(super) fn give_back(self) -> io::Result<()> {
            Ok(())
        }
    }
}
