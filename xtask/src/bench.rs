//! `cargo xtask bench`: Callboard beside the floor of the same system calls and beside a rival,
//! in one run on one machine. How and why: `docs/PERFORMANCE.md`.

#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: &[&str]) -> anyhow::Result<()> {
    anyhow::bail!("the benchmark's floor is made of Linux system calls; it runs there only")
}

#[cfg(not(target_os = "linux"))]
pub(crate) use run as one;

#[cfg(target_os = "linux")]
pub(crate) use linux::run;
#[cfg(target_os = "linux")]
pub(crate) use one::run as one;

#[cfg(target_os = "linux")]
mod command;
#[cfg(target_os = "linux")]
mod conversations;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod floor;
#[cfg(target_os = "linux")]
mod hosts;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod listing;
#[cfg(target_os = "linux")]
mod machine;
#[cfg(target_os = "linux")]
mod one;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod rival;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(target_os = "linux")]
mod timing;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(target_os = "linux")]
mod watching;
#[cfg(target_os = "linux")]
mod writing;
