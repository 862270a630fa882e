//! The best-effort face: for programs where the registry must never get in the way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::record::{Patch, Status};
use crate::registry::{Registration, Registry, SignIn, SignedIn};

/// A registration that never fails and never panics. What goes wrong is said through `tracing`
/// (target `callboard`, level `warn` at signing in, `debug` after), and the program goes on.
///
/// ```
/// # let scratch = tempfile::tempdir().unwrap();
/// # let registry = callboard::Registry::at(scratch.path().join("sessions"));
/// use callboard::{Quiet, SignIn, Status};
///
/// let me = Quiet::sign_in(&registry, SignIn::new().tool("my-repl", "1.4.0"));
/// me.set_status(Status::Busy, None);
/// assert_eq!(Quiet::count(&registry), 1);
/// ```
#[derive(Debug, Default)]
pub struct Quiet {
    registration: Option<Registration>,
}

impl Quiet {
    /// Signs in, if that can be done.
    #[must_use]
    pub fn sign_in(registry: &Registry, sign_in: SignIn) -> Self {
        let signed_in = quietly("sign in", || match registry.register(sign_in) {
            Ok(SignedIn::In(registration)) => Some(registration),
            Ok(SignedIn::Skipped { sub_agent_of }) => {
                tracing::debug!(%sub_agent_of, "a sub-agent does not sign in");
                None
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "not signed in; the program runs on");
                None
            }
        });
        Self { registration: signed_in.flatten() }
    }

    /// The same in the home of this user.
    #[must_use]
    pub fn sign_in_at_home(sign_in: SignIn) -> Self {
        match Registry::home() {
            Ok(registry) => Self::sign_in(&registry, sign_in),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "not signed in; the program runs on");
                Self::default()
            }
        }
    }

    /// The registration, if there is one.
    #[must_use]
    pub fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    /// See [`Registration::set_session_id`].
    pub fn set_session_id(&self, id: &str) {
        self.patch(&Patch::new().session_id(id));
    }

    /// See [`Registration::rename`].
    pub fn rename(&self, name: &str) {
        self.patch(&Patch::new().name(name));
    }

    /// See [`Registration::set_bridge`].
    pub fn set_bridge(&self, id: Option<&str>) {
        self.patch(&Patch::new().bridge_session_id(id));
    }

    /// See [`Registration::set_status`].
    pub fn set_status(&self, status: Status, waiting_for: Option<&str>) {
        self.patch(&Patch::new().status(status, waiting_for));
    }

    /// See [`Registration::patch`].
    pub fn patch(&self, patch: &Patch) {
        if let Some(registration) = &self.registration {
            quietly("update the record", || {
                if let Err(error) = registration.patch(patch) {
                    let error: &dyn std::error::Error = &error;
                    tracing::debug!(error, "the record was not updated");
                }
            });
        }
    }

    /// How many sessions are alive; 0 rather than fail.
    #[must_use]
    pub fn count(registry: &Registry) -> usize {
        quietly("count", || registry.count().alive).unwrap_or(0)
    }
}

/// A panic in here would be a bug of ours, and must not be the host program's end. (Where panics
/// abort there is nothing to catch.)
fn quietly<T>(what: &'static str, run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run))
        .inspect_err(|_| tracing::error!(what, "a bug in callboard was caught"))
        .ok()
}
