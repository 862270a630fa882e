//! What the tests start: a host, a client of one, and programs that ask where they are.

use std::io::{BufRead as _, Read as _, Write as _};
use std::process::ExitCode;

use callboard::{Home, Inside, Leave};
use callboard_host::builtin::{Options as HostOptions, main as host, take_over};
use callboard_host::supervisor::{ClaimError, Instance, Options, Supervisor, Transition};
use callboard_host::{
    AttachEnd, AttachOptions, Builtin, Environment, HostKind, HostedId, Hosts, SessionHost as _,
    SpawnSpec,
};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["__host"] => host(&HostOptions::default()).into(),
        ["__host", "tmux", ..] => {
            take_over(std::env::args_os()).map_or(ExitCode::from(2), ExitCode::from)
        }
        ["__host", "break-at", text] => {
            let mut options = HostOptions::default();
            options.break_model_at = Some(text.into());
            host(&options).into()
        }
        ["attach", home, id, ref more @ ..] => attach(home, id, more),
        ["supervise", home, ref more @ ..] => supervise(home, more),
        ["start", home, script] => start(home, script),
        ["fork", how, home, ref words @ ..] => fork(how, home, words),
        ["inside"] => inside(),
        ["repl"] => repl(),
        ["modes"] => modes(),
        ["rows"] => rows(),
        ["ask", question] => ask(question),
        _ => {
            eprintln!("no such part: {words:?}");
            ExitCode::from(2)
        }
    }
}

/// A client: says on its way out how it ended.
fn attach(home: &str, id: &str, more: &[&str]) -> ExitCode {
    let hosts = Hosts::at(&Home::at(home));
    let id = HostedId::parse(id).expect("an id");
    let mut options = AttachOptions::default();
    options.read_only = more.contains(&"read-only");
    options.history = more
        .iter()
        .find_map(|word| word.strip_prefix("history="))
        .map_or(0, |n| n.parse().expect("a number"));
    options.hint = more.iter().find_map(|word| word.strip_prefix("hint=")).map(str::to_owned);
    let ended = hosts
        .host_of(&id)
        .and_then(|host| host.attach(&id, &options))
        .and_then(callboard_host::AttachPlan::run);
    println!("[{ended:?}]");
    match ended {
        Ok(AttachEnd::Detached | AttachEnd::Ended(_)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// A supervisor: a line for each transition, its words separated by tabs.
fn supervise(home: &str, more: &[&str]) -> ExitCode {
    let home = Home::at(home);
    let number = |key: &str| {
        let text = more.iter().find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
        text.map(|text| std::time::Duration::from_millis(text.parse().expect("a number")))
    };
    let mut options = Options::default();
    options.pace.first = number("first-ms").unwrap_or(options.pace.first);
    options.keep_ended = number("keep-ms");
    let instance = match Instance::claim(&home) {
        Ok(instance) => instance,
        Err(ClaimError::AlreadyRuns { pid, .. }) => {
            println!("already\t{}", pid.unwrap_or(0));
            return ExitCode::from(1);
        }
        Err(error) => panic!("{error}"),
    };
    let tell = |it: &Transition| {
        let session = it.session.as_ref().map_or("-", HostedId::as_str);
        let fields: Vec<String> =
            it.fields.iter().map(|(key, text)| format!("{key}={text}")).collect();
        println!("{}\t{session}\t{}", it.event.as_str(), fields.join("\t"));
    };
    let supervisor = Supervisor::new(Hosts::at(&home), instance, options, tell);
    supervisor.and_then(Supervisor::run).expect("a supervisor");
    ExitCode::SUCCESS
}

/// Starts a shell script in tmux; its id.
fn start(home: &str, script: &str) -> ExitCode {
    let hosts = Hosts::at(&Home::at(home));
    let host = hosts.host(HostKind::Tmux).expect("a host");
    let session = host.spawn(&SpawnSpec::new(["sh", "-c", script])).expect("a session");
    println!("{}", session.id);
    ExitCode::SUCCESS
}

/// Starts a command by a host that is forked if it can be; its id, and the host's pid.
fn fork(how: &str, home: &str, words: &[&str]) -> ExitCode {
    let home = std::path::absolute(home).expect("a path");
    let host = Builtin::at(&Home::at(home)).forking();
    let (_held, hold) = std::sync::mpsc::channel::<()>();
    match how {
        "alone" => {}
        "with-thread" => drop(std::thread::spawn(move || hold.recv())),
        "with-handler" => {
            let (_, write) = std::os::unix::net::UnixStream::pair().expect("a pair");
            signal_hook::low_level::pipe::register(signal_hook::consts::SIGTERM, write)
                .expect("a signal");
        }
        _ => panic!("no such way: {how}"),
    }
    let env = Environment::inherited();
    let session = match host.spawn(&SpawnSpec::new(words).env(env)) {
        Ok(session) => session,
        Err(error) => {
            println!("{error}");
            return ExitCode::from(error.shell_code());
        }
    };
    println!("{} {}", session.id, session.host_process.expect("a host").pid);
    ExitCode::SUCCESS
}

/// One word: where this process is.
fn inside() -> ExitCode {
    println!("{}", word(&asked()));
    ExitCode::SUCCESS
}

/// Asked again where the host does not answer within half a second: on a busy machine it may not.
fn asked() -> Inside {
    let mut answers = std::iter::repeat_with(Inside::ask).take(80);
    answers.find(|answer| *answer != Inside::Unknown).unwrap_or(Inside::Unknown)
}

fn word(inside: &Inside) -> String {
    match inside {
        Inside::Yes(background) => format!("yes {}", background.clients),
        Inside::Nested => "nested".into(),
        Inside::No => "no".into(),
        _ => "unknown".into(),
    }
}

/// A program that knows where it is: echoes lines, and on `/exit` leaves or ends.
fn repl() -> ExitCode {
    println!("repl {}", word(&asked()));
    for line in std::io::stdin().lock().lines() {
        match line.expect("a line").as_str() {
            "/exit" => match callboard::exit_or_detach() {
                Leave::Detached => println!("detached"),
                Leave::ExitNow => return ExitCode::from(7),
            },
            "/child" => {
                let own = std::env::current_exe().expect("a path");
                std::process::Command::new(own).arg("inside").status().expect("a child");
            }
            line => println!("heard {line}"),
        }
    }
    ExitCode::from(8)
}

/// Sets every mode that is to be restored, draws, and waits for a byte.
fn modes() -> ExitCode {
    let set = "\x1b[?1049h\x1b[?2004h\x1b[?1004h\x1b[?1002h\x1b[?1006h\x1b[?25l\x1b[?1h\
               \x1b[>1u\x1b[>4;2m\x1b[4 q\x1b]2;a title\x07\
               \x1b[2;3H\x1b[38;2;10;20;30mcoloured\x1b[m";
    raw(|| {
        print!("{set}");
        std::io::stdout().flush().expect("a terminal");
        _ = std::io::stdin().read(&mut [0]);
    });
    ExitCode::SUCCESS
}

/// A row of the terminal's width, and its size below that: drawn when that changes, and with
/// another letter when one is typed.
fn rows() -> ExitCode {
    let (changed, write) = std::os::unix::net::UnixStream::pair().expect("a pair");
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGWINCH, write).expect("a signal");
    let mut letter = *b"a";
    raw(|| {
        loop {
            let size = callboard_host::terminal_size().expect("a terminal");
            let row = String::from_utf8_lossy(&letter).repeat(size.columns.into());
            let (columns, rows) = (size.columns, size.rows);
            print!("\x1b[2J\x1b[H{row}\x1b[2;1Hsize {columns}x{rows}");
            std::io::stdout().flush().expect("a terminal");
            let stdin = std::io::stdin();
            let mut fds = [
                rustix::event::PollFd::new(&stdin, rustix::event::PollFlags::IN),
                rustix::event::PollFd::new(&changed, rustix::event::PollFlags::IN),
            ];
            _ = rustix::event::poll(&mut fds, None);
            let ready = [fds[0].revents(), fds[1].revents()].map(|flags| !flags.is_empty());
            if ready[1] {
                _ = (&changed).read(&mut [0; 16]);
            }
            if ready[0] && rustix::io::read(&stdin, &mut letter).is_ok_and(|read| read == 0) {
                return;
            }
        }
    });
    ExitCode::SUCCESS
}

/// Asks its terminal, and says what that answered.
fn ask(question: &str) -> ExitCode {
    let mut answer = Vec::new();
    raw(|| {
        print!("{}", question.replace('^', "\x1b"));
        std::io::stdout().flush().expect("a terminal");
        let mut byte = [0];
        // Every answer that the tests ask for ends with a letter.
        while std::io::stdin().read(&mut byte).is_ok_and(|read| read == 1) {
            answer.push(byte[0]);
            if byte[0].is_ascii_alphabetic() {
                break;
            }
        }
    });
    println!("answer {}", answer.escape_ascii());
    ExitCode::SUCCESS
}

fn raw(with: impl FnOnce()) {
    use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
    let before = tcgetattr(std::io::stdin()).expect("a terminal");
    let mut raw = before.clone();
    raw.make_raw();
    tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).expect("a terminal");
    with();
    tcsetattr(std::io::stdin(), OptionalActions::Now, &before).expect("a terminal");
}
