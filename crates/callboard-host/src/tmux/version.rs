//! Which tmux is new enough.

/// The oldest that will do: client flags (a client that only looks) came with it.
const OLDEST: (u32, u32) = (3, 2);

/// What `tmux -V` said, without the name; an error says why it will not do.
pub(super) fn usable(said: &str) -> Result<String, String> {
    let version = said.trim().strip_prefix("tmux ").unwrap_or(said.trim());
    match numbers(version) {
        Some(found) if found < OLDEST => {
            let (major, minor) = OLDEST;
            Err(format!("tmux {version} is too old; {major}.{minor} or newer is needed"))
        }
        // `master` has no number, and is newer.
        _ if !version.is_empty() => Ok(version.to_owned()),
        _ => Err("`tmux -V` says nothing".to_owned()),
    }
}

/// `3.3a`, `next-3.5`, `openbsd-7.4`: the last is that of the system, which has it as of then.
fn numbers(version: &str) -> Option<(u32, u32)> {
    if version.starts_with("openbsd") {
        return None;
    }
    let (major, rest) = version.rsplit('-').next()?.split_once('.')?;
    let minor: String = rest.chars().take_while(char::is_ascii_digit).collect();
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_by_case() {
        for (said, version) in [
            ("tmux 3.3a\n", Some("3.3a")),
            ("tmux 3.2", Some("3.2")),
            ("tmux next-3.7", Some("next-3.7")),
            ("tmux master", Some("master")),
            ("tmux openbsd-7.4", Some("openbsd-7.4")),
            ("tmux 3.10", Some("3.10")),
            ("tmux 3.1c", None),
            ("tmux 2.9", None),
            ("tmux next-3.1", None),
            ("", None),
        ] {
            assert_eq!(usable(said).ok().as_deref(), version, "{said}");
        }
        assert!(usable("tmux 1.8").is_err_and(|why| why.contains("3.2 or newer")));
    }
}
