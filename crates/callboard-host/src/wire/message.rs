//! The requests to a host and its replies. JSON only grows: unknown members are ignored, and an
//! unknown `type` is answered with an error.

use serde::{Deserialize, Serialize};

use crate::host::{Detach, SnapshotFormat};
use crate::hosted::{Exit, ProcessId, Running};
use crate::size::Size;

/// What a client asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum Request {
    /// First: which protocols it speaks.
    Hello { proto: u32, min: u32 },
    /// How the session is.
    Status,
    /// To see it, and to type unless `read_only`.
    Attach {
        #[serde(flatten)]
        size: Size,
        #[serde(default)]
        read_only: bool,
    },
    /// Its terminal has another size now.
    Resize {
        #[serde(flatten)]
        size: Size,
    },
    /// To be shown everything anew: it was stopped, and its terminal was somebody else's.
    Refresh,
    /// To type the next `length` bytes of data without attaching.
    Input {
        length: usize,
        #[serde(default)]
        paste: bool,
    },
    /// To detach clients.
    Detach { who: Detach },
    /// What is on the screen.
    Snapshot { format: SnapshotFormat },
    /// Rows as they become final.
    Follow,
    /// To end it with everything that it has started.
    Stop {
        #[serde(default)]
        grace_ms: Option<u64>,
    },
    /// Whether a process is what the session is about; claims it.
    Inside { pid: u32 },
    /// To detach the client that typed last, asked by the program itself.
    Leave { pid: u32 },
}

/// What a host replies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum Reply {
    /// To the first.
    Hello { proto: u32, min: u32, version: String },
    /// How the session is.
    State {
        #[serde(flatten)]
        running: Running,
        program: ProcessId,
    },
    /// It is a client now, with this number; data follows.
    Attached { client: u64 },
    /// What was asked for has been done, to so many.
    Done { count: usize },
    /// Rows from here on; the log has those before, up to this length.
    Following { bytes: u64 },
    /// It has been asked to end.
    Stopping,
    /// It has ended.
    Exit {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    /// The client is none any more; the session goes on.
    Left { reason: LeftReason },
    /// To [`Request::Inside`].
    Inside(InsideReply),
    /// To [`Request::Leave`].
    Leave { detached: usize },
    /// It cannot be done.
    Error { reason: String },
    /// Of a newer host, and for a newer client.
    #[serde(other)]
    Unknown,
}

/// Why a client is none any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LeftReason {
    /// Somebody has detached it, itself perhaps.
    Detached,
    /// A reason that a newer host has.
    #[serde(other)]
    Other,
}

/// What a program is told about the session that it runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct InsideReply {
    pub(crate) answer: String,
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) clients: usize,
    pub(crate) kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) log_path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent: Option<String>,
}

impl From<Exit> for Reply {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Exit { code: Some(code), signal: None },
            Exit::Signal(signal) => Self::Exit { code: None, signal: Some(signal) },
            Exit::Lost => Self::Exit { code: None, signal: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that hosts and clients of this version say. A change here breaks the hosts that
    /// run: it needs a new protocol, and the old words must still be understood.
    #[test]
    fn the_words_on_the_socket() {
        let size = Size { columns: 80, rows: 24 };
        let requests = [
            (Request::Hello { proto: 1, min: 1 }, r#"{"type":"hello","proto":1,"min":1}"#),
            (Request::Status, r#"{"type":"status"}"#),
            (
                Request::Attach { size, read_only: true },
                r#"{"type":"attach","columns":80,"rows":24,"readOnly":true}"#,
            ),
            (Request::Resize { size }, r#"{"type":"resize","columns":80,"rows":24}"#),
            (Request::Refresh, r#"{"type":"refresh"}"#),
            (
                Request::Input { length: 3, paste: false },
                r#"{"type":"input","length":3,"paste":false}"#,
            ),
            (
                Request::Detach { who: Detach::LastTypist },
                r#"{"type":"detach","who":"last-typist"}"#,
            ),
            (Request::Detach { who: Detach::Client(7) }, r#"{"type":"detach","who":{"client":7}}"#),
            (
                Request::Snapshot { format: SnapshotFormat::Plain },
                r#"{"type":"snapshot","format":"plain"}"#,
            ),
            (Request::Follow, r#"{"type":"follow"}"#),
            (Request::Stop { grace_ms: Some(5) }, r#"{"type":"stop","graceMs":5}"#),
            (Request::Inside { pid: 4 }, r#"{"type":"inside","pid":4}"#),
            (Request::Leave { pid: 4 }, r#"{"type":"leave","pid":4}"#),
        ];
        for (request, text) in requests {
            assert_eq!(serde_json::to_string(&request).unwrap(), text);
            assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
        }
    }

    #[test]
    fn what_an_older_or_newer_end_says() {
        let lean: Request =
            serde_json::from_str(r#"{"type":"attach","columns":9,"rows":9}"#).unwrap();
        assert!(matches!(lean, Request::Attach { read_only: false, .. }));
        let rich = r#"{"type":"stop","graceMs":null,"why":"upgrade"}"#;
        assert_eq!(
            serde_json::from_str::<Request>(rich).unwrap(),
            Request::Stop { grace_ms: None }
        );
        assert!(serde_json::from_str::<Request>(r#"{"type":"teleport"}"#).is_err());
        assert!(matches!(
            serde_json::from_str::<Reply>(r#"{"type":"weather","rain":true}"#),
            Ok(Reply::Unknown)
        ));
        let left: Reply = serde_json::from_str(r#"{"type":"left","reason":"evicted"}"#).unwrap();
        assert_eq!(left, Reply::Left { reason: LeftReason::Other });
        let state = r#"{"type":"state","program":{"pid":5,"startTicks":7}}"#;
        let Ok(Reply::State { running, program }) = serde_json::from_str(state) else {
            panic!("{state}")
        };
        assert_eq!((running, program.pid), (Running::default(), 5));
    }
}
