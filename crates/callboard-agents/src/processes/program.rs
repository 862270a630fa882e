//! Which program a process runs, by its command line. Pure.

use super::Process;

/// A program and its arguments: for a script, the script, not its interpreter.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Program<'p> {
    /// The last part of its path, without `.js` or `.py`.
    pub name: &'p str,
    /// How it was called: a path, or a name that was looked up.
    pub path: &'p str,
    /// What it was given.
    pub args: &'p [Box<str>],
    /// Whether an interpreter runs it.
    pub is_script: bool,
}

/// Options of interpreters whose value is the next word.
const WITH_VALUE: [&str; 9] = [
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "-W",
    "-X",
];

/// File names that say nothing but "here it starts".
const ENTRY_POINTS: [&str; 5] = ["cli", "index", "main", "bundle", "start"];

impl<'p> Program<'p> {
    pub(super) fn of(process: &'p Process) -> Self {
        let Some((first, args)) = process.argv.split_first() else {
            return Self { name: &process.comm, path: &process.comm, args: &[], is_script: false };
        };
        // A program that writes its own title (`npm exec NAME`) has one word with spaces in it.
        let path = match args {
            [] => first.split(' ').next().unwrap_or(first),
            _ => first,
        };
        let name = base(path);
        if is_interpreter(name)
            && let Some(at) = script(args)
        {
            let path = &*args[at];
            return Self { name: stem(base(path)), path, args: &args[at + 1..], is_script: true };
        }
        // A launcher gave the interpreter its own name (`exec -a`): the script is its first word.
        if is_interpreter(&process.comm)
            && let Some(at) = script(args).filter(|at| is_entry_point(&args[*at]))
        {
            return Self { name, path, args: &args[at + 1..], is_script: true };
        }
        Self { name, path, args, is_script: false }
    }

    /// Whether it is one of these programs, or where these packages of npm start.
    #[must_use]
    pub fn is(&self, names: &[&str], packages: &[&str]) -> bool {
        names.contains(&self.name)
            || (self.is_script
                && ENTRY_POINTS.contains(&self.name)
                && self.package().is_some_and(|package| packages.contains(&package)))
    }

    /// The package of npm that the script is part of: `@scope/name` or `name`.
    #[must_use]
    pub fn package(&self) -> Option<&'p str> {
        let inside = &self.path[self.path.rfind("node_modules/")? + "node_modules/".len()..];
        let parts = if inside.starts_with('@') { 2 } else { 1 };
        let end = inside.match_indices('/').nth(parts - 1)?.0;
        inside.get(..end)
    }

    /// The first argument, where it is no option: a subcommand, for programs that have these.
    #[must_use]
    pub fn subcommand(&self) -> Option<&'p str> {
        self.args.first().map(|arg| &**arg).filter(|arg| !arg.starts_with('-'))
    }

    /// Whether one of these options is among the arguments, as a word of its own or with `=`.
    #[must_use]
    pub fn has(&self, options: &[&str]) -> bool {
        self.options().any(|arg| {
            let name = arg.split_once('=').map_or(arg, |(name, _)| name);
            options.contains(&name)
        })
    }

    /// The value of an option, as the next word or after `=`.
    #[must_use]
    pub fn value(&self, options: &[&str]) -> Option<&'p str> {
        let mut words = self.options();
        while let Some(word) = words.next() {
            match word.split_once('=') {
                Some((name, value)) if options.contains(&name) => return Some(value),
                None if options.contains(&word) => {
                    return words.next().filter(|value| !value.starts_with('-'));
                }
                _ => {}
            }
        }
        None
    }

    /// Whether it only answers a question about itself and ends.
    #[must_use]
    pub fn is_question(&self) -> bool {
        self.has(&["--version", "-V", "--help", "-h"])
    }

    /// The arguments before `--`.
    fn options(&self) -> impl Iterator<Item = &'p str> {
        self.args.iter().map(|arg| &**arg).take_while(|arg| *arg != "--")
    }
}

/// Where the script stands among the words after an interpreter.
fn script(words: &[Box<str>]) -> Option<usize> {
    let mut at = 0;
    loop {
        match &**words.get(at)? {
            // The program is given as text.
            "-e" | "--eval" | "-p" | "--print" | "-c" | "-" => return None,
            // `python -m NAME`, `bun run NAME`, `deno run NAME`.
            "-m" | "run" => return (at + 1 < words.len()).then_some(at + 1),
            option if WITH_VALUE.contains(&option) => at += 2,
            option if option.starts_with('-') => at += 1,
            _ => return Some(at),
        }
    }
}

fn is_entry_point(path: &str) -> bool {
    path.starts_with('/')
        && stem(base(path)) != base(path)
        && ENTRY_POINTS.contains(&stem(base(path)))
}

fn is_interpreter(name: &str) -> bool {
    matches!(name, "node" | "nodejs" | "bun" | "deno") || is_python(name)
}

fn is_python(name: &str) -> bool {
    let rest = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy"));
    rest.is_some_and(|version| version.bytes().all(|b| b.is_ascii_digit() || b == b'.'))
}

/// Whether a process of this name may be running an agent's script. Node.js calls its first thread
/// `MainThread` (from version 20 on in single executables, from 24 on everywhere). A program that is
/// installed as a file called like its version has that as its name.
pub(crate) fn is_interpreter_comm(comm: &str) -> bool {
    is_interpreter(comm)
        || matches!(comm, "MainThread" | "node-MainThread")
        || comm.starts_with(|first: char| first.is_ascii_digit())
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn stem(name: &str) -> &str {
    [".js", ".mjs", ".cjs", ".ts", ".py"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_program_a_command_line_is() {
        type Case<'c> = (&'c [&'c str], &'c str, &'c [&'c str], bool);
        let cases: &[Case<'_>] = &[
            (&["/home/dev/.local/bin/claude", "-c"], "claude", &["-c"], false),
            (&["node", "/opt/node_modules/.bin/gemini"], "gemini", &[], true),
            (
                &["/usr/bin/node", "--max-old-space-size=12052", "/opt/.bin/gemini", "-y"],
                "gemini",
                &["-y"],
                true,
            ),
            (
                &["node", "-r", "./hook.js", "--import", "x", "/a/cli.js", "-p"],
                "cli",
                &["-p"],
                true,
            ),
            (&["/usr/bin/python3.12", "-m", "aider", "--yes"], "aider", &["--yes"], true),
            (&["/venv/bin/python", "/venv/bin/aider"], "aider", &[], true),
            (&["bun", "run", "/x/omp.ts"], "omp", &[], true),
            (&["node", "-e", "claude"], "node", &["-e", "claude"], false),
            (&["node"], "node", &[], false),
            (&["python3", "-"], "python3", &["-"], false),
            // Titles that programs give themselves.
            (&["npm exec @openai/codex"], "npm", &[], false),
            (&["pi"], "pi", &[], false),
            (&["-zsh"], "-zsh", &[], false),
            (&[], "comm", &[], false),
        ];
        for (argv, name, args, is_script) in cases {
            let process = Process::new(1, 0, "comm", argv);
            let program = process.program();
            let found: Vec<&str> = program.args.iter().map(|arg| &**arg).collect();
            assert_eq!((program.name, &*found), (*name, *args), "{argv:?}");
            assert_eq!(program.is_script, *is_script, "{argv:?}");
        }
    }

    #[test]
    fn an_interpreter_that_was_given_another_name() {
        let argv = ["/x/cursor-agent", "--use-system-ca", "/x/versions/1/index.js", "-p", "hi"];
        let process = Process::new(1, 0, "node", &argv);
        let program = process.program();
        assert_eq!((program.name, program.args.len()), ("cursor-agent", 2));
        let process = Process::new(1, 0, "native", &argv);
        assert_eq!(process.program().args.len(), 4);
    }

    #[test]
    fn where_a_package_starts() {
        let is = |path: &str| {
            let process = Process::new(1, 0, "node", &["node", path]);
            process.program().is(&["qwen"], &["@qwen-code/qwen-code", "plain"])
        };
        assert!(is("/usr/bin/qwen"));
        assert!(is("/opt/node_modules/@qwen-code/qwen-code/cli.js"));
        assert!(is("/opt/node_modules/plain/dist/index.js"));
        assert!(is("/opt/node_modules/other/node_modules/plain/cli.js"), "the innermost counts");
        for other in [
            "/opt/node_modules/@qwen-code/qwen-code/dist/mcp-server.js",
            "/opt/node_modules/@qwen-code/other/cli.js",
            "/opt/node_modules/plain/node_modules/other/cli.js",
            "/opt/cli.js",
            "/opt/node_modules/cli.js",
            "/home/dev/qwen-notes.js",
        ] {
            assert!(!is(other), "{other}");
        }
        let native = Process::new(1, 0, "cli", &["/x/node_modules/plain/cli"]);
        assert!(!native.program().is(&[], &["plain"]));
    }

    #[test]
    fn options_and_their_values() {
        let argv =
            ["claude", "--resume=abc", "-c", "--session-id", "id", "--last", "--", "--version"];
        let process = Process::new(1, 0, "claude", &argv);
        let program = process.program();
        assert!(program.has(&["--continue", "-c"]) && program.has(&["--resume"]));
        assert_eq!(program.value(&["--resume", "-r"]), Some("abc"));
        assert_eq!(program.value(&["--session-id"]), Some("id"));
        assert_eq!(program.value(&["--last"]), None, "the end of the options is no value");
        assert_eq!(program.value(&["-c"]), None, "the next option is no value");
        assert!(!program.is_question(), "a prompt after `--` is no option");
        assert_eq!(program.subcommand(), None);
        let daemon = Process::new(1, 0, "claude", &["claude", "daemon", "run"]);
        assert_eq!(daemon.program().subcommand(), Some("daemon"));
    }

    #[test]
    fn names_that_may_run_a_script() {
        for comm in ["node", "MainThread", "bun", "python", "python3", "python3.12", "2.1.329"] {
            assert!(is_interpreter_comm(comm), "{comm}");
        }
        for comm in ["bash", "pythonista", "nodemon", "claude", "", "python-gitlab"] {
            assert!(!is_interpreter_comm(comm), "{comm}");
        }
    }
}
