//! One operation, again and again, in a process with nothing else in it: for `strace` to count
//! its system calls, for `perf` to see where it spends its time.

use std::hint::black_box;
use std::path::Path;

use anyhow::{Context, Result, bail};
use callboard::{Registration, Registry, Status};

use super::floor;

/// `bench-one OPERATION DIR REPEAT`
pub(crate) fn run(arguments: &[&str]) -> Result<()> {
    if let ["peak", command @ ..] = arguments {
        return super::command::peak(command);
    }
    if let ["session", part @ ..] = arguments {
        return super::hosts::session_program(part);
    }
    let [operation, dir, repeat] = arguments else {
        bail!("usage: xtask bench-one OPERATION DIR REPEAT");
    };
    let repeat: usize = repeat.parse().context("REPEAT is a number")?;
    let path = Path::new(dir);
    let registry = Registry::at(path);
    match *operation {
        "list" => (0..repeat).for_each(|_| _ = black_box(registry.list())),
        "count" => (0..repeat).for_each(|_| _ = black_box(registry.count())),
        "count-pids" => (0..repeat).for_each(|_| _ = black_box(registry.count_pids())),
        "floor-list" => {
            for _ in 0..repeat {
                black_box(floor::list(path)?);
            }
        }
        "floor-count-pids" => {
            for _ in 0..repeat {
                black_box(floor::count_pids(path)?);
            }
        }
        "register" => {
            for _ in 0..repeat {
                register(&registry)?.sign_out()?;
            }
        }
        "floor-register" => {
            let floor = floor::Writer::new(path, record_bytes(&registry)?)?;
            for _ in 0..repeat {
                floor.register()?;
            }
        }
        "update" => {
            let me = register(&registry)?;
            for turn in 0..repeat {
                me.set_status(status(turn), None)?;
            }
        }
        "floor-update" => {
            let floor = floor::Writer::new(path, record_bytes(&registry)?)?;
            let mut standing = floor.appear()?;
            for _ in 0..repeat {
                floor.update(&mut standing)?;
            }
            floor.disappear(standing)?;
        }
        _ => bail!("no operation {operation:?}"),
    }
    Ok(())
}

/// Signs this process in, as a program would.
pub(crate) fn register(registry: &Registry) -> Result<Registration> {
    let sign_in = super::crowd::sign_in(std::process::id());
    registry.register(sign_in)?.registration().context("this process counts as a sub-agent")
}

/// Idle and busy in turn (it signed in as busy), so that every update changes something.
pub(crate) fn status(turn: usize) -> Status {
    if turn.is_multiple_of(2) { Status::Idle } else { Status::Busy }
}

/// How long a record of ours is.
pub(crate) fn record_bytes(registry: &Registry) -> Result<usize> {
    let me = register(registry)?;
    let bytes = me.record().as_json().len();
    me.sign_out()?;
    Ok(bytes)
}
