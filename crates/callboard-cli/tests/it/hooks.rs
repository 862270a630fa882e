//! `callboard hooks`: settings of real forms, there and back, and everything that can be in the
//! way.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::terminal::{Terminal, bare, with_a_terminal};
use crate::world::{Ran, World, callboard, ran};

const AGENTS: [&str; 8] =
    ["claude", "codex", "gemini", "qwen", "copilot", "cursor", "opencode", "pi"];

/// Where each has its hooks, below the home.
fn settings(agent: &str) -> &'static str {
    match agent {
        "claude" => ".claude/settings.json",
        "codex" => ".codex/hooks.json",
        "gemini" => ".gemini/settings.json",
        "qwen" => ".qwen/settings.json",
        "copilot" => ".copilot/hooks/callboard.json",
        "cursor" => ".cursor/hooks.json",
        "opencode" => ".config/opencode/plugins/callboard.js",
        _ => ".pi/agent/extensions/callboard.js",
    }
}

/// Settings as people have them, with what is nobody's business in them.
const THEIRS: &str = r#"{
  // kanarienvogel
  "env": { "API_KEY": "kanarienvogel", "N": 1.50 },
  "hooks": {
    "Stop": [
      {
        "hooks": [{ "type": "command", "command": "kanarienvogel --loud" }]
      }
    ]
  },
  "model": "kanarienvogel", /* and */ "z": null
}
"#;

fn file(world: &World, agent: &str) -> PathBuf {
    world.path("home").join(settings(agent))
}

/// Puts settings there.
fn put(world: &World, agent: &str, text: &str) -> PathBuf {
    let file = file(world, agent);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, text).unwrap();
    file
}

/// Everything below the home: each file with its mode and what is in it.
fn everything(world: &World) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    fn collect(dir: &Path, into: &mut BTreeMap<PathBuf, (u32, Vec<u8>)>) {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let about = std::fs::symlink_metadata(entry.path()).unwrap();
            if about.is_dir() {
                collect(&entry.path(), into);
            } else {
                let bytes = std::fs::read(entry.path()).unwrap_or_default();
                into.insert(entry.path(), (about.mode(), bytes));
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(&world.path("home"), &mut found);
    found
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The files that were kept beside one.
fn backups(of: &Path) -> Vec<PathBuf> {
    let prefix = format!("{}.before-callboard-", of.display());
    let names = std::fs::read_dir(of.parent().unwrap()).unwrap().flatten();
    names.map(|e| e.path()).filter(|p| p.to_str().unwrap().starts_with(&prefix)).collect()
}

fn refused(ran: &Ran, code: i32, words: &[&str]) {
    assert_eq!((ran.code, &*ran.out), (Some(code), ""), "{ran:?}");
    for word in words {
        assert!(ran.err.contains(word), "{word} in {}", ran.err);
    }
}

#[test]
fn there_and_back_leaves_nothing() {
    for theirs in [None, Some(THEIRS), Some("{}"), Some("{\"a\":[1,\t2]}")] {
        let world = World::new();
        for agent in AGENTS {
            let has_own_file = matches!(agent, "copilot" | "opencode" | "pi");
            if let Some(theirs) = theirs.filter(|_| !has_own_file) {
                let file = put(&world, agent, theirs);
                std::fs::set_permissions(file, PermissionsExt::from_mode(0o640)).unwrap();
            }
        }
        let before = everything(&world);
        for agent in AGENTS {
            let shown = world.ok(&format!("hooks install {agent} --dry-run"));
            assert!(shown.contains("+++"), "{shown}");
            assert_eq!(everything(&world), before, "{agent}");
            world.ok(&format!("hooks install {agent} --yes"));
            let installed = everything(&world);
            let again = world.ok(&format!("hooks install {agent} --yes"));
            assert!(again.contains("installed already"), "{again}");
            assert_eq!(everything(&world), installed, "{agent}");
            let file = file(&world, agent);
            let mode = std::fs::metadata(&file).unwrap().mode() & 0o7777;
            assert_eq!(mode, if before.contains_key(&file) { 0o640 } else { 0o600 });
            for backup in backups(&file) {
                assert_eq!(std::fs::metadata(&backup).unwrap().mode() & 0o7777, 0o600);
                assert_eq!(text(&backup), theirs.unwrap());
            }
            assert_eq!(backups(&file).len(), usize::from(before.contains_key(&file)), "{agent}");
            world.ok(&format!("hooks uninstall {agent} --yes"));
            assert_eq!(everything(&world), before, "{agent}");
            let again = world.ok(&format!("hooks uninstall {agent} --yes"));
            assert!(again.contains("not installed"), "{again}");
        }
    }
}

/// What is shown of a change is the change: no key, no prompt, no command of anybody else.
#[test]
fn nothing_of_theirs_is_shown() {
    let world = World::new();
    for theirs in [
        THEIRS,
        "{\"env\":{\"K\":\"kanarienvogel\"},\"hooks\":{\"Stop\":[]}}",
        "{\"a\":\"kanarienvogel\"",
    ] {
        for agent in ["claude", "codex", "gemini", "qwen", "cursor"] {
            put(&world, agent, theirs);
            for what in ["install", "uninstall", "status"] {
                let yes = if what == "status" { "" } else { "--yes" };
                for ran in [
                    world.run(&format!("hooks {what} {agent} {yes}")),
                    world.run(&format!("hooks {what} {agent} {yes} --color always")),
                ] {
                    let said = ran.out + &ran.err;
                    assert!(!said.contains("kanarienvogel"), "{what} {agent}: {said}");
                    assert!(!said.is_empty());
                }
            }
        }
    }
}

/// Somebody went on editing after the installation: only ours is taken out.
#[test]
fn what_was_changed_since_stays() {
    let world = World::new();
    let file = put(&world, "claude", THEIRS);
    world.ok("hooks install claude --yes");
    let edited = text(&file).replace("\"model\"", "\"theme\": \"dark\",\n  \"model\"");
    std::fs::write(&file, &edited).unwrap();
    world.ok("hooks uninstall claude --yes");
    let expected = THEIRS.replace("\"model\"", "\"theme\": \"dark\",\n  \"model\"");
    assert_eq!(text(&file), expected);
    // What was there before is kept still, since it was not brought back.
    assert!(backups(&file).iter().any(|backup| text(backup) == THEIRS));
}

/// Settings are often links into a repository of somebody's dotfiles.
#[test]
fn a_link_stays_one_and_the_file_keeps_its_owner() {
    let world = World::new();
    let real = world.path("work/dotfiles.json");
    std::fs::write(&real, THEIRS).unwrap();
    std::fs::set_permissions(&real, PermissionsExt::from_mode(0o604)).unwrap();
    chown(&real, Some(1234), Some(4321)).unwrap();
    let file = file(&world, "claude");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    symlink("../../work/dotfiles.json", &file).unwrap();
    world.ok("hooks install claude --yes");
    assert!(std::fs::symlink_metadata(&file).unwrap().is_symlink());
    let about = std::fs::metadata(&real).unwrap();
    assert_eq!((about.uid(), about.gid(), about.mode() & 0o7777), (1234, 4321, 0o604));
    assert_eq!(backups(&real).len(), 1);
    world.ok("hooks uninstall claude --yes");
    assert_eq!(text(&real), THEIRS);
    let about = std::fs::metadata(&real).unwrap();
    assert_eq!((about.uid(), about.gid(), about.mode() & 0o7777), (1234, 4321, 0o604));
}

#[test]
fn what_cannot_be_edited_is_left_alone_and_named() {
    let world = World::new();
    for (theirs, words) in [
        ("{\n\"a\": kanarienvogel}", ["not valid JSON at line 2", "settings.json"]),
        ("[1]", ["not a JSON object", "settings.json"]),
        ("{\"hooks\": \"none\"}", ["`hooks` is not an object", "settings.json"]),
        ("{\"hooks\": {\"Stop\": {}}}", ["is not a list", "settings.json"]),
        ("\u{0}", ["not valid JSON", "settings.json"]),
    ] {
        put(&world, "claude", theirs);
        let before = everything(&world);
        for what in ["install", "uninstall"] {
            refused(&world.run(&format!("hooks {what} claude --yes")), 1, &words);
        }
        assert_eq!(everything(&world), before);
    }
    let file = put(&world, "claude", "");
    std::fs::write(&file, b"{\"a\": \"\xff\"}").unwrap();
    refused(&world.run("hooks install claude --yes"), 1, &["not UTF-8"]);
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    refused(&world.run("hooks install claude --yes"), 1, &["not a regular file"]);
    std::fs::remove_dir(&file).unwrap();
    symlink("nowhere", &file).unwrap();
    refused(&world.run("hooks install claude --yes"), 1, &["a link to a file that is not there"]);
    std::fs::remove_file(&file).unwrap();
    ran(world.command("mkfifo").arg(&file).output().unwrap());
    refused(&world.run("hooks install claude --yes"), 1, &["not a regular file"]);
    std::fs::remove_file(&file).unwrap();
    std::fs::remove_dir(file.parent().unwrap()).unwrap();
    std::fs::write(file.parent().unwrap(), "").unwrap();
    refused(&world.run("hooks install claude --yes"), 1, &[".claude"]);
}

#[test]
fn a_file_of_somebody_else_under_our_name_stays() {
    let world = World::new();
    for agent in ["copilot", "opencode", "pi"] {
        let file = put(&world, agent, "// mine\n");
        for what in ["install", "uninstall"] {
            let ran = world.run(&format!("hooks {what} {agent} --yes"));
            refused(&ran, 1, &["is there and is not callboard's"]);
        }
        assert_eq!(text(&file), "// mine\n");
    }
}

#[test]
fn without_a_terminal_it_has_to_be_told_to_go_on() {
    let world = World::new();
    let file = put(&world, "claude", THEIRS);
    let ran = world.run("hooks install claude");
    assert_eq!(ran.code, Some(2));
    assert!(ran.out.contains("+++") && ran.err.contains("--yes"), "{ran:?}");
    assert_eq!(text(&file), THEIRS);
}

fn on_a_terminal(world: &World, line: &str) -> Terminal {
    let mut command = with_a_terminal(world);
    command.arg(callboard()).args(line.split(' '));
    Terminal::start(&mut command, 200)
}

#[test]
fn on_a_terminal_it_shows_the_change_in_colour_and_asks() {
    let world = World::new();
    let file = put(&world, "claude", THEIRS);
    for (answer, code) in [("n\n", 1), ("\n", 1), ("y\n", 0)] {
        let mut terminal = on_a_terminal(&world, "hooks install claude");
        terminal.wait_for("\u{1b}[32m+");
        terminal.wait_for("[y/N] ");
        assert_eq!(text(&file), THEIRS);
        terminal.type_in(answer);
        let (status, screen) = terminal.finish();
        assert_eq!(status.code(), Some(code), "{screen}");
        let said = if code == 0 { "installed in" } else { "nothing was changed" };
        assert!(bare(&screen).contains(said), "{screen}");
    }
    assert_ne!(text(&file), THEIRS);
}

/// The agent itself writes its settings too, at any moment.
#[test]
fn what_changes_while_the_question_stands_is_not_lost() {
    let world = World::new();
    let file = put(&world, "claude", THEIRS);
    let mut terminal = on_a_terminal(&world, "hooks install claude");
    terminal.wait_for("[y/N] ");
    let changed = THEIRS.replace("null", "\"new\"");
    std::fs::write(&file, &changed).unwrap();
    terminal.type_in("y\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status.code(), Some(1));
    assert!(screen.contains("another program changed it"), "{screen}");
    assert_eq!(text(&file), changed);

    let file = file.with_file_name("other.json");
    let line = format!("hooks install claude --settings {}", file.display());
    let mut terminal = on_a_terminal(&world, &line);
    terminal.wait_for("[y/N] ");
    std::fs::write(&file, "{}").unwrap();
    terminal.type_in("y\n");
    let (status, screen) = terminal.finish();
    assert_eq!(status.code(), Some(1), "{screen}");
    assert_eq!(text(&file), "{}");
    let left: Vec<_> = everything(&world).into_keys().collect();
    assert!(left.iter().all(|path| path.extension().is_none_or(|e| e != "tmp")), "{left:?}");
}

/// Full and read-only file systems: a clear message, and the settings are what they were.
#[test]
fn where_nothing_can_be_written_nothing_is_lost() {
    let world = World::new();
    let disk = world.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let script = r#"
        mount -t tmpfs -o size=8k none "$DIR" && printf '{"a": 1}' >"$DIR/s.json"
        "$CB" hooks install claude --settings "$DIR/s.json" --yes >"$OUT"; echo "$?"; cat "$DIR/s.json"; echo
        ls -A "$DIR" | grep tmp
        mount -o remount,ro "$DIR"
        "$CB" hooks install claude --settings "$DIR/s.json" --yes >"$OUT"; echo "$?"; cat "$DIR/s.json"; echo
    "#;
    let mut command = world.command("unshare");
    command
        .args(["--mount", "bash", "-c", script])
        .env("CB", callboard())
        .env("DIR", &disk)
        .env("OUT", world.path("out"));
    let ran = ran(command.output().unwrap());
    assert_eq!(ran.out, "1\n{\"a\": 1}\n1\n{\"a\": 1}\n", "{}", ran.err);
    let said: Vec<_> = ran.err.lines().collect();
    assert!(said[0].contains("No space left on device"), "{said:?}");
    assert!(said[1].contains("Read-only file system") && said[1].contains("--dry-run"), "{said:?}");
}

/// The commands that were installed are what an agent would run: each of them is run, as it would.
#[test]
fn what_is_installed_works() {
    let world = World::new();
    // A path that a shell would take apart.
    let dir = world.path("work/it's a $HOME");
    std::fs::create_dir(&dir).unwrap();
    let program = dir.join("callboard");
    copy_to(&world, &program);
    for agent in ["claude", "codex", "gemini", "qwen", "copilot", "cursor"] {
        let mut command = world.command(&program);
        let installed = ran(command.args(["hooks", "install", agent, "--yes"]).output().unwrap());
        assert_eq!(installed.code, Some(0), "{installed:?}");
        let hooks: Value = serde_json::from_str(&text(&file(&world, agent))).unwrap();
        let hooks = hooks["hooks"].as_object().unwrap();
        for (event, list) in hooks {
            let hook = list[0].get("hooks").map_or(&list[0], |hooks| &hooks[0]);
            let line = hook.get("command").or(hook.get("bash")).unwrap().as_str().unwrap();
            let kind = if agent == "gemini" { "ToolPermission" } else { "permission_prompt" };
            let payload = json!({
                "session_id": "s1", "hook_event_name": event, "notification_type": kind,
            });
            let call = match hook.get("args") {
                // In place of the shell, as an agent that needs none would.
                Some(args) => {
                    let args = args.as_array().unwrap().iter().map(|arg| arg.as_str().unwrap());
                    let args: Vec<_> = args.collect();
                    format!("\"{}\" {}", line.replace('$', "\\$"), args.join(" "))
                }
                None => line.to_owned(),
            };
            let log = world.path("hook.log");
            _ = std::fs::remove_file(&log);
            let mut shell = world.command("bash");
            // A second command, so that the shell stays and is the agent.
            let script = format!(
                "printf '%s' '{payload}' | sh -c 'exec {}'; exit $?",
                call.replace('\'', r"'\''")
            );
            std::os::unix::process::CommandExt::arg0(&mut shell, agent);
            let ran =
                ran(shell.args(["-c", &script]).env("CALLBOARD_HOOK_LOG", &log).output().unwrap());
            assert_eq!((ran.code, &*ran.out, &*ran.err), (Some(0), "", ""), "{agent} {event}");
            let log = text(&log);
            assert!(log.contains(&format!(" {agent} {event} ")), "{agent} {event}: {log}");
        }
        let shown = ran_status(&world, &program, agent);
        assert!(shown.out.contains("installed"), "{shown:?}");
        assert!(shown.out.contains("last called"), "{shown:?}");
    }
}

/// The program under another path. By another process: what this one has open to write, a child
/// that another test starts at that moment has too, and then it cannot be run.
fn copy_to(world: &World, path: &Path) {
    let copied = ran(world.command("cp").arg(callboard()).arg(path).output().unwrap());
    assert_eq!(copied.code, Some(0), "{copied:?}");
}

fn ran_status(world: &World, program: &Path, agent: &str) -> Ran {
    ran(world.command(program).args(["hooks", "status", agent]).output().unwrap())
}

#[test]
fn status_says_what_is_in_the_way() {
    let world = World::new();
    let status = |agent: &str| world.run(&format!("hooks status {agent}"));
    let ran = status("claude");
    assert_eq!(ran.code, Some(1));
    assert!(ran.out.contains("not installed") && ran.out.contains("never called"), "{ran:?}");

    let file = put(&world, "claude", "{\"disableAllHooks\": true}");
    world.ok("hooks install claude --yes");
    let ran = status("claude");
    assert!(ran.code == Some(1) && ran.out.contains("`disableAllHooks` is true"), "{ran:?}");
    let enabled = text(&file).replace("true,\n  \"hooks\"", "false,\n  \"hooks\"");
    std::fs::write(&file, &enabled).unwrap();
    assert_eq!(status("claude").code, Some(0), "{enabled}");

    // The program has moved.
    let moved = enabled.replace(callboard().to_str().unwrap(), "/gone/callboard");
    std::fs::write(&file, moved).unwrap();
    let ran = status("claude");
    assert!(
        ran.code == Some(1) && ran.out.contains("/gone/callboard, which is not there"),
        "{ran:?}"
    );
    world.ok("hooks install claude --yes");
    assert_eq!(text(&file), enabled);

    world.ok("hooks install codex --yes");
    let ran = status("codex");
    assert!(ran.code == Some(1) && ran.out.contains("type `/hooks` in Codex"), "{ran:?}");
    let hooks = world.path("home/.codex/hooks.json");
    let trust =
        format!("[hooks.state.\"{}:stop:0:0\"]\ntrusted_hash = \"sha256:1\"\n", hooks.display());
    std::fs::write(hooks.with_file_name("config.toml"), trust).unwrap();
    assert_eq!(status("codex").code, Some(0));

    put(&world, "gemini", "{\"hooksConfig\": {\"enabled\": false}}");
    world.ok("hooks install gemini --yes");
    let ran = status("gemini");
    assert!(ran.code == Some(1) && ran.out.contains("hooksConfig.enabled"), "{ran:?}");

    // Of all of them: one that has no hooks is no trouble.
    let ran = world.run("hooks status");
    assert_eq!(ran.code, Some(0));
    for agent in AGENTS {
        assert!(ran.out.contains(agent), "{agent} in {}", ran.out);
    }
}

#[test]
fn what_makes_no_sense_is_said_so() {
    let world = World::new();
    let ran = world.run("hooks install emacs --yes");
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("hooks are known of claude, codex"), "{}", ran.err);
    let mut command = world.callboard(["hooks", "install", "claude", "--yes"]);
    let ran = ran_without_home(command.env_remove("HOME"));
    assert_eq!(ran.code, Some(2));
    assert!(ran.err.contains("HOME") && ran.err.contains("--settings"), "{}", ran.err);
    // A program of another name would not be found again.
    let other = world.path("work/board");
    copy_to(&world, &other);
    let ran = ran_without_home(world.command(&other).args(["hooks", "install", "claude", "--yes"]));
    assert!(ran.code == Some(1) && ran.err.contains("call it `callboard`"), "{ran:?}");
}

fn ran_without_home(command: &mut std::process::Command) -> Ran {
    ran(command.output().unwrap())
}
