//! Which process a script means when it signs in, changes or signs out.

use callboard::{Registry, SignIn};

use crate::address::rows::find;
use crate::context::{Context, is_ours, pid_here};
use crate::failure::Failure;
use crate::output::sanitize::sanitize;
use crate::view::naming::shown_name;

/// The process that called this one: a script's shell. `callboard` itself ends at once, so it is
/// never the session.
pub(crate) fn parent() -> Result<u32, Failure> {
    rustix::process::getppid()
        .and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok())
        // An orphan, or one whose parent is outside its PID namespace.
        .ok_or_else(|| Failure::usage("the parent process cannot be seen; say which with --pid"))
}

/// The session of our own registry that is named, or that has this pid, or whose process called.
pub(crate) fn ours(
    context: &Context,
    registry: &Registry,
    session: Option<&str>,
    pid: Option<u32>,
) -> Result<u32, Failure> {
    let Some(session) = session else { return pid.map_or_else(parent, Ok) };
    let row = find([context.listed()?], session)?;
    if !is_ours(&row) {
        let name = shown_name(&row);
        return Err(Failure::no(format!(
            "`{}` is in {}'s registry alone, which is only read; use {} itself, or give it a name \
             here with `callboard rename`",
            sanitize(&name),
            row.registry,
            row.registry
        )));
    }
    pid_here(registry, &row)
}

/// The name of the executable that a process runs, where the system shows it.
pub(crate) fn program_of(pid: u32) -> Option<String> {
    let exe = std::fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let name = exe.file_name()?.to_str()?;
    // What the system says of a program that was replaced while it runs.
    Some(name.strip_suffix(" (deleted)").unwrap_or(name).to_owned())
}

/// Says which program it is; most of those that scripts sign in have no version that is known.
pub(crate) fn with_program(sign_in: SignIn, tool: &str, version: Option<&str>) -> SignIn {
    match version {
        Some(version) => sign_in.tool(tool, version),
        None => sign_in.tool_name(tool),
    }
}
