//! Files and directories that only this user may read.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::Path;

use rustix::fs::OFlags;

use crate::error::{Error, Result};

/// A spec with 300 KiB of arguments is unusual; more than this is not one of ours.
const MOST_BYTES: u64 = 8 << 20;

/// Makes a directory, and those above it that are missing, for this user alone.
pub(crate) fn make_directory(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| Error::io("make the directory", path, error))?;
    check_directory(path)
}

/// Whether it is a directory of this user; one that others could write to is made private.
pub(crate) fn check_directory(path: &Path) -> Result<()> {
    let found = std::fs::symlink_metadata(path).map_err(|e| Error::io("look at", path, e))?;
    let untrusted = |reason: &str| Error::Untrusted { path: path.into(), reason: reason.into() };
    if !found.is_dir() {
        return Err(untrusted("not a directory"));
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(untrusted("it belongs to another user"));
    }
    if found.mode() & 0o077 != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(0o700))
            .map_err(|error| Error::io("make private", path, error))?;
    }
    Ok(())
}

/// Makes a file that is not there yet.
pub(crate) fn create_new(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options.open(path).map_err(|error| Error::io("create", path, error))
}

/// Opens a file to add to it.
pub(crate) fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(no_follow()).open(path)
}

/// Opens a file to read it, whatever stands under its name: without following a link, and without
/// waiting for the other end of a pipe.
pub(crate) fn open_small(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).custom_flags(no_follow()).open(path)
}

fn no_follow() -> i32 {
    // The bits of a flag fit in what the system calls take.
    (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

/// The content of a file; `None` if it is not there.
pub(crate) fn read_small(path: &Path) -> Result<Option<Vec<u8>>> {
    let failed = |error| Error::io("read", path, error);
    let file = match open_small(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(failed(std::io::Error::new(ErrorKind::InvalidData, "it is too large")));
    }
    Ok(Some(bytes))
}
