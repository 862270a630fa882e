//! What `callboard doctor` says of the configuration.

use super::{Health, Report};
#[cfg(target_os = "linux")]
use crate::commands::notify::is_on_the_path;
use crate::config::{self, Config};

/// Looks at the file, at the agents that are described beside it, and at what the file needs.
pub(super) fn look_at(report: &mut Report) {
    let Some(path) = config::path(|name| std::env::var_os(name)) else { return };
    for warning in config::described_agents().warnings {
        report.wrong("agents", warning, "docs/AGENTS.md says what may stand in it");
    }
    if !path.exists() {
        return report.say(Health::Note, "config", format!("none at {}", path.display()));
    }
    let config = Config::load();
    for warning in &config.warnings {
        report.wrong("config", warning.clone(), "docs/CONFIG.md lists what may stand in it");
    }
    if config.warnings.is_empty() {
        report.say(Health::Good, "config", path.display().to_string());
    }
    #[cfg(target_os = "linux")]
    look_at_ways(report, &config.notify, &is_on_the_path);
}

/// Whether `callboard notify` can tell as the file wants it to.
#[cfg(target_os = "linux")]
fn look_at_ways(report: &mut Report, notify: &config::Notify, has: &dyn Fn(&str) -> bool) {
    use config::Way;
    if notify.by.contains(&Way::Command) && notify.command.is_empty() {
        let what = "[notify] tells by a command, and there is none";
        report.wrong("config", what, "set `command` in [notify]");
    }
    // Without the table, nobody has asked to be told.
    let is_asked_for = *notify != config::Notify::default() && notify.by.contains(&Way::Desktop);
    if is_asked_for && !["notify-send", "gdbus"].into_iter().any(has) {
        let what = "[notify] tells by the desktop, and there is neither notify-send nor gdbus";
        report.wrong("config", what, "install one of them, or choose another way with `by`");
    }
    let program = notify.command.first().filter(|_| notify.by.contains(&Way::Command));
    if let Some(program) = program.filter(|program| !program.contains('/') && !has(program)) {
        let what = format!("[notify] tells by `{program}`, which is not on $PATH");
        report.wrong("config", what, "give its path, or install it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Notify, Way};

    #[test]
    fn what_the_ways_need_by_case() {
        let notify = |by: &[Way], command: &[&str]| Notify {
            by: by.to_vec(),
            command: command.iter().map(|word| (*word).to_owned()).collect(),
            quiet_for: vec!["x".to_owned()],
            ..Notify::default()
        };
        for (notify, programs, wrong) in [
            (Notify::default(), &[][..], None),
            (notify(&[Way::Desktop], &[]), &["gdbus"], None),
            (notify(&[Way::Desktop], &[]), &[], Some("neither notify-send nor gdbus")),
            (notify(&[Way::Bell], &[]), &[], None),
            (notify(&[Way::Command], &[]), &[], Some("there is none")),
            (notify(&[Way::Command], &["say"]), &[], Some("`say`, which is not on $PATH")),
            (notify(&[Way::Command], &["say"]), &["say"], None),
            (notify(&[Way::Command], &["/opt/say"]), &[], None),
            (notify(&[Way::Bell], &["say"]), &[], None),
        ] {
            let mut report = Report::default();
            look_at_ways(&mut report, &notify, &|name| programs.contains(&name));
            assert_eq!(report.is_good(), wrong.is_none(), "{notify:?}");
            let found = report.0.first().map_or("", |finding| &finding.what);
            assert!(found.contains(wrong.unwrap_or("")), "{notify:?}: {found}");
        }
    }
}
