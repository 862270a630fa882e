//! The best-effort face on every broken home: it does nothing, and says nothing to its caller.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

use callboard::{Patch, Quiet, Registry, SignIn, Status};
use serde_json::{Value, json};
use testkit::{Home, Stage};

use crate::actor::Actor;

fn use_all_of_it(quiet: &Quiet) {
    quiet.set_status(Status::Waiting, Some("you"));
    quiet.set_session_id("another");
    quiet.rename("name");
    quiet.set_bridge(Some("b"));
    quiet.set_bridge(None);
    quiet.patch(&Patch::new().extra("theirs", Some(&json!([1]))));
}

#[test]
fn nothing_fails_where_nobody_can_sign_in() {
    let broken: [fn(&Home); 5] = [
        |home| fs::write(home.sessions(), "a file").unwrap(),
        |home| symlink("sessions", home.sessions()).unwrap(),
        |home| rustix::fs::mkfifoat(rustix::fs::CWD, home.sessions(), 0o600.into()).unwrap(),
        |home| {
            fs::create_dir(home.sessions()).unwrap();
            chown(home.sessions(), Some(65534), None).unwrap();
        },
        |home| symlink("/dev/full", home.sessions()).unwrap(),
    ];
    for broken in broken {
        let home = Home::new();
        broken(&home);
        let registry = Registry::at(home.sessions());
        let quiet = Quiet::sign_in(&registry, SignIn::new());
        assert!(quiet.registration().is_none());
        use_all_of_it(&quiet);
        assert_eq!(Quiet::count(&registry), 0);
    }
    let foreign = Quiet::sign_in(&Registry::foreign("/tmp"), SignIn::new());
    assert!(foreign.registration().is_none());
}

#[test]
fn nothing_fails_where_it_goes_wrong_after_signing_in() {
    let breaking: [fn(&Home); 5] = [
        |home| fs::remove_dir_all(home.sessions()).unwrap(),
        |home| {
            fs::remove_dir_all(home.sessions()).unwrap();
            fs::write(home.sessions(), "a file").unwrap();
        },
        |home| {
            for name in home.names() {
                fs::remove_file(home.entry(&name)).unwrap();
                fs::create_dir(home.entry(&name)).unwrap();
            }
        },
        |home| fs::set_permissions(home.sessions(), fs::Permissions::from_mode(0o000)).unwrap(),
        |home| {
            for name in home.names() {
                fs::remove_file(home.entry(&name)).unwrap();
                symlink("/dev/zero", home.entry(&name)).unwrap();
            }
        },
    ];
    for (index, breaking) in breaking.iter().enumerate() {
        let home = Home::new();
        let registry = Registry::at(home.sessions());
        let quiet = Quiet::sign_in(&registry, SignIn::new());
        assert!(quiet.registration().is_some(), "{index}");
        breaking(&home);
        use_all_of_it(&quiet);
        assert!(Quiet::count(&registry) <= 1, "{index}");
        drop(quiet);
    }
}

#[test]
fn a_full_or_read_only_disk_is_nothing_to_the_program() {
    let full = r#"mount -t tmpfs -o size=16k,mode=700 small "$1" && ! cat /dev/zero > "$1/filler" 2> /dev/null"#;
    let read_only = r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1""#;
    for script in [full, read_only] {
        let home = Home::with_sessions();
        let mut actor = Actor::start_on(&Stage::with_mounts(script, &home.sessions()), &home);
        assert_eq!(actor.ask("quiet", Value::Null), json!({ "signed_in": false, "count": 0 }));
        assert!(actor.end_by("return").success());
    }
    // And where there is nothing wrong, it signs in and counts.
    let home = Home::new();
    let mut actor = Actor::start(&home);
    assert_eq!(actor.ask("quiet", Value::Null), json!({ "signed_in": true, "count": 1 }));
    assert_eq!(home.names(), [""; 0]);
}

#[test]
fn a_sub_agent_does_not_sign_in() {
    let home = Home::new();
    let registry = Registry::at(home.sessions());
    let quiet = Quiet::sign_in(&registry, SignIn::new().sub_agent_of("main"));
    assert!(quiet.registration().is_none());
    let skipped = registry.register(SignIn::new().sub_agent_of("main")).unwrap();
    assert!(
        matches!(skipped, callboard::SignedIn::Skipped { sub_agent_of } if sub_agent_of == "main")
    );
    assert!(!home.sessions().exists());
}
