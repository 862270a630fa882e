//! What a host is told at its start, and what it answers: one JSON text each way, over the socket
//! that is its standard input.

use serde::{Deserialize, Serialize};

use crate::id::HostedId;
use crate::store::{OsText, RunFile, SpecFile};

/// A start. The only place where an environment is written down, and it is no file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StartRequest {
    /// The home.
    pub(crate) home: OsText,
    pub(crate) id: String,
    pub(crate) replace: bool,
    pub(crate) spec: SpecFile,
    pub(crate) env: Vec<(OsText, OsText)>,
}

/// How it went.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(crate) enum StartAnswer {
    /// The program has been executed.
    Started {
        /// Who runs.
        run: RunFile,
        /// What did not work and was no reason not to start it.
        warning: Option<String>,
    },
    /// Another session has the id.
    Taken,
    /// The program's directory cannot be used.
    Directory { errno: i32 },
    /// The program could not be executed.
    Exec { errno: i32 },
    /// Something else.
    Failed { message: String },
}

impl StartRequest {
    pub(crate) fn id(&self) -> Option<HostedId> {
        HostedId::parse(&self.id)
    }
}
