//! Linux: pidfds where they have inode numbers of their own (6.9), start times elsewhere.
//!
//! Sources: pidfd_open(2), proc_pid_stat(5), namespaces(7), time_namespaces(7), and the
//! measurements in `docs/PLATFORM.md`.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, fstat, fstatfs, openat, readlinkat, stat};
use rustix::io::{Errno, read, retry_on_intr as retry};
use rustix::process::{Pid, PidfdFlags, getpid, pidfd_open, test_kill_process};
use rustix::time::{ClockId, clock_gettime};

use super::here::Here;
use super::incarnation::{Incarnation, System};
use super::rule::{InsideSight, PidfdSight, StatSight};

/// `PID_FS_MAGIC` of linux/magic.h. Before 6.9 every pidfd is on the anonymous inode, and all
/// have one inode number.
const PID_FS_MAGIC: u32 = 0x5049_4446;

/// The initial PID namespace has this inode number on every Linux (`PROC_PID_INIT_INO`).
const INITIAL_PID_NS: u64 = 0xEFFF_FFFC;

/// And the initial time namespace this one (`PROC_TIME_INIT_INO`).
const INITIAL_TIME_NS: u64 = 0xEFFF_FFFA;

pub(super) fn detect() -> Here {
    let pid = getpid();
    let mut look = Look { is_complete: true };
    let boot_id = look.found(read_line("/proc/sys/kernel/random/boot_id"));
    let machine_id = look.found(read_line("/etc/machine-id"));
    let has_pidfs = look.has_pidfs(pid);
    // In a new PID namespace without a /proc of its own, /proc/self still names this task, by
    // its number in the namespace that /proc belongs to.
    let own_link = look.found(retry(|| readlinkat(CWD, "/proc/self", Vec::new())));
    let pid_ns = look.found(inode_of("/proc/self/ns/pid"));
    let time_ns = look.found(inode_of("/proc/self/ns/time"));
    look.is_complete &= match [boot_id.is_some(), own_link.is_some(), pid_ns.is_some()] {
        [true, true, true] | [false, false, false] => true,
        // A /proc of processes alone (`subset=pid`) has nothing else of the kernel.
        [false, true, true] => inode_of("/proc/sys") == Err(Errno::NOENT),
        // Where /proc is there, all are; one that is missing alone was not looked at.
        _ => false,
    };
    let own_number = own_link.and_then(|link| link.to_str().ok()?.parse().ok());
    let raw = pid.as_raw_nonzero().get() as u32;
    Here {
        pid: raw,
        boot_id: boot_id.filter(|id| id.len() == 36),
        machine_id: machine_id
            .filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())),
        pid_ns,
        time_ns,
        has_pidfs,
        proc_is_ours: own_number == Some(raw)
            && (pid_ns == Some(INITIAL_PID_NS) || look.has_one_number()),
        // In a time namespace the machine seems to have booted at another time.
        booted_at: time_ns.is_none_or(|ns| ns == INITIAL_TIME_NS).then(booted_at),
        is_complete: look.is_complete,
    }
}

/// What was found so far of where we stand.
struct Look {
    is_complete: bool,
}

impl Look {
    /// What is not there is an answer; what could not be looked at is none.
    fn found<T>(&mut self, looked: Result<T, Errno>) -> Option<T> {
        looked
            .inspect_err(|errno| self.is_complete &= matches!(*errno, Errno::NOENT | Errno::NOTDIR))
            .ok()
    }

    /// Whether this process has no other number in the namespace that `/proc` belongs to: in one
    /// around ours it has two, which may be the same by chance.
    fn has_one_number(&mut self) -> bool {
        let numbers = self.found(status_field("self", "NSpid:")).flatten();
        // Older than 4.1: its number has to do.
        numbers.is_none_or(|numbers| numbers.split_whitespace().count() == 1)
    }

    fn has_pidfs(&mut self, pid: Pid) -> bool {
        // The inode number is 64 bits wide only where `ino_t` is.
        if cfg!(not(target_pointer_width = "64")) {
            return false;
        }
        let open = || retry(|| pidfd_open(pid, PidfdFlags::empty()));
        // A filter refuses every time; what is refused once is not a filter's doing.
        let magic = open()
            .or_else(|_| open())
            .and_then(|fd| retry(|| fstatfs(&fd)).map_err(|_| Errno::IO))
            .map(|fs| fs.f_type as u32);
        match magic {
            Ok(magic) => magic == PID_FS_MAGIC,
            // Older than the call, or under a profile that is.
            Err(Errno::NOSYS | Errno::PERM | Errno::INVAL) => false,
            Err(_) => {
                self.is_complete = false;
                false
            }
        }
    }
}

pub(super) fn pid_domain(here: &Here) -> String {
    let machine = here.machine_id.as_deref().unwrap_or_default();
    match here.pid_ns {
        Some(inode) => format!("linux:{machine}:pid:[{inode}]"),
        None => format!("linux:{machine}:"),
    }
}

/// The incarnation of a running process of this PID namespace.
///
/// # Errors
///
/// `NotFound` when no such process runs (a zombie does not), or what the system said.
pub fn identify(pid: u32, here: &Here) -> io::Result<Incarnation<'static>> {
    let gone = || io::Error::new(io::ErrorKind::NotFound, "no such process");
    let target = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(gone)?;
    let is_self = target == getpid();
    // The pidfd pins the process: what is read from /proc while it has not exited is its own.
    let pinned = match retry(|| pidfd_open(target, PidfdFlags::empty())) {
        Ok(fd) => Some(fd),
        Err(Errno::SRCH | Errno::NOENT) => return Err(gone()),
        Err(_) => None,
    };
    let stat = if is_self {
        StatLine::read("/proc/self/stat")
    } else if here.proc_is_ours {
        StatLine::read(&format!("/proc/{pid}/stat"))
    } else {
        Err(Errno::NOENT)
    };
    let pidfd_ino = match &pinned {
        Some(fd) if has_exited(fd)? => return Err(gone()),
        Some(fd) if here.has_pidfs => Some(retry(|| fstat(fd))?.st_ino),
        Some(_) => None,
        None => match &stat {
            Ok(line) if line.is_dead() => return Err(gone()),
            Ok(_) => None,
            Err(_) if test_kill_process(target) == Err(Errno::SRCH) => return Err(gone()),
            Err(_) => None,
        },
    };
    Ok(Incarnation {
        pid,
        system: System::Linux,
        machine_id: here.machine_id.as_deref().map(|m| m.to_owned().into()),
        boot_id: here.boot_id.as_deref().map(|b| b.to_owned().into()),
        pid_ns: here.pid_ns,
        time_ns: here.time_ns,
        start_ticks: stat.ok().map(|line| line.start_ticks),
        pidfd_ino,
        lock_ino: None,
        started_at: None,
    })
}

/// Whether a signal could be sent to this pid: the cheapest question there is (one system call),
/// and not an identity. A zombie, a thread and a recycled pid answer yes; so does a process that
/// may not be signalled (claude-code #74566 took that for dead).
#[must_use]
pub fn signal_zero(pid: u32) -> bool {
    i32::try_from(pid)
        .ok()
        .and_then(Pid::from_raw)
        .is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(Errno::PERM)))
}

/// Looks at processes; keeps what one listing needs to see only once.
pub struct Processes<'h> {
    here: &'h Here,
    inside: Option<Inside>,
}

impl<'h> Processes<'h> {
    /// For one listing, from here.
    #[must_use]
    pub fn new(here: &'h Here) -> Self {
        Self { here, inside: None }
    }

    /// See [`Witness::pidfd`](super::Witness::pidfd).
    pub fn pidfd(&mut self, number: u32) -> PidfdSight {
        let Some(pid) = i32::try_from(number).ok().and_then(Pid::from_raw) else {
            return PidfdSight::Gone;
        };
        match look_at(pid) {
            Ok((ino, true)) => PidfdSight::Exited(ino),
            Ok((ino, false)) => PidfdSight::Running(ino),
            Err(Errno::SRCH) => PidfdSight::Gone,
            // The number of a thread is refused, but so may be any number by a filter.
            Err(Errno::NOENT | Errno::INVAL) if self.here.proc_is_ours && is_thread(number) => {
                PidfdSight::Gone
            }
            // ENOSYS, or EPERM from a container profile that is older than the call; EMFILE.
            Err(_) => PidfdSight::Unusable,
        }
    }

    /// See [`Witness::stat`](super::Witness::stat).
    pub fn stat(&mut self, pid: u32) -> StatSight {
        if self.here.proc_is_ours {
            match StatLine::read(&format!("/proc/{pid}/stat")) {
                Ok(line) if line.is_dead() => return StatSight::Exited(line.start_ticks),
                Ok(line) => return StatSight::Running(line.start_ticks),
                Err(_) => {}
            }
        }
        // With hidepid=2 a process that is not ours looks gone in /proc; kill(2) knows better.
        let Some(target) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return StatSight::Gone;
        };
        match test_kill_process(target) {
            Err(Errno::SRCH) => StatSight::Gone,
            _ if self.here.proc_is_ours => StatSight::Hidden,
            _ => StatSight::Unusable,
        }
    }

    /// See [`Witness::started_by`](super::Witness::started_by). Ten seconds of grace: a record is
    /// written after the process started, and the clock may have been set a little since.
    pub fn started_by(&mut self, ticks: u64, time: u64) -> bool {
        // By this time namespace's clock, as the ticks are.
        let Ok(booted) = u64::try_from(booted_at()) else { return false };
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        booted * 1000 + ticks * 1000 / per_second <= time.saturating_add(10_000)
    }

    /// See [`Witness::inside`](super::Witness::inside). `written_at` is when the claim was made, in
    /// seconds since the epoch: who is looked for has run since before that.
    pub fn inside(&mut self, claim: &Incarnation<'_>, written_at: i64) -> InsideSight {
        let here = self.here;
        if !here.proc_is_ours {
            let could = here.is_complete;
            return if could { InsideSight::NotSeen } else { InsideSight::CouldNotLook };
        }
        let earlier = self.inside.is_some();
        let sight = self.inside.get_or_insert_with(|| Inside::look(here)).search(claim, here);
        if sight == InsideSight::Running || !earlier {
            return sight;
        }
        // The look was for an earlier record. A process that had made its claim by then was there
        // to be seen; a younger one (two seconds for the clock of a file system) was not.
        if self.inside.as_ref().is_some_and(|inside| written_at < inside.looked_at - 2) {
            return sight;
        }
        self.inside.insert(Inside::look(here)).search(claim, here)
    }
}

/// The processes of nested PID namespaces that can be seen from here.
struct Inside {
    /// The pidfd inode numbers of every process that was seen.
    pidfds: HashSet<u64>,
    /// (namespace inode, pid in it) to start ticks, of those in another namespace.
    nested: HashMap<(u64, u32), u64>,
    /// Whether nothing on this kernel can have been missed.
    sees_all: bool,
    /// Whether a call failed that should not have: who was not seen may be there.
    failed: bool,
    /// When the look began, in seconds since the epoch.
    looked_at: i64,
}

impl Inside {
    fn search(&self, claim: &Incarnation<'_>, here: &Here) -> InsideSight {
        let by_pidfd = claim.pidfd_ino.filter(|_| claim.boot_id.is_some());
        let by_start = claim.pid_ns.zip(claim.start_ticks);
        // Ticks of another time namespace are other numbers.
        let by_start_too = by_start.is_some() && claim.time_ns == here.time_ns;
        let is_seen = match (by_pidfd, by_start) {
            (Some(ino), _) if here.has_pidfs => self.pidfds.contains(&ino),
            (_, Some((ns, ticks))) => self.nested.get(&(ns, claim.pid)) == Some(&ticks),
            _ => false,
        };
        if is_seen {
            InsideSight::Running
        } else if self.failed || (by_pidfd.is_some() && !here.has_pidfs && !by_start_too) {
            InsideSight::CouldNotLook
        } else if by_pidfd.is_some() && self.sees_all {
            InsideSight::Absent
        } else {
            InsideSight::NotSeen
        }
    }

    fn look(here: &Here) -> Self {
        let mut inside = Self {
            pidfds: HashSet::new(),
            nested: HashMap::new(),
            sees_all: false,
            failed: !here.is_complete,
            looked_at: clock_gettime(ClockId::Realtime).tv_sec,
        };
        // Not by std: its iterator takes some failures for the end, and panics on others.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(proc) = retry(|| openat(CWD, "/proc", flags, Mode::empty())) else {
            inside.failed = true;
            return inside;
        };
        let mut buffer = Vec::with_capacity(16 * 1024);
        let mut entries = rustix::fs::RawDir::new(&proc, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) => {
                    let pid = entry.file_name().to_str().ok().and_then(|name| name.parse().ok());
                    if let Some(pid) = pid.and_then(Pid::from_raw) {
                        inside.add(pid, here);
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => {
                    inside.failed = true;
                    break;
                }
            }
        }
        // A hidepid mount hides pid 1 first of all; only the initial namespace contains all
        // others. Who runs from before the look to after it is among those that were seen.
        inside.sees_all = !inside.failed
            && here.has_pidfs
            && here.pid_ns == Some(INITIAL_PID_NS)
            && stat("/proc/1").is_ok();
        inside
    }

    fn add(&mut self, pid: Pid, here: &Here) {
        match look_at(pid) {
            Ok((_, true)) => {}
            Ok((ino, false)) => _ = self.pidfds.insert(ino),
            // It has ended since the name was read.
            Err(Errno::SRCH) => {}
            Err(_) => self.failed |= here.has_pidfs,
        }
        match nested_identity(pid.as_raw_nonzero().get(), here) {
            Ok(Some((key, ticks))) => _ = self.nested.insert(key, ticks),
            // Another user's, which no record of ours is about; or it has ended.
            Ok(None) | Err(Errno::ACCESS | Errno::PERM | Errno::NOENT | Errno::SRCH) => {}
            Err(_) => self.failed = true,
        }
    }
}

/// Where a process of another namespace stands: ((namespace, pid in it), start ticks).
#[allow(clippy::type_complexity)]
fn nested_identity(pid: i32, here: &Here) -> Result<Option<((u64, u32), u64)>, Errno> {
    let ns = inode_of(&format!("/proc/{pid}/ns/pid"))?;
    if Some(ns) == here.pid_ns {
        return Ok(None);
    }
    let numbers = status_field(pid, "NSpid:")?;
    let inner = numbers.and_then(|n| n.split_whitespace().last()?.parse().ok());
    let line = StatLine::read(&format!("/proc/{pid}/stat"))?;
    Ok(inner.filter(|_| !line.is_dead()).map(|inner| ((ns, inner), line.start_ticks)))
}

/// The inode number of a process's pidfd, and whether it has exited.
fn look_at(pid: Pid) -> Result<(u64, bool), Errno> {
    let fd = retry(|| pidfd_open(pid, PidfdFlags::empty()))?;
    Ok((retry(|| fstat(&fd))?.st_ino, has_exited(&fd)?))
}

/// A pidfd becomes readable when the process has exited, collected or not.
fn has_exited(pidfd: &OwnedFd) -> Result<bool, Errno> {
    let flags = rustix::event::PollFlags::IN;
    let mut poll = [rustix::event::PollFd::from_borrowed_fd(pidfd.as_fd(), flags)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    retry(|| rustix::event::poll(&mut poll, Some(&now))).map(|ready| ready == 1)
}

/// Whether the number is that of a thread, and of no process.
fn is_thread(number: u32) -> bool {
    let group = status_field(number, "Tgid:").ok().flatten();
    group.and_then(|group| group.trim().parse().ok()).is_some_and(|group: u32| group != number)
}

/// What follows a name in `/proc/<pid>/status`.
fn status_field(pid: impl std::fmt::Display, name: &str) -> Result<Option<String>, Errno> {
    let status = read_small(&format!("/proc/{pid}/status"))?;
    let status = String::from_utf8_lossy(&status);
    Ok(status.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned))
}

/// The fields of `/proc/<pid>/stat` that identify a process.
#[derive(Debug, PartialEq, Eq)]
struct StatLine {
    state: u8,
    threads: u64,
    start_ticks: u64,
}

impl StatLine {
    fn read(path: &str) -> Result<Self, Errno> {
        Self::parse(&read_small(path)?).ok_or(Errno::INVAL)
    }

    /// The name is in parentheses and may hold any bytes, parentheses among them: what counts
    /// begins after the last one.
    fn parse(line: &[u8]) -> Option<Self> {
        let after = line.iter().rposition(|b| *b == b')')? + 1;
        let rest = std::str::from_utf8(&line[after..]).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = *fields.next()?.as_bytes().first()?; // field 3
        let threads = fields.nth(16)?.parse().ok()?; // field 20
        let start_ticks = fields.nth(1)?.parse().ok()?; // field 22
        Some(Self { state, threads, start_ticks })
    }

    /// A zombie; not one whose first thread has ended while others go on.
    fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X' | b'x') && self.threads <= 1
    }
}

fn read_small(path: &str) -> Result<Vec<u8>, Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let fd = retry(|| openat(CWD, path, flags, Mode::empty()))?;
    let mut bytes = vec![0; 4096];
    let mut filled = 0;
    while filled < bytes.len() {
        match retry(|| read(&fd, &mut bytes[filled..]))? {
            0 => break,
            more => filled += more,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn read_line(path: &str) -> Result<Box<str>, Errno> {
    let bytes = read_small(path)?;
    Ok(String::from_utf8_lossy(&bytes).trim().into())
}

fn inode_of(path: &str) -> Result<u64, Errno> {
    retry(|| stat(path)).map(|found| found.st_ino)
}

fn booted_at() -> i64 {
    clock_gettime(ClockId::Realtime).tv_sec - clock_gettime(ClockId::Boottime).tv_sec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_cannot_forge_its_start() {
        let line =
            b"42 (a) b (x) 1 2 3) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 155136 1 2";
        assert_eq!(
            StatLine::parse(line),
            Some(StatLine { state: b'S', threads: 3, start_ticks: 155_136 })
        );
        for bad in [
            &b""[..],
            b"42 (x",
            b"42 (x) S 1 2",
            b"42 (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 x 18 y",
        ] {
            assert_eq!(StatLine::parse(bad), None);
        }
    }

    #[test]
    fn a_leader_that_ended_before_its_threads_is_not_dead() {
        let line = |state, threads| StatLine { state, threads, start_ticks: 1 };
        assert!(line(b'Z', 1).is_dead());
        assert!(!line(b'Z', 2).is_dead());
        assert!(!line(b'T', 1).is_dead());
    }

    #[test]
    fn this_process_is_who_it_is() {
        let here = Here::detect();
        let me = identify(here.pid, &here).unwrap();
        let mut processes = Processes::new(&here);
        assert_eq!(processes.stat(here.pid), StatSight::Running(me.start_ticks.unwrap()));
        if here.has_pidfs {
            assert_eq!(processes.pidfd(here.pid), PidfdSight::Running(me.pidfd_ino.unwrap()));
        }
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        assert!(processes.started_by(me.start_ticks.unwrap(), now.as_millis() as u64));
        assert!(!processes.started_by(me.start_ticks.unwrap(), 1_000));
    }

    #[test]
    fn impossible_pids_are_gone_and_never_a_process_group() {
        let here = Here::detect();
        let mut processes = Processes::new(&here);
        for pid in [0, u32::MAX, i32::MAX as u32] {
            assert_eq!(processes.pidfd(pid), PidfdSight::Gone, "{pid}");
            assert!(!signal_zero(pid), "{pid}");
            assert_eq!(identify(pid, &here).unwrap_err().kind(), io::ErrorKind::NotFound);
        }
    }
}
