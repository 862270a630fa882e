//! `callboard daemon install --print systemd|launchd`: what makes a service manager start the
//! supervisor. Printed and not written: where it goes, and that it is there, is for people to say.

use std::path::Path;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::stream::Out;

const AFTER_HELP: &str = "\
systemd:
  mkdir -p ~/.config/systemd/user
  callboard daemon install --print systemd > ~/.config/systemd/user/callboard-daemon.service
  systemctl --user daemon-reload
  systemctl --user enable --now callboard-daemon.service
  loginctl enable-linger                      to go on after you have logged out

launchd:
  callboard daemon install --print launchd > ~/Library/LaunchAgents/dev.callboard.daemon.plist
  launchctl bootstrap gui/$(id -u) ~/Library/LaunchAgents/dev.callboard.daemon.plist";

/// print the file with which a service manager starts the supervisor
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Install {
    /// for which service manager
    #[arg(long, value_name = "MANAGER", value_enum)]
    print: Manager,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Manager {
    Systemd,
    Launchd,
}

const UNIT: &str = include_str!("callboard-daemon.service");
const AGENT: &str = include_str!("dev.callboard.daemon.plist");

/// What the templates have in the place of the program's path.
const PROGRAM: &str = "@callboard@";

impl Install {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let program = std::env::current_exe().map_err(|error| {
            Failure::no(format!("cannot find out where this program is: {error}; write its path"))
        })?;
        let mut out = Out::new();
        out.text(&file(self.print, &program)?)?;
        out.finish()?;
        Ok(Exit::Yes)
    }
}

fn file(manager: Manager, program: &Path) -> Result<String, Failure> {
    let path = program.to_str().filter(|path| !path.contains(char::is_control));
    let path = path.ok_or_else(|| {
        Failure::no(format!(
            "{} cannot stand in such a file; install callboard under another path",
            program.display()
        ))
    })?;
    Ok(match manager {
        Manager::Systemd => UNIT.replace(PROGRAM, &for_systemd(path)),
        Manager::Launchd => AGENT.replace(PROGRAM, &for_xml(path)),
    })
}

/// As a word of a command in a unit: systemd.service(5), *Command lines*, and systemd.unit(5),
/// *Specifiers*.
fn for_systemd(path: &str) -> String {
    let escaped = path.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    let escaped = escaped.replace('$', "$$");
    let is_plain = |c: char| c.is_alphanumeric() || "._/%+-".contains(c);
    if escaped.chars().all(is_plain) { escaped } else { format!("\"{escaped}\"") }
}

fn for_xml(path: &str) -> String {
    path.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_written_as_each_file_wants_them() {
        for (path, unit, agent) in [
            ("/usr/bin/callboard", "/usr/bin/callboard", "/usr/bin/callboard"),
            ("/a b/c", "\"/a b/c\"", "/a b/c"),
            ("/50%/$x", "\"/50%%/$$x\"", "/50%/$x"),
            ("/q\"\\", "\"/q\\\"\\\\\"", "/q\"\\"),
            ("/a&b<c>", "\"/a&b<c>\"", "/a&amp;b&lt;c&gt;"),
        ] {
            assert_eq!((&*for_systemd(path), &*for_xml(path)), (unit, agent), "{path}");
        }
    }

    /// What packagers take from the repository is what the command prints.
    #[test]
    fn the_files_in_contrib_are_these() {
        let contrib = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../contrib");
        for (manager, name) in [
            (Manager::Systemd, "systemd/callboard-daemon.service"),
            (Manager::Launchd, "launchd/dev.callboard.daemon.plist"),
        ] {
            let there = std::fs::read_to_string(contrib.join(name)).unwrap();
            assert_eq!(file(manager, Path::new("/usr/bin/callboard")).unwrap(), there, "{name}");
        }
    }
}
