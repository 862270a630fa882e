//! Each content that a real record had, in order, with a real process behind its pid: after every
//! step the board says what had happened.

use std::fs;
use std::path::PathBuf;

use callboard::process::Here;
use callboard::{Kind, Status, Verdict};
use callboard_agents::{Row, StatusFrom};

use crate::world::{Process, World, domain};

/// The contents of one run, as recorded.
fn recorded(version: &str, pid: u32) -> Vec<(String, String)> {
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(version);
    let mut steps: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| crate::world::file_name(path).starts_with(&format!("{pid}.")))
        .collect();
    steps.sort();
    let name = |path: &PathBuf| crate::world::file_name(path);
    steps.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

/// The recorded text, about a process that runs here and now.
fn about(process: &Process, text: &str) -> String {
    let old: serde_json::Value = serde_json::from_str(text).unwrap();
    let quoted = |key: &str| old[key].as_str().map(|value| format!("\"{key}\":\"{value}\""));
    let mut text =
        text.replacen(&format!("\"pid\":{}", old["pid"]), &format!("\"pid\":{}", process.pid()), 1);
    let here = Here::detect();
    let (start, ticks) = (quoted("procStart").unwrap(), process.ticks());
    let boot = here.boot_id.as_deref().unwrap();
    let start_now =
        if start.contains("-1111-") { format!("{boot}:{ticks}") } else { ticks.to_string() };
    text = text.replacen(&start, &format!("\"procStart\":\"{start_now}\""), 1);
    if let Some(old_domain) = quoted("pidDomain") {
        text = text.replacen(&old_domain, &format!("\"pidDomain\":\"{}\"", domain()), 1);
    }
    if old["pidNs"].is_u64() {
        let namespace = format!("\"pidNs\":{}", here.pid_ns.unwrap());
        text = text.replacen(&format!("\"pidNs\":{}", old["pidNs"]), &namespace, 1);
    }
    text
}

/// What had happened at one step: status, name, and which conversation (they are numbered).
type Step = (Option<&'static str>, &'static str, usize);

struct Run {
    version: &'static str,
    pid: u32,
    kind: Kind,
    entrypoint: &'static str,
    job: Option<&'static str>,
    steps: &'static [Step],
}

const BUSY: Option<&str> = Some("busy");
const IDLE: Option<&str> = Some("idle");
const WAITING: Option<&str> = Some("waiting");

fn runs() -> Vec<Run> {
    let run = |version, pid, steps| Run {
        version,
        pid,
        kind: Kind::Interactive,
        entrypoint: "cli",
        job: None,
        steps,
    };
    vec![
        run(
            "2.1.197",
            14503,
            &[
                (IDLE, "proj-3f", 0),
                (BUSY, "proj-3f", 0),
                (IDLE, "proj-3f", 0),
                (BUSY, "proj-3f", 0),
                (WAITING, "proj-3f", 0),
                (BUSY, "proj-3f", 0),
                (IDLE, "proj-3f", 0),
                (BUSY, "my-feature", 0),
                (IDLE, "my-feature", 0),
                (IDLE, "my-feature", 1),
            ],
        ),
        run(
            "2.1.197",
            26661,
            &[
                (None, "project-03", 0),
                (IDLE, "project-03", 0),
                (BUSY, "project-03", 0),
                (IDLE, "project-03", 0),
                (BUSY, "project-03", 0),
                (WAITING, "project-03", 0),
                (BUSY, "project-03", 0),
                (IDLE, "project-03", 0),
                (BUSY, "project-03", 0),
                (IDLE, "project-03", 0),
                (BUSY, "project-03", 0),
                (IDLE, "project-03", 0),
                (BUSY, "project-03", 0),
                (BUSY, "project-03", 1),
                (IDLE, "project-03", 1),
            ],
        ),
        Run { entrypoint: "sdk-cli", ..run("2.1.197", 31299, &[(None, "proj-97", 0)]) },
        run(
            "2.1.329",
            1497,
            &[
                (IDLE, "proj2-11", 0),
                (BUSY, "proj2-11", 0),
                (IDLE, "proj2-11", 0),
                (BUSY, "proj2-11", 0),
                (IDLE, "proj2-11", 0),
                (IDLE, "my-feature", 0),
                (BUSY, "my-feature", 1),
                (IDLE, "my-feature", 1),
            ],
        ),
        run(
            "2.1.329",
            22875,
            &[
                (None, "project-c2", 0),
                (IDLE, "project-c2", 0),
                (BUSY, "project-c2", 0),
                (IDLE, "project-c2", 0),
                (BUSY, "project-c2", 0),
                (WAITING, "project-c2", 0),
                (BUSY, "project-c2", 0),
                (IDLE, "project-c2", 0),
                (BUSY, "project-c2", 0),
                (IDLE, "project-c2", 0),
                (BUSY, "project-c2", 0),
                (IDLE, "project-c2", 0),
                (BUSY, "project-c2", 0),
                (IDLE, "project-c2", 1),
            ],
        ),
        Run {
            kind: Kind::Background,
            job: Some("b47e083a"),
            ..run(
                "2.1.329",
                6419,
                &[
                    (None, "slow usetool please", 0),
                    (IDLE, "slow usetool please", 0),
                    (BUSY, "slow usetool please", 0),
                    (IDLE, "ok", 0),
                ],
            )
        },
    ]
}

#[test]
fn claude_code_at_every_step() {
    for run in runs() {
        let contents = recorded(&format!("claude/{}", run.version), run.pid);
        assert_eq!(contents.len(), run.steps.len(), "{} {}", run.version, run.pid);
        let (world, process) = (World::new(), Process::start());
        let file = format!("{}.json", process.pid());
        let mut conversations: Vec<Box<str>> = Vec::new();
        for ((name, text), (status, title, conversation)) in contents.iter().zip(run.steps) {
            world.claude(&file, about(&process, text));
            let row = world.only_row();
            let said: serde_json::Value = serde_json::from_str(text).unwrap();

            assert_eq!(row.status, status.map(Status::from), "{name}");
            assert_eq!(
                row.waiting_for.as_deref(),
                (*status == WAITING).then_some("permission prompt"),
                "{name}"
            );
            assert_eq!(row.status_since, said["statusUpdatedAt"].as_u64(), "{name}");
            assert_eq!(row.status_since.is_some(), status.is_some(), "{name}");
            assert_eq!(row.status_from, status.map(|_| StatusFrom::Record), "{name}");
            assert_eq!(row.name.as_deref(), Some(*title), "{name}");
            assert_eq!(row.kind.as_ref(), Some(&run.kind), "{name}");
            assert_eq!(row.entrypoint.as_deref(), Some(run.entrypoint), "{name}");
            assert_eq!(row.linked_job.as_ref().map(|job| job.id()), run.job, "{name}");
            assert_eq!(row.cwd.as_deref(), Some("/home/dev/project"), "{name}");
            assert_eq!(row.started_at, said["startedAt"].as_u64(), "{name}");
            assert_eq!(row.updated_at, said["updatedAt"].as_u64(), "{name}");
            is_claude(&row, &process, run.version);

            let id = row.session_id.clone().unwrap();
            if *conversation == conversations.len() {
                assert!(!conversations.contains(&id), "{name}: the conversation is a new one");
                conversations.push(id);
            } else {
                assert_eq!(conversations[*conversation], id, "{name}");
            }
        }
        fs::remove_file(world.sessions(".claude").join(&file)).unwrap();
        assert!(world.board().rows.is_empty(), "signed out");
    }
}

fn is_claude(row: &Row, process: &Process, version: &str) {
    assert_eq!((row.pid, row.verdict), (process.pid(), Verdict::Alive));
    assert_eq!(row.evidence, callboard::Evidence::StartTime);
    assert_eq!((row.registry, row.tool.as_deref()), ("claude", Some("claude")));
    assert_eq!(row.version.as_deref(), Some(version));
    // Where to write to it is nobody's business.
    assert!(!format!("{row:?}").contains("cc-socks"));
}

#[test]
fn records_whose_last_write_is_older_than_their_start_are_as_good_as_others() {
    // 57 ms in 2.1.197, 219 ms in 2.1.329: the second write of every session.
    for (version, pid) in [("claude/2.1.197", 26661), ("claude/2.1.329", 22875)] {
        let (world, process) = (World::new(), Process::start());
        let (_, text) = &recorded(version, pid)[1];
        world.claude(&format!("{}.json", process.pid()), about(&process, text));
        let row = world.only_row();
        assert!(row.updated_at < row.started_at, "{version}");
        assert_eq!(row.status, Some(Status::Idle), "{version}");
    }
}

#[test]
fn a_real_session_that_was_killed_is_dead_and_its_record_stays() {
    let (world, process) = (World::new(), Process::start());
    let (_, text) = &recorded("claude/2.1.329", 22875)[2];
    let file = format!("{}.json", process.pid());
    world.claude(&file, about(&process, text));
    assert_eq!(world.only_row().status, Some(Status::Busy));
    process.end();
    assert_eq!(world.only_row().verdict, Verdict::Dead);
    assert!(world.sessions(".claude").join(file).exists());
}

#[test]
fn qwen_code_at_every_step() {
    let (world, process) = (World::new(), Process::start());
    let contents = recorded("qwen/0.24.4", 4999);
    assert_eq!(contents.len(), 3);
    let conversations = [
        "3f484c5b-625b-4efd-be22-03d0127ddd25",
        "3f484c5b-625b-4efd-be22-03d0127ddd25",
        "c21d1f2d-8da4-4f5a-9577-f60ff008ba55",
    ];
    for ((name, text), conversation) in contents.iter().zip(conversations) {
        let path = world.sessions(".qwen").join(format!("{}.json", process.pid()));
        fs::write(path, about(&process, text)).unwrap();
        let row = world.only_row();
        assert_eq!((row.pid, row.verdict), (process.pid(), Verdict::Alive), "{name}");
        assert_eq!((row.registry, row.tool.as_deref()), ("qwen", Some("qwen")), "{name}");
        assert_eq!(row.version.as_deref(), Some("0.24.4"), "{name}");
        assert_eq!(row.name.as_deref(), Some("project-2a"), "{name}");
        assert_eq!(row.session_id.as_deref(), Some(conversation), "{name}");
        assert_eq!(row.started_at, Some(1_795_240_152_372), "{name}");
        // It has no status, whatever it is doing.
        assert_eq!((row.status.as_ref(), row.status_since, row.status_from), (None, None, None));
        assert_eq!(
            (row.kind.as_ref(), row.entrypoint.as_deref()),
            (Some(&Kind::Interactive), Some("tui"))
        );
        let namespace = Here::detect().pid_ns.unwrap();
        assert_eq!(
            row.pid_domain.as_deref(),
            Some(&*format!("linux::pid:[{namespace}]")),
            "{name}"
        );
        let everything = format!("{row:?}");
        assert!(!everything.contains("qwen-socks") && !everything.contains("redacted"), "{name}");
    }
}
