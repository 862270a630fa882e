//! A host that is forked off its starter and not executed: as separate from it as one that is.

use std::process::{Command, Output, Stdio};

use callboard_host::{Exit, Hosted, HostedId, State, StopPolicy};
use rustix::process::{Signal, WaitOptions, wait};

use crate::world::{STAGE, World, builtin};

const SECRET: &str = "hush-1f0e9a";

/// A process that starts a session, and ends.
fn starter(world: &World, how: &str, words: &[&str]) -> Command {
    let mut starter = Command::new(STAGE);
    starter.args(["fork", how]).arg(world.path()).args(words).current_dir(world.path());
    starter.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    starter.env("SECRET", SECRET).env("HOME", world.path()).stdin(Stdio::null());
    starter
}

/// What it has said: the id, and the host's pid.
fn started(output: &Output) -> (HostedId, u32) {
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let words: Vec<&str> = said.split_whitespace().collect();
    let [id, pid] = words[..] else { panic!("{output:?}") };
    (HostedId::parse(id).unwrap(), pid.parse().unwrap())
}

fn of_process(pid: u32, file: &str) -> String {
    String::from_utf8(std::fs::read(format!("/proc/{pid}/{file}")).unwrap()).unwrap()
}

/// The words that a process list shows.
fn words_of(pid: u32) -> Vec<String> {
    let shown = of_process(pid, "cmdline");
    shown.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Words, environment, descriptors, signals, directory: what others see of the host is its own.
#[test]
fn a_forked_host_shows_nothing_of_its_starter() {
    let world = World::new(builtin);
    let (read, write) = rustix::pipe::pipe().unwrap();
    let script = "echo \"heard $SECRET\"; exec cat";
    let output = {
        testkit::with_ignored(libc::SIGHUP);
        // Ends only when nobody has the starter's output any more.
        starter(&world, "alone", &["sh", "-c", script, "a-word-of-the-session"]).output().unwrap()
    };
    drop(write);
    assert_eq!(rustix::io::read(&read, &mut [0; 1][..]).unwrap(), 0, "it holds a pipe");
    drop(read);
    let (id, host) = started(&output);
    world.wait_for(&id, &format!("heard {SECRET}"));
    assert_eq!(words_of(host), ["callboard", "__host", id.as_str()]);
    let shown = of_process(host, "environ");
    assert_eq!(shown.trim_matches('\0'), "");
    assert_eq!(of_process(host, "comm"), "callboard-host\n");
    let link = |name: &str| std::fs::read_link(format!("/proc/{host}/{name}")).unwrap();
    assert_eq!(link("exe"), std::fs::canonicalize(STAGE).unwrap());
    assert_eq!(link("cwd").to_str(), Some("/"));
    for stream in ["fd/0", "fd/1", "fd/2"] {
        assert_eq!(link(stream).to_str(), Some("/dev/null"));
    }
    let status = of_process(host, "status");
    let mask = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    assert_eq!(mask("SigBlk:"), 0, "{status}");
    let pipe = 1 << (Signal::PIPE.as_raw() - 1);
    assert_eq!(mask("SigIgn:") & !(0b11 << 31), pipe, "{status}");
    assert_eq!(world.host.stop(&id, StopPolicy::default()).unwrap(), Exit::Signal(15));
    testkit::wait_for_exit(host);
}

/// Of one process, more than what fits into the place of its words is shown as one.
#[test]
fn a_starter_with_few_words_has_a_host_with_more() {
    let world = World::new(builtin);
    let link = world.path().join("s");
    std::os::unix::fs::symlink(STAGE, &link).unwrap();
    let mut starter = Command::new("./s");
    starter.args(["fork", "alone", ".", "cat"]).current_dir(world.path());
    starter.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let (id, host) = started(&starter.output().unwrap());
    assert_eq!(words_of(host).join(" "), format!("callboard __host {id}"));
}

/// Where a copy of the process would lack something, its hosts are executed, as ever.
#[test]
fn a_process_that_is_more_than_one_thread_executes_its_hosts() {
    for how in ["with-thread", "with-handler"] {
        let world = World::new(builtin);
        let output = starter(&world, how, &["cat"]).output().unwrap();
        let (id, host) = started(&output);
        assert_eq!(words_of(host), ["/proc/self/exe", "__host"], "{how}");
        assert_eq!(world.host.stop(&id, StopPolicy::default()).unwrap(), Exit::Signal(15));
    }
}

#[test]
fn a_forked_host_says_what_cannot_be_started() {
    let world = World::new(builtin);
    let output = starter(&world, "alone", &["/nonexistent/program"]).output().unwrap();
    assert_eq!(output.status.code(), Some(127), "{output:?}");
    assert_eq!(world.left(), [""; 0]);
}

/// Signals are heard, and the end is written down, as by any other.
#[test]
fn a_forked_host_that_is_asked_to_end_ends_its_session() {
    let world = World::new(builtin);
    let script = "trap 'echo bye; exit 9' TERM; echo ready; while :; do read x; done";
    let (id, host) = started(&starter(&world, "alone", &["sh", "-c", script]).output().unwrap());
    world.wait_for(&id, "ready");
    let pid = rustix::process::Pid::from_raw(host.cast_signed()).unwrap();
    rustix::process::kill_process(pid, Signal::TERM).unwrap();
    testkit::wait_for_exit(host);
    assert_eq!(world.host.exit(&id).unwrap(), Some(Exit::Code(9)));
}

/// Wherever the starter is killed: nothing has begun, or there is a session that runs.
#[test]
fn a_starter_killed_at_any_point_leaves_a_session_or_nothing() {
    let world = World::new(builtin);
    // Every host comes to this process when what has made it has ended.
    let own = rustix::process::getpid();
    rustix::process::set_child_subreaper(Some(own)).unwrap();
    // A starter takes some ms; where in it the signal hits is the scheduler's choice.
    for steps in 0..40 {
        let mut starter = starter(&world, "alone", &["cat"]).stdout(Stdio::null()).spawn().unwrap();
        for _ in 0..steps * 20 {
            std::fs::read("/proc/self/stat").unwrap();
        }
        starter.kill().unwrap();
        starter.wait().unwrap();
    }
    let runs = |session: &Hosted| matches!(session.state, State::Running(_));
    world.wait_until("all run", |host| {
        // The first process of each, which has ended.
        while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {}
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        let children = threads.map(|thread| {
            let list = thread.unwrap().path().join("children");
            std::fs::read_to_string(list).unwrap_or_default().split_whitespace().count()
        });
        let (hosts, sessions) = (children.sum::<usize>(), host.list().sessions);
        hosts == sessions.len() && sessions.iter().all(runs)
    });
    assert!(world.left().iter().all(|name| !name.starts_with('.')), "{:?}", world.left());
}
