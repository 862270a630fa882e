//! What rings when the files of sessions change: inotify on the directory of all, for sessions
//! that come and go, and on that of each, for a policy or an end.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::id::HostedId;
use crate::store::{RESTART, SessionDir};

/// Sessions get their names by a rename, and lose them by one; others may unlink.
const OF_ALL: WatchFlags = WatchFlags::MOVED_TO
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// Files that mean something to a supervisor are put there whole, by a rename.
const OF_ONE: WatchFlags =
    WatchFlags::MOVED_TO.union(WatchFlags::ONLYDIR).union(WatchFlags::DONT_FOLLOW);

/// Those files: a log that is rotated, say, means nothing.
const NAMES: [&str; 3] = ["exit", "run.json", RESTART];

/// See the module.
#[derive(Debug)]
pub(super) struct Bell {
    inotify: OwnedFd,
    all: Option<i32>,
    sessions: HashMap<i32, HostedId>,
}

/// What rang.
#[derive(Debug, Default)]
pub(super) struct Rung {
    /// Sessions that something happened to.
    pub(super) sessions: BTreeSet<HostedId>,
    /// Events were lost, or the directory is another one: look at everything.
    pub(super) everything: bool,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let flags = inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK;
        Ok(Self { inotify: inotify::init(flags)?, all: None, sessions: HashMap::new() })
    }

    /// Rings for sessions that come and go below this directory, which is there.
    pub(super) fn watch_all(&mut self, directory: &Path) -> io::Result<()> {
        if self.all.is_none() {
            self.all = Some(inotify::add_watch(&self.inotify, directory, OF_ALL)?);
        }
        Ok(())
    }

    /// Rings for a session. The directory that has its name now may be another one than before:
    /// then the watch on that went with it.
    pub(super) fn watch(&mut self, session: &SessionDir) -> io::Result<()> {
        let watch = inotify::add_watch(&self.inotify, session.path(), OF_ONE)?;
        self.sessions.insert(watch, session.id().clone());
        Ok(())
    }

    /// What has rung since the last time.
    pub(super) fn read(&mut self) -> io::Result<Rung> {
        let mut rung = Rung::default();
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(rung),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let (watch, events) = (event.wd(), event.events());
            let name = event.file_name().and_then(|name| name.to_str().ok());
            if events.contains(ReadFlags::QUEUE_OVERFLOW) {
                rung.everything = true;
            } else if self.all == Some(watch) {
                let moved = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED;
                if events.intersects(moved | ReadFlags::UNMOUNT) {
                    self.all = None;
                    rung.everything = true;
                }
                rung.sessions.extend(name.and_then(HostedId::parse));
            } else if events.contains(ReadFlags::IGNORED) {
                self.sessions.remove(&watch);
            } else if let Some(id) = self.sessions.get(&watch)
                && name.is_some_and(|name| NAMES.contains(&name))
            {
                rung.sessions.insert(id.clone());
            }
        }
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}
