//! What runs is on the board, with or without a record: each story with real processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use callboard::process::Here;
use callboard::{Evidence, Key, Kind, Patch, SignIn, Status, Verdict};
use callboard_agents::agents::Descriptions;
use callboard_agents::processes::session_process;
use callboard_agents::transcript::Depth;
use callboard_agents::{Board, FoundBy, Row, Sources, StatusFrom};
use rustix::fs::inotify;

use crate::actor::Actor;
use crate::world::{World, problems, record_of, ticks};

const A: &str = "01a1fca6-c824-7861-911d-0bc2a5bd5740";
const B: &str = "01a1fca9-67a9-7a13-bb1c-7d8f3332514d";

/// Of a process whose home boards beside it find, too: those of other tests have no such session.
const C: &str = "01a1fcb1-20d3-7c92-a0b5-3f6e1c84d97a";

/// What a command that is started in this home sees of these processes; others may run their own
/// agents on this machine.
fn seen(world: &World, pids: &[u32]) -> Vec<Row> {
    let mut rows = board(world).rows;
    rows.retain(|row| pids.contains(&row.pid));
    rows.sort_by_key(|row| pids.iter().position(|pid| *pid == row.pid));
    rows
}

fn sources(world: &World) -> Sources {
    Sources::from_lookup(world.own(), &[], |name| (name == "HOME").then(|| world.home().into()))
}

fn board(world: &World) -> Board {
    Board::read(&sources(world))
}

fn only(world: &World, actor: &Actor) -> Row {
    let mut rows = seen(world, &[actor.pid()]);
    assert_eq!(rows.len(), 1, "{rows:#?}");
    rows.remove(0)
}

fn ids(rows: &[Row]) -> Vec<(u32, Option<&str>)> {
    rows.iter().map(|row| (row.pid, row.session_id.as_deref())).collect()
}

fn put(path: &Path, text: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    path.to_owned()
}

#[test]
fn a_process_without_a_record_has_a_row_of_what_can_be_known() {
    let (world, before) = (World::new(), now());
    let claude = world.native("claude", "", &["--model", "x"]).start();
    let row = only(&world, &claude);
    assert_eq!((row.verdict, row.evidence), (Verdict::Alive, Evidence::Running));
    assert_eq!((row.registry, row.found_by), ("process", FoundBy::Process));
    assert_eq!((row.tool.as_deref(), row.session_id.as_deref()), (Some("claude"), None));
    assert_eq!(row.cwd.as_deref(), world.project().to_str());
    assert_eq!((row.status.as_ref(), row.status_from), (None, None));
    assert_eq!(row.pid_domain.as_deref(), Some(&*Here::detect().pid_domain()));
    assert!(row.sources.is_empty() && row.is_here() && row.is_listed());
    // A tick is ten ms, and the clocks of the kernel are read one after the other.
    let started = row.started_at.unwrap();
    assert!((before - 20..=now()).contains(&started), "{before} {started}");

    let pid = claude.pid();
    assert!(Board::read(&sources(&world).without_processes()).rows.is_empty());
    claude.end();
    assert!(seen(&world, &[pid]).is_empty());
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_millis() as u64
}

/// claude-code #76269: Claude Code does not register a session that another one's tool started.
#[test]
fn cc_76269_a_nested_session_that_is_not_registered_is_listed() {
    let world = World::new();
    let inner = world.program("claude");
    let script =
        format!("echo $$; sh -c '\"{}\" -c \"echo \\$\\$; read -r _\"; true'", inner.display());
    let mut outer = world.native("claude", &script, &[]).spawn();
    let (outer_pid, inner_pid) = (outer.ready(), outer.ready());
    assert_eq!(outer_pid, outer.pid());
    let text = format!(
        r#"{{"pid":{outer_pid},"sessionId":"{A}","cwd":"/p","startedAt":{},"status":"busy"}}"#,
        now()
    );
    world.claude(&format!("{outer_pid}.json"), text);
    let rows = seen(&world, &[outer_pid, inner_pid]);
    assert_eq!(ids(&rows), [(outer_pid, Some(A)), (inner_pid, None)]);
    let found: Vec<_> = rows.iter().map(|row| (row.registry, row.found_by)).collect();
    assert_eq!(found, [("claude", FoundBy::Record), ("process", FoundBy::Process)]);
}

/// claude-code #41195, #74566: a record that was torn or swept hides nobody.
#[test]
fn cc_74566_a_session_whose_record_was_torn_or_swept_is_listed() {
    let world = World::new();
    let claude = world.native("claude", "", &[]).start();
    let file = format!("{}.json", claude.pid());
    world.claude(&file, format!(r#"{{"pid":{},"sess"#, claude.pid()));
    assert_eq!(only(&world, &claude).found_by, FoundBy::Process);
    let board = board(&world);
    assert_eq!(problems(&board).len(), 1, "{:?}", problems(&board));
    fs::remove_file(world.sessions(".claude").join(file)).unwrap();
    assert_eq!(only(&world, &claude).registry, "process");
}

/// Irrlicht #644 and #727, and whatever else is a process of an agent and nobody's session.
#[test]
fn irrlicht_727_what_holds_no_session_is_not_listed() {
    let world = World::new();
    let mut actors = vec![
        world.native("claude", "", &["--bg-spare"]).start(),
        world.native("claude", "", &["--bg-pty-host", "/s", "200", "50"]).start(),
        world.native("claude", "", &["--agent-id", "a@t", "--parent-session-id", A]).start(),
        world.native("codex", "", &["--version"]).start(),
    ];
    for (name, subcommand) in [
        ("claude", "daemon"),
        ("claude", "mcp"),
        ("codex", "app-server"),
        ("codex", "mcp-server"),
        ("opencode", "serve"),
        ("cursor-agent", "worker-server"),
        ("goose", "up"),
    ] {
        actors.push(world.subcommand(name, subcommand, "").start());
    }
    // Programs that only look like one.
    actors.push(world.native("claudette", "", &[]).start());
    actors.push(world.script("bash", "claude", "").start());
    actors.push(world.script("node", "codex-notes", "").start());
    actors.push(world.native("hermes", "", &[]).start());
    let pids: Vec<_> = actors.iter().map(Actor::pid).collect();
    assert_eq!(seen(&world, &pids), Vec::new());

    let session = world.subcommand("goose", "session", "").start();
    assert_eq!(only(&world, &session).tool.as_deref(), Some("goose"));
}

/// Launchers and what they start in their place: one session, the innermost process.
#[test]
fn a_launcher_and_its_worker_are_one_session() {
    let world = World::new();
    let node = world.program("node");
    let again = format!(
        "case $LEVEL in 11) ;; *) echo $$; LEVEL=1$LEVEL {} \"$0\"; exit;; esac",
        node.display()
    );
    for (name, levels) in [("qwen", 3), ("gemini", 2)] {
        let script = match levels {
            3 => again.clone(),
            _ => again.replace("11)", "1)"),
        };
        let mut tree = world.script("node", name, &script).spawn();
        let pids: Vec<u32> = (0..levels).map(|_| tree.ready()).collect();
        let rows = seen(&world, &pids);
        assert_eq!(ids(&rows), [(pids[levels - 1], None)], "{name}");

        // The worker's record, or one of ours that names the launcher, explains all of them.
        for pid in [pids[levels - 1], pids[0]] {
            world.own().register_process(pid, SignIn::new().session_id(A).tool(name, "1")).unwrap();
            let rows = seen(&world, &pids);
            assert_eq!(ids(&rows), [(pid, Some(A))], "{name}");
            world.own().remove(pid).unwrap();
        }
    }
}

/// What `callboard run` signs in is what it started: the launcher.
#[test]
fn what_a_worker_holds_is_its_launchers_that_was_signed_in() {
    let world = World::new();
    let file = rollout(&world, A, &world.project(), "user");
    let script = format!("{}\necho $$; read -r _", locking(&world, &[A]));
    let worker = put(&world.home().join("worker"), &script);
    let start = format!("echo $$; '{}' \"$@\"; exit", world.program("codex").display());
    let mut tree = world.script("node", "codex", &start).arg(&worker).spawn();
    let (launcher, worker) = (tree.ready(), tree.ready());
    let rows = seen(&world, &[launcher, worker]);
    assert_eq!(ids(&rows), [(worker, Some(A))]);

    world.own().register_process(launcher, SignIn::new().name("billing")).unwrap();
    let rows = seen(&world, &[launcher, worker]);
    assert_eq!(ids(&rows), [(launcher, Some(A))]);
    assert_eq!(rows[0].name.as_deref(), Some("billing"));
    assert_eq!(sources(&world).transcript(&rows[0]).unwrap().path, file);
}

/// An agent that a host or `callboard run` started through its launcher: one session, whoever has
/// signed in which of the two processes.
#[test]
fn a_launcher_and_a_worker_that_both_have_a_record_are_one_session() {
    let world = World::new();
    let again = format!(
        "case $LEVEL in 1) ;; *) echo $$; LEVEL=1 {} \"$0\"; exit;; esac",
        world.program("node").display()
    );
    let hosted = || SignIn::new().kind(Kind::Background).tool_name("node").name("node");
    for name in ["gemini", "qwen"] {
        let mut tree = world.script("node", name, &again).spawn();
        let (launcher, worker) = (tree.ready(), tree.ready());
        let only = || {
            let mut rows = seen(&world, &[launcher, worker]);
            assert_eq!(rows.len(), 1, "{rows:#?}");
            rows.remove(0)
        };
        // The host does not know which conversation it is on.
        let made_up = world.own().register_process(launcher, hosted()).unwrap();
        let row = only();
        assert_eq!((row.pid, &row.session_id), (launcher, &made_up.session_id().map(Box::from)));
        // A hook does, and it speaks of the worker.
        let hook = SignIn::new().session_id(A).tool(name, "1").entrypoint("hook");
        world.own().register_process(worker, hook).unwrap();
        // Whichever of the two was written last.
        for written in [worker, launcher] {
            world.own().update(written, &Patch::new().text(Key::Agent, Some("x"))).unwrap();
            let row = only();
            assert_eq!((row.pid, row.session_id.as_deref()), (launcher, Some(A)), "{name}");
            assert_eq!((row.tool.as_deref(), row.name.as_deref()), (Some(name), None));
            assert_eq!((row.kind, row.sources.len()), (Some(Kind::Background), 2));
        }
        world.own().update(launcher, &Patch::new().name("billing")).unwrap();
        assert_eq!(only().name.as_deref(), Some("billing"));
        if name == "qwen" {
            // Where the agent itself has a record, it says which process it is.
            let text = format!(
                r#"{{"schemaVersion":1,"pid":{worker},"procStart":"{}:{}","sessionId":"{B}","kind":"tui"}}"#,
                Here::detect().boot_id.unwrap(),
                ticks(worker)
            );
            fs::write(world.sessions(".qwen").join(format!("{worker}.json")), text).unwrap();
            let row = only();
            assert_eq!((row.pid, row.session_id.as_deref()), (worker, Some(B)));
            assert_eq!((row.name.as_deref(), row.kind), (Some("billing"), Some(Kind::Background)));
        }
    }
}

fn rollout(world: &World, id: &str, cwd: &Path, source: &str) -> PathBuf {
    let path = format!(".codex/sessions/2026/11/21/rollout-2026-11-21T05-49-11-{id}.jsonl");
    let cwd = cwd.display();
    put(
        &world.home().join(path),
        &format!(
            r#"{{"timestamp":"2026-11-21T05:49:24.805Z","type":"session_meta","payload":{{"id":"{id}","cwd":"{cwd}","thread_source":"{source}"}}}}
"#
        ),
    )
}

/// A shell that opens and locks the locks of these threads.
fn locking(world: &World, threads: &[&str]) -> String {
    let lock = |(n, id): (usize, &&str)| {
        let path = put(&world.home().join(format!(".codex/thread-writer-locks/{id}.lock")), "");
        format!("exec {}<>'{}'; flock -n {} || exit 1\n", n + 3, path.display(), n + 3)
    };
    threads.iter().enumerate().map(lock).collect()
}

#[test]
fn codex_has_the_thread_that_it_holds_the_lock_of() {
    let world = World::new();
    let file = rollout(&world, A, &world.project(), "user");
    let codex = world.native("codex", &locking(&world, &[A]), &[]).start();
    // Locks that nobody holds, and one that somebody else holds.
    put(&world.home().join(format!(".codex/thread-writer-locks/{B}.lock")), "");
    let row = only(&world, &codex);
    assert_eq!((row.registry, row.found_by), ("codex", FoundBy::Lock));
    assert_eq!(row.session_id.as_deref(), Some(A));
    assert_eq!(sources(&world).transcript(&row).unwrap().path, file);
    codex.end();

    // A thread that was started to help another one is no session.
    rollout(&world, B, &world.project(), "subagent");
    let codex = world.native("codex", &locking(&world, &[A, B]), &[]).start();
    let row = only(&world, &codex);
    assert_eq!(row.session_id.as_deref(), Some(A));
    assert_eq!(row.transcript_path.as_deref(), Some(&*file));
}

/// abtop PR 129: the app-server keeps conversations open that it was once asked for.
#[test]
fn abtop_129_what_an_app_server_merely_has_open_is_no_session() {
    let world = World::new();
    let file = rollout(&world, A, &world.project(), "user");
    let open = format!("exec 3<'{}'", file.display());
    let server = world.subcommand("codex", "app-server", &open).start();
    assert_eq!(seen(&world, &[server.pid()]), Vec::new());
}

/// Since 0.169 the app-server runs the threads of all terminals.
#[test]
fn codex_threads_of_an_app_server_are_shown_by_its_terminals() {
    let world = World::new();
    rollout(&world, A, &world.project(), "user");
    rollout(&world, B, &world.project(), "user");
    let other = world.dir("other");
    let server = world.subcommand("codex", "app-server", &locking(&world, &[A])).start();
    // Nobody shows it: it is the server's.
    let rows = seen(&world, &[server.pid()]);
    assert_eq!(ids(&rows), [(server.pid(), Some(A))]);
    assert_eq!((rows[0].found_by, rows[0].registry), (FoundBy::Lock, "codex"));

    // That of the terminals themselves keeps it for a minute after the last of them has left.
    let managed = world.subcommand("codex", "app-server", &locking(&world, &[B]));
    let managed = managed.arg(Path::new("--managed-daemon")).start();
    assert_eq!(seen(&world, &[managed.pid()]), Vec::new());
    managed.end();

    let one = world.native("codex", "", &[]).start();
    let elsewhere = world.native("codex", "", &[]).in_dir(&other).start();
    let pids = [one.pid(), elsewhere.pid(), server.pid()];
    let rows = seen(&world, &pids);
    assert_eq!(ids(&rows), [(one.pid(), Some(A)), (elsewhere.pid(), None)]);
    assert_eq!(rows[0].cwd.as_deref(), world.project().to_str());

    // Irrlicht #109 and #345, marmonitor #68: a second one in the same directory, and nothing says
    // which is which.
    let two = world.native("codex", "", &[]).start();
    let pids = [one.pid(), two.pid(), server.pid()];
    assert_eq!(ids(&seen(&world, &pids)), [(one.pid(), None), (two.pid(), None)]);

    // But a hook does.
    world
        .own()
        .register_process(two.pid(), SignIn::new().session_id(A).tool("codex", "1"))
        .unwrap();
    let rows = seen(&world, &pids);
    assert_eq!(ids(&rows), [(one.pid(), None), (two.pid(), Some(A))]);
    assert_eq!(rows[1].sources.len(), 1);
    assert!(rows[1].transcript_path.is_some(), "the record lacks it");
}

/// Claude Code 2.1.197 forks off commands as it starts; until they are executed they look like it.
#[test]
fn what_an_agent_forks_off_is_no_session_before_it_is_a_command() {
    let world = World::new();
    let mut claude = world.native("claude", "( echo $BASHPID; read -r _ ) <&0 &", &[]).spawn();
    let pids = [claude.ready(), claude.ready(), claude.pid()];
    let rows = seen(&world, &pids);
    assert_eq!(ids(&rows), [(claude.pid(), None)], "{pids:?}");
}

/// A terminal that ended while the board was read had a directory when it was looked at first and
/// none a moment later, and took the sessions of the server off the board.
#[test]
fn codex_terminals_that_end_while_the_board_is_read_hide_no_session() {
    let world = World::new();
    rollout(&world, A, &world.project(), "user");
    let server = world.subcommand("codex", "app-server", &locking(&world, &[A])).start();
    let one = world.native("codex", "", &[]).start();
    let (elsewhere, is_over) = (world.dir("other"), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !is_over.load(Relaxed) {
                    world.native("codex", "", &[]).in_dir(&elsewhere).start().end();
                }
            });
        }
        let boards = (0..300).map(|_| seen(&world, &[one.pid(), server.pid()]));
        let wrong = boards.map(|rows| (ids(&rows) != [(one.pid(), Some(A))]).then_some(rows));
        let wrong: Vec<_> = wrong.flatten().collect();
        is_over.store(true, Relaxed);
        assert!(wrong.is_empty(), "{} of 300: {:#?}", wrong.len(), wrong[0]);
    });
}

/// A terminal whose directory was removed took every session of the server off the board.
#[test]
fn a_codex_terminal_in_a_removed_directory_shows_no_session_of_another_one() {
    let world = World::new();
    rollout(&world, A, &world.project(), "user");
    let server = world.subcommand("codex", "app-server", &locking(&world, &[A])).start();
    let removed = world.dir("removed");
    let terminal = world.native("codex", "", &[]).in_dir(&removed).start();
    fs::remove_dir(&removed).unwrap();
    let rows = seen(&world, &[server.pid(), terminal.pid()]);
    assert_eq!(ids(&rows), [(server.pid(), Some(A)), (terminal.pid(), None)]);
    assert_eq!(rows[1].cwd, None);
}

#[test]
fn copilot_has_the_session_whose_hold_it_has_open() {
    let world = World::new();
    let dir = world.home().join(format!(".copilot/session-state/{A}"));
    let file = put(&dir.join("events.jsonl"), "{}\n");
    let hold = format!("exec 3<>'{}'/inuse.$$.hold; echo $$ >'{0}'/inuse.$$.lock", dir.display());
    let copilot = world.native("copilot", &hold, &[]).start();
    let row = only(&world, &copilot);
    assert_eq!((row.registry, row.found_by), ("copilot", FoundBy::Lock));
    assert_eq!(row.session_id.as_deref(), Some(A));
    assert_eq!(row.transcript_path.as_deref(), Some(&*file));
}

/// copilot-cli #4020: a lock file that holds nothing but a number, which another process has by now.
#[test]
fn copilot_4020_a_number_in_a_lock_file_is_no_proof() {
    let world = World::new();
    let dir = world.home().join(format!(".copilot/session-state/{A}"));
    let copilot = world.native("copilot", "", &[]).start();
    put(&dir.join(format!("inuse.{}.lock", copilot.pid())), &copilot.pid().to_string());
    put(&dir.join(format!("inuse.{}.hold", copilot.pid())), "");
    let row = only(&world, &copilot);
    assert_eq!((row.session_id.as_deref(), row.found_by), (None, FoundBy::Process));
}

/// Makes a file that is surely younger than the process: its start is known to ten ms, and the file
/// system's clock ticks no faster.
fn begun(actor: &Actor, make: impl Fn() -> PathBuf) -> PathBuf {
    let per_second = rustix::param::clock_ticks_per_second();
    let up = || rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let ticks =
        || (up().tv_sec as u64 * 1000 + up().tv_nsec as u64 / 1_000_000) * per_second / 1000;
    let started = crate::world::ticks(actor.pid());
    while ticks() < started + 4 {
        std::thread::yield_now();
    }
    make()
}

fn chat(world: &World, project: &str, root: &Path, id: &str) -> PathBuf {
    let dir = world.home().join(".gemini/tmp").join(project);
    put(&dir.join(".project_root"), root.to_str().unwrap());
    let name = format!("chats/session-2026-11-21T05-40-{}.jsonl", &id[..8]);
    put(&dir.join(name), &format!("{{\"sessionId\":\"{id}\",\"kind\":\"main\"}}\n"))
}

/// Irrlicht #109 and #345, marmonitor #68: the directory alone binds the wrong conversation.
#[test]
fn irrlicht_345_a_directory_binds_only_where_nothing_else_is_possible() {
    let world = World::new();
    let old = "00000000-0000-4000-8000-000000000000";
    chat(&world, "project", &world.project(), old);
    let gemini = world.script("node", "gemini", "").start();
    assert_eq!(only(&world, &gemini).session_id, None, "it was there before");

    chat(&world, "elsewhere", &world.dir("elsewhere"), old);
    let file = begun(&gemini, || chat(&world, "project", &world.project(), A));
    let row = only(&world, &gemini);
    assert_eq!((row.session_id.as_deref(), row.found_by), (Some(A), FoundBy::Process));
    assert_eq!(row.registry, "process");
    assert_eq!(sources(&world).transcript(&row).unwrap().path, file);

    let second = world.script("node", "gemini", "").start();
    let pids = [gemini.pid(), second.pid()];
    assert_eq!(ids(&seen(&world, &pids)), [(gemini.pid(), None), (second.pid(), None)]);
    second.end();
    assert_eq!(only(&world, &gemini).session_id.as_deref(), Some(A));
    chat(&world, "project", &world.project(), "bbbbbbbb-0000-4000-8000-000000000000");
    assert_eq!(only(&world, &gemini).session_id, None, "two, and nothing says which");
}

#[test]
fn pi_and_claude_are_bound_by_the_directory_too() {
    let world = World::new();
    let slug = |keep: &str| -> String {
        let keep = |c: char| if c.is_ascii_alphanumeric() || keep.contains(c) { c } else { '-' };
        world.project().to_str().unwrap().chars().map(keep).collect()
    };
    let pi = world.native("pi", "", &[]).start();
    let claude = world.native("claude", "", &[]).start();
    let dir = format!(".pi/agent/sessions/-{}--", slug("._"));
    let name = format!("2026-11-21T05-40-19-113Z_{A}.jsonl");
    let of_pi = begun(&claude, || put(&world.home().join(&dir).join(&name), ""));
    let dir = world.home().join(".claude/projects").join(slug(""));
    let of_claude = put(&dir.join(format!("{B}.jsonl")), "");
    let rows = seen(&world, &[pi.pid(), claude.pid()]);
    assert_eq!(ids(&rows), [(pi.pid(), Some(A)), (claude.pid(), Some(B))]);
    let paths: Vec<_> = rows.iter().map(|row| row.transcript_path.as_deref()).collect();
    assert_eq!(paths, [Some(&*of_pi), Some(&*of_claude)]);
}

#[test]
fn the_session_on_the_command_line_is_believed_until_another_is_begun() {
    let world = World::new();
    let claude = world.native("claude", "", &["--resume", A]).start();
    assert_eq!(only(&world, &claude).session_id.as_deref(), Some(A));
    let words = world.native("claude", "", &["--resume", "what I did yesterday"]).start();
    assert_eq!(only(&world, &words).session_id, None);
    words.end();
    let slug: String = world.project().to_str().unwrap().replace(['/', '.', '_'], "-");
    let file = world.home().join(".claude/projects").join(slug).join(format!("{B}.jsonl"));
    begun(&claude, || put(&file, ""));
    assert_eq!(only(&world, &claude).session_id, None, "it may have been cleared");
}

/// agent-flow #68, claude-code #90188: an account of its own, named by a variable that only the
/// agent was given.
#[test]
fn agent_flow_68_a_home_that_only_the_process_knows_is_read() {
    let world = World::new();
    let account = world.dir("accounts/work");
    let claude = world
        .native("claude", "", &[])
        .with("CLAUDE_CONFIG_DIR", &account)
        .with("ANTHROPIC_API_KEY", "sk-secret")
        .start();
    assert_eq!(only(&world, &claude).registry, "process");
    let text = format!(
        r#"{{"pid":{},"sessionId":"{C}","cwd":"/p","startedAt":{},"status":"waiting"}}"#,
        claude.pid(),
        now()
    );
    let sessions = world.sessions("accounts/work");
    fs::write(sessions.join("new"), text).unwrap();
    fs::rename(sessions.join("new"), sessions.join(format!("{}.json", claude.pid()))).unwrap();
    let board = board(&world);
    let row = board.rows.iter().find(|row| row.pid == claude.pid()).unwrap();
    assert_eq!((row.registry, row.status.as_ref()), ("claude", Some(&Status::Waiting)));
    assert_eq!(row.session_id.as_deref(), Some(C));
    let file = put(&account.join(format!("projects/p/{C}.jsonl")), "");
    assert_eq!(sources(&world).transcript(row).unwrap().path, file);
    assert!(!format!("{board:?}").contains("sk-secret"));
}

/// Our own record of a process, signed in by a hook, and what the process holds: one row.
#[test]
fn a_record_of_a_hook_and_the_process_are_one_row() {
    let world = World::new();
    let file = rollout(&world, A, &world.project(), "user");
    let codex = world.native("codex", &locking(&world, &[A]), &[]).start();
    let sign_in = SignIn::new().session_id(A).tool("codex", "0.169.0").name("billing").cwd("/old");
    world.own().register_process(codex.pid(), sign_in).unwrap();
    let row = only(&world, &codex);
    assert_eq!((row.registry, row.found_by), ("codex", FoundBy::Lock));
    assert_eq!((row.name.as_deref(), row.version.as_deref()), (Some("billing"), Some("0.169.0")));
    assert_eq!(row.evidence, Evidence::Pidfd, "the stronger evidence stays");
    assert_eq!(sources(&world).transcript(&row).unwrap().path, file);
    assert_eq!(row.sources.len(), 1);

    // What was only worked out from the process counts after what a hook said.
    let gemini = world.script("node", "gemini", "").start();
    begun(&gemini, || chat(&world, "project", &world.project(), A));
    world.own().register_process(gemini.pid(), SignIn::new().session_id(B).cwd("/said")).unwrap();
    let row = only(&world, &gemini);
    assert_eq!((row.session_id.as_deref(), row.cwd.as_deref()), (Some(B), Some("/said")));
    assert_eq!((row.registry, row.tool.as_deref()), ("callboard", Some("gemini")));
}

/// A container's agent without a record runs here too; one whose record names it by its number in
/// there is that record's.
#[test]
fn a_process_of_a_container_is_listed_once() {
    let world = World::new();
    let claude = world.program("claude");
    let script = format!(
        "exec unshare --pid --fork '{}' -c 'readlink /proc/self/ns/pid >ns; echo 7; read -r _'",
        claude.display()
    );
    let mut container = world.script("bash", "run", &script).spawn();
    container.ready();
    let outer = Command::new("pgrep").args(["-P", &container.pid().to_string()]).output().unwrap();
    let outer: u32 = String::from_utf8(outer.stdout).unwrap().trim().parse().unwrap();
    let rows = seen(&world, &[outer]);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].pid_domain.as_deref(), Some(&*Here::detect().pid_domain()));

    let namespace = fs::read_link(format!("/proc/{outer}/ns/pid")).unwrap();
    let namespace = namespace.to_str().unwrap().trim_start_matches("pid:");
    let ticks = crate::world::ticks(outer);
    world.claude(
        "1.json",
        format!(
            r#"{{"pid":1,"sessionId":"{A}","procStart":"{ticks}","pidDomain":"linux::pid:{namespace}"}}"#
        ),
    );
    let board = board(&world);
    let rows: Vec<_> = board.rows.iter().filter(|r| r.pid == outer || r.pid == 1).collect();
    assert_eq!(rows.len(), 1, "{rows:#?}");
    assert_eq!((rows[0].pid, rows[0].session_id.as_deref()), (1, Some(A)));
}

/// What people type is nobody's business.
#[test]
fn a_command_line_is_not_kept() {
    let world = World::new();
    let claude = world.native("claude", "", &["-p", "my secret prompt"]).start();
    let row = only(&world, &claude);
    assert!(!format!("{row:?}").contains("secret"));
    assert!(!format!("{:?}", board(&world)).contains("secret"));
}

#[test]
fn a_zombie_is_nobodys_session() {
    let world = World::new();
    let mut codex = world.native("codex", "", &[]).start();
    assert_eq!(only(&world, &codex).tool.as_deref(), Some("codex"));
    codex.become_zombie();
    assert_eq!(seen(&world, &[codex.pid()]), Vec::new());
}

#[test]
fn a_recorded_session_costs_no_second_row() {
    let world = World::new();
    let claude = world.native("claude", "", &[]).start();
    world.claude(&format!("{}.json", claude.pid()), record_of(claude.pid(), ""));
    let row = only(&world, &claude);
    assert_eq!((row.found_by, row.evidence), (FoundBy::Record, Evidence::StartTime));
    assert_eq!(row.sources.len(), 1);
}

#[test]
fn from_a_hook_to_the_session_that_runs_it() {
    let world = World::new();
    let mut codex = world
        .native("codex", "echo $$; sh -c 'sh -c \"echo \\$\\$; read -r _\"; true'", &[])
        .spawn();
    let (pid, hook) = (codex.ready(), codex.ready());
    assert_eq!(session_process("codex", hook), Some(pid));
    assert_eq!(session_process("codex", pid), Some(pid));
    assert_eq!(session_process("gemini", hook), None, "no ancestor is one");
    assert_eq!(session_process("nobody", hook), None);
    assert_eq!(session_process("codex", 0), None);

    // An app-server's hook: the terminal in its directory, where there is one and no other.
    let dir = world.dir("served");
    fs::write(dir.join("app-server"), "echo $$; sh -c 'echo $$; read -r _'").unwrap();
    let mut server = world.subcommand("codex", "app-server", "").in_dir(&dir).spawn();
    let (server_pid, hook) = (server.ready(), server.ready());
    assert_eq!(session_process("codex", hook), Some(server_pid));
    let terminal = world.native("codex", "", &[]).in_dir(&dir).start();
    assert_eq!(session_process("codex", hook), Some(terminal.pid()));
    let _second = world.native("codex", "", &[]).in_dir(&dir).start();
    assert_eq!(session_process("codex", hook), Some(server_pid));
}

/// The example of `docs/AGENTS.md`, as it stands there.
#[test]
fn an_agent_that_was_described_is_on_the_board_with_its_status() {
    let world = World::new();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/AGENTS.md");
    let docs = fs::read_to_string(docs).unwrap();
    let (_, example) = docs.split_once("```toml\n").unwrap();
    put(&world.dir("agents.d").join("aider.toml"), example.split_once("```").unwrap().0);
    let board = || {
        let described = Descriptions::load(&world.home().join("agents.d"), Some(world.home()));
        assert_eq!(described.warnings, Vec::<String>::new());
        let sources = sources(&world).with_described(described.agents);
        let mut board = Board::read(&sources);
        board.consult(&sources, Depth::Status, now());
        board
    };
    let aider = world.script("python3", "aider", "").start();
    let row = || board().rows.into_iter().find(|row| row.pid == aider.pid()).unwrap();
    let first = row();
    assert_eq!((first.tool.as_deref(), first.found_by), (Some("aider"), FoundBy::Process));
    assert_eq!((first.status, first.transcript_path), (None, None));

    let history = world.project().join(".aider.chat.history.md");
    let say = |text: &str| {
        begun(&aider, || put(&history, &format!("# aider chat started at 2026-11-21\n\n{text}")))
    };
    let states = [
        ("#### make it so\n", Status::Busy),
        ("#### make it so\n\nDone.\n\n> Tokens: 2.1k sent, 40 received.\n", Status::Idle),
    ];
    for (text, status) in states {
        say(text);
        let row = row();
        assert_eq!(row.status, Some(status), "{text}");
        assert_eq!(row.status_from, Some(StatusFrom::Transcript));
        assert_eq!(row.transcript_path.as_deref(), Some(&*history));
    }
    assert!(!format!("{:?}", board()).contains("make it so"));
}

#[test]
fn the_conversation_of_a_session_that_says_what_it_does_is_not_opened() {
    let world = World::new();
    let codex = world.native("codex", "", &[]).start();
    let file = rollout(&world, A, &world.project(), "user");
    let sign_in = SignIn::new().tool("codex", "0.169.0").session_id(A);
    world.own().register_process(codex.pid(), sign_in).unwrap();
    let idle = callboard::Patch::new().status(Status::Idle, None);
    world.own().update(codex.pid(), &idle).unwrap();
    let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
    inotify::add_watch(&watch, &file, inotify::WatchFlags::OPEN).unwrap();
    let is_opened = |depth| {
        let mut board = board(&world);
        board.rows.retain(|row| row.pid == codex.pid());
        board.consult(&sources(&world), depth, now());
        assert_eq!(board.rows[0].status, Some(Status::Idle));
        rustix::io::read(&watch, &mut [0; 256]) != Err(rustix::io::Errno::AGAIN)
    };
    assert!(!is_opened(Depth::Status));
    assert!(is_opened(Depth::Activity), "what happened lately is nowhere else");
}

/// Codex fires no hook and writes no line when a permission prompt is answered: the command that
/// was allowed is a process of its own.
#[test]
fn a_command_that_was_allowed_ends_the_wait() {
    let world = World::new();
    let before = now();
    let codex = world.native("codex", "exec 3<&0; (read -r _ <&3) &", &[]).start();
    let rollout = world.home().join(".codex/sessions/2026/11/21");
    put(&rollout.join(format!("rollout-2026-11-21T05-49-11-{A}.jsonl")), "");
    let sign_in = SignIn::new().tool("codex", "0.169.0").session_id(A);
    world.own().register_process(codex.pid(), sign_in).unwrap();
    let asked =
        |at| callboard::Patch::new().status(Status::Waiting, Some("permission prompt")).by_hook(at);
    let shown = || {
        let mut board = board(&world);
        board.rows.retain(|row| row.pid == codex.pid());
        board.consult(&sources(&world), Depth::Status, now());
        let row = board.rows.remove(0);
        (row.status.unwrap(), row.waiting_for, row.status_from)
    };
    // Asked long before the command was started.
    world.own().update(codex.pid(), &asked(before - 10_000)).unwrap();
    assert_eq!(shown(), (Status::Busy, None, Some(StatusFrom::Hook)));
    // Asked after it was: another command is asked about.
    world.own().update(codex.pid(), &asked(now())).unwrap();
    let waiting = Some("permission prompt".into());
    assert_eq!(shown(), (Status::Waiting, waiting, Some(StatusFrom::Hook)));
}
