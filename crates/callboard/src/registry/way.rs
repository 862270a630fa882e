//! The way to the directory. Its path may lead through a directory of somebody else's (`/tmp`,
//! for one), who can put a symlink there to another directory of ours; a program that followed it
//! would tighten that one, put records there, and take what it finds for records. So a symlink is
//! followed only if it is ours or the system's: who can make such a one needs no such trick.
//!
//! Linux does the same for sticky directories, where `fs.protected_symlinks` is set.

use std::path::PathBuf;

use rustix::io::Errno;

use super::directory::{effective_uid, retry};

/// Why the way ends.
#[derive(Debug)]
pub(super) enum NoWay {
    /// As the system says.
    Errno(Errno),
    /// At a symlink of another user.
    Link {
        /// It.
        link: PathBuf,
        /// Its owner.
        uid: u32,
    },
}

impl From<Errno> for NoWay {
    fn from(errno: Errno) -> Self {
        Self::Errno(errno)
    }
}

/// What to do where there is no directory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Missing {
    IsAnError,
    IsMade,
}

/// This user, and whoever the system belongs to: in a user namespace that root has no number in,
/// `/` is nobody's, and so are the system's symlinks.
fn is_trusted(uid: u32) -> rustix::io::Result<bool> {
    Ok(uid == effective_uid() || uid == 0 || uid == retry(|| rustix::fs::stat("/"))?.st_uid)
}

#[cfg(all(target_os = "linux", not(callboard_portable)))]
pub(super) use linux::open;
#[cfg(any(not(target_os = "linux"), callboard_portable))]
pub(super) use portable::open;

#[cfg(all(target_os = "linux", not(callboard_portable)))]
mod linux {
    use std::ffi::{OsStr, OsString};
    use std::os::fd::OwnedFd;
    use std::os::unix::ffi::OsStrExt;
    use std::path::{Component, Path, PathBuf};

    use rustix::fs::{
        CWD, FileType, Mode, OFlags, ResolveFlags, fstatfs, mkdirat, openat, openat2,
    };
    use rustix::io::Errno;

    use super::{Missing, NoWay, is_trusted};
    use crate::registry::directory::{retry, stat_of};

    /// As many as the kernel follows (path_resolution(7)).
    const MAX_LINKS: usize = 40;

    /// linux/magic.h.
    const PROC_SUPER_MAGIC: u32 = 0x9fa0;

    const READ: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
    /// A directory on the way need not be readable. `DIRECTORY` also mounts what is to be mounted
    /// on access, as following the path in one step would.
    const PASS: OFlags = OFlags::PATH.union(READ).union(OFlags::NOFOLLOW);

    /// Opens a directory to read its names.
    pub(in crate::registry) fn open(path: &Path, missing: Missing) -> Result<OwnedFd, NoWay> {
        // Mostly there is no symlink on the way, and one call tells.
        let no_links = ResolveFlags::NO_SYMLINKS;
        match retry(|| openat2(CWD, path, READ, Mode::empty(), no_links)) {
            Ok(directory) => Ok(directory),
            Err(Errno::NOENT) if missing == Missing::IsMade => walk(path, missing),
            // Older than 5.6, or under a filter that does not know the call.
            Err(Errno::LOOP | Errno::NOSYS | Errno::PERM | Errno::INVAL) => walk(path, missing),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Goes along the path step by step, each from the directory that the last one led to, so
    /// that nobody can put anything in between.
    fn walk(path: &Path, missing: Missing) -> Result<OwnedFd, NoWay> {
        // The working directory may be gone, and an absolute path has no need of it.
        let start = OsStr::new(if path.is_absolute() { "/" } else { "." });
        let mut walk = Walk { at: pass(CWD, start)?, so_far: PathBuf::new() };
        let mut rest = Vec::new();
        push_reversed(&mut rest, path);
        let mut links = 0;
        while let Some(step) = rest.pop() {
            if step == "/" {
                walk = Walk { at: pass(CWD, &step)?, so_far: PathBuf::from("/") };
                continue;
            }
            match pass(&walk.at, &step) {
                Ok(next) => walk.on(next, &step),
                Err(Errno::NOTDIR) => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP.into());
                    }
                    match walk.read_link(&step)? {
                        Link::To(target) => push_reversed(&mut rest, Path::new(&target)),
                        Link::Through(next) => walk.on(next, &step),
                        // It was a symlink, and is a directory by now: somebody is at it.
                        Link::IsDirectory => rest.push(step),
                    }
                }
                Err(Errno::NOENT) if missing == Missing::IsMade => {
                    match retry(|| mkdirat(&walk.at, &*step, Mode::RWXU)) {
                        // Another session was first.
                        Ok(()) | Err(Errno::EXIST) => walk.on(pass(&walk.at, &step)?, &step),
                        Err(errno) => return Err(errno.into()),
                    }
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(retry(|| openat(&walk.at, ".", READ, Mode::empty()))?)
    }

    /// What is in the way.
    enum Link {
        To(OsString),
        Through(OwnedFd),
        IsDirectory,
    }

    /// Where the walk has come to.
    struct Walk {
        at: OwnedFd,
        so_far: PathBuf,
    }

    impl Walk {
        fn on(&mut self, next: OwnedFd, step: &OsStr) {
            self.at = next;
            self.so_far.push(step);
        }

        /// Where a symlink leads to, if it may be followed.
        fn read_link(&self, step: &OsStr) -> Result<Link, NoWay> {
            let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let link = retry(|| openat(&self.at, step, flags, Mode::empty()))?;
            let stat = stat_of(&link)?;
            match FileType::from_raw_mode(stat.st_mode) {
                FileType::Symlink => {}
                FileType::Directory => return Ok(Link::IsDirectory),
                _ => return Err(Errno::NOTDIR.into()),
            }
            // `/proc/<pid>/root` leads into another mount namespace, which its text does not say.
            // Nobody but the kernel can put a link there.
            if retry(|| fstatfs(&link))?.f_type as u32 == PROC_SUPER_MAGIC {
                let through = PASS.difference(OFlags::NOFOLLOW);
                let next = retry(|| openat(&self.at, step, through, Mode::empty()))?;
                return Ok(Link::Through(next));
            }
            if !is_trusted(stat.st_uid)? {
                return Err(NoWay::Link { link: self.so_far.join(step), uid: stat.st_uid });
            }
            let target = retry(|| rustix::fs::readlinkat(&link, "", Vec::new()))?;
            Ok(Link::To(OsStr::from_bytes(target.to_bytes()).to_owned()))
        }
    }

    fn pass(from: impl std::os::fd::AsFd, step: &OsStr) -> rustix::io::Result<OwnedFd> {
        retry(|| openat(&from, step, PASS, Mode::empty()))
    }

    fn push_reversed(rest: &mut Vec<OsString>, path: &Path) {
        let steps = path.components().filter(|step| *step != Component::CurDir);
        let first = rest.len();
        rest.extend(steps.map(|step| step.as_os_str().to_owned()));
        rest[first..].reverse();
    }
}

/// Where a directory cannot be opened without the right to read it, so that a path can only be
/// followed whole: links that are there are found, one that is put there meanwhile is not.
#[cfg(any(not(target_os = "linux"), callboard_portable))]
mod portable {
    use std::os::fd::OwnedFd;
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    use std::path::Path;

    use rustix::fs::{CWD, Mode, OFlags, openat};
    use rustix::io::Errno;

    use super::{Missing, NoWay, is_trusted};
    use crate::registry::directory::retry;

    pub(in crate::registry) fn open(path: &Path, missing: Missing) -> Result<OwnedFd, NoWay> {
        for link in path.ancestors() {
            if let Ok(found) = link.symlink_metadata()
                && found.is_symlink()
                && !is_trusted(found.uid())?
            {
                return Err(NoWay::Link { link: link.to_owned(), uid: found.uid() });
            }
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = || retry(|| openat(CWD, path, flags, Mode::empty()));
        match open() {
            Err(Errno::NOENT) if missing == Missing::IsMade => {
                create(path)?;
                Ok(open()?)
            }
            opened => Ok(opened?),
        }
    }

    fn create(path: &Path) -> rustix::io::Result<()> {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        loop {
            match builder.create(path) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                result => {
                    return result.map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO));
                }
            }
        }
    }
}
