//! Codes of an authenticator app (RFC 6238): SHA-1, 30 s, 6 digits, which is
//! what the apps understand, one step before and after for clocks that are off.

use aws_lc_rs::hmac;
use chrono::{DateTime, Utc};

/// Seconds of a step.
const STEP: i64 = 30;
/// 160 bits (RFC 4226 §4 R6).
pub(super) const SEED: usize = 20;

/// The code of a step (RFC 4226 §5.3).
#[must_use]
pub fn code(seed: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
    let mac = hmac::sign(&key, &step.to_be_bytes());
    let mac = mac.as_ref();
    let at = usize::from(mac.last().copied().unwrap_or(0) & 0xf);
    let word = mac
        .get(at..at + 4)
        .and_then(|part| part.try_into().ok())
        .map_or(0, u32::from_be_bytes);
    format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
}

/// The step at a time.
#[must_use]
pub fn step_at(now: DateTime<Utc>) -> i64 {
    now.timestamp().div_euclid(STEP)
}

/// The step of a code, if it is one of the three that count now.
pub(super) fn step(seed: &[u8], typed: &str, now: DateTime<Utc>) -> Option<i64> {
    // As people copy it: "123 456".
    let typed: String = typed
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(7)
        .collect();
    let current = step_at(now);
    (current - 1..=current + 1).find(|step| {
        aws_lc_rs::constant_time::verify_slices_are_equal(
            code(seed, *step).as_bytes(),
            typed.as_bytes(),
        )
        .is_ok()
    })
}

/// Base32 (RFC 4648) without padding, as the apps take it.
pub(super) fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut word, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        word = (word << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(LETTERS[((word >> bits) & 31) as usize]));
        }
        word &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(LETTERS[((word << (5 - bits)) & 31) as usize]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    /// RFC 6238 appendix B, cut to six digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (at, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code(SEED, at / 30), expected);
        }
    }

    #[test]
    fn a_step_before_and_after_counts_and_no_other_one() {
        for (seconds, counts) in [
            (-60, false),
            (-30, true),
            (0, true),
            (30, true),
            (60, false),
        ] {
            let now = DateTime::from_timestamp(1_111_111_109 + seconds, 0).unwrap();
            assert_eq!(
                step(SEED, "081 804", now).is_some(),
                counts,
                "{seconds} s away"
            );
        }
    }

    #[test]
    fn a_seed_is_written_as_apps_read_it() {
        assert_eq!(base32(SEED), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(base32(b"foob"), "MZXW6YQ");
    }
}
