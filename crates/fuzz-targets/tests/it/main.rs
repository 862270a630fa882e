//! The short pass over the fuzz targets: everything in their corpora, and a fixed series of
//! mutations of it. The same inputs in every run, so that a change that fails is to blame for it.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod dictionary;
mod mutation;

use std::path::{Path, PathBuf};

use fuzz_targets::{TARGETS, Target};
use mutation::Mutations;

/// `fuzz/` beside `crates/`.
fn fuzz_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn target(name: &str) -> Target {
    *TARGETS.iter().find(|target| target.name == name).unwrap()
}

/// In the order of their names, which are digests: the same everywhere.
fn corpus(target: Target) -> Vec<Vec<u8>> {
    let dir = fuzz_dir().join("corpus").join(target.name);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}

/// Says which input it was, should the target panic.
struct Running<'a>(Target, &'a [u8]);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{} fails with b\"{}\"", self.0.name, self.1.escape_ascii());
        }
    }
}

fn run(target: Target, input: &[u8]) {
    let running = Running(target, input);
    (target.check)(running.1);
}

/// The corpus, and so many mutations of it: about a second in a build that is not optimised.
fn short_pass(name: &str, mutations: usize) {
    let target = target(name);
    let corpus = corpus(target);
    assert!(!corpus.is_empty(), "there is nothing to begin with");
    for input in &corpus {
        run(target, input);
    }
    let words = dictionary::read(&fuzz_dir().join(format!("dictionaries/{name}.dict")));
    let mut series = Mutations::of(&corpus, &words);
    for _ in 0..mutations {
        run(target, &series.next());
    }
}

#[test]
fn the_short_pass_over_records() {
    short_pass("record", 5_000);
}

#[test]
fn the_short_pass_over_names() {
    short_pass("name", 100_000);
}

#[test]
fn the_short_pass_over_patches() {
    short_pass("patch", 2_000);
}

#[test]
fn the_short_pass_over_the_terminal() {
    short_pass("terminal", 5_000);
}

#[test]
fn every_key_is_in_the_dictionaries_of_records_and_patches() {
    for name in ["record", "patch"] {
        let words = dictionary::read(&fuzz_dir().join(format!("dictionaries/{name}.dict")));
        for field in callboard::record::FIELDS {
            let word = format!("\"{}\"", field.name).into_bytes();
            assert!(words.contains(&word), "{} is not in {name}.dict", field.name);
        }
    }
}

/// Cargo wants a program for each target written down, and forgetting one is silent.
#[test]
fn every_target_has_a_program_and_every_program_a_target() {
    let mut programs: Vec<String> = std::fs::read_dir(fuzz_dir().join("fuzz_targets"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    programs.sort();
    let mut targets: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    targets.sort_unstable();
    assert_eq!(programs, targets);
    let manifest = std::fs::read_to_string(fuzz_dir().join("Cargo.toml")).unwrap();
    for target in targets {
        assert!(manifest.contains(&format!("name = \"{target}\"")), "{target} is not built");
        let source = fuzz_dir().join(format!("fuzz_targets/{target}.rs"));
        let source = std::fs::read_to_string(source).unwrap();
        assert!(source.contains(&format!("fuzz_targets::{target}(data)")), "{target}");
    }
}
