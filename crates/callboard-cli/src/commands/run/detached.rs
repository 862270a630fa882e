//! `callboard run -d -- CMD`: a command in the background, with a host that owns its terminal.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use callboard::{Kind, Spawner};
use callboard_host::supervisor::{Restart, is_running, supervise};
use callboard_host::{
    Builtin, Environment, HostKind, Hosted, Isolation, LogPolicy, OnBoard, Size, SpawnError,
    SpawnSpec,
};
use clap::builder::{OsStringValueParser, TypedValueParser as _};

use super::Run;
use super::ready::Ready;
use crate::background::{Background, refused};
use crate::commands::length_of_time;
use crate::context::Context;
use crate::exit::Ended;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::age::now;
use crate::output::sanitize::sanitize;
use crate::output::stream::{Out, complain};
use crate::view::hosted::{handle, hosted_name};

/// What can be said of a session in the background.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "In the background")]
pub(super) struct Detached {
    /// run it in the background; `callboard attach` comes back to it
    #[arg(long, short)]
    pub(super) detach: bool,
    /// its directory; without it, this one
    #[arg(long, value_name = "DIR", requires = "detach")]
    dir: Option<PathBuf>,
    /// a variable of its environment, beside those of this one
    #[arg(long, value_name = "K=V", requires = "detach",
        value_parser = OsStringValueParser::new().try_map(variable))]
    env: Vec<(OsString, OsString)>,
    /// of the variables of this environment, only PATH, HOME, USER, LOGNAME, SHELL and LANG
    #[arg(long, requires = "detach")]
    clear_env: bool,
    /// the size of its terminal until a client attaches, as 120x40
    #[arg(long, value_name = "COLSxROWS", requires = "detach", value_parser = size)]
    size: Option<Size>,
    /// keep so much of what it prints, as 64K or 8M; without it, 24M
    #[arg(long, value_name = "BYTES", requires = "detach", value_parser = bytes)]
    log: Option<u64>,
    /// keep nothing of what it prints
    #[arg(long, requires = "detach", conflicts_with = "log")]
    no_log: bool,
    /// what it may use: memory, file-size, core (bytes, as 2G), tasks, files, cpu (seconds)
    #[arg(long, value_name = "WHAT=N", requires = "detach", value_delimiter = ',',
        value_parser = limit)]
    limit: Vec<(Limited, u64)>,
    /// how long it has to end when it is asked to; without it, 10s
    #[arg(long, value_name = "DURATION", requires = "detach", value_parser = length_of_time)]
    grace: Option<Duration>,
    /// a systemd scope of its own: it outlives this login, and limits hold for all of it together
    #[arg(long, requires = "detach")]
    scope: bool,
    /// which host is to have it, never another one instead; without it, as configured: builtin
    #[arg(long, value_name = "HOST", requires = "detach", value_parser = host)]
    host: Option<HostKind>,
    /// when to start it again: never, on-failure or always. Takes a running `callboard daemon`,
    /// and keeps its environment on disk
    #[arg(long, value_name = "POLICY", requires = "detach", value_parser = restart)]
    restart: Option<Restart>,
    #[command(flatten)]
    ready: Ready,
}

/// What can be limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limited {
    Memory,
    Tasks,
    Cpu,
    Files,
    FileSize,
    Core,
}

/// Starting one here would be in the way of who has a unit for it.
const NOBODY_SUPERVISES: &str = "no supervisor runs, and until one does it is not started again: \
     `callboard daemon run`, or the unit that `callboard daemon install --print systemd` prints";

/// What `--clear-env` leaves: without these, hardly a program finds its files.
const KEPT: [&str; 6] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG"];

impl Run {
    pub(super) fn run_detached(&self, context: &Context) -> Result<Ended, Failure> {
        // This process starts a session, and ends.
        let builtin = Builtin::at(&context.home()?).forking();
        let hosts = Background::open(context)?.hosts.with(Arc::new(builtin));
        let configured = &context.config().background;
        let host = hosts.host(self.detached.host.unwrap_or(configured.host));
        let host = host.map_err(|error| refused(&error))?;
        let spec = self.spec()?;
        self.detached.ready.check(&spec)?;
        let session = match host.spawn(&spec) {
            Ok(session) => session,
            Err(error) => return not_started(&error),
        };
        if let Some(kept) = configured.keep_ended {
            _ = hosts.remove_ended_before(before_now(kept));
        }
        let policy = self.detached.restart.unwrap_or_default();
        let supervised = supervise(&hosts, &session.id, policy, &spec.env);
        announce(context, &session)?;
        if let Err(error) = supervised {
            let Failure::Told { exit, message } = refused(&error) else {
                return Ok(Exit::No.into());
            };
            complain(format_args!("it runs, and will not be started again: {message}"));
            return Ok(exit.into());
        }
        if policy != Restart::Never && !is_running(&context.home()?) {
            complain(NOBODY_SUPERVISES);
        }
        Ok(self.detached.ready.wait(context, &hosts, &session)?.into())
    }

    fn spec(&self) -> Result<SpawnSpec, Failure> {
        let more = &self.detached;
        let spawner = Spawner::from_env();
        let mut spec = SpawnSpec::new(&self.command).env(more.environment());
        spec.name = self.name.clone().or(spawner.name.clone());
        spec.tool.clone_from(&self.tool);
        spec.session_id.clone_from(&self.session_id);
        if let Some(dir) = &more.dir {
            let absolute = std::path::absolute(dir);
            spec.cwd = Some(absolute.map_err(|error| {
                Failure::usage(format!("cannot use {}: {error}; name a directory", dir.display()))
            })?);
        }
        spec.size = more.size.unwrap_or(spec.size);
        spec.grace = more.grace.unwrap_or(spec.grace);
        spec.log = match (more.no_log, more.log) {
            (true, _) => LogPolicy::NONE,
            (false, Some(bytes)) => in_files(bytes),
            (false, None) => spec.log,
        };
        for (limited, number) in &more.limit {
            let limit = match limited {
                Limited::Memory => &mut spec.limits.memory,
                Limited::Tasks => &mut spec.limits.tasks,
                Limited::Cpu => &mut spec.limits.cpu_seconds,
                Limited::Files => &mut spec.limits.open_files,
                Limited::FileSize => &mut spec.limits.file_bytes,
                Limited::Core => &mut spec.limits.core_bytes,
            };
            *limit = Some(*number);
        }
        if more.restart.is_some_and(|policy| policy != Restart::Never) {
            spec.kind = Kind::DaemonWorker;
        }
        if more.scope {
            spec.isolation = Isolation::Scope;
        }
        // A sub-agent is shown with the session that it works for.
        if spawner.sub_agent_of.is_some() {
            spec.board = OnBoard::No;
        }
        Ok(spec)
    }
}

impl Detached {
    fn environment(&self) -> Environment {
        let inherited = if self.clear_env {
            let kept = KEPT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
            Environment::exactly(kept).for_another_terminal()
        } else {
            Environment::inherited()
        };
        let with = |env: Environment, (name, value): &(OsString, OsString)| env.with(name, value);
        self.env.iter().fold(inherited, with)
    }
}

/// So long ago, in ms since the epoch.
fn before_now(time: Duration) -> u64 {
    now().saturating_sub(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// So much in three files, of which the oldest goes as a whole.
fn in_files(bytes: u64) -> LogPolicy {
    let LogPolicy { files, .. } = LogPolicy::default();
    LogPolicy { bytes: bytes.div_ceil(files.into()), files }
}

/// Says that a session runs: to a person how to come to it, to a script its id.
pub(in crate::commands) fn announce(context: &Context, session: &Hosted) -> Result<Ended, Failure> {
    if let Some(warning) = &session.warning {
        complain(sanitize(warning));
    }
    let mut out = Out::new();
    if context.page().for_people {
        let name = hosted_name(session);
        out.line(&format!("{} runs in the background, id {}", sanitize(&name), session.id))?;
        out.line(&format!("come to it with: callboard attach {}", handle(session)))?;
    } else {
        out.line(session.id.as_str())?;
    }
    out.finish()?;
    Ok(Exit::Yes.into())
}

/// Says why not; ends as a shell would where there is no such program.
pub(in crate::commands) fn not_started(error: &SpawnError) -> Result<Ended, Failure> {
    let next = match error {
        SpawnError::NotFound { .. } => "see $PATH, or give its path",
        SpawnError::NotExecutable { .. } => "is it a program, and executable?",
        SpawnError::Directory { .. } => "give a directory that is there with --dir",
        SpawnError::Taken { .. } => "`callboard ps --all` lists it",
        SpawnError::Files(error) => return Err(refused(error)),
        SpawnError::Unavailable(_) => "`--host builtin` needs nothing else",
        SpawnError::Spec(_) => "see `callboard run --help`",
        _ => "`callboard doctor` looks at the home and its file system",
    };
    complain(sanitize(&format!("{error}; {next}")));
    Ok(Ended::AsTheirs(error.shell_code()))
}

fn variable(text: OsString) -> Result<(OsString, OsString), String> {
    let bytes = text.as_bytes();
    let at = bytes.iter().position(|byte| *byte == b'=').filter(|at| *at > 0);
    let Some(at) = at else { return Err("not a variable; write NAME=VALUE".to_owned()) };
    let part = |bytes| OsStr::from_bytes(bytes).to_owned();
    Ok((part(&bytes[..at]), part(&bytes[at + 1..])))
}

fn size(text: &str) -> Result<Size, String> {
    let numbers = text.split_once(['x', 'X']);
    let size = numbers.and_then(|(columns, rows)| {
        Some(Size { columns: columns.parse().ok()?, rows: rows.parse().ok()? })
    });
    // What no terminal has would silently become another size.
    size.filter(|size| size.sane() == *size)
        .ok_or_else(|| "not a size; write columns and rows, as 120x40".to_owned())
}

fn bytes(text: &str) -> Result<u64, String> {
    let units = [('K', 10), ('M', 20), ('G', 30), ('T', 40)];
    let unit = units.into_iter().find(|(unit, _)| text.to_ascii_uppercase().ends_with(*unit));
    let (number, shift) = unit.map_or((text, 0), |(_, shift)| (&text[..text.len() - 1], shift));
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    number.filter(|number| *number > 0).ok_or_else(|| "not a size; write 64K, 8M or 2G".to_owned())
}

fn limit(text: &str) -> Result<(Limited, u64), String> {
    let known = [
        ("memory", Limited::Memory),
        ("tasks", Limited::Tasks),
        ("cpu", Limited::Cpu),
        ("files", Limited::Files),
        ("file-size", Limited::FileSize),
        ("core", Limited::Core),
    ];
    let wrong = || "not a limit; write memory=2G, tasks=100, cpu=60s, files, file-size or core";
    let (word, number) = text.split_once('=').ok_or_else(wrong)?;
    let found = known.into_iter().find(|(known, _)| *known == word);
    let (_, limited) = found.ok_or_else(wrong)?;
    let number = match limited {
        Limited::Memory | Limited::FileSize => bytes(number)?,
        Limited::Core if number == "0" => 0,
        Limited::Core => bytes(number)?,
        Limited::Cpu => length_of_time(number)?.as_secs().max(1),
        Limited::Tasks | Limited::Files => number.parse().map_err(|_| wrong().to_owned())?,
    };
    Ok((limited, number))
}

fn restart(text: &str) -> Result<Restart, String> {
    let wrong = || "not a policy; there are never, on-failure and always".to_owned();
    Restart::parse(text).ok_or_else(wrong)
}

fn host(text: &str) -> Result<HostKind, String> {
    HostKind::parse(text).ok_or_else(|| "no such host; there are builtin and tmux".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_limits_by_case() {
        for (text, expected) in [
            ("120x40", Some((120, 40))),
            ("80X24", Some((80, 24))),
            ("0x0", None),
            ("1x1", None),
            ("65535x65535", None),
            ("80", None),
            ("80x", None),
            ("-1x5", None),
        ] {
            assert_eq!(size(text).ok().map(|s| (s.columns, s.rows)), expected, "{text}");
        }
        for (text, expected) in [
            ("1", Some(1)),
            ("64K", Some(64 << 10)),
            ("8m", Some(8 << 20)),
            ("0", None),
            ("K", None),
            ("", None),
            ("-1", None),
            ("8ü", None),
            ("99999999999G", None),
        ] {
            assert_eq!(bytes(text).ok(), expected, "{text}");
        }
        for (text, expected) in [
            ("memory=2G", Some((Limited::Memory, 2 << 30))),
            ("cpu=1m", Some((Limited::Cpu, 60))),
            ("cpu=0.2", Some((Limited::Cpu, 1))),
            ("tasks=7", Some((Limited::Tasks, 7))),
            ("files=64", Some((Limited::Files, 64))),
            ("file-size=1K", Some((Limited::FileSize, 1024))),
            ("core=0", Some((Limited::Core, 0))),
            ("memory", None),
            ("memory=", None),
            ("tasks=many", None),
            ("speed=5", None),
        ] {
            assert_eq!(limit(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn variables_by_case() {
        for (text, expected) in
            [("A=b", Some(("A", "b"))), ("A=", Some(("A", ""))), ("A=b=c", Some(("A", "b=c")))]
        {
            let expected = expected.map(|(name, value)| (name.into(), value.into()));
            assert_eq!(variable(text.into()).ok(), expected, "{text}");
        }
        for text in ["A", "=b", ""] {
            assert!(variable(text.into()).is_err(), "{text}");
        }
    }
}
