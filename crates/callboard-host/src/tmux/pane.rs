//! The terminal of a session in tmux, and who looks at it.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::command::Trouble;
use super::server::{IN_PASSING, PATIENCE, Server};
use crate::error::{Error, Result};
use crate::host::Detach;
use crate::store::{SessionDir, read_small};

/// The file in a session's directory that says where in tmux it is.
const FILE: &str = "tmux.json";

/// A little less than a program waits for its host on its way out (`callboard::inside`).
const ON_THE_WAY_OUT: Duration = Duration::from_millis(1800);

/// A session's place in tmux.
#[derive(Clone, Debug)]
pub(crate) struct Pane {
    server: Server,
    name: String,
    id: String,
}

#[derive(Serialize, Deserialize)]
struct PaneFile {
    /// The tmux session, of a name that no other ever has.
    session: String,
    /// The pane, by the number that the server knows it by.
    pane: String,
}

/// A client of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// Its process.
    pid: u64,
    /// What tmux calls it: its terminal.
    name: String,
    /// The tmux session that it is attached to: one of its own in the group of the session.
    session: String,
    /// The session that it looks at.
    pub(super) looks_at: String,
    read_only: bool,
    /// When something was typed there last, in s since the epoch.
    typed_at: u64,
}

impl Client {
    const FORMAT: &str = "#{client_pid}\t#{client_session}\t#{?session_group,#{session_group},#{client_session}}\t#{client_readonly}\t#{client_activity}\t#{client_name}";

    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.splitn(6, '\t');
        let pid = fields.next()?.parse().ok()?;
        let (session, looks_at) = (fields.next()?.to_owned(), fields.next()?.to_owned());
        let read_only = fields.next()? == "1";
        let typed_at = fields.next()?.parse().ok()?;
        Some(Self { pid, name: fields.next()?.to_owned(), session, looks_at, read_only, typed_at })
    }

    /// All of a server.
    pub(super) fn all(server: &Server, patience: Duration) -> Result<Vec<Self>, Trouble> {
        let said = server.ask(&["list-clients", "-F", Self::FORMAT], patience)?;
        Ok(said.lines().filter_map(Self::parse).collect())
    }
}

/// Who typed last: who only looks counts only where nobody else does. tmux has times in whole
/// seconds, and knows better itself which of its sessions (each client has its own) was `latest`.
fn last_typist<'a>(clients: &'a [Client], latest: Option<&str>) -> Option<&'a Client> {
    clients
        .iter()
        .max_by_key(|client| (!client.read_only, latest == Some(&*client.session), client.typed_at))
}

impl Pane {
    pub(super) const fn new(server: Server, name: String, id: String) -> Self {
        Self { server, name, id }
    }

    /// That of a session; `None` before it has one.
    pub(super) fn of(server: &Server, session: &SessionDir) -> Result<Option<Self>> {
        let path = session.path().join(FILE);
        let Some(text) = read_small(&path)? else { return Ok(None) };
        let parsed = serde_json::from_slice(&text);
        let PaneFile { session, pane } = parsed.map_err(|error| Error::Untrusted {
            path,
            reason: format!("it is not what a host writes: {error}"),
        })?;
        Ok(Some(Self::new(server.clone(), session, pane)))
    }

    /// Says in the session's directory where it is.
    pub(crate) fn write_down(&self, session: &SessionDir) -> Result<()> {
        let file = PaneFile { session: self.name.clone(), pane: self.id.clone() };
        session.write_in_one_step(FILE, &serde_json::to_vec(&file).unwrap_or_default())
    }

    /// The name of the tmux session.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// How to name it to tmux: this one, and not one whose name begins so.
    pub(super) fn target(&self) -> String {
        format!("={}", self.name)
    }

    /// Those who look at it.
    fn clients(&self, patience: Duration) -> Result<Vec<Client>, Trouble> {
        let mut clients = Client::all(&self.server, patience)?;
        clients.retain(|client| client.looks_at == self.name);
        Ok(clients)
    }

    /// Which of its tmux sessions was last active: a pane belongs to that one, of all that show it.
    fn latest(&self, patience: Duration) -> Option<String> {
        let question = ["display-message", "-p", "-t", &self.id, "#{session_name}"];
        self.server.ask(&question, patience).ok().map(|name| name.trim().to_owned())
    }

    /// How many look at it; nobody, where tmux does not answer.
    pub(crate) fn count(&self) -> usize {
        self.clients(IN_PASSING).map_or(0, |clients| clients.len())
    }

    /// Detaches clients, for a host that has others to serve; how many. Within the time that a
    /// program waits on its way out: to be told too late that nobody was there ends a session that
    /// was to go on.
    pub(crate) fn detach_in_passing(&self, who: Detach) -> Result<usize, Trouble> {
        self.detach(who, ON_THE_WAY_OUT)
    }

    /// Detaches clients; how many. tmux is asked for each of them, twice before that, and waited
    /// for `patience` in all.
    pub(super) fn detach(&self, who: Detach, patience: Duration) -> Result<usize, Trouble> {
        let until = Instant::now() + patience;
        let left = || until.saturating_duration_since(Instant::now());
        let clients = self.clients(left())?;
        let is_meant: Vec<&Client> = match who {
            Detach::All => clients.iter().collect(),
            Detach::Client(pid) => clients.iter().filter(|client| client.pid == pid).collect(),
            Detach::LastTypist => {
                // Of one there is nothing to be asked.
                let latest = if clients.len() > 1 { self.latest(left()) } else { None };
                last_typist(&clients, latest.as_deref()).into_iter().collect()
            }
        };
        for client in &is_meant {
            // Gone by itself is as good.
            if let Err(trouble @ (Trouble::Silent | Trouble::Io(_))) =
                self.server.ask(&["detach-client", "-t", &client.name], left())
            {
                return Err(trouble);
            }
        }
        Ok(is_meant.len())
    }

    /// After a client has left. Takes away the tmux sessions of those that are gone, and keeps the
    /// size where nobody is left but lookers: none of them is to change it.
    pub(super) fn tidy_up(&self) {
        let sessions = ["list-sessions", "-F", "#{session_attached}\t#{session_name}"];
        for line in self.server.ask(&sessions, PATIENCE).unwrap_or_default().lines() {
            if let Some(name) = line.strip_prefix("0\t")
                && name.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with('-'))
            {
                _ = self.server.ask(&["kill-session", "-t", &format!("={name}")], PATIENCE);
            }
        }
        let is_looker = |client: &Client| client.read_only;
        if self.clients(PATIENCE).is_ok_and(|clients| clients.iter().all(is_looker)) {
            let window = format!("{}:", self.target());
            _ = self.server.ask(&["resize-window", "-t", &window], PATIENCE);
        }
    }

    /// Takes away what tmux may still have of it.
    pub(super) fn close(&self) {
        // With its window, the sessions of its clients go, too.
        _ = self.server.ask(&["kill-window", "-t", &format!("{}:", self.target())], IN_PASSING);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(line: &str) -> Client {
        Client::parse(line).unwrap()
    }

    #[test]
    fn a_line_of_the_list() {
        let found = client("12\tcb-1\tcb\t1\t1700\t/dev/pts/3");
        assert_eq!((found.pid, &*found.session, &*found.looks_at), (12, "cb-1", "cb"));
        assert!(found.read_only && found.typed_at == 1700 && found.name == "/dev/pts/3");
        for broken in ["", "x\ta\tb\t0\t1\tc", "1\ta\tb\t0"] {
            assert_eq!(Client::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn who_typed_last_by_case() {
        let early = client("1\ts-1\ts\t0\t100\ta");
        let late = client("2\ts-2\ts\t0\t200\tb");
        let looks = client("3\ts-3\ts\t1\t300\tc");
        for (clients, latest, expected) in [
            (vec![], None, None),
            (vec![&early, &late, &looks], None, Some(2)),
            (vec![&late, &early, &looks], Some("s-3"), Some(2)),
            (vec![&late, &early], Some("s-1"), Some(1)),
            (vec![&looks], None, Some(3)),
        ] {
            let clients: Vec<Client> = clients.into_iter().cloned().collect();
            let found = last_typist(&clients, latest).map(|client| client.pid);
            assert_eq!(found, expected, "{clients:?}");
        }
    }
}
