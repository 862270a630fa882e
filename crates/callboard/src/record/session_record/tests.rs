use super::*;
use proptest::prelude::*;

const CLAUDE: &str = r#"{"pid":22875,"sessionId":"12901c78","cwd":"/home/dev/project","startedAt":1795239552076,"procStart":"750407","version":"2.1.329","peerProtocol":1,"peerFeatures":["notify_idle"],"asksForConvertedSkills":null,"name":"project-c2","status":"waiting","updatedAt":1795239570805,"waitingFor":"permission prompt"}"#;

fn parse(text: &str) -> SessionRecord {
    SessionRecord::parse(text.as_bytes()).unwrap()
}

#[test]
fn an_update_keeps_what_it_does_not_understand_where_it_stands() {
    let record = parse(CLAUDE);
    let patch = Patch::new().status(Status::Busy, None).name("new \"name\"\u{1b}");
    let updated = record.with(&patch, 1_795_239_580_000).unwrap();
    assert_eq!(
        updated.as_json(),
        r#"{"pid":22875,"sessionId":"12901c78","cwd":"/home/dev/project","startedAt":1795239552076,"procStart":"750407","version":"2.1.329","peerProtocol":1,"peerFeatures":["notify_idle"],"asksForConvertedSkills":null,"name":"new \"name\"\u001b","status":"busy","updatedAt":1795239580000,"statusUpdatedAt":1795239580000,"reached":"busy 1","seq":1}"#
    );
    assert_eq!(parse(updated.as_json()).as_json(), updated.as_json());
    assert_eq!(updated.name().as_deref(), Some("new \"name\"\u{1b}"));
    assert_eq!(updated.waiting_for(), None);
}

#[test]
fn numbers_and_unknown_values_keep_their_digits() {
    let text = r#"{"pid":7,"big":123456789012345678901234567890,"tiny":1.50e-400,"deep":[[[{"é":"\u00e9"}]]],"Über":"x"}"#;
    let updated = parse(text).with(&Patch::new().name("n"), 5).unwrap();
    for kept in [
        r#""big":123456789012345678901234567890"#,
        r#""tiny":1.50e-400"#,
        r#""deep":[[[{"é":"\u00e9"}]]]"#,
        r#""Über":"x""#,
    ] {
        assert!(updated.as_json().contains(kept), "{kept} in {}", updated.as_json());
    }
}

#[test]
fn the_last_of_a_repeated_key_counts_and_survives() {
    let record = parse(r#"{"pid":7,"name":"a","x":1,"name":"b","\u006eame":"c","x":2}"#);
    assert_eq!(record.name().as_deref(), Some("c"));
    assert_eq!(record.raw("x"), Some("2"));
    let updated = record.with(&Patch::new().cwd("/w"), 5).unwrap();
    assert_eq!(updated.name().as_deref(), Some("c"));
    assert_eq!(updated.raw("x"), Some("2"));
    let renamed = record.with(&Patch::new().name("d"), 5).unwrap();
    assert_eq!(renamed.name().as_deref(), Some("d"));
}

#[test]
fn half_a_sign_in_a_string_hides_no_session() {
    let text = r#"{"pid":7,"name":"fix \ud83d","cwd":"/\udcff\u00e9","\ud800":1,"\udfff":2,"x":["\ud800"]}"#;
    let record = parse(text);
    assert_eq!(record.name().as_deref(), Some("fix \u{fffd}"));
    assert_eq!(record.cwd().as_deref(), Some("/\u{fffd}\u{e9}"));
    assert_eq!(record.faults(0), []);
    // Two keys that are no text are two keys.
    let updated = record.with(&Patch::new().cwd("/").text(Key::Name, None), 5).unwrap();
    assert_eq!(
        updated.as_json(),
        r#"{"pid":7,"cwd":"/","\ud800":1,"\udfff":2,"x":["\ud800"],"updatedAt":5,"seq":1}"#
    );
    for broken in [r#"{"pid":7,"name":"\ud8"}"#, r#"{"pid":7,"name":"\ud83d\x"}"#] {
        assert!(SessionRecord::parse(broken.as_bytes()).is_err(), "{broken}");
    }
}

#[test]
fn a_value_of_the_wrong_shape_is_a_fault_before_it_is_read_back() {
    let record = parse(r#"{"pid":7,"name":"n","startedAt":1}"#);
    let patches = [
        Patch::new().number(Key::Name, Some(5)),
        Patch::new().text(Key::StartedAt, Some("then")),
        Patch::new().number(Key::StartedAt, Some(u64::MAX)),
        Patch::new().status(Status::Busy, None).status_at(u64::MAX),
    ];
    for patch in patches {
        let updated = record.with(&patch, 5).unwrap();
        assert_eq!(updated.faults(5).len(), 1, "{patch:?}");
        assert_eq!(updated.faults(5), parse(updated.as_json()).faults(5), "{patch:?}");
    }
}

/// A minute and more where each key is compared with each later one, and the runner ends it.
#[test]
fn a_record_of_thousands_of_keys_holds_up_nobody() {
    let mut text = "{\"pid\":7".to_owned();
    for key in 0..6_000 {
        text += &format!(",\"\\n{key}\":0");
    }
    let mut record = parse(&(text + "}"));
    for update in 1..=8 {
        record = record.with(&Patch::new().extra("\n5", Some(&update.into())), 5).unwrap();
    }
    assert_eq!(record.raw("\n5"), Some("8"));
    assert_eq!(record.raw("\n5999"), Some("0"));
}

#[test]
fn faults_are_named_and_the_rest_is_read() {
    let record = parse(
        "{\"pid\":7,\"name\":5,\"startedAt\":-3,\"updatedAt\":253402300799999,\"cwd\":\"/w\"}\0\0",
    );
    let faults: Vec<String> = record.faults(1_000).iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "startedAt has the wrong type or range and is ignored",
            "name has the wrong type or range and is ignored",
            "more text follows the record at byte 72 and is ignored",
            "updatedAt is in the future",
        ]
    );
    assert_eq!(record.cwd().as_deref(), Some("/w"));
    assert_eq!(record.started_at(), None);
}

#[test]
fn rubbish_after_a_good_record_does_not_hide_it() {
    let mut bytes = CLAUDE.as_bytes().to_vec();
    bytes.extend([0xff, 0xfe]);
    let record = SessionRecord::parse(&bytes).unwrap();
    assert_eq!(record.as_json(), CLAUDE);
    assert_eq!(record.faults(u64::MAX).len(), 1);
    assert_eq!(SessionRecord::parse(b"{\"pid\xff"), Err(Malformed::NotUtf8(5)));
}

#[test]
fn a_pid_is_what_makes_a_record() {
    for text in ["{}", r#"{"pid":null}"#, r#"{"pid":-4}"#, r#"{"pid":0}"#, r#"{"pid":4.0}"#] {
        assert_eq!(SessionRecord::parse(text.as_bytes()), Err(Malformed::NoPid), "{text}");
    }
}

/// Values of every form, in any order, with white space and unknown keys between them.
fn some_record() -> impl Strategy<Value = String> {
    let member = prop_oneof![
        Just(r#""name":"n""#),
        Just(r#""name" : "é\u0041""#),
        Just(r#""status":"busy""#),
        Just(r#""status": null"#),
        Just(r#""waitingFor":"you""#),
        Just(r#""seq":7"#),
        Just(r#""updatedAt":1795239570805"#),
        Just(r#""theirs":{"a":[1,"}"]}"#),
        Just(r#""x":1e400"#),
        Just(r#""cwd":"/w""#),
        Just(r#""\u0078":2"#),
    ];
    proptest::collection::vec((member, prop_oneof![Just(""), Just(" "), Just("\n\t")]), 0..10)
        .prop_map(|members| {
            let mut text = "{\"pid\":7".to_owned();
            members.iter().for_each(|(member, space)| text += &format!("{space},{space}{member}"));
            text + " }\n"
        })
}

fn some_patch() -> impl Strategy<Value = Patch> {
    prop_oneof![
        ("[ -~é]{1,9}", any::<bool>()).prop_map(|(name, wait)| {
            let waiting = wait.then_some("a \"look\"");
            Patch::new().name(&name).status(Status::Waiting, waiting)
        }),
        Just(Patch::new().status(Status::Idle, None)),
        Just(Patch::new().text(Key::Name, None)),
        Just(Patch::new().cwd("").number(Key::LockIno, Some(u64::MAX))),
        Just(Patch::new().extra("theirs", None)),
        Just(Patch::new().extra("x", Some(&serde_json::json!({"y": [1]})))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    /// The index that an update makes is the one that a reader will make of its text, and
    /// nothing that it was not to change has changed.
    #[test]
    fn an_update_is_what_a_reader_reads(
        text in some_record(),
        patches in proptest::collection::vec(some_patch(), 1..5),
    ) {
        let mut record = parse(&text);
        for (step, patch) in patches.iter().enumerate() {
            let Some(updated) = record.with(patch, 1_000 + step as u64) else { continue };
            let read = parse(updated.as_json());
            serde_json::from_str::<serde::de::IgnoredAny>(updated.as_json()).unwrap();
            let changes = patch.resolve(&record, 1_000 + step as u64);
            for field in FIELDS {
                prop_assert_eq!(updated.raw(field.name), read.raw(field.name), "{}", field.name);
                let stamped = matches!(field.key, Key::Seq | Key::UpdatedAt);
                if !stamped && changes.iter().all(|change| change.name != field.name) {
                    prop_assert_eq!(updated.raw(field.name), record.raw(field.name));
                }
            }
            for change in &changes {
                prop_assert_eq!(updated.raw(&change.name), change.value.as_deref());
            }
            record = updated;
        }
    }
}

#[test]
fn what_differs_between_two_records_by_case() {
    let record = |rest: &str| parse(&format!("{{\"pid\":1{rest}}}"));
    for (before, now, expected) in [
        ("", "", &[][..]),
        (r#","status":"busy""#, r#","status":"idle""#, &["status"]),
        // Where a key stands, and what every write may change, is nothing.
        (r#","a":1,"status":"busy","b":2"#, r#","b":2,"status":"busy","a":1"#, &[]),
        (r#","updatedAt":1,"seq":1"#, r#","updatedAt":2,"seq":2"#, &[]),
        // In the order of the later record, and then what it has no longer, in the earlier's.
        (r#","z":1,"y":1,"x":1"#, r#","b":1,"x":2,"a":1"#, &["b", "x", "a", "z", "y"]),
        // The last of a key that stands twice is what is read.
        (r#","a":1,"a":2"#, r#","a":2"#, &[]),
        (r#","a":1,"a":2"#, r#","a":3,"a":1"#, &["a"]),
        (r#","a":1,"a":2"#, "", &["a"]),
        // However it is written.
        (r#","name":"x""#, r#","na\u006de":"x""#, &[]),
        (r#","\u0061":1"#, r#","a":2"#, &["a"]),
        // A status that came and went.
        (
            r#","status":"idle","reached":"idle 1""#,
            r#","status":"idle","reached":"idle 1 busy 2""#,
            &["status"],
        ),
    ] {
        assert_eq!(record(now).differences(&record(before)), expected, "{before} -> {now}");
    }
    let many = |value: u32| {
        let keys = (0..3_000).map(|key| format!(",\"k{key}\":{value}"));
        record(&keys.collect::<String>())
    };
    assert_eq!(many(1).differences(&many(2)).len(), 3_000);
    assert_eq!(many(1).differences(&many(1)), [""; 0]);
}
