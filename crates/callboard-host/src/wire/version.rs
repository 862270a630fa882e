//! Which protocol two ends speak.

/// The protocol that this version speaks. Members and messages are added without a new number; one
/// is needed where an old end would misunderstand.
pub(crate) const PROTO: u32 = 1;

/// The oldest that it still speaks: at most two below [`PROTO`], for hosts live for weeks.
pub(crate) const OLDEST: u32 = 1;

/// What one end says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Speaks {
    pub(crate) proto: u32,
    pub(crate) oldest: u32,
}

/// This end.
pub(crate) const OURS: Speaks = Speaks { proto: PROTO, oldest: OLDEST };

/// The protocol that both speak, if there is one.
pub(crate) fn agree(ours: Speaks, theirs: Speaks) -> Option<u32> {
    let common = ours.proto.min(theirs.proto);
    (common >= ours.oldest && common >= theirs.oldest).then_some(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_of_the_two_if_both_still_speak_it() {
        for ((proto, oldest), (theirs, their_oldest), common) in [
            ((1, 1), (1, 1), Some(1)),
            ((3, 1), (1, 1), Some(1)),
            ((1, 1), (3, 1), Some(1)),
            ((5, 3), (3, 1), Some(3)),
            ((5, 3), (2, 1), None),
            ((2, 1), (5, 3), None),
            ((1, 1), (0, 0), None),
        ] {
            let ours = Speaks { proto, oldest };
            let theirs = Speaks { proto: theirs, oldest: their_oldest };
            assert_eq!(agree(ours, theirs), common, "{ours:?} {theirs:?}");
            assert_eq!(agree(theirs, ours), common, "the other way round");
        }
        // A host of two versions ago, of those that there were.
        let ago = OURS.proto.saturating_sub(2);
        let old = if ago == 0 { OURS.oldest } else { ago };
        assert_eq!(agree(OURS, Speaks { proto: old, oldest: old }), Some(old));
    }
}
