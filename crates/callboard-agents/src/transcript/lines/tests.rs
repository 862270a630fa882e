use std::cell::Cell;
use std::fs;
use std::path::PathBuf;

use super::*;
use crate::activity::TailState;
use crate::transcript::moment::What;

/// Writes the file anew when it is given its first line, as an agent may that takes back a prompt.
struct Rewriting {
    path: PathBuf,
    with: Option<String>,
}

impl Format for Rewriting {
    fn take(&mut self, line: &Line<'_>, fold: &mut Fold) -> ControlFlow<()> {
        if line.text == b"new" {
            fold.take(&Moment::new(Some(1), [What::Prompt]));
        }
        if let Some(text) = self.with.take() {
            fs::write(&self.path, text).unwrap();
        }
        ControlFlow::Continue(())
    }
}

#[test]
fn a_file_that_is_rewritten_in_place_while_it_is_read_is_read_again_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.jsonl");
    let old = |lines| Some("old\n".repeat(lines));
    // (what is written during the first reading, and during the second; what is told)
    let cases = [
        (Some("new\n".to_owned()), None, Some(TailState::Busy)),
        (old(50_000), Some("new\n".to_owned()), None),
        (None, Some("new\n".to_owned()), None),
    ];
    for (first, second, told) in cases {
        fs::write(&path, "old\n".repeat(100_000)).unwrap();
        let written = Cell::new(vec![first, second].into_iter());
        let format = || {
            let mut left = written.take();
            let with = left.next().flatten();
            written.set(left);
            Rewriting { path: path.clone(), with }
        };
        let reading = read(&path, Depth::Status, Sparkline::new(0, 1), format).unwrap();
        assert_eq!(reading.tail.map(|tail| tail.state), told);
    }
}
