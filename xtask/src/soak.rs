//! `cargo xtask soak`: storms of real processes against one registry, bounded, with the choices
//! made from a seed. What they prove, and what not, is in `docs/RELIABILITY.md`.

#[cfg(not(target_os = "linux"))]
pub(crate) fn run(_: &[&str]) -> anyhow::Result<()> {
    anyhow::bail!("the storms need PID namespaces and process identities; they run on Linux only")
}

#[cfg(not(target_os = "linux"))]
pub(crate) use run as act;

#[cfg(target_os = "linux")]
pub(crate) use actor::act;
#[cfg(target_os = "linux")]
pub(crate) use storms::run;

#[cfg(target_os = "linux")]
mod actor;
#[cfg(target_os = "linux")]
mod brief;
#[cfg(target_os = "linux")]
mod churn;
#[cfg(target_os = "linux")]
mod crowd;
#[cfg(target_os = "linux")]
mod directory;
#[cfg(target_os = "linux")]
mod one_record;
#[cfg(target_os = "linux")]
mod options;
#[cfg(target_os = "linux")]
mod random;
#[cfg(target_os = "linux")]
mod recycle;
#[cfg(target_os = "linux")]
mod storms;
#[cfg(target_os = "linux")]
mod tally;
