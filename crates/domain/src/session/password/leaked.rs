//! Passwords that are known from leaks, looked up without asking anybody: the
//! million most frequent ones, packed by `scripts/leaked-passwords`.

use std::sync::LazyLock;

use crate::secret::sha256;

/// What it is made of, and how often it is wrong: docs/decisions/0039.
static FILE: &[u8] = include_bytes!("leaked.bin");
const MAGIC: &[u8; 8] = b"KBLEAK01";
const BUCKETS: usize = 65_536;
const HEAD: usize = MAGIC.len() + 4;

/// Where each bucket begins, counted in entries; one more at the end.
static STARTS: LazyLock<Vec<usize>> = LazyLock::new(|| {
    let counts = FILE.get(HEAD..HEAD + BUCKETS).unwrap_or_default();
    let mut starts = Vec::with_capacity(BUCKETS + 1);
    let mut sum = 0;
    starts.push(sum);
    for count in counts {
        sum += usize::from(*count);
        starts.push(sum);
    }
    starts
});

/// Whether the password, in whatever case, is a leaked one. One of 4,000
/// others is taken for one too.
pub(super) fn is_leaked(password: &str) -> bool {
    let hash = sha256(password.to_ascii_lowercase().as_bytes());
    let bucket = usize::from(u16::from_be_bytes([hash[0], hash[1]]));
    let (Some(from), Some(until)) = (STARTS.get(bucket), STARTS.get(bucket + 1)) else {
        return false;
    };
    let entries = HEAD + BUCKETS;
    FILE.get(entries + from * 2..entries + until * 2)
        .unwrap_or_default()
        .chunks_exact(2)
        .any(|entry| entry == &hash[2..4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_whole() {
        assert_eq!(&FILE[..8], MAGIC);
        let n = u32::from_be_bytes(FILE[8..12].try_into().unwrap());
        assert!(n > 900_000, "{n} entries");
        assert_eq!(STARTS.len(), BUCKETS + 1);
        assert_eq!(STARTS[BUCKETS], n as usize);
        assert_eq!(FILE.len(), HEAD + BUCKETS + 2 * n as usize);
    }

    #[test]
    fn leaked_passwords_are_found_in_any_case() {
        for password in [
            "123456",
            "password",
            "1q2w3e4r5t6y",
            "qazwsxedc123",
            "QWERTY123456",
            "Sonyericsson",
        ] {
            assert!(is_leaked(password), "{password}");
        }
    }

    #[test]
    fn hardly_anything_else_is_taken_for_one() {
        let wrong = (0..100_000)
            .filter(|i| is_leaked(&format!("no one ever leaked this {i}")))
            .count();
        // 0.023 % are expected: 23.
        assert!(wrong < 60, "{wrong} of 100,000");
    }
}
