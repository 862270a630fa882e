//! What other tools' users reported, each by its report.

use std::fs;

use callboard::{Evidence, Status, Verdict};
use callboard_agents::{Board, JobLink, Role};

use crate::world::{Process, World, domain, listed, problems, record};

/// phnx-labs/agi-cli #1518 and #1968, copilot-cli #4020, claude-swap #299: another program has the
/// pid by now.
#[test]
fn agi_cli_1518_a_reused_pid_is_not_the_session() {
    let (world, process) = (World::new(), Process::start());
    let before = record(&process, r#""status":"busy""#)
        .replace(&format!("\"procStart\":\"{}\"", process.ticks()), "\"procStart\":\"1\"");
    world.claude(&format!("{}.json", process.pid()), before);
    let row = world.only_row();
    assert_eq!((row.verdict, row.evidence), (Verdict::Dead, Evidence::PidReused));
    assert!(!row.is_listed());
}

/// claude-code #89355: a zombie passes `kill -0` and has a `/proc/<pid>/stat`; 2.1.329 lists it as
/// busy.
#[test]
fn cc_89355_a_zombie_is_nobodys_session() {
    let (world, mut process) = (World::new(), Process::start());
    world.claude_session(&process, r#""status":"busy""#);
    assert_eq!(world.only_row().verdict, Verdict::Alive);
    process.become_zombie();
    let row = world.only_row();
    assert_eq!((row.verdict, row.evidence), (Verdict::Dead, Evidence::Exited));
}

/// claude-code #41195: records that end in 20 to 24 NUL bytes, or in the tail of a longer one.
/// Every other reader loses the live session behind them.
#[test]
fn cc_41195_a_record_with_a_torn_tail_is_listed_with_a_problem() {
    for tail in ["\0".repeat(24), r#"}{"stale":true"#.into(), "\n\0\0".into(), "\u{fffd}".into()] {
        let (world, process) = (World::new(), Process::start());
        let text = record(&process, r#""status":"waiting","waitingFor":"permission prompt""#);
        world.claude(&format!("{}.json", process.pid()), format!("{text}{tail}"));
        let board = world.board();
        assert_eq!(listed(&board), [process.pid()], "{tail:?}");
        assert_eq!(board.rows[0].status, Some(Status::Waiting), "{tail:?}");
        assert_eq!(problems(&board).len(), 1, "{tail:?}");
        assert!(problems(&board)[0].contains("more text follows the record"), "{tail:?}");
    }
}

/// The same report: what is cut off in the middle says which file it is, and hides nobody else.
#[test]
fn cc_41195_half_a_record_is_a_problem_and_the_others_are_listed() {
    let (world, torn, whole) = (World::new(), Process::start(), Process::start());
    let text = record(&torn, r#""status":"busy""#);
    world.claude(&format!("{}.json", torn.pid()), &text[..text.len() / 2]);
    world.claude_session(&whole, "");
    let board = world.board();
    assert_eq!(listed(&board), [whole.pid()]);
    assert_eq!(board.problems.len(), 1);
    assert!(board.problems[0].hides_a_session(), "a count must say `at least`");
    assert!(problems(&board)[0].starts_with(&format!("{}.json: ", torn.pid())));
}

/// claude-code #85283, #47128: a container shares the directory. Its pids mean nothing here, even
/// where the same number runs here too.
#[test]
fn cc_85283_a_session_of_another_pid_namespace_is_listed_as_unknown() {
    let (world, here, container) = (World::new(), Process::start(), Process::start());
    world.claude_session(&here, "");
    let elsewhere = domain().rsplit_once(":pid:").map(|(machine, _)| format!("{machine}:pid:[1]"));
    let text = record(&container, r#""status":"busy","name":"in-a-box""#)
        .replace(&domain(), &elsewhere.unwrap());
    let file = format!("{}.json", container.pid());
    world.claude(&file, &text);
    let board = world.board();
    assert_eq!(problems(&board), Vec::<String>::new());
    let row = board.rows.iter().find(|row| row.pid == container.pid()).unwrap();
    assert_eq!((row.verdict, row.evidence), (Verdict::Unknown, Evidence::OtherNamespace));
    assert!(row.is_listed() && !row.is_here(), "its number is another process here");
    assert_eq!((row.name.as_deref(), row.status.as_ref()), (Some("in-a-box"), Some(&Status::Busy)));
    assert_eq!(listed(&board).len(), 2);
    assert_eq!(fs::read_to_string(world.sessions(".claude").join(file)).unwrap(), text);
}

/// claude-code #34210: `parseInt` of a name is no pid. The user's notes lie there for ever, and so
/// does `0<pid>.json`, which 2.1.329 deletes though its process runs.
#[test]
fn cc_34210_names_that_only_begin_like_a_pid_are_left_alone() {
    let (world, process) = (World::new(), Process::start());
    let pid = process.pid();
    let padded = format!("0{pid}.json");
    let names = ["2026-03-14_notes.md", &padded, "+5.json", "99999999999999999999.json"];
    for name in names {
        world.claude(name, record(&process, ""));
    }
    let board = world.board();
    assert!(board.rows.is_empty() && board.problems.is_empty());
    assert_eq!(board.notices.len(), names.len(), "said to those who ask");
    for name in names {
        assert_eq!(
            fs::read_to_string(world.sessions(".claude").join(name)).unwrap(),
            record(&process, "")
        );
    }
}

/// herdrdev/herdr #3414: 78 `pid-<n>.json` of an older generation lie beside the records; and each
/// session of today has a key there. Neither is worth a word.
#[test]
fn herdr_3414_what_claude_itself_puts_there_is_not_told() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session(&process, "");
    world.claude(&format!("pid-{}.json", process.pid()), r#"{"session_id":"x"}"#);
    world.claude(&format!("{}.{}.key", process.pid(), "ab".repeat(32)), "secret");
    let board = world.board();
    assert_eq!(listed(&board), [process.pid()]);
    assert!(board.problems.is_empty() && board.notices.is_empty());
}

/// supercode-harness up to 0.5.22: an unknown status discarded the whole record.
#[test]
fn supercode_a_status_of_a_newer_version_is_shown_as_it_is() {
    let (world, process) = (World::new(), Process::start());
    let keys = r#""status":"compacting","waitingFor":"memory","statusUpdatedAt":7,"kind":"swarm""#;
    world.claude_session(&process, keys);
    let row = world.only_row();
    assert_eq!(row.status, Some(Status::from("compacting")));
    assert_eq!((row.waiting_for.as_deref(), row.status_since), (Some("memory"), Some(7)));
    assert_eq!(row.kind.unwrap().as_str(), "swarm");
}

/// Only what waits has something to wait for; an older version may have left the key behind.
#[test]
fn what_it_waited_for_is_gone_when_it_goes_on() {
    for status in ["busy", "idle", "shell"] {
        let (world, process) = (World::new(), Process::start());
        let keys = format!(r#""status":"{status}","waitingFor":"permission prompt""#);
        world.claude_session(&process, &keys);
        let row = world.only_row();
        assert_eq!((row.status, row.waiting_for), (Some(Status::from(status)), None));
    }
}

/// nimbalyst #1246, bot-crossing #50: `shell` is neither busy nor idle, and `claude agents --json`
/// calls it busy.
#[test]
fn nimbalyst_1246_shell_is_a_status_of_its_own() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session(&process, r#""status":"shell""#);
    assert_eq!(world.only_row().status, Some(Status::Shell));
}

/// anthropics/claude-agent-sdk-typescript #364: no status is no status, not idle.
#[test]
fn claude_agent_sdk_364_a_session_that_never_says_has_no_status() {
    for entrypoint in ["sdk-ts", "claude-desktop"] {
        let (world, process) = (World::new(), Process::start());
        world.claude_session(
            &process,
            &format!(r#""kind":"interactive","entrypoint":"{entrypoint}","updatedAt":9"#),
        );
        let row = world.only_row();
        assert_eq!((row.status, row.status_since, row.status_from), (None, None, None));
        assert_eq!(row.entrypoint.as_deref(), Some(entrypoint));
    }
}

/// Irrlicht #644 and #727: a worker that was started ahead of need is a ghost on every board.
#[test]
fn irrlicht_644_spares_and_supervisors_are_nobodys_conversation() {
    let (world, session) = (World::new(), Process::start());
    let (spare, daemon, worker) = (Process::start(), Process::start(), Process::start());
    world.claude_session(&session, r#""kind":"bg","jobId":"j1","spare":false"#);
    world.claude_session(&spare, r#""kind":"bg","jobId":"j2","spare":true,"status":"idle""#);
    world.claude_session(&daemon, r#""kind":"daemon""#);
    world.claude_session(&worker, r#""kind":"daemon-worker""#);
    let board = world.board();
    assert_eq!(listed(&board), [session.pid()]);
    let role = |pid| board.hidden.iter().find(|row| row.pid == pid).map(|row| row.role);
    assert_eq!(role(spare.pid()), Some(Role::Spare));
    assert_eq!(role(daemon.pid()), Some(Role::Infrastructure));
    assert_eq!(role(worker.pid()), Some(Role::Infrastructure));

    // Somebody takes the spare.
    world.claude_session(&spare, r#""kind":"bg","jobId":"j2","status":"busy""#);
    assert!(listed(&world.board()).contains(&spare.pid()));
}

/// A window whose conversation was sent to the background is the job's, once; when the job ends,
/// the window is there again.
#[test]
fn a_parked_window_is_shown_with_its_job() {
    let (world, window, job) = (World::new(), Process::start(), Process::start());
    world.claude_session(&window, r#""kind":"interactive","parkedJobId":"new","name":"w""#);
    world.claude_session(&job, r#""kind":"bg","jobId":"new","status":"busy""#);
    let row = world.only_row();
    assert_eq!((row.pid, row.status), (job.pid(), Some(Status::Busy)));
    let link = row.linked_job.unwrap();
    assert_eq!(link.id(), "new");
    let windows: Vec<_> = link.windows().iter().map(|w| (w.pid, w.name.as_deref())).collect();
    assert_eq!(windows, [(window.pid(), Some("w"))]);

    job.end();
    let board = world.board();
    assert_eq!(listed(&board), [window.pid()]);
    let row = board.rows.iter().find(|row| row.pid == window.pid()).unwrap();
    assert_eq!(row.linked_job.as_deref(), Some(&JobLink::Parked { id: "new".into() }));
}

/// The first versions with a registry (March 2026, as seen in #34210): seven keys and no start.
#[test]
fn records_of_march_2026_are_listed() {
    let (world, process) = (World::new(), Process::start());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    world.claude(
        &format!("{}.json", process.pid()),
        format!(
            r#"{{"pid":{},"sessionId":"s","cwd":"/p","startedAt":{},"kind":"interactive","entrypoint":"cli","name":"n"}}"#,
            process.pid(),
            now.as_millis()
        ),
    );
    let row = world.only_row();
    assert_eq!((row.verdict, row.evidence), (Verdict::Alive, Evidence::OlderThanRecord));
    assert_eq!((row.name.as_deref(), row.version), (Some("n"), None));
}

/// A pid alone is a record: every other key is optional.
#[test]
fn a_record_with_nothing_but_a_pid_is_listed() {
    let (world, process) = (World::new(), Process::start());
    world.claude(&format!("{}.json", process.pid()), format!(r#"{{"pid":{}}}"#, process.pid()));
    let row = world.only_row();
    assert_eq!((row.verdict, row.session_id), (Verdict::Unknown, None));
}

/// Qwen Code writes a record for each session of a process that hosts several.
#[test]
fn qwen_8969_several_sessions_of_one_process_are_several_rows() {
    let (world, process) = (World::new(), Process::start());
    let here = callboard::process::Here::detect();
    let (pid, boot) = (process.pid(), here.boot_id.as_deref().unwrap());
    let (ticks, namespace) = (process.ticks(), here.pid_ns.unwrap());
    for (suffix, id, kind) in [("-00000001", "a", "serve"), ("-00000002", "b", "external")] {
        let text = format!(
            r#"{{"schemaVersion":1,"pid":{pid},"procStart":"{boot}:{ticks}","pidNs":{namespace},"sessionId":"{id}","kind":"{kind}","qwenVersion":"0.24.4","ipcToken":"secret"}}"#
        );
        fs::write(world.sessions(".qwen").join(format!("{pid}{suffix}.json")), text).unwrap();
    }
    let mut board: Board = world.board();
    board.rows.sort_by(|a, b| a.session_id.cmp(&b.session_id));
    let seen: Vec<_> = board
        .rows
        .iter()
        .map(|row| {
            (row.session_id.as_deref(), row.kind.as_ref().map(|k| k.as_str()), row.tool.as_deref())
        })
        .collect();
    // `serve` hosts conversations in the background; `external` is a program that is not Qwen.
    assert_eq!(seen, [(Some("a"), Some("bg"), Some("qwen")), (Some("b"), Some("external"), None),]);
    assert!(board.rows.iter().all(|row| row.verdict == Verdict::Alive));
    assert!(!format!("{board:?}").contains("secret"));
}
