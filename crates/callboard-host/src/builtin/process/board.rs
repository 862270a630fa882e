//! The session's record on the board.

use std::path::Path;
use std::sync::Arc;

use callboard::process::Here;
use callboard::{Kind, Registry, SignIn, Spawner};

use crate::store::{SessionDir, SpecFile};

/// Signs the program in, and out when it has ended. A board that cannot be written to is no
/// reason not to run a program.
#[derive(Debug)]
pub(super) struct Board {
    registry: Option<Registry>,
    sign_in: SignIn,
    signed_in: Option<u32>,
}

impl Board {
    pub(super) fn new(spec: &SpecFile, session: &SessionDir) -> Self {
        let registry = spec.registry.as_ref().map(|dir| Registry::at(dir.to_path()));
        let program = spec.argv.first().map(|word| Path::new(&word.0)).unwrap_or(Path::new(""));
        let tool = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
        let mut sign_in = SignIn::spawned_by(Spawner::default())
            .kind(Kind::from(&*spec.kind))
            .cwd(spec.cwd.to_path())
            .tool_name(spec.tool.as_deref().unwrap_or(&tool))
            .name(spec.name.as_deref().unwrap_or(&tool))
            .extra("host", &spec.host.as_str().into())
            .extra("hostId", &session.id().as_str().into());
        if spec.log_bytes > 0 {
            sign_in = sign_in.log_path(&session.log().to_string_lossy());
        }
        if let Some(agent) = &spec.agent {
            sign_in = sign_in.agent(agent);
        }
        if let Some(id) = &spec.session_id {
            sign_in = sign_in.session_id(id);
        }
        Self { registry, sign_in, signed_in: None }
    }

    /// Where this process stands.
    pub(super) fn here(&self) -> Arc<Here> {
        self.registry.as_ref().map_or_else(|| Arc::new(Here::detect()), Registry::here)
    }

    /// Signs a process in as the session, and whoever was it before out. What did not work, if
    /// anything. If the process is faster and signs itself in, that record is added to.
    pub(super) fn sign_in(&mut self, pid: u32) -> Option<String> {
        let registry = self.registry.as_ref()?;
        let signed_in = registry.register_process(pid, self.sign_in.clone());
        if let Some(before) = self.signed_in.take().filter(|before| *before != pid) {
            // It may have signed itself out, or be dead already.
            _ = registry.remove(before);
            _ = registry.sweep_process(before);
        }
        match signed_in {
            Ok(_) => {
                self.signed_in = Some(pid);
                None
            }
            // It was faster than we are; that is for its exit code to tell.
            Err(callboard::Error::NoProcess { .. }) => None,
            Err(error) => {
                let mut text = format!("not on the board: {error}");
                if let Some(source) = std::error::Error::source(&error) {
                    text.push_str(&format!(": {source}"));
                }
                Some(text)
            }
        }
    }

    /// Takes the record of a process that has ended off the board, unless it did so itself.
    pub(super) fn sign_out(&mut self) {
        if let (Some(registry), Some(pid)) = (&self.registry, self.signed_in.take()) {
            // What is left behind is seen as dead by everybody.
            _ = registry.sweep_process(pid);
        }
    }
}
