//! The supervisor as people, scripts and service managers use it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::hosting::Hosting;
use crate::world::{Ran, callboard, ran};

/// A running supervisor; killed when dropped.
struct Daemon {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Daemon {
    /// Starts it and waits until it has looked at everything.
    fn start(world: &Hosting, arguments: &[&str]) -> Self {
        let mut command = world.callboard(["daemon", "run"]);
        Self::run(command.args(arguments))
    }

    fn run(command: &mut Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let mut daemon = Self { child, log };
        daemon.wait_for("event=ready ");
        daemon
    }

    /// Waits for a line with this text.
    fn wait_for(&mut self, text: &str) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.log.read_line(&mut line).unwrap() > 0, "`{text}` is not in:\n{all}");
            if line.contains(text) {
                return line;
            }
            all.push_str(&line);
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Runs `run -d` with more options, a name and a script.
fn start(world: &Hosting, options: &[&str], name: &str, script: &str) -> Ran {
    let mut command = world.callboard(["run", "-d", "--name", name]);
    command.args(options).args(["--", "sh", "-c", script]);
    ran(command.env("CB", callboard()).env("KEY", "first").output().unwrap())
}

fn gate(world: &Hosting) -> std::path::PathBuf {
    let gate = world.path("work/gate");
    let mode = rustix::fs::Mode::from_bits_retain(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, mode).unwrap();
    gate
}

fn open(gate: &Path) {
    std::fs::OpenOptions::new().write(true).open(gate).unwrap().write_all(b"\n").unwrap();
}

#[test]
fn a_session_with_a_policy_from_its_start_to_its_stop() {
    let world = Hosting::new();
    let gate = gate(&world);
    let script = "echo \"key $KEY\"; read x < gate; exit 3";
    let started = start(&world, &["--restart", "on-failure"], "api", script);
    assert_eq!(started.code, Some(0), "{started:?}");
    assert!(started.err.contains("no supervisor runs"), "{}", started.err);
    assert!(started.err.contains("`callboard daemon run`"), "{}", started.err);
    assert_eq!(started.err.lines().count(), 1);
    let id = started.out.trim_end();
    assert_eq!(world.row("api")["kind"], "daemon-worker");
    assert_eq!(world.run("daemon status").code, Some(1));

    let mut daemon = Daemon::start(&world, &[]);
    let told = world.ok("daemon status");
    assert!(told.contains(&format!("the supervisor runs, pid {},", daemon.child.id())), "{told}");
    assert!(told.contains("1 running, 0 due to start again, 0 failed"), "{told}");
    let row = world.row("supervisor");
    assert_eq!((&row["kind"], &row["pid"]), (&"daemon".into(), &daemon.child.id().into()));
    // With one that runs, there is nothing to be said.
    let quiet = start(&world, &["--restart", "always"], "other", "exec cat");
    assert_eq!((quiet.code, &*quiet.err), (Some(0), ""));

    open(&gate);
    let line = daemon.wait_for("event=due ");
    // Nothing is started meanwhile.
    daemon.signal(Signal::STOP);
    assert!(
        line.starts_with("time=2") && line.contains(&format!(" session={id} name=api ")),
        "{line}"
    );
    assert!(line.contains("exit=\"exit code 3\" in_ms="), "{line}");
    assert_eq!(world.row("api")["host"]["restart"]["standing"], "due");
    assert!(world.row("api")["host"]["restart"]["nextStart"].is_number());
    assert!(world.ok("show api").contains("on-failure, next start at 2"));
    world.ok("rm --all");
    daemon.signal(Signal::CONT);
    daemon.wait_for("event=restarted ");
    let restart = &world.row("api")["host"]["restart"];
    assert_eq!((&restart["restarts"], &restart["policy"]), (&1.into(), &"on-failure".into()));
    assert!(world.ok("show api").contains("on-failure, started again once"));
    world.printed(id, 2);

    assert_eq!(world.ok("stop api"), "api\tsignal 15\n");
    daemon.wait_for("event=stopped ");
    assert!(world.ok("show api").contains("on-failure, stopped by hand"));
    assert_eq!(world.row("api")["host"]["restart"]["standing"], "stopped");
    // A person starts it again, with what was kept, or with something else.
    world.ok("restart api");
    daemon.wait_for("event=watching ");
    world.printed(id, 3);
    let mut command = world.callboard(["restart", "--update-env", "api"]);
    assert_eq!(ran(command.env("KEY", "second").output().unwrap()).code, Some(0));
    world.printed(id, 4);
    world.ok("stop api");
    assert_eq!(world.ok("logs api"), "key first\nkey first\nkey first\nkey second\n");

    world.ok("daemon stop");
    assert!(daemon.child.wait().unwrap().success());
    assert_eq!(world.names(), ["other"], "it runs on");
    let ran = world.run("daemon stop");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("no supervisor runs here; `callboard daemon run`"), "{}", ran.err);
    assert_eq!(world.ok("rm api"), "");
}

#[test]
fn what_cannot_be_started_again_says_why() {
    let world = Hosting::new();
    let gate = gate(&world);
    let mut daemon = Daemon::start(&world, &[]);
    let below = world.path("work/below");
    std::fs::create_dir(&below).unwrap();
    let script = format!("read x < {}", gate.display());
    start(&world, &["--restart", "always", "--dir", "below"], "job", &script);
    std::fs::remove_dir(&below).unwrap();
    open(&gate);
    assert!(daemon.wait_for("event=failed ").contains("reason=cwd text=\"cannot start in /"));
    let restart = &world.row("job")["host"]["restart"];
    assert_eq!((&restart["standing"], &restart["reason"]), (&"failed".into(), &"cwd".into()));
    assert_eq!(restart["restarts"], 0);
    for line in ["show job", "daemon status"] {
        assert!(world.ok(line).contains("failed (cwd): cannot start in /"), "{line}");
    }
    let json: serde_json::Value = serde_json::from_str(&world.ok("daemon status --json")).unwrap();
    let pid = daemon.child.id();
    assert_eq!(
        (&json["running"], &json["pid"], &json["failed"]),
        (&true.into(), &pid.into(), &1.into())
    );
    std::fs::create_dir(&below).unwrap();
    world.ok("restart job");
    daemon.wait_for("event=watching ");
    assert_eq!(world.row("job")["host"]["restart"]["standing"], "watched");

    // 127 is what a shell says, and no reason to ask it again.
    start(&world, &["--restart", "always"], "typo", "no-such-program");
    assert!(daemon.wait_for("event=failed ").contains("reason=exit-code"));
    // One that waits for its next start is stopped with all others.
    start(&world, &["--restart", "always"], "again", "exit 1");
    daemon.wait_for("event=due ");
    daemon.signal(Signal::STOP);
    assert!(world.ok("stop --all --grace 0").contains("again\texit code 1\n"));
    assert_eq!(world.row("again")["host"]["restart"]["standing"], "stopped");
    assert_eq!(world.row("typo")["host"]["restart"]["standing"], "failed");
}

#[test]
fn there_is_one_and_it_can_be_killed() {
    let world = Hosting::new();
    let mut first = Daemon::start(&world, &[]);
    let ran = world.run("daemon run");
    assert_eq!((ran.code, &*ran.out), (Some(1), ""));
    let says = format!("runs already, pid {}; `callboard daemon status`", first.child.id());
    assert!(ran.err.contains(&says), "{}", ran.err);
    start(&world, &["--restart", "always"], "worker", "exec cat");
    first.wait_for("event=watching ");
    // One that does not answer is not one that is not there.
    first.signal(Signal::STOP);
    let silent = world.run("daemon status");
    assert_eq!(silent.code, Some(4), "{silent:?}");
    assert!(silent.err.contains("talk to the supervisor over"), "{}", silent.err);
    first.signal(Signal::CONT);
    let pid = world.row("worker")["pid"].clone();
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    assert_eq!(world.run("daemon status --json").code, Some(1));
    let mut second = Daemon::start(&world, &[]);
    assert_eq!(world.row("worker")["pid"], pid);
    second.signal(Signal::TERM);
    second.wait_for("event=leaving reason=signal");
    assert!(second.child.wait().unwrap().success());
    assert_eq!(world.row("worker")["pid"], pid);
}

#[test]
fn ended_sessions_are_kept_as_long_as_was_asked_for() {
    let world = Hosting::new();
    let id = world.start("over", "exit 3");
    world.wait(&id);
    let mut daemon = Daemon::start(&world, &["--keep-ended", "0"]);
    daemon.wait_for("event=expired count=1");
    assert_eq!(world.left(), Vec::<String>::new());
    drop(daemon);
    // Without a word from anybody, they stay.
    let id = world.start("stays", "exit 3");
    world.wait(&id);
    let _daemon = Daemon::start(&world, &[]);
    assert_eq!(world.left(), [id]);
}

#[test]
fn a_session_is_ready_when_it_says_so() {
    let world = Hosting::new();
    let idle = "\"$CB\" update --status busy; \"$CB\" update --status idle; exec cat";
    let waiting = "\"$CB\" update --status waiting --waiting-for you; exec cat";
    let line = "printf 'starting\\nlisten\\033[1ming\\033[m on 80\\n'; exec cat";
    let fits = ["--ready-line", "^listening on [0-9]+$"];
    for (options, script, code, says) in [
        (&[][..], idle, 0, ""),
        (&[], waiting, 0, ""),
        (&[], "exit 5", 1, "ended before it was ready: exit code 5; `callboard logs"),
        (&["--timeout", "0.2"], "exec cat", 124, "is not ready yet, and runs on"),
        (&fits, line, 0, ""),
        (&fits, "echo listening on eighty; exit 0", 1, "ended before it was ready: exit code 0"),
        (&fits, "echo listening on 80; exit 7", 0, ""),
        (&[fits[0], fits[1], "--timeout", "0.2"], "echo no; exec cat", 124, "is not ready yet"),
    ] {
        let ran = start(&world, &[&["--wait-ready"], options].concat(), "server", script);
        assert_eq!(ran.code, Some(code), "{script}: {ran:?}");
        let is_told = if says.is_empty() { ran.err.is_empty() } else { ran.err.contains(says) };
        assert!(is_told, "{script}: {ran:?}");
        assert_eq!(ran.out.trim_end().len(), 8, "its id, in any case: {ran:?}");
    }
    assert_eq!(world.ps().len(), 5, "who waits no longer has ended nothing");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let world = Hosting::new();
    for (line, says) in [
        ("run --restart always -- true", "--detach"),
        ("run -d --restart sometimes -- true", "not a policy; there are never, on-failure"),
        ("run -d --ready-line x -- true", "--wait-ready"),
        ("run -d --wait-ready --ready-line ( -- true", "--ready-line"),
        ("run -d --timeout 1 -- true", "--wait-ready"),
        ("daemon", "Usage"),
        ("daemon install", "--print"),
        ("daemon install --print cron", "systemd"),
        ("daemon run --keep-ended long", "not a length of time"),
        ("--registry x daemon run", "give --home instead"),
    ] {
        let ran = world.run(line);
        assert_eq!((ran.code, &*ran.out), (Some(2), ""), "{line}: {}", ran.err);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
    let mut sub_agent = world.callboard(["run", "-d", "--wait-ready", "--", "cat"]);
    let refused = ran(sub_agent.env("CALLBOARD_SUBAGENT_OF", "x").output().unwrap());
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("no status on the board to wait for; give --ready-line"));
    assert_eq!(world.left(), Vec::<String>::new());
    // Without a policy, there is none, and nothing is kept.
    let plain = start(&world, &["--restart", "never"], "plain", "exec cat");
    assert_eq!((plain.code, &*plain.err), (Some(0), ""));
    let directory = world.path("board/hosts").join(plain.out.trim_end());
    assert!(!directory.join("restart.json").exists() && !directory.join("environment").exists());
    assert!(world.row("plain")["host"]["restart"].is_null());
    assert_eq!(world.row("plain")["kind"], "bg");
}

/// As systemd starts it: told when it is ready, and where its lines go.
#[test]
fn a_service_manager_hears_how_it_is() {
    let world = Hosting::new();
    let (socket, log) = (world.path("tmp/notify"), world.path("tmp/log"));
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(std::time::Duration::from_secs(40))).unwrap();
    let hear = || {
        let mut text = [0; 64];
        let length = manager.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    let journal = std::fs::File::create(&log).unwrap();
    let found = journal.metadata().unwrap();
    let mut command = world.callboard(["daemon", "run"]);
    command.env("NOTIFY_SOCKET", &socket).stderr(journal);
    command.env("JOURNAL_STREAM", format!("{}:{}", found.dev(), found.ino()));
    let mut daemon = command.spawn().unwrap();
    assert_eq!(hear(), "READY=1");
    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    assert_eq!(hear(), "STOPPING=1");
    assert!(daemon.wait().unwrap().success());
    let pid = daemon.id();
    let expected = format!(
        "<6>event=ready pid={pid} adopted=0 due=0 failed=0\n<6>event=leaving reason=signal\n"
    );
    assert_eq!(std::fs::read_to_string(log).unwrap(), expected);
}

/// Nobody reads its log: it goes on, and drops lines instead of waiting.
#[test]
fn a_log_that_nobody_reads_stops_nothing() {
    let world = Hosting::new();
    let (read, write) = rustix::pipe::pipe().unwrap();
    // Full.
    rustix::io::ioctl_fionbio(&write, true).unwrap();
    while rustix::io::write(&write, &[b'x'; 4096]).is_ok() {}
    rustix::io::ioctl_fionbio(&write, false).unwrap();
    let mut command = world.callboard(["daemon", "run"]);
    let mut daemon = command.stderr(write).spawn().unwrap();
    drop(command);
    let arrivals = world.arrivals();
    let is_there = || world.run("daemon status").code == Some(0);
    if !is_there() {
        // It signs in after it has bound its socket.
        arrivals.wait();
    }
    assert!(is_there());
    world.ok("daemon stop");
    assert!(daemon.wait().unwrap().success());
    drop(read);
}

#[test]
fn the_unit_is_one() {
    let world = Hosting::new();
    let unit = world.ok("daemon install --print systemd");
    for line in [
        &*format!("ExecStart={} daemon run", callboard().display()),
        "Type=notify",
        "KillMode=process",
        "WantedBy=default.target",
    ] {
        assert!(unit.lines().any(|found| found == line), "{line} in\n{unit}");
    }
    let file = world.path("tmp/callboard-daemon.service");
    std::fs::write(&file, unit).unwrap();
    let mut verify = world.command("systemd-analyze");
    verify.args(["verify", "--user"]).arg(file).env("XDG_RUNTIME_DIR", world.path("tmp"));
    match verify.output() {
        Ok(output) => {
            let verified = ran(output);
            assert_eq!((verified.code, &*verified.err), (Some(0), ""), "{verified:?}");
        }
        // A system without systemd has no use for the unit.
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound),
    }
    let agent = world.ok("daemon install --print launchd");
    assert!(agent.contains(&format!("<string>{}</string>", callboard().display())), "{agent}");
    assert_eq!(agent.matches('<').count(), agent.matches('>').count());
}

#[test]
fn doctor_says_what_a_logout_does() {
    let world = Hosting::new();
    let ran = world.run("doctor");
    assert_eq!(ran.out.lines().filter(|line| line.contains(" logout ")).count(), 1, "{ran:?}");
}

/// `systemctl --user restart` ends no session, also not those that are in the unit. What a logout
/// with `KillUserProcesses=yes` leaves is not tested: that needs a logind.
#[test]
fn systemd_restarts_it_and_every_session_lives() {
    let manager = match Manager::start() {
        Some(manager) => manager,
        // A system without systemd has no use for the unit.
        None => return,
    };
    let mut command = manager.inside(&std::env::current_exe().unwrap());
    let ran = ran(command
        .args(["--exact", "daemon::within_systemd", "--ignored", "--nocapture"])
        .output()
        .unwrap());
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.out, ran.err);
    assert!(ran.out.contains("1 passed"), "{}", ran.out);
}

/// A systemd of the user's in a world of its own: file systems that are mounted for it alone.
struct Manager {
    process: Child,
    cgroup: String,
}

const SYSTEMD: &str = "/usr/lib/systemd/systemd";
const RUNTIME: &str = "/run/user/0";

impl Manager {
    /// `None` where there is none.
    fn start() -> Option<Self> {
        if !Path::new(SYSTEMD).exists() {
            return None;
        }
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("notify");
        let heard = UnixDatagram::bind(&socket).unwrap();
        heard.set_read_timeout(Some(std::time::Duration::from_secs(60))).unwrap();
        let cgroup = format!("callboard-test-{}", std::process::id());
        // The directory in /run is what tells that the machine runs systemd.
        let script = format!(
            "umount -l /sys/fs/cgroup/* /sys/fs/cgroup 2>&1; mount -t cgroup2 none /sys/fs/cgroup && \
             mkdir /sys/fs/cgroup/{cgroup} && echo $$ > /sys/fs/cgroup/{cgroup}/cgroup.procs && \
             mount -t tmpfs none /run && mkdir -p /run/systemd/system {RUNTIME} && \
             chmod 700 {RUNTIME} && exec {SYSTEMD} --user --unit=basic.target"
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
        command.env("XDG_RUNTIME_DIR", RUNTIME).env("NOTIFY_SOCKET", socket);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let manager = Self { process: command.spawn().unwrap(), cgroup };
        let mut text = [0; 4096];
        loop {
            let length = heard.recv(&mut text).expect("the manager is ready");
            if String::from_utf8_lossy(&text[..length]).lines().any(|line| line == "READY=1") {
                return Some(manager);
            }
        }
    }

    /// A command that sees that world.
    fn inside(&self, program: &Path) -> Command {
        let mut command = Command::new("nsenter");
        command.arg("--mount").arg(format!("--target={}", self.process.id())).arg("--");
        command.arg(program).env("XDG_RUNTIME_DIR", RUNTIME);
        command
    }
}

impl Drop for Manager {
    /// It ends with all of its units, and its groups with it.
    fn drop(&mut self) {
        _ = kill_process(Pid::from_child(&self.process), Signal::TERM);
        _ = self.process.wait();
        let script = format!(
            "mount -t cgroup2 none /mnt && find /mnt/{} -depth -type d -exec rmdir {{}} +",
            self.cgroup
        );
        let mut command = Command::new("unshare");
        _ = command.args(["--mount", "--propagation", "private", "sh", "-c", &script]).status();
    }
}

#[test]
#[ignore = "needs a systemd user manager; `systemd_restarts_it_and_every_session_lives` has one"]
fn within_systemd() {
    let world = Hosting::new();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").expect("a session of systemd's");
    let systemctl = |arguments: &[&str]| {
        let mut command = Command::new("systemctl");
        assert!(command.arg("--user").args(arguments).status().unwrap().success(), "{arguments:?}");
    };
    let name = format!("callboard-test-{}.service", std::process::id());
    let home = format!("Environment=CALLBOARD_HOME={}\n\n[Install]", world.path("board").display());
    let unit = world.ok("daemon install --print systemd").replace("\n[Install]", &home);
    let file = Path::new(&runtime).join("systemd/user").join(&name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, unit).unwrap();
    systemctl(&["daemon-reload"]);
    // Returns when it has said that it is ready.
    systemctl(&["start", &name]);
    let gate = gate(&world);
    for (name, script) in [("plain", "exec cat"), ("again", "read x < gate; exit 1")] {
        assert_eq!(start(&world, &["--restart", "always"], name, script).err, "");
    }
    // One that it has started itself is in its unit.
    let arrivals = world.arrivals();
    open(&gate);
    arrivals.wait();
    assert_eq!(world.row("again")["host"]["restart"]["restarts"], 1);
    let pids = || ["plain", "again"].map(|name| world.row(name)["pid"].as_u64().unwrap());
    let before = pids();
    let groups = std::fs::read_to_string(format!("/proc/{}/cgroup", before[1])).unwrap();
    assert!(groups.contains(&name), "{groups}");
    systemctl(&["restart", &name]);
    assert_eq!(pids(), before);
    assert_eq!(world.row("again")["verdict"], "alive");
    let report: serde_json::Value =
        serde_json::from_str(&world.ok("daemon status --json")).unwrap();
    assert_eq!((&report["sessions"], &report["restarts"]), (&2.into(), &0.into()));
    systemctl(&["stop", &name]);
    assert_eq!(pids(), before);
    assert_eq!(world.run("daemon status").code, Some(1));
    std::fs::remove_file(file).unwrap();
}
