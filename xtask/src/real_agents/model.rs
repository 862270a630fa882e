//! The service that an agent talks to, in its own words, with the answers held back.
//!
//! A request that carries the prompt of the step and offers a shell goes to the driver, which
//! releases the answer piece by piece. What agents ask besides (titles, routing, tokens) is
//! answered at once.

mod anthropic;
mod chat;
mod dialect;
mod google;
mod responses;
mod tool;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use tiny_http::{Header, Method, Request, Response, Server};

use super::state::now;
use dialect::{Dialect, Event, Question};

/// What the model says where nobody is interested in it.
const ASIDE: &str = "Noted.";

/// The service, listening.
pub(super) struct Model {
    pub(super) address: SocketAddr,
    asked: Receiver<Asked>,
    expected: Arc<Mutex<Option<Expected>>>,
}

/// The request that the driver waits for. Agents ask more with the same prompt in it (for a title,
/// for what to remember, for what may come next), and in no order.
struct Expected {
    /// Tells the prompt of this step from all that was said before.
    word: String,
    /// It brings the result of a tool.
    after_tool: bool,
}

/// A request whose answer is in the driver's hands. The agent's connection ends with it.
pub(super) struct Asked {
    /// When the request had arrived, in ms since the epoch.
    pub(super) at: u64,
    cues: Sender<Cue>,
    sent: Receiver<u64>,
}

enum Cue {
    /// A piece of text.
    Say(String),
    /// Ask for this command to be run.
    Call(String),
    /// The answer is complete.
    End,
}

impl Model {
    /// Starts listening on loopback.
    pub(super) fn start(log: Box<dyn Write + Send>) -> Result<Self> {
        let server = Server::http("127.0.0.1:0").map_err(|e| anyhow!("cannot listen: {e}"))?;
        let address = server.server_addr().to_ip().context("not an address of the Internet")?;
        let (to_driver, asked) = channel();
        let expected = Arc::default();
        let desk = Desk { to_driver, expected: Arc::clone(&expected), log: Mutex::new(log) };
        let desk = Arc::new(desk);
        std::thread::spawn(move || {
            for request in server.incoming_requests() {
                let desk = desk.clone();
                std::thread::spawn(move || desk.serve(request));
            }
        });
        Ok(Self { address, asked, expected })
    }

    /// The next request with this word is the driver's, if it brings what is said here.
    pub(super) fn expect(&self, word: &str, after_tool: bool) {
        let expected = Expected { word: word.to_owned(), after_tool };
        *self.expected.lock().unwrap_or_else(PoisonError::into_inner) = Some(expected);
    }

    /// The request that is expected.
    pub(super) fn asked(&self, limit: Duration) -> Result<Asked> {
        match self.asked.recv_timeout(limit) {
            Ok(asked) => Ok(asked),
            Err(RecvTimeoutError::Timeout) => bail!("the agent did not ask its model"),
            Err(RecvTimeoutError::Disconnected) => bail!("the stand-in model has ended"),
        }
    }
}

impl Asked {
    /// Sends a piece and keeps the rest back; when it was on its way.
    pub(super) fn say(&self, text: &str) -> Result<u64> {
        self.cue(Cue::Say(text.to_owned()))
    }

    /// Asks for a command, and that is the answer.
    pub(super) fn call(self, command: &str) -> Result<u64> {
        self.cue(Cue::Call(command.to_owned()))?;
        self.cue(Cue::End)
    }

    /// Says the rest; when the answer was complete.
    pub(super) fn finish(self, text: &str) -> Result<u64> {
        self.cue(Cue::Say(text.to_owned()))?;
        self.cue(Cue::End)
    }

    fn cue(&self, cue: Cue) -> Result<u64> {
        let gone = "the agent has closed its connection to the model";
        self.cues.send(cue).ok().context(gone)?;
        self.sent.recv().ok().context(gone)
    }
}

/// What serves the requests.
struct Desk {
    to_driver: Sender<Asked>,
    expected: Arc<Mutex<Option<Expected>>>,
    log: Mutex<Box<dyn Write + Send>>,
}

impl Desk {
    fn serve(&self, mut request: Request) {
        let mut body = String::new();
        // A client that was interrupted while it sent is no longer there to be told.
        if request.as_reader().read_to_string(&mut body).is_err() {
            return;
        }
        let at = now();
        let url = request.url().to_owned();
        let path = url.split('?').next().unwrap_or_default();
        let parsed: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
        let dialect =
            (*request.method() == Method::Post).then(|| dialect::of(path, &parsed)).flatten();
        let Some(dialect) = dialect else {
            self.note(&format!("{at} {} {path} plain", request.method()));
            return plain(request, path);
        };
        let question = dialect.question(&parsed);
        let ours = self.is_expected(&question, &body);
        self.note(&format!(
            "{at} {path} {} bytes, {} tools, after tool: {}, for the driver: {ours}",
            body.len(),
            question.tools.len(),
            question.after_tool
        ));
        let (cues, to_do) = channel();
        let (done, sent) = channel();
        if ours {
            _ = self.to_driver.send(Asked { at, cues, sent });
        } else {
            let text = question
                .schema
                .as_ref()
                .map_or_else(|| ASIDE.to_owned(), |schema| tool::value_for(schema).to_string());
            for cue in [Cue::Say(text), Cue::End] {
                _ = cues.send(cue);
            }
            drop((cues, sent));
        }
        // What fails is writing to an agent that has been interrupted.
        if let Err(error) = answer(request, dialect, &question, &to_do, &done) {
            self.note(&format!("{} {path}: {error:#}", now()));
        }
    }

    /// Whether the driver waits for it; then it waits no more.
    fn is_expected(&self, question: &Question, body: &str) -> bool {
        let mut expected = self.expected.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = expected.as_ref().is_some_and(|expected| {
            question.after_tool == expected.after_tool
                && question.shell().is_some()
                && body.contains(&expected.word)
        });
        if fits {
            *expected = None;
        }
        fits
    }

    fn note(&self, line: &str) {
        _ = writeln!(self.log.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
    }
}

/// What agents ask beside their model: whether it is there, which there are, how long a text is.
fn plain(request: Request, path: &str) {
    let body = if path.contains("count_tokens") || path.contains("countTokens") {
        json!({ "input_tokens": 10, "totalTokens": 10 })
    } else if path.ends_with("/models") {
        let only = json!([{ "id": "stand-in", "object": "model", "owned_by": "stand-in" }]);
        json!({ "object": "list", "data": only, "models": [] })
    } else if *request.method() == Method::Get {
        _ = request.respond(Response::empty(404));
        return;
    } else {
        json!({})
    };
    _ = request.respond(whole(&body));
}

fn whole(body: &Value) -> Response<std::io::Cursor<Vec<u8>>> {
    let response = Response::from_string(format!("{body}\n"));
    match Header::from_bytes("Content-Type", "application/json") {
        Ok(kind) => response.with_header(kind),
        Err(()) => response,
    }
}

/// Carries out the cues, one after the other, until the answer is complete or nobody wants it.
fn answer(
    request: Request,
    mut dialect: Box<dyn Dialect>,
    question: &Question,
    to_do: &Receiver<Cue>,
    done: &Sender<u64>,
) -> Result<()> {
    let mut request = Some(request);
    let mut stream = None;
    if question.streamed {
        let writer = request.take().context("a request is answered once")?.into_writer();
        stream = Some(Stream::open(writer, &dialect.open())?);
    }
    for cue in to_do {
        let (events, last) = match cue {
            Cue::Say(text) => (dialect.piece(&text), false),
            Cue::Call(command) => {
                let tool = question.shell().context("no shell was offered")?;
                (dialect.call(tool, &command), false)
            }
            Cue::End => (dialect.close(), true),
        };
        if let Some(stream) = &mut stream {
            stream.send(&events)?;
            if last {
                stream.finish()?;
            }
        } else if last && let Some(request) = request.take() {
            request.respond(whole(&dialect.whole()))?;
        }
        _ = done.send(now());
        if last {
            return Ok(());
        }
    }
    bail!("the answer was not wanted any more")
}

/// An answer as events, in pieces of HTTP that are on their way at once. (The server's own way to
/// answer collects 8 KiB first.)
struct Stream {
    writer: Box<dyn Write + Send>,
}

impl Stream {
    fn open(mut writer: Box<dyn Write + Send>, events: &[Event]) -> Result<Self> {
        writer.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n\
              Transfer-Encoding: chunked\r\n\r\n",
        )?;
        let mut stream = Self { writer };
        stream.send(events)?;
        Ok(stream)
    }

    fn send(&mut self, events: &[Event]) -> Result<()> {
        let text: String = events.iter().map(Event::to_string).collect();
        if !text.is_empty() {
            write!(self.writer, "{:x}\r\n{text}\r\n", text.len())?;
        }
        Ok(self.writer.flush()?)
    }

    fn finish(&mut self) -> Result<()> {
        self.writer.write_all(b"0\r\n\r\n")?;
        Ok(self.writer.flush()?)
    }
}

#[cfg(test)]
mod tests;
