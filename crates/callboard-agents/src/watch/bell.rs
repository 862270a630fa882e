//! What wakes a watch of the board beside its registries: files and directories of agents, the
//! ends of processes that no record names, and a clock for what cannot ring.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fs::inotify::{self, ReadFlags, WatchFlags};
use rustix::io::{Errno, retry_on_intr as retry};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Tokens of registries count from 0, those of processes are their pids above this.
const PROCESSES: u64 = 1 << 32;
const INOTIFY: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;

/// How a path is listened to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ear {
    /// A conversation file: it grows, or is replaced.
    Conversation,
    /// A directory in which something is made or removed when a session begins or ends; the
    /// nearest one above it where it is not there.
    Directory,
    /// A program: it is started.
    Program,
}

impl Ear {
    fn flags(self) -> WatchFlags {
        match self {
            Self::Conversation => {
                WatchFlags::MODIFY | WatchFlags::MOVE_SELF | WatchFlags::DELETE_SELF
            }
            Self::Directory => {
                WatchFlags::CREATE
                    | WatchFlags::DELETE
                    | WatchFlags::MOVED_TO
                    | WatchFlags::MOVED_FROM
                    | WatchFlags::ONLYDIR
            }
            // execve(2) opens what it runs; so does the interpreter of a script.
            Self::Program => WatchFlags::OPEN,
        }
    }
}

/// What rang.
#[derive(Debug, Default)]
pub(super) struct Rung {
    /// The registries that have something to look at.
    pub(super) registries: Vec<usize>,
    /// Conversation files that changed.
    pub(super) conversations: BTreeSet<PathBuf>,
    /// Something happened in a directory of an agent, a program was started or a process ended.
    pub(super) elsewhere: bool,
    /// The clock.
    pub(super) clock: bool,
}

/// What is watched for a path.
#[derive(Clone, Copy, Debug)]
struct Heard {
    wd: i32,
    /// It is the path itself, and not a directory above one that is not there.
    itself: bool,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Bell {
    epoll: OwnedFd,
    inotify: OwnedFd,
    timer: OwnedFd,
    /// Of each path that is wanted, what is watched for it.
    ears: BTreeMap<(Ear, PathBuf), Heard>,
    processes: BTreeMap<u32, OwnedFd>,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let inotify =
            inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        let bell =
            Self { epoll, inotify, timer, ears: BTreeMap::new(), processes: BTreeMap::new() };
        bell.add(&bell.inotify, INOTIFY)?;
        bell.add(&bell.timer, TIMER)?;
        Ok(bell)
    }

    fn add(&self, fd: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, EventData::new_u64(token), EventFlags::IN)?)
    }

    /// Rings with this number when the registry's own watch does.
    pub(super) fn add_registry(&self, number: usize, watch: impl AsFd) -> io::Result<()> {
        self.add(watch, number as u64)
    }

    /// Listens to these and no others. What cannot be listened to is left to the clock.
    pub(super) fn listen_to(&mut self, wanted: BTreeSet<(Ear, PathBuf)>) {
        let gone: Vec<_> = self.ears.keys().filter(|ear| !wanted.contains(*ear)).cloned().collect();
        for ear in gone {
            self.forget(&ear);
        }
        for ear in wanted {
            if self.ears.get(&ear).is_some_and(|heard| heard.itself) {
                continue;
            }
            // One that was not there may be by now.
            if let Some(heard) = self.hear(ear.0, &ear.1) {
                if self.ears.get(&ear).is_some_and(|before| before.wd != heard.wd) {
                    self.forget(&ear);
                }
                self.ears.insert(ear, heard);
            }
        }
    }

    fn forget(&mut self, ear: &(Ear, PathBuf)) {
        let Some(heard) = self.ears.remove(ear) else { return };
        // Two paths may have one watch.
        if !self.ears.values().any(|other| other.wd == heard.wd) {
            _ = inotify::remove_watch(&self.inotify, heard.wd);
        }
    }

    fn hear(&self, ear: Ear, path: &Path) -> Option<Heard> {
        // A directory may be watched for two reasons: neither may take the other's away.
        let flags = ear.flags() | WatchFlags::MASK_ADD;
        let add = |path: &Path| retry(|| inotify::add_watch(&self.inotify, path, flags));
        match add(path) {
            Ok(wd) => Some(Heard { wd, itself: true }),
            Err(Errno::NOENT | Errno::NOTDIR) if ear == Ear::Directory => {
                let above = path.ancestors().skip(1).find_map(|above| add(above).ok());
                above.map(|wd| Heard { wd, itself: false })
            }
            Err(_) => None,
        }
    }

    /// Whether a conversation file rings.
    pub(super) fn hears(&self, conversation: &Path) -> bool {
        self.ears.contains_key(&(Ear::Conversation, conversation.to_owned()))
    }

    /// Rings when one of these ends, and no other. Those that cannot ring are returned.
    pub(super) fn await_ends(&mut self, pids: &BTreeSet<u32>) -> bool {
        self.processes.retain(|pid, _| pids.contains(pid));
        let mut all = true;
        for pid in pids {
            if self.processes.contains_key(pid) {
                continue;
            }
            let number = i32::try_from(*pid).ok().and_then(Pid::from_raw);
            let pidfd = number.map(|pid| retry(|| pidfd_open(pid, PidfdFlags::empty())));
            match pidfd {
                Some(Ok(pidfd)) if self.add(&pidfd, PROCESSES + u64::from(*pid)).is_ok() => {
                    self.processes.insert(*pid, pidfd);
                }
                _ => all = false,
            }
        }
        all
    }

    /// Rings once after this time; `None` stops the clock.
    pub(super) fn ring_in(&self, time: Option<Duration>) -> io::Result<()> {
        let time = time.map_or(Duration::ZERO, |time| time.max(Duration::from_millis(1)));
        let setting =
            Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: spec(time) };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        Ok(())
    }

    /// What has rung; waits for the first ring at most for `timeout` (`None`: for ever).
    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Rung> {
        let mut rung = Rung::default();
        let mut events = [MaybeUninit::<epoll::Event>::uninit(); 64];
        let timeout = timeout.map(spec);
        let (events, _) = match epoll::wait(&self.epoll, &mut events, timeout.as_ref()) {
            Ok(events) => events,
            Err(Errno::INTR) => return Ok(rung),
            Err(errno) => return Err(errno.into()),
        };
        let mut heard = false;
        for event in events.iter() {
            match event.data.u64() {
                INOTIFY => heard = true,
                TIMER => {
                    _ = rustix::io::read(&self.timer, &mut [0; 8]);
                    rung.clock = true;
                }
                token if token >= PROCESSES => {
                    self.processes.remove(&((token - PROCESSES) as u32));
                    rung.elsewhere = true;
                }
                number => rung.registries.push(number as usize),
            }
        }
        if heard {
            self.read(&mut rung)?;
        }
        Ok(rung)
    }

    fn read(&mut self, rung: &mut Rung) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); 8 * 1024];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        let mut over = Vec::new();
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(errno.into()),
            };
            let wd = event.wd();
            let ended = ReadFlags::IGNORED | ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF;
            if event.events().intersects(ended) {
                over.push(wd);
            }
            // Where the queue ran over, nobody knows what happened.
            rung.elsewhere |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            for ((ear, path), heard) in &self.ears {
                if heard.wd == wd {
                    match ear {
                        Ear::Conversation => _ = rung.conversations.insert(path.clone()),
                        Ear::Directory | Ear::Program => rung.elsewhere = true,
                    }
                }
            }
        }
        // They are looked for again when it is next said what to listen to.
        self.ears.retain(|_, heard| !over.contains(&heard.wd));
        Ok(())
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

fn spec(time: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(time.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: time.subsec_nanos().into(),
    }
}
