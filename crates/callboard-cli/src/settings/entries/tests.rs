//! What becomes of settings of every kind, there and back.

use serde_json::json;

use super::*;

fn wanted(program: &str) -> Vec<Wanted> {
    let hook = |event| Wanted {
        event,
        hook: vec![
            ("type", json!("command")),
            ("command", json!(program)),
            ("args", json!(["hook", "claude"])),
        ],
    };
    ["SessionStart", "Stop"].map(hook).into()
}

fn install_in(text: &str) -> Result<String, Unfit> {
    install(text, Form::Groups, "claude", &wanted("/bin/callboard"))
}

fn events(text: &str) -> Vec<(String, String)> {
    let found = found(text, Form::Groups, "claude").unwrap();
    found.into_iter().map(|f| (f.event, f.program.display().to_string())).collect()
}

fn both(program: &str) -> Vec<(String, String)> {
    ["SessionStart", "Stop"].map(|event| (event.into(), program.into())).into()
}

#[test]
fn a_new_file() {
    let text = install_in("").unwrap();
    insta::assert_snapshot!(text, @r#"
    {
      "hooks": {
        "SessionStart": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "/bin/callboard",
                "args": ["hook", "claude"]
              }
            ]
          }
        ],
        "Stop": [
          {
            "hooks": [
              {
                "type": "command",
                "command": "/bin/callboard",
                "args": ["hook", "claude"]
              }
            ]
          }
        ]
      }
    }
    "#);
    assert_eq!(uninstall(&text, Form::Groups, "claude").unwrap(), "{}\n");
}

/// Whatever is in a file: everything in it stays as it stands, the second time changes nothing,
/// and taking the hooks out again gives the file back. Only an object that stood on one line is
/// spread over several.
#[test]
fn everything_else_stays_as_it_is() {
    let others = [
        "{\n}\n",
        "{\n  // mine\n  \"a\": 1, /* and */ \"b\": [1,2,],\n}\n",
        "{\n  \"a\": 1 // last\n  // and more\n}\n",
        "{\r\n\t\"model\": \"opus\",\r\n\t\"env\": {\"K\": \"v\"}\r\n}\r\n",
        "\u{feff}{\n    \"a\": 1\n}\n\n\n",
        "{\n  \"hooks\": {\n    \"Stop\": [\n      { \"hooks\": [ { \"type\": \"command\", \"command\": \"say\" } ] }\n    ]\n  },\n  \"z\": null\n}\n",
        "{\n  \"a\": {\n    \"b\": \"\\u00e9 \\/ é\"\n  }\n}",
        "{}",
        "{\"a\":1}",
        "{\"hooks\":{\"PreToolUse\":[{\"matcher\":\"Bash\",\"hooks\":[{\"type\":\"command\",\"command\":\"x\"}]}]},\"z\":1.50}",
        "// before\n{ \"a\": 1 } // after\n",
    ];
    for before in others {
        let after = install_in(before).unwrap_or_else(|why| panic!("{before}: {why}"));
        assert_eq!(events(&after).len(), 2, "{before}: {after}");
        assert_eq!(install_in(&after).unwrap(), after, "{before}");
        let back = uninstall(&after, Form::Groups, "claude").unwrap();
        let is_spread = before.lines().filter(|line| !line.starts_with("//")).count() > 2;
        if is_spread {
            assert_eq!(back, before, "{after}");
        } else {
            let squeezed = |text: &str| text.split_whitespace().collect::<String>();
            assert_eq!(squeezed(&back), squeezed(before), "{after}");
        }
        // Nothing but white space was put anywhere else than among our own.
        let plain = |line: &str| line.trim().replace(',', "");
        let lines = |text: &str| text.lines().map(plain).collect::<Vec<_>>();
        let (old, new) = (lines(before), lines(&after));
        let kept = |line: &&String| new.contains(line);
        assert!(!is_spread || old.iter().all(|line| kept(&line)), "{before}: {after}");
    }
}

#[test]
fn what_others_have_for_the_same_event_stays_beside() {
    let before = r#"{
  "hooks": {
    "Stop": [
      {
        "matcher": "x",
        "hooks": [
          { "type": "command", "command": "say done" } // loudly
        ]
      }
    ]
  }
}
"#;
    let after = install_in(before).unwrap();
    assert!(after.contains(r#"{ "type": "command", "command": "say done" } // loudly"#), "{after}");
    assert_eq!(uninstall(&after, Form::Groups, "claude").unwrap(), before);
}

#[test]
fn another_version_is_brought_up_to_date_in_its_place() {
    let old = install("", Form::Groups, "claude", &wanted("/old/callboard")).unwrap();
    // An earlier version installed more, and a shell ran it.
    let with_more = old.replacen("\"Stop\"", "\"Notification\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"'/o p/callboard' hook claude\"}]}],\n    \"Stop\"", 1);
    let expected = [("SessionStart", "/old"), ("Notification", "/o p"), ("Stop", "/old")]
        .map(|(event, dir)| (event.to_owned(), format!("{dir}/callboard")));
    assert_eq!(events(&with_more), expected);
    let new = install_in(&with_more).unwrap();
    assert_eq!(events(&new), both("/bin/callboard"));
    assert_eq!(new, install_in("").unwrap());
}

#[test]
fn one_that_is_there_twice_is_there_once() {
    let once = install_in("").unwrap();
    let list = "\"Stop\": [";
    let hook = r#"{"hooks": [{"type": "command", "command": "/bin/callboard hook claude"}]},"#;
    let twice = once.replacen(list, &format!("{list}\n      {hook}"), 1);
    assert_eq!(events(&twice).len(), 3);
    assert_eq!(events(&install_in(&twice).unwrap()), both("/bin/callboard"));
    assert_eq!(events(&uninstall(&twice, Form::Groups, "claude").unwrap()), []);
}

/// A group that somebody put more into keeps that.
#[test]
fn what_was_added_to_our_group_stays() {
    let text = r#"{"hooks":{"Stop":[{"hooks":[{"type":"command","command":"/bin/callboard hook claude"},{"type":"command","command":"x"}]},{"once":true,"hooks":[{"command":"/bin/callboard hook claude"}]}]}}"#;
    let after = uninstall(text, Form::Groups, "claude").unwrap();
    assert_eq!(
        value_of(&after).unwrap(),
        json!({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": "x"}]}, {"once": true, "hooks": []}]}})
    );
}

#[test]
fn the_flat_form() {
    let wanted =
        [Wanted { event: "stop", hook: vec![("command", json!("/bin/callboard hook cursor"))] }];
    let before = "{\n  \"version\": 1,\n  \"hooks\": {\n    \"stop\": [\n      { \"command\": \"x\" }\n    ]\n  }\n}\n";
    let after = install(before, Form::Flat, "cursor", &wanted).unwrap();
    assert_eq!(found(&after, Form::Flat, "cursor").unwrap().len(), 1);
    assert_eq!(uninstall(&after, Form::Flat, "cursor").unwrap(), before);
    let new = install("", Form::Flat, "cursor", &wanted).unwrap();
    assert!(new.starts_with("{\n  \"version\": 1,\n  \"hooks\": {"), "{new}");
}

#[test]
fn which_commands_are_ours() {
    let ours = |hook: serde_json::Value| program(&hook, "claude").map(|p| p.display().to_string());
    let cases = [
        (json!({"command": "/a/callboard", "args": ["hook", "claude"]}), Some("/a/callboard")),
        (json!({"command": "/a/callboard hook claude"}), Some("/a/callboard")),
        (json!({"command": "'/a b/callboard' hook claude"}), Some("/a b/callboard")),
        (json!({"command": r"'/a'\''b/callboard' hook claude"}), Some("/a'b/callboard")),
        (json!({"command": "/a hook b/callboard hook claude"}), Some("/a hook b/callboard")),
        (json!({"bash": "/a/callboard hook claude Stop"}), Some("/a/callboard")),
        (json!({"command": "/a/callboard hook codex"}), None),
        (json!({"command": "/a/callboard", "args": ["hook", "codex"]}), None),
        (json!({"command": "/a/callboard", "args": ["ps"]}), None),
        (json!({"command": "/a/callboard ps"}), None),
        (json!({"command": "/a/my-callboard-thing hook claude"}), None),
        (json!({"command": "/a/other hook claude"}), None),
        (json!({"type": "prompt", "prompt": "callboard hook claude"}), None),
        (json!("callboard hook claude"), None),
        (json!(null), None),
    ];
    for (hook, expected) in cases {
        assert_eq!(ours(hook.clone()).as_deref(), expected, "{hook}");
    }
    for path in ["/a/callboard", "/a b/callboard", "/a'b/callboard", "/$HOME/`x`/callboard"] {
        let command = format!("{} hook claude", quoted(Path::new(path)).unwrap());
        assert_eq!(ours(json!({"command": command})).as_deref(), Some(path), "{command}");
    }
}

#[test]
fn what_cannot_be_edited_is_named_and_not_shown() {
    let cases = [
        ("{", Unfit::Malformed(1)),
        ("{\n\"a\": s3cret\n}", Unfit::Malformed(2)),
        ("{\"a\": 1 \"b\": 2}", Unfit::Malformed(1)),
        ("{'a': 1}", Unfit::Malformed(1)),
        ("{} {}", Unfit::Malformed(1)),
        ("[]", Unfit::Shape("it is not a JSON object")),
        ("\"s3cret\"", Unfit::Shape("it is not a JSON object")),
        ("{\"hooks\": []}", Unfit::Shape("its `hooks` is not an object")),
        ("{\"hooks\": null}", Unfit::Shape("its `hooks` is not an object")),
        ("{\"hooks\": {\"Stop\": {}}}", Unfit::Shape("an event in its `hooks` is not a list")),
    ];
    for (text, expected) in cases {
        let why = install_in(text).unwrap_err();
        assert_eq!(why, expected, "{text}");
        assert!(!why.to_string().contains("s3cret"));
        assert_eq!(uninstall(text, Form::Groups, "claude"), Err(expected), "{text}");
    }
}
