//! `callboard doctor`: what was found where, what is wrong, and what to do about it.

mod config;
mod logout;

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use callboard::process::Here;
use callboard::{Home, Problem, Registry, Verdict};
use callboard_agents::{Board, Sources};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::paint::{Paint, Palette};
use crate::output::sanitize::sanitize;
use crate::output::stream::Out;

const AFTER_HELP: &str = "\
Reads only. Every line begins with what was found: `ok`, `note` for what is as it may be, `!!` for
what is wrong; what is wrong is followed by what to do.

Exits with 1 if anything is wrong.

Examples:
  callboard doctor
  callboard doctor | grep -A 1 '^!!'     only what is wrong, and what to do";

/// look at everything that the board rests on: what is where, what is wrong, what to do
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Doctor {}

/// How one thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Health {
    Good,
    Note,
    Wrong,
}

/// One line of the report.
#[derive(Debug)]
struct Finding {
    health: Health,
    about: &'static str,
    what: String,
    next: Option<String>,
}

/// The report under construction.
#[derive(Debug, Default)]
struct Report(Vec<Finding>);

impl Report {
    fn say(&mut self, health: Health, about: &'static str, what: impl Into<String>) {
        self.0.push(Finding { health, about, what: what.into(), next: None });
    }

    fn wrong(&mut self, about: &'static str, what: impl Into<String>, next: impl Into<String>) {
        let (what, next) = (what.into(), Some(next.into()));
        self.0.push(Finding { health: Health::Wrong, about, what, next });
    }

    fn is_good(&self) -> bool {
        self.0.iter().all(|finding| finding.health != Health::Wrong)
    }
}

impl Doctor {
    pub(crate) fn run(self, context: &Context) -> Result<Exit, Failure> {
        let mut report = Report::default();
        config::look_at(&mut report);
        // What is wrong in the configuration has been reported.
        let context = &context.clone().silent();
        match context.sources() {
            Ok(sources) => {
                look_at_home(&mut report, sources.own());
                look_at_sessions(&mut report, &sources);
                look_at_system(&mut report, &sources.own().here());
            }
            Err(Failure::Told { message, .. }) => report.wrong("home", message, "set HOME"),
            Err(failure) => return Err(failure),
        }
        logout::look_at(&mut report);
        let mut out = Out::new();
        let palette = context.page().palette;
        for finding in &report.0 {
            out.text(&told(finding, palette))?;
        }
        out.finish()?;
        Ok(if report.is_good() { Exit::Yes } else { Exit::No })
    }
}

fn told(finding: &Finding, palette: Palette) -> String {
    let mark = match finding.health {
        Health::Good => palette.paint(Paint::Working, "ok  "),
        Health::Note => palette.paint(Paint::Dim, "note"),
        Health::Wrong => palette.paint(Paint::Wrong, "!!  "),
    };
    let about = palette.paint(Paint::Dim, &format!("{:<9}", finding.about));
    let mut text = format!("{mark} {about} {}\n", sanitize(&finding.what));
    if let Some(next) = &finding.next {
        text.push_str(&format!("               -> {}\n", sanitize(next)));
    }
    text
}

fn look_at_home(report: &mut Report, own: &Registry) {
    for name in ["CALLBOARD_HOME", "XDG_STATE_HOME"] {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        if value.as_deref().is_some_and(|value| !Path::new(value).is_absolute()) {
            let what = format!("{name} is not an absolute path, and counts as not set");
            report.wrong("registry", what, format!("set {name} to an absolute path"));
        }
    }
    let dir = own.dir();
    let by = Home::from_env().is_ok_and(|home| home.sessions() == dir);
    let chosen = if by { chosen_by() } else { "by the command line" };
    let what = format!("{} ({chosen})", dir.display());
    match std::fs::metadata(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            report.say(
                Health::Note,
                "registry",
                format!("{what} is made when the first session signs in"),
            );
            look_at_parent(report, dir);
        }
        Err(error) => report.wrong(
            "registry",
            format!("{what} cannot be looked at: {error}"),
            "make it readable for you, or set CALLBOARD_HOME to another directory",
        ),
        Ok(found) if !found.is_dir() => report.wrong(
            "registry",
            format!("{what} is not a directory"),
            "move it away, or set CALLBOARD_HOME to another directory",
        ),
        Ok(found) => look_at_directory(report, dir, &what, &found),
    }
}

fn chosen_by() -> &'static str {
    let absolute = |name| std::env::var_os(name).is_some_and(|p| Path::new(&p).is_absolute());
    match (absolute("CALLBOARD_HOME"), absolute("XDG_STATE_HOME")) {
        (true, _) => "by CALLBOARD_HOME",
        (_, true) => "by XDG_STATE_HOME",
        _ => "by HOME",
    }
}

/// Whether the registry could be made: its nearest directory that is there can be written to.
fn look_at_parent(report: &mut Report, dir: &Path) {
    let Some(parent) = dir.ancestors().skip(1).find(|parent| parent.exists()) else { return };
    if !may_write(parent) {
        report.wrong(
            "registry",
            format!("nothing can be made in {}", parent.display()),
            "make it writable for you, or set CALLBOARD_HOME to another directory",
        );
    }
}

fn look_at_directory(report: &mut Report, dir: &Path, what: &str, found: &std::fs::Metadata) {
    let uid = rustix::process::geteuid().as_raw();
    let mode = found.mode() & 0o7777;
    let filesystem = filesystem_of(dir);
    if found.uid() != uid {
        return report.wrong(
            "registry",
            format!("{what} belongs to another user (uid {}, you are {uid})", found.uid()),
            "set CALLBOARD_HOME to a directory of your own",
        );
    }
    if mode & 0o022 != 0 {
        report.wrong(
            "registry",
            format!("{what} can be written to by others (mode {mode:o})"),
            format!("chmod 700 {}", shell_word(&dir.display().to_string())),
        );
    } else if !may_write(dir) {
        report.wrong(
            "registry",
            format!("{what} cannot be written to: sessions are listed, none can sign in"),
            "see the mode of the directory, and whether the file system is mounted read-only",
        );
    } else {
        report.say(Health::Good, "registry", format!("{what}, mode {mode:o}, on {}", filesystem.0));
    }
    if !filesystem.1 {
        let what = format!(
            "{} is not known to be local to this machine: sessions of other machines and containers stay unknown",
            filesystem.0
        );
        report.say(Health::Note, "registry", what);
    }
}

fn may_write(dir: &Path) -> bool {
    use rustix::fs::{Access, AtFlags, CWD, accessat};
    accessat(CWD, dir, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).is_ok()
}

/// The file system that a path is on, and whether it is known to be local, where locks mean what
/// they say.
#[cfg(target_os = "linux")]
fn filesystem_of(path: &Path) -> (String, bool) {
    const KNOWN: [(u32, &str, bool); 14] = [
        (0xef53, "ext4", true),
        (0x5846_5342, "xfs", true),
        (0x9123_683e, "btrfs", true),
        (0xf2f5_2010, "f2fs", true),
        (0x2fc1_2fc1, "zfs", true),
        (0x0102_1994, "tmpfs", true),
        (0xca45_1a4e, "bcachefs", true),
        (0x794c_7630, "overlayfs", false),
        (0x6969, "nfs", false),
        (0xff53_4d42, "cifs", false),
        (0xfe53_4d42, "smb", false),
        (0x0102_1997, "9p", false),
        (0x6573_5546, "fuse", false),
        (0x6a65_6a63, "fakeowner", false),
    ];
    let Ok(found) = rustix::fs::statfs(path) else {
        return ("an unknown file system".into(), false);
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 32 bits in a wider field
    let magic = found.f_type as u32;
    match KNOWN.iter().find(|(known, ..)| *known == magic) {
        Some((_, name, local)) => ((*name).to_owned(), *local),
        None => (format!("a file system of type {magic:#x}"), false),
    }
}

/// The same where the system does not say.
#[cfg(not(target_os = "linux"))]
fn filesystem_of(_: &Path) -> (String, bool) {
    ("a file system that is not looked at here".into(), false)
}

fn look_at_sessions(report: &mut Report, sources: &Sources) {
    look_at_registry(report, "callboard", sources.own());
    let mut agents: Vec<&str> = sources.adapters().map(|agent| agent.name()).collect();
    for (agent, place) in sources.registries() {
        agents.retain(|name| *name != agent);
        look_at_registry(report, agent, &Registry::foreign(&place.sessions));
    }
    for agent in agents {
        report.say(
            Health::Note,
            agent,
            "no registry found: it has not run here, or elsewhere than it usually does",
        );
    }
    let board = Board::read(sources);
    for problem in &board.problems {
        look_at_problem(report, problem);
    }
    for notice in &board.notices {
        report.say(Health::Note, "stray", notice.to_string());
    }
    if !board.hidden.is_empty() {
        let what =
            format!("{} workers of agents that nobody talks to are not listed", board.hidden.len());
        report.say(Health::Note, "hidden", what);
    }
}

fn look_at_registry(report: &mut Report, about: &'static str, registry: &Registry) {
    let snapshot = registry.list();
    let count = snapshot.count();
    let stale = snapshot.sessions.iter().filter(|s| s.verdict() == Verdict::Dead).count();
    let mut what = format!("{} alive", count.alive);
    for (number, word) in
        [(count.unknown, "unknown"), (stale, "stale"), (count.unreadable, "unreadable")]
    {
        if number > 0 {
            what.push_str(&format!(", {number} {word}"));
        }
    }
    what.push_str(&format!(" in {}", registry.dir().display()));
    let ours = !registry.is_foreign();
    report.say(if stale > 0 && ours { Health::Note } else { Health::Good }, about, what);
    if stale > 0 && ours {
        report.say(
            Health::Note,
            about,
            "stale records are not listed; `callboard sweep` removes them",
        );
    }
    let unknown = snapshot.sessions.iter().filter(|s| s.verdict() == Verdict::Unknown);
    let mut reasons: Vec<&str> = unknown.map(|s| s.evidence().explain()).collect();
    reasons.sort_unstable();
    reasons.dedup();
    for reason in reasons {
        report.say(Health::Note, about, format!("unknown because: {reason}"));
    }
}

fn look_at_problem(report: &mut Report, problem: &Problem) {
    use callboard::ProblemKind as K;
    let next = match &problem.kind {
        K::Directory(_) => "make it a directory that you may read",
        K::DirectoryOfAnotherUser { .. } => "set CALLBOARD_HOME to a directory of your own",
        K::DirectoryBehindALink { .. } => {
            "set CALLBOARD_HOME to the path that it leads to, if that is yours"
        }
        K::DirectoryWritableByOthers => "chmod 700 the directory",
        K::StrayName | K::MoreStrayNames(_) => "move it to where it belongs; nothing here needs it",
        K::NotAFile(_) | K::OfAnotherUser { .. } | K::MoreNotOurs(_) => {
            "find out who put it there, and remove it"
        }
        K::TooLarge { .. } | K::Malformed(_) | K::PidMismatch { .. } => {
            "if its program still runs, it will write a new one; else remove it"
        }
        K::Unreadable(_) => "make it readable for you",
        K::Fault(_) => "the session is listed without this; its program wrote it",
        _ => "see docs/FORMAT.md",
    };
    report.wrong("record", problem.to_string(), next);
}

/// A path in advice that is made to be copied into a shell.
fn shell_word(path: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/~+:@%-".contains(c);
    if path.chars().all(is_plain) {
        return path.to_owned();
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn look_at_system(report: &mut Report, here: &Here) {
    if here.has_pidfs {
        report.say(
            Health::Good,
            "system",
            "processes are told apart by their pidfd (Linux 6.9 or newer)",
        );
    } else {
        report.say(
            Health::Note,
            "system",
            "processes are told apart by their start time: this kernel has no pidfd identity",
        );
    }
    if !here.proc_is_ours {
        report.wrong(
            "system",
            "/proc is missing, or is that of another pid namespace",
            "mount the /proc of this container; until then sessions may stay unknown",
        );
    }
    if here.boot_id.is_none() {
        report.say(
            Health::Note,
            "system",
            "the boot id cannot be read: sessions from before a reboot stay unknown",
        );
    }
    if here.machine_id.is_none() {
        report.say(Health::Note, "system", "this machine has no machine id (usual in containers)");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_can_be_copied_into_a_shell() {
        for (path, word) in [
            ("/home/u/.local/state/callboard", "/home/u/.local/state/callboard"),
            ("/tmp/a b; rm -rf ~", "'/tmp/a b; rm -rf ~'"),
            ("/it's", r"'/it'\''s'"),
            ("/$(reboot)", "'/$(reboot)'"),
        ] {
            assert_eq!(shell_word(path), word);
        }
    }

    #[test]
    fn what_is_wrong_comes_with_what_to_do() {
        let mut report = Report::default();
        report.say(Health::Good, "registry", "/home/u");
        assert!(report.is_good());
        report.wrong("record", "/x\u{1b}[2J/5.json: not a record", "remove it");
        assert!(!report.is_good());
        let palette = Palette { colours: false };
        let text: String = report.0.iter().map(|finding| told(finding, palette)).collect();
        insta::assert_snapshot!(text, @r"
        ok   registry  /home/u
        !!   record    /x\u{1b}[2J/5.json: not a record
                       -> remove it
        ");
    }
}
