//! From a change to the event that tells of it, beside the floor: inotify and a read of the record.

use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use callboard::{Event, Patch, Registry, SignIn, Status, Watch};
use callboard_agents::{BoardEvent, BoardWatch, Sources};
use rustix::fs::inotify;
use rustix::time::{ClockId, clock_gettime};

use super::timing::Samples;

/// How often each has its turn before the next: an hour of this machine is not like another, and on
/// ext4 a change that makes a file is the slower the more were removed within the last minutes.
const TURNS: usize = 10;

/// What was measured with one number of sessions.
pub(crate) struct Watching {
    pub(crate) size: usize,
    pub(crate) file_system: String,
    /// Changes of a session that says so itself.
    pub(crate) own: Latencies,
    /// Changes that another process makes on behalf of a session, as hooks do.
    pub(crate) on_behalf: Latencies,
    /// How long nothing happened.
    pub(crate) quiet: Duration,
    /// How often the watch of the whole board woke meanwhile.
    pub(crate) wakeups: i64,
}

/// From a change to its event.
pub(crate) struct Latencies {
    /// Of one registry.
    pub(crate) watch: Samples,
    /// Of the whole board.
    pub(crate) board: Samples,
    pub(crate) floor: Samples,
}

/// Has a session take on the nth status.
type Change<'a> = &'a (dyn Fn(usize) -> Result<()> + Sync);

/// Measures in this directory, which has `size` live records of other processes.
pub(crate) fn measure(
    dir: &Path,
    size: usize,
    file_system: String,
    quiet: Duration,
    quick: bool,
) -> Result<Watching> {
    let registry = Registry::at(dir);
    let pids: Vec<u32> = registry.list().sessions.iter().map(|s| s.record.pid()).collect();
    ensure!(pids.len() == size, "{} sessions instead of {size}", pids.len());
    raise_the_limit_of_descriptors();
    let me = registry.register(SignIn::new().name("bench"))?.registration();
    let me = me.context("not signed in")?;
    let own = |nth| Ok(me.set_status(status(nth), None)?);
    let on_behalf = |nth: usize| {
        let patch = Patch::new().status(status(nth), None);
        registry.update(pids[(nth / 2) % pids.len()], &patch)?;
        Ok(())
    };
    let turns: [Change<'_>; 2] = [&own, &on_behalf];
    let mut times = turns.map(|_| [(); 3].map(|()| Vec::new()));
    for _ in 0..TURNS {
        let a_turn = if quick { 30 } else { 100 };
        for (change, times) in turns.iter().zip(&mut times) {
            times[0].extend(by_a_watch(&registry, *change, a_turn)?);
            times[1].extend(by_the_whole_board(&registry, *change, a_turn)?);
            times[2].extend(by_inotify(&registry, *change, a_turn)?);
        }
    }
    let wakeups = wakeups(&registry, quiet)?;
    let [own, on_behalf] = times.map(|times| {
        let [watch, board, floor] = times.map(Samples::new);
        Latencies { watch, board, floor }
    });
    Ok(Watching { size, file_system, own, on_behalf, quiet, wakeups })
}

fn status(nth: usize) -> Status {
    if nth.is_multiple_of(2) { Status::Idle } else { Status::Busy }
}

fn whole_board(registry: &Registry) -> Result<BoardWatch> {
    let sources = Sources::new(registry.clone()).without_processes();
    Ok(BoardWatch::start(sources)?.1)
}

/// How often a watch of the whole board wakes while nothing happens.
fn wakeups(registry: &Registry, quiet: Duration) -> Result<i64> {
    let mut watch = whole_board(registry)?;
    let before = switches()?;
    ensure!(watch.next_within(Some(quiet))?.is_none(), "something happened");
    // The end of the wait is one.
    Ok(switches()? - before - 1)
}

fn by_a_watch(registry: &Registry, change: Change<'_>, rounds: usize) -> Result<Vec<f64>> {
    let (_, mut watch) = Watch::start(registry)?;
    latencies(change, rounds, || match watch.next() {
        Some(Event::Changed { session, .. }) => Ok(session.record.status()),
        other => anyhow::bail!("{other:?} instead of a change"),
    })
}

fn by_the_whole_board(registry: &Registry, change: Change<'_>, rounds: usize) -> Result<Vec<f64>> {
    let mut watch = whole_board(registry)?;
    latencies(change, rounds, || match watch.next() {
        Some(BoardEvent::Changed { row, .. }) => Ok(row.status),
        other => anyhow::bail!("{other:?} instead of a change"),
    })
}

/// The floor.
fn by_inotify(registry: &Registry, change: Change<'_>, rounds: usize) -> Result<Vec<f64>> {
    let fd = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    let moved = inotify::WatchFlags::MOVED_TO | inotify::WatchFlags::ONLYDIR;
    inotify::add_watch(&fd, registry.dir(), moved)?;
    let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
    latencies(change, rounds, || {
        let mut reader = inotify::Reader::new(&fd, &mut buffer);
        loop {
            let event = reader.next()?;
            let Some(name) = event.file_name().and_then(|name| name.to_str().ok()) else {
                continue;
            };
            if name.starts_with('.') {
                continue;
            }
            let text = std::fs::read_to_string(registry.dir().join(name))?;
            let after = text.split_once("\"status\":\"").map(|(_, rest)| rest);
            return Ok(after.and_then(|rest| Some(Status::from(rest.split_once('"')?.0))));
        }
    })
}

/// Has sessions change one after the other, and takes the time until `hear` has the new status.
fn latencies(
    change: Change<'_>,
    rounds: usize,
    mut hear: impl FnMut() -> Result<Option<Status>>,
) -> Result<Vec<f64>> {
    let (send, received) = std::sync::mpsc::channel::<()>();
    let began = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let began = &began;
        let writer = scope.spawn(move || -> Result<()> {
            for nth in 0..rounds {
                // The next change comes when the last one was heard, and a moment later: who
                // waits sleeps by then.
                if nth > 0 {
                    received.recv()?;
                    std::thread::sleep(Duration::from_micros(300));
                }
                began.store(monotonic(), Ordering::Release);
                change(nth)?;
            }
            Ok(())
        });
        let mut times = Vec::with_capacity(rounds);
        let patience = Instant::now() + Duration::from_secs(120);
        for nth in 0..rounds {
            while hear()? != Some(status(nth)) {}
            times.push((monotonic() - began.load(Ordering::Acquire)) as f64 / 1e3);
            _ = send.send(());
            ensure!(Instant::now() < patience, "the events do not come");
        }
        drop(send);
        writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
        Ok(times)
    })
}

/// In nanoseconds.
fn monotonic() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// How often this thread has gone to sleep.
fn switches() -> Result<i64> {
    let status = std::fs::read_to_string("/proc/thread-self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    Ok(line.context("no voluntary_ctxt_switches")?.trim().parse()?)
}

fn raise_the_limit_of_descriptors() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    _ = setrlimit(Resource::Nofile, limit);
}
