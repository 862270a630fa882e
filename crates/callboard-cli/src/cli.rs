//! The command line: what can be typed, and which command it means.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands;
use crate::context::{Context, Global};
use crate::exit::{Ended, Exit};
use crate::failure::Failure;
use crate::output::sanitize::sanitize_lines;
use crate::output::stream::{Stop, complain};

const AFTER_HELP: &str = "\
S is a name, a pid or the first characters of a session id, four or more; an exact name comes
first.

Examples:
  callboard ps                          who is on, and who waits for you
  callboard run -- make test            put a command on the board while it runs
  callboard count --status waiting      a number for a prompt or a status bar
  callboard demo                        five seconds of what it looks like";

const AFTER_LONG_HELP: &str = "\
S is a name, a pid or the first characters of a session id, four or more; an exact name comes
first.

Examples:
  callboard ps                          who is on, and who waits for you
  callboard run -- make test            put a command on the board while it runs
  callboard count --status waiting      a number for a prompt or a status bar
  callboard demo                        five seconds of what it looks like

Exit codes, the same everywhere (`run` ends as its command ends):
  0    yes, or done; also when the reader of a pipe has gone
  1    no: nothing matched, or it could not be done
  2    a wrong command line, or a name that means several sessions
  3    with --strict: done, but something could not be read
  4    another part of callboard could not be reached
  70   a bug in callboard
  124  the time that was given ran out

Files:
  $CALLBOARD_HOME/sessions/             one record for each session; else
                                        $XDG_STATE_HOME/callboard/, ~/.local/state/callboard/
  $XDG_CONFIG_HOME/callboard/config.toml   else ~/.config/callboard/config.toml;
                                        `callboard doctor` checks it";

/// who is on, and who waits for you: the board of your interactive sessions
#[derive(Debug, Parser)]
#[command(
    name = "callboard",
    version,
    after_help = AFTER_HELP,
    after_long_help = AFTER_LONG_HELP,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// The commands, each by its name: as what was typed is given to them, and as one alone is described.
macro_rules! commands {
    ($($(#[$attribute:meta])* $name:literal => $variant:ident($of:ty),)*) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($(#[$attribute])* #[command(name = $name)] $variant($of),)*
        }

        impl Command {
            /// What describes the options and arguments of the command of this name.
            fn describe(name: &str) -> Option<fn(clap::Command) -> clap::Command> {
                match name {
                    $($(#[$attribute])* $name => Some(<$of as Args>::augment_args),)*
                    _ => None,
                }
            }
        }
    };
}

commands! {
    "ps" => Ps(commands::ps::Ps),
    "count" => Count(commands::count::Count),
    "show" => Show(commands::show::Show),
    "run" => Run(commands::run::Run),
    "attach" => Attach(commands::attach::Attach),
    "detach" => Detach(commands::detach::Detach),
    "logs" => Logs(commands::logs::Logs),
    "stop" => Stop(commands::stop::Stop),
    "restart" => Restart(commands::restart::Restart),
    "rm" => Rm(commands::rm::Rm),
    #[cfg(target_os = "linux")]
    "daemon" => Daemon(commands::daemon::Daemon),
    "register" => Register(commands::register::Register),
    "update" => Update(commands::update::Update),
    "deregister" => Deregister(commands::deregister::Deregister),
    "rename" => Rename(commands::rename::Rename),
    "hook" => Hook(commands::hook::Hook),
    "hooks" => Hooks(commands::hooks::Hooks),
    "sweep" => Sweep(commands::sweep::Sweep),
    "doctor" => Doctor(commands::doctor::Doctor),
    "demo" => Demo(commands::demo::Demo),
    #[cfg(target_os = "linux")]
    "watch" => Watch(commands::watch::Watch),
    #[cfg(target_os = "linux")]
    "wait" => Wait(commands::wait::Wait),
    #[cfg(target_os = "linux")]
    "events" => Events(commands::events::Events),
    #[cfg(target_os = "linux")]
    "exec" => Exec(commands::exec::Exec),
    #[cfg(target_os = "linux")]
    "notify" => Notify(commands::notify::Notify),
    "status-line" => StatusLine(commands::status_line::StatusLine),
    "metrics" => Metrics(commands::metrics::Metrics),
    "completions" => Completions(commands::completions::Completions),
    "man" => Man(commands::man::Man),
    "demo-session" => DemoSession(commands::demo_session::DemoSession),
}

/// The description of the command line, for manual pages, completions and help.
#[must_use]
pub fn command() -> clap::Command {
    Cli::command()
}

/// The description of the one command that is named, enough to understand what is right. With
/// those of all the others a short command has 245 page faults instead of 161.
fn named(words: &[OsString]) -> Option<clap::Command> {
    let (name, describe) = words.iter().skip(1).find_map(|word| {
        let name = word.to_str()?;
        Some((name, Command::describe(name)?))
    })?;
    let program = Global::augment_args(clap::Command::new("callboard")).subcommand_required(true);
    Some(program.subcommand(describe(clap::Command::new(name.to_owned()))))
}

/// A command that was typed without a word more, as people and their status bars do all day: there
/// is nothing to understand, and to describe its options to nobody has 18 page faults.
fn bare(words: &[OsString]) -> Option<Cli> {
    let [_, name] = words else { return None };
    let command = match name.to_str()? {
        "ps" => Command::Ps(commands::ps::Ps::default()),
        "count" => Command::Count(commands::count::Count::default()),
        "status-line" => Command::StatusLine(commands::status_line::StatusLine::default()),
        _ => return None,
    };
    Some(Cli { global: Global::default(), command })
}

/// What was typed. What the description of one command does not understand, the whole one judges
/// and answers: help, and mistakes, about which only it knows what was meant.
fn parse(words: &[OsString]) -> Result<Cli, clap::Error> {
    if let Some(cli) = bare(words) {
        return Ok(cli);
    }
    if let Some(cli) = named(words).and_then(|only| understood(only, words).ok()) {
        return Ok(cli);
    }
    understood(command(), words)
}

fn understood(mut described: clap::Command, words: &[OsString]) -> Result<Cli, clap::Error> {
    let mut matches = described.try_get_matches_from_mut(words)?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut described))
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    // First: a host is this program, executed again, and not a command.
    if let Some(code) = callboard_host::builtin::take_over(std::env::args_os()) {
        return code.into();
    }
    if let Some(code) = commands::hook::answer() {
        return code;
    }
    std::panic::set_hook(Box::new(|panic| {
        complain(format_args!(
            "this is a bug in callboard {}: {panic}\nplease report it with what you typed",
            env!("CARGO_PKG_VERSION")
        ));
    }));
    guarded(parse_and_run).into()
}

/// A panic is a bug, with a code of its own; the hook has told of it.
fn guarded(run: impl FnOnce() -> Ended + std::panic::UnwindSafe) -> Ended {
    std::panic::catch_unwind(run).unwrap_or(Ended::With(Exit::Bug))
}

fn parse_and_run() -> Ended {
    if commands::completions::answer() {
        return Ended::With(Exit::Yes);
    }
    let words: Vec<OsString> = std::env::args_os().collect();
    let cli = match parse(&words) {
        Ok(cli) => cli,
        Err(error) => return Ended::With(not_a_command(&error)),
    };
    let context = Context::new(cli.global);
    let result = match cli.command {
        Command::Ps(ps) => ps.run(&context).map(Ended::from),
        Command::Count(count) => count.run(&context).map(Ended::from),
        Command::Show(show) => show.run(&context).map(Ended::from),
        Command::Run(run) => run.run(&context),
        Command::Attach(attach) => attach.run(&context),
        Command::Detach(detach) => detach.run(&context).map(Ended::from),
        Command::Logs(logs) => logs.run(&context).map(Ended::from),
        Command::Stop(stop) => stop.run(&context).map(Ended::from),
        Command::Restart(restart) => restart.run(&context),
        Command::Rm(rm) => rm.run(&context).map(Ended::from),
        #[cfg(target_os = "linux")]
        Command::Daemon(daemon) => daemon.run(&context).map(Ended::from),
        Command::Register(register) => register.run(&context).map(Ended::from),
        Command::Update(update) => update.run(&context).map(Ended::from),
        Command::Deregister(deregister) => deregister.run(&context).map(Ended::from),
        Command::Rename(rename) => rename.run(&context).map(Ended::from),
        Command::Hook(hook) => Ok(hook.run().into()),
        Command::Hooks(hooks) => hooks.run(&context).map(Ended::from),
        Command::Sweep(sweep) => sweep.run(&context).map(Ended::from),
        Command::Doctor(doctor) => doctor.run(&context).map(Ended::from),
        Command::Demo(demo) => demo.run(&context),
        #[cfg(target_os = "linux")]
        Command::Watch(watch) => watch.run(&context),
        #[cfg(target_os = "linux")]
        Command::Wait(wait) => wait.run(&context).map(Ended::from),
        #[cfg(target_os = "linux")]
        Command::Events(events) => events.run(&context).map(Ended::from),
        #[cfg(target_os = "linux")]
        Command::Exec(exec) => exec.run(&context),
        #[cfg(target_os = "linux")]
        Command::Notify(notify) => notify.run(&context).map(Ended::from),
        Command::StatusLine(line) => line.run(&context.silent()).map(Ended::from),
        Command::Metrics(metrics) => metrics.run(&context).map(Ended::from),
        Command::Man(man) => man.run().map(Ended::from),
        Command::Completions(completions) => completions.run().map(Ended::from),
        Command::DemoSession(session) => session.run(&context).map(Ended::from),
    };
    result.unwrap_or_else(|failure| Ended::With(tell(failure)))
}

/// Help and version, which were asked for, or a command line that makes no sense.
fn not_a_command(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        // It quotes arguments, which a script may have from anywhere.
        eprint_whole(&sanitize_lines(&error.render().to_string()));
        return Exit::Usage;
    }
    match error.print().map_err(Stop::from) {
        Ok(()) | Err(Stop::ReaderGone) => Exit::Yes,
        Err(stop) => tell(stop.into()),
    }
}

fn eprint_whole(text: &str) {
    use std::io::Write as _;
    let _nobody_left_to_tell = std::io::stderr().write_all(text.as_bytes());
}

fn tell(failure: Failure) -> Exit {
    match failure {
        Failure::Told { exit, message } => {
            complain(message);
            exit
        }
        Failure::Output(Stop::ReaderGone) => Exit::Yes,
        Failure::Output(Stop::Failed(error)) => {
            complain(format_args!(
                "cannot write to standard output: {error}; see where it is redirected to"
            ));
            Exit::No
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    /// The name, the aliases and what may be typed after it.
    fn described(command: &clap::Command) -> String {
        let arguments: Vec<_> = command.get_arguments().collect();
        let groups: Vec<_> = command.get_groups().collect();
        let below: Vec<_> = command.get_subcommands().map(described).collect();
        let aliases: Vec<_> = command.get_all_aliases().collect();
        format!("{} {aliases:?} {arguments:#?} {groups:#?} {below:#?}", command.get_name())
    }

    #[test]
    fn a_command_alone_is_described_as_among_all() {
        let all = command();
        for among in all.get_subcommands() {
            let name = among.get_name();
            let words = ["callboard", "--color", "never", name].map(OsString::from);
            let program = named(&words).expect(name);
            program.clone().debug_assert();
            let alone = program.find_subcommand(name).expect(name);
            assert_eq!(described(alone), described(among));
            // A command without aliases is never typed by another name, which would be slow.
            assert_eq!(among.get_all_aliases().count(), 0, "{name}");
            for word in ["--bogus", "--help"] {
                let words = ["callboard", name, word].map(OsString::from);
                let told = |by: Result<Cli, clap::Error>| {
                    by.map(|cli| format!("{cli:?}")).map_err(|error| error.to_string())
                };
                assert_eq!(told(parse(&words)), told(understood(command(), &words)));
            }
        }
        assert!(named(&["callboard", "pss"].map(OsString::from)).is_none());
    }

    #[test]
    fn a_bare_command_means_what_its_description_says() {
        let names = ["ps", "count", "status-line"];
        for name in names {
            let words = ["callboard", name].map(OsString::from);
            let (bare, described) = (bare(&words).expect(name), understood(command(), &words));
            assert_eq!(format!("{bare:?}"), format!("{:?}", described.unwrap()));
        }
        for words in [&["callboard"][..], &["callboard", "pss"], &["callboard", "ps", "--all"]] {
            let words: Vec<_> = words.iter().map(OsString::from).collect();
            assert!(bare(&words).is_none(), "{words:?}");
        }
    }

    #[test]
    fn the_name_of_a_command_as_a_value_is_a_value() {
        for words in [&["callboard", "--home", "ps", "count"][..], &["callboard", "show", "ps"]] {
            let words: Vec<_> = words.iter().map(OsString::from).collect();
            let (one, all) = (parse(&words).unwrap(), understood(command(), &words).unwrap());
            assert_eq!(format!("{one:?}"), format!("{all:?}"));
        }
    }

    #[test]
    fn a_panic_is_a_bug() {
        assert_eq!(guarded(|| panic!("as it happens")), Ended::With(Exit::Bug));
        assert_eq!(guarded(|| Ended::AsTheirs(7)), Ended::AsTheirs(7));
    }

    #[test]
    fn help_has_every_exit_code_as_it_is() {
        for exit in Exit::ALL {
            let line = format!("  {:<4} {}", exit.code(), exit.explain());
            assert!(AFTER_LONG_HELP.contains(&line), "{line}");
        }
    }
}
