//! Something of the victim's that no attack may reach through the library: a directory beside the
//! registry, with bait in it for everything that the library does. It must stay as it is, and
//! nobody may even open it.

use std::fs::{self, File};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

pub(crate) struct Canary {
    directory: PathBuf,
    events: OwnedFd,
    before: Vec<State>,
}

/// All of a file that can be changed.
#[derive(Debug, PartialEq)]
struct State {
    path: PathBuf,
    ino: u64,
    owner: (u32, u32),
    mode: u32,
    changed: (i64, i64),
    content: Option<Vec<u8>>,
}

impl Canary {
    /// In a directory that is looser than a registry may be, for who would tighten it.
    pub(crate) fn in_directory(directory: PathBuf, uid: u32) -> Self {
        let record = |pid: u32| {
            format!(
                r#"{{"pid":{pid},"name":"bait","bootId":"00000000-1111-4222-8333-444444444444"}}"#
            )
        };
        fs::create_dir_all(&directory).unwrap();
        fs::set_permissions(&directory, PermissionsExt::from_mode(0o755)).unwrap();
        let pids = [1_999_999_997, 1_999_999_996];
        let bait = [
            // For who reads records; who removes what was never one; litter; an orphaned lock.
            (format!("{}.json", pids[0]), record(pids[0])),
            (format!("{}.json", pids[1]), String::new()),
            (".1999999996.0123456789abcdef.tmp".to_owned(), "half".to_owned()),
            (".1999999995.lock".to_owned(), String::new()),
            (".1999999994.0123456789abcdef.swept".to_owned(), record(1_999_999_994)),
            ("notes.txt".to_owned(), "what nobody else may see".to_owned()),
        ];
        for (name, content) in bait {
            let path = directory.join(name);
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
            chown(&path, Some(uid), Some(uid)).unwrap();
            let file = File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(30 * 24 * 3600)).unwrap();
        }
        chown(&directory, Some(uid), Some(uid)).unwrap();
        Self::watch(directory)
    }

    /// Something that is there already, of which only the small files are read.
    pub(crate) fn watch(directory: PathBuf) -> Self {
        let before = state_of_all(&directory);
        let events =
            inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&events, &directory, inotify::WatchFlags::ALL_EVENTS).unwrap();
        Self { directory, events, before }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.directory.join("1999999997.json")
    }

    /// Nobody has opened, changed, added or removed anything; and who does is seen.
    pub(crate) fn assert_untouched(&self, story: &str) {
        assert_eq!(self.events_so_far(), [""; 0], "{story}");
        let after = state_of_all(&self.directory);
        assert_eq!(after, self.before, "{story}");
        assert!(!self.events_so_far().is_empty(), "the watch over it works");
    }

    fn events_so_far(&self) -> Vec<String> {
        let mut seen = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        while poll(&mut [PollFd::new(&self.events, PollFlags::IN)], Some(&now)).unwrap() == 1 {
            let mut events = inotify::Reader::new(&self.events, &mut buffer);
            while let Ok(event) = events.next() {
                let event_seen = format!("{:?} {:?}", event.events(), event.file_name());
                // What was open before the watch: another test that forked at that moment has a
                // copy, and closes it when it starts its program.
                let closing = inotify::ReadFlags::CLOSE_NOWRITE | inotify::ReadFlags::CLOSE_WRITE;
                let closes = event.events().intersects(closing);
                if !closes || seen.iter().any(|event: &String| event.contains("OPEN")) {
                    seen.push(event_seen);
                }
                if events.is_buffer_empty() {
                    break;
                }
            }
        }
        seen
    }
}

fn state_of_all(directory: &Path) -> Vec<State> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.push(directory.to_owned());
    paths.sort();
    paths.into_iter().map(state_of).collect()
}

fn state_of(path: PathBuf) -> State {
    let found = fs::symlink_metadata(&path).unwrap();
    let is_small = found.is_file() && found.len() < 1 << 20;
    let content = is_small.then(|| fs::read(&path).unwrap());
    State {
        ino: found.ino(),
        owner: (found.uid(), found.gid()),
        mode: found.mode(),
        changed: (found.ctime(), found.ctime_nsec()),
        content,
        path,
    }
}
