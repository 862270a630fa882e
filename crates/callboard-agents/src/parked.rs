//! Windows whose conversation moved into a background job are shown with the job, once.

use crate::row::{JobLink, Row, Window};

/// Moves every parked window into the row of its job. Pure.
///
/// Only where that loses nothing: the job is in the same registry and is at least as surely alive
/// as the window. A window whose job is gone stays where it is, and is the session.
pub(crate) fn fold_parked_windows(rows: &mut Vec<Row>) {
    let is_parked = |row: &Row| matches!(row.linked_job.as_deref(), Some(JobLink::Parked { .. }));
    if !rows.iter().any(is_parked) {
        return;
    }
    let (windows, jobs): (Vec<_>, Vec<_>) = std::mem::take(rows).into_iter().partition(is_parked);
    *rows = jobs;
    for window in windows {
        match rows.iter_mut().find(|row| is_its_job(row, &window)) {
            Some(job) => park(window, job),
            None => rows.push(window),
        }
    }
}

fn is_its_job(job: &Row, window: &Row) -> bool {
    let id = |row: &Row| row.linked_job.as_ref().map(|link| link.id().to_owned());
    let place = |row: &Row| row.sources.first().map(|source| (source.registry, source.dir.clone()));
    matches!(job.linked_job.as_deref(), Some(JobLink::Job { .. }))
        && job.is_listed()
        && job.verdict <= window.verdict
        && window.is_listed()
        && id(job) == id(window)
        && place(job) == place(window)
}

fn park(window: Row, job: &mut Row) {
    if let Some(JobLink::Job { windows, .. }) = job.linked_job.as_deref_mut() {
        windows.push(Window {
            pid: window.pid,
            session_id: window.session_id,
            name: window.name,
            verdict: window.verdict,
            sources: window.sources,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use callboard::record::{RecordName, SessionRecord};
    use callboard::{Evidence, Verdict};

    use super::*;
    use crate::row::RowSource;

    fn row(pid: u32, evidence: Evidence, link: Option<JobLink>, dir: &str) -> Row {
        let text = format!(r#"{{"pid":{pid},"sessionId":"s{pid}"}}"#);
        let record = SessionRecord::parse(text.as_bytes()).unwrap();
        let source = RowSource::new("claude", &Arc::from(Path::new(dir)), RecordName::new(pid));
        let mut row = Row::plain(source, &record, evidence.into());
        row.linked_job = link.map(Box::new);
        row
    }

    #[test]
    fn a_window_goes_into_its_job_where_nothing_is_lost() {
        use Evidence as E;
        let parked = |id: &str| Some(JobLink::Parked { id: id.into() });
        let job = |id: &str| Some(JobLink::Job { id: id.into(), windows: Vec::new() });
        let cases = [
            ("both run", E::StartTime, E::StartTime, "j", "/a", true),
            ("both of a container", E::OtherNamespace, E::OtherNamespace, "j", "/a", true),
            (
                "the job runs, the window is of nowhere",
                E::OriginUnstated,
                E::StartTime,
                "j",
                "/a",
                true,
            ),
            ("the job is gone", E::StartTime, E::NoProcess, "j", "/a", false),
            (
                "the job may be gone, the window runs",
                E::StartTime,
                E::OriginUnstated,
                "j",
                "/a",
                false,
            ),
            ("the window is gone", E::NoProcess, E::StartTime, "j", "/a", false),
            ("another job", E::StartTime, E::StartTime, "k", "/a", false),
            (
                "a job of that name under another account",
                E::StartTime,
                E::StartTime,
                "j",
                "/b",
                false,
            ),
        ];
        for (story, window, worker, id, dir, folded) in cases {
            for turned in [false, true] {
                let mut rows = vec![
                    row(1, E::StartTime, None, "/a"),
                    row(27309, window, parked("j"), "/a"),
                    row(19885, worker, job(id), dir),
                ];
                if turned {
                    rows.reverse();
                }
                fold_parked_windows(&mut rows);
                assert_eq!(rows.len(), if folded { 2 } else { 3 }, "{story}");
                let job = rows.iter().find(|row| row.pid == 19885).unwrap();
                let link = job.linked_job.as_deref().unwrap();
                assert_eq!(link.id(), id, "{story}");
                let windows: Vec<_> = link.windows().iter().map(|w| (w.pid, w.verdict)).collect();
                let expected: &[(u32, Verdict)] =
                    if folded { &[(27309, window.verdict())] } else { &[] };
                assert_eq!(windows, expected, "{story}");
            }
        }
    }

    #[test]
    fn two_windows_on_one_job() {
        let parked = || Some(JobLink::Parked { id: "j".into() });
        let job = Some(JobLink::Job { id: "j".into(), windows: Vec::new() });
        let mut rows = vec![
            row(1, Evidence::StartTime, parked(), "/a"),
            row(2, Evidence::StartTime, job, "/a"),
            row(3, Evidence::StartTime, parked(), "/a"),
        ];
        fold_parked_windows(&mut rows);
        assert_eq!(rows.len(), 1);
        let windows = rows[0].linked_job.as_ref().unwrap().windows();
        assert_eq!(windows.iter().map(|w| w.pid).collect::<Vec<_>>(), [1, 3]);
    }
}
