//! Codes of an authenticator app (RFC 6238): SHA-1, 30 s, 6 digits, which is
//! what the apps understand, one step before and after for clocks that are off.

use chrono::{DateTime, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use totp_rs::{Builder, Secret, Totp};

use crate::error::{DomainError, Result};

/// 160 bits (RFC 4226 §4 R6).
pub(crate) const SEED: usize = 20;
const URI: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A seed that waits for its first code.
#[derive(Debug)]
pub struct Enrolment {
    /// For typing, in base32.
    pub secret: SecretString,
    /// For the QR code.
    pub uri: SecretString,
}

impl Enrolment {
    /// As the apps take it; the issuer stands in the app beside the code.
    pub(crate) fn of(seed: &[u8], issuer: &str, login_id: &str) -> Self {
        let secret = Secret::from(seed.to_vec()).to_base32();
        let issuer = utf8_percent_encode(issuer, URI);
        let label = utf8_percent_encode(login_id, URI);
        let uri = format!("otpauth://totp/{issuer}:{label}?secret={secret}&issuer={issuer}");
        Self {
            secret: secret.into(),
            uri: uri.into(),
        }
    }
}

fn totp(seed: Vec<u8>) -> Result<Totp> {
    Builder::new()
        .with_secret(Secret::from(seed))
        .build()
        .map_err(DomainError::internal)
}

/// The step of a code, if it is one of the three that count now.
pub(crate) fn step(seed: Vec<u8>, code: &str, now: DateTime<Utc>) -> Result<Option<i64>> {
    // Also as people copy it ("123 456"), and as a Japanese keyboard may write it.
    let code: String = code
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c {
            '０'..='９' => char::from(b'0' + u8::try_from(c as u32 - '０' as u32).unwrap_or(0)),
            c => c,
        })
        .take(7)
        .collect();
    let is_code = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    let Some(time) = u64::try_from(now.timestamp()).ok().filter(|_| is_code) else {
        return Ok(None);
    };
    let found = totp(seed)?.check(&code, time);
    Ok(found.and_then(|step| i64::try_from(step).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238 appendix B, cut to six digits.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        let seed = b"12345678901234567890".to_vec();
        for (at, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_234_567_890, "005924"),
            (20_000_000_000, "353130"),
        ] {
            let now = DateTime::from_timestamp(at, 0).unwrap();
            assert_eq!(step(seed.clone(), code, now).unwrap(), Some(at / 30));
        }
    }

    #[test]
    fn a_step_before_and_after_counts_and_no_other_one() {
        let seed = b"12345678901234567890".to_vec();
        let at = |seconds: i64| DateTime::from_timestamp(1_111_111_109 + seconds, 0).unwrap();
        for (seconds, counts) in [(-60, false), (-30, true), (30, true), (60, false)] {
            let found = step(seed.clone(), "081804", at(seconds)).unwrap();
            assert_eq!(found.is_some(), counts, "{seconds} s away");
        }
    }

    #[test]
    fn a_code_is_taken_as_people_write_it_and_nothing_else_is() {
        let seed = b"12345678901234567890".to_vec();
        let now = DateTime::from_timestamp(1_111_111_109, 0).unwrap();
        for good in ["081 804", "０８１８０４", "081-804"] {
            assert!(step(seed.clone(), good, now).unwrap().is_some(), "{good}");
        }
        for bad in [
            "",
            "81804",
            "0818041",
            "08180a",
            "０８１８０４１",
            "\u{0}081804",
        ] {
            assert!(step(seed.clone(), bad, now).unwrap().is_none(), "{bad}");
        }
    }
}
