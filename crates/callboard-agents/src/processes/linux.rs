//! Linux: `/proc`, relative to one handle on it, through one buffer.
//!
//! Sources: proc(5), proc_pid_stat(5), pid_namespaces(7), ptrace(2) ("access mode checking").

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{DirEntryExt, MetadataExt};
use std::path::{Path, PathBuf};

use callboard::process::Here;
use rustix::fs::{CWD, Mode, OFlags, RawDir, fstat, openat, readlinkat, statat};
use rustix::io::{Errno, read, retry_on_intr as retry};
use rustix::process::{Pid, geteuid, test_kill_process};
use rustix::time::{ClockId, clock_gettime};

use super::Process;
use super::twins::without_forks;

/// How much of a command line is looked at: more than any option needs, less than a prompt may be.
const MAX_ARGV: usize = 16 * 1024;

/// How much of an environment is searched for one variable.
const MAX_ENVIRON: usize = 256 * 1024;

/// How many open files of one process are looked at. An agent has tens.
const MAX_FILES: usize = 4096;

/// How much of the list of a thread's children is read: eight bytes each.
const MAX_CHILDREN: usize = 64 * 1024;

/// The process that starts the kernel's threads.
const KTHREADD: u32 = 2;

/// How much of the system's list of locks is read: thirty bytes each.
const MAX_LOCKS: usize = 1 << 20;

/// The longest line of it: what is left of a page when one more does not fit.
const LONGEST_LOCK: usize = 128;

/// How often it is read where it is too long to be given at once. Beside a process that took and
/// released sixty locks all the time, 77 of 3,000 single readings missed one of a hundred that were
/// held throughout, and none of 3,000 times four.
const READINGS_OF_LOCKS: usize = 4;

/// An open `/proc`.
pub(crate) struct Proc {
    dir: OwnedFd,
    uid: u32,
    pid_ns: Option<u64>,
    path: String,
    bytes: Vec<u8>,
}

impl Proc {
    /// `None` where there is no `/proc`, or it is that of another PID namespace.
    pub(crate) fn open(here: &Here) -> Option<Self> {
        let dir = here.proc_is_ours.then(|| directory(CWD, "/proc"))?.ok()?;
        let bytes = Vec::with_capacity(MAX_ARGV);
        let uid = geteuid().as_raw();
        Some(Self { dir, uid, pid_ns: here.pid_ns, path: String::with_capacity(32), bytes })
    }

    /// The processes of this user whose name is `wanted`, with their command lines, by pid.
    pub(crate) fn scan(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<Process> {
        let mut found = Vec::new();
        let kernels = self.kernel_threads();
        for pid in self.pids() {
            if kernels.binary_search(&pid).is_err()
                && self.may_be_ours(pid)
                && self.comm(pid).is_some_and(&wanted)
            {
                found.extend(self.process(pid));
            }
        }
        without_forks(found)
    }

    /// The kernel's own threads, which are nobody's session: the children of process 2, in one
    /// reading instead of one for each. Empty for another user than root, who may not signal them
    /// anyway ([`Self::may_be_ours`]), where process 2 is another's, as in a container, and where the
    /// kernel does not list children (`CONFIG_PROC_CHILDREN`).
    fn kernel_threads(&mut self) -> Vec<u32> {
        if self.uid != 0 {
            return Vec::new();
        }
        let Some(tasks) = self.kthreadd().and_then(|dir| directory(&dir, "task").ok()) else {
            return Vec::new();
        };
        let mut pids = self.children_of_thread(&tasks, &KTHREADD.to_string());
        pids.sort_unstable();
        pids
    }

    /// The directory of process 2, where that is what starts the kernel's threads, and was started
    /// by the kernel itself.
    fn kthreadd(&mut self) -> Option<OwnedFd> {
        let dir = self.enter(KTHREADD).ok()?;
        let stat = self.stat(&dir)?;
        (&*stat.comm == "kthreadd" && stat.parent == 0).then_some(dir)
    }

    fn pids(&self) -> Vec<u32> {
        let mut pids = Vec::with_capacity(512);
        let mut buffer = Vec::with_capacity(16 * 1024);
        let mut entries = RawDir::new(&self.dir, buffer.spare_capacity_mut());
        while let Some(entry) = entries.next() {
            match entry {
                Ok(entry) => {
                    let number = entry.file_name().to_str().ok();
                    pids.extend(number.and_then(|name| name.parse::<u32>().ok()));
                }
                Err(Errno::INTR) => {}
                Err(_) => break,
            }
        }
        pids
    }

    /// Whether a process may be this user's. Who may not be signalled is another's or the kernel's
    /// (kill(2)), and on most machines most are: a call a tenth as dear as reading a name. A security
    /// module that forbids the signal says `EACCES`, which says nothing about whose it is. Not asked
    /// for root, who may signal everybody.
    fn may_be_ours(&self, pid: u32) -> bool {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        self.uid == 0 || pid.is_some_and(|pid| test_kill_process(pid) != Err(Errno::PERM))
    }

    fn comm(&mut self, pid: u32) -> Option<&str> {
        self.path.clear();
        _ = write!(self.path, "{pid}/comm");
        read_into(&mut self.bytes, &self.dir, &self.path, 64).ok()?;
        std::str::from_utf8(&self.bytes).ok().map(str::trim_end)
    }

    /// When the newest of a process's living children started, in ms since the epoch by the clock
    /// as it stands now. `None` where it has none, or the kernel does not list them
    /// (`CONFIG_PROC_CHILDREN`).
    pub(crate) fn newest_child(&mut self, pid: u32) -> Option<u64> {
        let dir = self.enter(pid).ok()?;
        let tasks = directory(&dir, "task").ok()?;
        let mut children: Vec<u32> = Vec::new();
        let mut buffer = Vec::with_capacity(4096);
        let mut entries = RawDir::new(&tasks, buffer.spare_capacity_mut());
        // Each child is with the thread that started it.
        while let Some(Ok(entry)) = entries.next() {
            let Some(thread) = entry.file_name().to_str().ok().filter(|name| *name != "..") else {
                continue;
            };
            children.extend(self.children_of_thread(&tasks, thread));
        }
        let started = |pid: &u32| {
            let dir = self.enter(*pid).ok()?;
            let start_ticks = self.stat(&dir)?.start_ticks;
            Look { dir, start_ticks, pid_ns: self.pid_ns }.started_at()
        };
        children.iter().filter_map(started).max()
    }

    /// The children that a thread, by its directory below this one, has started.
    fn children_of_thread(&mut self, tasks: &OwnedFd, thread: &str) -> Vec<u32> {
        let list = format!("{thread}/children");
        if read_into(&mut self.bytes, tasks, &list, MAX_CHILDREN).is_err() {
            return Vec::new();
        }
        // Each number is followed by a space. What does not fit may end within one, which is
        // another process.
        let whole = self.bytes.iter().rposition(|byte| *byte == b' ').unwrap_or(0);
        let list = String::from_utf8_lossy(&self.bytes[..whole]);
        list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// One process of this user; `None` also for one that has exited, and for the kernel's own.
    pub(crate) fn process(&mut self, pid: u32) -> Option<Process> {
        let dir = self.enter(pid).ok()?;
        if !self.is_ours(&dir) {
            return None;
        }
        let stat = self.stat(&dir)?;
        read_into(&mut self.bytes, &dir, "cmdline", MAX_ARGV).ok()?;
        if self.bytes.is_empty() {
            return None;
        }
        let argv = words(&self.bytes);
        let exe = stat.comm.starts_with(|first: char| first.is_ascii_digit());
        let exe = exe.then(|| link(&dir, "exe")).flatten();
        Some(Process {
            pid,
            parent: stat.parent,
            comm: stat.comm,
            argv,
            exe: exe.map(|path| path.to_string_lossy().into()),
            start_ticks: stat.start_ticks,
            is_fork: stat.is_fork,
        })
    }

    /// A handle on a process that was seen before; `None` if it has ended since, also where
    /// another one has its pid by now.
    pub(crate) fn look_at(&mut self, process: &Process) -> Option<Look> {
        let dir = self.enter(process.pid).ok()?;
        let stat = self.stat(&dir)?;
        (stat.start_ticks == process.start_ticks).then_some(Look {
            dir,
            start_ticks: stat.start_ticks,
            pid_ns: self.pid_ns,
        })
    }

    fn enter(&mut self, pid: u32) -> Result<OwnedFd, Errno> {
        self.path.clear();
        _ = write!(self.path, "{pid}");
        directory(&self.dir, &self.path)
    }

    /// The directory belongs to the process's user, but to root where the process has made itself
    /// undumpable (Codex does), and then its status says whose it is.
    fn is_ours(&mut self, dir: &OwnedFd) -> bool {
        match fstat(dir).map(|stat| stat.st_uid) {
            Ok(uid) if uid == self.uid => true,
            Ok(0) if read_into(&mut self.bytes, dir, "status", 4096).is_ok() => {
                effective_uid(&self.bytes) == Some(self.uid)
            }
            _ => false,
        }
    }

    fn stat(&mut self, dir: &OwnedFd) -> Option<Stat> {
        read_into(&mut self.bytes, dir, "stat", 4096).ok()?;
        Stat::parse(&self.bytes).filter(|stat| !stat.is_dead)
    }
}

/// A handle on a process's directory in `/proc`: it stays that process's, and gives nothing once
/// the process has ended, whoever has the pid then.
pub(crate) struct Look {
    dir: OwnedFd,
    start_ticks: u64,
    pid_ns: Option<u64>,
}

impl Look {
    /// Its working directory. `None` if it is not to be seen, or was removed.
    pub(crate) fn cwd(&self) -> Option<PathBuf> {
        link(&self.dir, "cwd")
    }

    /// Its working directory, by the name that it had if it was removed; and whether it is there.
    pub(crate) fn stands_in(&self) -> Option<(PathBuf, bool)> {
        let mut path = target(&self.dir, "cwd")?;
        let is_there = !path.ends_with(REMOVED);
        if !is_there {
            path.truncate(path.len() - REMOVED.len());
        }
        Some((OsString::from_vec(path).into(), is_there))
    }

    /// When it started, in ms since the epoch by the clock as it stands now: up to one
    /// [`TICK_MS`] early.
    pub(crate) fn started_at(&self) -> Option<u64> {
        let ns = |clock| {
            let time = clock_gettime(clock);
            i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
        };
        // Another process may run between two clocks, and the start would seem to be as much
        // earlier: of three readings, the one that took the least time.
        let reading = || {
            let before = ns(ClockId::Boottime);
            let (now, after) = (ns(ClockId::Realtime), ns(ClockId::Boottime));
            (after - before, now - after)
        };
        let (_, booted) = reading().min(reading()).min(reading());
        let per_second = i128::from(rustix::param::clock_ticks_per_second().max(1));
        let started = booted + i128::from(self.start_ticks) * 1_000_000_000 / per_second;
        u64::try_from(started / 1_000_000).ok()
    }

    /// The files that it has open and that still have a name: no sockets, pipes or removed ones.
    pub(crate) fn open_files(&self) -> Vec<PathBuf> {
        let Ok(fds) = directory(&self.dir, "fd") else { return Vec::new() };
        let mut files = Vec::new();
        let mut buffer = Vec::with_capacity(4096);
        let mut entries = RawDir::new(&fds, buffer.spare_capacity_mut());
        while let Some(Ok(entry)) = entries.next() {
            if files.len() == MAX_FILES {
                break;
            }
            if let Ok(name) = entry.file_name().to_str() {
                files.extend(link(&fds, name));
            }
        }
        files
    }

    /// One variable of the environment that it was started with. Nothing else of the environment
    /// is kept, or looked at.
    pub(crate) fn variable(&self, name: &str) -> Option<OsString> {
        let mut bytes = Vec::new();
        read_into(&mut bytes, &self.dir, "environ", MAX_ENVIRON).ok()?;
        let value = bytes.split(|byte| *byte == 0).find_map(|entry| {
            entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=").map(<[u8]>::to_vec)
        });
        bytes.fill(0);
        value.filter(|value| !value.is_empty()).map(OsString::from_vec)
    }

    /// For a process of a nested PID namespace, which one (its inode number) and its number there.
    pub(crate) fn nested(&self) -> Option<(u64, u32)> {
        let ns = retry(|| statat(&self.dir, "ns/pid", rustix::fs::AtFlags::empty())).ok()?.st_ino;
        if self.pid_ns.is_none_or(|ours| ours == ns) {
            return None;
        }
        let mut bytes = Vec::new();
        read_into(&mut bytes, &self.dir, "status", 4096).ok()?;
        let numbers = field(&bytes, "NSpid:")?;
        Some((ns, numbers.split_ascii_whitespace().last()?.parse().ok()?))
    }
}

/// Who holds a lock of flock(2) on which file, as the system's list of locks says it, read when it
/// is first asked for. Everybody may read it, also of a process that hides its open files.
#[derive(Default)]
pub(crate) struct Flocks {
    all: OnceCell<Vec<(u32, FileId)>>,
    /// Of each directory that was asked for, its files that somebody has locked.
    dirs: RefCell<HashMap<PathBuf, Vec<(u32, PathBuf)>>>,
}

/// The device and the inode number of a file.
type FileId = (u64, u64);

impl Flocks {
    /// The files of a directory that a process has locked.
    pub(crate) fn held_in(&self, pid: u32, dir: &Path) -> Vec<PathBuf> {
        let mut dirs = self.dirs.borrow_mut();
        if !dirs.contains_key(dir) {
            dirs.insert(dir.to_owned(), self.locked_in(dir));
        }
        let of_pid = dirs[dir].iter().filter(|(by, _)| *by == pid);
        of_pid.map(|(_, path)| path.clone()).collect()
    }

    /// Who has locked this file, and how many of the files beside it, this one counted.
    pub(crate) fn holder_of(&self, file: &Path) -> Option<(u32, usize)> {
        let locked = self.locked_in(file.parent()?);
        let (holder, _) = locked.iter().find(|(_, path)| path == file)?;
        Some((*holder, locked.iter().filter(|(pid, _)| pid == holder).count()))
    }

    fn locked_in(&self, dir: &Path) -> Vec<(u32, PathBuf)> {
        let all = self.all.get_or_init(read_flocks);
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let locked = entries.filter_map(|entry| {
            let inode = entry.ino();
            // A file of another device may have the same number.
            let mut locks = all.iter().filter(|(_, (_, locked))| *locked == inode).peekable();
            locks.peek()?;
            let file = entry.metadata().ok()?;
            let (pid, _) = locks.find(|(_, id)| (file.dev(), file.ino()) == *id)?;
            Some((*pid, entry.path()))
        });
        locked.collect()
    }
}

fn read_flocks() -> Vec<(u32, FileId)> {
    all_of(|bytes| read_into(bytes, CWD, "/proc/locks", MAX_LOCKS).is_ok())
}

/// What is in a list that is read with `read`. The kernel gives it in parts of at most a page, and
/// walks it from its beginning for each: when anybody releases a lock in between, the later ones
/// move up, and one of them passes the reader by (`seq_read_iter` in the kernel's `fs/seq_file.c`).
/// So a list of several parts is read several times, and what any reading saw is held.
fn all_of(mut read: impl FnMut(&mut Vec<u8>) -> bool) -> Vec<(u32, FileId)> {
    let mut all = Vec::new();
    let mut bytes = Vec::new();
    for _ in 0..READINGS_OF_LOCKS {
        if !read(&mut bytes) {
            break;
        }
        all.extend(String::from_utf8_lossy(&bytes).lines().filter_map(flock));
        if bytes.len() + LONGEST_LOCK <= rustix::param::page_size() {
            break;
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// `1: FLOCK  ADVISORY  WRITE 21395 fe:00:10158289 0 EOF`; a waiting one has `->` before the word.
fn flock(line: &str) -> Option<(u32, FileId)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    if words.next()? != "FLOCK" {
        return None;
    }
    let pid = words.nth(2)?.parse().ok()?;
    let mut file = words.next()?.split(':');
    let mut hex = || u32::from_str_radix(file.next()?, 16).ok();
    let device = rustix::fs::makedev(hex()?, hex()?);
    Some((pid, (device, file.next()?.parse().ok()?)))
}

/// The fields of `/proc/<pid>/stat` that are of use here.
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    comm: Box<str>,
    is_dead: bool,
    parent: u32,
    start_ticks: u64,
    /// It has executed nothing yet.
    is_fork: bool,
}

/// In the flags of a process: it was forked off, and has executed nothing (`PF_FORKNOEXEC` in the
/// kernel's `include/linux/sched.h`, shown since 2.6.22).
const FORKED: u64 = 0x40;

impl Stat {
    /// The name is in parentheses and may hold any bytes, parentheses among them.
    fn parse(line: &[u8]) -> Option<Self> {
        let open = line.iter().position(|byte| *byte == b'(')?;
        let close = line.iter().rposition(|byte| *byte == b')')?;
        let comm = String::from_utf8_lossy(line.get(open + 1..close)?).into();
        let rest = std::str::from_utf8(line.get(close + 1..)?).ok()?;
        let mut fields = rest.split_ascii_whitespace();
        let state = fields.next()?; // field 3
        let parent = fields.next()?.parse().ok()?; // field 4
        let flags: u64 = fields.nth(4)?.parse().ok()?; // field 9
        let threads: u64 = fields.nth(10)?.parse().ok()?; // field 20
        let start_ticks = fields.nth(1)?.parse().ok()?; // field 22
        // A process whose first thread has ended goes on in its others.
        let is_dead = matches!(state, "Z" | "X" | "x") && threads <= 1;
        let is_fork = flags & FORKED != 0;
        Some(Self { comm, is_dead, parent, start_ticks, is_fork })
    }
}

fn effective_uid(status: &[u8]) -> Option<u32> {
    field(status, "Uid:")?.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn field(status: &[u8], name: &str) -> Option<String> {
    let status = String::from_utf8_lossy(status);
    status.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned)
}

/// The words of a command line. Those that are empty at its end are what a program left of it that
/// wrote its title over it.
fn words(cmdline: &[u8]) -> Vec<Box<str>> {
    let end = cmdline.iter().rposition(|byte| *byte != 0 && *byte != b' ').map_or(0, |at| at + 1);
    cmdline[..end].split(|byte| *byte == 0).map(|w| String::from_utf8_lossy(w).into()).collect()
}

fn directory(at: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    retry(|| openat(at.as_fd(), path, flags, Mode::empty()))
}

/// Where a link of `/proc` leads, if that is a file that still has a name.
fn link(at: impl AsFd, name: &str) -> Option<PathBuf> {
    let target = target(at, name)?;
    (!target.ends_with(REMOVED)).then(|| OsString::from_vec(target).into())
}

/// What the kernel adds to the name of a file or a directory that has none any more.
const REMOVED: &[u8] = b" (deleted)";

/// What a link of `/proc` names, there or removed.
fn target(at: impl AsFd, name: &str) -> Option<Vec<u8>> {
    let target = retry(|| readlinkat(at.as_fd(), name, Vec::new())).ok()?.into_bytes();
    target.starts_with(b"/").then_some(target)
}

/// Fills the buffer with what the file has, up to so many bytes.
fn read_into(bytes: &mut Vec<u8>, at: impl AsFd, path: &str, limit: usize) -> Result<(), Errno> {
    bytes.clear();
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY;
    let file = retry(|| openat(at.as_fd(), path, flags, Mode::empty()))?;
    loop {
        bytes.reserve((limit - bytes.len()).min(MAX_ARGV));
        let more = retry(|| read(&file, rustix::buffer::spare_capacity(bytes)))?;
        bytes.truncate(limit);
        // What fits is given at once; only the long lists come in parts.
        if more == 0 || bytes.len() == limit || limit <= MAX_ARGV {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session that holds a lock was not found while others let go of theirs.
    #[test]
    fn a_lock_that_passes_one_reading_by_is_seen_by_another() {
        let line = |pid: u32| format!("9: FLOCK  ADVISORY  WRITE {pid} fe:00:10158289 0 EOF\n");
        let long: String = (1..100).map(line).collect();
        let short = line(1);
        let seen = |readings: &[&str]| {
            let mut readings = readings.iter();
            let locks = all_of(|bytes| {
                bytes.clear();
                readings.next().is_some_and(|text| {
                    bytes.extend_from_slice(text.as_bytes());
                    true
                })
            });
            let pids: Vec<u32> = locks.into_iter().map(|(pid, _)| pid).collect();
            (pids.len(), pids.contains(&100), readings.len())
        };
        let with = format!("{long}{}", line(100));
        // (locks, whether the one that was missed is among them, readings that were not needed)
        assert_eq!(seen(&[&long, &long, &with, &long, &long]), (100, true, 1));
        assert_eq!(seen(&[&short, &with]), (1, false, 1), "given at once, it is whole");
        assert_eq!(seen(&[&long]), (99, false, 0), "what was seen before an error counts");
        assert_eq!(seen(&[]), (0, false, 0));
    }

    #[test]
    fn only_threads_of_the_kernel_are_passed_over() {
        let mut proc = Proc::open(&Here::detect()).unwrap();
        let passed = proc.kernel_threads();
        for pid in &passed {
            // One that has ended since has no directory.
            let stat = proc.enter(*pid).ok().and_then(|dir| proc.stat(&dir));
            assert!(stat.is_none_or(|stat| stat.parent == KTHREADD), "{pid}");
        }
        let is_there = proc.kthreadd().is_some();
        let lists_children = Path::new("/proc/thread-self/children").exists();
        assert_eq!(passed.is_empty(), !(is_there && lists_children && geteuid().is_root()));
    }

    #[test]
    fn the_name_of_a_process_cannot_forge_its_parent() {
        let line = b"42 (a) S 9 (x) 1) S 7 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 3 0 155136 1 2";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((&*stat.comm, stat.parent, stat.start_ticks), ("a) S 9 (x) 1", 7, 155_136));
        assert!(!stat.is_dead && !stat.is_fork);
        let fork = b"42 (x) S 7 42 42 0 -1 4194624 1 0 0 0 0 0 0 0 20 0 3 0 155136 1 2";
        assert!(Stat::parse(fork).unwrap().is_fork);
        for bad in [&b""[..], b"42", b"42 (x", b"42 )x(", b"42 (x) S 1 2"] {
            assert_eq!(Stat::parse(bad), None);
        }
        let zombie = |threads| {
            let line = format!("4 (x) Z 7 1 1 0 -1 0 1 0 0 0 0 0 0 0 20 0 {threads} 0 5 1");
            Stat::parse(line.as_bytes()).unwrap().is_dead
        };
        assert!(zombie(1) && !zombie(2));
    }

    #[test]
    fn words_of_a_command_line() {
        let cases: [(&[u8], &[&str]); 5] = [
            (b"claude\0-p\0hello there\0", &["claude", "-p", "hello there"]),
            (b"codex\0--x\0\0--y\0", &["codex", "--x", "", "--y"]),
            (b"pi\0\0\0\0\0", &["pi"]),
            (b"pi      ", &["pi"]),
            (b"\xffx\0", &["\u{fffd}x"]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(words(bytes).iter().map(|word| &**word).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn a_line_of_the_list_of_locks() {
        let file = (rustix::fs::makedev(0xfe, 0), 10_158_296);
        let cases = [
            ("6: FLOCK  ADVISORY  WRITE 21395 fe:00:10158296 0 EOF", Some((21_395, file))),
            ("6: -> FLOCK  ADVISORY  WRITE 21395 fe:00:10158296 0 EOF", None),
            ("2: POSIX  ADVISORY  READ 21395 fe:00:10158213 128 128", None),
            ("6: FLOCK  ADVISORY  WRITE -1 fe:00:10158296 0 EOF", None),
            ("6: FLOCK", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(flock(line), expected, "{line}");
        }
    }

    #[test]
    fn a_lock_is_found_by_its_holder_and_its_directory() {
        use rustix::fs::{FlockOperation, flock};
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| std::fs::File::create(dir.path().join(name)).unwrap();
        let (held, _open, shared) = (file("held"), file("open"), file("shared"));
        flock(&held, FlockOperation::NonBlockingLockExclusive).unwrap();
        flock(&shared, FlockOperation::NonBlockingLockShared).unwrap();
        let mut found = Flocks::default().held_in(std::process::id(), dir.path());
        found.sort();
        assert_eq!(found, ["held", "shared"].map(|name| dir.path().join(name)));
        assert!(Flocks::default().held_in(1, dir.path()).is_empty());
        drop(held);
        let found = Flocks::default().held_in(std::process::id(), dir.path());
        assert_eq!(found, [dir.path().join("shared")]);
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(Flocks::default().held_in(std::process::id(), elsewhere.path()).is_empty());
    }

    #[test]
    fn whose_it_is_by_its_status() {
        let status = b"Name:\tcodex\nUid:\t1000\t1001\t1002\t1003\nNSpid:\t900\t7\n";
        assert_eq!(effective_uid(status), Some(1001));
        assert_eq!(field(status, "NSpid:").unwrap().split_whitespace().last(), Some("7"));
    }

    #[test]
    fn this_process_is_seen_as_it_is() {
        let mut proc = Proc::open(&Here::detect()).unwrap();
        let me = std::process::id();
        let seen = proc.process(me).unwrap();
        let words: Vec<_> = std::env::args().collect();
        assert_eq!(seen.argv.iter().map(|word| &**word).collect::<Vec<_>>(), words);
        assert!(proc.scan(|comm| comm == &*seen.comm).contains(&seen));
        assert!(!proc.scan(|_| false).contains(&seen));
        let look = proc.look_at(&seen).unwrap();
        assert_eq!(look.cwd(), std::env::current_dir().ok());
        assert_eq!(look.nested(), None);
        assert_eq!(look.variable("PATH"), std::env::var_os("PATH"));
        assert_eq!(look.variable("PAT"), None);
        let another = Process { start_ticks: seen.start_ticks + 1, ..seen };
        assert!(proc.look_at(&another).is_none(), "another process of the same number");
    }
}
