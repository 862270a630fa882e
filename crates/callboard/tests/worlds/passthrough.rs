//! A file system in user space that shows a directory of this machine, and in which what a network
//! or pass-through file system cannot do cannot be done. Two of them over one directory are what
//! two machines, or two containers of a desktop engine, have of it.
//!
//! It is served by this test binary, started again with the one test `passthrough::server`
//! selected, in a mount namespace of its own: however a test ends, nothing stays mounted.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    BsdFileFlags, Config, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags,
    Generation, INodeNo, InitFlags, KernelConfig, LockOwner, MountOption, OpenFlags, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen,
    ReplyWrite, Request, Session, SessionACL, TimeOrNow, WriteFlags,
};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, linkat, openat, renameat_with, unlinkat};
use serde_json::{Value, json};
use testkit::{Home, Place, Process, Prompt, Stage};

/// Says to the binary that it is a file server now.
const DOOR: &str = "CALLBOARD_TEST_FILE_SERVER";

/// What this file system cannot do.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lacks {
    /// `flock` fails (`ENOLCK`, NFS without its lock server). Else it says yes, and means this
    /// mount alone (virtiofs, the shares of a desktop engine).
    pub(crate) locks: bool,
    /// `renameat2` knows no flags (NFS).
    pub(crate) rename_flags: bool,
    /// The inode number of a file is made from its name, and changes with it (rclone, mergerfs).
    pub(crate) numbers: bool,
}

/// A directory of the home through such a file system: who serves it, and its path there.
pub(crate) fn mounted(home: &Home, lacks: Lacks) -> (Place, PathBuf) {
    let (backing, mountpoint) = (home.path().join("backing"), home.path().join("mounted"));
    for dir in [&backing, &mountpoint] {
        fs::create_dir_all(dir).unwrap();
        fs::set_permissions(dir, Permissions::from_mode(0o700)).unwrap();
    }
    let order = json!({
        "backing": backing, "mountpoint": mountpoint,
        "lacks": [lacks.locks, lacks.rename_flags, lacks.numbers],
    });
    let stage = Stage::with_mounts("true", home.path());
    let mut command = stage.command(&std::env::current_exe().unwrap());
    command.args(["--exact", "passthrough::server", "--nocapture"]).env(DOOR, order.to_string());
    let place = Place::kept_by(Process::start(&mut command), "a FUSE file system (/dev/fuse)");
    (place, mountpoint)
}

/// Not a test of anything: what a file server runs. Does nothing when the tests are run.
#[test]
fn server() {
    let Some(order) = std::env::var_os(DOOR) else { return };
    let order: Value = serde_json::from_str(order.to_str().unwrap()).unwrap();
    let lacks = |index: usize| order["lacks"][index].as_bool().unwrap();
    let lacks = Lacks { locks: lacks(0), rename_flags: lacks(1), numbers: lacks(2) };
    let mut config = Config::default();
    config.mount_options.push(MountOption::DefaultPermissions);
    config.acl = SessionACL::All;
    let served = Passthrough::new(Path::new(order["backing"].as_str().unwrap()), lacks).unwrap();
    let session = Session::new(served, order["mountpoint"].as_str().unwrap(), &config).unwrap();
    Prompt::on_stdin().say("ready");
    session.run().unwrap();
}

struct Passthrough {
    lacks: Lacks,
    state: Mutex<State>,
}

struct State {
    /// What the kernel knows, by number: that of the file below, or 1 for the root.
    nodes: HashMap<u64, Node>,
    open: HashMap<u64, File>,
    next_handle: u64,
}

/// A file that the kernel knows.
struct Node {
    /// Open as a mere place (`O_PATH`): its number is not given out again.
    file: File,
    name: OsString,
    lookups: u64,
}

impl Node {
    fn at(parent: &File, name: &OsStr) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(openat(parent, name, flags, Mode::empty())?);
        Ok(Self { file, name: name.to_owned(), lookups: 0 })
    }

    /// A path that leads to it whatever it is called by now.
    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }

    fn attributes(&self) -> io::Result<FileAttr> {
        let meta = self.file.metadata()?;
        let time = |seconds: i64, nanos: i64| {
            UNIX_EPOCH + Duration::new(seconds.max(0) as u64, u32::try_from(nanos).unwrap_or(0))
        };
        Ok(FileAttr {
            ino: INodeNo(meta.ino()),
            size: meta.size(),
            blocks: meta.blocks(),
            atime: time(meta.atime(), meta.atime_nsec()),
            mtime: time(meta.mtime(), meta.mtime_nsec()),
            ctime: time(meta.ctime(), meta.ctime_nsec()),
            crtime: UNIX_EPOCH,
            kind: FileType::from_std(meta.file_type()).unwrap_or(FileType::RegularFile),
            perm: (meta.mode() & 0o7777) as u16,
            nlink: meta.nlink() as u32,
            uid: meta.uid(),
            gid: meta.gid(),
            rdev: 0,
            blksize: 4096,
            flags: 0,
        })
    }
}

impl State {
    fn node(&self, ino: INodeNo) -> io::Result<&Node> {
        self.nodes.get(&ino.0).ok_or_else(|| io::ErrorKind::StaleNetworkFileHandle.into())
    }

    fn file(&self, handle: FileHandle) -> io::Result<&File> {
        self.open.get(&handle.0).ok_or_else(|| io::ErrorKind::StaleNetworkFileHandle.into())
    }

    /// The kernel learns of a name.
    fn learn(&mut self, parent: INodeNo, name: &OsStr) -> io::Result<FileAttr> {
        let node = Node::at(&self.node(parent)?.file, name)?;
        let attributes = node.attributes()?;
        let known = self.nodes.entry(attributes.ino.0).or_insert(node);
        known.lookups += 1;
        known.name = name.to_owned();
        Ok(attributes)
    }

    fn keep_open(&mut self, file: File) -> FileHandle {
        self.next_handle += 1;
        self.open.insert(self.next_handle, file);
        FileHandle(self.next_handle)
    }

    /// What is under this name now is called so.
    fn renamed(&mut self, parent: INodeNo, name: &OsStr) {
        let Ok(found) = self.node(parent).and_then(|parent| Node::at(&parent.file, name)) else {
            return;
        };
        let known = found.file.metadata().ok().and_then(|meta| self.nodes.get_mut(&meta.ino()));
        if let Some(known) = known {
            known.name = name.to_owned();
        }
    }
}

impl Passthrough {
    fn new(backing: &Path, lacks: Lacks) -> io::Result<Self> {
        let root = Node { file: File::open(backing)?, name: OsString::new(), lookups: 1 };
        let nodes = HashMap::from([(INodeNo::ROOT.0, root)]);
        Ok(Self { lacks, state: Mutex::new(State { nodes, open: HashMap::new(), next_handle: 0 }) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// What `stat` says of it, which need not be what the kernel knows it by.
    fn shown(&self, ino: INodeNo) -> io::Result<FileAttr> {
        let state = self.state();
        let node = state.node(ino)?;
        let mut attributes = node.attributes()?;
        if self.lacks.numbers && ino != INodeNo::ROOT {
            let mut hasher = DefaultHasher::new();
            node.name.hash(&mut hasher);
            attributes.ino = INodeNo(hasher.finish() | 2);
        }
        Ok(attributes)
    }

    fn rename_below(
        &self,
        (parent, name): (INodeNo, &OsStr),
        (new_parent, new_name): (INodeNo, &OsStr),
        flags: RenameFlags,
    ) -> io::Result<()> {
        if self.lacks.rename_flags && !flags.is_empty() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut state = self.state();
        let flags = rustix::fs::RenameFlags::from_bits_retain(flags.bits());
        let (from, to) = (&state.node(parent)?.file, &state.node(new_parent)?.file);
        renameat_with(from, name, to, new_name, flags)?;
        state.renamed(parent, name);
        state.renamed(new_parent, new_name);
        Ok(())
    }
}

/// Nothing is kept: each question is asked anew, as with `actimeo=0`.
const NOT_KEPT: Duration = Duration::ZERO;

fn errno(error: io::Error) -> Errno {
    match error.kind() {
        io::ErrorKind::InvalidInput => Errno::EINVAL,
        io::ErrorKind::StaleNetworkFileHandle => Errno::ESTALE,
        _ => error.into(),
    }
}

fn answer(reply: ReplyEmpty, result: io::Result<()>) {
    match result {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(error)),
    }
}

fn enter(reply: ReplyEntry, result: io::Result<FileAttr>) {
    match result {
        Ok(attributes) => reply.entry(&NOT_KEPT, &attributes, Generation(0)),
        Err(error) => reply.error(errno(error)),
    }
}

fn show(reply: ReplyAttr, result: io::Result<FileAttr>) {
    match result {
        Ok(attributes) => reply.attr(&NOT_KEPT, &attributes),
        Err(error) => reply.error(errno(error)),
    }
}

impl Filesystem for Passthrough {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        if self.lacks.locks {
            // The kernel then asks here, instead of looking among its own.
            config
                .add_capabilities(InitFlags::FUSE_FLOCK_LOCKS)
                .map_err(|_| io::ErrorKind::Other)?;
        }
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        enter(reply, self.state().learn(parent, name));
    }

    fn forget(&self, _: &Request, ino: INodeNo, lookups: u64) {
        let mut state = self.state();
        let Some(node) = state.nodes.get_mut(&ino.0) else { return };
        node.lookups = node.lookups.saturating_sub(lookups);
        if node.lookups == 0 {
            state.nodes.remove(&ino.0);
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        show(reply, self.shown(ino));
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        _: Option<u32>,
        _: Option<u32>,
        _: Option<u64>,
        _: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let changed = self.state().node(ino).map(Node::path).and_then(|path| {
            if let Some(mode) = mode {
                fs::set_permissions(&path, Permissions::from_mode(mode & 0o7777))?;
            }
            if let Some(TimeOrNow::SpecificTime(time)) = mtime {
                File::open(&path)?.set_modified(time)?;
            }
            Ok(())
        });
        show(reply, changed.and_then(|()| self.shown(ino)));
    }

    fn mkdir(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let mut state = self.state();
        let mode = Mode::from_raw_mode(mode & !umask);
        let made = state
            .node(parent)
            .and_then(|node| Ok(rustix::fs::mkdirat(&node.file, name, mode)?))
            .and_then(|()| state.learn(parent, name));
        enter(reply, made);
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        let state = self.state();
        let unlinked =
            state.node(parent).and_then(|p| Ok(unlinkat(&p.file, name, AtFlags::empty())?));
        answer(reply, unlinked);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        new_parent: INodeNo,
        new_name: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        answer(reply, self.rename_below((parent, name), (new_parent, new_name), flags));
    }

    fn link(&self, _: &Request, ino: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut state = self.state();
        let linked = state.node(ino).and_then(|node| {
            let to = &state.node(parent)?.file;
            Ok(linkat(CWD, node.path(), to, name, AtFlags::SYMLINK_FOLLOW)?)
        });
        enter(reply, linked.and_then(|()| state.learn(parent, name)));
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        let mut state = self.state();
        let flags = OFlags::from_bits_retain(flags.0 as u32) & OFlags::ACCMODE | OFlags::CLOEXEC;
        let opened = state.node(ino).map(Node::path);
        match opened.and_then(|path| Ok(openat(CWD, path, flags, Mode::empty())?)) {
            Ok(fd) => reply.opened(state.keep_open(File::from(fd)), FopenFlags::FOPEN_DIRECT_IO),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn create(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        flags: i32,
        reply: ReplyCreate,
    ) {
        let mut state = self.state();
        let flags = OFlags::from_bits_retain(flags as u32)
            & (OFlags::ACCMODE | OFlags::CREATE | OFlags::EXCL | OFlags::TRUNC);
        let mode = Mode::from_raw_mode(mode & !umask);
        let created = state
            .node(parent)
            .and_then(|p| Ok(openat(&p.file, name, flags | OFlags::CLOEXEC, mode)?))
            .and_then(|fd| Ok((state.learn(parent, name)?, fd)));
        match created {
            Ok((attributes, fd)) => {
                let handle = state.keep_open(File::from(fd));
                let flags = FopenFlags::FOPEN_DIRECT_IO;
                reply.created(&NOT_KEPT, &attributes, Generation(0), handle, flags);
            }
            Err(error) => reply.error(errno(error)),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let mut bytes = vec![0; size as usize];
        let state = self.state();
        match state.file(handle).and_then(|file| file.read_at(&mut bytes, offset)) {
            Ok(read) => reply.data(&bytes[..read]),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.state().file(handle).and_then(|file| file.write_at(data, offset)) {
            Ok(written) => reply.written(written as u32),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.state().open.remove(&handle.0);
        reply.ok();
    }

    fn readdir(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let path = match self.state().node(ino) {
            Ok(node) => node.path(),
            Err(error) => return reply.error(errno(error)),
        };
        let mut names: Vec<OsString> = [".".into(), "..".into()].into();
        match fs::read_dir(path) {
            Ok(found) => names.extend(found.flatten().map(|entry| entry.file_name())),
            Err(error) => return reply.error(errno(error)),
        }
        for (index, name) in names.iter().enumerate().skip(offset as usize) {
            // Neither kind nor number is known: a reader has to look (DT_UNKNOWN would be truer,
            // and this protocol has no word for it).
            if reply.add(INodeNo(u64::MAX), index as u64 + 1, FileType::RegularFile, name) {
                break;
            }
        }
        reply.ok();
    }

    /// Only asked where it lacks locks.
    fn setlk(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        _: LockOwner,
        _: u64,
        _: u64,
        _: i32,
        _: u32,
        _: bool,
        reply: ReplyEmpty,
    ) {
        reply.error(Errno::ENOLCK);
    }
}
