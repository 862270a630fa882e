//! Starting, and how it ended.

use std::os::unix::fs::PermissionsExt as _;

use callboard::{Registry, Verdict};
use callboard_host::{Environment, Exit, HostedId, SpawnError, State};

use crate::world::World;

pub(super) fn what_cannot_be_started_leaves_nothing(world: &World) {
    let failed = |spec| world.host.spawn(&spec).unwrap_err();
    for argv in [&["/nonexistent/program"][..], &["no-such-program", "x"]] {
        let error = failed(world.spec(argv));
        assert!(matches!(error, SpawnError::NotFound { .. }), "{error:?}");
        assert_eq!(error.shell_code(), 127);
    }
    let text = world.path().join("text");
    std::fs::write(&text, "no program").unwrap();
    std::fs::set_permissions(&text, std::fs::Permissions::from_mode(0o600)).unwrap();
    let error = failed(world.spec(&["./text"]));
    assert!(matches!(error, SpawnError::NotExecutable { .. }), "{error:?}");
    assert_eq!(error.shell_code(), 126);
    let gone = world.path().join("gone");
    let error = failed(world.spec(&["true"]).cwd(&gone));
    assert!(matches!(&error, SpawnError::Directory { path, .. } if *path == gone), "{error:?}");
    assert!(error.is_permanent());
    assert!(matches!(failed(world.spec(&[])), SpawnError::Spec(_)));
    // One variable of more than 128 KiB is more than Linux passes on.
    let env = world.env().with("LONG", "x".repeat(200 << 10));
    assert!(matches!(failed(world.spec(&["true"]).env(env)), SpawnError::NotExecutable { .. }));
    assert_eq!(world.left(), Vec::<String>::new());
    assert_eq!(Registry::at(world.home().sessions()).count().alive, 0);
}

pub(super) fn how_it_ended_is_on_record(world: &World) {
    for (script, exit) in [
        ("exit 0", Exit::Code(0)),
        ("exit 3", Exit::Code(3)),
        ("exit 255", Exit::Code(255)),
        ("kill -KILL $$", Exit::Signal(9)),
        ("kill -TERM $$", Exit::Signal(15)),
    ] {
        let session = world.shell(script);
        assert_eq!(world.wait(&session.id), exit, "{script}");
        let seen = world.host.look(&session.id).unwrap();
        assert!(matches!(seen.state, State::Ended(ended) if ended.exit == exit), "{seen:?}");
        assert!(world.host.list().sessions.iter().any(|listed| listed.id == session.id));
    }
}

/// What a program says first is about somebody. How fast it is, is chance: many of them.
pub(super) fn it_is_on_the_board_before_its_first_word(world: &World) {
    let sessions = world.home().sessions();
    let looks = format!("[ -e '{}/'$$.json ]", sessions.display());
    let all: Vec<_> = (0..20).map(|_| world.shell(&looks)).collect();
    for session in all {
        assert_eq!(world.wait(&session.id), Exit::Code(0));
    }
    // One that is not executed was never there.
    let gone = world.spec(&["/nonexistent/program"]);
    assert!(world.host.spawn(&gone).is_err());
    assert!(Registry::at(sessions).list().sessions.is_empty());
}

pub(super) fn fifty_at_once_log_everything(world: &World) {
    if !world.host.caps().log {
        return;
    }
    let sessions: Vec<_> = std::thread::scope(|scope| {
        let start = || world.spawn(&["seq", "1", "2000"]);
        let all: Vec<_> = (0..50).map(|_| scope.spawn(start)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let expected: String = (1..=2000).map(|number| format!("{number}\n")).collect();
    for session in &sessions {
        assert_eq!(world.wait(&session.id), Exit::Code(0));
        assert!(world.log(&session.id) == expected, "{}", world.log(&session.id));
    }
}

pub(super) fn each_has_its_own_environment(world: &World) {
    let gate = world.gate("gate");
    let script = format!("echo [$FOO$BAR]; cat {}", gate.display());
    let start = |name: &str| {
        let env = world.env().with(name, format!("s3cret-{name}"));
        world.host.spawn(&world.spec(&["sh", "-c", &script]).env(env)).unwrap()
    };
    let (first, second) = (start("FOO"), start("BAR"));
    world.wait_for(&first.id, "[s3cret-FOO]");
    world.wait_for(&second.id, "[s3cret-BAR]");
    // Only the programs themselves have it: no host, no server, and no file.
    let own = std::process::id();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let programs = [first.program, second.program].map(|program| program.unwrap().pid);
        let read = |file| std::fs::read(entry.path().join(file)).unwrap_or_default();
        let has = |bytes: Vec<u8>| bytes.windows(6).any(|part| part == b"s3cret");
        if pid != own {
            assert!(!has(read("cmdline")), "on the command line of {pid}");
        }
        let stat = String::from_utf8_lossy(&read("stat")).into_owned();
        let below = programs.iter().any(|program| stat.contains(&format!(" {program} ")));
        if pid != own && !below && !programs.contains(&pid) {
            assert!(!has(read("environ")), "in the environment of {pid}: {stat}");
        }
    }
    for session in [&first, &second] {
        for entry in std::fs::read_dir(&session.directory).unwrap().flatten() {
            let text = std::fs::read(entry.path()).unwrap_or_default();
            let is_log = entry.file_name().to_string_lossy().starts_with("log");
            assert!(is_log || !text.windows(6).any(|part| part == b"s3cret"), "{entry:?}");
        }
    }

    let many: Vec<(String, String)> =
        (0..300).map(|number| (format!("LONG_{number}"), "x".repeat(1024))).collect();
    let env = many.into_iter().fold(world.env(), |env, (name, value)| env.with(name, value));
    let script = "env | grep -c ^LONG_; echo ${#LONG_299}";
    let session = world.host.spawn(&world.spec(&["sh", "-c", script]).env(env)).unwrap();
    world.wait(&session.id);
    assert_eq!(world.log(&session.id), "300\n1024\n");

    let session = world.host.spawn(&world.spec(&["env"]).env(Environment::exactly([("A", "b")])));
    // A program is found by the path that it is given, and by the system's where that is none.
    let session = session.unwrap();
    world.wait(&session.id);
    let log = world.log(&session.id);
    let mut names: Vec<&str> = log.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    assert_eq!(names, ["A", "CALLBOARD_HOME", "PWD"], "{log}");
}

pub(super) fn it_is_on_the_board_while_it_runs(world: &World) {
    let registry = Registry::at(world.home().sessions());
    let session = world.host.spawn(&world.spec(&["cat"]).name("reader")).unwrap();
    let seen = registry.list();
    assert_eq!(seen.sessions.len(), 1);
    let row = &seen.sessions[0];
    assert_eq!(row.verdict(), Verdict::Alive);
    assert_eq!(row.record.pid(), session.program.unwrap().pid);
    assert_eq!(row.record.name().as_deref(), Some("reader"));
    assert_eq!(row.record.kind(), Some(callboard::Kind::Background));
    assert_eq!(row.record.cwd().as_deref(), world.path().to_str());
    let log = world.host.log(&session.id).unwrap();
    assert_eq!(row.record.log_path().as_deref(), log.newest().to_str());
    assert_eq!(row.record.raw("hostId"), Some(&*format!("\"{}\"", session.id)));
    assert_eq!(row.record.raw("host"), Some(&*format!("\"{}\"", world.host.kind())));
    world.host.stop(&session.id, callboard_host::StopPolicy::default()).unwrap();
    assert!(registry.list().sessions.is_empty());

    // A board that cannot be written to is no reason not to run.
    let mut spec = world.spec(&["sh", "-c", "read line; exit 4"]);
    let file = world.path().join("file");
    std::fs::write(&file, "").unwrap();
    spec.board = callboard_host::OnBoard::At(file.join("sessions"));
    let session = world.host.spawn(&spec).unwrap();
    assert!(session.warning.as_ref().is_some_and(|text| text.contains("not on the board")));
    world.host.input(&session.id, callboard_host::Input::Bytes(b"\n")).unwrap();
    assert_eq!(world.wait(&session.id), Exit::Code(4));
}

/// Descriptors, ignored signals, a blocked signal, the starter's own terminal: none of it is the
/// session's.
pub(super) fn nothing_of_the_starter_is_inherited(world: &World) {
    let (read, write) = rustix::pipe::pipe().unwrap();
    testkit::with_ignored(libc::SIGHUP);
    testkit::with_ignored(libc::SIGUSR1);
    let script = "ls -l /proc/self/fd | wc -l; grep -E 'SigIgn|SigBlk' /proc/self/status; \
                  tty; stty size; cut -d' ' -f6 /proc/self/stat; echo $$; umask";
    let session = world.shell(script);
    // Nobody else holds it: the end of the pipe is seen, although the session may still run.
    drop(write);
    assert_eq!(rustix::io::read(&read, &mut [0; 1][..]).unwrap(), 0);
    world.wait(&session.id);
    let log = world.log(&session.id);
    let lines: Vec<&str> = log.lines().collect();
    let [fds, blocked, ignored, tty, size, kernel_session, pid, umask] = lines[..] else {
        panic!("{log}")
    };
    // Three streams, the directory that `ls` reads, and its headline.
    assert_eq!(fds.trim(), "5", "{log}");
    assert_eq!(blocked.split_whitespace().last(), Some("0000000000000000"), "{log}");
    let ignored = u64::from_str_radix(ignored.split_whitespace().last().unwrap(), 16).unwrap();
    // The C library keeps 32 and 33 for itself, and lets nobody change them.
    assert_eq!(ignored & !(0b11 << 31), 0, "{log}");
    assert!(tty.starts_with("/dev/pts/"), "{log}");
    assert_eq!(size, "40 120");
    assert_eq!(kernel_session, pid, "it leads its kernel session");
    assert_eq!(umask, "0022");
}

pub(super) fn under_one_id_one_session(world: &World) {
    let id = HostedId::parse("worker-1").unwrap();
    let started: Vec<_> = std::thread::scope(|scope| {
        let start = || world.host.spawn(&world.spec(&["cat"]).id(id.clone()));
        let all: Vec<_> = (0..10).map(|_| scope.spawn(start)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(started.iter().filter(|one| one.is_ok()).count(), 1);
    for refused in started.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, SpawnError::Taken { .. }), "{refused:?}");
    }
    assert_eq!(world.left(), ["worker-1"]);
    let mut again = world.spec(&["cat"]).id(id);
    again.replace = true;
    let refused = world.host.spawn(&again).unwrap_err();
    assert!(matches!(refused, SpawnError::Taken { .. }), "it runs: {refused:?}");
}

pub(super) fn restarted_under_its_id_with_its_log(world: &World) {
    let mut spec = world.spec(&["sh", "-c", "echo run $RUN; exit $RUN"]).name("job");
    spec.labels.insert("restart".into(), "always".into());
    let first = world.host.spawn(&spec.env(world.env().with("RUN", "1"))).unwrap();
    assert_eq!(world.wait(&first.id), Exit::Code(1));
    let second = world.hosts().restart(&first.id, world.env().with("RUN", "2")).unwrap();
    assert_eq!((&second.id, second.name.as_deref()), (&first.id, Some("job")));
    assert_eq!(second.labels.get("restart").map(String::as_str), Some("always"));
    assert_eq!(world.wait(&second.id), Exit::Code(2));
    if world.host.caps().log {
        assert_eq!(world.log(&second.id), "run 1\nrun 2\n");
    }
    // One that cannot be started does not take the ended one away.
    std::fs::write(second.directory.join("marker"), "").unwrap();
    let mut broken = world.spec(&["/nonexistent/program"]).id(first.id.clone());
    broken.replace = true;
    world.host.spawn(&broken).unwrap_err();
    assert!(second.directory.join("marker").exists());
    assert_eq!(world.host.exit(&first.id).unwrap(), Some(Exit::Code(2)));
    assert_eq!(world.left(), [first.id.as_str()]);
}
