//! Whether background sessions go on after their user has logged out, and what to do where they
//! would not.
//!
//! Two things end them. logind ends the processes of a login session where `KillUserProcesses` is
//! on (logind.conf(5)): sessions in a scope of their own (`run -d --scope`) are not among those. And the
//! user's own systemd, with all of its scopes and units, ends some seconds after the last logout,
//! unless the user lingers (loginctl(1)).

use std::path::Path;
use std::process::{Command, Stdio};

use super::{Health, Report};

/// What is known of a machine that has logind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Facts {
    /// Whether logging out ends this user's processes; `None` where logind does not say.
    kills: Option<bool>,
    /// Whether the user's systemd outlives the last logout.
    lingers: bool,
}

pub(super) fn look_at(report: &mut Report) {
    // As sd_booted(3) finds out.
    if !Path::new("/run/systemd/system").is_dir() {
        let what = "no systemd: nothing is known here that ends background sessions at logout";
        return report.say(Health::Note, "logout", what);
    }
    let uid = rustix::process::geteuid().as_raw();
    let name = user_name(&std::fs::read_to_string("/etc/passwd").unwrap_or_default(), uid);
    let name = name.or_else(|| std::env::var("USER").ok()).unwrap_or_default();
    let lingers = !name.is_empty() && Path::new("/var/lib/systemd/linger").join(&name).exists();
    let kills = kills(
        ask_logind("KillUserProcesses").as_deref(),
        ask_logind("KillOnlyUsers").as_deref(),
        ask_logind("KillExcludeUsers").as_deref(),
        &name,
    );
    let (health, what) = outlook(Facts { kills, lingers });
    report.say(health, "logout", what);
}

/// What becomes of sessions, and what to do about it.
fn outlook(facts: Facts) -> (Health, &'static str) {
    match (facts.kills, facts.lingers) {
        (Some(false), true) => (Health::Good, "background sessions outlive a logout"),
        (Some(false), false) => (
            Health::Note,
            "background sessions outlive a logout, but not those with --scope, nor a supervisor \
             that is a unit: `loginctl enable-linger` keeps them",
        ),
        (Some(true), true) => (
            Health::Note,
            "a logout ends background sessions (KillUserProcesses=yes in logind.conf), but those \
             with a scope of their own: start them with `callboard run -d --scope`",
        ),
        (Some(true), false) => (
            Health::Note,
            "a logout ends background sessions (KillUserProcesses=yes in logind.conf): run \
             `loginctl enable-linger`, and start them with `callboard run -d --scope`",
        ),
        (None, true) => (
            Health::Note,
            "whether a logout ends background sessions is not known (busctl gave no answer); \
             those that `callboard run -d --scope` starts outlive it",
        ),
        (None, false) => (
            Health::Note,
            "whether a logout ends background sessions is not known (busctl gave no answer); with \
             `loginctl enable-linger`, those that `callboard run -d --scope` starts outlive it",
        ),
    }
}

/// From logind's properties, as `busctl get-property` prints them: `b true`, `as 2 "root" "build"`.
/// Excluded are first; where a list of those is given whom it is about, it is about nobody else.
fn kills(all: Option<&str>, only: Option<&str>, except: Option<&str>, user: &str) -> Option<bool> {
    let is_in = |list: Option<&str>| list.is_some_and(|list| names(list).any(|name| name == user));
    let is_for_some = only.is_some_and(|list| names(list).next().is_some());
    match all?.trim() {
        "b false" => Some(false),
        "b true" => Some(!is_in(except) && (!is_for_some || is_in(only))),
        _ => None,
    }
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split('"').skip(1).step_by(2)
}

fn user_name(passwd: &str, uid: u32) -> Option<String> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

fn ask_logind(property: &str) -> Option<String> {
    let mut command = Command::new("busctl");
    command.args(["--system", "--timeout=2", "get-property", "org.freedesktop.login1"]);
    command.args(["/org/freedesktop/login1", "org.freedesktop.login1.Manager", property]);
    let asked = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    asked.status.success().then(|| String::from_utf8_lossy(&asked.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_logout_ends() {
        let none = Some("as 0\n");
        for (all, only, except, user, expected) in [
            (Some("b false\n"), none, Some("as 1 \"root\"\n"), "u", Some(false)),
            (Some("b true\n"), none, Some("as 1 \"root\"\n"), "u", Some(true)),
            (Some("b true\n"), none, Some("as 1 \"root\"\n"), "root", Some(false)),
            (Some("b true"), Some("as 2 \"a\" \"b\""), none, "u", Some(false)),
            (Some("b true"), Some("as 2 \"a\" \"u\""), none, "u", Some(true)),
            (Some("b true"), Some("as 1 \"u\""), Some("as 1 \"u\""), "u", Some(false)),
            (Some("b true"), None, None, "u", Some(true)),
            (Some("Failed"), none, none, "u", None),
            (None, none, none, "u", None),
        ] {
            assert_eq!(kills(all, only, except, user), expected, "{all:?} {only:?} {except:?}");
        }
    }

    #[test]
    fn what_would_end_sessions_comes_with_what_to_do() {
        for kills in [None, Some(false), Some(true)] {
            for lingers in [false, true] {
                let (health, what) = outlook(Facts { kills, lingers });
                assert_eq!(health == Health::Good, kills == Some(false) && lingers, "{what}");
                assert_eq!(what.contains("enable-linger"), !lingers, "{what}");
                assert_eq!(what.contains("--scope"), kills != Some(false) || !lingers, "{what}");
            }
        }
    }

    #[test]
    fn names_of_users() {
        let passwd = "root:x:0:0::/root:/bin/sh\n\nbroken\nu:x:1000:7::/:\n";
        assert_eq!(user_name(passwd, 1000).as_deref(), Some("u"));
        assert_eq!(user_name(passwd, 0).as_deref(), Some("root"));
        assert_eq!(user_name(passwd, 7), None);
    }
}
