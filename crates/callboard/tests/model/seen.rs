//! What a listing showed, wherever it was made.

use callboard::{Registry, Session};
use serde_json::{Value, json};

#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) sessions: Vec<SeenSession>,
    pub(crate) problems: Vec<SeenProblem>,
}

#[derive(Debug)]
pub(crate) struct SeenSession {
    pub(crate) file: String,
    pub(crate) pid: u32,
    pub(crate) verdict: String,
    pub(crate) evidence: String,
    pub(crate) record: Value,
}

#[derive(Debug)]
pub(crate) struct SeenProblem {
    pub(crate) file: String,
    pub(crate) hides_a_session: bool,
    pub(crate) text: String,
}

impl Seen {
    pub(crate) fn by(registry: &Registry) -> Self {
        let seen = registry.list();
        let problems = seen.problems.iter().map(|problem| SeenProblem {
            file: name_of(&problem.path),
            hides_a_session: problem.hides_a_session(),
            text: problem.to_string(),
        });
        Self {
            sessions: seen.sessions.iter().map(SeenSession::of).collect(),
            problems: problems.collect(),
        }
    }

    /// For the way from one process to another.
    pub(crate) fn to_json(&self) -> Value {
        let sessions =
            self.sessions.iter().map(|s| json!([s.file, s.pid, s.verdict, s.evidence, s.record]));
        let problems = self.problems.iter().map(|p| json!([p.file, p.hides_a_session, p.text]));
        json!([sessions.collect::<Vec<_>>(), problems.collect::<Vec<_>>()])
    }

    pub(crate) fn from_json(value: Value) -> Self {
        type Sessions = Vec<(String, u32, String, String, Value)>;
        type Problems = Vec<(String, bool, String)>;
        let (sessions, problems): (Sessions, Problems) = serde_json::from_value(value).unwrap();
        let session = |(file, pid, verdict, evidence, record)| SeenSession {
            file,
            pid,
            verdict,
            evidence,
            record,
        };
        let problem = |(file, hides_a_session, text)| SeenProblem { file, hides_a_session, text };
        Self {
            sessions: sessions.into_iter().map(session).collect(),
            problems: problems.into_iter().map(problem).collect(),
        }
    }

    /// The session with this id; there must not be two.
    pub(crate) fn find(&self, id: &str) -> Option<&SeenSession> {
        let mut found = self.sessions.iter().filter(|s| s.record["sessionId"] == id);
        let first = found.next();
        assert!(found.next().is_none(), "{id} is listed twice: {self:#?}");
        first
    }
}

impl SeenSession {
    fn of(session: &Session) -> Self {
        Self {
            file: session.file.to_string(),
            pid: session.record.pid(),
            verdict: session.verdict().as_str().to_owned(),
            evidence: session.evidence().as_str().to_owned(),
            record: serde_json::from_str(session.record.as_json()).unwrap(),
        }
    }
}

pub(crate) fn name_of(path: &std::path::Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}
