//! A supervisor, its sessions, and what is left of both when either is killed.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use callboard::{Kind, Registry};
use callboard_host::supervisor::{
    self, Reason, Report, Restart, Standing, Supervision, is_running, stop_supervisor, supervise,
};
use callboard_host::{Exit, Hosted, SpawnSpec, State, StopPolicy};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};

use crate::world::{MakeHost, STAGE, World, builtin, tmux};

/// A supervisor in a process of its own, and what it tells.
struct Daemon {
    child: Child,
    out: BufReader<ChildStdout>,
    told: Vec<String>,
}

impl Daemon {
    /// Starts one and waits until it has looked at everything.
    fn start(world: &World, options: &[&str]) -> Self {
        let mut daemon = Self::launch(world, options);
        daemon.wait_for("ready");
        daemon
    }

    fn launch(world: &World, options: &[&str]) -> Self {
        let mut command = Command::new(STAGE);
        command.arg("supervise").arg(world.path()).args(options).env_clear();
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self { child, out, told: Vec::new() }
    }

    /// Waits for a line that begins so; that line.
    fn wait_for(&mut self, start: &str) -> String {
        loop {
            if self.out.buffer().is_empty() {
                let mut fds = [PollFd::from_borrowed_fd(self.out.get_ref().as_fd(), PollFlags::IN)];
                let patience = Timespec { tv_sec: 40, tv_nsec: 0 };
                let ready = poll(&mut fds, Some(&patience)).unwrap();
                assert_eq!(ready, 1, "`{start}` was not told, but {:#?}", self.told);
            }
            let mut line = String::new();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "`{start}`: {:#?}", self.told);
            self.told.push(line.trim_end().to_owned());
            if line.starts_with(start) {
                return line.trim_end().to_owned();
            }
        }
    }

    fn wait_about(&mut self, event: &str, session: &Hosted) -> String {
        self.wait_for(&format!("{event}\t{}\t", session.id))
    }

    /// Waits until it has told of so many, in whichever order.
    fn wait_for_all(&mut self, event: &str, count: usize) {
        while self.count(event) < count {
            self.wait_for(event);
        }
    }

    /// How often it has told of an event.
    fn count(&self, event: &str) -> usize {
        self.told.iter().filter(|line| line.split('\t').next() == Some(event)).count()
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end; all that it has told.
    fn end(mut self, world: &World) -> Vec<String> {
        assert_eq!(stop_supervisor(&world.home()).unwrap(), Some(self.child.id()));
        self.wait_for("leaving");
        assert!(self.child.wait().unwrap().success());
        assert!(!is_running(&world.home()));
        std::mem::take(&mut self.told)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn field<'l>(line: &'l str, key: &str) -> &'l str {
    let found = line.split('\t').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("{key} in {line}"))
}

/// Which host has a session is none of a supervisor's business.
fn with_every_host(story: impl Fn(&World)) {
    for make in [builtin as MakeHost, tmux] {
        story(&World::new(make));
    }
}

/// Starts a session with a policy.
fn start(world: &World, spec: SpawnSpec, policy: Restart) -> Hosted {
    let env = spec.env.clone();
    let session = world.host.spawn(&spec).unwrap();
    supervise(&world.hosts(), &session.id, policy, &env).unwrap();
    session
}

fn shell(world: &World, script: &str, policy: Restart) -> Hosted {
    start(world, world.spec(&["sh", "-c", script]), policy)
}

fn standing(world: &World, session: &Hosted) -> (Standing, u32) {
    let now = world.host.look(&session.id).unwrap();
    let found = Supervision::of(&now).unwrap().expect("a policy");
    (found.standing(now.started_at).clone(), found.restarts(now.started_at))
}

fn report(world: &World) -> Report {
    supervisor::status(&world.home()).unwrap().expect("a supervisor")
}

fn open_gate(gate: &PathBuf) {
    File::options().write(true).open(gate).unwrap().write_all(b"\n").unwrap();
}

fn program(world: &World, session: &Hosted) -> u32 {
    world.host.look(&session.id).unwrap().program.unwrap().pid
}

/// `kill -9`, and the next one.
#[test]
fn killed_under_twenty_workers_it_adopts_them_all() {
    let world = World::new(builtin);
    let mut first = Daemon::start(&world, &[]);
    let workers: Vec<(PathBuf, Hosted)> = (0..20)
        .map(|n| {
            let gate = world.gate(&format!("gate-{n}"));
            let script = format!("read x < {}; exit {n}", gate.display());
            (gate, shell(&world, &script, Restart::OnFailure))
        })
        .collect();
    first.wait_for_all("watching", 20);
    assert_eq!(report(&world).running, 20);
    first.kill();
    assert!(!is_running(&world.home()));
    for (_, worker) in &workers {
        assert_eq!(program(&world, worker), worker.program.unwrap().pid);
    }

    let mut second = Daemon::start(&world, &[]);
    assert_eq!(field(second.told.last().unwrap(), "adopted"), "20");
    assert_eq!((second.count("adopted"), second.count("starting")), (20, 0));
    assert!(second.told[..20].iter().all(|line| field(line, "restarts") == "0"));
    for (n, (gate, worker)) in workers.iter().enumerate() {
        assert_eq!(program(&world, worker), worker.program.unwrap().pid);
        open_gate(gate);
        let told = second.wait_about(if n == 0 { "done" } else { "due" }, worker);
        assert_eq!(field(&told, "exit"), format!("exit code {n}"));
    }
}

/// A directory that is gone is tried once.
#[test]
fn a_removed_directory_is_one_attempt() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &["first-ms=10"]);
    let (gate, dir) = (world.gate("gate"), world.path().join("dir"));
    std::fs::create_dir(&dir).unwrap();
    let script = format!("read x < {}; exit 1", gate.display());
    let spec = world.spec(&["sh", "-c", &script]).cwd(&dir);
    let worker = start(&world, spec, Restart::Always);
    std::fs::remove_dir(&dir).unwrap();
    open_gate(&gate);
    let told = daemon.wait_about("failed", &worker);
    assert_eq!(field(&told, "reason"), "cwd");
    assert!(field(&told, "text").contains("No such file or directory"), "{told}");
    let (Standing::Failed { reason: Reason::Cwd, .. }, 0) = standing(&world, &worker) else {
        panic!("{:?}", standing(&world, &worker))
    };
    assert_eq!(world.host.exit(&worker.id).unwrap(), Some(Exit::Code(1)), "of the last run");
    assert_eq!(report(&world).failed, 1);
    assert_eq!(daemon.count("starting"), 1);
    // The next one leaves it alone, and a person may mend it.
    daemon.end(&world);
    let mut next = Daemon::start(&world, &["first-ms=10"]);
    assert_eq!(field(next.told.last().unwrap(), "failed"), "1");
    std::fs::create_dir(&dir).unwrap();
    supervisor::restart(&world.hosts(), &worker.id, None).unwrap();
    next.wait_about("watching", &worker);
    assert_eq!(next.count("starting"), 0);
    assert_eq!(standing(&world, &worker), (Standing::Watched, 0));
}

/// A loop ends after five starts. Delays are a hundredth of the real ones.
#[test]
fn a_program_that_always_fails_is_started_five_times() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &["first-ms=10"]);
    let worker = shell(&world, "echo ran; exit 1", Restart::OnFailure);
    let told = daemon.wait_about("failed", &worker);
    assert_eq!(field(&told, "reason"), "flapping");
    assert_eq!(world.log(&worker.id), "ran\n".repeat(5));
    let dues = daemon.told.iter().filter(|line| line.starts_with("due"));
    let delays: Vec<u64> = dues.map(|line| field(line, "in_ms").parse().unwrap()).collect();
    assert_eq!(delays.len(), 4, "{delays:?}");
    for (delay, most) in delays.iter().zip([12, 24, 48, 96]) {
        assert!(*delay <= most, "{delays:?}");
    }
    assert_eq!(standing(&world, &worker).1, 4);
    assert_eq!(report(&world).restarts, 4);
}

#[test]
fn one_host_killed_is_one_session_started_again() {
    with_every_host(|world| {
        let mut daemon = Daemon::start(world, &["first-ms=10"]);
        let plain = world.spawn(&["cat"]);
        let workers: Vec<Hosted> =
            (0..6).map(|_| shell(world, "echo up; exec cat", Restart::OnFailure)).collect();
        daemon.wait_for_all("watching", 6);
        for worker in &workers {
            world.wait_for(&worker.id, "up");
        }
        for victim in [&plain, &workers[3]] {
            testkit::kill(victim.host_process.unwrap().pid);
            testkit::wait_for_exit(victim.host_process.unwrap().pid);
        }
        // The kernel hangs up on it some time after its host has ended.
        testkit::wait_for_exit(plain.program.unwrap().pid);
        assert_eq!(field(&daemon.wait_about("due", &workers[3]), "exit"), "lost");
        assert_eq!(field(&daemon.wait_about("restarted", &workers[3]), "restarts"), "1");
        world.wait_for(&workers[3].id, "up"); // what the killed one had on its screen is gone
        assert_eq!(world.host.look(&plain.id).unwrap().state, State::Lost, "it has no policy");
        for (n, worker) in workers.iter().enumerate() {
            let is_same = program(world, worker) == worker.program.unwrap().pid;
            assert_eq!(is_same, n != 3);
        }
        let alive = Registry::at(world.home().sessions()).list().count().alive;
        assert_eq!(alive, 7, "six workers and the supervisor");
    });
}

/// What ignores that its terminal is gone does not run on beside its successor.
#[test]
fn what_a_killed_host_has_left_makes_way_for_the_next() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &["first-ms=10"]);
    let mut spec =
        world.spec(&["sh", "-c", "trap '' HUP TERM; echo up; while :; do sleep 1000; done"]);
    spec.grace = std::time::Duration::from_millis(50);
    let worker = start(&world, spec, Restart::Always);
    world.wait_for(&worker.id, "up");
    testkit::kill(worker.host_process.unwrap().pid);
    daemon.wait_about("restarted", &worker);
    assert!(matches!(crate::world::state_of(worker.program.unwrap().pid), None | Some('Z' | 'X')));
}

#[test]
fn who_stops_a_session_has_stopped_it() {
    with_every_host(|world| {
        let mut daemon = Daemon::start(world, &["first-ms=60000"]);
        let running = shell(world, "exec cat", Restart::Always);
        daemon.wait_about("watching", &running);
        let exit = supervisor::stop(&world.hosts(), &running.id, StopPolicy::default()).unwrap();
        assert_eq!(exit, Exit::Signal(15));
        daemon.wait_about("stopped", &running);
        assert_eq!(standing(world, &running), (Standing::Stopped, 0));
        // Also one that waits to be started: it is said before its time has come.
        let waits = shell(world, "exit 4", Restart::Always);
        daemon.wait_about("due", &waits);
        assert_eq!(report(world).due, 1);
        let exit = supervisor::stop(&world.hosts(), &waits.id, StopPolicy::default()).unwrap();
        assert_eq!(exit, Exit::Code(4));
        daemon.wait_about("stopped", &waits);
        // One that nobody supervised: no policy has an effect, and none is written.
        let plain = world.spawn(&["cat"]);
        supervisor::stop(&world.hosts(), &plain.id, StopPolicy::default()).unwrap();
        assert!(Supervision::of(&world.host.look(&plain.id).unwrap()).unwrap().is_none());
        assert_eq!(report(world).due, 0);
        assert!(!daemon.end(world).iter().any(|line| line.starts_with("starting")));
    });
}

#[test]
fn what_is_removed_is_gone_and_its_secrets_with_it() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &["first-ms=60000"]);
    let spec = world.spec(&["sh", "-c", "exit 1"]);
    let env = world.env().with("KEY", "s3cret");
    let waits = start(&world, spec.env(env), Restart::Always);
    daemon.wait_about("due", &waits);
    let kept = waits.directory.join("environment");
    assert_eq!(std::fs::metadata(&kept).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(std::fs::read_to_string(&kept).unwrap().contains("s3cret"));
    world.host.remove(&waits.id).unwrap();
    daemon.wait_about("removed", &waits);
    assert_eq!(world.left(), Vec::<String>::new());
    // Without a policy, nothing is kept.
    let plain = start(&world, world.spec(&["cat"]), Restart::Never);
    assert!(!plain.directory.join("environment").exists());
    assert!(!plain.directory.join("restart.json").exists());
}

/// A look in the middle of a removal finds a session without its policy, and the next one finds no
/// session. Here the steps of a removal are taken one by one.
#[test]
fn what_is_looked_at_while_it_is_removed_is_told_to_be_removed() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &["first-ms=60000"]);
    let waits = shell(&world, "exit 1", Restart::Always);
    daemon.wait_about("due", &waits);
    std::fs::remove_file(waits.directory.join("restart.json")).unwrap();
    let (exit, same) = (waits.directory.join("exit"), waits.directory.join("exit.new"));
    std::fs::copy(&exit, &same).unwrap();
    std::fs::rename(&same, &exit).unwrap(); // which rings
    world.wait_until("looked at", |_| report(&world).due == 0);
    world.host.remove(&waits.id).unwrap();
    daemon.wait_about("removed", &waits);
    assert_eq!(daemon.count("problem"), 0, "{:#?}", daemon.told);
}

#[test]
fn a_session_is_started_again_with_what_it_was_started_with() {
    with_every_host(|world| {
        let mut daemon = Daemon::start(world, &["first-ms=10"]);
        let gate = world.gate("gate");
        let script = format!("echo \"key $KEY in $PWD\"; read x < {}; exit 1", gate.display());
        let mut spec = world.spec(&["sh", "-c", &script]).name("worker");
        spec.kind = Kind::DaemonWorker;
        let worker = start(world, spec.env(world.env().with("KEY", "first")), Restart::OnFailure);
        let line = format!("key first in {}\n", world.path().display());
        world.wait_for(&worker.id, &line);
        open_gate(&gate);
        daemon.wait_about("restarted", &worker);
        world.wait_for(&worker.id, &line.repeat(2));
        let board = Registry::at(world.home().sessions()).list();
        let mut kinds: Vec<_> = board.sessions.iter().filter_map(|row| row.record.kind()).collect();
        kinds.sort_by_key(|kind| kind.as_str().len());
        assert_eq!(kinds, [Kind::Daemon, Kind::DaemonWorker]);
        // A person starts it with the same, or with another, which then is kept.
        supervisor::restart(&world.hosts(), &worker.id, None).unwrap();
        world.wait_for(&worker.id, &line.repeat(3));
        assert_eq!(standing(world, &worker), (Standing::Watched, 0));
        let env = world.env().with("KEY", "second");
        supervisor::restart(&world.hosts(), &worker.id, Some(env)).unwrap();
        let second = line.replace("first", "second");
        world.wait_for(&worker.id, &second);
        open_gate(&gate);
        daemon.wait_about("restarted", &worker);
        world.wait_for(&worker.id, &second.repeat(2));
    });
}

/// Between the fork of who starts a session and the start: the supervisor is killed, and the next
/// one finds the same decision. Only one of the two starts it.
#[test]
fn killed_in_the_middle_of_a_start_there_is_one_start() {
    let world = World::new(builtin);
    // Time enough to take the lock between the decision and the start.
    let mut first = Daemon::start(&world, &["first-ms=4000"]);
    let gate = world.gate("gate");
    let script = format!("echo up; read x < {}; exit 1", gate.display());
    let worker = shell(&world, &script, Restart::OnFailure);
    world.wait_for(&worker.id, "up");
    let directory = File::open(&worker.directory).unwrap();
    open_gate(&gate);
    first.wait_about("due", &worker);
    flock(&directory, FlockOperation::LockExclusive).unwrap();
    let one = first.wait_about("starting", &worker);
    first.kill();
    let mut second = Daemon::start(&world, &["first-ms=10"]);
    let other = second.wait_about("starting", &worker);
    drop(directory);
    for start in [one, other] {
        testkit::wait_for_exit(field(&start, "pid").parse().unwrap());
    }
    assert_eq!(field(&second.wait_about("restarted", &worker), "restarts"), "1");
    world.wait_for(&worker.id, "up\nup\n");
    assert_eq!(world.log(&worker.id), "up\nup\n");
    open_gate(&gate);
    second.wait_about("restarted", &worker);
    world.wait_for(&worker.id, &"up\n".repeat(3));
    assert_eq!(standing(&world, &worker), (Standing::Watched, 2));
}

/// Who starts a session is killed: that is a start that failed, and not the end of trying.
#[test]
fn a_killed_start_is_tried_again() {
    let world = World::new(builtin);
    // Time enough to take the lock between the decision and the start.
    let mut daemon = Daemon::start(&world, &["first-ms=4000"]);
    let worker = shell(&world, "echo up; read x", Restart::OnFailure);
    world.wait_for(&worker.id, "up");
    let directory = File::open(&worker.directory).unwrap();
    testkit::kill(worker.host_process.unwrap().pid);
    daemon.wait_about("due", &worker);
    flock(&directory, FlockOperation::LockExclusive).unwrap();
    let starting = daemon.wait_about("starting", &worker);
    testkit::kill(field(&starting, "pid").parse().unwrap());
    drop(directory);
    daemon.wait_about("restarted", &worker);
    world.wait_for(&worker.id, "up");
}

/// A host that has ended its session says so to its clients, and gives one that does not listen a
/// second. The next start waits for it instead of failing.
#[test]
fn a_client_that_is_stopped_is_no_failed_start() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &["first-ms=10"]);
    let gate = world.gate("gate");
    let script = format!("read x < {}; seq 1 300000; exit 1", gate.display());
    let worker = shell(&world, &script, Restart::OnFailure);
    let mut deaf = UnixStream::connect(worker.directory.join("sock")).unwrap();
    for text in
        [r#"{"type":"hello","proto":1,"min":1}"#, r#"{"type":"attach","columns":120,"rows":40}"#]
    {
        let length = u32::try_from(text.len()).unwrap().to_le_bytes();
        deaf.write_all(&[b"C", &length[..], text.as_bytes()].concat()).unwrap();
    }
    world.wait_until("attached", |host| {
        matches!(host.look(&worker.id).unwrap().state, State::Running(now) if now.clients == 1)
    });
    open_gate(&gate);
    daemon.wait_about("restarted", &worker);
    assert_eq!(daemon.count("starting"), 1, "{:#?}", daemon.told);
}

#[test]
fn of_fifty_at_once_one_stays() {
    let world = World::new(builtin);
    let mut all: Vec<Daemon> = (0..50).map(|_| Daemon::launch(&world, &[])).collect();
    let words: Vec<(u32, String)> =
        all.iter_mut().map(|daemon| (daemon.child.id(), daemon.wait_for(""))).collect();
    let stays = words.iter().filter(|(_, line)| line.starts_with("ready"));
    let [one] = stays.map(|(pid, _)| *pid).collect::<Vec<_>>()[..] else { panic!("{words:?}") };
    for (pid, line) in words.iter().filter(|(pid, _)| *pid != one) {
        assert_eq!(*line, format!("already\t{one}"), "{pid}");
    }
    assert_eq!(report(&world).pid, one);
    assert_eq!(stop_supervisor(&world.home()).unwrap(), Some(one));
    for daemon in &mut all {
        let is_one = daemon.child.id() == one;
        assert_eq!(daemon.child.wait().unwrap().code(), Some(i32::from(!is_one)));
    }
}

#[test]
fn what_has_ended_is_kept_for_its_time() {
    let world = World::new(builtin);
    let over = world.shell("exit 3");
    world.wait(&over.id);
    let runs = world.spawn(&["cat"]);
    let gate = world.gate("gate");
    let later = world.shell(&format!("read x < {}", gate.display()));
    let due = shell(&world, "exit 1", Restart::Always);
    let mut daemon = Daemon::start(&world, &["keep-ms=1", "first-ms=60000"]);
    daemon.wait_for("expired\t-\tcount=1");
    open_gate(&gate);
    daemon.wait_for("expired\t-\tcount=1");
    let mut left = world.left();
    left.retain(|name| !name.starts_with('.'));
    left.sort();
    let mut expected = [runs.id.as_str(), due.id.as_str()];
    expected.sort_unstable();
    assert_eq!(left, expected, "{} and {} are gone", over.id, later.id);
}

#[test]
fn it_does_not_wake_up_while_nothing_happens() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &["keep-ms=86400000"]);
    for _ in 0..3 {
        let worker = shell(&world, "exec cat", Restart::Always);
        daemon.wait_about("watching", &worker);
    }
    let over = world.shell("exit 0");
    world.wait(&over.id);
    // It has heard of all that by the time it answers, and sleeps a moment later.
    report(&world);
    report(&world);
    let pass = |time: &str| assert!(Command::new("sleep").arg(time).status().unwrap().success());
    pass("0.5");
    let switches = || {
        let text = std::fs::read_to_string(format!("/proc/{}/status", daemon.child.id())).unwrap();
        let found = text.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        found.unwrap().trim().parse::<u64>().unwrap()
    };
    let before = switches();
    pass("2");
    assert_eq!(switches(), before, "in two seconds");
}

#[test]
fn who_says_nothing_or_nonsense_keeps_nobody_waiting() {
    let world = World::new(builtin);
    let daemon = Daemon::start(&world, &[]);
    let socket = world.path().join("daemon/sock");
    let silent: Vec<_> = (0..40).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    assert_eq!(report(&world).pid, daemon.child.id());
    let say = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        stream.write_all(bytes).unwrap();
        let mut heard = Vec::new();
        _ = stream.read_to_end(&mut heard);
        String::from_utf8_lossy(&heard).into_owned()
    };
    assert_eq!(say(b"GET / HTTP/1.1\r\n\r\n"), "");
    assert_eq!(say(b"C\x02\0\0\0{}"), "");
    assert!(say(b"C\x10\0\0\0{\"type\":\"dance\"}").contains("unknown request"));
    drop(silent);
    assert_eq!(report(&world).version, env!("CARGO_PKG_VERSION"));
}

#[test]
fn files_of_tomorrow_and_broken_ones_are_left_alone() {
    let world = World::new(builtin);
    let newer = world.shell("read x; exit 1");
    let file = newer.directory.join("restart.json");
    std::fs::write(&file, r#"{"format":2,"policy":"lunar"}"#).unwrap();
    let broken = world.shell("read x; exit 1");
    std::fs::write(broken.directory.join("restart.json"), "{").unwrap();
    let without = shell(&world, "exit 1", Restart::Always);
    std::fs::remove_file(without.directory.join("environment")).unwrap();
    let mut daemon = Daemon::start(&world, &["first-ms=10"]);
    assert_eq!(daemon.count("problem"), 2);
    assert_eq!(field(&daemon.wait_about("failed", &without), "reason"), "environment");
    assert_eq!(daemon.count("starting"), 1);
    let stopped = supervisor::stop(&world.hosts(), &newer.id, StopPolicy::default()).unwrap();
    assert_eq!(stopped, Exit::Signal(15));
    assert!(std::fs::read_to_string(&file).unwrap().contains("lunar"));
}

#[test]
fn a_store_that_is_made_anew_is_watched() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &[]);
    let hosts = world.path().join("hosts");
    std::fs::remove_dir_all(&hosts).unwrap();
    let worker = shell(&world, "exec cat", Restart::Always);
    daemon.wait_about("watching", &worker);
}

/// It forks, which a process of several threads, as this one, must not.
#[test]
fn it_wants_a_process_of_its_own() {
    let world = World::new(builtin);
    let instance = supervisor::Instance::claim(&world.home()).unwrap();
    let options = supervisor::Options::default();
    let refused = supervisor::Supervisor::new(world.hosts(), instance, options, |_: &_| {});
    assert!(refused.unwrap_err().to_string().contains("several threads"));
    assert!(!is_running(&world.home()), "the place is free again");
}

/// Asked by a service manager to end, it does, and no session with it.
#[test]
fn a_signal_ends_it_and_no_session() {
    let world = World::new(builtin);
    let mut daemon = Daemon::start(&world, &[]);
    let worker = shell(&world, "exec cat", Restart::Always);
    daemon.wait_about("watching", &worker);
    let pid = rustix::process::Pid::from_child(&daemon.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(daemon.wait_for("leaving"), "leaving\t-\treason=signal");
    assert!(daemon.child.wait().unwrap().success());
    assert_eq!(program(&world, &worker), worker.program.unwrap().pid);
    let rows = Registry::at(world.home().sessions()).list();
    assert_eq!(rows.sessions.len(), 1, "it has signed out");
}
