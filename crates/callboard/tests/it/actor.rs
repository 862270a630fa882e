//! The small program that signs in, and dies in every way. It is this test binary, started again
//! with the one test `actor::actor` selected.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use callboard::{
    Error, ExitPaths, Patch, Quiet, Registration, Registry, Session, SignIn, SignedIn, Status,
};
use serde_json::{Value, json};
use testkit::{Home, Process, Prompt, Stage, collect, fork, kill_self};

/// Says to the binary that it is an actor now; the value is the directory of records.
const STAGE_DOOR: &str = "CALLBOARD_TEST_ACTOR";

/// An actor, as the test that started it sees it.
pub(crate) struct Actor {
    process: Process,
    pub(crate) pid: u32,
}

impl Actor {
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_on(&Stage::here(), home)
    }

    /// Starts one and signs it in.
    pub(crate) fn signed_in(home: &Home) -> Self {
        let mut actor = Self::start(home);
        actor.ask("register", json!({}));
        actor
    }

    pub(crate) fn start_on(stage: &Stage, home: &Home) -> Self {
        Self::start_at(stage, home, &home.sessions())
    }

    pub(crate) fn start_at(stage: &Stage, home: &Home, sessions: &Path) -> Self {
        Self::start_program(stage, &std::env::current_exe().unwrap(), home, sessions)
    }

    /// Starts a copy of this binary that is in the home, where another user can execute it.
    pub(crate) fn start_as(uid: u32, home: &Home) -> Self {
        Self::start_copy_on(&Stage::as_user(uid), home)
    }

    pub(crate) fn start_copy_on(stage: &Stage, home: &Home) -> Self {
        Self::start_copy_at(stage, home, &home.sessions())
    }

    pub(crate) fn start_copy_at(stage: &Stage, home: &Home, sessions: &Path) -> Self {
        let ours = std::env::current_exe().unwrap();
        let copy = home.path().join("actor");
        if !copy.exists() {
            std::fs::hard_link(&ours, &copy)
                .or_else(|_| std::fs::copy(&ours, &copy).map(drop))
                .unwrap();
        }
        Self::start_program(stage, &copy, home, sessions)
    }

    fn start_program(stage: &Stage, program: &Path, home: &Home, sessions: &Path) -> Self {
        let mut command = stage.command(program);
        sealed(&mut command, home, sessions);
        let mut process = Process::start(&mut command);
        let Some(hello) = process.hear() else {
            panic!("{command:?} did not come up: {}; is this not root?", process.wait());
        };
        let hello: Value = serde_json::from_str(&hello).unwrap();
        let pid = u32::try_from(hello["pid"].as_u64().unwrap()).unwrap();
        Self { process, pid }
    }

    /// Says a verb and returns what is answered.
    pub(crate) fn ask(&mut self, verb: &str, argument: Value) -> Value {
        self.tell(verb, argument);
        self.answer().unwrap_or_else(|| panic!("the actor ended at {verb}"))
    }

    /// Says a verb that has no answer, or whose answer is heard later.
    pub(crate) fn tell(&mut self, verb: &str, argument: Value) {
        self.process.say(&json!([verb, argument]).to_string());
    }

    /// The next answer; `None` when there will be none.
    pub(crate) fn answer(&mut self) -> Option<Value> {
        self.process.hear().map(|line| serde_json::from_str(&line).unwrap())
    }

    /// Asks it to end itself in some way, and waits until it has.
    pub(crate) fn end_by(&mut self, verb: &str) -> ExitStatus {
        self.tell(verb, Value::Null);
        self.process.wait()
    }

    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// What it sees of another's session, by pid: `[verdict, evidence]`.
    pub(crate) fn sees(&mut self, file: &str) -> Option<(String, String)> {
        let seen = self.ask("list", Value::Null);
        let sessions = seen["sessions"].as_array().unwrap();
        let found = sessions.iter().find(|s| s["file"] == file)?;
        let word = |key: &str| found[key].as_str().unwrap().to_owned();
        Some((word("verdict"), word("evidence")))
    }
}

/// Nothing of the environment of whoever runs the tests reaches a program under test.
fn sealed(command: &mut Command, home: &Home, sessions: &Path) {
    command
        .args(["--exact", "actor::actor", "--nocapture"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home.path())
        .env(STAGE_DOOR, sessions)
        .current_dir(home.path());
}

/// `(verdict, evidence)` as `Actor::sees` returns it.
pub(crate) fn judged(verdict: &str, evidence: &str) -> Option<(String, String)> {
    Some((verdict.to_owned(), evidence.to_owned()))
}

/// Who is listed as alive in this home, by pid, as seen from the test itself.
pub(crate) fn alive(home: &Home) -> Vec<u32> {
    let listed = Registry::at(home.sessions()).list();
    assert!(listed.problems.is_empty(), "{:?}", listed.problems);
    let mut pids: Vec<u32> = listed
        .sessions
        .iter()
        .filter(|s| s.verdict() == callboard::Verdict::Alive)
        .map(|s| s.record.pid())
        .collect();
    pids.sort_unstable();
    pids
}

/// The one session with this pid, as seen from the test itself.
pub(crate) fn session(home: &Home, pid: u32) -> Session {
    let mut found = Registry::at(home.sessions()).list().sessions;
    found.retain(|s| s.record.pid() == pid);
    assert_eq!(found.len(), 1, "sessions with pid {pid}: {found:?}");
    found.remove(0)
}

/// Not a test of anything: what an actor runs. Does nothing when the tests are run.
#[test]
fn actor() {
    let Some(sessions) = std::env::var_os(STAGE_DOOR) else { return };
    let mut prompt = Prompt::on_stdin();
    prompt.say(&json!({ "pid": std::process::id() }).to_string());
    let mut role = Role {
        registry: Registry::at(PathBuf::from(sessions)),
        me: None,
        children: HashMap::new(),
        watch: None,
    };
    while let Some(line) = prompt.hear() {
        let said: Value = serde_json::from_str(&line).unwrap();
        let verb = said[0].as_str().unwrap().to_owned();
        match role.act(&verb, &said[1]) {
            Some(answer) => prompt.say(&answer.to_string()),
            None => return,
        }
    }
}

struct Role {
    registry: Registry,
    me: Option<Registration>,
    children: HashMap<u32, Process>,
    watch: Option<callboard::Watch>,
}

impl Role {
    /// `None` at the end of the play.
    fn act(&mut self, verb: &str, argument: &Value) -> Option<Value> {
        if let Some(answer) = self.end(verb, argument) {
            return answer;
        }
        Some(match verb {
            "register" => self.register(argument),
            "register_process" => {
                let signed_in = self.registry.register_process(pid(argument), SignIn::new());
                answer(signed_in.map(|record| text(record.as_json())))
            }
            "own" => text(self.own().record().as_json()),
            "path" => json!(self.own().path()),
            "status" => answer(self.own().set_status(status(argument), None).map(done)),
            "rename" => answer(self.own().rename(argument.as_str().unwrap()).map(done)),
            "reassert" => answer(self.own().reassert().map(done)),
            "set_many" => self.set_many(argument),
            "cover" => {
                let covered = self.own().cover(exit_paths(argument));
                answer(covered.map(|c| json!(c.signals)))
            }
            "emergency_and_live" => {
                callboard::emergency_sign_out();
                done(())
            }
            "sign_out" => answer(self.me.take().unwrap().sign_out().map(done)),
            "drop" => {
                drop(self.me.take());
                done(())
            }
            "list" => self.list(),
            "update" => {
                let patch = Patch::new().extra(argument[1].as_str().unwrap(), Some(&argument[2]));
                let updated = self.registry.update(pid(&argument[0]), &patch);
                answer(updated.map(|record| text(record.as_json())))
            }
            "update_many" => self.update_many(argument),
            "update_until_gone" => self.update_until_gone(argument),
            "count_pids" => json!(self.registry.count_pids()),
            "remove" => answer(self.registry.remove(pid(argument)).map(done)),
            "sweep" => self.sweep(),
            "fork" => json!(self.fork(argument.as_str().unwrap())),
            "ignore" => {
                testkit::with_ignored(number(argument));
                done(())
            }
            "handle" => {
                testkit::with_action(number(argument));
                done(())
            }
            "chdir" => {
                std::env::set_current_dir(argument.as_str().unwrap()).unwrap();
                done(())
            }
            "thread_id" => json!(testkit::thread_id()),
            "child" => self.child(argument),
            "watch" => self.watch(argument.as_str().unwrap()),
            "headroom" => self.list_with_headroom(argument.as_u64().unwrap()),
            "quiet" => self.quiet(),
            "names" => names_in(self.registry.dir()),
            "link" => json!(std::fs::read_link(argument.as_str().unwrap()).unwrap()),
            "unlink" => {
                std::fs::remove_file(argument.as_str().unwrap()).unwrap();
                done(())
            }
            "fill" => fill(Path::new(argument.as_str().unwrap())),
            unknown => panic!("no verb {unknown}"),
        })
    }

    /// The verbs that end the actor or make another program of it.
    fn end(&mut self, verb: &str, argument: &Value) -> Option<Option<Value>> {
        match verb {
            "return" => return Some(None),
            "exit" => std::process::exit(0),
            "abort" => std::process::abort(),
            "panic" => panic!("as told"),
            "emergency" => {
                callboard::emergency_sign_out();
                kill_self()
            }
            "kill" => kill_self(),
            "exec" => {
                if argument["hand_over"] == true {
                    self.me.take().unwrap().hand_over_to_exec();
                }
                return Some(Some(execute(argument)));
            }
            _ => {}
        }
        None
    }

    fn own(&self) -> &Registration {
        self.me.as_ref().expect("signed in")
    }

    fn register(&mut self, argument: &Value) -> Value {
        let mut sign_in = SignIn::new();
        if let Some(name) = argument["name"].as_str() {
            sign_in = sign_in.name(name);
        }
        match self.registry.register(sign_in) {
            Ok(SignedIn::In(me)) => {
                let path = json!(me.path());
                self.me = Some(me);
                path
            }
            Ok(SignedIn::Skipped { sub_agent_of }) => json!({ "skipped": sub_agent_of }),
            Err(error) => failed(&error),
        }
    }

    fn list(&self) -> Value {
        let seen = self.registry.list();
        let sessions: Vec<Value> = seen.sessions.iter().map(describe).collect();
        let problems: Vec<String> = seen.problems.iter().map(ToString::to_string).collect();
        json!({ "sessions": sessions, "problems": problems })
    }

    fn sweep(&self) -> Value {
        let names = |items: &[callboard::SweepItem]| -> Vec<String> {
            items.iter().map(|i| i.path.file_name().unwrap().to_string_lossy().into()).collect()
        };
        let report = self.registry.plan_sweep().and_then(|plan| self.registry.sweep(&plan));
        answer(report.map(|r| json!({ "done": names(&r.done), "kept": names(&r.kept) })))
    }

    /// Counts a key of its own record up.
    fn set_many(&self, argument: &Value) -> Value {
        let (key, times) = (argument[0].as_str().unwrap(), argument[1].as_u64().unwrap());
        for n in 1..=times {
            if let Err(error) = self.own().patch(&Patch::new().extra(key, Some(&json!(n)))) {
                return failed(&error);
            }
        }
        json!("done")
    }

    /// Counts a key of another's record up, and looks each time whether its last count is there.
    fn update_many(&self, argument: &Value) -> Value {
        let whom = pid(&argument[0]);
        let (key, times) = (argument[1].as_str().unwrap(), argument[2].as_u64().unwrap());
        let mut last: Option<String> = None;
        for n in 1..=times {
            let seen = self.registry.list().sessions;
            let Some(seen) = seen.iter().find(|s| s.record.pid() == whom) else {
                return json!({ "error": format!("the record was missing before update {n}") });
            };
            if seen.record.raw(key).map(str::to_owned) != last {
                return json!({ "error": format!("update {} of {key} was lost", n - 1) });
            }
            match self.registry.update(whom, &Patch::new().extra(key, Some(&json!(n)))) {
                Ok(record) => last = record.raw(key).map(str::to_owned),
                Err(error) => return failed(&error),
            }
        }
        json!("done")
    }

    /// Updates another's record until there is none.
    fn update_until_gone(&self, argument: &Value) -> Value {
        let mut n = 0_u64;
        loop {
            n += 1;
            let patch = Patch::new().extra("late", Some(&json!(n)));
            match self.registry.update(pid(argument), &patch) {
                Ok(_) => {}
                Err(Error::NoSession { .. }) => return json!(n),
                Err(error) => return failed(&error),
            }
        }
    }

    /// Starts to watch, and answers how many sessions there are; or the next event.
    fn watch(&mut self, what: &str) -> Value {
        if what == "start" {
            let (board, watch) = callboard::Watch::start(&self.registry).unwrap();
            self.watch = Some(watch);
            return json!(board.sessions.len());
        }
        match self.watch.as_mut().unwrap().next().unwrap() {
            callboard::Event::Gone { session, why } => {
                json!(format!("gone {} {why}", session.record.pid()))
            }
            other => json!(format!("{other:?}")),
        }
    }

    /// Lists and sweeps with only so many more file descriptors to be had.
    fn list_with_headroom(&self, headroom: u64) -> Value {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let before = getrlimit(Resource::Nofile);
        // The lowest number that is free; the descriptor that found it is closed again.
        let free = std::os::fd::AsRawFd::as_raw_fd(&std::fs::File::open("/").unwrap());
        let limit = Some(u64::try_from(free).unwrap() + headroom);
        setrlimit(Resource::Nofile, Rlimit { current: limit, ..before }).unwrap();
        let seen = self.list();
        let swept = self.sweep();
        setrlimit(Resource::Nofile, before).unwrap();
        json!({ "seen": seen, "done": swept["done"] })
    }

    /// The best-effort face, from signing in to leaving.
    fn quiet(&self) -> Value {
        let quiet = Quiet::sign_in(&self.registry, SignIn::new());
        quiet.set_status(Status::Busy, None);
        quiet.rename("name");
        let count = Quiet::count(&self.registry);
        json!({ "signed_in": quiet.registration().is_some(), "count": count })
    }

    /// Forks; the child does what it is told with the guard that it inherited.
    fn fork(&mut self, what: &str) -> u32 {
        let me = &mut self.me;
        let pid = fork(|| match what {
            "drop" => {
                drop(me.take());
                0
            }
            "exit" => std::process::exit(0),
            "call" => {
                let guard = me.as_ref().unwrap();
                let refused =
                    |result: callboard::Result<()>| matches!(result, Err(Error::Ended { .. }));
                let all = refused(guard.set_status(Status::Busy, None))
                    && refused(guard.rename("usurper"))
                    && refused(guard.reassert())
                    && refused(guard.cover(ExitPaths::new()).map(|_| ()));
                callboard::emergency_sign_out();
                i32::from(!(all && refused(me.take().unwrap().sign_out())))
            }
            // Holds on to everything that it inherited until it is killed.
            "hold" => loop {
                std::thread::park();
            },
            unknown => panic!("no way to fork called {unknown}"),
        });
        if what == "hold" {
            return pid;
        }
        let status = collect(pid);
        assert_eq!(status, Some(0), "the forked child failed at {what}");
        pid
    }

    /// Starts a child that does nothing, or ends it and leaves it a zombie.
    fn child(&mut self, argument: &Value) -> Value {
        if argument == "start" {
            let child = Process::start(&mut Command::new("cat"));
            let pid = child.id();
            self.children.insert(pid, child);
            return json!(pid);
        }
        let child = self.children.get_mut(&pid(argument)).unwrap();
        child.kill();
        child.wait_without_collecting();
        json!("zombie")
    }
}

fn describe(session: &Session) -> Value {
    json!({
        "pid": session.record.pid(),
        "file": session.file.to_string(),
        "name": session.record.name(),
        "verdict": session.verdict().as_str(),
        "evidence": session.evidence().as_str(),
    })
}

fn execute(argument: &Value) -> Value {
    use std::os::unix::process::CommandExt;
    let mut command = match argument["program"].as_str() {
        // Another program: it answers, so that it is known to run, and waits for a line.
        Some("sh") => {
            let mut sh = Command::new("sh");
            sh.args(["-c", r#"echo '"other program"' >&0; read line"#]);
            sh
        }
        _ => {
            let mut again = Command::new(std::env::current_exe().unwrap());
            again.args(["--exact", "actor::actor", "--nocapture"]);
            again
        }
    };
    panic!("exec failed: {}", command.exec())
}

fn names_in(directory: &Path) -> Value {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    json!(names)
}

/// Writes a file until the file system is full, and leaves it there.
fn fill(path: &Path) -> Value {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    while file.write_all(&[b'x'; 512]).is_ok() {}
    json!("full")
}

fn exit_paths(argument: &Value) -> ExitPaths {
    let mut paths = ExitPaths::new();
    for path in argument.as_array().unwrap() {
        paths = match path.as_str().unwrap() {
            "process_exit" => paths.process_exit(),
            "aborting_panic" => paths.aborting_panic(),
            #[cfg(feature = "signals")]
            "signals" => paths.signals(),
            unknown => panic!("no exit path {unknown}"),
        };
    }
    paths
}

fn status(word: &Value) -> Status {
    Status::from(word.as_str().unwrap())
}

fn pid(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn number(value: &Value) -> i32 {
    i32::try_from(value.as_i64().unwrap()).unwrap()
}

fn text(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn done((): ()) -> Value {
    json!("done")
}

fn answer(result: callboard::Result<Value>) -> Value {
    result.unwrap_or_else(|error| failed(&error))
}

/// The variant is what tests look at; the text is for whoever reads their output.
fn failed(error: &Error) -> Value {
    let variant = format!("{error:?}");
    let variant = variant.split([' ', '(']).next().unwrap_or_default();
    json!({ "error": variant, "text": error.to_string(), "source": source(error) })
}

fn source(error: &Error) -> Option<String> {
    std::error::Error::source(error).map(ToString::to_string)
}
