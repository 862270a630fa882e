//! Where there is no inotify: look every so often.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// What rang since the last time.
#[derive(Debug, Default)]
pub(super) struct Rung {
    pub(super) names: Vec<OsString>,
    pub(super) exited: Vec<u64>,
    pub(super) everything: bool,
}

/// Rings by the clock alone.
#[derive(Debug)]
pub(super) struct Doorbell {
    every: Duration,
    next: Instant,
}

impl Doorbell {
    pub(super) fn on(_: &Path, _: bool) -> io::Result<Self> {
        let every = super::SLOW;
        Ok(Self { every, next: Instant::now() + every })
    }

    pub(super) fn look_for_the_directory(&mut self) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn is_lost(&self) -> bool {
        false
    }

    pub(super) fn hears_everything_of(&self, _: bool) -> bool {
        false
    }

    pub(super) fn tick_every(&mut self, every: Option<Duration>) -> io::Result<()> {
        let every = every.unwrap_or(super::SLOW);
        if self.every != every {
            (self.every, self.next) = (every, Instant::now() + every);
        }
        Ok(())
    }

    pub(super) fn add_process(&mut self, _: u64, never: Infallible) -> io::Result<()> {
        match never {}
    }

    pub(super) fn remove_process(&mut self, _: u64) {}

    pub(super) fn wait(&mut self, timeout: Option<Duration>) -> io::Result<Rung> {
        let now = Instant::now();
        let left = self.next.saturating_duration_since(now);
        if let Some(timeout) = timeout.filter(|timeout| *timeout < left) {
            std::thread::sleep(timeout);
            return Ok(Rung::default());
        }
        std::thread::sleep(left);
        self.next = Instant::now() + self.every;
        Ok(Rung { everything: true, ..Rung::default() })
    }
}

/// There is none here.
pub(super) fn pidfd(_: u32) -> io::Result<Infallible> {
    Err(io::ErrorKind::Unsupported.into())
}
