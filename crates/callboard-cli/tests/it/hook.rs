//! `callboard hook`, called as agents call it: what becomes of the record.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::world::{World, callboard};

/// A process that looks like an agent's and runs what it is told, each as a child of its own.
pub(crate) struct Agent {
    name: &'static str,
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
    inputs: PathBuf,
    next: u32,
}

/// Runs each line and answers with its exit code and how much it printed.
const LOOP: &str = r#"while IFS= read -r line; do
    eval "$line" >"$PRINTED" 2>&1
    echo "$? $(wc -c <"$PRINTED")"
done"#;

impl Agent {
    pub(crate) fn start(world: &World, name: &'static str) -> Self {
        Self::start_with(world, name, &[], &[])
    }

    pub(crate) fn start_with(
        world: &World,
        name: &'static str,
        variables: &[(&str, &Path)],
        words: &[&str],
    ) -> Self {
        let inputs = world.path("tmp");
        let mut command = world.command("bash");
        command
            .arg0(name)
            .args(["-c", LOOP])
            .args(words)
            .env("CB", callboard())
            .env("PRINTED", world.path("printed"))
            .env("CALLBOARD_HOOK_LOG", world.path("hook.log"))
            .envs(variables.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Self { name, process, orders, answers, inputs, next: 0 }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Has the shell of the agent do something; its exit code and how many bytes it printed.
    pub(crate) fn order(&mut self, line: &str) -> (i32, u64) {
        writeln!(self.orders, "{line}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let (code, printed) = answer.trim().split_once(' ').expect(line);
        (code.parse().unwrap(), printed.trim().parse().unwrap())
    }

    /// A file with this in it.
    pub(crate) fn input(&mut self, bytes: &[u8]) -> PathBuf {
        self.next += 1;
        let path = self.inputs.join(format!("input-{}-{}", self.name, self.next));
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The command line of a hook that is told of this.
    pub(crate) fn line(&mut self, named: Option<&str>, payload: &Value) -> String {
        let input = self.input(payload.to_string().as_bytes());
        format!("\"$CB\" hook {} {} <{}", self.name, named.unwrap_or_default(), input.display())
    }

    /// Calls the hook, which says nothing and ends with 0.
    pub(crate) fn tell(&mut self, named: Option<&str>, payload: &Value) {
        let line = self.line(named, payload);
        assert_eq!(self.order(&line), (0, 0), "{payload}");
    }

    /// Calls it with an event of this name and session, and more.
    pub(crate) fn says(&mut self, event: &str, session: &str, more: Value) {
        self.tell(None, &called(event, session, more));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

pub(crate) fn called(event: &str, session: &str, mut more: Value) -> Value {
    more["hook_event_name"] = json!(event);
    more["session_id"] = json!(session);
    more
}

/// The records there are, by what is in them.
pub(crate) fn records(world: &World) -> Vec<Value> {
    let names = std::fs::read_dir(world.sessions()).into_iter().flatten().flatten();
    let records = names.map(|entry| entry.path()).filter(|path| {
        path.extension().is_some_and(|e| e == "json")
            && !path.file_name().unwrap().as_encoded_bytes().starts_with(b".")
    });
    records.map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
}

/// The status on the one record, and what it waits for; `-` where there is none.
pub(crate) fn status(world: &World) -> String {
    let records = records(world);
    let [record] = &*records else {
        assert!(records.is_empty(), "{records:?}");
        return "-".into();
    };
    match (record["status"].as_str(), record["waitingFor"].as_str()) {
        (Some(status), Some(waiting_for)) => format!("{status}:{waiting_for}").replace(' ', "_"),
        (status, _) => status.unwrap_or("none").into(),
    }
}

pub(crate) fn log(world: &World) -> String {
    std::fs::read_to_string(world.path("hook.log")).unwrap_or_default()
}

#[test]
fn runs_of_real_agents_show_as_they_were() {
    let runs = [
        (
            "claude",
            "2.1.329",
            "idle busy idle busy busy waiting:permission_prompt waiting:permission_prompt busy idle \
             busy busy busy idle -",
        ),
        (
            "codex",
            "0.169.0",
            "none busy idle idle idle busy busy busy waiting:permission_prompt busy idle idle busy \
             idle idle busy idle idle -",
        ),
        (
            "qwen",
            "0.24.4",
            "idle busy idle idle busy waiting:permission_prompt waiting:permission_prompt busy busy \
             busy idle idle busy idle busy idle idle idle idle -",
        ),
        (
            "gemini",
            "0.61.0",
            "idle busy busy busy busy busy idle busy busy busy busy busy busy \
             waiting:permission_prompt busy busy busy busy busy idle busy busy busy busy idle busy \
             busy busy busy busy idle idle idle - - -",
        ),
        (
            "copilot",
            "1.0.102",
            "none busy idle busy busy waiting:permission_prompt busy idle busy busy - -",
        ),
    ];
    for (name, version, expected) in runs {
        let world = World::new();
        let mut agent = Agent::start(&world, name);
        let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../callboard-agents/tests/data");
        let text = std::fs::read_to_string(format!("{data}/{name}/{version}/hooks.jsonl")).unwrap();
        let mut seen = String::new();
        for line in text.lines() {
            let call: Value = serde_json::from_str(line).unwrap();
            let mut payload = call["stdin"].clone();
            // Recorded at another time; the order is what counts.
            payload.as_object_mut().unwrap().remove("timestamp");
            agent.tell(call["name"].as_str(), &payload);
            _ = write!(seen, "{} ", status(&world));
            if let [record] = &*records(&world) {
                assert_eq!(record["pid"], agent.pid());
                assert_eq!(record["tool"], name);
                assert_eq!(record["entrypoint"], "hook");
                assert_eq!(record["cwd"], "/home/dev/project");
            }
        }
        assert_eq!(
            seen.trim(),
            expected.split_whitespace().collect::<Vec<_>>().join(" "),
            "{name}"
        );
    }
}

#[test]
fn what_a_sign_in_says() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    let more = json!({"cwd": "/srv/app", "transcript_path": "/r/x.jsonl", "source": "startup"});
    agent.says("SessionStart", "s1", more);
    agent.says("UserPromptSubmit", "s1", json!({"prompt": "p"}));
    let [record] = &*records(&world) else { panic!() };
    assert_eq!(record["sessionId"], "s1");
    assert_eq!(
        (&record["cwd"], &record["transcriptPath"]),
        (&json!("/srv/app"), &json!("/r/x.jsonl"))
    );
    assert_eq!(record["status"], "busy");
    assert_eq!(record["hookAt"], record["statusUpdatedAt"]);
    assert_eq!(record["kind"], "interactive");
    let row = &world.ps()[0];
    assert_eq!((&row["statusFrom"], &row["verdict"]), (&json!("hook"), &json!("alive")));
    // Whoever named it: the name stays through what follows.
    world.ok(&format!("rename {} billing", agent.pid()));
    agent.says("Stop", "s1", json!({}));
    agent.says("UserPromptSubmit", "s2", json!({}));
    let [record] = &*records(&world) else { panic!() };
    assert_eq!((&record["name"], &record["sessionId"]), (&json!("billing"), &json!("s2")));
}

/// The end of one conversation may be told after the next has begun.
#[test]
fn an_end_ends_only_its_own_conversation() {
    let world = World::new();
    let mut agent = Agent::start(&world, "claude");
    agent.says("SessionStart", "old", json!({"source": "startup"}));
    agent.says("SessionStart", "new", json!({"source": "clear"}));
    agent.says("SessionEnd", "old", json!({"reason": "other"}));
    assert_eq!(records(&world)[0]["sessionId"], "new");
    agent.says("SessionEnd", "new", json!({"reason": "resume"}));
    assert_eq!(status(&world), "idle");
    agent.says("SessionEnd", "new", json!({"reason": "prompt_input_exit"}));
    assert_eq!(status(&world), "-");
    // One that is late brings nobody back who is told of by nothing else.
    agent.says("SessionEnd", "new", json!({"reason": "prompt_input_exit"}));
    assert_eq!(status(&world), "-");
}

/// A session that signed in by itself, or that somebody runs under `callboard run`, is not the
/// hooks' to sign out.
#[test]
fn who_signed_in_by_itself_signs_out_by_itself() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    world.ok(&format!("register --pid {} --name mine --session-id s1", agent.pid()));
    agent.says("UserPromptSubmit", "s1", json!({}));
    assert_eq!(status(&world), "busy");
    agent.says("SessionEnd", "s1", json!({"reason": "other"}));
    assert_eq!(records(&world)[0]["name"], "mine");
}

/// Claude Code's own record knows more than its hooks: where it speaks, they are silent.
#[test]
fn claude_is_believed_before_its_hooks() {
    let world = World::new();
    let config = world.path("config");
    let mut agent = Agent::start_with(&world, "claude", &[("CLAUDE_CONFIG_DIR", &config)], &[]);
    let pid = agent.pid();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let start = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_owned();
    let file = config.join(format!("sessions/{pid}.json"));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let own = |status: Value, start: &str| {
        let record = json!({"pid": pid, "sessionId": "s1", "procStart": start, "status": status});
        std::fs::write(&file, record.to_string()).unwrap();
    };
    let somewhere = json!({"transcript_path": config.join("projects/-p/s1.jsonl")});

    own(Value::Null, &start);
    agent.says("SessionStart", "s1", somewhere.clone());
    assert_eq!(status(&world), "-", "its first record has no status yet");
    own(json!("idle"), &start);
    for event in ["UserPromptSubmit", "PermissionRequest", "Stop"] {
        agent.says(event, "s1", somewhere.clone());
        assert_eq!(status(&world), "-", "{event}");
    }
    assert!(log(&world).contains("its own record") || log(&world).contains("own record says"));
    // The record of an earlier process of this pid, which Claude Code leaves lying.
    own(json!("idle"), "1");
    agent.says("PermissionRequest", "s1", somewhere.clone());
    assert_eq!(status(&world), "waiting:permission_prompt");
    // A session of the SDK never says (claude-agent-sdk-typescript #364).
    own(Value::Null, &start);
    agent.says("PostToolUse", "s1", json!({}));
    assert_eq!(status(&world), "busy");
    // It was swept by somebody (claude-code #74566).
    std::fs::remove_file(&file).unwrap();
    agent.says("Stop", "s1", json!({}));
    assert_eq!(status(&world), "idle");
}

/// Fifty at once, told in no order: the last event counts, and none is lost on the way to it.
#[test]
fn many_at_once_end_with_the_last() {
    let world = World::new();
    let mut agent = Agent::start(&world, "qwen");
    let now = now();
    for round in 0..4_u64 {
        let begin = now - 100_000 + round * 10_000;
        let mut lines: Vec<String> = (0..50_u64)
            .map(|nth| {
                // The last one asks.
                let event = ["UserPromptSubmit", "PostToolUse", "Stop"][nth as usize % 3];
                let event = if nth == 49 { "PermissionRequest" } else { event };
                // Another conversation in every round.
                let session = format!("s{round}");
                let payload = called(event, &session, json!({"timestamp": begin + nth}));
                agent.line(None, &payload)
            })
            .collect();
        // 23 and 50 have no common divisor: every one is once, and neighbours are far apart.
        lines = (0..50).map(|nth| std::mem::take(&mut lines[nth * 23 % 50])).collect();
        let all: String = lines.iter().map(|line| format!("{line} & ")).collect();
        assert_eq!(agent.order(&format!("{all} wait")), (0, 0));
        let [record] = &*records(&world) else { panic!("{:?}", records(&world)) };
        assert_eq!(record["hookAt"], begin + 49, "{}", log(&world));
        assert_eq!(record["status"], "waiting");
        assert_eq!(record["statusUpdatedAt"], begin + 49);
        assert_eq!(record["sessionId"], format!("s{round}"));
    }
    assert!(!log(&world).contains("held up"), "{}", log(&world));
    let left: Vec<_> = std::fs::read_dir(world.sessions()).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

fn now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

#[test]
fn a_late_event_changes_nothing() {
    let world = World::new();
    let mut agent = Agent::start(&world, "qwen");
    let now = now();
    let at = |ago: u64| json!({"timestamp": now - ago});
    agent.says("UserPromptSubmit", "s1", at(5000));
    agent.says("Stop", "s1", at(1000));
    agent.says("PostToolUse", "s1", at(2000));
    assert_eq!(status(&world), "idle");
    agent.says("PostToolUse", "before", at(2000));
    assert_eq!(records(&world)[0]["sessionId"], "s1");
    agent.says("SessionEnd", "s1", json!({"timestamp": now - 3000, "reason": "other"}));
    assert_eq!(status(&world), "idle");
    assert_eq!(records(&world)[0]["hookAt"], now - 1000);
}

/// A clock that was set back must not silence every event until it gets there again.
#[test]
fn a_record_of_the_future_is_no_match_for_an_event_of_now() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    agent.says("UserPromptSubmit", "s1", json!({}));
    let file = world.sessions().join(format!("{}.json", agent.pid()));
    let mut record = records(&world).remove(0);
    record["hookAt"] = json!(now() + 3_600_000);
    record["statusUpdatedAt"] = record["hookAt"].clone();
    std::fs::write(&file, record.to_string()).unwrap();
    agent.says("Stop", "s1", json!({}));
    assert_eq!(status(&world), "idle");
    assert!(records(&world)[0]["hookAt"].as_u64().unwrap() <= now());
}

#[test]
fn a_hook_that_no_agent_runs_signs_nobody_in() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    // Codex runs, but it is not Qwen Code that does.
    let line =
        agent.line(None, &called("Stop", "s1", json!({}))).replace("hook codex", "hook qwen");
    assert_eq!(agent.order(&line), (0, 0));
    assert_eq!(status(&world), "-");
    assert!(log(&world).contains("none of its ancestors is a process of the agent"));
}

/// What the spawner of a background session said of it counts for a session that hooks sign in.
#[test]
fn a_session_in_the_background_is_signed_in_as_such() {
    let world = World::new();
    let name = Path::new("nightly");
    let variables = [("CALLBOARD_SESSION_KIND", Path::new("bg")), ("CALLBOARD_SESSION_NAME", name)];
    let mut agent = Agent::start_with(&world, "codex", &variables, &[]);
    agent.says("UserPromptSubmit", "s1", json!({}));
    let [record] = &*records(&world) else { panic!() };
    assert_eq!((&record["kind"], &record["name"]), (&json!("bg"), &json!("nightly")));
    let variables = [("CALLBOARD_SUBAGENT_OF", Path::new("s1"))];
    let world = World::new();
    let mut agent = Agent::start_with(&world, "codex", &variables, &[]);
    agent.says("UserPromptSubmit", "s2", json!({}));
    assert_eq!(status(&world), "-");
}

/// Between the agent's start of a hook and the hook's own first moment may be a login shell, or a
/// loaded machine: what counts is when the agent started it.
#[test]
fn a_hook_behind_a_slow_shell_tells_of_the_time_before_it() {
    let world = World::new();
    let mut agent = Agent::start(&world, "codex");
    let slow = agent.line(None, &called("PreToolUse", "s1", json!({})));
    let quick = agent.line(None, &called("PermissionRequest", "s1", json!({})));
    // The first is started first, and runs when the second has been told, which it is after so
    // many others that the system's clock of processes has moved on.
    let (fifo, go) = (world.path("tmp/fifo"), world.path("tmp/go"));
    let (fifo, go) = (fifo.display(), go.display());
    let order = format!(
        "mkfifo {fifo} {go}; (echo >{go}; read -r line <{fifo}; exec {slow}) & read -r line <{go}; \
         for n in $(seq 30); do {quick}; done; echo >{fifo}; wait"
    );
    assert_eq!(agent.order(&order), (0, 0));
    assert_eq!(status(&world), "waiting:permission_prompt", "{}", log(&world));
}

/// Codex's server runs the hooks of every session that is connected to it: a record of the server
/// would be about another session with every event.
#[test]
fn a_server_of_several_sessions_is_none_of_them() {
    let world = World::new();
    let mut agent = Agent::start_with(&world, "codex", &[], &["app-server"]);
    agent.says("PermissionRequest", "s1", json!({}));
    assert_eq!(status(&world), "-");
    assert!(log(&world).contains("a server of several sessions"), "{}", log(&world));
}
