//! Linux: pidfds where they have inode numbers of their own (6.9), start times elsewhere.
//!
//! Sources: pidfd_open(2), proc_pid_stat(5), namespaces(7), time_namespaces(7), and the
//! measurements in `docs/PLATFORM.md`.

use std::collections::{HashMap, HashSet};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{CWD, Mode, OFlags, fstat, fstatfs, openat, readlinkat, stat};
use rustix::io::{Errno, read};
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

pub(super) fn detect() -> Here {
    let pid = getpid();
    let raw = pid.as_raw_nonzero().get() as u32;
    // The inode number is 64 bits wide only where `ino_t` is.
    let has_pidfs = cfg!(target_pointer_width = "64")
        && pidfd_open(pid, PidfdFlags::empty())
            .and_then(|fd| fstatfs(&fd))
            .is_ok_and(|fs| fs.f_type as u32 == PID_FS_MAGIC);
    // In a new PID namespace without a /proc of its own, /proc/self still names this task, by
    // its number in the namespace that /proc belongs to.
    let proc_is_ours = readlinkat(CWD, "/proc/self", Vec::new())
        .is_ok_and(|link| link.to_str().ok().and_then(|t| t.parse().ok()) == Some(raw));
    Here {
        pid: raw,
        boot_id: read_line("/proc/sys/kernel/random/boot_id").filter(|id| id.len() == 36),
        machine_id: read_line("/etc/machine-id")
            .filter(|id| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())),
        pid_ns: inode_of("/proc/self/ns/pid"),
        time_ns: inode_of("/proc/self/ns/time"),
        has_pidfs,
        proc_is_ours,
        booted_at: Some(booted_at()),
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
    let pinned = match pidfd_open(target, PidfdFlags::empty()) {
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
        Some(fd) if has_exited(fd) => return Err(gone()),
        Some(fd) if here.has_pidfs => fstat(fd).ok().map(|s| s.st_ino),
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
    pub fn pidfd(&mut self, pid: u32) -> PidfdSight {
        let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
            return PidfdSight::Gone;
        };
        match pidfd_open(pid, PidfdFlags::empty()) {
            Ok(fd) => match fstat(&fd) {
                Ok(stat) if has_exited(&fd) => PidfdSight::Exited(stat.st_ino),
                Ok(stat) => PidfdSight::Running(stat.st_ino),
                Err(_) => PidfdSight::Unusable,
            },
            // ENOENT: the number is that of a thread.
            Err(Errno::SRCH | Errno::NOENT) => PidfdSight::Gone,
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
        let Some(booted) = self.here.booted_at.and_then(|t| u64::try_from(t).ok()) else {
            return false;
        };
        let per_second = rustix::param::clock_ticks_per_second().max(1);
        booted * 1000 + ticks * 1000 / per_second <= time.saturating_add(10_000)
    }

    /// See [`Witness::inside`](super::Witness::inside). `written_at` is when the claim was made, in
    /// seconds since the epoch: who is looked for has run since before that.
    pub fn inside(&mut self, claim: &Incarnation<'_>, written_at: i64) -> InsideSight {
        let here = self.here;
        if !here.proc_is_ours {
            return InsideSight::NotSeen;
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
    /// When the look began, in seconds since the epoch.
    looked_at: i64,
}

impl Inside {
    fn search(&self, claim: &Incarnation<'_>, here: &Here) -> InsideSight {
        match (claim.pidfd_ino, claim.pid_ns, claim.start_ticks) {
            (Some(ino), _, _) if here.has_pidfs && claim.boot_id.is_some() => {
                match (self.pidfds.contains(&ino), self.sees_all) {
                    (true, _) => InsideSight::Running,
                    (false, true) => InsideSight::Absent,
                    (false, false) => InsideSight::NotSeen,
                }
            }
            (_, Some(ns), Some(ticks)) if self.nested.get(&(ns, claim.pid)) == Some(&ticks) => {
                InsideSight::Running
            }
            _ => InsideSight::NotSeen,
        }
    }

    fn look(here: &Here) -> Self {
        let looked_at = clock_gettime(ClockId::Realtime).tv_sec;
        let mut pidfds = HashSet::new();
        let mut nested = HashMap::new();
        let mut complete = here.has_pidfs;
        let Ok(entries) = std::fs::read_dir("/proc") else {
            return Self { pidfds, nested, sees_all: false, looked_at };
        };
        for entry in entries {
            let Ok(entry) = entry else {
                complete = false;
                continue;
            };
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|n| n.parse::<i32>().ok()) else { continue };
            match Pid::from_raw(pid).map(|p| pidfd_open(p, PidfdFlags::empty())) {
                Some(Ok(fd)) => match fstat(&fd) {
                    Ok(_) if has_exited(&fd) => {}
                    Ok(stat) => _ = pidfds.insert(stat.st_ino),
                    Err(_) => complete = false,
                },
                Some(Err(Errno::SRCH)) => {}
                _ => complete = false,
            }
            if let Some(found) = nested_identity(pid, here) {
                nested.insert(found.0, found.1);
            }
        }
        // A hidepid mount hides pid 1 first of all; only the initial namespace contains all
        // others. Who runs from before the look to after it is among those that were seen.
        let sees_all = complete && here.pid_ns == Some(INITIAL_PID_NS) && stat("/proc/1").is_ok();
        Self { pidfds, nested, sees_all, looked_at }
    }
}

/// Where a process of another namespace stands: ((namespace, pid in it), start ticks).
fn nested_identity(pid: i32, here: &Here) -> Option<((u64, u32), u64)> {
    let ns = inode_of(&format!("/proc/{pid}/ns/pid"))?;
    if Some(ns) == here.pid_ns {
        return None;
    }
    let status = read_small(&format!("/proc/{pid}/status")).ok()?;
    let status = String::from_utf8_lossy(&status);
    let inner = status.lines().find_map(|l| l.strip_prefix("NSpid:"))?.split_whitespace().last()?;
    let line = StatLine::read(&format!("/proc/{pid}/stat")).ok().filter(|l| !l.is_dead())?;
    Some(((ns, inner.parse().ok()?), line.start_ticks))
}

/// A pidfd becomes readable when the process has exited, collected or not.
fn has_exited(pidfd: &OwnedFd) -> bool {
    let fd = pidfd.as_fd();
    let mut poll = [rustix::event::PollFd::from_borrowed_fd(fd, rustix::event::PollFlags::IN)];
    let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
    // EINTR cannot happen with a time-out of zero; whatever else fails is not an exit.
    matches!(rustix::event::poll(&mut poll, Some(&now)), Ok(1))
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
    let fd = openat(CWD, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let mut bytes = vec![0; 4096];
    let mut filled = 0;
    loop {
        match read(&fd, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(Errno::INTR) => continue,
            Err(error) => return Err(error),
        }
        if filled == bytes.len() {
            break;
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn read_line(path: &str) -> Option<Box<str>> {
    let bytes = read_small(path).ok()?;
    let text = std::str::from_utf8(&bytes).ok()?.trim();
    (!text.is_empty()).then(|| text.into())
}

fn inode_of(path: &str) -> Option<u64> {
    stat(path).ok().map(|s| s.st_ino)
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
