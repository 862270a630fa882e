//! `callboard completions SHELL`.

use clap_complete::Shell;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::stream::Out;

const AFTER_HELP: &str = "\
Examples:
  callboard completions bash > ~/.local/share/bash-completion/completions/callboard
  callboard completions zsh > ~/.zfunc/_callboard
  callboard completions fish > ~/.config/fish/completions/callboard.fish
  callboard completions powershell | Out-String | Invoke-Expression";

/// print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Completions {
    /// which shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit, Failure> {
        // Generated as a whole first: the generator does not pass on that a write failed.
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut crate::cli::command(), "callboard", &mut text);
        let mut out = Out::new();
        out.text(&String::from_utf8_lossy(&text))?;
        out.finish()?;
        Ok(Exit::Yes)
    }
}
