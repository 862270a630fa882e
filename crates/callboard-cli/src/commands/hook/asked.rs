//! The command line of a hook, read by hand: no word in it may make the program complain.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

use callboard_agents::hook::HookAgent;

/// What a hook was called with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// The agent, if it is one that is known.
    pub(super) agent: Option<HookAgent>,
    /// The event that it was installed for.
    pub(super) event: Option<String>,
    /// The event itself, where it is not on standard input.
    pub(super) payload: Option<Vec<u8>>,
    pub(super) home: Option<PathBuf>,
    pub(super) registry: Option<PathBuf>,
}

impl Asked {
    /// `None` where the command is another one, or a person asks for help.
    pub(super) fn of(words: impl Iterator<Item = OsString>) -> Option<Self> {
        let mut words = words.peekable();
        if words.peek().is_none() && is_called_without_its_words() {
            return Some(Self { agent: Some(HookAgent::Claude), ..Self::default() });
        }
        let mut asked = Self::default();
        let mut place = 0;
        while let Some(word) = words.next() {
            let text = word.to_string_lossy();
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(OsString::from(value))),
                None => (&*text, None),
            };
            match (name, place) {
                ("--home", _) => asked.home = path(value.or_else(|| words.next())),
                ("--registry", _) => asked.registry = path(value.or_else(|| words.next())),
                ("--color", _) => _ = value.or_else(|| words.next()),
                ("-h" | "--help", _) => return None,
                ("hook", 0) => place = 1,
                (_, 0) => return None,
                (option, 1) if option.starts_with('-') => {}
                (agent, 1) => (asked.agent, place) = (HookAgent::named(agent), 2),
                // Codex gives what it notifies of as the last word.
                _ if text.starts_with('{') => asked.payload = Some(word.into_vec()),
                _ => asked.event = Some(text.into_owned()),
            }
        }
        (place > 0).then_some(asked)
    }
}

fn path(word: Option<OsString>) -> Option<PathBuf> {
    std::path::absolute(word?).ok()
}

/// Whether this is a hook of a Claude Code from before 2.1.139, which does not know of `args` and
/// runs the bare command. Usage, and with it the exit code 2, would forbid every tool to run.
/// Commands that the model runs do not have this variable.
fn is_called_without_its_words() -> bool {
    std::env::var_os("CLAUDE_PROJECT_DIR").is_some()
        && !rustix::termios::isatty(rustix::stdio::stdin())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Option<Asked> {
        Asked::of(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn command_lines_by_case() {
        let none = Asked::default;
        let claude = || Asked { agent: Some(HookAgent::Claude), ..none() };
        let event = |name: &str| Asked {
            agent: Some(HookAgent::Copilot),
            event: Some(name.into()),
            ..none()
        };
        let cases = [
            ("hook claude", Some(claude())),
            ("hook copilot agentStop", Some(event("agentStop"))),
            ("--home /h hook claude", Some(Asked { home: Some("/h".into()), ..claude() })),
            ("--home=/h hook claude", Some(Asked { home: Some("/h".into()), ..claude() })),
            ("hook --home /h claude", Some(Asked { home: Some("/h".into()), ..claude() })),
            ("hook claude --registry /r", Some(Asked { registry: Some("/r".into()), ..claude() })),
            ("--color never hook claude", Some(claude())),
            ("hook claude {}", Some(Asked { payload: Some(b"{}".into()), ..claude() })),
            // Whatever an installation of another version adds is no reason to complain.
            ("hook --quietly claude", Some(claude())),
            ("hook claude --async -x", Some(Asked { event: Some("-x".into()), ..claude() })),
            ("hook", Some(none())),
            ("hook nonsense", Some(none())),
            ("hook --home", Some(none())),
            // A person, or another command.
            ("hook --help", None),
            ("hook claude -h", None),
            ("hooks status", None),
            ("ps hook", None),
            ("--home /h", None),
            ("--home hook", None),
            ("", None),
        ];
        for (line, expected) in cases {
            assert_eq!(asked(line), expected, "{line}");
        }
    }
}
