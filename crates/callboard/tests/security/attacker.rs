//! What the attacker does: small things with files, each answered with `done` or with what the
//! system said, and a few that go on until he is told to stop.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags, mkfifoat, renameat_with};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::{Value, json};
use testkit::Prompt;

/// Keeps what has to stay open.
#[derive(Default)]
pub(crate) struct Attacker {
    held: Vec<File>,
}

impl Attacker {
    /// `None` for a verb that is not his.
    pub(crate) fn act(
        &mut self,
        verb: &str,
        argument: &Value,
        prompt: &mut Prompt,
    ) -> Option<Value> {
        let text = |index: usize| argument[index].as_str().expect("a path or a text");
        let path = || Path::new(argument.as_str().expect("a path"));
        let done = match verb {
            "mkdir" => fs::create_dir(path()).and_then(|()| open_to_all(path())),
            "write" => fs::write(text(0), text(1)).and_then(|()| open_to_all(Path::new(text(0)))),
            "symlink" => symlink(text(0), text(1)),
            "hard link" => fs::hard_link(text(0), text(1)),
            "fifo" => mkfifoat(CWD, path(), 0o666.into()).map_err(Into::into),
            "rename" => fs::rename(text(0), text(1)),
            "unlink" => fs::remove_file(path()),
            "read" => fs::read(path()).map(drop),
            "read dir" => fs::read_dir(path()).map(drop),
            "enter" => std::env::set_current_dir(path()),
            "chmod" => fs::set_permissions(text(0), PermissionsExt::from_mode(number(argument))),
            "lock" => self.lock(path()),
            "exchange" => exchange(text(0), text(1)),
            "exchange until told" => return Some(exchange_until_told(argument, prompt)),
            "many" => many(argument),
            "use up inodes" => use_up_inodes(path()),
            "use up space" => use_up_space(path()),
            "stop yourself" => kill_process(getpid(), Signal::STOP).map_err(Into::into),
            _ => return None,
        };
        Some(done.map_or_else(|error| json!(error.kind().to_string()), |()| json!("done")))
    }

    /// Takes the lock of a file, and never gives it back.
    fn lock(&mut self, path: &Path) -> std::io::Result<()> {
        let file = File::open(path)?;
        file.try_lock().map_err(|error| match error {
            fs::TryLockError::Error(error) => error,
            fs::TryLockError::WouldBlock => std::io::ErrorKind::WouldBlock.into(),
        })?;
        self.held.push(file);
        Ok(())
    }
}

/// Whatever the mask: who is to fall into it must be able to.
fn open_to_all(path: &Path) -> std::io::Result<()> {
    fs::set_permissions(path, PermissionsExt::from_mode(0o777))
}

fn number(argument: &Value) -> u32 {
    u32::try_from(argument[1].as_u64().expect("a number")).expect("a mode")
}

fn exchange(a: &str, b: &str) -> std::io::Result<()> {
    renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE).map_err(Into::into)
}

/// Lets two names change places until the next line comes; each of them `[a, b]`, one pair after
/// the other. Says how often it worked.
fn exchange_until_told(pairs: &Value, prompt: &mut Prompt) -> Value {
    prompt.say("\"at it\"");
    let stop = AtomicBool::new(false);
    let text = |value: &Value| value.as_str().expect("a path").to_owned();
    let pairs: Vec<_> = pairs.as_array().expect("pairs").iter().collect();
    let pairs: Vec<_> = pairs.iter().map(|pair| (text(&pair[0]), text(&pair[1]))).collect();
    std::thread::scope(|scope| {
        let at_it = scope.spawn(|| {
            let mut worked = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                for (a, b) in &pairs {
                    worked += u64::from(exchange(a, b).is_ok());
                }
            }
            worked
        });
        assert!(prompt.hear().is_some(), "told to stop");
        stop.store(true, Ordering::Relaxed);
        json!(at_it.join().expect("no panic"))
    })
}

/// `[directory, how many, pid]`: entries of every kind that may stand in a registry.
fn many(argument: &Value) -> std::io::Result<()> {
    let directory = Path::new(argument[0].as_str().expect("a path"));
    let pid = argument[2].as_u64().expect("a pid");
    std::env::set_current_dir(directory)?;
    let mut model = String::new();
    for n in 0..argument[1].as_u64().expect("a number") {
        // A file system may allow a file some 65,000 names.
        if n % 30_000 == 0 {
            model = format!("model-{n}");
            fs::write(&model, r#"{"pid":4}"#)?;
        }
        match n % 8 {
            0 | 1 => fs::hard_link(&model, format!("{}.json", 1_000_000_000 + n))?,
            2 => fs::hard_link(&model, format!("{pid}-{n:08x}.json"))?,
            3 => fs::hard_link(&model, format!(".{n}.{n:016x}.tmp"))?,
            4 => fs::hard_link(&model, format!(".{n}.{n:016x}.swept"))?,
            5 => fs::hard_link(&model, format!(".{}.lock", 1_000_000_000 + n))?,
            6 => symlink("/dev/zero", format!("{}.json", 1_000_000_000 + n))?,
            _ => fs::hard_link(&model, format!("stray {n} $(reboot)\u{1b}[2J\n"))?,
        }
    }
    Ok(())
}

/// Makes empty files until there are no more to be had.
fn use_up_inodes(directory: &Path) -> std::io::Result<()> {
    for n in 0.. {
        match File::create(directory.join(format!("full-{n}"))) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
            made => drop(made?),
        }
    }
    Ok(())
}

/// Writes a file until there is no more room.
fn use_up_space(path: &Path) -> std::io::Result<()> {
    use std::io::Write;
    let mut file = File::create(path)?;
    loop {
        match file.write_all(&[b'x'; 512]) {
            Err(error) if error.kind() == std::io::ErrorKind::StorageFull => return Ok(()),
            written => written?,
        }
    }
}
