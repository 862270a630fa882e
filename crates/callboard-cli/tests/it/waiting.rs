//! Waiting and being told, by the real program: a wait never looks too late, and says what happened.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use crate::world::{World, listens, ran};

/// A command that is on and listens.
struct Listening {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Listening {
    fn start(world: &World, line: &str) -> Self {
        let mut command = world.callboard(line.split_whitespace());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that it prints, without the time.
    fn next(&mut self) -> String {
        let line = self.lines.next().expect("it is still on").unwrap();
        line.split_once('\t').map_or(line.clone(), |(_, rest)| rest.to_owned())
    }

    /// Waits for its end; its code and what it printed.
    fn end(mut self) -> (Option<i32>, String) {
        let mut text = String::new();
        for line in self.lines.by_ref() {
            text.push_str(&line.unwrap());
            text.push('\n');
        }
        (self.child.wait().unwrap().code(), text)
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        _ = self.child.kill();
    }
}

#[test]
fn what_is_so_already_is_not_waited_for() {
    let world = World::new();
    let _billing = world.session("billing", &["--status", "idle"]);
    assert_eq!(world.ok("wait billing --until idle"), "billing\tidle\n");
    assert_eq!(world.ok("wait billing --until busy,idle --quiet"), "");
    let ran = world.run("wait billing --until idle --from-now --timeout 50ms");
    assert_eq!((ran.code, &*ran.out), (Some(124), ""), "{ran:?}");
}

#[test]
fn three_ways_to_end() {
    let world = World::new();
    // Who waits for this one too says so, and has found both: one that still starts when the other
    // ends has nobody to wait for.
    let _idle = world.session("resting", &["--status", "idle"]);
    let mut billing = world.session("billing", &["--status", "busy"]);
    let mut events = Listening::start(&world, "events --present --name billing");
    assert!(events.next().starts_with("appeared\tbilling"), "the watch is on");
    let reached = Listening::start(&world, "wait billing --until waiting");
    let mut ended = Listening::start(&world, "wait resting billing --until idle");
    let mut gone = Listening::start(&world, "wait resting billing --until idle,gone");
    for waiting in [&mut ended, &mut gone] {
        assert_eq!(waiting.next(), "idle", "it waits");
    }
    world.ok("update billing --status waiting --waiting-for review");
    let line = format!("changed\tbilling\t{}\tstatus: busy -> waiting (review)", billing.pid());
    assert_eq!(events.next(), line);
    assert_eq!(reached.end(), (Some(0), "billing\twaiting\n".to_owned()));
    billing.kill();
    assert_eq!(events.next(), format!("gone\tbilling\t{}\tdied", billing.pid()));
    assert_eq!(ended.end(), (Some(1), String::new()), "it ended before");
    assert_eq!(gone.end(), (Some(0), "billing\tgone\n".to_owned()));
}

#[test]
fn any_and_all() {
    let world = World::new();
    let (_a, _b) =
        (world.session("a", &["--status", "busy"]), world.session("b", &["--status", "busy"]));
    let mut all = Listening::start(&world, "wait a b --until idle");
    let any = Listening::start(&world, "wait a b --until idle --any");
    world.ok("update b --status idle");
    assert_eq!(any.end(), (Some(0), "b\tidle\n".to_owned()));
    assert_eq!(all.next(), "idle", "it tells of each");
    world.ok("update a --status idle");
    assert_eq!(all.end(), (Some(0), "a\tidle\n".to_owned()));
}

#[test]
fn a_session_that_is_not_there_yet() {
    let world = World::new();
    let ran = world.run("wait late --until idle");
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.err.contains("no session is called `late`"), "{ran:?}");
    let waiting = Listening::start(&world, "wait late --appear --until busy");
    let _late = world.session("late", &["--status", "busy"]);
    assert_eq!(waiting.end(), (Some(0), "late\tbusy\n".to_owned()));
}

#[test]
fn a_name_that_several_have_is_not_guessed() {
    let world = World::new();
    let (_a, _b) = (world.session("twin", &[]), world.session("twin", &[]));
    let ran = world.run("wait twin --until idle");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("could be any of these"), "{ran:?}");
}

/// agent-of-empires #3378, openclaude #2162: a script that polls misses the moment.
#[test]
fn a_status_that_was_there_for_a_moment_was_there() {
    let world = World::new();
    let registry = callboard::Registry::at(world.sessions());
    let flipper = world.session("flipper", &["--status", "busy"]);
    for _ in 0..20 {
        let waiting =
            Listening::start(&world, "wait flipper --until idle --from-now --timeout 20s");
        // Between two of its system calls the wait begins; from then on no flip may be missed, so
        // they go on until it has ended.
        let mut waiting = waiting;
        let mut flips = 0;
        while waiting.child.try_wait().unwrap().is_none() {
            for status in [callboard::Status::Idle, callboard::Status::Busy] {
                registry
                    .update(flipper.pid(), &callboard::Patch::new().status(status, None))
                    .unwrap();
            }
            flips += 1;
        }
        assert!(flips > 0);
        assert_eq!(waiting.end(), (Some(0), "flipper\tidle\n".to_owned()));
    }
}

#[test]
fn events_as_json_are_whole_sessions() {
    let world = World::new();
    let session = world.session("billing", &["--status", "busy"]);
    let mut events = Listening::start(&world, "events --json --present --name bill");
    let first: serde_json::Value = serde_json::from_str(&events.next()).unwrap();
    assert_eq!(
        (&first["event"], &first["session"]["status"]),
        (&"appeared".into(), &"busy".into())
    );
    let _other = world.session("other", &[]);
    world.ok("update billing --status idle --name bills");
    let second: serde_json::Value = serde_json::from_str(&events.next()).unwrap();
    assert_eq!(second["fields"], serde_json::json!(["name", "status"]), "and nothing of the other");
    assert_eq!(second["before"]["status"], "busy");
    assert_eq!(second["session"]["pid"], session.pid());
}

#[test]
fn events_end_with_their_reader_and_with_their_time() {
    let world = World::new();
    assert_eq!(world.ok("events --for 10ms"), "");
    let _session = world.session("billing", &["--status", "busy"]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = world.callboard(["events", "--present"]);
    let mut child = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
    drop(command);
    let mut lines = BufReader::new(reader).lines();
    assert!(lines.next().unwrap().unwrap().contains("appeared"));
    drop(lines);
    world.ok("update billing --status idle");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_command_on_a_change() {
    let world = World::new();
    let _session = world.session("it's \"mine\"", &["--status", "busy"]);
    let mut on = world.callboard(["exec", "--on", "waiting", "--once", "--", "sh", "-c"]);
    on.arg("echo $CALLBOARD_EVENT $CALLBOARD_STATUS for $CALLBOARD_WAITING_FOR in \"$CALLBOARD_NAME\"; exit 7");
    let mut events = Listening::start(&world, "events --present");
    events.next();
    let child = on.stdout(Stdio::piped()).spawn().unwrap();
    listens(child.id(), 1);
    world.run_args(&["update", "it's \"mine\"", "--status", "waiting", "--waiting-for", "review"]);
    let ran = ran(child.wait_with_output().unwrap());
    assert_eq!(ran.out, "changed waiting for review in it's \"mine\"\n");
    assert_eq!(ran.code, Some(7), "with --once it ends as the command ends");
}

#[test]
fn a_bad_length_of_time_is_said_so() {
    let world = World::new();
    let ran = world.run("wait x --until idle --timeout soon");
    assert_eq!(ran.code, Some(2), "{ran:?}");
    assert!(ran.err.contains("90s, 5m or 1h 30m"), "{ran:?}");
}
