//! What the victim does: everything that the library can, each answered with one word for what
//! came of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use callboard::{
    Error, ExitPaths, Patch, ProblemKind, Registration, Registry, SignIn, Snapshot, Verdict,
};
use serde_json::{Value, json};

/// The name that the victim's session has in every listing.
pub(crate) const MINE: &str = "mine";

pub(crate) struct Victim {
    registry: Registry,
    me: Option<Registration>,
    count: u64,
}

impl Victim {
    pub(crate) fn new(sessions: PathBuf) -> Self {
        Self { registry: Registry::at(sessions), me: None, count: 0 }
    }

    pub(crate) fn act(&mut self, verb: &str, argument: &Value) -> Value {
        match verb {
            "repeat" => self.repeat(argument),
            "path" => json!(self.me.as_ref().map(Registration::path)),
            "record" => json!(self.me.as_ref().map(|me| me.record().as_json().to_owned())),
            "problems" => {
                let problems = self.registry.list().problems;
                json!(problems.iter().map(ToString::to_string).collect::<Vec<_>>())
            }
            "measured" => measured(|| self.once(argument[0].as_str().unwrap(), &argument[1])),
            "users" => {
                json!([rustix::process::getuid().as_raw(), rustix::process::geteuid().as_raw()])
            }
            "patiently" => self.patiently(argument[0].as_str().unwrap(), &argument[1]),
            "signed in by environment" => json!(signed_in_by_environment()),
            verb => json!(self.once(verb, argument)),
        }
    }

    /// `[verb, argument, how often each, words]`: again and again, until each word was answered
    /// that often; says how often each was.
    fn repeat(&mut self, argument: &Value) -> Value {
        let (verb, inner) = (argument[0].as_str().unwrap(), &argument[1]);
        let often = argument[2].as_u64().unwrap();
        let words: Vec<&str> =
            argument[3].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let mut tally: BTreeMap<String, u64> = BTreeMap::new();
        let all = |tally: &BTreeMap<String, u64>| {
            words.iter().all(|word| tally.get(*word).is_some_and(|count| *count >= often))
        };
        for _ in 0..400_000 {
            *tally.entry(self.once(verb, inner)).or_default() += 1;
            if all(&tally) {
                break;
            }
        }
        json!(tally)
    }

    /// One word: what a listing saw, the name of an error, or `done`.
    fn once(&mut self, verb: &str, argument: &Value) -> String {
        let pid = || u32::try_from(argument.as_u64().expect("a pid")).unwrap();
        self.count += 1;
        let own_key = Patch::new().extra("count", Some(&json!(self.count)));
        let result = match verb {
            "list" => return seen(&self.registry.list()),
            "count" => return format!("{:?}", self.registry.count()),
            "count pids" => return self.registry.count_pids().to_string(),
            "register" => self
                .registry
                .register(SignIn::new().name(MINE))
                .map(|signed_in| self.me = signed_in.registration()),
            "in and out" => self.registry.register(SignIn::new().name(MINE)).map(drop),
            "register process" => {
                self.registry.register_process(pid(), SignIn::new().name(MINE)).map(drop)
            }
            "patch" => self.me.as_ref().unwrap().patch(&own_key),
            "reassert" => self.me.as_ref().unwrap().reassert(),
            "cover" => self.me.as_ref().unwrap().cover(ExitPaths::new().process_exit()).map(drop),
            "sign out" => self.me.take().unwrap().sign_out(),
            "update" => self.registry.update(pid(), &own_key).map(drop),
            "remove" => self.registry.remove(pid()),
            "sweep process" => self.registry.sweep_process(pid()).map(drop),
            "sweep" => return self.sweep().unwrap_or_else(|error| word(&error)),
            unknown => panic!("no verb {unknown}"),
        };
        result.map_or_else(|error| word(&error), |()| "done".to_owned())
    }

    /// What came of it, and whether it waited for somebody: who does not get a lock sleeps ten
    /// thousand times before it gives up.
    fn patiently(&mut self, verb: &str, argument: &Value) -> Value {
        let naps = || own_status("voluntary_ctxt_switches:");
        let before = naps();
        let word = self.once(verb, argument);
        json!([word, if naps() - before < 50 { "at once" } else { "waited" }])
    }

    /// What was removed, by name; `nothing` if that is nothing.
    fn sweep(&self) -> callboard::Result<String> {
        let plan = self.registry.plan_sweep()?;
        let report = self.registry.sweep(&plan)?;
        let problems = plan.problems.iter().chain(&report.problems);
        let done = report.done.iter().map(|item| item.path.file_name().unwrap().to_string_lossy());
        let words: Vec<String> =
            done.map(String::from).chain(problems.map(|p| kind_word(&p.kind))).collect();
        Ok(if words.is_empty() { "nothing".to_owned() } else { words.join(" ") })
    }
}

/// The alive ones by name, and the kinds of problems, each once.
pub(crate) fn seen(listed: &Snapshot) -> String {
    let mut words: Vec<String> = Vec::new();
    for session in &listed.sessions {
        let name = session.record.name().map_or("nameless".to_owned(), String::from);
        let word = match session.verdict() {
            Verdict::Alive => name,
            verdict => format!("{name}({})", verdict.as_str()),
        };
        words.push(word);
    }
    words.sort();
    let mut kinds: Vec<String> = listed.problems.iter().map(|p| kind_word(&p.kind)).collect();
    kinds.sort();
    kinds.dedup();
    words.extend(kinds);
    if words.is_empty() { "nobody".to_owned() } else { words.join(" ") }
}

fn kind_word(kind: &ProblemKind) -> String {
    first_word(&format!("{kind:?}"))
}

fn word(error: &Error) -> String {
    let word = first_word(&format!("{error:?}"));
    match error {
        Error::Io { source, .. } => format!("{word}:{}", source.kind()),
        _ => word,
    }
}

fn first_word(text: &str) -> String {
    text.split([' ', '(']).next().unwrap_or_default().to_owned()
}

/// What came of something, how long it took, and by how much the memory of this process grew at
/// the most meanwhile.
fn measured(act: impl FnOnce() -> String) -> Value {
    // 5 makes the peak what it is now (proc_pid_clear_refs(5)).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = own_status("VmRSS:");
    let started = std::time::Instant::now();
    let word = act();
    let took = started.elapsed();
    let grown = own_status("VmHWM:").saturating_sub(before);
    json!({ "word": word, "KiB": grown, "ms": took.as_millis() as u64 })
}

/// A number of this thread (proc_pid_status(5)).
fn own_status(field: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Where `Registry::home` leads, and what comes of signing in there.
fn signed_in_by_environment() -> String {
    let registry = match Registry::home() {
        Ok(registry) => registry,
        Err(error) => return word(&error),
    };
    match registry.register(SignIn::new().name(MINE)) {
        Ok(_) => format!("signed in at {}", registry.dir().display()),
        Err(error) => word(&error),
    }
}
