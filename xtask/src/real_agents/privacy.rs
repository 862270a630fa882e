//! Whether anything that is nobody's business got into what Callboard printed or wrote.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::place::Secrets;

/// What was found, as `a prompt in <file>`; empty if nothing was. Files that may have secrets are
/// not read.
pub(super) fn search(
    places: &[PathBuf],
    may_have: &dyn Fn(&Path) -> bool,
    secrets: &Secrets,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for place in places {
        visit(place, &mut |path, bytes| {
            if may_have(path) {
                return;
            }
            for (what, secret) in secrets.all() {
                if contains(bytes, secret.as_bytes()) {
                    found.insert(format!("{what} in {}", path.display()));
                }
            }
        });
    }
    found
}

fn visit(path: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    if path.is_dir() && !path.is_symlink() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            // A name can give something away, too.
            look(path, entry.file_name().as_encoded_bytes());
            visit(&entry.path(), look);
        }
    } else if path.is_file() {
        look(path, &fs::read(path).unwrap_or_default());
    }
}

fn contains(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_a_file_and_in_a_name_and_only_there() {
        let place = tempfile::tempdir().unwrap();
        let secrets = Secrets::new();
        let look = || {
            let places = [place.path().to_owned(), place.path().join("nothing")];
            search(&places, &|path| path.ends_with("deep/log"), &secrets)
        };
        fs::create_dir(place.path().join("deep")).unwrap();
        fs::write(place.path().join("deep/plain"), "a prompt, an answer and a key").unwrap();
        fs::write(place.path().join("deep/log"), &secrets.answer).unwrap();
        assert!(look().is_empty());
        fs::write(place.path().join("deep/a"), [b"\xff", secrets.prompt.as_bytes()].concat())
            .unwrap();
        fs::write(place.path().join(&secrets.key), "").unwrap();
        let found = look();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|one| one.starts_with("a prompt in ")), "{found:?}");
        assert!(found.iter().any(|one| one.starts_with("a key in ")), "{found:?}");
    }
}
