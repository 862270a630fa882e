//! What wakes a watch: one epoll instance over inotify, pidfds and a timer.
//!
//! Sources: inotify(7), epoll(7), pidfd_open(2), timerfd_create(2).

use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::epoll;
use rustix::fs::inotify::{self, ReadFlags, WatchFlags};
use rustix::io::{Errno, retry_on_intr as retry};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Everything that can happen to a name: a record is renamed into place, linked, rewritten by a
/// program that does so, renamed aside, unlinked.
const NAMES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);

/// On the way to a directory that is not there: only what could make it appear.
const WAY: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

/// How many bytes of events are read at once.
const EVENTS: usize = 16 * 1024;

/// The most that one takes: `sizeof(struct inotify_event) + NAME_MAX + 1`.
const LONGEST_EVENT: usize = 16 + 255 + 1;

const INOTIFY: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// What rang since the last time.
#[derive(Debug, Default)]
pub(super) struct Rung {
    /// Names in the directory that something happened to, in order.
    pub(super) names: Vec<OsString>,
    /// The tokens of processes that have exited.
    pub(super) exited: Vec<u64>,
    /// Events were lost, the directory is another one, or the timer rang: look at everything.
    pub(super) everything: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Doorbell {
    epoll: OwnedFd,
    inotify: OwnedFd,
    timer: OwnedFd,
    ticks_every: Option<Duration>,
    processes: HashMap<u64, OwnedFd>,
    target: PathBuf,
    names: WatchFlags,
    watched: Watched,
}

/// What inotify looks at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Watched {
    Nothing,
    /// The directory itself.
    Target(i32),
    /// The nearest directory above it that is there.
    Way(i32),
}

impl Doorbell {
    /// For the names in `directory`, which need not be there.
    ///
    /// A program of another make creates its records empty and writes them after that, so that
    /// only their closing is of interest; ours appear as they are.
    pub(super) fn on(directory: &Path, foreign: bool) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let inotify =
            inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        for (fd, token) in [(&inotify, INOTIFY), (&timer, TIMER)] {
            epoll::add(&epoll, fd, epoll::EventData::new_u64(token), epoll::EventFlags::IN)?;
        }
        let mut bell = Self {
            epoll,
            inotify,
            timer,
            ticks_every: None,
            processes: HashMap::new(),
            target: directory.to_owned(),
            names: if foreign { NAMES.difference(WatchFlags::CREATE) } else { NAMES },
            watched: Watched::Nothing,
        };
        bell.look_for_the_directory()?;
        Ok(bell)
    }

    /// Watches the directory, or the nearest one above it. Between the two attempts it may appear
    /// or vanish, so the target is tried again after its way is watched.
    pub(super) fn look_for_the_directory(&mut self) -> io::Result<()> {
        loop {
            if let Some(wd) = self.add(&self.target, self.names)? {
                self.instead(Watched::Target(wd));
                return Ok(());
            }
            let above = self.target.ancestors().skip(1);
            let mut found = None;
            for directory in above {
                if let Some(wd) = self.add(directory, WAY)? {
                    found = Some((wd, directory.to_owned()));
                    break;
                }
            }
            let Some((wd, nearest)) = found else { return Ok(()) };
            self.instead(Watched::Way(wd));
            // What was made before the watch was there makes no event.
            let next = self.target.strip_prefix(&nearest).ok().and_then(|rest| rest.iter().next());
            if !next.is_some_and(|name| nearest.join(name).is_dir()) {
                return Ok(());
            }
        }
    }

    /// `None` where there is no such directory.
    fn add(&self, directory: &Path, flags: WatchFlags) -> io::Result<Option<i32>> {
        match retry(|| inotify::add_watch(&self.inotify, directory, flags)) {
            Ok(wd) => Ok(Some(wd)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Ok(None),
            // Neither a watch nor memory for one: the timer has to do.
            Err(Errno::NOSPC | Errno::NOMEM) => Ok(None),
            Err(errno) => Err(errno.into()),
        }
    }

    fn instead(&mut self, watched: Watched) {
        if let Watched::Target(old) | Watched::Way(old) = self.watched
            && self.watched != watched
        {
            // It is gone already where its directory is.
            _ = inotify::remove_watch(&self.inotify, old);
        }
        self.watched = watched;
    }

    /// Whether all changes in the directory ring. What does on a file system of this kernel alone
    /// need not on another: on one of a network, what other machines do does not.
    pub(super) fn hears_everything_of(&self, is_local: bool) -> bool {
        match self.watched {
            Watched::Nothing => false,
            Watched::Way(_) => true,
            Watched::Target(_) => is_local,
        }
    }

    /// Rings every so often, or not at all.
    pub(super) fn tick_every(&mut self, every: Option<Duration>) -> io::Result<()> {
        if self.ticks_every == every {
            return Ok(());
        }
        let time = every.unwrap_or_default();
        let time = Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        };
        let setting = Itimerspec { it_interval: time, it_value: time };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        self.ticks_every = every;
        Ok(())
    }

    /// Rings once when the process exits.
    pub(super) fn add_process(&mut self, token: u64, pidfd: OwnedFd) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        epoll::add(&self.epoll, &pidfd, data, epoll::EventFlags::IN)?;
        self.processes.insert(token, pidfd);
        Ok(())
    }

    /// Closing a pidfd takes it out of the set: nobody else has this one open.
    pub(super) fn remove_process(&mut self, token: u64) {
        self.processes.remove(&token);
    }

    /// What has rung; waits for the first ring at most for `timeout` (`None`: for ever).
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Rung> {
        let mut rung = Rung::default();
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); 64];
        let timeout = timeout.map(|time| Timespec {
            tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: time.subsec_nanos().into(),
        });
        let (events, _) = match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Ok(events) => events,
            // A handler of the host program ran; whoever waits looks at the time and waits on.
            Err(Errno::INTR) => return Ok(rung),
            Err(errno) => return Err(errno.into()),
        };
        let mut names_rang = false;
        for event in events.iter() {
            match event.data.u64() {
                INOTIFY => names_rang = true,
                TIMER => {
                    let mut expirations = [0; 8];
                    _ = rustix::io::read(&self.timer, &mut expirations);
                    rung.everything = true;
                }
                token => {
                    self.remove_process(token);
                    rung.exited.push(token);
                }
            }
        }
        if names_rang {
            self.read_names(&mut rung)?;
        }
        Ok(rung)
    }

    fn read_names(&mut self, rung: &mut Rung) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); EVENTS];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut gone = false;
        let mut taken = 0;
        loop {
            // As few as these cannot have filled the buffer: what else has come by then rings again.
            if taken > 0 && reader.is_buffer_empty() && (taken + 1) * LONGEST_EVENT <= EVENTS {
                break;
            }
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            taken += 1;
            let lost = ReadFlags::QUEUE_OVERFLOW
                | ReadFlags::IGNORED
                | ReadFlags::DELETE_SELF
                | ReadFlags::MOVE_SELF
                | ReadFlags::UNMOUNT;
            if event.events().intersects(lost) {
                // An event of a watch that was given up is about nothing any more.
                let current = matches!(self.watched, Watched::Target(wd) | Watched::Way(wd) if wd == event.wd());
                gone |= current && !event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                rung.everything |= current || event.events().contains(ReadFlags::QUEUE_OVERFLOW);
                continue;
            }
            match self.watched {
                Watched::Target(wd) if wd == event.wd() => {
                    if let Some(name) = event.file_name() {
                        let name = std::ffi::OsStr::from_bytes(name.to_bytes());
                        if rung.names.last().is_none_or(|last| last != name) {
                            rung.names.push(name.to_owned());
                        }
                    }
                }
                // Something was made on the way: perhaps the directory.
                Watched::Way(wd) if wd == event.wd() => gone = true,
                _ => {}
            }
        }
        if gone {
            self.watched = Watched::Nothing;
            rung.everything = true;
        }
        Ok(())
    }

    /// Whether what was watched is no longer where it was.
    pub(super) fn is_lost(&self) -> bool {
        self.watched == Watched::Nothing
    }
}

impl AsFd for Doorbell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

/// A descriptor that becomes readable when the process exits.
pub(super) fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(io::ErrorKind::InvalidInput)?;
    Ok(retry(|| pidfd_open(pid, PidfdFlags::empty()))?)
}
