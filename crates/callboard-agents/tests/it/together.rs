//! The same process in our own registry and in its agent's.

use callboard::{Patch, SignIn, Status, Verdict};
use callboard_agents::{Field, attention};

use crate::world::{Process, World, listed, problems};

#[test]
fn one_process_in_two_registries_is_one_row() {
    let (world, process) = (World::new(), Process::start());
    let sign_in = SignIn::new().session_id("from-a-hook").tool("claude", "0").cwd("/elsewhere");
    world.own().register_process(process.pid(), sign_in).unwrap();
    world.claude_session(&process, r#""name":"project-3f","status":"idle","statusUpdatedAt":5"#);

    let row = world.only_row();
    assert_eq!((row.pid, row.verdict, row.registry), (process.pid(), Verdict::Alive, "claude"));
    assert_eq!(row.session_id.as_deref(), Some(&*format!("s{}", process.pid())));
    assert_eq!((row.name.as_deref(), row.status.clone()), (Some("project-3f"), Some(Status::Idle)));
    assert_eq!(row.cwd.as_deref(), Some("/home/dev/project"));
    assert_eq!(row.sources.len(), 2);
    assert_eq!(row.source_of(Field::Cwd).unwrap().registry, "claude");
    assert_eq!(row.source_of(Field::Version).unwrap().registry, "callboard");
    let paths: Vec<_> = row.sources.iter().map(|source| source.path()).collect();
    assert!(paths.iter().all(|path| path.is_file()), "{paths:?}");

    // A rename and a newer activity, both made with us.
    let change = Patch::new().name("billing").status(Status::Waiting, Some("review"));
    world.own().update(process.pid(), &change).unwrap();
    let row = world.only_row();
    assert_eq!(row.name.as_deref(), Some("billing"));
    assert_eq!(
        (row.status.clone(), row.waiting_for.as_deref()),
        (Some(Status::Waiting), Some("review"))
    );
    assert_eq!(row.source_of(Field::Name).unwrap().registry, "callboard");
    assert_eq!(row.source_of(Field::Status).unwrap().registry, "callboard");

    // It ends: both records are left, and one row says so.
    process.end();
    assert_eq!(world.only_row().verdict, Verdict::Dead);
}

/// claude-code #47128: the number of a session here is also that of one in a container.
#[test]
fn cc_47128_the_same_number_in_a_container_is_another_session() {
    let (world, process) = (World::new(), Process::start());
    world.own().register_process(process.pid(), SignIn::new().session_id("here")).unwrap();
    let text =
        crate::world::record(&process, "").replace(&crate::world::domain(), "linux:x:pid:[1]");
    world.claude(&format!("{}.json", process.pid()), text);
    let board = world.board();
    assert_eq!(problems(&board), Vec::<String>::new());
    let mut seen: Vec<_> = board.rows.iter().map(|r| (r.registry, r.verdict.as_str())).collect();
    seen.sort_unstable();
    assert_eq!(seen, [("callboard", "alive"), ("claude", "unknown")]);
}

/// A copy of a configuration directory (`cp -a ~/.claude ~/.claude-old`) holds copies of records
/// of sessions that run.
#[test]
fn a_copied_config_directory_adds_no_session() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session_in(
        ".claude-old",
        &process,
        r#""status":"idle","updatedAt":5,"statusUpdatedAt":5"#,
    );
    world.claude_session(&process, r#""status":"busy","updatedAt":9,"statusUpdatedAt":9"#);
    let row = world.only_row();
    assert_eq!((row.status, row.sources.len()), (Some(Status::Busy), 2));
}

/// claude-code #85192, #58965: what waits for the user is on top.
#[test]
fn cc_85192_what_waits_comes_first_and_the_longest_wait_on_top() {
    let world = World::new();
    let at = |status: &str, since: u64| format!(r#""status":"{status}","statusUpdatedAt":{since}"#);
    let keys = [
        at("idle", 90),
        at("waiting", 50),
        at("busy", 10),
        at("waiting", 20),
        String::new(),
        at("busy", 30),
    ];
    let processes: Vec<_> = keys.iter().map(|_| Process::start()).collect();
    for (process, keys) in processes.iter().zip(&keys) {
        world.claude_session(process, keys);
    }
    let gone = Process::start();
    world.claude_session(&gone, &at("waiting", 1));
    let gone_pid = gone.pid();
    gone.end();
    let mut board = world.board();
    assert_eq!(listed(&board).len(), processes.len());
    board.rows.sort_by(attention);
    let order: Vec<_> = board.rows.iter().map(|row| row.pid).collect();
    let expected = [3, 1, 5, 2, 0, 4].map(|i: usize| processes[i].pid());
    assert_eq!(order[..6], expected);
    assert_eq!(order[6], gone_pid, "the dead do not wait");
}
