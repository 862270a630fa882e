//! What unwinds the stack becomes part of the command, where the GNU compiler's library has it to
//! link with. Otherwise it is a shared library, `libgcc_s`, which is found, mapped and relocated at
//! every start of a command that runs for some milliseconds: a tenth of the start of a program
//! that does nothing.

use std::path::Path;
use std::process::Command;

/// The same functions as in the shared library.
const ARCHIVE: &str = "gcc_eh";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=CC");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let is_native = variable("TARGET") == variable("HOST");
    let is_gnu =
        variable("CARGO_CFG_TARGET_OS") == "linux" && variable("CARGO_CFG_TARGET_ENV") == "gnu";
    if !(is_native && is_gnu) {
        return;
    }
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let asked = Command::new(compiler).arg(format!("-print-file-name=lib{ARCHIVE}.a")).output();
    let Ok(answer) = asked else { return };
    let path = String::from_utf8_lossy(&answer.stdout);
    // The name alone comes back where there is no such file.
    let path = Path::new(path.trim());
    if let (true, Some(directory)) = (path.is_absolute() && path.exists(), path.parent()) {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static={ARCHIVE}");
    }
}
