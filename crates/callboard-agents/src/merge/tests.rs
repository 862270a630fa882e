use std::sync::Arc;

use callboard::process::Here;
use callboard::record::{RecordName, SessionRecord};

use super::*;
use crate::row::StatusFrom;

const NOW: u64 = 1_000_000_000;

fn merged(drafts: Vec<Draft>, now: u64) -> Vec<Row> {
    let (rows, identities) = drafts.into_iter().map(|draft| (draft.row, draft.identity)).unzip();
    merge(rows, identities, now)
}

/// A record of pid 7 that started at tick 500, in `place` (`callboard`, `claude`, `claude-copy`,
/// `qwen`), with these keys.
fn draft(place: &'static str, evidence: Evidence, keys: &str) -> Draft {
    let text =
        format!(r#"{{"pid":7,"procStart":"500"{}{keys}}}"#, if keys.is_empty() { "" } else { "," });
    let record = SessionRecord::parse(text.as_bytes()).unwrap();
    let registry = match place {
        "claude-copy" => "claude",
        "callboard-2" => OWN,
        place => place,
    };
    let source =
        RowSource::new(registry, &Arc::from(std::path::Path::new(place)), RecordName::new(7));
    let mut row = Row::plain(source, &record, evidence.into());
    row.sources[0].fields = row.fields();
    let identity = Identity::of(&record, evidence, &Here::default());
    Draft { row, identity }
}

fn ours(keys: &str) -> Draft {
    draft(OWN, Evidence::Pidfd, keys)
}

fn claude(keys: &str) -> Draft {
    draft("claude", Evidence::StartTime, keys)
}

fn copied(keys: &str) -> Draft {
    draft("claude-copy", Evidence::StartTime, keys)
}

fn field(row: &Row, field: Field) -> String {
    let text = |text: &Option<Box<str>>| text.as_deref().unwrap_or("-").to_owned();
    let time = |time: Option<u64>| time.map_or("-".to_owned(), |t| t.to_string());
    match field {
        Field::SessionId => text(&row.session_id),
        Field::Name => text(&row.name),
        Field::Tool => text(&row.tool),
        Field::Kind => row.kind.as_ref().map_or("-".into(), ToString::to_string),
        Field::Entrypoint => text(&row.entrypoint),
        Field::Status => row.status.as_ref().map_or("-".into(), ToString::to_string),
        Field::WaitingFor => text(&row.waiting_for),
        Field::StatusSince => time(row.status_since),
        Field::Cwd => text(&row.cwd),
        Field::StartedAt => time(row.started_at),
        Field::UpdatedAt => time(row.updated_at),
        Field::Verdict => row.evidence.to_string(),
        Field::PidDomain => text(&row.pid_domain),
        Field::Agent => text(&row.agent),
        Field::Version => text(&row.version),
        Field::LogPath => text(&row.log_path),
        Field::BridgeSessionId => text(&row.bridge_session_id),
    }
}

/// The directory of the source that won a field.
fn winner(row: &Row, field: Field) -> String {
    row.source_of(field).map_or("-".into(), |source| source.dir.display().to_string())
}

/// Two records of ours of one process: one by whoever started it, one by a hook.
#[test]
fn any_conversation_comes_before_an_id_that_we_made_up() {
    let made_up = || ours(r#""sessionId":"p","placeholderId":"p","updatedAt":9"#);
    let by_hook = || draft("callboard-2", Evidence::Pidfd, r#""sessionId":"s","updatedAt":1"#);
    for drafts in [vec![made_up(), by_hook()], vec![by_hook(), made_up()]] {
        let rows = merged(drafts, NOW);
        assert_eq!(rows.len(), 1, "{rows:#?}");
        assert_eq!(winner(&rows[0], Field::SessionId), "callboard-2");
        assert_eq!(rows[0].conversation(), Some("s"));
    }
    let rows = merged(vec![made_up(), draft("callboard-2", Evidence::Pidfd, "")], NOW);
    assert_eq!((rows[0].session_id.as_deref(), rows[0].conversation()), (Some("p"), None));
}

#[test]
fn who_has_the_first_word_on_what() {
    use Field as F;
    type Case<'c> = (&'c str, [Draft; 2], Vec<(Field, &'c str, &'c str)>);
    let cases: Vec<Case<'_>> = vec![
        (
            "the agent's own registry on nearly everything",
            [
                ours(
                    r#""sessionId":"old","cwd":"/a","entrypoint":"hook","tool":"t1","version":"1","startedAt":1,"agent":"x","logPath":"/l","bridgeSessionId":"b1""#,
                ),
                claude(
                    r#""sessionId":"new","cwd":"/b","entrypoint":"cli","tool":"claude","version":"2","startedAt":2,"agent":"y","bridgeSessionId":"b2""#,
                ),
            ],
            vec![
                (F::SessionId, "new", "claude"),
                (F::Cwd, "/b", "claude"),
                (F::Entrypoint, "cli", "claude"),
                (F::Tool, "claude", "claude"),
                (F::Version, "2", "claude"),
                (F::StartedAt, "2", "claude"),
                (F::Agent, "y", "claude"),
                (F::BridgeSessionId, "b2", "claude"),
                (F::LogPath, "/l", "callboard"),
            ],
        ),
        (
            "the kind by whoever knows that it runs in the background: ours",
            [ours(r#""kind":"bg""#), claude(r#""kind":"interactive""#)],
            vec![(F::Kind, "bg", "callboard")],
        ),
        (
            "the kind by whoever knows that it runs in the background: the agent's",
            [ours(r#""kind":"interactive""#), claude(r#""kind":"bg""#)],
            vec![(F::Kind, "bg", "claude")],
        ),
        (
            "the agent's own kind where both know it, or nobody says more than interactive",
            [ours(r#""kind":"bg""#), claude(r#""kind":"daemon-worker""#)],
            vec![(F::Kind, "daemon-worker", "claude")],
        ),
        (
            "what the agent does not say is ours (records of March 2026)",
            [ours(r#""sessionId":"s","cwd":"/a","version":"2.1.0""#), claude(r#""sessionId":"s""#)],
            vec![
                (F::SessionId, "s", "claude"),
                (F::Cwd, "/a", "callboard"),
                (F::Version, "2.1.0", "callboard"),
                (F::Name, "-", "-"),
            ],
        ),
        (
            "the name that a user gave it with us",
            [ours(r#""name":"billing""#), claude(r#""name":"project-3f""#)],
            vec![(F::Name, "billing", "callboard")],
        ),
        (
            "the agent's name where we have none; an empty one is none",
            [ours(r#""name":"""#), claude(r#""name":"project-3f""#)],
            vec![(F::Name, "project-3f", "claude")],
        ),
        (
            "the agent's name before one that is only the program's",
            [ours(r#""name":"claude","tool":"claude""#), claude(r#""name":"project-3f""#)],
            vec![(F::Name, "project-3f", "claude")],
        ),
        (
            "the program's name where there is no other",
            [ours(r#""name":"claude","tool":"claude""#), claude("")],
            vec![(F::Name, "claude", "callboard")],
        ),
        (
            "an id that was made up once and is another one now",
            [ours(r#""sessionId":"s","placeholderId":"p""#), claude("")],
            vec![(F::SessionId, "s", "callboard")],
        ),
        (
            "the newest status: ours",
            [
                ours(r#""status":"waiting","waitingFor":"review","statusUpdatedAt":20"#),
                claude(r#""status":"busy","statusUpdatedAt":10"#),
            ],
            vec![
                (F::Status, "waiting", "callboard"),
                (F::WaitingFor, "review", "callboard"),
                (F::StatusSince, "20", "callboard"),
            ],
        ),
        (
            "the newest status: the agent's, and nothing of our older one is left",
            [
                ours(r#""status":"waiting","waitingFor":"review","statusUpdatedAt":10"#),
                claude(r#""status":"idle","statusUpdatedAt":20"#),
            ],
            vec![
                (F::Status, "idle", "claude"),
                (F::WaitingFor, "-", "-"),
                (F::StatusSince, "20", "claude"),
            ],
        ),
        (
            "a tie is the agent's",
            [
                ours(r#""status":"waiting","statusUpdatedAt":20"#),
                claude(r#""status":"shell","statusUpdatedAt":20"#),
            ],
            vec![(F::Status, "shell", "claude")],
        ),
        (
            "no times: the agent's",
            [ours(r#""status":"waiting""#), claude(r#""status":"busy""#)],
            vec![(F::Status, "busy", "claude"), (F::StatusSince, "-", "-")],
        ),
        (
            "a time beats none",
            [ours(r#""status":"waiting","statusUpdatedAt":5"#), claude(r#""status":"busy""#)],
            vec![(F::Status, "waiting", "callboard")],
        ),
        (
            "the agent never says (sdk-ts, claude-agent-sdk-typescript #364): ours, however old",
            [ours(r#""status":"busy","statusUpdatedAt":1"#), claude(r#""updatedAt":99"#)],
            vec![
                (F::Status, "busy", "callboard"),
                (F::StatusSince, "1", "callboard"),
                (F::UpdatedAt, "99", "claude"),
            ],
        ),
        (
            "what the session says itself counts before what its hooks say, however new (herdr #509, \
             agent-of-empires #4001: a Stop while sub-agents work is no end)",
            [
                ours(r#""status":"idle","statusUpdatedAt":20,"hookAt":30"#),
                claude(r#""status":"busy","statusUpdatedAt":10"#),
            ],
            vec![(F::Status, "busy", "claude"), (F::StatusSince, "10", "claude")],
        ),
        (
            "nobody, where all that hooks said is about the conversation before (codex /new)",
            [
                ours(r#""sessionId":"old","status":"busy","statusUpdatedAt":20,"hookAt":30"#),
                claude(r#""sessionId":"new""#),
            ],
            vec![
                (F::SessionId, "new", "claude"),
                (F::Status, "-", "-"),
                (F::StatusSince, "-", "-"),
            ],
        ),
        (
            "hooks where the agent's record has no status (Qwen Code)",
            [
                ours(r#""status":"waiting","waitingFor":"x","statusUpdatedAt":20,"hookAt":30"#),
                claude(r#""updatedAt":40"#),
            ],
            vec![(F::Status, "waiting", "callboard"), (F::WaitingFor, "x", "callboard")],
        ),
        (
            "nobody says",
            [ours(r#""waitingFor":"left over""#), claude("")],
            vec![(F::Status, "-", "-"), (F::WaitingFor, "-", "-"), (F::StatusSince, "-", "-")],
        ),
        (
            "a status from the future has no time",
            [
                ours(r#""status":"busy","statusUpdatedAt":9999999999999"#),
                claude(r#""status":"idle","statusUpdatedAt":20"#),
            ],
            vec![(F::Status, "idle", "claude")],
        ),
        (
            "the last write of either",
            [ours(r#""updatedAt":30"#), claude(r#""updatedAt":20"#)],
            vec![(F::UpdatedAt, "30", "callboard")],
        ),
        (
            "the strongest evidence, and its domain",
            [ours(r#""pidDomain":"linux:m:pid:[1]""#), claude(r#""pidDomain":"linux::pid:[1]""#)],
            vec![
                (F::Verdict, "pidfd", "callboard"),
                (F::PidDomain, "linux:m:pid:[1]", "callboard"),
            ],
        ),
        (
            "a configuration directory that was copied: the one that is still written",
            [
                copied(r#""sessionId":"then","name":"a","updatedAt":10"#),
                claude(r#""sessionId":"now","name":"b","updatedAt":20"#),
            ],
            vec![(F::SessionId, "now", "claude"), (F::Name, "b", "claude")],
        ),
    ];
    for (story, drafts, expected) in cases {
        for turned in [false, true] {
            let mut drafts = drafts.to_vec();
            if turned {
                drafts.reverse();
            }
            let rows = merged(drafts, NOW);
            assert_eq!(rows.len(), 1, "{story}");
            let row = &rows[0];
            assert_eq!(row.registry, "claude", "{story}");
            let from =
                if story.starts_with("hooks") { StatusFrom::Hook } else { StatusFrom::Record };
            assert_eq!(row.status_from, row.status.is_some().then_some(from), "{story}");
            assert_eq!(row.sources.len(), 2, "{story}");
            for (key, value, from) in &expected {
                assert_eq!(field(row, *key), *value, "{story}: {}, turned: {turned}", key.name());
                assert_eq!(winner(row, *key), *from, "{story}: source of {}", key.name());
            }
            // Every field of a row has one source, and only those that are there have one.
            for key in Field::ALL {
                let winners = row.sources.iter().filter(|source| source.fields.has(*key)).count();
                assert_eq!(
                    winners,
                    usize::from(field(row, *key) != "-"),
                    "{story}: {}",
                    key.name()
                );
            }
        }
    }
}

#[test]
fn verdicts_of_one_process_together() {
    use Evidence as E;
    let cases = [
        ("alive beats unknown", E::LockHeld, E::OtherNamespace, E::LockHeld),
        ("unknown beats dead", E::NoProcess, E::OriginUnstated, E::OriginUnstated),
        ("alive beats dead", E::NoProcess, E::SeenInside, E::SeenInside),
        ("dead only if all say so", E::NoProcess, E::PidReused, E::NoProcess),
        ("the strongest of two alive", E::OlderThanRecord, E::StartTime, E::StartTime),
    ];
    for (story, a, b, expected) in cases {
        for (a, b) in [(a, b), (b, a)] {
            let rows = merged(vec![draft(OWN, a, ""), draft("claude", b, "")], NOW);
            assert_eq!(rows.len(), 1, "{story}");
            assert_eq!(
                (rows[0].verdict, rows[0].evidence),
                (expected.verdict(), expected),
                "{story}"
            );
        }
    }
}

#[test]
fn a_recycled_pid_is_two_rows() {
    // The dead record says 500, the process that has the pid now started later.
    let later =
        Draft { identity: identity_at(900, Evidence::StartTime), ..claude(r#""sessionId":"b""#) };
    let dead = draft(OWN, Evidence::PidReused, r#""sessionId":"a""#);
    let rows = merged(vec![dead, later], NOW);
    let seen: Vec<_> = rows.iter().map(|r| (r.session_id.as_deref(), r.verdict.as_str())).collect();
    assert_eq!(seen, [(Some("a"), "dead"), (Some("b"), "alive")]);
}

#[test]
fn several_sessions_of_one_process_stay_several() {
    let hosted = |id: &str| draft("qwen", Evidence::StartTime, &format!(r#""sessionId":"{id}""#));
    let mut known = ours(r#""sessionId":"b","name":"ours""#);
    let rows = merged(vec![known.clone(), hosted("a"), hosted("b"), hosted("c")], NOW);
    let seen = |rows: &[Row]| -> Vec<_> {
        rows.iter()
            .map(|r| (r.session_id.clone().unwrap(), r.name.clone(), r.sources.len()))
            .collect()
    };
    let row = |id: &str, name: Option<&str>, sources| (id.into(), name.map(Into::into), sources);
    assert_eq!(seen(&rows), [row("a", None, 1), row("b", Some("ours"), 2), row("c", None, 1)]);

    // Ours knows only the process.
    known.row.session_id = None;
    let rows = merged(vec![hosted("a"), hosted("b"), known], NOW);
    assert_eq!(seen(&rows), [row("a", Some("ours"), 2), row("b", None, 1)]);
}

#[test]
fn a_record_that_fits_two_groups_joins_them_whatever_the_order() {
    // Nothing but the pid ties the first to the third; the second has no domain.
    let parts = [
        Draft { identity: identity("", Evidence::OlderThanRecord), ..claude("") },
        Draft {
            identity: identity(r#","procStart":"500""#, Evidence::OriginUnstated),
            ..copied("")
        },
        ours(""),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let rows = merged(order.map(|i| parts[i].clone()).to_vec(), NOW);
        assert_eq!(rows.len(), 1, "{order:?}");
        assert_eq!(rows[0].sources.len(), 3, "{order:?}");
    }
}

#[test]
fn a_spare_is_one_whoever_else_saw_it() {
    let mut spare = claude("");
    spare.row.role = Role::Spare;
    let rows = merged(vec![ours(r#""name":"seen by a hook""#), spare], NOW);
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].role, Role::Spare);
}

fn identity(keys: &str, evidence: Evidence) -> Identity {
    let record = SessionRecord::parse(format!(r#"{{"pid":7{keys}}}"#).as_bytes()).unwrap();
    Identity::of(&record, evidence, &Here::default())
}

fn identity_at(ticks: u64, evidence: Evidence) -> Identity {
    identity(&format!(r#","procStart":"{ticks}""#), evidence)
}
