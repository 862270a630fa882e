//! What the model has found, each as small as it can be.

use std::fs;

use callboard::{Registry, SignIn, Verdict};
use testkit::Home;

/// The plain name of its record is another's, so its record has a suffix; a hook that signs the
/// process in once more has to find it there, or the session is counted twice.
#[test]
fn a_process_is_on_record_once_whatever_has_its_plain_name() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new().session_id("one")).unwrap();
    let guard = guard.registration().unwrap();
    fs::write(guard.path(), "garbage").unwrap();
    guard.reassert().unwrap();
    let path = guard.path();
    assert_eq!(registry.count().alive, 1);

    let hook = registry.register_process(std::process::id(), SignIn::new()).unwrap();
    assert_eq!(hook.session_id().as_deref(), Some("one"));
    let seen = registry.list().sessions;
    let alive = seen.iter().filter(|s| s.verdict() == Verdict::Alive).count();
    assert_eq!(alive, 1, "{:?}", home.names());

    // And so has the process itself, when it signs in anew.
    let again = registry.register(SignIn::new().session_id("two")).unwrap();
    let again = again.registration().unwrap();
    assert_eq!(again.path(), path);
    assert_eq!(registry.count().alive, 1, "{:?}", home.names());
}

/// The same when whoever had the plain name is gone, so that it is free for the taking.
#[test]
fn a_process_is_on_record_once_when_its_plain_name_is_free_again() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let guard = registry.register(SignIn::new().session_id("one")).unwrap();
    let guard = guard.registration().unwrap();
    let plain = guard.path();
    fs::write(&plain, "garbage").unwrap();
    guard.reassert().unwrap();
    fs::remove_file(&plain).unwrap();
    let path = guard.path();

    let hook = registry.register_process(std::process::id(), SignIn::new()).unwrap();
    assert_eq!(hook.session_id().as_deref(), Some("one"));
    assert_eq!(registry.count().alive, 1, "{:?}", home.names());
    let again = registry.register(SignIn::new().session_id("two")).unwrap();
    let again = again.registration().unwrap();
    assert_eq!(again.path(), path);
    assert_eq!(registry.count().alive, 1, "{:?}", home.names());
}
