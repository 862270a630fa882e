//! Who is on the board while calls fail, and what has to be true of it whatever failed.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

use callboard::{
    Patch, ProblemKind, Registration, Registry, SessionRecord, SignIn, Status, Verdict,
};
use rustix::io::Errno;
use serde_json::{Value, json};
use testkit::{Home, Process, Struck};

/// The processes that the records of a scene are about; one cast for each test.
pub(super) struct Cast {
    pub(super) live: Process,
    pub(super) zombie: Process,
    /// The record of each, as a hook wrote it.
    pub(super) live_text: String,
    pub(super) zombie_text: String,
    pub(super) gone_text: String,
    pub(super) gone: u32,
}

impl Cast {
    pub(super) fn new() -> Self {
        let home = Home::new();
        let registry = Registry::at(home.sessions());
        let start = |name: &str| {
            let process = Process::start(&mut Command::new("cat"));
            let record = registry
                .register_process(
                    process.id(),
                    SignIn::new().name(name).extra("theirs", &json!([1, 2])),
                )
                .unwrap();
            (process, record.as_json().to_owned())
        };
        let (live, live_text) = start("live");
        let (mut zombie, zombie_text) = start("zombie");
        zombie.kill();
        zombie.wait_without_collecting();
        let (mut ended, gone_text) = start("gone");
        ended.kill();
        ended.wait();
        Self { gone: ended.id(), live, zombie, live_text, zombie_text, gone_text }
    }
}

/// A fresh home with a session of this process and what belongs to nobody here.
pub(super) struct Scene<'c> {
    pub(super) cast: &'c Cast,
    pub(super) home: Home,
    pub(super) registry: Registry,
    pub(super) steady: Registration,
    pub(super) strangers: Vec<(String, u64, Vec<u8>)>,
    /// What the stage left there for a sweep.
    pub(super) planted: RefCell<Vec<String>>,
    /// Locks that sessions of other namespaces hold.
    pub(super) held: RefCell<Vec<fs::File>>,
}

pub(super) const STRANGERS: [(&str, &str); 2] = [
    ("notes.txt", "do not touch"),
    ("4000009.json", r#"{"pid":4000009,"pidDomain":"darwin","x":[1, 2]}"#),
];

impl<'c> Scene<'c> {
    pub(super) fn new(cast: &'c Cast) -> Self {
        let home = Home::in_memory();
        let registry = Registry::at(home.sessions());
        let steady = registry.register(SignIn::new().name("steady")).unwrap();
        let steady = steady.registration().unwrap();
        for (name, text) in STRANGERS {
            home.put(name, text);
        }
        let mut scene = Self {
            cast,
            home,
            registry,
            steady,
            strangers: Vec::new(),
            planted: RefCell::default(),
            held: RefCell::default(),
        };
        scene.strangers = scene.find_strangers();
        scene
    }

    pub(super) fn find_strangers(&self) -> Vec<(String, u64, Vec<u8>)> {
        let mut found = self.home.fingerprint();
        found.retain(|(name, ..)| STRANGERS.iter().any(|(stranger, _)| name == stranger));
        found
    }

    pub(super) fn put_live(&self) {
        self.home.put(&format!("{}.json", self.live()), &self.cast.live_text);
    }

    pub(super) fn live(&self) -> u32 {
        self.cast.live.id()
    }

    /// What a record says now, by its pid.
    pub(super) fn reads(&self, pid: u32) -> Option<SessionRecord> {
        let text = fs::read(self.home.entry(&format!("{pid}.json"))).ok()?;
        Some(SessionRecord::parse(&text).unwrap())
    }

    /// What anybody sees while the child stands at the end of the operation.
    pub(super) fn look_around(&self, child: u32, struck: Option<(&Struck, Errno)>) {
        let seen = self.registry.list();
        for problem in &seen.problems {
            let planted = |name: &String| problem.path.ends_with(name);
            let is_known = matches!(problem.kind, ProblemKind::StrayName)
                || self.planted.borrow().iter().any(planted);
            assert!(is_known, "{problem}");
        }
        let me = std::process::id();
        let mut living = BTreeSet::new();
        for session in &seen.sessions {
            let pid = session.record.pid();
            // Under the number of the child may still be a record of somebody who is gone.
            let is_stale = session.record.name().as_deref() == Some("gone");
            if !is_stale && (pid == me || pid == child || pid == self.live()) {
                let evidence = session.evidence();
                assert_eq!(session.verdict(), Verdict::Alive, "{pid} is {evidence}");
                living.insert(pid);
            }
        }
        assert!(seen.sessions.iter().any(|s| s.record.pid() == me), "steady is gone");
        // Nobody's lock is in the way: whoever is on the board can be updated at once.
        let patch = Patch::new().extra("seen", Some(&json!(true)));
        for pid in living {
            if let Err(error) = self.registry.update(pid, &patch) {
                panic!("{pid} cannot be updated: {error}");
            }
        }
        assert_eq!(self.find_strangers(), self.strangers);
        for name in self.home.names() {
            assert!(self.may_be_left(&name, struck), "{name} is left");
        }
    }

    /// The rule of the table above.
    pub(super) fn may_be_left(&self, name: &str, struck: Option<(&Struck, Errno)>) -> bool {
        let failed = |call: &str, about: &str| {
            struck.is_some_and(|(struck, errno)| {
                errno != Errno::INTR && struck.name == call && struck.subject.ends_with(about)
            })
        };
        if self.planted.borrow().iter().any(|planted| planted == name) {
            return true;
        }
        if name.ends_with(".tmp") || name.ends_with(".swept") {
            return failed("unlinkat", name);
        }
        let Some(stem) = name.strip_prefix('.').and_then(|n| n.strip_suffix(".lock")) else {
            return true;
        };
        if self.home.entry(&format!("{stem}.json")).exists() {
            return true;
        }
        // A session whose record was removed holds on to it.
        let lock = fs::File::open(self.home.entry(name)).unwrap();
        if lock.try_lock_shared().is_err() {
            return true;
        }
        let interrupted = struck.is_some_and(|(_, errno)| errno == Errno::INTR);
        let on_it = struck.is_some_and(|(struck, _)| struck.subject.ends_with(name));
        let aside = struck.is_some_and(|(struck, _)| struck.subject.ends_with(".swept"));
        !interrupted && (on_it || (aside && failed("unlinkat", ".swept")))
    }

    /// After the child's end: everything goes with two sweeps, and nothing else does.
    pub(super) fn sweep_all(&self) {
        for name in self.home.names() {
            self.home.age(&name, Duration::from_secs(30 * 3600));
        }
        for _ in 0..2 {
            let report = self.registry.sweep(&self.registry.plan_sweep().unwrap()).unwrap();
            assert!(report.problems.is_empty(), "{report:?}");
        }
        let (me, live) = (std::process::id(), self.live());
        let stays = |name: &String| {
            if name.ends_with(".tmp") || name.ends_with(".swept") {
                return false;
            }
            let stem = name.trim_start_matches('.').split(['.', '-']).next();
            let pid = stem.and_then(|stem| stem.parse::<u32>().ok());
            pid.is_some_and(|pid| pid == me || pid == live || CONTAINERS.contains(&pid))
                || STRANGERS.iter().any(|(stranger, _)| name == stranger)
        };
        let left: Vec<String> = self.home.names().into_iter().filter(|name| !stays(name)).collect();
        assert!(left.is_empty(), "a sweep leaves {left:?}");
        assert_eq!(self.find_strangers(), self.strangers, "after the sweep");
        self.steady.set_status(Status::Idle, None).unwrap();
    }
}

/// Sessions in other PID namespaces, above any pid of this one: see [`put_containers`].
pub(super) const CONTAINERS: [u32; 3] = [4_000_001, 4_000_002, 4_000_003];

impl Scene<'_> {
    /// Sessions in PID namespaces that can be seen from here. What runs there is the live one of
    /// the cast; the first holds its lock, the second never had one (a hook signed it in), the
    /// third has dropped it by replacing its program.
    pub(super) fn put_containers(&self) {
        for (pid, lock) in CONTAINERS.into_iter().zip([Some(true), None, Some(false)]) {
            let mut record: Value = serde_json::from_str(&self.cast.live_text).unwrap();
            let domain = record["pidDomain"].as_str().unwrap();
            let (machine, _) = domain.split_once("pid:[").unwrap();
            record["pidDomain"] = json!(format!("{machine}pid:[4026539999]"));
            record["pid"] = json!(pid);
            if let Some(is_held) = lock {
                let file = fs::File::open(self.home.put(&format!(".{pid}.lock"), "")).unwrap();
                record["lockIno"] = json!(file.metadata().unwrap().ino());
                if is_held {
                    file.lock().unwrap();
                    self.held.borrow_mut().push(file);
                }
            }
            self.home.put(&format!("{pid}.json"), record.to_string());
        }
    }

    pub(super) fn put_ended(&self) {
        let (gone, zombie) = (self.cast.gone, self.cast.zombie.id());
        self.plant(&format!("{gone}.json"), &self.cast.gone_text, 0);
        self.plant(&format!(".{gone}.lock"), "", 0);
        self.plant(&format!("{zombie}.json"), &self.cast.zombie_text, 0);
    }

    pub(super) fn plant(&self, name: &str, text: &str, hours: u64) {
        self.home.put(name, text);
        self.home.age(name, Duration::from_secs(hours * 3600));
        self.planted.borrow_mut().push(name.to_owned());
    }

    /// Asserts that everybody who runs is alive for this registry, and nobody else is.
    pub(super) fn assert_all_seen(&self, registry: &Registry) {
        let seen = registry.list();
        let verdict = |pid: u32| {
            let session = seen.sessions.iter().find(|s| s.record.pid() == pid);
            session.map(|s| (s.verdict(), s.evidence()))
        };
        for session in &seen.sessions {
            let pid = session.record.pid();
            // By their names: the child that looks may have the number of the one that is gone.
            let right = match session.record.name().as_deref() {
                _ if pid == 4_000_009 => Verdict::Unknown,
                Some("gone" | "zombie") => Verdict::Dead,
                _ => Verdict::Alive,
            };
            let evidence = session.evidence();
            assert_eq!(session.verdict(), right, "the next listing: {pid} {evidence}");
        }
        let steady = self.steady.record().pid();
        assert!(verdict(steady).is_some(), "the next listing: steady is gone");
    }
}

pub(super) const TOKEN: &str = "0123456789abcdef";

impl Scene<'_> {
    /// What killed programs left, old enough to be swept.
    pub(super) fn put_litter(&self) {
        self.plant(&format!(".77.{TOKEN}.tmp"), "half a rec", 2);
        self.plant(".4000004.lock", "", 2);
        self.plant("4000005.json", "", 30);
        let gone =
            self.cast.gone_text.replace(&format!("\"pid\":{}", self.cast.gone), "\"pid\":4000006");
        self.plant(&format!(".4000006.{TOKEN}.swept"), &gone, 2);
        self.plant(&self.aside(), &self.cast.live_text, 2);
    }

    /// A live record that a sweep was killed over.
    pub(super) fn aside(&self) -> String {
        format!(".{}.{TOKEN}.swept", self.live())
    }
}
