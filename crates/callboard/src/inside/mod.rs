//! Whether this process runs in a background session, and what its exit path means then.
//!
//! Asked of the host, never of the environment: a variable is inherited by every descendant, and
//! a terminal multiplexer hands it to strangers. The way to the host is the kernel's session id,
//! under which it has left a link; the host then looks, by the kernel's account of who is at the
//! other end, whether the process belongs to its program. So there is nothing that could leak.
//!
//! ```no_run
//! use callboard::{Inside, Leave, SignIn, exit_or_detach};
//!
//! // At the start: the first that asks in a session is the one that may leave it.
//! let inside = Inside::ask();
//! let sign_in = SignIn::spawned_by(inside.spawner()).tool("my-repl", "1.4.0");
//! # _ = sign_in;
//!
//! // On `/exit`, ctrl-c or ctrl-d:
//! match exit_or_detach() {
//!     Leave::Detached => {} // whoever typed it is back in their shell; the session goes on
//!     Leave::ExitNow => std::process::exit(0),
//! }
//! ```

#[doc(hidden)]
pub mod frame;
#[doc(hidden)]
pub mod socket;

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::process::session_leader;
use crate::record::Kind;
use crate::registry::Home;
use crate::spawner::Spawner;
use frame::{Frame, FrameKind};

/// How long an exit path waits for the host. Longer than who only asks: what comes of no answer is
/// the end of a session that was to go on, and a host may itself have to ask its multiplexer twice.
const LEAVE_PATIENCE: Duration = Duration::from_secs(2);

/// Whether a process runs in a background session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Inside {
    /// It does, and it is the program that the session is about.
    Yes(Background),
    /// It runs in one, below or beside the program that the session is about.
    Nested,
    /// It does not.
    No,
    /// A host is there and could not be asked. Where it matters whether to really end, this
    /// counts as no.
    Unknown,
}

/// The background session that a process runs in, as its host knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Background {
    /// Its id.
    pub id: String,
    /// The kind of host that has it.
    pub host: String,
    /// How many clients are attached right now.
    pub clients: usize,
    /// How it stands on the board.
    pub kind: Kind,
    /// What people call it.
    pub name: Option<String>,
    /// Where its output goes.
    pub log_path: Option<String>,
    /// Which agent it runs as.
    pub agent: Option<String>,
}

/// What an exit path has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Leave {
    /// Nothing: the client that typed last has been detached, and the program goes on.
    Detached,
    /// End the process.
    ExitNow,
}

/// The exit path of a program that may run in a background session: detaches the client that
/// typed last, if there is one, and says what to do.
///
/// At most two seconds; whatever goes wrong means [`Leave::ExitNow`]. Only for what a person
/// typed: a signal, or an end of input, is a reason to end in any case.
pub fn exit_or_detach() -> Leave {
    Home::from_env().map_or(Leave::ExitNow, |home| exit_or_detach_at(&home))
}

/// The same below a home that is not the one of the environment.
pub fn exit_or_detach_at(home: &Home) -> Leave {
    match ask(home, std::process::id(), "leave", LEAVE_PATIENCE) {
        Some(answer) if answer["detached"].as_u64().is_some_and(|count| count > 0) => {
            Leave::Detached
        }
        _ => Leave::ExitNow,
    }
}

impl Inside {
    /// Asks for this process, and claims the session for it: of several that ask, the first is
    /// the one that the session is about, until it ends.
    ///
    /// Some µs where there is no background session, at most half a second where there is one.
    #[must_use]
    pub fn ask() -> Self {
        Home::from_env().map_or(Self::No, |home| Self::ask_at(&home))
    }

    /// The same below a home that is not the one of the environment.
    #[must_use]
    pub fn ask_at(home: &Home) -> Self {
        Self::of_process(home, std::process::id())
    }

    /// Asks, and claims, on behalf of another process of this user: the shell that has started a
    /// command to find out, say.
    #[must_use]
    pub fn of_process(home: &Home, pid: u32) -> Self {
        if link_of(home, pid).is_none_or(|link| std::fs::symlink_metadata(link).is_err()) {
            return Self::No;
        }
        ask(home, pid, "inside", socket::PATIENCE)
            .map_or(Self::Unknown, |answer| Self::from_answer(&answer))
    }

    /// What a host answered.
    fn from_answer(answer: &Value) -> Self {
        let text = |key: &str| answer[key].as_str().map(str::to_owned);
        match answer["answer"].as_str() {
            Some("yes") => Self::Yes(Background {
                id: text("id").unwrap_or_default(),
                host: text("host").unwrap_or_default(),
                clients: answer["clients"]
                    .as_u64()
                    .and_then(|n| usize::try_from(n).ok())
                    .unwrap_or(0),
                kind: Kind::from_spawner(answer["kind"].as_str().unwrap_or("bg")),
                name: text("name"),
                log_path: text("logPath"),
                agent: text("agent"),
            }),
            Some("nested") => Self::Nested,
            Some("no") => Self::No,
            _ => Self::Unknown,
        }
    }

    /// Whether it is [`Inside::Yes`].
    #[must_use]
    pub const fn is_background(&self) -> bool {
        matches!(self, Self::Yes(_))
    }

    /// What to sign in with: what the host said, where there is one, else what the environment
    /// says.
    #[must_use]
    pub fn spawner(&self) -> Spawner {
        let Self::Yes(background) = self else { return Spawner::from_env() };
        Spawner {
            kind: background.kind.clone(),
            name: background.name.clone(),
            log_path: background.log_path.clone(),
            agent: background.agent.clone(),
            host: Some(background.host.clone()),
            ..Spawner::default()
        }
    }
}

/// Where the host of a kernel session has its link, below a home: `<pid namespace>-<session>`.
#[doc(hidden)]
#[must_use]
pub fn link_name(pid_ns: Option<u64>, session: u32) -> String {
    format!("{}-{session}", pid_ns.unwrap_or(0))
}

/// The link of the kernel session of a process.
fn link_of(home: &Home, pid: u32) -> Option<PathBuf> {
    let session = session_leader(pid)?;
    let pid_ns = rustix::fs::stat("/proc/self/ns/pid").ok().map(|stat| stat.st_ino);
    Some(home.path().join("hosts/.inside").join(link_name(pid_ns, session)))
}

/// One question to the host of a process's kernel session, and its answer.
fn ask(home: &Home, pid: u32, what: &str, patience: Duration) -> Option<Value> {
    let mut stream = socket::connect(&link_of(home, pid)?).ok()?;
    stream.set_read_timeout(Some(patience)).ok()?;
    stream.set_write_timeout(Some(patience)).ok()?;
    let hello = json!({"type": "hello", "proto": 1, "min": 1});
    let question = json!({"type": what, "pid": pid});
    let mut text = Vec::new();
    for message in [hello, question] {
        frame::push(&mut text, FrameKind::Control, message.to_string().as_bytes());
    }
    stream.write_all(&text).ok()?;
    let mut heard = Vec::new();
    let mut part = [0; 1024];
    loop {
        while let Some((Frame { kind, payload }, length)) = frame::split(&heard).ok()? {
            if kind == FrameKind::Control {
                let answer: Value = serde_json::from_slice(payload).ok()?;
                match answer["type"].as_str() {
                    Some(kind) if kind == what => return Some(answer),
                    Some("error") => return None,
                    _ => {}
                }
            }
            heard.drain(..length);
        }
        match stream.read(&mut part) {
            Ok(read) if read > 0 => heard.extend_from_slice(&part[..read]),
            // Neither is it waited for any longer, nor is a signal a reason to wait anew.
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_by_case() {
        let cases = [
            (json!({"answer": "nested"}), Inside::Nested),
            (json!({"answer": "no"}), Inside::No),
            (json!({"answer": "perhaps"}), Inside::Unknown),
            (json!({}), Inside::Unknown),
            (json!([]), Inside::Unknown),
        ];
        for (answer, inside) in cases {
            assert_eq!(Inside::from_answer(&answer), inside, "{answer}");
        }
        let yes = json!({"answer": "yes", "id": "0a", "host": "builtin", "clients": 2,
                         "kind": "daemon-worker", "name": "w", "more": 1});
        let Inside::Yes(background) = Inside::from_answer(&yes) else { panic!("{yes}") };
        assert_eq!((&*background.id, background.clients), ("0a", 2));
        let spawner = Inside::Yes(background).spawner();
        assert_eq!((spawner.kind, spawner.name.as_deref()), (Kind::DaemonWorker, Some("w")));
        assert_eq!(spawner.host.as_deref(), Some("builtin"));
    }

    #[test]
    fn outside_of_everything_is_no() {
        let home = Home::at("/nonexistent/home");
        assert_eq!(Inside::ask_at(&home), Inside::No);
        assert_eq!(exit_or_detach_at(&home), Leave::ExitNow);
    }
}
