//! A launcher and the worker that it starts are one session. Pure.

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

#[cfg(test)]
mod tests {
    use super::*;

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
