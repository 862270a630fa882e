use std::path::Path;

use super::*;
use crate::processes::worker_of;

fn agents() -> Vec<Box<dyn Adapter>> {
    all(&|_| None, &[])
}

fn role(agents: &[Box<dyn Adapter>], process: &Process) -> Option<(&'static str, Role)> {
    agents.iter().find_map(|agent| Some((agent.name(), agent.role(process)?)))
}

/// The processes of each step of a recording: `pid`, `ppid` and `comm`, then the command line, whose
/// words are told apart by spaces.
fn recorded(file: &str) -> Vec<(String, Vec<Process>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = std::fs::read_to_string(path).unwrap();
    let steps = text.split("## ").skip(1).map(|step| {
        let (name, body) = step.split_once('\n').unwrap();
        let processes = body.split("\npid ").filter_map(|block| {
            let (head, rest) = block.split_once("\n  argv ")?;
            let words: Vec<&str> = head.trim_start_matches("pid ").split(' ').collect();
            let [pid, "ppid", parent, "comm", comm] = words[..] else { return None };
            Some(process(pid, parent, comm, rest))
        });
        (name.to_owned(), processes.collect())
    });
    steps.collect()
}

fn process(pid: &str, parent: &str, comm: &str, rest: &str) -> Process {
    let argv: Vec<&str> = rest.lines().next().unwrap().split_whitespace().collect();
    Process::new(pid.parse().unwrap(), parent.parse().unwrap(), comm, &argv)
}

#[test]
fn of_the_recorded_processes_one_is_the_session() {
    let runs = [
        ("claude/2.1.197", "claude", 26661),
        ("claude/2.1.329", "claude", 22875),
        ("codex/0.169.0", "codex", 4885),
        ("codex/0.169.0/daemon", "codex", 10057),
        ("copilot/1.0.102", "copilot", 11387),
        ("gemini/0.61.0", "gemini", 26861),
        ("opencode/1.18.33", "opencode", 1938),
        ("pi/0.73.1", "pi", 26583),
        ("qwen/0.24.4", "qwen", 4999),
    ];
    let agents = agents();
    for (run, agent, pid) in runs {
        let steps = recorded(&format!("{run}/procs.txt"));
        assert!(steps.len() >= 5, "{run}");
        for (step, processes) in steps {
            let own: Vec<_> =
                processes.iter().filter(|process| role(&agents, process).is_some()).collect();
            let sessions: Vec<_> = own
                .iter()
                .filter(|process| role(&agents, process) == Some((agent, Role::Session)))
                .filter(|process| worker_of(process, own.iter().copied()).is_none())
                .map(|process| process.pid)
                .collect();
            assert_eq!(sessions, [pid], "{run} {step}");
            // Each of them is looked at: by its name, before anything else of it is read.
            for process in &own {
                let is_seen = is_candidate(&process.comm)
                    && (is_interpreter_comm(&process.comm)
                        || agents.iter().any(|agent| agent.is_candidate(&process.comm)));
                assert!(is_seen, "{run} {step}: {process:?}");
            }
        }
    }
}

#[test]
fn what_a_process_is_by_its_command_line() {
    use Role::{Infrastructure as Other, Session, Spare};
    let cases: &[(&str, &str, Option<(&str, Role)>)] = &[
        ("claude", "claude", Some(("claude", Session))),
        (
            "claude",
            "/home/dev/.local/bin/claude --permission-mode default",
            Some(("claude", Session)),
        ),
        ("claude", "claude -p hello", Some(("claude", Session))),
        ("claude", "claude update the docs", Some(("claude", Other))),
        ("claude", "claude -- mcp", Some(("claude", Session))),
        ("claude", "claude daemon run", Some(("claude", Other))),
        ("claude", "claude --bg-pty-host /s 200 50 -- claude", Some(("claude", Other))),
        ("claude", "claude --bg-spare /s", Some(("claude", Spare))),
        ("claude", "claude mcp serve", Some(("claude", Other))),
        ("claude", "claude --version", Some(("claude", Other))),
        ("claude", "claude --agent-id a@t --agent-name a", Some(("claude", Other))),
        (
            "2.1.329",
            "/home/dev/.local/share/claude/versions/2.1.329 --session-id x",
            Some(("claude", Session)),
        ),
        (
            "node",
            "node /x/node_modules/@anthropic-ai/claude-code/cli.js",
            Some(("claude", Session)),
        ),
        ("bash", "/bin/bash -c claude", None),
        ("vim", "vim claude", None),
        ("codex", "codex exec hi", Some(("codex", Session))),
        ("codex", "codex resume", Some(("codex", Session))),
        ("codex", "codex app-server --listen unix://", Some(("codex", Other))),
        ("codex", "codex app-server daemon pid-update-loop", Some(("codex", Other))),
        ("codex", "codex mcp-server", Some(("codex", Other))),
        ("codex-x86_64-un", "/x/codex-x86_64-unknown-linux-musl", Some(("codex", Session))),
        ("codex", "codex-linux-sandbox sleep", None),
        ("npm exec @opena", "npm exec @openai/codex", None),
        ("MainThread", "/x/@github/copilot-linux-x64/copilot", Some(("copilot", Session))),
        ("MainThread", "node /x/gemini mcp list", Some(("gemini", Other))),
        ("node", "node /x/qwen serve", Some(("qwen", Other))),
        ("opencode", "opencode run hi", Some(("opencode", Session))),
        ("opencode", "opencode serve", Some(("opencode", Other))),
        (
            "node",
            "node /x/node_modules/@mariozechner/pi-coding-agent/dist/cli.js",
            Some(("pi", Session)),
        ),
        ("bun", "bun /home/dev/.bun/bin/omp", Some(("omp", Session))),
        ("node", "/x/cursor-agent --use-system-ca /x/index.js", Some(("cursor", Session))),
        ("node", "/x/cursor-agent /x/index.js worker-server", Some(("cursor", Other))),
        ("aider", "/venv/bin/python /venv/bin/aider", Some(("aider", Session))),
        ("python3", "python3 -m aider", Some(("aider", Session))),
        ("goose", "goose session", Some(("goose", Session))),
        ("goose", "goose postgres up", Some(("goose", Other))),
        ("kiro-cli-chat", "kiro-cli-chat chat", Some(("kiro", Session))),
        ("hermes", "hermes app.js", None),
        ("hermes", "/venv/bin/python /venv/bin/hermes", Some(("hermes", Session))),
        ("amp", "amp", Some(("amp", Session))),
        ("droid", "droid mcp list", Some(("droid", Other))),
    ];
    let agents = agents();
    for (comm, line, expected) in cases {
        let argv: Vec<&str> = line.split(' ').collect();
        let process = Process::new(1, 0, comm, &argv);
        assert_eq!(role(&agents, &process), *expected, "{line}");
        assert!(expected.is_none() || is_candidate(comm), "{line} is not looked at");
    }
}

#[test]
fn every_agent_says_what_is_known_of_it() {
    let agents = agents();
    assert_eq!(facts().len(), agents.len());
    assert_eq!(SIGNS.len(), agents.len());
    for (agent, facts) in agents.iter().zip(facts()) {
        assert!(role_of(agent.name()).is_some(), "{}", agent.name());
        assert!(!facts.title.is_empty() && !facts.unknown.is_empty(), "{}", agent.name());
    }
}
