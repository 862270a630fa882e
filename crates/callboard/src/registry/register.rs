//! Signing in: one process under one name, whatever else is there.

use super::directory::{Directory, now};
use super::lock::{LifeLock, TakenLock};
use super::publish::{Published, publish_new, replace};
use super::registration::Registration;
use super::spare::remove_spare;
use super::sweep::remove_judged;
use super::token::{random_instance, random_suffix};
use super::update::{Held, Hold, hold, hold_first, suffixed_names};
use super::{Registry, SignIn};
use crate::error::{Error, Result};
use crate::process::{Incarnation, Verdict, identify};
use crate::record::{Key, RecordName, SessionRecord};

/// What came of signing in.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "one of it in a program, and unpacked at once")]
#[must_use = "dropping the registration signs out again"]
pub enum SignedIn {
    /// Signed in, until the registration is dropped.
    In(Registration),
    /// Not signed in: a sub-agent is part of another session, and is not counted.
    Skipped {
        /// That session's id.
        sub_agent_of: String,
    },
}

impl SignedIn {
    /// The registration, if there is one.
    #[must_use]
    pub fn registration(self) -> Option<Registration> {
        match self {
            Self::In(registration) => Some(registration),
            Self::Skipped { .. } => None,
        }
    }
}

/// A record that stands in the directory.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) name: RecordName,
    pub(super) record: SessionRecord,
    pub(super) published: Published,
    pub(super) life: Option<LifeLock>,
}

/// How often another program may be faster before signing in gives up.
const ATTEMPTS: usize = 64;

impl Registry {
    /// Signs this process in.
    ///
    /// If a record of this very process is there already (a hook was faster, or the program was
    /// replaced by `exec`), it is taken over, and what it says beyond `sign_in` is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Untrusted`] if the directory is another user's, [`Error::ReadOnly`] if the
    /// registry is another program's, [`Error::Contended`], or what the system said (a read-only
    /// or full file system). A program runs on without its record; see [`Quiet`](crate::Quiet).
    pub fn register(&self, sign_in: SignIn) -> Result<SignedIn> {
        self.require_ours()?;
        if let Some(sub_agent_of) = sign_in.sub_agent_of {
            return Ok(SignedIn::Skipped { sub_agent_of });
        }
        let here = self.here_to_sign_in()?;
        let who = identify(here.pid, &here)
            .map_err(|e| Error::io("find out the identity of", "/proc/self", e))?;
        let mut sign_in = sign_in.with_default_tool();
        if sign_in.cwd.is_none() {
            sign_in.cwd = std::env::current_dir().ok();
        }
        let directory = Directory::open_to_write(self.dir())?;
        let standing = self.stand(&directory, &sign_in, &who, &here.pid_domain(), Role::Oneself)?;
        Ok(SignedIn::In(Registration::new(self.clone(), directory, standing)))
    }

    /// Signs another running process of this PID namespace in, on its behalf: a hook or a script
    /// does this. The record stays until the process signs out, is signed out, or is found dead.
    /// Nobody holds a lock for it, so from another PID namespace its verdict is mostly unknown.
    ///
    /// # Errors
    ///
    /// [`Error::NoProcess`] if no such process runs; otherwise as [`Registry::register`].
    pub fn register_process(&self, pid: u32, mut sign_in: SignIn) -> Result<SessionRecord> {
        self.require_ours()?;
        let here = self.here_to_sign_in()?;
        let who = identify(pid, &here).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::NoProcess { pid },
            _ => Error::io("find out the identity of", format!("/proc/{pid}"), error),
        })?;
        sign_in.on_behalf = true;
        // In a PID namespace without a /proc of its own the number means another process there.
        if sign_in.cwd.is_none() && here.proc_is_ours {
            sign_in.cwd = std::fs::read_link(format!("/proc/{pid}/cwd")).ok();
        }
        let directory = Directory::open_to_write(self.dir())?;
        Ok(self.stand(&directory, &sign_in, &who, &here.pid_domain(), Role::OnBehalf)?.record)
    }

    /// Makes the record of `who` stand in the directory.
    fn stand(
        &self,
        directory: &Directory,
        sign_in: &SignIn,
        who: &Incarnation<'_>,
        domain: &str,
        role: Role,
    ) -> Result<Standing> {
        let instance = random_instance();
        let with_life_lock = role == Role::Oneself && directory.is_local();
        // Also where the plain name is free again: one process has one record.
        let earlier = self.earlier_name(directory, who)?;
        let mut name = earlier.unwrap_or(RecordName::new(who.pid));
        for _ in 0..ATTEMPTS {
            // Given back, with its file, on every way out but those that keep it.
            let life = if with_life_lock { TakenLock::take(directory, name)? } else { None };
            let lock_ino = life.as_ref().map(TakenLock::ino);
            let who = Incarnation { lock_ino, ..who.clone() };
            if life.is_some() || !with_life_lock {
                let record = sign_in.record(&who, domain, &instance, now(), None);
                if let Some(published) = publish_new(directory, name, &record)? {
                    let life = life.map(TakenLock::keep);
                    return Ok(Standing { name, record, published, life });
                }
            }
            match self.who_has(directory, name, &who)? {
                // It went away in between; unless it is the lock that is held, by a session of
                // another namespace that has lost its record.
                Holder::Nobody if life.is_some() || !with_life_lock => {}
                Holder::Ourselves(held) => {
                    let before = &held.record;
                    let lock_ino = lock_ino.or(before.number(Key::LockIno));
                    let who = Incarnation { lock_ino, ..who };
                    // Who speaks for another process does not take its registration from it.
                    let theirs = before.instance().filter(|_| role == Role::OnBehalf);
                    let instance = theirs.as_deref().unwrap_or(&instance);
                    let record = sign_in.record(&who, domain, instance, now(), Some(before));
                    let replaced = replace(directory, name, &record, held.identity)?;
                    if let Some(published) = replaced {
                        // Of the registration that this one takes over from.
                        if before.instance() != record.instance() {
                            remove_spare(directory, name, before);
                        }
                        let life = life.map(TakenLock::keep);
                        return Ok(Standing { name, record, published, life });
                    }
                }
                Holder::Nobody | Holder::Another => name.suffix = Some(random_suffix()),
            }
        }
        Err(Error::Contended { path: directory.join(name) })
    }

    /// The name with a suffix that an earlier record of this very process has.
    fn earlier_name(
        &self,
        directory: &Directory,
        who: &Incarnation<'_>,
    ) -> Result<Option<RecordName>> {
        let is_ours = |name, held: &Held| {
            Incarnation::of(&held.record).pid_ns == who.pid_ns
                && self.judge_held(directory, name, held, None).verdict == Verdict::Alive
        };
        let found = hold_first(directory, suffixed_names(directory, who.pid)?, is_ours)?;
        Ok(found.map(|(name, _)| name))
    }

    /// Who has a name that we want.
    fn who_has(
        &self,
        directory: &Directory,
        name: RecordName,
        who: &Incarnation<'_>,
    ) -> Result<Holder> {
        let held = match hold(directory, name)? {
            Hold::Held(held) => held,
            Hold::Missing => return Ok(Holder::Nobody),
            Hold::NotARecord => return Ok(Holder::Another),
        };
        let theirs = Incarnation::of(&held.record);
        // The life lock that the record names may be the one that we have just taken.
        let judgement = self.judge_held(directory, name, &held, who.lock_ino);
        if judgement.verdict == Verdict::Dead {
            remove_judged(directory, name, &held)
                .map_err(|e| Error::io("remove the stale record", directory.join(name), e))?;
            return Ok(Holder::Nobody);
        }
        let same_process = judgement.verdict == Verdict::Alive
            && theirs.pid == who.pid
            && theirs.pid_ns == who.pid_ns
            && held.record.is_writable();
        Ok(if same_process { Holder::Ourselves(held) } else { Holder::Another })
    }
}

/// Who signs in whom.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    Oneself,
    OnBehalf,
}

enum Holder {
    /// The name is free now.
    Nobody,
    /// An earlier record of this very process.
    Ourselves(Box<Held>),
    /// A process of another namespace, or something that is no record.
    Another,
}
