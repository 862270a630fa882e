//! The `callboard` command.

fn main() -> std::process::ExitCode {
    callboard_cli::main()
}
