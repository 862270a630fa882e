//! What a watch knows, and what a new sight of it means. No I/O but a signal 0.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use super::event::{Event, Gone};
use crate::Verdict;
use crate::process::{Evidence, Incarnation, Judgement, signal_zero};
use crate::record::RecordName;
use crate::registry::{Problem, Session, Snapshot};

/// How something came to be looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sight {
    /// The listing that the watch starts with.
    First,
    /// Something happened to its file.
    OfItsFile,
    /// Its process has exited.
    OfItsEnd,
    /// Everything was listed, since it is not known what happened.
    InAList,
}

/// One record of the directory.
#[derive(Debug)]
struct Entry {
    session: Session,
    /// The token under which its death rings.
    bell: Bell,
    /// It was told that the session is gone, and its record is still there.
    is_gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Bell {
    /// None yet.
    None,
    /// It rings with this token.
    Token(u64),
    /// There cannot be one.
    Impossible,
}

#[derive(Debug, Default)]
pub(super) struct Known {
    entries: BTreeMap<RecordName, Entry>,
    /// Living sessions whose death would not ring: asked for after each event, and not to be looked
    /// for among thousands then.
    silent: BTreeSet<RecordName>,
    files: HashMap<u64, RecordName>,
    tokens: u64,
    /// Tokens whose process is of no interest any more.
    idle_tokens: Vec<u64>,
    problems: BTreeMap<PathBuf, String>,
    sweeps: BTreeSet<RecordName>,
    look_again: bool,
}

impl Known {
    /// A session was seen. Returns what that is to tell.
    pub(super) fn see(&mut self, session: Session, sight: Sight) -> Vec<Event> {
        let file = session.file;
        let events = self.take_in(session, sight);
        self.note_its_silence(file);
        events
    }

    fn take_in(&mut self, session: Session, sight: Sight) -> Vec<Event> {
        let listed = session.is_listed();
        let Some(entry) = self.entries.get_mut(&session.file) else {
            let entry = Entry { session: session.clone(), bell: Bell::None, is_gone: !listed };
            self.entries.insert(session.file, entry);
            // A record of a dead session is news to nobody who looks for living ones.
            return if listed { vec![Event::Appeared(session)] } else { Vec::new() };
        };
        let mut events = Vec::new();
        if !is_same_process(&entry.session, &session) {
            // Another session has the name now: the one before it is over.
            if let Bell::Token(token) = entry.bell {
                self.idle_tokens.push(token);
                self.files.remove(&token);
            }
            let entry = Entry { session: session.clone(), bell: Bell::None, is_gone: !listed };
            let before = self.entries.insert(session.file, entry);
            if let Some(before) = before.filter(|before| !before.is_gone) {
                let why = if sight == Sight::InAList { Gone::Unknown } else { Gone::SignedOut };
                events.push(Event::Gone { session: before.session, why });
            }
            if listed {
                events.push(Event::Appeared(session));
            }
            return events;
        }
        let before = std::mem::replace(&mut entry.session, session.clone());
        match (entry.is_gone, listed) {
            (true, true) => events.push(Event::Appeared(session)),
            (false, false) => events.push(Event::Gone { session, why: Gone::Died }),
            (false, true) => events.extend(change(before, session)),
            (true, false) => {}
        }
        entry.is_gone = !listed;
        events
    }

    /// A record is not there (any more).
    pub(super) fn miss(&mut self, file: RecordName, sight: Sight, foreign: bool) -> Option<Event> {
        let entry = self.entries.remove(&file)?;
        self.note_its_silence(file);
        if let Bell::Token(token) = entry.bell {
            self.files.remove(&token);
            self.idle_tokens.push(token);
        }
        if entry.is_gone {
            return None;
        }
        let runs = || entry.session.verdict() == Verdict::Alive && signal_zero(file.pid);
        let why = if self.sweeps.contains(&file) {
            Gone::Swept
        } else if sight == Sight::InAList || foreign {
            // Which of several ways it went was not seen; other programs sweep by unlinking. A
            // process that still runs was not swept.
            if runs() { Gone::SignedOut } else { Gone::Unknown }
        } else {
            Gone::SignedOut
        };
        Some(Event::Gone { session: entry.session, why })
    }

    pub(super) fn missing_in(&self, snapshot: &Snapshot) -> Vec<RecordName> {
        let seen: BTreeSet<_> = snapshot.sessions.iter().map(|session| session.file).collect();
        // A record that cannot be read is not one that is gone.
        let unreadable: BTreeSet<_> = snapshot
            .problems
            .iter()
            .filter(|problem| problem.hides_a_session())
            .filter_map(|problem| RecordName::parse(problem.path.file_name()?.as_encoded_bytes()))
            .collect();
        let all_hidden = snapshot
            .problems
            .iter()
            .any(|problem| problem.hides_a_session() && problem.path == snapshot.dir);
        if all_hidden {
            return Vec::new();
        }
        let gone = |file: &&RecordName| !seen.contains(file) && !unreadable.contains(file);
        self.entries.keys().filter(gone).copied().collect()
    }

    /// Problems that were not told yet.
    pub(super) fn new_problems(
        &mut self,
        problems: Vec<Problem>,
    ) -> impl Iterator<Item = Problem> + '_ {
        problems.into_iter().filter(|problem| {
            let text = problem.kind.to_string();
            self.problems.insert(problem.path.clone(), text.clone()) != Some(text)
        })
    }

    /// These are no news.
    pub(super) fn expect_problems(&mut self, problems: &[Problem]) {
        for problem in problems {
            self.problems.insert(problem.path.clone(), problem.kind.to_string());
        }
    }

    pub(super) fn is_being_swept(&mut self, file: RecordName) {
        self.sweeps.insert(file);
    }

    pub(super) fn forget_sweeps(&mut self) {
        self.sweeps.clear();
    }

    pub(super) fn look_again_soon(&mut self) {
        self.look_again = true;
    }

    /// Asked once for each round: the next one is the one that was wanted.
    pub(super) fn is_to_look_again_soon(&mut self) -> bool {
        std::mem::take(&mut self.look_again)
    }

    /// The pid of a living session whose death does not ring yet, and can.
    pub(super) fn wants_a_bell(&mut self, file: RecordName) -> Option<u32> {
        let entry = self.entries.get_mut(&file)?;
        let wants = entry.bell == Bell::None && has_its_pid_here(&entry.session);
        wants.then_some(file.pid)
    }

    /// What is known of the process of a record that says again whose it is: a bell hangs on that
    /// one, and has not rung. If it rings at this moment, its record is looked at once more.
    pub(super) fn would_ring(
        &self,
        file: RecordName,
        claim: &Incarnation<'_>,
    ) -> Option<Judgement> {
        let entry = self.entries.get(&file)?;
        let rings = matches!(entry.bell, Bell::Token(_)) && has_its_pid_here(&entry.session);
        let is_the_same = || Incarnation::of(&entry.session.record) == *claim;
        (rings && is_the_same()).then_some(entry.session.judgement)
    }

    /// Whether it is the process that this watch knows under the name, alive.
    pub(super) fn is_the_same(&self, session: &Session) -> bool {
        has_its_pid_here(session)
            && self
                .entries
                .get(&session.file)
                .is_some_and(|entry| is_same_process(&entry.session, session))
    }

    pub(super) fn new_token(&mut self, file: RecordName) -> u64 {
        self.tokens += 1;
        if self.set_bell(file, Bell::Token(self.tokens)) {
            self.files.insert(self.tokens, file);
        }
        self.tokens
    }

    pub(super) fn has_no_bell(&mut self, file: RecordName) {
        self.set_bell(file, Bell::Impossible);
    }

    /// Whose death it was. A bell rings once.
    pub(super) fn of_process(&mut self, token: u64) -> Option<RecordName> {
        let file = self.files.remove(&token)?;
        self.set_bell(file, Bell::None);
        Some(file)
    }

    pub(super) fn let_go(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.idle_tokens)
    }

    /// Whether there is such an entry.
    fn set_bell(&mut self, file: RecordName, bell: Bell) -> bool {
        let entry = self.entries.get_mut(&file);
        let is_known = entry.map(|entry| entry.bell = bell).is_some();
        self.note_its_silence(file);
        is_known
    }

    /// After each change of an entry.
    fn note_its_silence(&mut self, file: RecordName) {
        let is_silent = self.entries.get(&file).is_some_and(|entry| {
            entry.session.verdict() == Verdict::Alive && !matches!(entry.bell, Bell::Token(_))
        });
        if is_silent {
            self.silent.insert(file);
        } else {
            self.silent.remove(&file);
        }
    }

    /// Whether there is a living session whose death would not ring.
    pub(super) fn has_silent_ones(&self) -> bool {
        !self.silent.is_empty()
    }
}

/// What a session says now that it did not say before; `None` if that is nothing.
fn change(before: Session, session: Session) -> Option<Event> {
    let keys = session.record.differences(&before.record);
    if keys.is_empty() && before.judgement == session.judgement {
        return None;
    }
    Some(Event::Changed { session, before: before.into(), keys })
}

/// Whether its pid is that of a process of this PID namespace, which was found alive.
fn has_its_pid_here(session: &Session) -> bool {
    matches!(session.evidence(), Evidence::Pidfd | Evidence::StartTime | Evidence::OlderThanRecord)
}

/// Whether two records of one name are about one process. An inode number of a pidfd is enough; a
/// start time is, with the boot; where neither is stated, the registration is what is left.
fn is_same_process(a: &Session, b: &Session) -> bool {
    let (x, y) = (Incarnation::of(&a.record), Incarnation::of(&b.record));
    if let (Some(x), Some(y)) = (x.pidfd_ino, y.pidfd_ino) {
        return x == y;
    }
    match (x.start_ticks, y.start_ticks) {
        (Some(start), Some(other)) => start == other && x.boot_id == y.boot_id,
        _ => a.record.instance() == b.record.instance(),
    }
}
