//! What the command prints where another user of the machine has had his hand in it. What the
//! library does there is in its own tests, `crates/callboard/tests/security/`; here the victim
//! is a user without any privilege who types commands.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::PathBuf;
use std::process::Command;

use crate::canary::Canary;
use crate::world::{Living, Ran, World, callboard, ran};

const VICTIM: u32 = 61_001;
const ATTACKER: u32 = 61_002;

/// A world whose home, registry and terminal are those of a user whom the machine does not know
/// otherwise.
struct Theirs {
    world: World,
    program: PathBuf,
}

impl Theirs {
    fn new() -> Self {
        let world = World::new();
        // The build may be where this user may not go.
        let program = world.path("callboard");
        fs::copy(callboard(), &program).unwrap();
        fs::set_permissions(world.path(""), fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(world.path("board")).unwrap();
        for place in ["home", "tmp", "work", "board"] {
            chown(world.path(place), Some(VICTIM), Some(VICTIM)).unwrap();
        }
        Self { world, program }
    }

    fn as_user(&self, uid: u32) -> Command {
        let mut command = self.world.command("setpriv");
        command.args([&format!("--reuid={uid}"), &format!("--regid={uid}"), "--clear-groups"]);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.as_user(VICTIM).arg(&self.program).args(arguments).output().unwrap())
    }

    /// A process of the victim's that is signed in, with more options for `register`.
    fn session(&self, options: &[&str]) -> Living {
        let mut command = self.as_user(VICTIM);
        command.arg("cat").stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null());
        let process = Living(command.spawn().unwrap());
        let pid = process.pid().to_string();
        let ran = self.run(&[&["register", "--pid", &pid], options].concat());
        assert_eq!(ran.code, Some(0), "{ran:?}");
        process
    }

    /// Lets everybody write to the registry, as a careless script does.
    fn loosen(&self) {
        fs::set_permissions(self.world.sessions(), fs::Permissions::from_mode(0o777)).unwrap();
    }

    /// A file of the attacker's in the registry.
    fn plant(&self, name: &[u8]) {
        let path = self.world.sessions().join(std::ffi::OsStr::from_bytes(name));
        fs::write(&path, r#"{"pid":1,"name":"planted"}"#).unwrap();
        chown(&path, Some(ATTACKER), Some(ATTACKER)).unwrap();
    }
}

/// Every command that reads, or looks before it writes.
fn commands() -> Vec<Vec<&'static str>> {
    [
        "ps",
        "ps --json",
        "ps --all",
        "ps --strict",
        "count",
        "count --json",
        "doctor",
        "show mine",
        "show mine --json",
        "sweep --dry-run",
        "sweep",
        "completions bash",
    ]
    .map(|line| line.split(' ').collect())
    .into()
}

/// One line of text is one line of text: nothing that acts, hides, or begins a line of its own.
fn assert_plain(text: &str, what: &str) {
    let acts = |c: char| {
        !matches!(c, '\n' | '\t') && (c.is_control() || ('\u{200b}'..='\u{202e}').contains(&c))
    };
    assert!(!text.contains(acts), "{what}: {text:?}");
    assert!(!text.lines().any(|line| line.starts_with("callboard: all is well")), "{what}: {text}");
}

/// File names that another user chose, for whoever reads or copies what is printed.
#[test]
fn names_in_the_registry_do_not_reach_the_terminal_or_a_shell() {
    let theirs = Theirs::new();
    let _mine = theirs.session(&["--name", "mine"]);
    theirs.loosen();
    let long = "9".repeat(250);
    let planted: [&[u8]; 14] = [
        b"\x1b[2J\x1b]0;owned\x07.json",
        b"x\ncallboard: all is well\n.json",
        b"4\ncallboard: all is well.json",
        b"$(reboot).json",
        b"`reboot`.json",
        b"; reboot #.json",
        b"-rf",
        b"--strict",
        b"*",
        b"~",
        b"\xff\xfe\x9b31m.json",
        "\u{202e}nosj.4\u{200b}".as_bytes(),
        long.as_bytes(),
        b"4.json",
    ];
    for name in planted {
        theirs.plant(name);
    }
    let warned = theirs.run(&["ps"]).err;
    assert_eq!(warned.lines().count(), planted.len() + 1, "one line each, and the mode: {warned}");
    assert!(warned.lines().all(|line| line.starts_with("callboard: /")), "{warned}");
    for arguments in commands() {
        let ran = theirs.run(&arguments);
        let what = arguments.join(" ");
        assert_plain(&ran.out, &what);
        assert_plain(&ran.err, &what);
        assert!(matches!(ran.code, Some(0 | 1 | 3)), "{what}: {ran:?}");
        assert!(!ran.out.contains("planted"), "{what}: {}", ran.out);
        if what.starts_with("ps") && !what.contains("json") {
            assert_eq!(ran.out.lines().count(), 1, "{what}: {}", ran.out);
        }
        theirs.loosen();
    }
}

/// Names of sessions that a shell or an option parser would take for something else: they are
/// shown as they are, and can be meant.
#[test]
fn a_session_may_be_called_like_an_option_or_a_command() {
    let theirs = Theirs::new();
    let names = ["-rf", "--json", "$(reboot)", "`reboot`", "a b; reboot", "*", "~root", "'"];
    let sessions: Vec<_> =
        names.iter().map(|name| theirs.session(&[&format!("--name={name}")])).collect();
    let before = theirs.run(&["completions", "bash"]).out;
    for (name, session) in names.iter().zip(&sessions) {
        let shown = theirs.run(&["show", "--json", "--", name]);
        assert_eq!(shown.code, Some(0), "{name}: {shown:?}");
        let shown: serde_json::Value = serde_json::from_str(&shown.out).unwrap();
        assert_eq!((&shown["name"], &shown["pid"]), (&(*name).into(), &session.pid().into()));
        // Completions are written once and hold no names; a shell never evaluates one.
        for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
            let script = theirs.run(&["completions", shell]).out;
            assert!(!script.contains("reboot") && !script.contains("callboard ps\n"), "{shell}");
        }
    }
    assert_eq!(theirs.run(&["completions", "bash"]).out, before);
    let taken = theirs.run(&["rename", "--", "-rf", "$(reboot) -rf"]);
    assert_eq!(taken.code, Some(0), "{taken:?}");
    let names = theirs.run(&["ps"]).out;
    assert!(names.contains("$(reboot) -rf\t"), "{names}");
}

/// The log, the inbox and the directory of a session may be anything: they are shown, and no
/// command opens them.
#[test]
fn no_command_opens_what_a_record_points_to() {
    let theirs = Theirs::new();
    let trap = theirs.world.path("home/trap");
    fs::create_dir(&trap).unwrap();
    let fifo = trap.join("fifo");
    rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, 0o666.into()).unwrap();
    fs::write(trap.join("log"), "x").unwrap();
    symlink("log", trap.join("link")).unwrap();
    let watched = Canary::watch(trap.clone());
    for name in ["fifo", "log", "link"] {
        let path = trap.join(name);
        let path = path.to_str().unwrap();
        let mut session =
            theirs.session(&["--name", "mine", "--log-path", path, "--inbox", path, "--cwd", path]);
        for arguments in commands() {
            let ran = theirs.run(&arguments);
            assert_eq!((ran.code, &*ran.err), (Some(0), ""), "{arguments:?}: {ran:?}");
        }
        assert!(theirs.run(&["show", "mine"]).out.contains(path));
        for arguments in
            [vec!["rename", "mine", "other"], vec!["update", "other", "--status", "idle"]]
        {
            assert_eq!(theirs.run(&arguments).code, Some(0), "{arguments:?}");
        }
        let pid = session.pid().to_string();
        assert_eq!(theirs.run(&["deregister", "--pid", &pid]).code, Some(0));
        session.kill();
    }
    watched.assert_untouched("what a record points to");
}

/// A link of the attacker's on the way to the registry is said to be one, with what to do, and
/// nobody is shown who is not on.
#[test]
fn a_symlink_of_another_user_on_the_way_is_named() {
    let theirs = Theirs::new();
    let _mine = theirs.session(&["--name", "mine"]);
    let link = theirs.world.path("link");
    symlink(theirs.world.path("board"), &link).unwrap();
    std::os::unix::fs::lchown(&link, Some(ATTACKER), Some(ATTACKER)).unwrap();
    let home = link.to_str().unwrap();
    let said = format!("{home}, a symlink of another user (uid {ATTACKER}), and is not taken");
    let ps = theirs.run(&["--home", home, "ps"]);
    assert_eq!((ps.code, &*ps.out), (Some(0), ""), "{ps:?}");
    assert!(ps.err.contains(&said), "{}", ps.err);
    assert_eq!(theirs.run(&["--home", home, "ps", "--strict"]).code, Some(3));
    let doctor = theirs.run(&["--home", home, "doctor"]);
    assert_eq!(doctor.code, Some(1), "{doctor:?}");
    assert!(doctor.out.contains(&said), "{}", doctor.out);
    for arguments in [vec!["register"], vec!["update", "--status", "idle"], vec!["deregister"]] {
        let refused = theirs.run(&[&["--home", home][..], &arguments].concat());
        assert_eq!((refused.code, &*refused.out), (Some(1), ""), "{arguments:?}: {refused:?}");
        let begin =
            format!("callboard: will not use {home}/sessions: {home} on the way is a symlink");
        assert!(refused.err.starts_with(&begin), "{arguments:?}: {}", refused.err);
        assert!(refused.err.contains("; make it yours"), "{arguments:?}: {}", refused.err);
    }
    assert!(theirs.run(&["ps"]).out.starts_with("mine\t"), "by the way of its own");
}
