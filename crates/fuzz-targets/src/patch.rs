//! Patches, beside a plain account of what they mean.

use callboard::record::{FIELDS, MAX_RECORD_BYTES, Malformed, SessionRecord};
use serde_json::{Value, json};

use crate::NOW;
use crate::members::{Member, last_of_each, members};
use crate::outcome::Outcome;
use crate::wish::{BETWEEN, Changes, Wish, Wishes};

/// More updates than this in a row find nothing that fewer do not.
const MOST_UPDATES: usize = 8;

/// A record, and changes to it, one patch after the other: what comes out is what is read back,
/// has what was asked for, and all else as it was.
pub fn patch(data: &[u8]) {
    let mut parts = data.split(|byte| *byte == BETWEEN);
    let Ok(mut record) = SessionRecord::parse(parts.next().unwrap_or_default()) else { return };
    let parts: Vec<&[u8]> = parts.collect();
    // An empty change ends a patch.
    for changes in parts.split(|part| part.is_empty()).take(MOST_UPDATES) {
        let wishes = Wishes(changes.iter().filter_map(|change| Wish::read(change)).collect());
        if let Some(updated) = check_update(&record, &wishes) {
            record = updated;
        }
    }
}

/// Makes the change, and returns what may be written: nothing if the record has all that already,
/// or would be too long.
pub(crate) fn check_update(record: &SessionRecord, wishes: &Wishes) -> Option<SessionRecord> {
    let before = last_of_each(members(record.as_json()));
    let mut changes = wishes.changes(&before, NOW);
    // Whether two patches are one or one after the other is the same to the record.
    let updated = record.with(&wishes.patch(wishes.0.len()), NOW);
    if changes.is_empty() {
        assert_eq!(updated, None, "there is nothing to change");
        return None;
    }
    let updated = updated.expect("there is something to change");
    changes.insert("updatedAt".into(), Some(json!(NOW)));
    changes.insert("seq".into(), Some(json!(record.seq().unwrap_or(0).saturating_add(1))));
    let merged = record.with(&wishes.patch(wishes.0.len() / 2), NOW);
    check_members(&before, &changes, updated.as_json());
    if merges_plainly(wishes) {
        assert_eq!(merged.as_ref(), Some(&updated), "of two patches merged into one");
    }
    check_read_back(updated)
}

/// When something happened is said of what was said before it, in the same patch.
fn merges_plainly(wishes: &Wishes) -> bool {
    let about_activity = |wish: &&Wish| {
        matches!(wish, Wish::Status(..) | Wish::ClearStatus | Wish::StatusAt(_) | Wish::ByHook(_))
    };
    wishes.0.iter().filter(about_activity).count() <= 1
}

/// What is to become of a member, if anything.
fn wanted<'c>(changes: &'c Changes, member: &Member<'_>) -> Option<&'c Option<Value>> {
    changes.get(&member.name()?)
}

/// What was asked for is there, and all else stands as it stood, in its order.
fn check_members(before: &[Member<'_>], changes: &Changes, text: &str) {
    let after = members(text);
    for field in FIELDS {
        let times = after.iter().filter(|member| member.is(field.name)).count();
        assert!(times <= 1, "{} stands in it {times} times", field.name);
    }
    let after = last_of_each(after);
    let mut changed = 0;
    for member in &after {
        if let Some(wanted) = wanted(changes, member) {
            let wanted = wanted.as_ref().expect("what was removed is gone");
            assert_eq!(member.value, wanted.to_string(), "{:?}", member.key);
            changed += 1;
        }
    }
    assert_eq!(changed, changes.values().flatten().count(), "everything asked for is there");
    let kept = |member: &&Member<'_>| wanted(changes, member).is_none();
    let before: Vec<_> = before.iter().filter(kept).collect();
    let after: Vec<_> = after.iter().filter(kept).collect();
    assert_eq!(after, before, "the rest is as it was");
}

/// What an update leaves in memory is what a reader will read.
fn check_read_back(updated: SessionRecord) -> Option<SessionRecord> {
    let text = updated.as_json();
    serde_json::from_str::<serde::de::IgnoredAny>(text).expect("an update is JSON");
    let read = SessionRecord::parse(text.as_bytes());
    if text.len() > MAX_RECORD_BYTES {
        // Never written: `Error::TooLarge`.
        assert_eq!(read, Err(Malformed::TooLong(text.len())));
        return None;
    }
    let read = read.expect("an update is a record");
    assert_eq!(read, updated);
    assert_eq!(read.pid(), updated.pid());
    let outcome = Outcome::of(text, None);
    outcome.check(&read);
    outcome.check(&updated);
    Some(updated)
}
