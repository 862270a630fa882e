//! The same process in several registries is one row. Pure.

use std::cmp::Reverse;
use std::collections::HashSet;

use callboard::{Evidence, Kind};

use crate::OWN;
use crate::fields::{Field, Fields};
use crate::identity::Identity;
use crate::row::{FoundBy, Role, Row, RowSource, StatusFrom};

/// What one record says, and which process it says it of.
#[derive(Clone, Debug)]
struct Draft {
    row: Row,
    identity: Identity,
}

/// Makes one row of all rows of one process; `identities` has one for each, in the same order.
///
/// Nearly every process is in one registry: then nothing is moved, and nothing is made anew. The
/// others come last.
pub(crate) fn merge(mut rows: Vec<Row>, identities: Vec<Identity>, now: u64) -> Vec<Row> {
    let repeated = repeated_pids(&rows);
    if repeated.is_empty() {
        return rows;
    }
    let shared = identities.into_iter().filter(|identity| repeated.contains(&identity.pid));
    let drafts: Vec<Draft> = rows
        .extract_if(.., |row| repeated.contains(&row.pid))
        .zip(shared)
        .map(|(row, identity)| Draft { row, identity })
        .collect();
    rows.extend(group(drafts).into_iter().map(|group| resolve(group, now)));
    rows
}

/// The pids that more than one row has.
fn repeated_pids(rows: &[Row]) -> HashSet<u32> {
    let mut pids: Vec<u32> = rows.iter().map(|row| row.pid).collect();
    pids.sort_unstable();
    pids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

/// Groups drafts by process. A draft that fits two groups joins them, so that the outcome does not
/// depend on the order of the registries.
fn group(drafts: Vec<Draft>) -> Vec<Vec<Draft>> {
    let mut groups: Vec<Vec<Draft>> = Vec::new();
    for draft in drafts {
        let fits = |group: &Vec<Draft>| {
            group.iter().any(|known| known.identity.is_same_process(&draft.identity))
        };
        let (fitting, mut others): (Vec<_>, Vec<_>) = groups.into_iter().partition(fits);
        let mut joined: Vec<Draft> = fitting.into_iter().flatten().collect();
        joined.push(draft);
        others.push(joined);
        groups = others;
    }
    groups.into_iter().flat_map(by_session).collect()
}

/// One process may host several sessions, each with a record of its own in one registry (an editor
/// drives Qwen Code so): then the conversation tells them apart. Records elsewhere that name none,
/// or none of these, are about the process and go with the first.
fn by_session(group: Vec<Draft>) -> Vec<Vec<Draft>> {
    let place = |draft: &Draft| draft.row.sources.first().map(|s| s.dir.clone());
    let is_host = group
        .iter()
        .enumerate()
        .any(|(i, a)| group[..i].iter().any(|b| place(a) == place(b) && name_two(&a.row, &b.row)));
    if !is_host {
        return vec![group];
    }
    // Those of the hosting registry first, so that each session has its place before the others
    // look for theirs.
    let (ours, agents): (Vec<_>, Vec<_>) =
        group.into_iter().partition(|draft| draft.row.registry == OWN);
    let mut sessions: Vec<Vec<Draft>> = Vec::new();
    for draft in agents.into_iter().chain(ours) {
        let id = &draft.row.session_id;
        let same = sessions.iter().position(|session| session[0].row.session_id == *id);
        match same.or((draft.row.registry == OWN && !sessions.is_empty()).then_some(0)) {
            Some(place) => sessions[place].push(draft),
            None => sessions.push(vec![draft]),
        }
    }
    sessions
}

/// Makes one row of drafts of one process. This is the whole of who has the first word on what:
///
/// - the activity (status, what it waits for, since when) is taken together: from a record whose
///   status the session itself said before one that hooks said (see
///   [`decide`](crate::activity::decide)), then from the one whose status is the newest; where that
///   is a tie or nobody gives a time, from the agent's own registry;
/// - the conversation: the agent's own registry first, and an id that we made up last;
/// - the name: ours first (a user renamed it there), then the agent's; last one that is only the
///   program's;
/// - the verdict and its evidence: the strongest, so alive if anybody knows it to be, and dead
///   only if all say so. The PID domain goes with them;
/// - the kind: one that says that it was started by something else, in the background, before
///   `interactive`, which a program also says that was not told (Claude Code in a background host);
/// - `updatedAt`: the newest;
/// - everything else: the agent's own registry first (or the lock that a process holds), then ours,
///   last what was only worked out from a process. Of two registries of agents (a
///   configuration directory that was copied), the one whose record was written last.
///
/// A time in the future (a wrong clock, a forged record) counts as no time.
fn resolve(mut group: Vec<Draft>, now: u64) -> Row {
    group.sort_by_key(|d| {
        let rank = (d.row.found_by == FoundBy::Process, d.row.registry == OWN);
        (rank, Reverse(known(d.row.updated_at, now)))
    });
    let rows: Vec<Row> = group.into_iter().map(|draft| draft.row).collect();
    let by = Order::of(&rows, now);
    let role = rows.iter().map(|row| row.role).find(|role| *role != Role::Session);
    let mut parts = Parts { won: vec![Fields::NONE; rows.len()], rows };
    let activity = &by.activity[..1];
    // The file of another conversation than the row's would tell of that one.
    let session = parts.rows.iter().find_map(|row| row.conversation().map(Box::<str>::from));
    let is_of_it = |row: &&mut Row| row.conversation().is_none() || row.session_id == session;
    let transcript = parts.rows.iter_mut().filter(is_of_it).find_map(|r| r.transcript_path.take());
    let mut row = Row {
        pid: parts.rows[0].pid,
        worker: parts.rows.iter().find_map(|row| row.worker),
        has_placeholder_id: session.is_none(),
        session_id: parts.take(Field::SessionId, &by.conversation, |r| r.session_id.take()),
        name: parts.take(Field::Name, &by.ours, |r| r.name.take()),
        tool: parts.take(Field::Tool, &by.agent, |r| r.tool.take()),
        kind: parts.take(Field::Kind, &by.kind, |r| r.kind.take()),
        entrypoint: parts.take(Field::Entrypoint, &by.agent, |r| r.entrypoint.take()),
        status: parts.take(Field::Status, activity, |r| r.status.take()),
        waiting_for: parts.take(Field::WaitingFor, activity, |r| r.waiting_for.take()),
        status_since: parts.take(Field::StatusSince, activity, |r| r.status_since),
        status_from: parts.rows[activity[0]].status_from,
        heard: parts.rows[activity[0]].heard,
        edges: parts.rows[activity[0]].edges.take(),
        cwd: parts.take(Field::Cwd, &by.agent, |r| r.cwd.take()),
        started_at: parts.take(Field::StartedAt, &by.agent, |r| r.started_at),
        updated_at: parts.take(Field::UpdatedAt, &by.updated, |r| r.updated_at),
        verdict: parts.rows[by.evidence[0]].verdict,
        evidence: parts.rows[by.evidence[0]].evidence,
        registry: parts.rows[0].registry,
        pid_domain: parts.take(Field::PidDomain, &by.evidence, |r| r.pid_domain.take()),
        found_by: parts.rows[0].found_by,
        transcript_path: transcript,
        recent: None,
        agent: parts.take(Field::Agent, &by.agent, |r| r.agent.take()),
        version: parts.take(Field::Version, &by.agent, |r| r.version.take()),
        log_path: parts.take(Field::LogPath, &by.agent, |r| r.log_path.take()),
        bridge_session_id: parts
            .take(Field::BridgeSessionId, &by.agent, |r| r.bridge_session_id.take()),
        linked_job: parts.rows.iter_mut().find_map(|r| r.linked_job.take()),
        role: role.unwrap_or_default(),
        sources: Vec::new(),
    };
    parts.won[by.evidence[0]].insert(Field::Verdict);
    row.sources = parts.sources();
    row
}

/// For each group of fields, the sources by who is asked first.
struct Order {
    agent: Vec<usize>,
    conversation: Vec<usize>,
    ours: Vec<usize>,
    kind: Vec<usize>,
    activity: Vec<usize>,
    updated: Vec<usize>,
    evidence: Vec<usize>,
}

impl Order {
    /// `rows` stand with the agents' first; every order keeps that where its own rule is a tie.
    fn of(rows: &[Row], now: u64) -> Self {
        let agent: Vec<usize> = (0..rows.len()).collect();
        let session = rows.iter().find_map(Row::conversation);
        Self {
            conversation: sorted(&agent, |i| rows[i].conversation().is_none()),
            ours: sorted(&agent, |i| rows[i].registry != OWN || is_named_as_its_program(&rows[i])),
            kind: sorted(&agent, |i| {
                rows[i].kind.as_ref().is_none_or(|kind| *kind == Kind::Interactive)
            }),
            activity: sorted(&agent, |i| {
                let row = &rows[i];
                let by_hook = row.status_from == Some(StatusFrom::Hook);
                // What a hook said of the conversation before (Codex and Copilot tell of a new one
                // with its first prompt) is nothing about this one.
                let of_another =
                    by_hook && row.conversation().is_some_and(|id| Some(id) != session);
                let silent = row.status.is_none() || of_another;
                (silent, by_hook, Reverse(known(row.status_since, now)))
            }),
            updated: sorted(&agent, |i| Reverse(known(rows[i].updated_at, now))),
            evidence: sorted(&agent, |i| (rows[i].verdict, strength(rows[i].evidence))),
            agent,
        }
    }
}

/// Whether both say their conversation, and it is not the same.
fn name_two(a: &Row, b: &Row) -> bool {
    a.conversation().zip(b.conversation()).is_some_and(|(a, b)| a != b)
}

/// A name that nobody gave: who starts a program for somebody calls it what the program is called.
fn is_named_as_its_program(row: &Row) -> bool {
    row.name.is_some() && row.name == row.tool
}

fn sorted<K: Ord>(indices: &[usize], key: impl Fn(usize) -> K) -> Vec<usize> {
    let mut sorted = indices.to_vec();
    sorted.sort_by_key(|i| key(*i));
    sorted
}

/// The list of evidence has the strongest of each verdict first.
fn strength(evidence: Evidence) -> Option<usize> {
    Evidence::ALL.iter().position(|other| *other == evidence)
}

/// A time that can be believed: not more than a minute ahead of our clock.
fn known(time: Option<u64>, now: u64) -> Option<u64> {
    time.filter(|time| *time <= now.saturating_add(60_000))
}

/// The rows that one is being made of, and what was taken of each.
struct Parts {
    rows: Vec<Row>,
    won: Vec<Fields>,
}

impl Parts {
    fn take<T>(
        &mut self,
        field: Field,
        order: &[usize],
        get: impl Fn(&mut Row) -> Option<T>,
    ) -> Option<T> {
        order.iter().find_map(|&i| {
            let value = get(&mut self.rows[i])?;
            self.won[i].insert(field);
            Some(value)
        })
    }

    fn sources(self) -> Vec<RowSource> {
        let won = self.rows.into_iter().zip(self.won);
        won.flat_map(|(row, fields)| {
            row.sources.into_iter().map(move |source| RowSource { fields, ..source })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
