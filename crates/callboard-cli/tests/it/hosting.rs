//! Background sessions, as people and scripts use them: real hosts, real terminals.

use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::Deref;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::Value;

use crate::terminal::{Terminal, with_a_terminal};
use crate::world::{World, callboard, ran};

/// A world whose background sessions end with it, also when the test has failed.
pub(crate) struct Hosting(World);

impl Deref for Hosting {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

impl Drop for Hosting {
    fn drop(&mut self) {
        self.run("stop --all --grace 0");
    }
}

impl Hosting {
    pub(crate) fn new() -> Self {
        Self(World::new())
    }

    /// Starts a shell script in the background; its id.
    pub(crate) fn start(&self, name: &str, script: &str) -> String {
        self.start_with(&[], name, script)
    }

    /// The same with more options.
    pub(crate) fn start_with(&self, more: &[&str], name: &str, script: &str) -> String {
        let mut command = self.callboard(["run", "-d", "--name", name]);
        command.args(more).args(["--", "sh", "-c", script]);
        let ran = ran(command.env("CB", callboard()).output().unwrap());
        assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
        ran.out.trim_end().to_owned()
    }

    /// Attaches a terminal of its own.
    pub(crate) fn attach(&self, arguments: &[&str]) -> Terminal {
        let mut command = with_a_terminal(self);
        command.arg(callboard()).arg("attach").args(arguments);
        Terminal::start(&mut command, 80)
    }

    /// Waits until a session has ended; all that it has printed.
    pub(crate) fn wait(&self, id: &str) -> String {
        self.ok(&format!("logs -f {id}"))
    }

    /// The session in `ps --all`, dead or alive.
    pub(crate) fn row(&self, name: &str) -> Value {
        let rows: Vec<Value> = serde_json::from_str(&self.ok("ps --all --json")).unwrap();
        let mut found = rows.into_iter().filter(|row| row["name"] == name);
        let row = found.next().unwrap_or_else(|| panic!("{name} is not listed"));
        assert!(found.next().is_none(), "{name} is listed once");
        row
    }

    /// How many terminals are attached to the first session that is listed. A host that a busy
    /// machine keeps from answering within half a second says nothing, and is asked again.
    fn clients(&self) -> u64 {
        let mut answers = (0..20).filter_map(|_| self.ps()[0]["host"]["clients"].as_u64());
        answers.next().expect("its host answers")
    }

    /// What its hosts have on disk.
    pub(crate) fn left(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("board/hosts")).into_iter().flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != ".inside" && name != ".tmux").collect()
    }

    /// Waits until a session has printed so many lines, those of its earlier runs included: it is
    /// started when its program is executed, and that has printed nothing yet.
    pub(crate) fn printed(&self, id: &str, lines: usize) {
        let mut left = lines;
        self.follow(id, |_| {
            left -= 1;
            left == 0
        });
        assert_eq!(left, 0, "it has ended before");
    }

    /// Reads what a session prints, from its beginning, to a line that is the last one wanted.
    fn follow(&self, id: &str, mut is_last: impl FnMut(String) -> bool) {
        let mut command = self.callboard(["logs", "-f", id]);
        let mut follower = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(follower.stdout.take().unwrap()).lines();
        lines.map(Result::unwrap).any(&mut is_last);
        follower.kill().unwrap();
        follower.wait().unwrap();
    }

    /// Waits until a session has printed lines that begin with these words; the rest of each.
    fn said(&self, id: &str, words: &[&str]) -> Vec<String> {
        let mut found = vec![String::new(); words.len()];
        self.follow(id, |line| {
            for (word, rest) in words.iter().zip(&mut found) {
                if let Some(said) = line.strip_prefix(word) {
                    *rest = said.trim().to_owned();
                }
            }
            found.iter().all(|rest| !rest.is_empty())
        });
        found
    }
}

/// A program that answers what is typed, and ends with 3 at the end of its input.
const TALK: &str = r#"echo "I am up"; while read x; do echo "got <$x>"; done; exit 3"#;

#[test]
fn a_session_is_left_and_come_back_to() {
    left_and_come_back_to(&Hosting::new(), "builtin");
}

pub(crate) fn left_and_come_back_to(world: &Hosting, host: &str) {
    let id = world.start_with(&["--host", host], "talk", TALK);
    world.printed(&id, 1);
    let row = &world.ps()[0];
    assert_eq!((&row["name"], &row["kind"]), (&"talk".into(), &"bg".into()));
    assert_eq!(row["host"]["id"], id);
    assert_eq!(world.clients(), 0);

    let mut first = world.attach(&["talk"]);
    first.wait_for("I am up");
    first.wait_for("ctrl-\\ leaves it running");
    first.type_in("one\n");
    first.wait_for("got <one>");
    // A second one sees the same at once, and cannot touch it.
    let mut second = world.attach(&["talk", "--read-only", "--detach-key", "ctrl-q"]);
    second.wait_for("got <one>");
    assert_eq!(world.clients(), 2);
    second.type_in("two\n");
    first.type_in("three\n");
    second.wait_for("got <three>");
    second.type_in("\u{11}");
    let (status, screen) = second.finish();
    assert_eq!(status.code(), Some(0));
    assert!(screen.contains("left talk running; back with: callboard attach talk"), "{screen}");
    assert!(!screen.contains("[detached"), "tmux says it, too: {screen}");

    first.type_in("\u{1c}");
    let (status, screen) = first.finish();
    assert_eq!(status.code(), Some(0));
    assert!(screen.contains("left talk running"), "{screen}");
    let mut again = world.attach(&["talk"]);
    again.wait_for("got <one>");
    again.wait_for("got <three>");
    again.type_in("\u{4}");
    let (status, screen) = again.finish();
    assert_eq!(status.code(), Some(0));
    assert!(screen.contains("talk has ended: exit code 3"), "{screen}");
    assert!(!world.ok("logs talk").contains("two"));

    assert_eq!(world.ps().len(), 0, "it is over");
    let row = world.row("talk");
    assert_eq!((&row["verdict"], &row["host"]["exitCode"]), (&"dead".into(), &3.into()));
    assert!(world.ok("show talk").contains("exit code 3"));
    let ran = world.run("attach talk");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("does not run: ended; `callboard logs`"), "{}", ran.err);
    world.ok("rm talk");
    assert_eq!(world.ok("ps --all"), "");
    assert_eq!(world.left(), Vec::<String>::new());
}

#[test]
fn one_client_is_detached_from_outside_and_one_from_inside() {
    detached_from_outside_and_from_inside(&Hosting::new(), "builtin");
}

pub(crate) fn detached_from_outside_and_from_inside(world: &Hosting, host: &str) {
    world.start_with(&["--host", host], "shell", "exec bash --norc --noprofile");
    let mut outside = world.attach(&["shell"]);
    outside.wait_for("leaves it running");
    world.ok("detach shell");
    assert!(outside.finish().1.contains("left shell running"));
    assert_eq!(world.clients(), 0);
    let ran = world.run("detach shell");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("nobody is attached"), "{}", ran.err);
    assert_eq!(world.run("detach").code, Some(2), "this is no background session");

    let mut inside = world.attach(&["shell"]);
    inside.wait_for("leaves it running");
    inside.type_in("\"$CB\" attach shell; echo code $?\n");
    inside.wait_for("this is `shell` already");
    inside.wait_for("code 1");
    inside.type_in("\"$CB\" detach\n");
    let (status, screen) = inside.finish();
    assert_eq!(status.code(), Some(0));
    assert!(screen.contains("left shell running"), "{screen}");
    assert_eq!(world.names(), ["shell"]);
}

#[test]
fn a_log_is_followed_while_it_grows() {
    let world = Hosting::new();
    let gate = world.path("work/gate");
    let mode = rustix::fs::Mode::from_bits_retain(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &gate, mode).unwrap();
    let script = "printf 'a\\nb\\n\\033[31mfirst\\033[m\\n'; read x < gate; echo second; exit 0";
    let id = world.start("log", script);
    world.said(&id, &["firs"]);
    let mut command = world.callboard(["logs", "-f", "-n", "0", "log"]);
    let mut follower = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(follower.stdout.take().unwrap());
    let mut text = String::new();
    while !text.contains("first\n") {
        assert!(out.read_line(&mut text).unwrap() > 0, "{text:?}");
    }
    std::fs::OpenOptions::new().write(true).open(gate).unwrap().write_all(b"\n").unwrap();
    std::io::Read::read_to_string(&mut out, &mut text).unwrap();
    assert!(text.ends_with("first\nsecond\n"), "{text:?}");
    assert_eq!(follower.wait().unwrap().code(), Some(0), "it ends with the session");

    assert_eq!(world.ok("logs log"), "a\nb\nfirst\nsecond\n");
    assert_eq!(world.ok("logs log -n 2"), "first\nsecond\n");
    assert_eq!(world.ok("logs log --since 1h"), "a\nb\nfirst\nsecond\n");
    assert_eq!(world.ok("logs log --since 2100-01-01T00:00:00Z"), "");
    assert!(world.ok("logs log --color always").contains("\u{1b}["));
}

#[test]
fn nothing_is_left_of_what_will_not_stop() {
    let world = Hosting::new();
    let script = r#"
        trap '' HUP TERM
        (trap '' HUP TERM; echo "child $(exec sh -c 'echo $PPID')"; while :; do sleep 1000; done) &
        setsid sh -c 'trap "" HUP TERM; (echo "escaped $(exec sh -c "echo \$PPID")"; while :; do sleep 1000; done) & exit' &
        while :; do sleep 1000; done"#;
    let id = world.start("stubborn", script);
    let pids = world.said(&id, &["child", "escaped"]);
    let asked = Instant::now();
    assert_eq!(world.ok("stop stubborn --grace 200ms"), "stubborn\tsignal 9\n");
    assert!(asked.elapsed() < Duration::from_secs(9), "that is the grace of those that say none");
    for pid in pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
        assert!(matches!(state, None | Some('Z' | 'X')), "{pid} is left: {stat}");
    }
    assert_eq!(world.row("stubborn")["host"]["signal"], 9);
}

/// A record is nobody's word on what may be ended, nor on what a session is.
#[test]
fn only_what_a_host_has_is_stopped() {
    let world = Hosting::new();
    let id = world.start("hosted", "exec cat");
    let _bystander = world.session("claims", &["--kind", "bg"]);
    assert!(world.row("claims")["host"].is_null());
    for line in ["stop claims", "attach claims", "logs claims", "rm claims", "restart claims"] {
        let ran = world.run(line);
        assert_eq!((ran.code, &*ran.out), (Some(1), ""), "{line}");
        assert!(ran.err.contains("no host in the background"), "{line}: {}", ran.err);
    }
    for name in ["claims", "hosted"] {
        assert_eq!(world.row(name)["verdict"], "alive", "{name}");
    }
    assert_eq!(world.row("hosted")["host"]["id"], *id);
}

#[test]
fn how_it_ended_is_told() {
    let world = Hosting::new();
    for (name, script, told) in [
        ("fine", "exit 0", "exit code 0"),
        ("three", "exit 3", "exit code 3"),
        ("killed", "kill -9 $$", "signal 9"),
    ] {
        let id = world.start(name, script);
        world.wait(&id);
        let line = world.ok("ps --all");
        let line = line.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.ends_with(&format!("\tdead\tbuiltin\t0\t{told}")), "{line}");
        assert!(world.ok(&format!("show {id}")).contains(told), "{name}");
        assert_eq!(world.ok(&format!("stop {name}")), format!("{name}\t{told}\n"));
    }
    assert_eq!(world.ok("ps"), "");
    let ran = world.run("ps --all --name three");
    assert_eq!(ran.out.lines().count(), 1, "{ran:?}");
    world.ok("rm --all");
    assert_eq!(world.left(), Vec::<String>::new());
}

#[test]
fn what_cannot_start_leaves_nothing() {
    let world = Hosting::new();
    std::fs::write(world.path("work/text"), "").unwrap();
    for (line, code, says) in [
        ("run -d -- no-such-program", 127, "cannot run `no-such-program`: no such program; see"),
        ("run -d -- ./text", 126, "cannot run `./text`: Permission denied"),
        ("run -d --dir gone -- true", 1, "/work/gone: No such file or directory"),
        ("run -d --size 0x0 -- true", 2, "not a size"),
        ("run -d --limit speed=1 -- true", 2, "not a limit"),
        ("run -d --host screen -- true", 2, "no such host"),
        ("run -d --env =x -- true", 2, "not a variable"),
        ("run --dir . -- true", 2, "--detach"),
        ("run -d", 2, "<CMD>"),
        ("--registry x run -d -- true", 2, "give --home instead"),
        ("stop", 2, "<S>"),
        ("attach x --detach-key tab", 2, "not a key"),
        ("logs x --since yesterday", 2, "not a time"),
        ("logs nobody", 1, "callboard ps"),
        ("rm nobody", 1, "callboard ps"),
    ] {
        let ran = world.run(line);
        assert_eq!((ran.code, &*ran.out), (Some(code), ""), "{line}: {}", ran.err);
        assert!(ran.err.contains(says), "{line}: {}", ran.err);
    }
    assert_eq!(world.left(), Vec::<String>::new());
    assert_eq!(world.ok("ps --all"), "");
}

#[test]
fn a_session_starts_with_what_was_asked_for() {
    let world = Hosting::new();
    std::fs::create_dir(world.path("work/below")).unwrap();
    let script = "echo $SECRET/$MORE; stty size; pwd; ulimit -n";
    let mut command = world.callboard(["run", "-d", "--name", "asked", "--dir", "below"]);
    command.args(["--env", "MORE=a=b", "--clear-env", "--size", "100x30"]);
    command.args(["--limit", "files=77,core=0", "--", "sh", "-c", script]);
    let ran = ran(command.env("SECRET", "s3cret").output().unwrap());
    assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{ran:?}");
    let below = world.path("work/below");
    let expected = format!("/a=b\n30 100\n{}\n77\n", below.display());
    assert_eq!(world.wait(ran.out.trim_end()), expected);
}

/// `kill -9` of the host: nobody knows how the session ended, and nobody claims to.
#[test]
fn a_killed_host_is_a_lost_session() {
    let world = Hosting::new();
    let id = world.start("doomed", "echo up; exec cat");
    let shown = world.ok("show doomed");
    let host = shown.lines().find_map(|line| line.trim().strip_prefix("host pid")).unwrap();
    let host = Pid::from_raw(host.trim().parse().unwrap()).unwrap();
    let end = pidfd_open(host, PidfdFlags::empty()).unwrap();
    kill_process(host, Signal::KILL).unwrap();
    let limit = Timespec { tv_sec: 10, tv_nsec: 0 };
    assert_eq!(poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&limit)).unwrap(), 1);
    let row = world.row("doomed");
    assert_eq!((&row["host"]["id"], &row["host"]["state"]), (&id.into(), &"lost".into()));
    assert!(row["host"]["exitCode"].is_null(), "{row}");
    assert!(world.ok("show doomed").contains("lost"));
    world.ok("rm --all");
    assert_eq!(world.left().len(), 1, "what may have left something is kept");
    assert_eq!(world.ok("stop doomed"), "doomed\tlost\n");
    world.ok("rm doomed");
    assert_eq!(world.left(), Vec::<String>::new());
}

#[test]
fn a_session_is_restarted_under_its_id_and_found_by_its_new_name() {
    let world = Hosting::new();
    let id = world.start("old", "echo once; exec cat");
    world.ok("rename old new");
    assert_eq!(world.ok("stop new"), "new\tsignal 15\n".replace("new", "old"));
    let again = world.ok("restart old");
    assert_eq!(again.trim_end(), id);
    assert_eq!(world.names(), ["old"]);
    assert_eq!(world.ok(&format!("restart {id}")).trim_end(), id, "while it runs, too");
    assert_eq!(world.ps()[0]["host"]["id"], *id);
    let twin = world.start("old", "exec cat");
    let ran = world.run("stop old");
    assert_eq!((ran.code, &*ran.out), (Some(2), ""), "either");
    assert!(ran.err.contains(&id) && ran.err.contains(&twin), "{}", ran.err);
    assert_eq!(world.ps().len(), 2);
}

/// `restart` of a session that had ended ended another one, whose id began like its name.
#[test]
fn one_that_has_ended_comes_before_whose_id_begins_like_its_name() {
    let world = Hosting::new();
    let other = world.start("other", "exec cat");
    let program = world.row("other")["pid"].clone();
    let name = &other[..7];
    let id = world.start(name, "exit 3");
    world.wait(&id);
    assert_eq!(world.ok(&format!("stop {name}")), format!("{name}\texit code 3\n"));
    assert_eq!(world.ok(&format!("restart {name}")).trim_end(), id);
    assert_eq!(world.row("other")["pid"], program, "nobody has touched it");
    world.wait(&id);
    world.ok(&format!("rm {name}"));
    assert_eq!(world.names(), ["other"]);
}

#[test]
fn names_and_logs_are_not_raw() {
    let world = Hosting::new();
    let name = "a\u{1b}]0;x\u{7}\u{202e}";
    let id = world.start(name, "printf '\\033]0;title\\007\\033[2J\\033[31mred\\033[m\\n'");
    world.wait(&id);
    for line in [
        "ps --all".to_owned(),
        "ps --all --color always".to_owned(),
        "ps --all --json".to_owned(),
        format!("show {id}"),
        format!("stop {id}"),
        format!("logs {id} --color always"),
    ] {
        let out = world.ok(&line);
        let bare = crate::terminal::bare(&out);
        assert!(!bare.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{line}: {out:?}");
        assert!(out.contains("\\u") || out.contains("red"), "{line}: {out:?}");
    }
}
