//! The processes of a host: everything that descends from this one and is not a session's program.
//!
//! A host is a daemon, or many: it leaves whoever started it. This process is the reaper of its
//! descendants meanwhile, so what has left comes here, is found, and is ended with the rest.

use std::fs::read_to_string;

use anyhow::{Context, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};

/// Where everything that is started from here on ends up.
pub(in crate::bench) fn reap_descendants() -> Result<()> {
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).context("cannot become a reaper")
}

/// What a process is called, in at most 15 bytes, and its number.
#[derive(Debug)]
pub(in crate::bench) struct Process {
    pub(in crate::bench) pid: u32,
    pub(in crate::bench) name: String,
}

/// All descendants of this process.
pub(in crate::bench) fn descendants() -> Vec<Process> {
    descendants_of(std::process::id())
}

pub(in crate::bench) fn descendants_of(pid: u32) -> Vec<Process> {
    let mut found = Vec::new();
    let mut parents = vec![pid];
    while let Some(parent) = parents.pop() {
        for pid in children(parent) {
            // One that has ended since has no name, and is not counted.
            if let Ok(name) = read_to_string(format!("/proc/{pid}/comm")) {
                found.push(Process { pid, name: name.trim_end().to_owned() });
            }
            parents.push(pid);
        }
    }
    found
}

fn children(parent: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = threads.map(|t| read_to_string(t.path().join("children")).unwrap_or_default());
    let numbers =
        |list: String| list.split_whitespace().filter_map(|n| n.parse().ok()).collect::<Vec<u32>>();
    lists.flat_map(numbers).collect()
}

/// The hosts: what descends from this process and is not called like the sessions' program, of
/// which there must be this many.
pub(in crate::bench) fn hosts(program: &str, sessions: usize) -> Result<Vec<Process>> {
    let until = std::time::Instant::now() + super::LIMIT;
    loop {
        let (programs, hosts): (Vec<_>, Vec<_>) =
            descendants().into_iter().partition(|process| process.name == program);
        if programs.len() == sessions {
            return Ok(hosts);
        }
        // Some starts return before there is a program.
        let seen = programs.len();
        ensure!(std::time::Instant::now() < until, "{seen} of {sessions} sessions run {program}");
        std::thread::yield_now();
    }
}

/// Ends every descendant, and waits until there is none.
pub(in crate::bench) fn end_all() {
    loop {
        for process in descendants() {
            let pid = i32::try_from(process.pid).ok().and_then(Pid::from_raw);
            // It may have ended by itself.
            pid.map(|pid| kill_process(pid, Signal::KILL));
        }
        // An error says that there is no child any more.
        match wait(WaitOptions::empty()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Memory of some processes, in KiB.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::bench) struct Memory {
    /// What is theirs alone, and of what they share with others their share.
    pub(in crate::bench) pss: f64,
    pub(in crate::bench) rss: f64,
}

pub(in crate::bench) fn memory(processes: &[Process]) -> Memory {
    let mut sum = Memory::default();
    for process in processes {
        let text = read_to_string(format!("/proc/{}/smaps_rollup", process.pid));
        let text = text.unwrap_or_default();
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key));
            let number = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
            number.unwrap_or(0.0)
        };
        sum.pss += value("Pss:");
        sum.rss += value("Rss:");
    }
    sum
}

/// How often the threads of these processes have left the processor so far: each time that one of
/// them was woken, it did.
pub(in crate::bench) fn switches(processes: &[Process]) -> u64 {
    let of_thread = |status: &str| {
        let lines = status.lines().filter_map(|line| line.split_once("_ctxt_switches:"));
        lines.filter_map(|(_, number)| number.trim().parse::<u64>().ok()).sum::<u64>()
    };
    of_threads(processes, "status", of_thread)
}

/// For how long the threads of these processes have been on a processor, in ms.
pub(in crate::bench) fn processor_time(processes: &[Process]) -> f64 {
    let of_thread = |text: &str| {
        let first = text.split(' ').next().and_then(|n| n.parse::<u64>().ok());
        first.unwrap_or(0)
    };
    of_threads(processes, "schedstat", of_thread) as f64 / 1e6
}

fn of_threads(processes: &[Process], file: &str, value: impl Fn(&str) -> u64) -> u64 {
    let of_process = |process: &Process| {
        let threads = std::fs::read_dir(format!("/proc/{}/task", process.pid));
        let threads = threads.into_iter().flatten().flatten();
        threads
            .map(|t| value(&read_to_string(t.path().join(file)).unwrap_or_default()))
            .sum::<u64>()
    };
    processes.iter().map(of_process).sum()
}

/// How long everything that was waited for has been on a processor, in ms.
pub(in crate::bench) fn processor_time_of_collected() -> Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let ms = |time: nix::sys::time::TimeVal| {
        time.tv_sec() as f64 * 1e3 + f64::from(i32::try_from(time.tv_usec()).unwrap_or(0)) / 1e3
    };
    Ok(ms(usage.user_time()) + ms(usage.system_time()))
}
