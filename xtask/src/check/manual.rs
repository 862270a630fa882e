//! The manual and the completions, made anew for every command: each says what it is for and shows
//! how it is used, groff has no complaint, and the shells read their scripts.

use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::test::provide_these;
use crate::workspace::program;

/// Shells whose scripts can be read here without being run, and how.
const SHELLS: &[(&str, &[&str])] =
    &[("bash", &["-n"]), ("zsh", &["-f", "-n"]), ("fish", &["--no-config", "--no-execute"])];

/// Makes all of it, and tells everything that is wrong.
pub(super) fn check() -> Result<()> {
    provide_these(&["groff", "bash", "zsh", "fish"])?;
    let mut command = callboard_cli::command();
    command.build();
    let mut wrong = Vec::new();
    look_at(&command, &mut wrong);
    let dir = std::env::temp_dir().join(format!("callboard-manual-{}", std::process::id()));
    std::fs::create_dir_all(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let read = pages(&dir, &mut wrong).and_then(|pages| Ok((pages, scripts(&dir, &mut wrong)?)));
    _ = std::fs::remove_dir_all(&dir);
    let (pages, scripts) = read?;
    if !wrong.is_empty() {
        bail!("not as people read it:\n  {}", wrong.join("\n  "));
    }
    eprintln!("{pages} pages, {scripts} scripts");
    Ok(())
}

/// What every command has to have: what it is for, examples, and options that can be completed.
fn look_at(command: &clap::Command, wrong: &mut Vec<String>) {
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name();
        for command in std::iter::once(command).chain(command.get_subcommands()) {
            if command.get_about().is_none_or(|about| about.to_string().trim().is_empty()) {
                let name = command.get_name();
                wrong.push(format!("`{name}` does not say what it is for"));
            }
        }
        let long = command.get_after_long_help().or(command.get_after_help());
        if !long.is_some_and(|text| text.to_string().contains("Example")) {
            wrong.push(format!("`{name}` has no example"));
        }
        for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
            if argument.get_help().is_none() {
                wrong.push(format!("`{name}`: {} is not explained", argument.get_id()));
            }
        }
        if !callboard_cli::completed(&["callboard", name, "--"]).contains(&"--help".to_owned()) {
            wrong.push(format!("the options of `{name}` are not completed"));
        }
    }
}

/// Every page, as groff sees it; how many.
fn pages(dir: &std::path::Path, wrong: &mut Vec<String>) -> Result<usize> {
    let pages = callboard_cli::manual();
    for (name, text) in &pages {
        let path = dir.join(name);
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        let mut groff = program("groff");
        groff.args(["-man", "-Tutf8", "-ww", "-Wbreak", "-z"]).arg(&path);
        complaints(name, groff, wrong)?;
    }
    Ok(pages.len())
}

/// Every script, as its shell sees it; how many.
fn scripts(dir: &std::path::Path, wrong: &mut Vec<String>) -> Result<usize> {
    for (shell, options) in SHELLS {
        let script = callboard_cli::completions(shell)
            .with_context(|| format!("there are no completions for {shell}"))?;
        let path = dir.join(shell);
        std::fs::write(&path, script)
            .with_context(|| format!("cannot write {}", path.display()))?;
        let mut reads = program(shell);
        reads.args(*options).arg(&path);
        complaints(&format!("the completions for {shell}"), reads, wrong)?;
    }
    Ok(SHELLS.len())
}

/// Whatever a program that only reads has to say is wrong.
fn complaints(what: &str, mut command: Command, wrong: &mut Vec<String>) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "\n    ");
    if !output.status.success() || !said.is_empty() {
        wrong.push(format!("{what}: {}: {said}", output.status));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told() {
        let bare = clap::Command::new("callboard")
            .subcommand(clap::Command::new("ps"))
            .subcommand(
                clap::Command::new("count")
                    .about("how many")
                    .after_help("Examples:\n  callboard count")
                    .arg(clap::Arg::new("file")),
            )
            .subcommand(clap::Command::new("secret").hide(true));
        let mut wrong = Vec::new();
        look_at(&bare, &mut wrong);
        let expected = [
            "`ps` does not say what it is for",
            "`ps` has no example",
            "`count`: file is not explained",
        ];
        assert_eq!(wrong, expected);
    }
}
