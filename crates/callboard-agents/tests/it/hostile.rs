//! Whatever lies in an agent's directory: the sessions beside it are listed, and nothing in it is
//! touched.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use rustix::fs::inotify;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::world::{Process, World, listed, problems, record};

#[test]
fn one_bad_entry_of_each_kind_hides_nobody() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session(&process, "");
    let dir = world.sessions(".claude");
    let mut put = Names::default();
    let whole = record(&process, "");

    fs::write(put.next(&dir, "not a record"), "").unwrap();
    fs::write(put.next(&dir, "not a record"), [0; 300]).unwrap();
    fs::write(put.next(&dir, "not a record"), &whole[..40]).unwrap();
    fs::write(put.next(&dir, "not a record"), b"{\"pid\":1,\"name\":\"\xff\"}").unwrap();
    fs::write(put.next(&dir, "not a record"), "[".repeat(60_000)).unwrap();
    fs::write(put.next(&dir, "not a record"), "{\"a\":".repeat(10_000)).unwrap();
    // A name and another pid inside: 2.1.329 does not believe it either; abtop does.
    fs::write(put.next(&dir, &format!("is about pid {}", process.pid())), &whole).unwrap();
    fs::write(put.next(&dir, "too long for a record"), vec![b' '; 8 << 20]).unwrap();
    let sparse = fs::File::create(put.next(&dir, "too long for a record")).unwrap();
    sparse.set_len(8 << 30).unwrap();
    // abtop and claudectl hang on this one.
    mknodat(CWD, put.next(&dir, "FIFO"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = UnixListener::bind(put.next(&dir, "socket")).unwrap();
    fs::create_dir(put.next(&dir, "directory")).unwrap();
    symlink(dir.join(format!("{}.json", process.pid())), put.next(&dir, "symlink")).unwrap();
    symlink("/dev/zero", put.next(&dir, "symlink")).unwrap();
    let itself = put.next(&dir, "symlink");
    symlink(&itself, &itself).unwrap();

    let before = contents(&dir);
    let board = world.board();
    assert_eq!(listed(&board), [process.pid()]);
    let told = problems(&board);
    assert_eq!(told.len(), put.0.len(), "{told:#?}");
    for (name, what) in &put.0 {
        let line = told.iter().find(|line| line.starts_with(&format!("{name}: ")));
        let line = line.unwrap_or_else(|| panic!("nothing told of {name} ({what}): {told:#?}"));
        assert!(line.to_lowercase().contains(&what.to_lowercase()), "{line}, expected {what}");
    }
    assert_eq!(contents(&dir), before);
}

/// Names of records that no process of this test has.
#[derive(Default)]
struct Names(Vec<(String, String)>);

impl Names {
    fn next(&mut self, dir: &Path, what: &str) -> std::path::PathBuf {
        let name = format!("{}.json", 2_000_000_000 + self.0.len());
        self.0.push((name.clone(), what.to_owned()));
        dir.join(name)
    }
}

/// What claudectl #195 and claude-code #34210 did to others' files cannot happen: a listing leaves
/// every name, inode, time and byte as it was.
#[test]
fn claudectl_195_a_listing_changes_nothing_in_the_directory() {
    let (world, process, dead) = (World::new(), Process::start(), Process::start());
    world.claude_session(&process, r#""status":"busy""#);
    world.claude_session(&dead, "");
    dead.end();
    world.claude("2026-03-14_notes.md", "mine");
    world.claude(&format!("0{}.json", process.pid()), "{}");
    world.claude(&format!("pid-{}.json", process.pid()), "{}");
    world.claude("1.json", "torn{");
    fs::write(world.sessions(".qwen").join("5.json.0af3.tmp"), "{").unwrap();
    let all = || [contents(&world.sessions(".claude")), contents(&world.sessions(".qwen"))];
    let before = all();
    for _ in 0..3 {
        assert_eq!(listed(&world.board()), [process.pid()]);
    }
    assert_eq!(all(), before);
    assert!(!world.home().join("callboard").exists(), "nor is a registry made by looking for one");
}

/// Keys are credentials. They, and whatever else is no record, are not even opened.
#[test]
fn what_is_no_record_is_never_opened() {
    let (world, process) = (World::new(), Process::start());
    world.claude_session(&process, "");
    let dir = world.sessions(".claude");
    let names = [
        format!("{}.{}.key", process.pid(), "ab".repeat(32)),
        format!("pid-{}.json", process.pid()),
        format!("0{}.json", process.pid()),
        "2026-03-14_notes.md".to_owned(),
    ];
    let watch =
        inotify::init(inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC).unwrap();
    for name in &names {
        world.claude(name, "secret");
        let any = inotify::WatchFlags::OPEN | inotify::WatchFlags::ACCESS;
        inotify::add_watch(&watch, dir.join(name), any).unwrap();
    }
    let mut sources = vec![world.sources()];
    sources.extend([world.only_claude(), world.only_qwen()]);
    for sources in &sources {
        _ = callboard_agents::Board::read(sources);
    }
    assert!(!was_opened(&watch), "a file that is no record was opened");
    fs::read(dir.join(&names[0])).unwrap();
    assert!(was_opened(&watch), "the watch would have seen it");
}

fn was_opened(watch: impl AsFd) -> bool {
    let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
    inotify::Reader::new(watch, &mut buffer).next().is_ok()
}

/// What escapes, overrides and newlines a session puts into its texts is for the printer; the board
/// keeps them, and keeps them apart.
#[test]
fn texts_come_through_as_they_are() {
    let (world, process) = (World::new(), Process::start());
    let keys = r#""name":"a\u001b[2J\nb\u202e\u0000","waitingFor":"x\ty","status":"waiting""#;
    world.claude_session(&process, keys);
    let row = world.only_row();
    assert_eq!(row.name.as_deref(), Some("a\u{1b}[2J\nb\u{202e}\0"));
    assert_eq!(row.waiting_for.as_deref(), Some("x\ty"));
}

/// Values of another shape than they should be: absent, told, and the session is listed.
#[test]
fn values_of_the_wrong_shape_do_not_unlist_a_session() {
    let (world, process) = (World::new(), Process::start());
    let keys = r#""name":7,"status":["busy"],"updatedAt":-1,"statusUpdatedAt":1e300,"spare":"true","jobId":{},"parkedJobId":9,"kind":null"#;
    world.claude_session(&process, keys);
    let board = world.board();
    assert_eq!(listed(&board), [process.pid()]);
    let row = &board.rows[0];
    assert_eq!((&row.name, &row.status, row.updated_at, &row.kind), (&None, &None, None, &None));
    assert_eq!(row.linked_job, None);
    assert_eq!(board.problems.len(), 4, "{:?}", problems(&board));
}

/// Everything in a directory that a reader could change: kind, inode, times, size and text.
type Contents = BTreeMap<String, (u64, i64, i64, i64, i64, u32, Vec<u8>)>;

fn contents(dir: &Path) -> Contents {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let metadata = entry.path().symlink_metadata().unwrap();
            let kind = metadata.file_type();
            let text = if kind.is_file() && metadata.len() < 1 << 20 {
                fs::read(entry.path()).unwrap()
            } else if kind.is_symlink() {
                fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes()
            } else {
                assert!(kind.is_dir() || kind.is_fifo() || kind.is_socket() || kind.is_file());
                Vec::new()
            };
            let name = entry.file_name().to_string_lossy().into_owned();
            let times =
                (metadata.mtime(), metadata.mtime_nsec(), metadata.ctime(), metadata.ctime_nsec());
            (name, (metadata.ino(), times.0, times.1, times.2, times.3, metadata.mode(), text))
        })
        .collect()
}
