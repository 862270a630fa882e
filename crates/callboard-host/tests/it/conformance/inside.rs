//! What a program is told about where it is, and what it can do about that.

use callboard::{Registry, Verdict};
use callboard_host::Exit;

use crate::client::Client;
use crate::world::{STAGE, World};

/// Inside: asked of the host, claimed by the first, and nothing in the environment that could be
/// inherited.
pub(super) fn a_program_knows_where_it_is(world: &World) {
    let session = world.shell("env | grep -c CALLBOARD_SESSION; $STAGE inside; $STAGE inside");
    world.wait(&session.id);
    let home = world.path().display();
    let script = format!(
        "export CALLBOARD_HOME={home}; env | grep ^CALLBOARD; $STAGE inside; \
         setsid $STAGE inside; script -qec '$STAGE inside' /dev/null; $STAGE inside < /dev/null; echo end"
    );
    // A wrapper in the program's own group; then what is in another session, on another terminal.
    let session = world.host.spawn(&world.spec(&["sh", "-c", &script])).unwrap();
    world.wait(&session.id);
    let log = world.log(&session.id);
    let words: Vec<&str> =
        log.lines().skip_while(|line| line.starts_with("CALLBOARD_HOME")).collect();
    assert_eq!(words, ["yes 0", "no", "no", "yes 0", "end"], "{log}");

    // What an interactive shell starts is a job: to leave it is to return to the shell.
    let env = world.env().with("PS1", "prompt> ").with("CALLBOARD_HOME", world.path());
    let spec = world.spec(&["bash", "--norc", "--noprofile", "-i"]).env(env);
    let session = world.host.spawn(&spec).unwrap();
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.wait_for("prompt>");
    client.type_in("$STAGE inside\r");
    client.wait_for("\nnested\n");
}

pub(super) fn exit_detaches_who_typed_it_and_ends_where_nobody_is(world: &World) {
    let session = world.spawn(&[STAGE, "repl"]);
    let mut one = Client::attach(world.path(), &session.id, 80, 24);
    let mut two = Client::attach(world.path(), &session.id, 80, 24);
    one.wait_for("repl yes");
    two.wait_for("repl yes");
    two.type_in("/child\r");
    two.wait_for("nested");
    one.type_in("/exit\r");
    assert!(one.finish().success());
    assert!(one.text().contains("[Ok(Detached)]"), "{}", one.text());
    two.wait_for("detached");
    two.type_in("still here\r");
    two.wait_for("heard still here");
    two.type_in("/exit\r");
    assert!(two.finish().success());
    world.wait_for(&session.id, "heard still here");
    world.host.input(&session.id, callboard_host::Input::Bytes(b"/exit\r")).unwrap();
    assert_eq!(world.wait(&session.id), Exit::Code(7));
}

/// The wrapper's row becomes that of the program that it has started, and back.
pub(super) fn one_session_is_one_row(world: &World) {
    let (gate, open) = (world.gate("gate"), world.gate("open"));
    let script = format!("$STAGE repl; echo x > {}; cat {}", open.display(), gate.display());
    let session = world.host.spawn(&world.spec(&["sh", "-c", &script]).name("wrapped")).unwrap();
    world.wait_for(&session.id, "repl yes");
    let registry = Registry::at(world.home().sessions());
    let pids = || {
        let alive =
            registry.list().sessions.into_iter().filter(|row| row.verdict() == Verdict::Alive);
        let rows = alive.map(|row| (row.record.pid(), row.record.name().map(String::from)));
        rows.collect::<Vec<_>>()
    };
    let rows = pids();
    let wrapper = session.program.unwrap().pid;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_ne!(rows[0].0, wrapper);
    assert_eq!(rows[0].1.as_deref(), Some("wrapped"));
    world.host.input(&session.id, callboard_host::Input::Bytes(b"/exit\r")).unwrap();
    assert_eq!(std::fs::read(&open).unwrap(), b"x\n");
    // The host is told by the kernel that the program has ended; that it has looked after it is
    // seen by its next answer.
    world.running(&session.id);
    assert_eq!(pids(), [(wrapper, Some("wrapped".to_owned()))]);
    std::fs::write(&gate, "").unwrap();
    assert_eq!(world.wait(&session.id), Exit::Code(0));
    assert!(registry.list().sessions.is_empty());
}
