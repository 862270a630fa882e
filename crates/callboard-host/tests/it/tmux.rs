//! What is the tmux host's own: a server, keepers in its panes, and what is left when either dies.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use callboard::{Home, Registry};
use callboard_host::{
    AttachOptions, AttachPlan, Detach, Error, Exit, Hosted, SessionHost, SpawnError, State,
    StopPolicy, Tmux,
};
use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;
use crate::world::{STAGE, World, copy_program, state_of, tmux};

/// The server of a world.
fn server(world: &World) -> u32 {
    let text = std::fs::read(world.path().join("hosts/.tmux/server.json")).unwrap();
    let file: serde_json::Value = serde_json::from_slice(&text).unwrap();
    u32::try_from(file["server"]["pid"].as_u64().unwrap()).unwrap()
}

fn signal(pid: u32, signal: Signal) {
    kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal).unwrap();
}

fn runs(pid: u32) -> bool {
    !matches!(state_of(pid), None | Some('Z' | 'X'))
}

/// What the server says to a command.
fn ask(world: &World, words: &[&str]) -> String {
    let sock = world.path().join("hosts/.tmux/sock");
    let said = Command::new("tmux").arg("-S").arg(sock).args(words).output().unwrap();
    String::from_utf8(said.stdout).unwrap()
}

fn keeper(session: &Hosted) -> u32 {
    session.host_process.unwrap().pid
}

fn clients(world: &World, session: &Hosted) -> usize {
    world.running(&session.id).clients
}

/// A client of a `cat` that is known to see and to be heard.
fn attached(world: &World, session: &Hosted) -> Client {
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.type_in("x\r");
    client.wait_for("x\nx");
    client
}

fn world_with(host: impl Fn(Tmux) -> Tmux) -> World {
    let mut world = World::new(tmux);
    world.host = Arc::new(host(Tmux::at(&world.home()).with_program(STAGE, ["__host"])));
    world
}

/// A program at a path.
fn script(path: &Path, text: &str) {
    let written = path.with_extension("text");
    std::fs::write(&written, text).unwrap();
    std::fs::set_permissions(&written, std::fs::Permissions::from_mode(0o755)).unwrap();
    copy_program(&written, path);
}

/// For who is to be killed, or may be: on a machine with much to do nobody ends in this time.
const AT_ONCE: StopPolicy = StopPolicy { grace: Some(Duration::from_millis(200)) };

/// The terminals are hung up; the keepers live and know what came of it.
#[test]
fn a_killed_server_is_no_unknown_end() {
    let world = World::new(tmux);
    let polite = world.spawn(&["cat"]);
    let stubborn = world.shell("trap '' HUP TERM; echo ready; while :; do sleep 1000; done");
    world.wait_for(&stubborn.id, "ready");
    let mut client = attached(&world, &polite);
    let killed = server(&world);
    testkit::kill(killed);
    testkit::wait_for_exit(killed);
    testkit::wait_for_exit(keeper(&polite));
    assert_eq!(world.host.exit(&polite.id).unwrap(), Some(Exit::Signal(1)));
    // Nobody has told its terminal what to do; the client's starter does.
    assert!(!client.finish().success() || client.text().contains("Ended(Signal(1))"));
    assert!(!client.screen.screen().alternate_screen(), "{}", client.text());

    // What ignores that its terminal is gone runs, and is shown to.
    world.running(&stubborn.id);
    let alive = Registry::at(world.home().sessions()).count().alive;
    assert_eq!(alive, 1, "the stubborn one");
    let mut client = Client::attach(world.path(), &stubborn.id, 80, 24);
    client.finish();
    assert!(client.text().contains("its tmux server is gone"), "{}", client.text());
    assert_eq!(world.host.detach(&stubborn.id, Detach::All).unwrap(), 0);
    assert!(matches!(world.host.remove(&stubborn.id), Err(Error::StillRunning { .. })));
    assert_eq!(world.host.stop(&stubborn.id, AT_ONCE).unwrap(), Exit::Signal(9));
    assert!(!runs(stubborn.program.unwrap().pid));

    // The next one has another.
    let next = world.spawn(&["cat"]);
    assert_ne!(server(&world), killed);
    assert!(runs(next.program.unwrap().pid));
    assert_eq!(Registry::at(world.home().sessions()).count().alive, 1);
}

#[test]
fn a_killed_keeper_is_one_session_lost() {
    let world = World::new(tmux);
    let other = world.spawn(&["cat"]);
    let polite = world.spawn(&["cat"]);
    let stubborn = world.shell("trap '' HUP; echo ready; while :; do sleep 1000; done");
    world.wait_for(&stubborn.id, "ready");
    for session in [&polite, &stubborn] {
        testkit::kill(keeper(session));
        testkit::wait_for_exit(keeper(session));
    }
    // tmux closes the pane, and the kernel hangs the terminal up.
    testkit::wait_for_exit(polite.program.unwrap().pid);
    for session in [&polite, &stubborn] {
        assert_eq!(world.host.look(&session.id).unwrap().state, State::Lost);
        let plan = world.host.attach(&session.id, &AttachOptions::default());
        assert!(matches!(
            plan.and_then(AttachPlan::run),
            Err(Error::NotRunning { state: "lost", .. } | Error::NoTerminal)
        ));
    }
    assert!(runs(stubborn.program.unwrap().pid));
    for session in [&polite, &stubborn] {
        assert_eq!(world.host.stop(&session.id, AT_ONCE).unwrap(), Exit::Lost);
        assert!(!runs(session.program.unwrap().pid));
        world.host.remove(&session.id).unwrap();
    }
    assert_eq!(world.left(), [other.id.as_str()]);
    assert_eq!(ask(&world, &["list-sessions", "-F", "x"]), "x\n");
    world.running(&other.id);
}

#[test]
fn keepers_and_server_killed_together() {
    let world = World::new(tmux);
    let session = world.shell("trap '' HUP; echo ready; while :; do sleep 1000; done");
    world.wait_for(&session.id, "ready");
    let server = server(&world);
    for pid in [keeper(&session), server] {
        signal(pid, Signal::STOP);
    }
    for pid in [keeper(&session), server] {
        testkit::kill(pid);
        testkit::wait_for_exit(pid);
    }
    assert_eq!(world.host.look(&session.id).unwrap().state, State::Lost);
    assert_eq!(world.host.stop(&session.id, AT_ONCE).unwrap(), Exit::Lost);
    assert!(!runs(session.program.unwrap().pid));
    world.host.remove(&session.id).unwrap();
    assert_eq!(world.left(), Vec::<String>::new());
}

#[test]
fn a_stopped_server_is_silent_and_not_lost() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let server = server(&world);
    signal(server, Signal::STOP);
    assert_eq!(world.host.look(&session.id).unwrap().state, State::Silent);
    let refused = world.host.detach(&session.id, Detach::All).unwrap_err();
    assert!(matches!(refused, Error::NoAnswer { .. }), "{refused}");
    // Stopping it takes no server.
    assert_eq!(world.host.stop(&session.id, StopPolicy::default()).unwrap(), Exit::Signal(15));
    signal(server, Signal::CONT);
}

/// It would wait for a word of the server, and has a terminal to give back.
#[test]
fn a_client_of_a_stopped_server_can_be_ended() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let mut client = attached(&world, &session);
    signal(server(&world), Signal::STOP);
    client.signal(Signal::TERM);
    client.wait_for("Signal(15)");
    signal(server(&world), Signal::CONT);
    client.finish();
    assert!(!client.screen.screen().alternate_screen());
    assert!(runs(session.program.unwrap().pid));
}

/// Its server would go on reading the terminal, whatever shell has it by then.
#[test]
fn a_client_ends_with_who_started_it() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let mut command = Command::new("setsid");
    let gate = world.gate("gate");
    let script = "\"$0\" attach \"$1\" \"$2\"; cat \"$3\"; read x; echo \"got <$x>\"";
    command.args(["--ctty", "--wait", "sh", "-c", script, STAGE]).arg(world.path());
    command.arg(session.id.as_str()).arg(&gate);
    let mut client = Client::start(&mut command, 80, 24);
    client.type_in("x\r");
    client.wait_for("x\nx");
    let starter = client.pid();
    let children = std::fs::read_to_string(format!("/proc/{starter}/task/{starter}/children"));
    let theirs: u32 = children.unwrap().trim().parse().unwrap();
    testkit::kill(starter);
    testkit::wait_for_exit(theirs);
    world.wait_until("left alone", |_| clients(&world, &session) == 0);
    std::fs::write(gate, "").unwrap();
    client.type_in("mine\r");
    client.wait_for("got <mine>");
    assert!(!client.screen.screen().alternate_screen());
}

/// tmux is told to close the pane: that is an end, and no detaching.
#[test]
fn a_pane_that_was_closed_by_hand_has_ended() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let mut client = attached(&world, &session);
    let panes = ask(&world, &["list-panes", "-a", "-F", "#{pane_id}"]);
    ask(&world, &["kill-pane", "-t", panes.lines().next().unwrap()]);
    assert!(client.finish().success());
    assert!(client.text().contains("[Ok(Ended(Signal(1)))]"), "{}", client.text());
    assert_eq!(world.wait(&session.id), Exit::Signal(1));
}

/// Something has cleaned the directory up.
#[test]
fn a_socket_that_was_removed_is_made_again() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let running = server(&world);
    let remove = || std::fs::remove_file(world.path().join("hosts/.tmux/sock")).unwrap();
    remove();
    let _client = attached(&world, &session);
    remove();
    assert_eq!(clients(&world, &session), 1);
    remove();
    let other = world.spawn(&["cat"]);
    world.running(&other.id);
    assert_eq!(server(&world), running, "and not another server");
}

/// Started by whoever came first, in whatever environment; no command line ever had more than
/// where to meet.
#[test]
fn the_server_knows_nothing_of_its_first_client() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some(), "what would be inherited");
    let world = World::new(tmux);
    let env = world.env().with("API_KEY", "s3cret");
    let session = world.host.spawn(&world.spec(&["cat"]).env(env)).unwrap();
    let mut command = Command::new(STAGE);
    command.arg("attach").arg(world.path()).arg(session.id.as_str()).env("API_KEY", "s3cret");
    let mut client = Client::start(&mut command, 80, 24);
    client.type_in("x\r");
    client.wait_for("x\nx");
    for pid in [server(&world), keeper(&session)] {
        for file in ["environ", "cmdline"] {
            let text = std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(!text.contains("s3cret") && !text.contains("CARGO"), "{file}: {text}");
        }
    }
    let known = ask(&world, &["show-environment", "-g"])
        + &ask(&world, &["list-sessions", "-F", "#{session_name}"])
            .lines()
            .map(|name| ask(&world, &["show-environment", "-t", &format!("={name}")]))
            .collect::<String>();
    assert!(!known.contains("s3cret") && !known.contains("CARGO"), "{known}");
    let mut files: Vec<String> = std::fs::read_dir(world.path().join("hosts/.tmux"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort_unstable();
    assert_eq!(files, ["conf", "lock", "server.json", "sock"]);
}

/// Nothing that people choose is a command, a format or a target.
#[test]
fn names_are_only_names() {
    let mut world = World::new(tmux);
    let home = world.path().join("a;b #(touch here) '$(touch here)' %H;");
    std::fs::create_dir(&home).unwrap();
    let evil = "x; kill-server #(touch here) =callboard:0.%1";
    world.host = tmux(&Home::at(&home));
    let spec = world.spec(&["sh", "-c", "echo \"$0\"; cat", evil]).name(evil);
    let session = world.host.spawn(&spec).unwrap();
    world.wait_for(&session.id, evil);
    let hint = format!("hint={evil}");
    let mut client = Client::with(&home, &session.id, 120, 24, &[&hint]);
    client.wait_for("x; kill-server #(touch here) =callboard:0.%1");
    client.wait_until("twice", |client| client.text().matches("kill-server").count() == 2);
    // One session's id may be how another's begins.
    let id = |text: &str| callboard_host::HostedId::parse(text).unwrap();
    let long = world.host.spawn(&world.spec(&["cat"]).id(id("job-12"))).unwrap();
    let short = world.host.spawn(&world.spec(&["cat"]).id(id("job-1"))).unwrap();
    assert_eq!(world.host.stop(&short.id, StopPolicy::default()).unwrap(), Exit::Signal(15));
    world.host.remove(&short.id).unwrap();
    assert!(runs(long.program.unwrap().pid));
    for dir in [world.path(), &home, &home.join("hosts/.tmux"), Path::new("/")] {
        assert!(!dir.join("here").exists(), "in {}", dir.display());
    }
    drop(client);
    for session in world.host.list().sessions {
        world.host.stop(&session.id, AT_ONCE).unwrap();
    }
}

#[test]
fn a_home_whose_path_is_too_long_for_a_socket() {
    let mut world = World::new(tmux);
    let home = world.path().join("d".repeat(120)).join("e".repeat(120));
    std::fs::create_dir_all(&home).unwrap();
    world.host = tmux(&Home::at(&home));
    let session = world.spawn(&["cat"]);
    let mut client = Client::attach(&home, &session.id, 80, 24);
    client.type_in("x\r");
    client.wait_for("x\nx");
    assert_eq!(clients(&world, &session), 1);
    assert_eq!(world.host.stop(&session.id, StopPolicy::default()).unwrap(), Exit::Signal(15));
}

#[test]
fn in_a_tmux_of_the_users() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let sock = world.path().join("users");
    let mut command = Command::new("tmux");
    command.arg("-S").arg(&sock).args(["-f", "/dev/null", "new-session", STAGE, "attach"]);
    command.arg(world.path()).arg(session.id.as_str()).env("TERM", "xterm-256color");
    let mut client = Client::start(command.env_remove("TMUX"), 80, 24);
    client.type_in("inner\r");
    client.wait_for("inner\ninner");
    assert_eq!(clients(&world, &session), 1);
    client.type_in("\x1c");
    client.finish();
    world.wait_until("left alone", |_| clients(&world, &session) == 0);
    assert!(runs(session.program.unwrap().pid));
}

#[test]
fn a_tmux_that_will_not_do_is_said_to_be_one() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("tmux");
    let old = path.clone();
    let world = world_with(|host| host.with_tmux(&old));
    for (text, why) in [
        (None, "install tmux 3.2 or newer"),
        (Some("echo tmux 2.9a"), "tmux 2.9a is too old; 3.2 or newer is needed"),
        (Some("exit 1"), "install tmux"),
    ] {
        if let Some(text) = text {
            script(&path, &format!("#!/bin/sh\n{text}\n"));
        }
        let reason = world.host.probe().unwrap_err().to_string();
        assert!(
            reason.contains("the tmux host cannot be used") && reason.contains(why),
            "{reason}"
        );
        let refused = world.host.spawn(&world.spec(&["cat"])).unwrap_err();
        assert!(matches!(&refused, SpawnError::Unavailable(_)), "{refused:?}");
        assert!(refused.to_string().contains(why), "{refused}");
    }
    assert_eq!(world.left(), Vec::<String>::new());
    assert!(World::new(tmux).host.probe().unwrap().version.starts_with(['3', '4', 'n', 'm']));
}

/// Client and server of two versions fail in odd ways; the server's own program is the client.
#[test]
fn a_tmux_that_was_replaced_serves_what_it_started() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("tmux");
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|dir: PathBuf| dir.join("tmux"))
        .find(|path| path.exists());
    copy_program(&found.unwrap(), &path);
    let world = world_with(|host| host.with_tmux(&path));
    let session = world.spawn(&["cat"]);
    std::fs::remove_file(&path).unwrap();
    script(&path, "#!/bin/sh\necho 'open terminal failed: not a terminal' >&2; exit 1\n");
    let mut client = attached(&world, &session);
    assert_eq!(clients(&world, &session), 1);
    let other = world.spawn(&["cat"]);
    assert_eq!(world.host.detach(&session.id, Detach::LastTypist).unwrap(), 1);
    assert!(client.finish().success());
    assert_eq!(world.host.stop(&other.id, StopPolicy::default()).unwrap(), Exit::Signal(15));
}

/// Whoever ends last turns off the light.
#[test]
fn the_server_ends_with_the_last_session() {
    let world = World::new(tmux);
    let (one, two) = (world.spawn(&["cat"]), world.spawn(&["true"]));
    let first = server(&world);
    world.wait(&two.id);
    world.host.remove(&two.id).unwrap();
    assert!(runs(first));
    let mut client = attached(&world, &one);
    world.host.stop(&one.id, StopPolicy::default()).unwrap();
    assert!(!runs(first));
    client.finish();
    assert!(client.text().contains("Ended(Signal(15))"), "{}", client.text());
    assert!(!client.screen.screen().alternate_screen());
    // One that ended by itself is let go when it is removed.
    let last = world.spawn(&["true"]);
    let second = server(&world);
    world.wait(&last.id);
    world.host.remove(&last.id).unwrap();
    assert!(!runs(second));
}

/// What is left of a program has the terminal, and still there is an end of what was printed.
#[test]
fn all_that_was_printed_is_in_the_log_although_somebody_has_the_terminal() {
    let world = World::new(tmux);
    let script = "trap '' HUP; sleep 1000 & echo $!; seq 1 5000; exit 3";
    let session = world.shell(script);
    assert_eq!(world.wait(&session.id), Exit::Code(3));
    let log = world.log(&session.id);
    let (left, rest) = log.split_once('\n').unwrap();
    let left: u32 = left.parse().unwrap();
    assert!(runs(left), "it was left on purpose");
    testkit::kill(left);
    let expected: String = (1..=5000).map(|number| format!("{number}\n")).collect();
    assert!(rest == expected, "{} lines, the last {:?}", rest.lines().count(), rest.lines().last());
}

/// A starter that was killed has left where it would have met its keeper.
#[test]
fn a_meeting_that_nobody_came_to_goes_with_the_server() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let left = world.path().join("hosts/.tmux/0a1b2c3d.start");
    std::fs::create_dir(&left).unwrap();
    let other = world.spawn(&["cat"]);
    assert!(left.exists(), "somebody may be on the way to it");
    for session in [session, other] {
        world.host.stop(&session.id, AT_ONCE).unwrap();
    }
    assert!(!left.exists());
}

#[test]
fn a_start_that_fails_leaves_no_server() {
    let world = World::new(tmux);
    let refused = world.host.spawn(&world.spec(&["/nonexistent/program"])).unwrap_err();
    assert!(matches!(refused, SpawnError::NotFound { .. }), "{refused:?}");
    assert!(!world.path().join("hosts/.tmux/server.json").exists());
    assert_eq!(ask(&world, &["list-sessions"]), "");
}

/// The size is that of the last who could type, also for those who look later, and nothing is left
/// of a client in tmux.
#[test]
fn lookers_find_the_size_that_they_see() {
    let world = World::new(tmux);
    let session = world.spawn(&["cat"]);
    let mut client = Client::attach(world.path(), &session.id, 90, 30);
    client.type_in("x\r");
    client.wait_for("x\nx");
    client.type_in("\x1c");
    assert!(client.finish().success());
    assert_eq!(ask(&world, &["list-sessions", "-F", "x"]), "x\n");
    let mut looker = Client::with(world.path(), &session.id, 60, 20, &["read-only"]);
    looker.wait_for("x\nx");
    let size = world.running(&session.id).size;
    assert_eq!((size.columns, size.rows), (90, 30));
    looker.type_in("\x1c");
    assert!(looker.finish().success());
    assert_eq!(ask(&world, &["list-sessions", "-F", "x"]), "x\n");
}

/// Limits and umask are those of each starter, and not of the first.
#[test]
fn a_session_inherits_of_its_own_starter() {
    let world = World::new(tmux);
    let first = world.spawn(&["cat"]);
    let script = "umask 027; ulimit -Sn 77; ulimit -c 0; exec \"$0\" start \"$1\" \
                  'umask; ulimit -Sn; ulimit -c; ulimit -Hn'";
    let started =
        Command::new("sh").args(["-c", script, STAGE]).arg(world.path()).output().unwrap();
    let id = String::from_utf8(started.stdout).unwrap();
    let id = callboard_host::HostedId::parse(id.trim()).unwrap();
    world.wait(&id);
    let log = world.log(&id);
    assert!(log.starts_with("0027\n77\n0\n") && !log.ends_with("\n77\n"), "{log}");
    assert!(runs(first.program.unwrap().pid));
}

/// A session whose program prints something and ends while tmux stands still.
fn ended_while_tmux_stands_still(world: &World, printing: &str) -> Hosted {
    let gate = world.gate("gate");
    let session = world.shell(&format!("cat {}; {printing}; exit 3", gate.display()));
    signal(server(world), Signal::STOP);
    std::fs::write(&gate, "").unwrap();
    testkit::wait_for_exit(session.program.unwrap().pid);
    // A keeper that did not wait would have ended before it answered.
    assert!(world.host.look(&session.id).unwrap().state.is_live());
    signal(server(world), Signal::CONT);
    assert_eq!(world.wait(&session.id), Exit::Code(3));
    session
}

/// Who ends while tmux is slow has printed all that it has printed.
#[test]
fn what_tmux_still_has_is_waited_for() {
    let world = World::new(tmux);
    let session = ended_while_tmux_stands_still(&world, "echo last words");
    assert_eq!(world.log(&session.id), "last words\n");
}

/// The same where the last that it printed has filled the terminal, which has no room for a mark.
#[test]
fn what_has_filled_the_terminal_is_waited_for() {
    let world = World::new(tmux);
    let fill = "seq 1 99999 | dd of=/dev/tty oflag=nonblock bs=1 2> told";
    let session = ended_while_tmux_stands_still(&world, fill);
    let told = std::fs::read_to_string(world.path().join("told")).unwrap();
    let printed = told.lines().find_map(|line| line.strip_suffix("+0 records out")).unwrap();
    let all: String = (1..=99_999).map(|number| format!("{number}\n")).collect();
    let printed = &all[..printed.parse().unwrap()];
    assert!(printed.len() > 1000, "{told}");
    assert_eq!(world.log(&session.id).trim_end(), printed.trim_end());
}

/// The builtin's sessions are none of its own, and the other way round.
#[test]
fn each_host_has_its_own_sessions() {
    let world = World::new(tmux);
    let builtin = crate::world::builtin(&world.home());
    let (ours, theirs) = (world.spawn(&["cat"]), builtin.spawn(&world.spec(&["cat"])).unwrap());
    let ids = |host: &dyn SessionHost| -> Vec<String> {
        host.list().sessions.iter().map(|session| session.id.to_string()).collect()
    };
    assert_eq!(ids(&*world.host), [ours.id.as_str()]);
    assert_eq!(ids(&*builtin), [theirs.id.as_str()]);
    assert!(matches!(builtin.look(&ours.id), Err(Error::NoSession { .. })));
    assert!(matches!(world.host.stop(&theirs.id, AT_ONCE), Err(Error::NoSession { .. })));
    let both = world.hosts().with(builtin);
    assert_eq!(both.list().sessions.len(), 2);
    assert_eq!(both.host_of(&ours.id).unwrap().kind().as_str(), "tmux");
    both.host_of(&theirs.id).unwrap().stop(&theirs.id, AT_ONCE).unwrap();
}
