//! Random names.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    let filled = rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty());
    if filled != Ok(N) {
        // Before 3.17, or under a filter that refuses the call. The names only have to differ,
        // nobody has to fail to guess them; std's hasher keys differ per process and per call.
        use std::hash::{BuildHasher, RandomState};
        for chunk in bytes.chunks_mut(8) {
            let word = RandomState::new().hash_one(std::process::id()).to_ne_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        _ = write!(text, "{byte:02x}");
    }
    text
}

/// 128 random bits in hex: names a registration.
pub(super) fn random_instance() -> String {
    hex(&random::<16>())
}

/// Names a temporary file: a number that starts at random in each process and counts on. Names of
/// two processes may meet (a forked child starts where its parent was); then the file is there
/// already, and the next number is tried.
pub(super) fn next_token() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    if NEXT.load(Ordering::Relaxed) == 0 {
        let start = u64::from_ne_bytes(random::<8>()) | 1;
        _ = NEXT.compare_exchange(0, start, Ordering::Relaxed, Ordering::Relaxed);
    }
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// 32 random bits: tells two records with one pid apart.
pub(super) fn random_suffix() -> u32 {
    u32::from_ne_bytes(random::<4>())
}

/// A random UUID (version 4, RFC 9562).
pub(super) fn random_uuid() -> String {
    let mut bytes = random::<16>();
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let text = hex(&bytes);
    format!("{}-{}-{}-{}-{}", &text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_and_have_their_form() {
        let uuid = random_uuid();
        assert_eq!(uuid.len(), 36);
        assert_eq!(&uuid[14..15], "4");
        assert!(matches!(&uuid[19..20], "8" | "9" | "a" | "b"), "{uuid}");
        assert_ne!(random_instance(), random_instance());
        assert_ne!(next_token(), next_token());
    }
}
