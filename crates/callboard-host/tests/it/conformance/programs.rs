//! Programs that people run.

use callboard_host::{Exit, HostedId, Size, SnapshotFormat};

use super::clients::wait_for_size;
use crate::client::Client;
use crate::world::World;

fn detach(client: &mut Client) {
    client.type_in("\x1c");
    assert!(client.finish().success(), "{}", client.text());
    assert!(client.text().contains("[Ok(Detached)]"), "{}", client.text());
}

/// Waits, by looking only, until a program has drawn this: some throw away what is typed before,
/// and vim draws nothing until a key if its first size changes before it has been answered.
fn wait_until_shown(world: &World, id: &HostedId, text: &str) {
    Client::with(world.path(), id, 120, 40, &["read-only"]).wait_for(text);
}

pub(super) fn a_shell_is_left_and_come_back_to(world: &World) {
    let env = world.env().with("PS1", "prompt> ");
    let spec = world.spec(&["bash", "--norc", "--noprofile", "-i"]).env(env);
    let session = world.host.spawn(&spec).unwrap();
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.wait_for("prompt>");
    client.type_in("x=kept; echo $COLUMNS\r");
    client.wait_for("\n80\n");
    // What is typed before the program runs is thrown away with the key that stops it.
    client.type_in("sh -c \"echo sta''rted; exec sleep 1000\"\r");
    client.wait_for("started");
    client.type_in("\x1a");
    client.wait_for("Stopped");
    detach(&mut client);
    let mut client = Client::attach(world.path(), &session.id, 100, 30);
    client.wait_for("Stopped");
    wait_for_size(world, &session.id, 100, 30);
    client.type_in("kill -KILL %1; wait %1; echo $x $COLUMNS\r");
    client.wait_for("kept 100");
    // Bash may not have noticed yet that its stopped job is dead, and then it wants to be told twice.
    client.type_in("exit 5\rexit 5\r");
    client.finish();
    assert!(client.text().contains("Ended(Code(5))"), "{}", client.text());
    assert_eq!(world.wait(&session.id), Exit::Code(5));
}

pub(super) fn vim_is_left_resized_and_come_back_to(world: &World) {
    let file = world.path().join("notes.txt");
    let lines: String = (1..=200).map(|line| format!("line {line} of the notes\n")).collect();
    std::fs::write(&file, &lines).unwrap();
    let spec = world.spec(&["vim", "--clean", "-c", "set mouse=a", file.to_str().unwrap()]);
    let session = world.host.spawn(&spec).unwrap();
    wait_until_shown(world, &session.id, "line 20 of the notes");
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.wait_for("line 20 of the notes");
    client.type_in("ihello \x1b");
    client.wait_for("hello line 1");
    detach(&mut client);
    assert!(!client.screen.screen().alternate_screen());
    assert_eq!(client.screen.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    let mut client = Client::attach(world.path(), &session.id, 100, 50);
    client.wait_for("hello line 1");
    client.wait_for("line 45 of the notes");
    assert!(client.screen.screen().alternate_screen());
    client.resize(60, 12);
    client.wait_until("12 rows", |client| !client.text().contains("line 12 of the notes"));
    client.wait_for("line 5 of the notes");
    client.type_in(":wq\r");
    client.finish();
    assert!(client.text().contains("Ended(Code(0))"), "{}", client.text());
    assert_eq!(std::fs::read_to_string(file).unwrap(), format!("hello {lines}"));
}

fn count(bytes: &[u8], text: &[u8]) -> usize {
    bytes.windows(text.len()).filter(|part| *part == text).count()
}

pub(super) fn less_is_left_and_come_back_to(world: &World) {
    let file = world.path().join("text");
    let lines: String = (1..=500).map(|line| format!("row {line}\n")).collect();
    std::fs::write(&file, lines).unwrap();
    let spec = world.spec(&["less", file.to_str().unwrap()]);
    let session = world.host.spawn(&spec.size(Size { columns: 80, rows: 24 })).unwrap();
    wait_until_shown(world, &session.id, "row 23");
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    // It was restored, and has drawn itself since: what is typed while it does is thrown away.
    client.wait_until("drawn twice", |client| count(&client.bytes, b"row 23") >= 2);
    client.type_in(" ");
    client.wait_for("row 46");
    detach(&mut client);
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.wait_until("drawn twice", |client| count(&client.bytes, b"row 46") >= 2);
    client.type_in("/row 444\r");
    client.wait_for("row 444");
    client.type_in("q");
    client.finish();
    assert_eq!(world.wait(&session.id), Exit::Code(0));
}

pub(super) fn top_goes_on_drawing(world: &World) {
    let session = world.spawn(&["top", "-d", "0.2"]);
    let mut client = Client::attach(world.path(), &session.id, 90, 20);
    client.wait_for("COMMAND");
    detach(&mut client);
    let mut client = Client::attach(world.path(), &session.id, 90, 20);
    client.wait_for("COMMAND");
    let seen = client.bytes.len();
    client.wait_until("another picture", |client| client.bytes.len() > seen + 200);
    client.type_in("q");
    client.finish();
    assert_eq!(world.wait(&session.id), Exit::Code(0));
}

/// What is no UTF-8, and what is no text at all.
pub(super) fn bytes_that_are_no_text(world: &World) {
    // To some terminals, a string that has begun goes on until its end, whatever is in it. An escape
    // that happens to be the last byte would take that of the end for its own: hence the x.
    let session = world.shell(
        "printf '\\377\\376 bad \\200\\n'; head -c 300000 /dev/urandom; \
         printf 'x\\033\\\\\\033c'; echo; echo all of that was no text; cat",
    );
    // As long as no 300,000 random bytes have it in them.
    let mark = "all of that was no text";
    world.wait_for(&session.id, mark);
    let screen = world.host.snapshot(&session.id, SnapshotFormat::Plain).unwrap();
    assert!(String::from_utf8_lossy(&screen).contains(mark));
    // Nothing that a terminal would act on comes out of a log but colours, and these only if they
    // are wanted.
    for byte in world.log(&session.id).chars() {
        assert!(byte == '\n' || !byte.is_control(), "{byte:?}");
    }
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.type_in("typed\r");
    client.wait_for("typed\ntyped");
}

/// How many screens are drawn; a variable asks for more, for hours of it.
fn frames() -> u64 {
    let asked = std::env::var("CALLBOARD_SOAK_FRAMES").ok();
    asked.map_or(2_000, |frames| frames.parse().expect("a number of frames"))
}

/// A program that draws its whole screen anew, again and again, and prints a line between.
pub(super) fn drawing_on_and_on_costs_no_memory(world: &World) {
    let gate = world.gate("gate");
    let draw = |frames: u64| {
        format!(
            "awk 'BEGIN {{ for (f = 0; f < {frames}; f++) {{ printf \"\\033[?1049h\\033[H\"; \
             for (r = 1; r <= 39; r++) printf \"\\033[3%dm%d of frame %d\\033[m\\033[K\\r\\n\", r % 8, r, f; \
             printf \"\\033[?1049lframe %d\\n\", f }} }}'"
        )
    };
    let script = format!(
        "{}; echo warm; cat {}; {}; echo done; cat {}",
        draw(500),
        gate.display(),
        draw(frames()),
        gate.display()
    );
    let session = world.shell(&script);
    let host = session.host_process.expect("a host of its own").pid;
    world.wait_for(&session.id, "warm\n");
    let warm = resident(host);
    std::fs::write(&gate, "").unwrap();
    world.wait_for(&session.id, "done\n");
    let after = resident(host);
    assert!(after <= warm + warm / 10, "{warm} KiB, and after that {after}");
}

/// The memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}
