//! The recipes of docs/RECIPES.md, as they stand there, with the real programs.

use std::path::PathBuf;
use std::process::Command;

use crate::terminal::{Terminal, bare, with_a_terminal};
use crate::world::{World, callboard, ran};

/// A file of the project.
fn project(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// What stands in the fence after the mark of this name.
fn recipe(name: &str) -> String {
    let text = std::fs::read_to_string(project("docs/RECIPES.md")).unwrap();
    let (_, rest) = text.split_once(&format!("<!-- recipe: {name} -->\n```")).expect(name);
    let (_, rest) = rest.split_once('\n').unwrap();
    rest.split_once("\n```").unwrap().0.to_owned() + "\n"
}

/// The program under test is found by its name.
fn with_path(command: &mut Command) -> &mut Command {
    let dir = callboard().parent().unwrap().display();
    command.env("PATH", format!("{dir}:{}", std::env::var("PATH").unwrap()))
}

/// A shell, or what else, that has a file for its set-up.
fn set_up(world: &World, program: &[&str], file: &str, text: &str) -> Command {
    let path = world.path(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    let mut command = with_a_terminal(world);
    with_path(&mut command).args(program).env("LANG", "C.UTF-8").env("ZDOTDIR", world.path("home"));
    command
}

/// A status that some program has made up, to see who obeys it.
const EVIL: &str = "$(touch hacked)%n`touch hacked`";

/// One that waits, and one that says something odd.
fn two_sessions(world: &World) -> [crate::world::Living; 2] {
    [world.session("billing", &["--status", "waiting"]), world.session("odd", &["--status", EVIL])]
}

fn nobody_obeyed(world: &World) {
    for dir in ["work", "home"] {
        assert!(!world.path(dir).join("hacked").exists());
    }
}

#[test]
fn tmux_shows_it() {
    let world = World::new();
    let _two = two_sessions(&world);
    let config = world.path("work/tmux.conf");
    let socket = world.path("tmux.sock");
    std::fs::write(&config, recipe("tmux") + "set -g status-right-length 100\n").unwrap();
    let mut tmux = with_a_terminal(&world);
    with_path(&mut tmux).arg("tmux").arg("-S").arg(&socket).arg("-f").arg(&config);
    let mut terminal =
        Terminal::start(tmux.arg("new-session").arg("cat").env("LANG", "C.UTF-8"), 160);
    terminal.wait_for("1 waiting");
    terminal.wait_for(EVIL);
    let mut kill = world.command("tmux");
    assert!(kill.arg("-S").arg(&socket).arg("kill-server").status().unwrap().success());
    nobody_obeyed(&world);
}

#[test]
fn zsh_has_it_in_its_prompt() {
    let world = World::new();
    let _two = two_sessions(&world);
    let mut zsh = set_up(&world, &["zsh", "-i"], "home/.zshrc", &recipe("zsh-prompt"));
    let mut terminal = Terminal::start(&mut zsh, 160);
    terminal.wait_for(&format!("1 waiting · 1 {EVIL}"));
    nobody_obeyed(&world);
}

#[test]
fn fish_has_it_in_its_prompt() {
    let world = World::new();
    let _two = two_sessions(&world);
    let script = recipe("fish-prompt") + "fish_right_prompt\n";
    let mut fish = world.command("fish");
    let found = ran(with_path(fish.args(["--no-config", "-c"]).arg(script)).output().unwrap());
    assert!(bare(&found.out).contains(&format!("1 waiting · 1 {EVIL}\n")), "{found:?}");
    nobody_obeyed(&world);
}

#[test]
fn bash_has_it_in_its_prompt() {
    let world = World::new();
    let _two = two_sessions(&world);
    let bash = ["bash", "--noprofile", "-i"];
    let mut bash = set_up(&world, &bash, "home/.bashrc", &recipe("bash-prompt"));
    let mut terminal = Terminal::start(&mut bash, 160);
    terminal.wait_for(&format!("1 waiting · 1 {EVIL}"));
    nobody_obeyed(&world);
}

/// It cannot be had as a package everywhere, so this looks whether it is there.
#[test]
fn starship_has_it_in_its_prompt() {
    let world = World::new();
    let _two = two_sessions(&world);
    std::fs::create_dir_all(world.path("home/.config")).unwrap();
    std::fs::write(world.path("home/.config/starship.toml"), recipe("starship")).unwrap();
    let mut starship = world.command("starship");
    let Ok(output) = with_path(starship.args(["module", "custom.callboard"])).output() else {
        eprintln!("starship is not installed: its recipe was not tried");
        return;
    };
    let found = ran(output);
    assert!(bare(&found.out).starts_with(&format!("1 waiting · 1 {EVIL}")), "{found:?}");
    nobody_obeyed(&world);
}

/// The key is pressed in a real zsh.
#[test]
fn zsh_completes_commands_and_live_sessions() {
    let world = World::new();
    let _billing = world.session("billing", &["--status", "waiting"]);
    let config = format!("{}PROMPT='ready> '\n", recipe("zsh-completion"));
    let mut zsh = set_up(&world, &["zsh", "-i"], "home/.zshrc", &config);
    let mut terminal = Terminal::start(&mut zsh, 160);
    for (typed, completed) in [
        ("callboard dereg\t", "callboard deregister"),
        ("callboard show bil\t", "callboard show billing"),
        ("callboard wait billing --fro\t", "callboard wait billing --from-now"),
    ] {
        terminal.wait_for("ready> ");
        terminal.type_in(typed);
        wait_for_line(&mut terminal, completed);
        terminal.type_in("\u{15}:\r");
    }
}

/// Waits until a line editor has brought a line onto the screen, piece by piece.
fn wait_for_line(terminal: &mut Terminal, line: &str) {
    let mut rest = line;
    while !rest.is_empty() {
        // It redraws what changes, in pieces of its own choice; each character comes in order.
        let next: String = rest.chars().take(1).collect();
        terminal.wait_for(&next);
        rest = &rest[next.len()..];
    }
}

#[test]
fn fish_completes_commands_and_live_sessions() {
    let world = World::new();
    let _billing = world.session("billing", &["--status", "waiting"]);
    let mut gone = world.session("bistro", &[]);
    gone.kill();
    let complete = |line: &str| {
        let script = format!("{}complete --do-complete '{line}'\n", recipe("fish-completion"));
        let mut fish = world.command("fish");
        let found = ran(with_path(fish.args(["--no-config", "-c", &script])).output().unwrap());
        assert_eq!(found.code, Some(0), "{found:?}");
        let word = |line: &str| line.split('\t').next().unwrap_or_default().to_owned();
        found.out.lines().map(word).collect::<Vec<_>>()
    };
    assert_eq!(complete("callboard dereg"), ["deregister"]);
    assert_eq!(complete("callboard show bi"), ["billing"], "and not the dead one");
    assert!(complete("callboard ps --stat").contains(&"--status".to_owned()));
}

#[test]
fn bash_completes_after_one_line() {
    let world = World::new();
    let mut bash = world.command("bash");
    let script = recipe("bash-completion") + "complete -p callboard\n";
    let found = ran(with_path(bash.args(["-c", &script])).output().unwrap());
    assert!(found.out.ends_with(" callboard\n") && found.err.is_empty(), "{found:?}");
}

#[test]
fn a_script_waits_for_three_agents() {
    let world = World::new();
    let script = world.path("work/collect.sh");
    std::fs::write(&script, recipe("three-agents")).unwrap();
    let collect = || {
        let mut sh = world.command("sh");
        ran(with_path(sh.arg(&script).args(["x", "y", "z"])).output().unwrap())
    };
    // No session id begins like one of these: it would be meant once its namesake has ended.
    let _x = world.session("x", &["--status", "idle"]);
    let _y = world.session("y", &["--status", "waiting"]);
    let mut z = world.session("z", &["--status", "busy"]);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(collect);
        world.ok("update z --status idle");
        let found = waiting.join().unwrap();
        assert_eq!(found.out.lines().collect::<Vec<_>>()[3], "done:", "{found:?}");
        assert!(found.out.contains("y\twaiting\n"), "{found:?}");
    });
    world.ok("update z --status busy");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(collect);
        // It is heard of whether it ends before or after the script has begun to wait.
        z.kill();
        let found = waiting.join().unwrap();
        let is_told =
            found.out.contains("ended before it was done") || found.err.contains("no session");
        assert!(is_told, "{found:?}");
    });
}

#[test]
fn a_command_of_ones_own_is_told() {
    let world = World::new();
    let _billing = world.session("billing", &["--status", "waiting", "--waiting-for", "review"]);
    let arguments =
        recipe("push").replace("callboard notify", "exec callboard notify --present --settle 0");
    std::fs::write(world.path("home/waiting.log"), "").unwrap();
    let log = std::fs::File::open(world.path("home/waiting.log")).unwrap();
    let events = rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC).unwrap();
    let written = rustix::fs::inotify::WatchFlags::CLOSE_WRITE;
    rustix::fs::inotify::add_watch(&events, world.path("home/waiting.log"), written).unwrap();
    let mut sh = world.command("sh");
    let child = with_path(sh.args(["-c", &arguments])).spawn().unwrap();
    let _ends = crate::world::Living(child);
    let limit = rustix::event::Timespec { tv_sec: 10, tv_nsec: 0 };
    let mut fds = [rustix::event::PollFd::new(&events, rustix::event::PollFlags::IN)];
    assert_eq!(rustix::event::poll(&mut fds, Some(&limit)).unwrap(), 1, "nobody was told");
    assert_eq!(std::io::read_to_string(log).unwrap(), "billing waits: review\n");
}

#[test]
fn units_are_what_systemd_takes() {
    let world = World::new();
    // What they start has to be there.
    let program = world.path("home/.cargo/bin/callboard");
    std::fs::create_dir_all(program.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(callboard(), program).unwrap();
    let units = ["callboard-metrics.path", "callboard-metrics.service", "callboard-notify.service"];
    let mut verify = world.command("systemd-analyze");
    verify.args(["verify", "--user", "--man=no"]).env("XDG_RUNTIME_DIR", world.path("tmp"));
    verify.args(units.map(|unit| project("contrib/systemd").join(unit)));
    let found = ran(verify.output().unwrap());
    assert_eq!((found.code, &*found.err), (Some(0), ""), "{found:?}");
}

/// By Prometheus' own tool.
#[test]
fn metrics_and_their_alert_are_what_prometheus_takes() {
    let world = World::new();
    let _two = two_sessions(&world);
    let mut sh = world.command("sh");
    sh.args(["-c", &recipe("textfile")]).env("DIRECTORY", world.path("work"));
    let found = ran(with_path(&mut sh).output().unwrap());
    assert_eq!((found.code, &*found.err), (Some(0), ""), "{found:?}");
    let metrics = std::fs::File::open(world.path("work/callboard.prom")).unwrap();
    let mut promtool = world.command("promtool");
    let found = ran(promtool.args(["check", "metrics"]).stdin(metrics).output().unwrap());
    assert_eq!((found.code, &*found.err), (Some(0), ""), "{found:?}");
    let rules = world.path("work/rules.yml");
    std::fs::write(&rules, recipe("alert")).unwrap();
    let mut promtool = world.command("promtool");
    let found = ran(promtool.args(["check", "rules"]).arg(&rules).output().unwrap());
    assert_eq!(found.code, Some(0), "{found:?}");
    assert!(found.out.contains("1 rules found"), "{found:?}");
}

/// The example of docs/CONFIG.md, which is made from the code, with every key in force.
#[test]
fn the_example_of_a_configuration_is_one() {
    let world = World::new();
    let text = std::fs::read_to_string(project("docs/CONFIG.md")).unwrap();
    let (_, rest) = text.split_once("```toml\n").unwrap();
    let example = rest.split_once("```").unwrap().0;
    let in_force: String = example
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    assert!(
        in_force.matches(" = ").count() > example.lines().filter(|l| !l.starts_with('#')).count()
    );
    let dir = world.path("home/.config/callboard");
    std::fs::create_dir_all(&dir).unwrap();
    for text in [example, &in_force] {
        std::fs::write(dir.join("config.toml"), text).unwrap();
        assert_eq!(world.ok("ps"), "", "and no warning");
    }
}
