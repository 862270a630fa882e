//! Processes that are one session: a launcher and the worker that it starts, a program and what it
//! forks off. Pure.

use super::Process;

/// The process that a launcher started to be the session in its place, if it is one.
///
/// Launchers are scripts that start what they stand for: `node gemini` the same with more memory,
/// `node codex` the native program, `node qwen` two more, one inside the other. They hand their
/// arguments on as they are. So: an interpreter's process, and a direct child that is the same
/// agent with the same arguments. An agent that another agent's tool runs is given arguments of its
/// own, or has a shell in between: it is a session, and so is the one that runs it.
///
/// `others` are the processes of the same agent.
pub(crate) fn worker_of<'p>(
    launcher: &Process,
    others: impl IntoIterator<Item = &'p Process>,
) -> Option<&'p Process> {
    let program = launcher.program();
    if !program.is_script {
        return None;
    }
    others.into_iter().find(|other| {
        other.parent == launcher.pid
            && other.pid != launcher.pid
            && other.start_ticks >= launcher.start_ticks
            && other.program().args == program.args
    })
}

/// Leaves out what is still the process that forked it off: a command that an agent is about to
/// execute has the agent's name and command line until then, and was a session without a record
/// for one look (Claude Code 2.1.197, at its start).
///
/// Only beside its parent: what goes on alone, or calls itself something else, is a process of its
/// own. One that a shell has executed is no fork, whatever its arguments.
pub(crate) fn without_forks(mut processes: Vec<Process>) -> Vec<Process> {
    let is_of = |fork: &Process, parent: &Process| {
        parent.pid == fork.parent
            && parent.start_ticks <= fork.start_ticks
            && (&parent.comm, &parent.argv) == (&fork.comm, &fork.argv)
    };
    let is_still = |fork: &&Process| fork.is_fork && processes.iter().any(|p| is_of(fork, p));
    let forks: Vec<u32> = processes.iter().filter(is_still).map(|fork| fork.pid).collect();
    processes.retain(|process| !forks.contains(&process.pid));
    processes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_by_case() {
        let process = |pid, parent, argv: &[&str]| Process::new(pid, parent, "claude", argv);
        let fork =
            |pid, parent, argv: &[&str]| Process { is_fork: true, ..process(pid, parent, argv) };
        let agent = || process(10, 1, &["claude", "-c"]);
        let cases: [(&str, Vec<Process>, &[u32]); 7] = [
            ("about to be a command", vec![agent(), fork(12, 10, &["claude", "-c"])], &[10]),
            ("under a lower number", vec![fork(9, 10, &["claude", "-c"]), agent()], &[10]),
            (
                "a fork of a fork",
                vec![agent(), fork(12, 10, &["claude", "-c"]), fork(13, 12, &["claude", "-c"])],
                &[10],
            ),
            ("a program of its own", vec![agent(), process(12, 10, &["claude", "-c"])], &[10, 12]),
            ("its parent is gone", vec![agent(), fork(12, 1, &["claude", "-c"])], &[10, 12]),
            ("called something else", vec![agent(), fork(12, 10, &["claude"])], &[10, 12]),
            (
                "its parent's number is another's by now",
                vec![Process { start_ticks: 9, ..agent() }, fork(12, 10, &["claude", "-c"])],
                &[10, 12],
            ),
        ];
        for (story, processes, expected) in cases {
            let left: Vec<u32> = without_forks(processes).iter().map(|left| left.pid).collect();
            assert_eq!(left, expected, "{story}");
        }
    }

    /// The processes that count, by pid, of processes of one agent.
    fn counted(processes: &[(u32, u32, &[&str])]) -> Vec<u32> {
        let processes: Vec<_> = processes
            .iter()
            .map(|(pid, parent, argv)| Process::new(*pid, *parent, "-", argv))
            .collect();
        let counts = |process: &&Process| worker_of(process, &processes).is_none();
        processes.iter().filter(counts).map(|process| process.pid).collect()
    }

    #[test]
    fn the_innermost_counts() {
        type Case<'c> = (&'c str, &'c [(u32, u32, &'c [&'c str])], &'c [u32]);
        let cases: &[Case<'_>] = &[
            (
                "gemini 0.61.0",
                &[
                    (26754, 26752, &["node", "/opt/agent/node_modules/.bin/gemini"]),
                    (
                        26861,
                        26754,
                        &[
                            "/usr/bin/node",
                            "--max-old-space-size=12052",
                            "/opt/agent/node_modules/.bin/gemini",
                        ],
                    ),
                ],
                &[26861],
            ),
            (
                "qwen 0.24.4",
                &[
                    (4805, 4803, &["node", "/opt/agent/node_modules/.bin/qwen"]),
                    (4868, 4805, &["/usr/bin/node", "--expose-gc", "/opt/qwen-code/cli.js"]),
                    (4999, 4868, &["/usr/bin/node", "--expose-gc", "/opt/qwen-code/cli.js"]),
                ],
                &[4999],
            ),
            (
                "codex 0.169.0",
                &[
                    (4825, 4823, &["node", "/opt/.bin/codex", "--dangerously-bypass-hook-trust"]),
                    (4885, 4825, &["/opt/bin/codex", "--dangerously-bypass-hook-trust"]),
                ],
                &[4885],
            ),
            (
                "codex 0.169.0 with its daemons",
                &[
                    (10021, 10019, &["node", "/opt/.bin/codex"]),
                    (10057, 10021, &["/opt/bin/codex"]),
                    (10074, 10057, &["/home/dev/.codex/bin/codex", "app-server", "--listen"]),
                    (10153, 10057, &["/home/dev/.codex/bin/codex", "app-server", "daemon"]),
                ],
                &[10057, 10074, 10153],
            ),
            (
                "copilot 1.0.102",
                &[
                    (11354, 11352, &["node", "/opt/agent/node_modules/.bin/copilot"]),
                    (11387, 11354, &["/opt/agent/node_modules/@github/copilot-linux-x64/copilot"]),
                ],
                &[11387],
            ),
            ("pi 0.73.1", &[(26583, 26581, &["pi"])], &[26583]),
            ("claude 2.1.329", &[(22875, 22873, &["claude", "--permission-mode"])], &[22875]),
            (
                "claude-code #76269: one that another one's tool runs, with a shell in between",
                &[(10, 1, &["claude"]), (12, 11, &["claude", "-p", "x"])],
                &[10, 12],
            ),
            (
                "the same, where the shell became it",
                &[(10, 1, &["claude"]), (11, 10, &["claude"])],
                &[10, 11],
            ),
            (
                "a script's tool that runs the script again, for something else",
                &[
                    (10, 1, &["node", "/opt/qwen"]),
                    (11, 10, &["node", "/opt/qwen"]),
                    (12, 11, &["node", "/opt/qwen", "-p", "x"]),
                ],
                &[11, 12],
            ),
            (
                "two of one shell",
                &[(10, 1, &["node", "/opt/gemini"]), (11, 1, &["node", "/opt/gemini"])],
                &[10, 11],
            ),
        ];
        for (story, processes, expected) in cases {
            assert_eq!(counted(processes), *expected, "{story}");
        }
    }

    #[test]
    fn a_worker_is_not_older_than_its_launcher() {
        let launcher = Process { start_ticks: 9, ..Process::new(10, 1, "node", &["node", "/g"]) };
        let before = Process { start_ticks: 8, ..Process::new(11, 10, "node", &["node", "/g"]) };
        assert_eq!(worker_of(&launcher, [&before]), None, "the pid was somebody else's then");
    }
}
