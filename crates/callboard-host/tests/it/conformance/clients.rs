//! Clients: what they see, what they type, and what they cannot do to others.

use std::time::{Duration, Instant};

use callboard_host::log::LogQuery;
use callboard_host::{Detach, Input, SnapshotFormat};
use rustix::process::Signal;

use crate::client::Client;
use crate::world::{STAGE, World, state_of};

/// Waits until the terminal has this size: a host may take a moment for it.
pub(super) fn wait_for_size(world: &World, id: &callboard_host::HostedId, columns: u16, rows: u16) {
    let size = callboard_host::Size { columns, rows };
    world.wait_until(&format!("{size:?}"), |_| world.running(id).size == size);
}

/// What is on, by the last word that was said about it.
fn is_on(bytes: &[u8], on: &str, off: &[&str]) -> bool {
    let last = |text: &str| {
        let text = text.as_bytes();
        bytes.windows(text.len()).rposition(|part| part == text).map_or(0, |at| at + 1)
    };
    last(on) > off.iter().map(|off| last(off)).max().unwrap_or(0)
}

/// The thirteen things that a terminal has to be told, each with what takes it back. A terminal
/// that answers nothing is looked at byte by byte, so that no model of ours is believed.
const THIRTEEN: [(&str, &str, &[&str]); 12] = [
    ("alternate screen", "\x1b[?1049h", &["\x1b[?1049l"]),
    ("bracketed paste", "\x1b[?2004h", &["\x1b[?2004l"]),
    ("focus", "\x1b[?1004h", &["\x1b[?1004l"]),
    ("mouse", "\x1b[?1002h", &["\x1b[?1002l"]),
    ("mouse in SGR form", "\x1b[?1006h", &["\x1b[?1006l"]),
    ("hidden cursor", "\x1b[?25l", &["\x1b[?25h"]),
    ("application cursor keys", "\x1b[?1h", &["\x1b[?1l"]),
    ("kitty keyboard", "\x1b[>1u", &["\x1b[<99u", "\x1b[<u", "\x1b[<1u"]),
    ("modifyOtherKeys", "\x1b[>4;2m", &["\x1b[>4m", "\x1b[>4;0m"]),
    ("cursor style", "\x1b[4 q", &["\x1b[0 q", "\x1b[ q"]),
    ("title", "\x1b]2;a title\x07", &["\x1b[23;0t", "\x1b[23t"]),
    ("true colour", "\x1b[38;2;10;20;30m", &["\x1b[m", "\x1b[0m"]),
];

pub(super) fn thirteen_modes_restored_and_off_again(world: &World) {
    if !world.host.caps().mode_restore {
        return;
    }
    let session = world.spawn(&[STAGE, "modes"]);
    // The first to look sees it happen; what the second gets has to be restored.
    for nth in ["first", "second"] {
        let mut client = Client::attach(world.path(), &session.id, 100, 30);
        client.wait_for("coloured");
        client.wait_until("everything on", |client| {
            is_on(&client.bytes, "\x1b[?25l", &["\x1b[?25h"])
        });
        for (what, on, off) in THIRTEEN {
            // The colour is that of some text only.
            let off = if what == "true colour" { &[][..] } else { off };
            assert!(is_on(&client.bytes, on, off), "{nth}: {what}");
        }
        let cell = client.screen.screen().cell(1, 2).unwrap();
        assert_eq!((cell.contents(), cell.fgcolor()), ("c", vt100::Color::Rgb(10, 20, 30)));
        client.type_in("\x1c");
        assert!(client.finish().success());
        for (what, on, off) in THIRTEEN {
            assert!(!is_on(&client.bytes, on, off), "{nth}: {what} is left on");
        }
        assert!(!client.screen.screen().alternate_screen());
        assert!(client.text().contains("[Ok(Detached)]"), "{}", client.text());
    }
}

/// It reads nothing while the program prints 8 MiB, and sees what is there when it reads again.
pub(super) fn a_stopped_client_stalls_nothing(world: &World) {
    let gate = world.gate("gate");
    let done = world.gate("done");
    let script = format!(
        "cat {}; seq -f '%0.f {}' 1 60000; echo end of it; echo x > {}; cat",
        gate.display(),
        "x".repeat(130),
        done.display()
    );
    let session = world.shell(&script);
    let mut client = Client::attach(world.path(), &session.id, 120, 40);
    let mut other = Client::attach(world.path(), &session.id, 120, 40);
    client.wait_for_bytes(b"\x1b[?25h");
    other.wait_for_bytes(b"\x1b[?25h");
    client.signal(Signal::STOP);
    let began = Instant::now();
    std::fs::write(&gate, "").unwrap();
    // It is opened once all has been printed.
    assert_eq!(std::fs::read(&done).unwrap(), b"x\n");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    other.wait_for("end of it");
    if let Some(host) = session.host_process {
        let status = std::fs::read_to_string(format!("/proc/{}/status", host.pid)).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        // An unoptimised build has larger code; what it holds for the client is bounded.
        assert!(kib < 16 << 10, "{resident}");
    }
    client.signal(Signal::CONT);
    client.wait_for("end of it");
    // Where somebody else has the terminal, the host may be behind it.
    world.wait_for(&session.id, "end of it");
    let screen = world.host.snapshot(&session.id, SnapshotFormat::Plain).unwrap();
    // A wrapped line may have been drawn as two.
    let text = |text: &str| text.replace('\n', "");
    let screen = text(&String::from_utf8_lossy(&screen));
    client.wait_until("like the session", |client| text(&client.text()) == screen);
}

pub(super) fn a_killed_client_is_nobodys_loss(world: &World) {
    let session = world.spawn(&["cat"]);
    let mut client = Client::attach(world.path(), &session.id, 91, 33);
    client.type_in("before\r");
    client.wait_for("before\nbefore");
    client.signal(Signal::KILL);
    client.finish();
    let mut again = Client::attach(world.path(), &session.id, 91, 33);
    again.wait_for("before\nbefore");
    let now = world.running(&session.id);
    assert_eq!((now.size.columns, now.size.rows, now.clients), (91, 33, 1));
    again.type_in("after\r");
    again.wait_for("after\nafter");
    again.signal(Signal::TERM);
    again.finish();
    assert!(again.text().contains("Signal(15)"), "{}", again.text());
    assert!(!is_on(&again.bytes, "\x1b[22;0t", &["\x1b[23;0t"]), "the terminal is left clean");
    let size = world.running(&session.id).size;
    assert_eq!((size.columns, size.rows), (91, 33), "it stays");
}

pub(super) fn two_sizes_each_sees_its_own(world: &World) {
    if !world.host.caps().many_clients {
        return;
    }
    // Draws a row of the terminal's width whenever that changes, or a key is typed.
    let session = world.spawn(&[STAGE, "rows"]);
    let mut wide = Client::attach(world.path(), &session.id, 120, 40);
    wide.wait_for("size 120x40");
    let mut narrow = Client::attach(world.path(), &session.id, 60, 20);
    narrow.wait_for("size 120x40");
    let size = world.running(&session.id).size;
    assert_eq!((size.columns, size.rows), (120, 40), "who came first leads");
    // What was meant for 120 columns would wrap.
    let row = |client: &Client, row: u16| {
        client.screen.screen().rows(0, 200).nth(usize::from(row)).unwrap_or_default()
    };
    assert_eq!(row(&narrow, 0), "a".repeat(60));
    assert_eq!(row(&narrow, 1), "size 120x40");
    assert!(!narrow.bytes.windows(61).any(|part| part == [b'a'; 61]), "a byte for another size");
    // Who types leads.
    narrow.type_in("b");
    narrow.wait_for("size 60x20");
    narrow.wait_until("its own width", |client| row(client, 0) == "b".repeat(60));
    wide.wait_until("the narrow picture", |client| row(client, 0) == "b".repeat(60));
    wide.wait_for("size 60x20");
    wide.type_in("c");
    wide.wait_for("size 120x40");
    wide.wait_until("its own width", |client| row(client, 0) == "c".repeat(120));
    narrow.wait_until("a part of it", |client| row(client, 0) == "c".repeat(60));
    // The leader's terminal changes.
    wide.resize(100, 30);
    wide.wait_for("size 100x30");
    let size = world.running(&session.id).size;
    assert_eq!((size.columns, size.rows), (100, 30));
}

pub(super) fn who_only_looks_does_not_touch(world: &World) {
    let session = world.spawn(&["cat"]);
    let mut watcher = Client::with(world.path(), &session.id, 70, 20, &["read-only"]);
    watcher.wait_for_bytes(b"\x1b[?1049h");
    let size = world.running(&session.id).size;
    assert_eq!((size.columns, size.rows), (120, 40));
    watcher.type_in("secret\r");
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.type_in("hello\r");
    client.wait_for("hello\nhello");
    watcher.wait_for("hello\nhello");
    // As above: tmux shows it to its clients first.
    world.wait_for(&session.id, "hello\nhello");
    let screen = world.host.snapshot(&session.id, SnapshotFormat::Plain).unwrap();
    assert_eq!(screen, b"hello\nhello\n");
    // One leaves by its number or as the last that typed; the other stays.
    assert_eq!(world.host.detach(&session.id, Detach::LastTypist).unwrap(), 1);
    assert!(client.finish().success());
    assert_eq!(world.running(&session.id).clients, 1);
    assert_eq!(world.host.detach(&session.id, Detach::All).unwrap(), 1);
    assert!(watcher.finish().success());
    assert_eq!(world.host.detach(&session.id, Detach::All).unwrap(), 0);
    let program = session.program.unwrap().pid;
    assert!(!matches!(state_of(program), None | Some('Z' | 'X')));
}

pub(super) fn keys_without_a_client(world: &World) {
    let session =
        world.shell("stty -echo; echo ready; while read -r line; do echo \"<$line>\"; done");
    world.wait_for(&session.id, "ready");
    let say = |input| world.host.input(&session.id, input).unwrap();
    say(Input::Bytes(b"typed\n"));
    world.wait_for(&session.id, "<typed>");
    say(Input::Paste(b"one\ntwo\n"));
    world.wait_for(&session.id, "<two>");
    // In brackets, where the program has asked for that.
    let bracketed =
        world.shell("printf '\\033[?2004h'; stty -icanon -echo; echo ready; head -c 20 | od -c");
    world.wait_for(&bracketed.id, "ready");
    world.host.input(&bracketed.id, Input::Paste(b"ab\ncdefg")).unwrap();
    let log = world.wait_for(&bracketed.id, "0000020");
    assert!(log.contains("033   [   2   0   0   ~   a   b"), "{log}");
}

pub(super) fn questions_are_answered_with_nobody_there(world: &World) {
    for (question, answer) in
        [("^[c", "\\x1b[?"), ("^[3;7H^[6n", "\\x1b[3;7R"), ("^[5n", "\\x1b[0n")]
    {
        let session = world.spawn(&[STAGE, "ask", question]);
        let log = world.wait_for(&session.id, "answer");
        assert!(log.contains(answer), "{question}: {log}");
    }
}

/// Half of a sequence, a client, and the other half: it is not shown as text.
pub(super) fn attached_in_the_middle_of_a_sequence(world: &World) {
    let gate = world.gate("gate");
    let script = format!(
        "printf 'ready\\n'; printf 'a\\033[3'; cat {}; printf '1mred\\303'; printf '\\274\\n'; cat",
        gate.display()
    );
    let session = world.shell(&script);
    world.wait_for(&session.id, "ready");
    let mut client = Client::attach(world.path(), &session.id, 80, 24);
    client.wait_for("ready\na");
    std::fs::write(&gate, "").unwrap();
    client.wait_for("aredü");
    let cell = client.screen.screen().cell(1, 1).unwrap();
    assert_eq!((cell.contents(), cell.fgcolor()), ("r", vt100::Color::Idx(1)));
}

/// Who follows gets every line once, however fast they come.
pub(super) fn a_followed_flood_has_every_line(world: &World) {
    if !world.host.caps().log {
        return;
    }
    let gate = world.gate("gate");
    let session = world.shell(&format!("echo ready; cat {}; seq 1 20000", gate.display()));
    let query = LogQuery { follow: true, ..LogQuery::default() };
    let mut log = world.host.logs(&session.id, &query).unwrap();
    let mut all = String::new();
    while !all.contains("ready") {
        all.push_str(&String::from_utf8(log.next_part().unwrap().unwrap()).unwrap());
    }
    std::fs::write(&gate, "").unwrap();
    while let Some(part) = log.next_part().unwrap() {
        all.push_str(&String::from_utf8(part).unwrap());
    }
    let expected: String = (1..=20_000).map(|line| format!("{line}\n")).collect();
    assert!(all == format!("ready\n{expected}"), "{} lines", all.lines().count());
}
