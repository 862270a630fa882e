//! Files of other programs: read with a bound, backed up, and replaced in one step, or not at all.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, OFlags, RenameFlags, renameat_with};
use rustix::io::Errno;

/// Settings are a few KB.
const MAX_BYTES: u64 = 4 << 20;

/// A file of settings, as it was when it was read.
#[derive(Debug)]
pub(crate) struct Settings {
    /// As it was named.
    pub(crate) path: PathBuf,
    /// Where it really is, whatever links lead there.
    pub(crate) real: PathBuf,
    /// What was in it; `None` where there is none.
    pub(crate) before: Option<String>,
    about: Option<Metadata>,
}

/// What was tried on a file, and what came of it.
#[derive(Debug)]
pub(crate) struct Refused {
    doing: &'static str,
    path: PathBuf,
    why: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {} {}: {}", self.doing, self.path.display(), self.why)
    }
}

fn refused(doing: &'static str, path: &Path, why: impl ToString) -> Refused {
    Refused { doing, path: path.to_owned(), why: why.to_string() }
}

/// Opens a file to read, without waiting for the other end of a FIFO.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

/// The bytes of a regular file of at most this length.
pub(crate) fn read_bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    contents(&open(path)?, limit)
}

fn contents(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

impl Settings {
    /// Reads the file, or finds that there is none.
    pub(crate) fn read(path: &Path) -> Result<Self, Refused> {
        let real = real(path)?;
        let file = match open(&real) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Self { path: path.to_owned(), real, before: None, about: None });
            }
            opened => opened.map_err(|error| refused("open", path, error))?,
        };
        let cannot = |error| refused("read", path, error);
        let bytes = contents(&file, MAX_BYTES).map_err(cannot)?;
        let about = file.metadata().map_err(cannot)?;
        let text =
            String::from_utf8(bytes).map_err(|_| refused("read", path, "it is not UTF-8"))?;
        Ok(Self { path: path.to_owned(), real, before: Some(text), about: Some(about) })
    }

    /// Puts this text into its place, unless somebody changed it since it was read. The mode and
    /// the owner stay; so does the link, where the path is one.
    pub(crate) fn replace(&self, text: &str) -> Result<(), Refused> {
        let dir = self.dir();
        std::fs::create_dir_all(dir).map_err(|error| refused("create", dir, error))?;
        let temporary = self.temporary(text)?;
        let placed = match &self.before {
            Some(before) => self.exchange(&temporary.0, before),
            None => place(&temporary.0, &self.real, RenameFlags::NOREPLACE),
        };
        placed.map_err(|error| refused("write", &self.path, why(&error)))
    }

    /// Removes it, unless somebody changed it since it was read.
    pub(crate) fn remove(&self) -> Result<(), Refused> {
        let cannot = |error: io::Error| refused("remove", &self.path, why(&error));
        self.require_unchanged(&self.real).map_err(cannot)?;
        std::fs::remove_file(&self.real).map_err(cannot)
    }

    /// Keeps what was in it beside it, for this user alone. Nothing, where that stands there
    /// already.
    pub(crate) fn back_up(&self) -> Result<Option<PathBuf>, Refused> {
        let Some(before) = &self.before else { return Ok(None) };
        if self.backups().iter().any(|path| is(path, before)) {
            return Ok(None);
        }
        let stamp = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        for attempt in 0..100 {
            let number = if attempt == 0 { String::new() } else { format!("-{attempt}") };
            let path = self.beside(&format!("{BACKUP}{stamp}{number}"));
            match create(&path).and_then(|file| written(&file, before)) {
                Ok(()) => return Ok(Some(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    _ = std::fs::remove_file(&path);
                    return Err(refused("back up to", &path, why(&error)));
                }
            }
        }
        Err(refused("back up", &self.path, "every name for it is taken"))
    }

    /// Earlier contents that were kept, the newest first.
    pub(crate) fn backups(&self) -> Vec<PathBuf> {
        let prefix = self.beside(BACKUP);
        let names = std::fs::read_dir(self.dir()).into_iter().flatten().flatten();
        let mut found: Vec<PathBuf> = names
            .map(|entry| entry.path())
            .filter(|path| {
                path.as_os_str()
                    .as_encoded_bytes()
                    .starts_with(prefix.as_os_str().as_encoded_bytes())
            })
            .collect();
        found.sort();
        found.reverse();
        found
    }

    fn dir(&self) -> &Path {
        self.real.parent().unwrap_or(Path::new("/"))
    }

    /// A name in the same directory.
    fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = OsString::from(self.real.file_name().unwrap_or_default());
        name.push(suffix);
        self.real.with_file_name(name)
    }

    fn temporary(&self, text: &str) -> Result<Temporary, Refused> {
        let path = self.beside(&format!(".{}.tmp", std::process::id()));
        let cannot = |error: io::Error| refused("write beside", &self.path, why(&error));
        let file = create(&path).map_err(cannot)?;
        let temporary = Temporary(path);
        written(&file, text).and_then(|()| self.like_before(&file)).map_err(cannot)?;
        Ok(temporary)
    }

    /// Gives a file the mode and the owner of the one that it replaces.
    fn like_before(&self, file: &File) -> io::Result<()> {
        let Some(about) = &self.about else { return Ok(()) };
        let new = file.metadata()?;
        if (new.uid(), new.gid()) != (about.uid(), about.gid()) {
            fchown(file, Some(about.uid()), Some(about.gid()))?;
        }
        file.set_permissions(std::fs::Permissions::from_mode(about.mode() & 0o7777))
    }

    /// The two change places; back again, if what came out is not what was read.
    fn exchange(&self, temporary: &Path, before: &str) -> io::Result<()> {
        match place(temporary, &self.real, RenameFlags::EXCHANGE) {
            Ok(()) if is(temporary, before) => Ok(()),
            Ok(()) => {
                place(temporary, &self.real, RenameFlags::EXCHANGE)?;
                Err(io::Error::other(CHANGED))
            }
            // A file system that cannot exchange: then there is a moment between look and rename.
            Err(error) if can_not(&error) => {
                self.require_unchanged(&self.real)?;
                std::fs::rename(temporary, &self.real)
            }
            Err(error) => Err(error),
        }
    }

    fn require_unchanged(&self, path: &Path) -> io::Result<()> {
        match &self.before {
            Some(before) if is(path, before) => Ok(()),
            _ => Err(io::Error::other(CHANGED)),
        }
    }
}

const CHANGED: &str = "another program changed it at this moment; nothing was written, try again";

/// What follows the name of a file in the names of its earlier contents, before the time.
const BACKUP: &str = ".before-callboard-";

/// A file that is gone when this is, unless it was given another name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

/// Where a path leads. The last part need not exist, unless it is a link: then nothing is put in
/// the place that it leads to.
fn real(path: &Path) -> Result<PathBuf, Refused> {
    let path = std::path::absolute(path).map_err(|error| refused("find", path, error))?;
    match path.canonicalize() {
        Ok(real) => Ok(real),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.symlink_metadata().is_ok() {
                return Err(refused("open", &path, "it is a link to a file that is not there"));
            }
            let dir = path.parent().and_then(|dir| dir.canonicalize().ok());
            Ok(match (dir, path.file_name()) {
                (Some(dir), Some(name)) => dir.join(name),
                _ => path,
            })
        }
        Err(error) => Err(refused("find", &path, error)),
    }
}

fn is(path: &Path, text: &str) -> bool {
    read_bounded(path, MAX_BYTES).is_ok_and(|bytes| bytes == text.as_bytes())
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// On the disk, and not only on its way there: people's settings are worth the wait.
fn written(mut file: &File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn place(from: &Path, to: &Path, how: RenameFlags) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, how) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) if how == RenameFlags::NOREPLACE => {
            std::fs::hard_link(from, to)
        }
        result => Ok(result?),
    }
}

fn can_not(error: &io::Error) -> bool {
    [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// What the system said, and what that means for settings.
fn why(error: &io::Error) -> String {
    let next = match error.kind() {
        io::ErrorKind::AlreadyExists => "another program made it at this moment; try again",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "if an administrator or another program looks after it, add there what --dry-run shows"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "nothing was changed",
        _ => return error.to_string(),
    };
    format!("{error}; {next}")
}
