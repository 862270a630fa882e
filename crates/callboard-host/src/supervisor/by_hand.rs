//! What people do to sessions that have a policy. Each of them counts, whether a supervisor runs
//! or not.

use super::policy::{Restart, Standing, Tally};
use super::record::{Held, Supervision};
use crate::environment::Environment;
use crate::error::{Error, Result, SpawnError};
use crate::host::StopPolicy;
use crate::hosted::{Exit, Hosted};
use crate::hosts::Hosts;
use crate::id::HostedId;

/// Gives a session that has just been started a policy, and keeps the environment that it is to
/// be started with again. With [`Restart::Never`], nothing is kept.
///
/// # Errors
///
/// [`Error::NoSession`], or what the system said: then it runs, and has no policy.
pub fn supervise(hosts: &Hosts, id: &HostedId, policy: Restart, env: &Environment) -> Result<()> {
    if policy == Restart::Never {
        return Ok(());
    }
    let held = Held::wait(hosts.store(), id)?;
    // The policy last: with it, the rest has to be there.
    held.keep_environment(env)?;
    held.write(&Supervision::new(policy))
}

/// Ends a session, as [`SessionHost::stop`](crate::SessionHost::stop) does, and it stays so: also
/// one that has ended and was to be started again.
///
/// # Errors
///
/// As the host's.
pub fn stop(hosts: &Hosts, id: &HostedId, how: StopPolicy) -> Result<Exit> {
    // Waits for a start that is under way, and then stops what has been started.
    let held = Held::wait(hosts.store(), id)?;
    let host = hosts.host_of(id)?;
    let is_open =
        |standing: &Standing| matches!(standing, Standing::Watched | Standing::Due { .. });
    let marked = mark_stopped(&held, is_open);
    drop(held);
    // Also where that could not be written down, on a full disk say: it was asked for.
    let exit = host.stop(id, how)?;
    marked.map(|_| exit)
}

/// Starts a session once more under its id, with its log, and stops it first if it runs. What
/// counted towards a failure is forgotten. One that has a policy gets what was kept of its
/// environment, or `env`, which then is kept; one that has none gets `env`, or that of this
/// process.
///
/// # Errors
///
/// As [`SessionHost::stop`](crate::SessionHost::stop) and
/// [`SessionHost::spawn`](crate::SessionHost::spawn).
pub fn restart(
    hosts: &Hosts,
    id: &HostedId,
    env: Option<Environment>,
) -> Result<Hosted, SpawnError> {
    let held = Held::wait(hosts.store(), id)?;
    let has_policy = mark_stopped(&held, |_| true)?;
    if let (true, Some(env)) = (has_policy, &env) {
        held.keep_environment(env)?;
    }
    let kept = if has_policy { held.environment()? } else { None };
    let env = env.or(kept).unwrap_or_else(Environment::inherited);
    hosts.restart(id, env)
}

/// Says of the run that there is that a person has ended it, where it stands so that this changes
/// something. Whether it has a policy.
fn mark_stopped(held: &Held, changes: impl Fn(&Standing) -> bool) -> Result<bool> {
    let supervision = match held.read() {
        // It is another version's to restart, and anybody's to stop.
        Err(Error::NewerFormat { .. } | Error::Untrusted { .. }) => return Ok(true),
        read => read?,
    };
    let Some(supervision) = supervision else { return Ok(false) };
    let about = held.session().spec()?.started_at;
    if changes(supervision.standing(about)) {
        held.write(&supervision.decided(about, Standing::Stopped, Tally::default()))?;
    }
    Ok(true)
}
