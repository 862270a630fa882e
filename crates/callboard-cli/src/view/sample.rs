//! Rows for tests, made the way real ones are made: from records in a directory.

use callboard::process::Evidence;
use callboard::{Registry, Verdict};
use callboard_agents::activity::Sparkline;
use callboard_agents::transcript::Recent;
use callboard_agents::{Board, Row, Sources, attention};

/// The clock of the tests, in ms since the epoch.
pub(crate) const NOW: u64 = 1_795_239_570_805;

const MINUTE: u64 = 60_000;

/// The row of a record, alive.
pub(crate) fn row(record: &str) -> Row {
    let directory = tempfile::tempdir().unwrap();
    let parsed = callboard::SessionRecord::parse(record.as_bytes()).unwrap();
    let file = directory.path().join(format!("{}.json", parsed.pid()));
    std::fs::write(file, record).unwrap();
    let board = Board::read(&Sources::new(Registry::at(directory.path())));
    let mut row = board.rows.into_iter().next().unwrap();
    (row.verdict, row.evidence) = (Verdict::Alive, Evidence::Pidfd);
    row
}

/// What happened lately: so many events so many minutes ago.
pub(crate) fn recent(events: &[(u64, u16)]) -> Recent {
    let mut sparkline = Sparkline::new(NOW, MINUTE);
    for (ago, events) in events {
        (0..*events).for_each(|_| sparkline.count(NOW - ago * MINUTE));
    }
    Recent::new(sparkline)
}

/// A board with something of everything, in the order of the board.
pub(crate) fn board() -> Vec<Row> {
    let at = |ago: u64| NOW - ago;
    let records = [
        format!(
            r#"{{"pid":48211,"sessionId":"52fb8bf5-0d2c-4f5e-9a55-8a1d9e1c1f00","name":"billing","tool":"claude",
            "kind":"interactive","status":"waiting","waitingFor":"permission prompt","statusUpdatedAt":{},
            "cwd":"/home/u/src/billing"}}"#,
            at(3_000)
        ),
        format!(
            r#"{{"pid":48102,"sessionId":"7c1d90aa-1","name":"fix the flaky tests","tool":"claude",
            "kind":"interactive","status":"busy","statusUpdatedAt":{},
            "cwd":"/home/u/src/platform/services/api-gateway"}}"#,
            at(12 * MINUTE)
        ),
        format!(
            r#"{{"pid":39977,"sessionId":"b0a7c2d4-1","name":"nightly-migration-of-every-customer-database",
            "tool":"qwen","kind":"bg","status":"busy","statusUpdatedAt":{},"cwd":"/srv/migrations"}}"#,
            at(4 * 60 * MINUTE)
        ),
        format!(
            r#"{{"pid":48733,"sessionId":"c41f","name":"日本語のセッション","tool":"claude","kind":"interactive",
            "status":"compacting","statusUpdatedAt":{},"cwd":"/home/u/日本語/プロジェクト"}}"#,
            at(41_000)
        ),
        format!(
            r#"{{"pid":47110,"sessionId":"d00d","name":"🚀 deploy","tool":"claude","kind":"interactive",
            "status":"shell","statusUpdatedAt":{},"cwd":"/home/u/infra"}}"#,
            at(4 * MINUTE)
        ),
        format!(
            r#"{{"pid":9120,"sessionId":"e1e1e1e1-2","tool":"python3","kind":"interactive",
            "status":"idle","statusUpdatedAt":{},"cwd":"/home/u/notes"}}"#,
            at(3 * 24 * 60 * MINUTE)
        ),
        r#"{"pid":811,"sessionId":"f00f","name":"make","tool":"make","kind":"interactive","cwd":"/home/u"}"#
            .to_owned(),
    ];
    let mut rows: Vec<Row> = records.iter().map(|record| row(record)).collect();
    let mut elsewhere = row(&format!(
        r#"{{"pid":12,"sessionId":"0a0b0c0d-1","name":"devbox","tool":"claude","kind":"interactive",
        "status":"waiting","statusUpdatedAt":{},"cwd":"/workspace"}}"#,
        at(50 * 60 * MINUTE)
    ));
    (elsewhere.verdict, elsewhere.evidence) = (Verdict::Unknown, Evidence::OtherNamespace);
    rows.push(elsewhere);
    rows.sort_by(attention);
    rows
}
