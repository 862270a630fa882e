//! Names that differ. Nobody has to fail to guess them.

use std::hash::{BuildHasher, RandomState};

/// 32 random bits.
pub(crate) fn word() -> u32 {
    let mut bytes = [0_u8; 4];
    let filled = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    if filled != Ok(bytes.len()) {
        // Under a filter that refuses the call; std's keys differ per process and per call.
        bytes.copy_from_slice(&RandomState::new().hash_one(std::process::id()).to_ne_bytes()[..4]);
    }
    u32::from_ne_bytes(bytes)
}
